// SPDX-License-Identifier: Apache-2.0
// The program of a process plugin: a child process under a guard of its own, spoken to by JSON lines.
// The host calls, the program answers each call; what a line means is strategy.c's and estimator.c's.
// Everything that a program can do wrong has its words here, and nothing of it outlives program_end.
//
//   this process ---- guard (`espalier plugin-guard`) ---- program ---- whatever it starts
#ifndef PROCESS_PLUGIN_PROGRAM_H
#define PROCESS_PLUGIN_PROGRAM_H

#include "error/error.h"

#include <jansson.h>

// Of the protocol; docs/process-plugins.md.
#define PROGRAM_PROTOCOL 1

struct program;

struct program_start {
    const char *const *command; // words, NULL-terminated
    const char *folder;         // where it runs
    const char *name;           // "strategy/optuna_tpe", for its lines in the log
    double time_limit;          // seconds that an answer may take
};

// Starts it and changes version lines. What `start` holds outlives the program.
esp_status program_begin(struct program **out, const struct program_start *start,
                         struct error *error);

// Sends a call: an object (stolen; NULL: out of memory), which gets its "id".
esp_status program_call(struct program *program, json_t *call, struct error *error);
// The next line that answers the last call. `seconds`: how long it may take; 0: any time. `*out`: the
// caller's.
esp_status program_answer(json_t **out, struct program *program, double seconds,
                          struct error *error);
// A line of a program as the object that it has to be, whatever bytes it holds; `calling` is for words.
// `*out`: the caller's; NULL after a failure.
esp_status program_parse(json_t **out, const char *line, size_t size, const char *calling,
                         struct error *error);
// Both, within the time limit.
esp_status program_ask(json_t **out, struct program *program, json_t *call, struct error *error);

// False once anything went wrong: it is ended then, and no call reaches it.
bool program_serves(const struct program *program);
// An answer that makes no sense is its end, too. Answers `error`'s status.
esp_status program_give_up(struct program *program, struct error *error);

// Closes its input, upon which it should end by itself; else it is ended by force, which is told in the
// log. NULL is allowed.
void program_end(struct program *program);

// The guard's side: `espalier plugin-guard COMMAND ...`. Does not return but with an exit status.
int program_guard_main(char **command);

#endif
