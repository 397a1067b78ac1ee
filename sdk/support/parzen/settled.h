// SPDX-License-Identifier: Apache-2.0
// The settled ones of very many observations: their kernels summed at the places of a table, plainly and
// times their orders, so that the weight of each, which is linear in its order, may change for all at
// once.
#ifndef PARZEN_SETTLED_H
#define PARZEN_SETTLED_H

#include "axis.h"

struct settled {
    esp_parzen_axis axis;
    uint64_t places;
    double *plain, *ordered; // [places]
    double count, orders;    // sums of 1 and of the orders
};

// 0: out of memory.
int settled_create(struct settled **out, const esp_parzen_axis *axis);
void settled_destroy(struct settled *settled);

// Adds (`sign` 1) or takes away (-1) an observation; `kernel` of a continuous axis.
void settled_add(struct settled *settled, double value, const struct kernel *kernel, uint64_t order,
                 double sign);
// The sum over all of (a + b x order) x kernel at `x`.
double settled_at(const struct settled *settled, double a, double b, double x);

#endif
