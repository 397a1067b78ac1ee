// SPDX-License-Identifier: Apache-2.0
// Which trials of a run are its best and its Pareto front: one rule for the run, its final trainings
// and the commands that read a store.
#ifndef RUN_RESULT_SET_H
#define RUN_RESULT_SET_H

#include "run/metrics.h"

// The trials of best and front: feasible done ones at the full fidelity whose objective was
// measured; where there is none, those of the largest cost.
struct result_set {
    int64_t best;    // -1 = none
    uint64_t *front; // trials that no other dominates, ascending; owner: the caller (free)
    uint64_t front_count;
    bool partial; // no trial at full fidelity: marked so
};
// One candidate for it.
struct candidate {
    uint64_t trial;
    bool done; // state done
    bool full; // at the full fidelity
    const double *metrics;
};
esp_status result_set_make(struct result_set *out, const struct metrics *metrics,
                           const struct candidate *candidates, uint64_t count, struct error *error);
// The places of the candidates that count, ascending; `places` has room for all. Answers how many, and
// whether they are those of the largest cost, for want of any at the full fidelity.
uint64_t result_set_eligible(const struct metrics *metrics, const struct candidate *candidates,
                             uint64_t count, uint64_t *places, bool *partial);
// The best `most` of the same trials by the first objective, best first; `out` has room for `count`.
esp_status result_set_top(const struct metrics *metrics, const struct candidate *candidates,
                          uint64_t count, uint64_t most, uint64_t *out, uint64_t *found,
                          struct error *error);

#endif
