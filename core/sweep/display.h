// SPDX-License-Identifier: Apache-2.0
// What a person sees while a sweep goes on, on standard error: one line that changes on a terminal, and
// elsewhere a line a finished run.
#ifndef SWEEP_DISPLAY_H
#define SWEEP_DISPLAY_H

#include "sweep/sweep.h"
#include "text/duration.h"

struct display {
    bool quiet, terminal, drawn;
    double last; // when the line was drawn, monotonic seconds
};

void display_open(struct display *display, bool quiet);
void display_close(struct display *display);
// A run is done or has failed.
void display_ended(struct display *display, const struct sweep *sweep, const struct sweep_run *run);
// The line of the terminal. `active`: how many runs go on.
void display_update(struct display *display, const struct sweep *sweep, uint64_t active);
ESP_PRINTF(2, 3)
void display_line(struct display *display, const char *format, ...);
// Shown where all else is quiet, too.
ESP_PRINTF(2, 3)
void display_warning(struct display *display, const char *format, ...);

#endif
