// SPDX-License-Identifier: Apache-2.0
// What a person sees while a run runs, on standard error: a live display on a terminal, plain lines
// elsewhere. It also writes log.txt.
#ifndef PROGRESS_PROGRESS_H
#define PROGRESS_PROGRESS_H

#include "error/error.h"

#include <stdbool.h>
#include <stdint.h>

struct progress;

// `log_path` may be NULL. `quiet`: errors and warnings alone.
struct progress *progress_create(const char *log_path, bool quiet, struct error *error);
void progress_destroy(struct progress *progress);

struct progress_state {
    const char *phase; // "search", "final training"
    const char *unit;  // what is counted; NULL: trials
    uint64_t told;     // trials told
    uint64_t running;  // open
    uint64_t failed;
    uint64_t budget;     // trials; 0 = no limit
    double elapsed;      // seconds of the run
    double this_session; // seconds of this session, and trials told in it: the rate
    uint64_t told_this_session;
    int64_t best; // trial, or -1
    const char *metric;
    double best_value;
    bool shows_last; // the last results have a line of the live display
};

// An outcome that was told.
struct progress_result {
    uint64_t trial;
    const char *metric;
    double value;      // of the first objective; NaN where it has none
    double best_value; // with this one counted; NaN: none yet
    bool is_best, cheap;
    const char *error; // NULL where it did not fail
};
// For the live display. Elsewhere cheap trials get a plain line each, the first thousand of a session;
// the others' lines are the caller's (progress_line).
void progress_result(struct progress *progress, const struct progress_result *result);

// A line that stays: a trial's result, a remark. On a terminal above the live display, cut to its width.
ESP_PRINTF(2, 3)
void progress_line(struct progress *progress, const char *format, ...);

// Redraws the live display (a terminal, at most ten times a second unless `now`); elsewhere a plain
// line each ten seconds at most.
void progress_update(struct progress *progress, const struct progress_state *state, bool now);

// Takes the live display away: what follows is printed plainly.
void progress_clear(struct progress *progress);

#endif
