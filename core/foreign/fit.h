// SPDX-License-Identifier: Apache-2.0
// Least squares of a parametric curve: theta of f(step, theta) from points, by Levenberg and Marquardt
// (Levenberg 1944, Marquardt 1963), with differences for the derivatives.
#ifndef FOREIGN_FIT_H
#define FOREIGN_FIT_H

#include "error/error.h"

#define FIT_MOST_THETA 16

typedef esp_status (*fit_curve)(void *self, double step, const double *theta, double *value,
                                struct error *error);

// `theta` (`count` numbers, 1 .. FIT_MOST_THETA) is where it begins, and what it ends with. A curve that
// is no number at its beginning is an error; one that becomes none on the way is not gone to. The sum of
// squares goes to `*sum`.
esp_status fit_least_squares(double *theta, uint64_t count, const double *steps,
                             const double *values, uint64_t points, fit_curve curve, void *self,
                             double *sum, struct error *error);

#endif
