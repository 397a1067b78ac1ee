// SPDX-License-Identifier: Apache-2.0
// Fronts and crowding of NSGA-II (Deb, Pratap, Agarwal and Meyarivan 2002, sections III and VI).
#ifndef NSGA2_RANKING_H
#define NSGA2_RANKING_H

#include <stdint.h>

typedef struct esp_arch esp_arch;

struct individual {
    esp_arch *arch;
    double *objectives; // less is better
    uint64_t objective_count;
    double violation; // of the constraints; 0 = feasible
    uint64_t number;  // differs between any two: settles what is equal
    uint32_t rank;    // of its front; 0 is the best
    double crowding;
};

// Constrained domination: a feasible one dominates one that is not; of two that are not, the one of the
// smaller violation; of feasible ones the one that is nowhere worse and somewhere better.
int individual_dominates(const struct individual *a, const struct individual *b);

// Ranks all, computes the crowding distance within each front, and sorts: by rank, in a front the least
// crowded first. 0: out of memory.
int individuals_rank(struct individual *individuals, uint64_t count);

// The crowded comparison: a lower rank, then a less crowded place.
int individual_better(const struct individual *a, const struct individual *b);

#endif
