// SPDX-License-Identifier: Apache-2.0
// One worker process of the executor `local`, through libuv: its start, frames in and out, the lines
// of its standard error, its end. What frames and ends mean is local.c's.
#ifndef EXECUTE_PROCESS_H
#define EXECUTE_PROCESS_H

#include "error/error.h"

#include <uv.h>

// The longest line of standard error that is given out whole.
#define PROCESS_LINE_SIZE 512

struct process;

// Called from the loop. After `ended` the process is gone for the owner; memory and handles go when
// the loop runs again.
struct process_events {
    // One whole frame. `bytes` live for the call.
    void (*frame)(void *owner, const char *bytes, size_t size);
    // A line of standard error: printable, no newline.
    void (*line)(void *owner, const char *line);
    // What it says is no frame. Nothing more is read.
    void (*garbage)(void *owner);
    // Its channel is closed, and most likely the process is about to end.
    void (*closed)(void *owner);
    // It has ended: everything that it wrote was given out. `number`: the signal, or 0.
    void (*ended)(void *owner, int64_t exit_status, int number);
};

// Starts `command` (NULL-terminated) in a process group of its own. `owner` is given to the events.
esp_status process_start(struct process **out, uv_loop_t *loop, const char *const *command,
                         const struct process_events *events, void *owner, struct error *error);
// Sends bytes, a prefix and its frame, which are copied. false: it cannot be written to.
bool process_send(struct process *process, const char *bytes, size_t size);
// Closes its standard input, upon which a worker ends by itself.
void process_close_input(struct process *process);
// Asks its guard to end it, at once and with all that it started. Frames are no longer given out.
void process_end(struct process *process);
// Tells its guard to stop it, or to let it go on. One that is being ended need not go on first.
void process_pause(struct process *process, bool pause);
// The last resort, for one that did not end: kills the process group.
void process_kill(struct process *process);

#endif
