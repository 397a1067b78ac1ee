// SPDX-License-Identifier: Apache-2.0
// What the kernels' tests share: all tables that the processor runs, blocked tensors made of [N, C, H,
// W] ones by plain loops, comparisons.
#ifndef ONEDNN_TESTS_KERNELS_BOARD_H
#define ONEDNN_TESTS_KERNELS_BOARD_H

#include "kernels/kernels.h"

#include <espalier/random.h>

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// Fills `tables`, the plain ones first; answers how many there are.
static inline int tables_of_processor(const struct kernels *tables[4])
{
    int count = 0;
    tables[count++] = &kernels_plain16;
    tables[count++] = &kernels_plain8;
    for (int64_t block = 8; block <= 16; block += 8) {
        const struct kernels *fastest = kernels_of_block(block);
        if (fastest != &kernels_plain8 && fastest != &kernels_plain16)
            tables[count++] = fastest;
    }
    return count;
}

static inline float *room(int64_t count)
{
    float *room = calloc((size_t)count + 1, sizeof *room);
    cr_assert(room);
    return room;
}

static inline int64_t elements(const struct blocked *s)
{
    return s->batch * s->channels * s->height * s->width;
}

// Normal numbers, the same for the same seed.
static inline float *numbers(uint64_t seed, int64_t count, float scale, float shift)
{
    esp_random random = esp_random_stream(seed, 2, 0, 0, 0);
    float *x = room(count);
    for (int64_t i = 0; i < count; i++)
        x[i] = scale * (float)esp_random_normal(&random) + shift;
    return x;
}

// Where [n, c, p] is in blocks.
static inline int64_t blocked_at(const struct blocked *s, int64_t block, int64_t n, int64_t c,
                                 int64_t p)
{
    int64_t pixels = s->height * s->width;
    return ((n * blocked_blocks(s, block) + c / block) * pixels + p) * block + c % block;
}

static inline float *into_blocks(const struct blocked *s, int64_t block, const float *x)
{
    float *to = room(blocked_size(s, block));
    int64_t pixels = s->height * s->width;
    for (int64_t n = 0; n < s->batch; n++)
        for (int64_t c = 0; c < s->channels; c++)
            for (int64_t p = 0; p < pixels; p++)
                to[blocked_at(s, block, n, c, p)] = x[(n * s->channels + c) * pixels + p];
    return to;
}

// Frees `x`, whose padding must be zeros.
static inline float *out_of_blocks(const struct blocked *s, int64_t block, float *x)
{
    float *to = room(elements(s));
    int64_t pixels = s->height * s->width, padded = blocked_blocks(s, block) * block;
    for (int64_t n = 0; n < s->batch; n++)
        for (int64_t c = 0; c < padded; c++)
            for (int64_t p = 0; p < pixels; p++) {
                float v = x[blocked_at(s, block, n, c, p)];
                if (c < s->channels)
                    to[(n * s->channels + c) * pixels + p] = v;
                else
                    cr_assert(v == 0.0f, "padding at %d: %g", (int)c, (double)v);
            }
    free(x);
    return to;
}

// Within `tolerance` x (1 + |expected|); what is no number where none is expected.
static inline void assert_near(const char *what, const struct kernels *k, const float *found,
                               const double *expected, int64_t count, double tolerance)
{
    for (int64_t i = 0; i < count; i++) {
        double e = expected[i], f = (double)found[i];
        bool near = isnan(e) ? isnan(f) : fabs(f - e) <= tolerance * (1.0 + fabs(e)) || f == e;
        cr_assert(near, "%s, %s %d, element %d: %.9g, expected %.9g", what, k->name, (int)k->block,
                  (int)i, f, e);
    }
}

// Keeps the first table's results and holds the others' to their bits. Takes ownership of `found`.
static inline void assert_same_bits(const char *what, const struct kernels *k, float **first,
                                    float *found, int64_t count)
{
    if (!*first) {
        *first = found;
        return;
    }
    for (int64_t i = 0; i < count; i++)
        cr_assert(memcmp(found + i, *first + i, sizeof *found) == 0 ||
                      (isnan(found[i]) && isnan((*first)[i])),
                  "%s: %s %d has other bits at %d: %.9g, not %.9g", what, k->name, (int)k->block,
                  (int)i, (double)found[i], (double)(*first)[i]);
    free(found);
}

#endif
