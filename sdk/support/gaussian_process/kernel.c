// SPDX-License-Identifier: Apache-2.0
// The kernel; see kernel.h.
#include "kernel.h"

#define SQRT5 2.23606797749978969641

struct kernel kernel_make(const esp_gp_shape *shape, const double *parameters, double *inverse)
{
    for (uint64_t i = 0; i < shape->reals; i++)
        inverse[i] = exp(-2.0 * parameters[1 + (shape->lengths > 1 ? i : 0)]);
    return (struct kernel){*shape, 0.5 * exp(-parameters[0]), inverse};
}

static double choices_apart(const struct kernel *kernel, const double *x, const double *y)
{
    double apart = 0.0;
    for (uint64_t i = 0; i < kernel->shape.choices; i++)
        apart += x[i] != y[i] && (x[i] == x[i] || y[i] == y[i]);
    return apart;
}

// The square of one real's distance; where one point alone has it, `apart` grows. What is absent lies in the
// middle: were it nowhere, the kernel would not be positive definite.
static double real_apart(double x, double y, double *apart)
{
    const int has_x = x == x, has_y = y == y;
    *apart += has_x != has_y;
    double distance = (has_x ? x : 0.5) - (has_y ? y : 0.5);
    return distance * distance;
}

double kernel_between(const struct kernel *kernel, const double *x, const double *y)
{
    double apart = choices_apart(kernel, x, y), square = 0.0;
    x += kernel->shape.choices;
    y += kernel->shape.choices;
    for (uint64_t i = 0; i < kernel->shape.reals; i++)
        square += kernel->inverse[i] * real_apart(x[i], y[i], &apart);
    if (square == 0.0)
        return exp(-kernel->choice_rate * apart);
    double r = SQRT5 * sqrt(square);
    return (1.0 + r + r * r / 3.0) * exp(-kernel->choice_rate * apart - r);
}

// With q = 5 r^2: d matern / d log l_i = (5/3) (1 + sqrt5 r) exp(-sqrt5 r) (d_i / l_i)^2.
double kernel_derivatives(const struct kernel *kernel, const double *x, const double *y,
                          double *derivatives)
{
    const uint64_t reals = kernel->shape.reals, lengths = kernel->shape.lengths;
    double apart = choices_apart(kernel, x, y), square = 0.0;
    x += kernel->shape.choices;
    y += kernel->shape.choices;
    for (uint64_t i = 0; i < lengths; i++)
        derivatives[1 + i] = 0.0;
    for (uint64_t i = 0; i < reals; i++) {
        double part = kernel->inverse[i] * real_apart(x[i], y[i], &apart);
        derivatives[1 + (lengths > 1 ? i : 0)] += part;
        square += part;
    }
    double r = SQRT5 * sqrt(square), both = exp(-kernel->choice_rate * apart - r);
    double value = (1.0 + r + r * r / 3.0) * both, factor = 5.0 / 3.0 * (1.0 + r) * both;
    derivatives[0] = value * kernel->choice_rate * apart;
    for (uint64_t i = 0; i < lengths; i++)
        derivatives[1 + i] *= factor;
    return value;
}
