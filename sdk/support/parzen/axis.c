// SPDX-License-Identifier: Apache-2.0
// Kernels and weights; see axis.h.
#include "axis.h"

#define SQRT_HALF 0.70710678118654752440
#define INVERSE_SQRT_TWO_PI 0.39894228040143267794

double normal_mass(double a, double b)
{
    a *= SQRT_HALF;
    b *= SQRT_HALF;
    if (a > 0.0)
        return 0.5 * (erfc(a) - erfc(b));
    if (b < 0.0)
        return 0.5 * (erfc(-b) - erfc(-a));
    return 0.5 * (erf(b) - erf(a));
}

struct kernel kernel_make(const esp_parzen_axis *axis, double mu, double sigma)
{
    const int equal = (axis->flags & ESP_PARZEN_EQUAL_HEIGHT) && axis->steps == 0;
    double mass = normal_mass((0.0 - mu) / sigma, (1.0 - mu) / sigma);
    return (struct kernel){mu, sigma, 1.0 / (sigma * mass), equal ? sigma : 1.0};
}

struct kernel kernel_prior(const esp_parzen_axis *axis)
{
    return kernel_make(axis, 0.5, 1.0);
}

double kernel_at(const struct kernel *kernel, uint64_t steps, double x)
{
    double z = (x - kernel->mu) / kernel->sigma;
    if (steps == 0)
        return INVERSE_SQRT_TWO_PI * exp(-0.5 * z * z) * kernel->scale * kernel->height;
    double half = 0.5 / (double)steps / kernel->sigma;
    return normal_mass(z - half, z + half) * kernel->sigma * kernel->scale;
}

double step_middle(uint64_t steps, double x)
{
    double part = floor(x * (double)steps);
    double last = (double)steps - 1.0;
    return ((part < 0.0 ? 0.0 : part > last ? last : part) + 0.5) / (double)steps;
}

// By rejection: mu lies within, and sigma is at most the range, so a third of the draws stay.
double kernel_sample(const struct kernel *kernel, uint64_t steps, esp_random *random)
{
    double x;
    do
        x = kernel->mu + kernel->sigma * esp_random_normal(random);
    while (!(x >= 0.0 && x <= 1.0));
    return steps ? step_middle(steps, x) : x;
}

double age_weight(uint64_t rank, uint64_t count)
{
    if (count < PARZEN_FLAT || rank + PARZEN_FLAT >= count)
        return 1.0;
    double first = 1.0 / (double)count, ramp = (double)(count - PARZEN_FLAT);
    return ramp > 1.0 ? first + (1.0 - first) * (double)rank / (ramp - 1.0) : first;
}
