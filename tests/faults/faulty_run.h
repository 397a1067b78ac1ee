// SPDX-License-Identifier: Apache-2.0
// Runs with plugins that misbehave.
#ifndef FAULTS_FAULTY_RUN_H
#define FAULTS_FAULTY_RUN_H

#include "support/command.h"

// A temporary folder with a small configuration: the space chain with depths 1 to 3, random search, the
// estimator faulty, 8 trials, 2 workers, 1 s without progress, 300 MiB. Processes are adopted.
void faulty_begin(void);
void faulty_end(void);

// `espalier run` into <folder>/<name> with more arguments (NULL-terminated) and environment (NULL = none).
// Owner of the result: the caller (command_free).
struct command_result faulty_run(const char *name, const char *const *arguments,
                                 const char *const *environment);
// The path <folder>/<name>; lives until the next call.
const char *faulty_path(const char *name);
const char *faulty_config(void);

// Runs, expects the status 0 and no process left, and tells good trials from bad ones by `is_bad`: the
// good are done, the bad are in `state` with `reason` (NULL: any) in their words. Some are either.
void faulty_check(const char *name, const char *const *arguments, int (*is_bad)(json_t *trial),
                  const char *state, const char *reason);

// Trials of three decisions, upon which `estimator.when=3` strikes.
int faulty_has_three_decisions(json_t *trial);

#endif
