// SPDX-License-Identifier: Apache-2.0
// A worker for cases of executors: it speaks as `espalier worker` does, and answers each specification with
// itself. `espalier check-worker FOLDER` starts it.
#ifndef CHECK_ECHO_WORKER_H
#define CHECK_ECHO_WORKER_H

// While it works on a job a file of its own stands in `folder`, so that others can be counted. A
// specification that holds "crash" ends it by a signal, "slow" makes it wait.
int echo_worker_main(const char *folder);

#endif
