// SPDX-License-Identifier: Apache-2.0
// The guard of a worker: a process between the executor and the worker, in which no foreign code
// runs. It sees to it that nothing outlives the worker: what a plugin forked, even into sessions of
// its own, comes to the guard when its parent ends (PR_SET_CHILD_SUBREAPER), is killed there and
// reaped. It dies with the executor's process, and the worker with it.
//
//   executor's process ---- guard ---- worker ---- whatever plugins start
//
// To whoever started it the guard is the worker: it ends with the worker's exit status or by the
// worker's signal. SIGTERM to the guard ends the worker (by SIGKILL) and all that is below it. GUARD_PAUSE,
// queued with GUARD_STOP, stops the worker's process group, with GUARD_GO_ON lets it go on, with
// GUARD_ASK sends it SIGTERM: in the order in which they were sent.
#ifndef EXECUTE_GUARD_H
#define EXECUTE_GUARD_H

#include "error/error.h"

#include <signal.h>

#define GUARD_PAUSE SIGRTMIN
enum { GUARD_GO_ON = 0, GUARD_STOP = 1, GUARD_ASK = 2 };

// Forks. Returns in the child alone, which is to become the worker, in a process group of its own;
// the parent stays inside as the guard until it ends. Standard input tells whether the executor is
// still there. To be called before anything else is: no plugin loaded, no thread started. `left`: what
// the guard writes to standard error where it had to end anything that outlived the worker; or NULL.
esp_status guard_begin(const char *left, struct error *error);

#endif
