// SPDX-License-Identifier: Apache-2.0
// The kernel of gaussian_process.h without s2.
#ifndef GAUSSIAN_PROCESS_KERNEL_H
#define GAUSSIAN_PROCESS_KERNEL_H

#include <espalier/support/gaussian_process.h>

#include <math.h>

// What does not depend on the parameters' logarithms.
struct kernel {
    esp_gp_shape shape;
    double choice_rate;    // 1 / (2 l_0)
    const double *inverse; // [reals]: 1 / l_i^2
};

// `inverse`: room for the shape's reals.
struct kernel kernel_make(const esp_gp_shape *shape, const double *parameters, double *inverse);
double kernel_between(const struct kernel *kernel, const double *x, const double *y);
// Its value, and its derivatives by the logarithms of l_0 and of the lengths: [1 + lengths].
double kernel_derivatives(const struct kernel *kernel, const double *x, const double *y,
                          double *derivatives);

#endif
