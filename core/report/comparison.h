// SPDX-License-Identifier: Apache-2.0
// The methods of a study compared: at each point every run has the best objective that it had found by
// then - a run that ended earlier keeps its last - and for several objectives the hypervolume of what it
// had found; of these a method's runs give mean, sd, median, quartiles and a bootstrap interval of the
// mean, and each two methods a rank sum test, Holm-corrected over the pairs of the point, and Vargha and
// Delaney's A.
#ifndef REPORT_COMPARISON_H
#define REPORT_COMPARISON_H

#include "report/study.h"

#include <jansson.h>

// A sample described; NaN where n is too small.
struct comparison_sample {
    uint64_t n;
    double mean, sd, median, q1, q3;
    double low, high; // 95 % bootstrap percentile interval of the mean
};

// A method at a point.
struct comparison_cell {
    struct comparison_sample value;
    uint64_t without; // runs that had found nothing by then: they are not in n
    uint64_t carried; // runs that ended before it: their last value stands
    double rank;      // mean over the seeds that all methods have; 1 = best
    uint64_t rank_n;
    struct comparison_sample *tests; // [test_count] of the architectures that the search chose
};

struct comparison_pair {
    uint64_t a, b; // methods
    uint64_t a_n, b_n;
    double statistic, p, holm;
    bool exact;
    double a12; // the chance that a run of `a` is better than one of `b`, ties half
};

#define COMPARISON_MOST_TESTED 20 // methods; with more no pairs are tested

struct comparison {
    const struct study *study;
    const struct study_point *points;
    uint64_t point_count;
    double *reference; // [objectives]; NULL with one objective
    bool reference_said;
    char **tests; // names of test metrics
    uint64_t test_count;
    double *values;                // [points, runs]; NaN = nothing found by then
    double *test_values;           // [points, runs, tests]
    struct comparison_cell *cells; // [points, methods]
    struct comparison_pair *pairs; // [points, pair_count]
    uint64_t pair_count;
};

// `reference`: "params=1e6, valid_accuracy=0", for several objectives; NULL: as the runs' [report] says,
// and where they say nothing the worst values that any run had on its way. The study is labelled, and
// outlives it, as the points do.
esp_status comparison_make(struct comparison *out, const struct study *study,
                           const struct study_point *points, uint64_t point_count,
                           const char *reference, struct error *error);
// The values of runs alone: no cells, no pairs.
esp_status comparison_measure(struct comparison *out, const struct study *study,
                              const struct study_point *points, uint64_t point_count,
                              const char *reference, struct error *error);
void comparison_destroy(struct comparison *comparison);

// Are larger values better? Hypervolumes are.
bool comparison_maximizes(const struct comparison *comparison);
// Has the run ended before the point?
bool comparison_carries(const struct study_run *run, const struct study_point *point);

// The JSON of `results DIR DIR --json`; docs/results.md describes it. NULL: out of memory.
json_t *comparison_json(const struct comparison *comparison, struct error *error);

#endif
