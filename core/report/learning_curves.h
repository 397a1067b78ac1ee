// SPDX-License-Identifier: Apache-2.0
// The learning curves of trials, from artifacts/<trial>/curve.json where that is there.
#ifndef REPORT_LEARNING_CURVES_H
#define REPORT_LEARNING_CURVES_H

#include "report/trial_table.h"

struct learning_curve {
    uint64_t row; // of the table
    uint64_t count;
    double *steps;  // [count] ascending, as the estimator counts them: epochs
    double *values; // [count, metrics]; NaN where a point has no such metric
};

// Begins as all zero.
struct learning_curves {
    char **metrics;
    uint64_t metric_count;
    struct learning_curve *curves; // by row
    uint64_t count;
    uint64_t left_out; // curves that are there and were not read
};

#define LEARNING_CURVE_METRICS 8

// Reads at most `most` curves - half of them of the best trials, the others spread evenly over all
// that have one - and thins each to `points` points, first and last among them. Of more metrics than
// LEARNING_CURVE_METRICS those met first stay. A file that is no curve is passed over.
esp_status learning_curves_make(struct learning_curves *out, const struct trial_table *table,
                                const struct study *study, uint64_t most, uint64_t points,
                                struct error *error);
void learning_curves_destroy(struct learning_curves *curves);
// -1 where no curve has it.
int64_t learning_curves_metric(const struct learning_curves *curves, const char *name);

#endif
