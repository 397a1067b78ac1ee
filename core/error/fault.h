// SPDX-License-Identifier: Apache-2.0
// Named points where state changes hands. A test sets ESPALIER_FAULT=<point>[:n], and the process is
// killed (SIGKILL) at its n-th passage: what must survive a kill is killed there. Without the
// variable a point costs one comparison. With ESPALIER_FAULT_ONCE=<path> the process that makes that
// file is the only one killed: for workers, which are started again.
#ifndef ERROR_FAULT_H
#define ERROR_FAULT_H

// The points: submit-before, submit-after, tell, commit-before, commit-after, rename-before,
// rename-after, quiet-granted; of a sweep move-before, move-after (a run's rows to another store),
// collect-before, collect-after (its own store removed); in the process that evaluates also
// checkpoint-before, checkpoint-written, checkpoint-after; in a worker also quiet, result-before,
// result-after. ESPALIER_FAULT_WORKER is heeded in workers alone, ESPALIER_FAULT in all other processes.
void fault_point(const char *point);

// Says that this process is a worker.
void fault_in_worker(void);

#endif
