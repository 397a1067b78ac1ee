// SPDX-License-Identifier: Apache-2.0
// The lines of the live display, laid out for a width: what fits is shown, the most important first. No
// terminal is touched here.
#ifndef PROGRESS_LIVE_H
#define PROGRESS_LIVE_H

#include "progress/progress.h"

#include <stdbool.h>

#define LIVE_LINES 3
#define LIVE_SIZE 1024
#define LIVE_LAST 8       // results that are remembered
#define LIVE_HISTORY 1024 // points of the best so far

struct live_line {
    char text[LIVE_SIZE]; // UTF-8, with colours
    int columns;          // on the screen
};

struct live_look {
    int columns; // of the terminal; a line stays below it, so that none wraps
    bool colours;
    bool unicode;
};

// What came before; begins as all zero.
struct live_history {
    double best[LIVE_HISTORY]; // by results, each `stride`-th of them
    uint64_t count, stride, seen;
    struct {
        uint64_t trial;
        double value; // NaN: it failed
    } last[LIVE_LAST];
    uint64_t last_count; // in all; the newest at (last_count - 1) % LIVE_LAST
};

// A result came in; `best`: the best value then, NaN where there is none yet.
void live_note(struct live_history *history, uint64_t trial, double value, double best);

// Answers how many lines there are.
int live_lines(struct live_line lines[LIVE_LINES], const struct progress_state *state,
               const struct live_history *history, const struct live_look *look);

// As many bytes of a UTF-8 text as take no more than `columns` columns (a character one).
size_t live_fit(const char *text, int columns);

#endif
