// SPDX-License-Identifier: Apache-2.0
// The kernels of one axis: normal distributions cut to [0, 1], and the weights of observations.
#ifndef PARZEN_AXIS_H
#define PARZEN_AXIS_H

#include <espalier/support/parzen.h>

// The newest of many that keep the weight 1.
#define PARZEN_FLAT 25

// The mass of the standard normal distribution in [a, b].
double normal_mass(double a, double b);

// A normal distribution cut to [0, 1]; `mu` in it, sigma > 0. `scale`: one over (sigma x the mass within).
struct kernel {
    double mu, sigma, scale;
    double height; // a factor: sigma for kernels of equal height, else 1
};
struct kernel kernel_make(const esp_parzen_axis *axis, double mu, double sigma);
// The density at `x`; with `steps` the probability of the part around `x`.
double kernel_at(const struct kernel *kernel, uint64_t steps, double x);
double kernel_sample(const struct kernel *kernel, uint64_t steps, esp_random *random);

// The prior: a normal distribution about the middle, as wide as the axis.
struct kernel kernel_prior(const esp_parzen_axis *axis);

// The middle of the part that `x` lies in.
double step_middle(uint64_t steps, double x);

// The weight of number `rank` of `count`, oldest first.
double age_weight(uint64_t rank, uint64_t count);

#endif
