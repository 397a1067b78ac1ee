// SPDX-License-Identifier: Apache-2.0
// The trials of a study's run folders beside each other, for tables and plots that show each one: a
// row a trial, the metrics of all runs under one set of columns. Runs of a CSV have no rows.
#ifndef REPORT_TRIAL_TABLE_H
#define REPORT_TRIAL_TABLE_H

#include "report/results.h"
#include "report/study.h"

struct table_metric {
    char *name, *unit;
    uint32_t flags;  // ESP_METRIC_*
    uint32_t better; // ESP_BETTER_*
    bool report;     // the search did not see it
};

// A run folder that was read, and which run of the study it is.
struct table_run {
    struct results results;
    uint64_t run;
    int64_t *positions; // [metrics] of the table in this run's order, -1 where it has none
};

struct table_row {
    uint64_t run;         // of the study
    uint64_t source;      // of the table's runs
    uint64_t place;       // of the run's trials
    double cost;          // of the run when it was told; NaN where there is none
    bool eligible, front; // as result_set says: it may be best; no trial of its run dominates it
};

// Begins as all zero.
struct trial_table {
    struct table_run *runs;
    uint64_t run_count;
    struct table_metric *metrics;
    uint64_t metric_count;
    struct table_row *rows; // by run, then by number
    uint64_t count;
    uint64_t left_out; // trials of the study's folders that have no row
};

// Reads runs of the study, those with the best values of their methods first, while no more than
// `most` trials come together; of a single run that is larger its best trials are taken.
esp_status trial_table_make(struct trial_table *out, const struct study *study, uint64_t most,
                            struct error *error);
void trial_table_destroy(struct trial_table *table);

const struct result_trial *trial_table_trial(const struct trial_table *table, uint64_t row);
// NaN where there is none.
double trial_table_value(const struct trial_table *table, uint64_t row, uint64_t metric);
// -1 where no run has it.
int64_t trial_table_metric(const struct trial_table *table, const char *name);
// The rows that may be best, best first by the study's first objective. Owner: the caller (free).
uint64_t *trial_table_best(const struct trial_table *table, const struct study *study,
                           uint64_t *count, struct error *error);

#endif
