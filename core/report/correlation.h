// SPDX-License-Identifier: Apache-2.0
// Rank correlations between columns of numbers: between the metrics of trials, between the fidelities
// at which one architecture was evaluated, and between the steps of learning curves and their ends.
// Every pair of columns is correlated over the rows that have both.
#ifndef REPORT_CORRELATION_H
#define REPORT_CORRELATION_H

#include "report/learning_curves.h"
#include "report/trial_table.h"

// Pairs of fewer rows have no correlation.
#define CORRELATION_LEAST 3

// Begins as all zero; `count` 0: there is nothing to correlate.
struct correlation {
    uint64_t count;
    char **names;               // [count]
    uint64_t *n;                // [count, count] rows with both
    double *spearman, *kendall; // [count, count]; NaN where undefined
};

// Of columns [count, rows], NaN where there is no value. Names are copied.
esp_status correlation_make(struct correlation *out, const char *const *names,
                            const double *columns, uint64_t count, uint64_t rows,
                            struct error *error);
void correlation_destroy(struct correlation *correlation);

// Between the metrics of the trials that may be best; constant metrics are left out, and beyond
// `most` those that were declared last.
esp_status correlation_of_metrics(struct correlation *out, const struct trial_table *table,
                                  uint64_t most, struct error *error);
// Between the fidelities of the table: the first objective of the architectures (by hash, within a
// run) that were evaluated at both. The `most` fidelities with the most trials.
esp_status correlation_of_fidelities(struct correlation *out, const struct trial_table *table,
                                     const struct study *study, uint64_t most, struct error *error);
// Between steps of the curves in the first objective: at most `most` steps that at least
// CORRELATION_LEAST curves have, first and last among them.
esp_status correlation_of_steps(struct correlation *out, const struct learning_curves *curves,
                                const struct study *study, uint64_t most, struct error *error);

#endif
