// SPDX-License-Identifier: Apache-2.0
// A strategy beside random search, asked and told in this process: seeds 1 to `seeds`, and a Mann-Whitney test.
#ifndef SUPPORT_AGAINST_RANDOM_H
#define SUPPORT_AGAINST_RANDOM_H

#include <stdint.h>

struct against_random {
    double ours, sd; // mean and spread of the best values
    double random;   // mean
    double p;        // two-sided; 1 where random search is the better one
};

// The best fitness of an NK landscape over the decisions of a space. `strategy`: the lines of [strategy].
struct against_random against_random_nk(const char *space, int k, const char *strategy,
                                        uint64_t trials, uint64_t seeds);
// The regret of a function of plugins/known_functions.h; less is better.
struct against_random against_random_known(const char *function, const char *strategy,
                                           uint64_t trials, uint64_t seeds);

#endif
