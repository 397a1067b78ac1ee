// SPDX-License-Identifier: Apache-2.0
// Element by element, without regard to the layout.
#include "../kernels.h"
#include "vectors.h"

// The loop of a statement that sets y[i], or with `add` adds to it.
#define SET_OR_ADD(RESULT)                                                                         \
    do {                                                                                           \
        if (add) {                                                                                 \
            INDEPENDENT                                                                            \
            for (int64_t i = 0; i < count; i++)                                                    \
                y[i] += (RESULT);                                                                  \
        } else {                                                                                   \
            INDEPENDENT                                                                            \
            for (int64_t i = 0; i < count; i++)                                                    \
                y[i] = (RESULT);                                                                   \
        }                                                                                          \
    } while (0)

static void relu(const float *x, float *y, int64_t count)
{
    int64_t i = 0;
    for (; i + BLOCK <= count; i += BLOCK)
        STORE(y + i, rectified(LOAD(x + i)));
    for (; i < count; i++)
        y[i] = x[i] < 0.0f ? 0.0f : x[i];
}

static void relu_gradient(const float *y, const float *g, float *gx, int64_t count, bool add)
{
    int64_t i = 0;
    if (add)
        for (; i + BLOCK <= count; i += BLOCK)
            STORE(gx + i, LOAD(gx + i) + passed(LOAD(y + i), LOAD(g + i)));
    else
        for (; i + BLOCK <= count; i += BLOCK)
            STORE(gx + i, passed(LOAD(y + i), LOAD(g + i)));
    for (; i < count; i++) {
        float v = y[i] <= 0.0f ? 0.0f : g[i];
        gx[i] = add ? gx[i] + v : v;
    }
}

static void accumulate(float *y, const float *x, int64_t count)
{
    INDEPENDENT
    for (int64_t i = 0; i < count; i++)
        y[i] += x[i];
}

// `terms`, and which outputs there are, are constants where this is inlined.
INLINE void sum_of(const float *const *x, int terms, float *y, float *rectified_y, int64_t count)
{
    int64_t i = 0;
    for (; i + BLOCK <= count; i += BLOCK) {
        vector v = LOAD(x[0] + i);
        for (int t = 1; t < terms; t++)
            v += LOAD(x[t] + i);
        if (y)
            STORE(y + i, v);
        if (rectified_y)
            STORE(rectified_y + i, rectified(v));
    }
    for (; i < count; i++) {
        float v = x[0][i];
        for (int t = 1; t < terms; t++)
            v += x[t][i];
        if (y)
            y[i] = v;
        if (rectified_y)
            rectified_y[i] = v < 0.0f ? 0.0f : v;
    }
}

static void sum(const float *const *x, int terms, float *y, float *rectified_y, int64_t count)
{
    if (terms == 2 && !rectified_y)
        sum_of(x, 2, y, NULL, count);
    else if (terms == 2)
        sum_of(x, 2, y, rectified_y, count);
    else if (terms == 3)
        sum_of(x, 3, y, rectified_y, count);
    else
        sum_of(x, terms, y, rectified_y, count);
}

static void multiply(const float *a, const float *b, float *y, int64_t count, bool add)
{
    SET_OR_ADD(a[i] * b[i]);
}

static void scale(const float *x, float by, float *y, int64_t count, bool add)
{
    SET_OR_ADD(x[i] * by);
}

static void mask(const float *x, const uint8_t *mask_of, float by, float *y, int64_t count,
                 bool add)
{
    SET_OR_ADD(mask_of[i] ? x[i] * by : 0.0f);
}

// In LANES partial sums of at most PART squares, so that the order is the same for every BLOCK.
static double squares(const float *x, int64_t count)
{
    enum { LANES = 16, PART = 4096 };
    double total = 0.0;
    for (int64_t first = 0; first < count; first += PART) {
        int64_t end = count - first < PART ? count : first + PART, i = first;
        vector parts[LANES / BLOCK] = {{0}};
        float lanes[LANES], rest = 0.0f;
        for (; i + LANES <= end; i += LANES)
            for (int k = 0; k < LANES / BLOCK; k++) {
                vector v = LOAD(x + i + k * BLOCK);
                parts[k] += v * v;
            }
        for (; i < end; i++)
            rest += x[i] * x[i];
        for (int k = 0; k < LANES / BLOCK; k++)
            STORE(lanes + k * BLOCK, parts[k]);
        for (int l = 0; l < LANES; l++)
            total += (double)lanes[l];
        total += (double)rest;
    }
    return total;
}
