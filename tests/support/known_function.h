// SPDX-License-Identifier: Apache-2.0
// Regrets of a strategy on the functions of plugins/known_functions.h, asked and told in this process.
#ifndef SUPPORT_KNOWN_FUNCTION_H
#define SUPPORT_KNOWN_FUNCTION_H

#include <stdint.h>

// The best value of `trials` trials less the function's least, mean over seeds 1 to `seeds`. `strategy`:
// the lines of [strategy].
double known_mean_regret(const char *function, const char *strategy, uint64_t trials,
                         uint64_t seeds);

// Of one seed; of two objectives the share of the exact front's hypervolume that is missing.
double known_shortfall(const char *function, const char *strategy, uint64_t trials, uint64_t seed);

// Regrets of each seed: [seeds].
void known_regrets(double *out, const char *function, const char *strategy, uint64_t trials,
                   uint64_t seeds);

#endif
