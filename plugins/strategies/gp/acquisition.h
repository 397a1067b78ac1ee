// SPDX-License-Identifier: Apache-2.0
// Which candidate is tried next: by expected improvement (Mockus 1978; Jones, Schonlau and Welch 1998), or
// by a draw of the process (Thompson 1933).
#ifndef GP_ACQUISITION_H
#define GP_ACQUISITION_H

#include "candidates.h"
#include "model.h"

// The logarithm of E[max(0, best - v)], v ~ N(mean, sd^2); -INFINITY where it is 0.
double log_expected_improvement(double best, double mean, double sd);

// The index of the candidate of the largest expected improvement, and its logarithm.
esp_status acquire_improvement(const struct posterior *posterior,
                               const struct candidates *candidates, uint64_t *out, double *score);
// The index of the least value of a draw.
esp_status acquire_thompson(const struct posterior *posterior, const struct candidates *candidates,
                            esp_random *random, uint64_t *out);

#endif
