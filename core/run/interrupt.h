// SPDX-License-Identifier: Apache-2.0
// Ctrl-C and SIGTERM while a run goes on, which can be resumed whatever comes:
//   the first Ctrl-C     no trial is begun any more, those that run come to their end
//   the second, SIGTERM  the run stops now
//   a further one        the program ends at once, with status 130. So does the second one where a plugin
//                        hangs in the coordinator and lets nothing else through.
#ifndef RUN_INTERRUPT_H
#define RUN_INTERRUPT_H

#include "error/error.h"

#include <stdbool.h>
#include <uv.h>

struct interrupt {
    bool finish; // begin nothing more
    bool stop;   // end now; `finish` is set too
};

// Until interrupt_close a signal sets members of `*interrupt` and stops the loop. One at a time in a
// process; both outlive it. The handle keeps no loop going.
esp_status interrupt_open(uv_loop_t *loop, struct interrupt *interrupt, struct error *error);

// Gives the signals back to who had them. The loop runs once more before it is closed.
void interrupt_close(void);

#endif
