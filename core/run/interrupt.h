// SPDX-License-Identifier: Apache-2.0
// Ctrl-C and SIGTERM while a run goes on. The first one asks the loop to end where it can be resumed;
// a second one ends the program at once, with status 130: a plugin that hangs in the coordinator
// lets nothing else through, and what is committed is safe.
#ifndef RUN_INTERRUPT_H
#define RUN_INTERRUPT_H

#include "error/error.h"

#include <uv.h>

// Until interrupt_close the first signal sets `*flag` and stops the loop. One at a time in a process;
// both outlive it. The handle keeps no loop going.
esp_status interrupt_open(uv_loop_t *loop, bool *flag, struct error *error);

// Gives the signals back to who had them. The loop runs once more before it is closed.
void interrupt_close(void);

#endif
