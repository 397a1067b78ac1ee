// SPDX-License-Identifier: Apache-2.0
// The process of a program, under a guard: its start, lines in and out with limits of time and size,
// its end. Its standard error goes to the log, line by line. Whoever waits here reads both of its
// outputs, so that neither side can wait for the other for ever.
#ifndef PROCESS_PLUGIN_CHILD_H
#define PROCESS_PLUGIN_CHILD_H

#include "error/error.h"

// The longest line that is taken, as of workers (ANSWER_MOST of execute/frames.h): as JSON in memory one
// takes up to some fifty times its bytes.
#define CHILD_LINE_MOST (1 << 20)

#define CHILD_WORDS_SIZE 384

// The guard's words, among the program's own, on processes that outlived the program.
#define CHILD_LEFT "processes that it left behind were ended"

struct child;

enum child_state {
    CHILD_READY,
    CHILD_ENDED, // it ended, or closed its output
    CHILD_LATE,  // nothing came in time
    CHILD_DEAF,  // what was written was not read in time
    CHILD_FLOOD, // a line longer than CHILD_LINE_MOST
    CHILD_NO_MEMORY
};

// `name` is lent, for the log.
esp_status child_start(struct child **out, const char *const *command, const char *folder,
                       const char *name, struct error *error);

enum child_state child_write(struct child *child, const char *bytes, size_t size, double seconds);
// `*line`: `*size` bytes without its end, and a zero, until the next call. `seconds`: 0 for any time.
enum child_state child_read(struct child *child, const char **line, size_t *size, double seconds);
// Is there anything unread of what it wrote? Then `*text` is what there is, up to an end of line.
bool child_early(struct child *child, const char **text);

// "ended with status 3 (its last words: ...)", "died of signal 11 (Segmentation fault)", or "closed its
// output": after CHILD_ENDED.
void child_end_words(char words[CHILD_WORDS_SIZE], struct child *child);

// Ends it at once, with all that it started.
void child_kill(struct child *child);
// Lets it end by itself, ends it by force where it does not, and frees. NULL is allowed.
void child_end(struct child *child);

#endif
