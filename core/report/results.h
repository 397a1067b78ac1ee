// SPDX-License-Identifier: Apache-2.0
// A run read back from its out folder, for the commands that show it. Needs no plugin.
#ifndef REPORT_RESULTS_H
#define REPORT_RESULTS_H

#include "run/metrics.h"
#include "run/result_set.h"
#include "store/store.h"

#include <jansson.h>

struct result_trial {
    uint64_t trial;
    enum trial_state state;
    uint64_t hash;
    struct arch *arch;
    struct fidelity *fidelity;
    uint64_t fidelity_count;
    double *metrics; // NULL without
    double seconds;
    double elapsed; // of the run, when it was told
    uint64_t told;  // the event; 0 = not told
    uint64_t attempt;
    int64_t parent;
    uint32_t mode;
    uint64_t lineage;
    char *error;
};

// How much of a run is read.
enum results_extent {
    RESULTS_ALL, // every trial
    RESULTS_BEST // the best trial and the front alone, without architectures but the best one's:
                 // memory does not grow with the trials
};

struct results {
    enum results_extent extent;
    char *folder;
    struct run_row row;
    struct metrics metrics;
    struct dictionary *dictionary;
    struct result_trial *trials;
    uint64_t count, capacity;
    uint64_t prune_at;  // RESULTS_BEST: so many are kept before those that cannot be best go
    uint64_t states[8]; // how many trials the run has in each state
    struct result_set set;
    json_t
        *finals; // [{"final", "trial", "seed", "state", "metrics", "seconds", "error", "folder"}]
    json_t *plugins;
    struct error error; // of visitors
};

esp_status results_load(struct results *out, const char *folder, enum results_extent extent,
                        struct error *error);
// The trial of that number; NULL where it is not there, or was not kept.
const struct result_trial *results_find(const struct results *results, uint64_t trial);
void results_destroy(struct results *results);

// The JSON of `results --json`: run, trials, best, front, final, finals. `top`: the best trials
// alone, best first by `sort` (a metric; NULL: the first objective); 0 = all, in order.
json_t *results_json(const struct results *results, uint64_t top, const char *sort,
                     struct error *error);
// The trials in the order to show: indices into `trials`. Owner: the caller (free).
uint64_t *results_order(const struct results *results, uint64_t top, const char *sort,
                        uint64_t *count, struct error *error);
// One trial as JSON, and its metrics as an object; a value that is not finite is null.
json_t *result_trial_json(const struct results *results, const struct result_trial *trial);
json_t *metrics_object(const struct metrics *metrics, const double *values);

// An architecture in words: a line a decision.
void arch_print_words(const struct arch *arch, const char *indent, FILE *file);

#endif
