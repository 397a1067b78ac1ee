// SPDX-License-Identifier: Apache-2.0
// The table of settled observations; see settled.h.
#include "settled.h"

#include <stdlib.h>

#define CELLS 2048
// So many standard deviations away a kernel is 2e-11 of its height: less than the prior by far.
#define REACH 7.0

int settled_create(struct settled **out, const esp_parzen_axis *axis)
{
    struct settled *settled = calloc(1, sizeof *settled);
    if (!settled)
        return 0;
    settled->axis = *axis;
    settled->places = axis->kind == ESP_PARZEN_CHOICE           ? axis->choices
                      : axis->steps > 0 && axis->steps <= CELLS ? axis->steps
                                                                : CELLS + 1;
    settled->plain = calloc(2 * settled->places, sizeof *settled->plain);
    if (!settled->plain) {
        free(settled);
        return 0;
    }
    settled->ordered = settled->plain + settled->places;
    *out = settled;
    return 1;
}

void settled_destroy(struct settled *settled)
{
    if (!settled)
        return;
    free(settled->plain);
    free(settled);
}

// Whether each step has a place of its own.
static int stepped(const struct settled *settled)
{
    return settled->axis.steps > 0 && settled->axis.steps == settled->places;
}

static double place_value(const struct settled *settled, uint64_t place)
{
    return stepped(settled) ? ((double)place + 0.5) / (double)settled->places
                            : (double)place / (double)CELLS;
}

static uint64_t clamp(double place, uint64_t count)
{
    return place < 0.0 ? 0 : place >= (double)count ? count - 1 : (uint64_t)place;
}

void settled_add(struct settled *settled, double value, const struct kernel *kernel, uint64_t order,
                 double sign)
{
    const double age = (double)order;
    settled->count += sign;
    settled->orders += sign * age;
    if (settled->axis.kind == ESP_PARZEN_CHOICE) {
        settled->plain[(uint64_t)value] += sign;
        settled->ordered[(uint64_t)value] += sign * age;
        return;
    }
    const double cells = stepped(settled) ? (double)settled->places : (double)CELLS;
    uint64_t first = clamp(floor((kernel->mu - REACH * kernel->sigma) * cells), settled->places);
    uint64_t last = clamp(ceil((kernel->mu + REACH * kernel->sigma) * cells), settled->places);
    for (uint64_t place = first; place <= last; place++) {
        double at =
            kernel_at(kernel, stepped(settled) ? settled->places : 0, place_value(settled, place));
        settled->plain[place] += sign * at;
        settled->ordered[place] += sign * age * at;
    }
}

static double sum_at(const struct settled *settled, double a, double b, uint64_t place)
{
    return a * settled->plain[place] + b * settled->ordered[place];
}

double settled_at(const struct settled *settled, double a, double b, double x)
{
    if (settled->axis.kind == ESP_PARZEN_CHOICE)
        return sum_at(settled, a, b, (uint64_t)x);
    if (stepped(settled))
        return sum_at(settled, a, b, clamp(floor(x * (double)settled->places), settled->places));
    uint64_t left = clamp(floor(x * CELLS), CELLS);
    double part = x * CELLS - (double)left;
    double at = (1.0 - part) * sum_at(settled, a, b, left) + part * sum_at(settled, a, b, left + 1);
    return settled->axis.steps ? at / (double)settled->axis.steps : at;
}
