// SPDX-License-Identifier: Apache-2.0
// See lattice.h.
#include "lattice.h"

#define LAST (BOX_RANK - 1)

struct lattice lattice_of(const esp_shape *shape)
{
    struct lattice lattice = {.size = {0}};
    for (int d = 0; d < BOX_RANK; d++) {
        int from = d - BOX_RANK + (int)shape->rank;
        lattice.size[d] = from > 0 ? shape->dims[from] : 1;
    }
    return lattice;
}

void lattice_spread(struct lattice *lattice, int which, const esp_shape *shape)
{
    int64_t step = 1;
    for (int d = LAST; d >= 0; d--) {
        int from = d - BOX_RANK + (int)shape->rank;
        int64_t size = from > 0 ? shape->dims[from] : 1;
        lattice->step[which][d] = size == lattice->size[d] ? step : 0;
        step *= size;
    }
}

static bool one_walk(const struct lattice *lattice, int outer, int inner)
{
    for (int t = 0; t < 2; t++)
        if (lattice->step[t][outer] != lattice->step[t][inner] * lattice->size[inner])
            return false;
    return true;
}

void lattice_join(struct lattice *lattice)
{
    struct lattice joined = {.size = {1, 1, 1, 1, 1}};
    int at = BOX_RANK; // the axis of `joined` that was filled last
    for (int d = LAST; d >= 0; d--) {
        if (lattice->size[d] == 1)
            continue;
        // The axis `at` of `joined` as the inner one.
        struct lattice pair = {.size = {lattice->size[d], at < BOX_RANK ? joined.size[at] : 1}};
        for (int t = 0; t < 2; t++) {
            pair.step[t][0] = lattice->step[t][d];
            pair.step[t][1] = at < BOX_RANK ? joined.step[t][at] : 0;
        }
        if (at < BOX_RANK && one_walk(&pair, 0, 1)) {
            joined.size[at] *= lattice->size[d];
            continue;
        }
        at--;
        joined.size[at] = lattice->size[d];
        for (int t = 0; t < 2; t++)
            joined.step[t][at] = lattice->step[t][d];
    }
    *lattice = joined;
}

int64_t lattice_rows(const struct lattice *lattice)
{
    int64_t rows = 1;
    for (int d = 0; d < LAST; d++)
        rows *= lattice->size[d];
    return rows;
}

int64_t lattice_count(const struct lattice *lattice)
{
    return lattice->size[LAST];
}

int64_t lattice_step(const struct lattice *lattice, int which)
{
    return lattice->step[which][LAST];
}

void lattice_begin(const struct lattice *lattice, int64_t row, int64_t *begins)
{
    begins[0] = begins[1] = 0;
    for (int d = LAST - 1; d >= 0 && row > 0; d--) {
        int64_t place = row % lattice->size[d];
        row /= lattice->size[d];
        begins[0] += place * lattice->step[0][d];
        begins[1] += place * lattice->step[1][d];
    }
}
