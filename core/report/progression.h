// SPDX-License-Identifier: Apache-2.0
// How the methods of a study go on: over trials, seconds or cost the median and the quartiles of what
// their runs had found by then. A run that ended earlier keeps its last value; one that had found
// nothing yet does not count.
#ifndef REPORT_PROGRESSION_H
#define REPORT_PROGRESSION_H

#include "report/study.h"

// At each point, of each method.
struct progression_cell {
    uint64_t n; // runs with a value
    double median, q1, q3;
};

// Begins as all zero.
struct progression {
    enum study_axis axis;
    uint64_t count;                 // 0: no run has this axis (a cost), or nothing was found
    double *at;                     // [count] ascending
    double *ends;                   // [methods] where a method's longest run ends
    struct progression_cell *cells; // [count, methods]
};

// At most `most` points, half of them spread evenly and half evenly in the logarithm, among those
// where any run improved. `reference`: as comparison_make has it.
esp_status progression_make(struct progression *out, const struct study *study,
                            enum study_axis axis, const char *reference, uint64_t most,
                            struct error *error);
void progression_destroy(struct progression *progression);

#endif
