// SPDX-License-Identifier: Apache-2.0
// The executors that are part of the program, and the worker that they talk to. Specifications and
// results cross as bytes: JSON text of evaluate/specification.h inside length-prefixed frames.
#ifndef EXECUTE_EXECUTE_H
#define EXECUTE_EXECUTE_H

#include "config/experiment.h"
#include "evaluate/session.h"

#include <espalier/executor.h>

// Persistent worker processes on this machine, through libuv in a loop of its own whose descriptor
// and time-out the coordinator's loop waits on.
const esp_executor_type *executor_local(void);

// In the coordinator itself, one after another: for debugging, and where processes are unwanted.
// submit queues; each poll evaluates one job.
const esp_executor_type *executor_inline(void);

// What the coordinator lends an executor.
struct jobs;
esp_status jobs_create(struct jobs **out, const struct experiment *experiment,
                       struct session *session, const char *run_folder, struct error *error);
void jobs_destroy(struct jobs *jobs);
esp_jobs *jobs_handle(struct jobs *jobs);

// Writes <run_folder>/worker.json, all that a worker needs besides specifications: the resolved
// configuration and the id, path and SHA-256 of each plugin. Whole or not at all. Workers of an
// earlier coordinator of this folder, which was killed, are waited for: they die with it.
esp_status worker_file_write(const char *run_folder, const struct experiment *experiment,
                             struct error *error);

// The body of `espalier worker <run_folder>`: reads frames of specifications from standard input and
// answers frames on standard output (a plugin that reads or prints gets an empty input and standard
// error, and breaks nothing):
//   {"worker": {"pid": p}}                           first; there is a guard between (guard.h)
//   {"ready": true}                                  when all is loaded: it takes specifications
//   {"taken": true}                                  a specification was read: it is its from now on
//   {"progress": {"step": s, "metrics": {...}}}      any number of them
//   {"log": {"level": l, "message": "..."}}          any number of them
//   {"result": {...}}                                one a specification
// Where the executor pauses workers (`pauses`; `espalier worker --pauses`), also
//   {"quiet": true}                                  it is about to measure: it waits for the same frame
//                                                    as an answer, given when the others stand still
//   {"quiet": false}                                 it has measured: the others may go on
// Ends when standard input does, and with its coordinator.
int worker_main(const char *run_folder, bool pauses);

// Evaluates a specification given as JSON text and answers the result frame's JSON text. Owner: the
// caller (free).
esp_status execute_specification(struct session *session, const char *text, size_t size,
                                 progress_function progress, void *progress_self, char **out,
                                 size_t *out_size, struct error *error);

#endif
