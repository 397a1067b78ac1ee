// SPDX-License-Identifier: Apache-2.0
// Depthwise convolutions, one plane of a block of channels at a time.
#include "../kernels.h"
#include "vectors.h"

// `count` pixels, `step` floats apart in the plane, of one row: the sum over the taps of weight and
// plane. `count` is a constant where this is inlined.
INLINE void correlate(int count, const float *plane, int64_t step, const struct taps *taps,
                      const float *weights, vector first, vector *y)
{
#pragma GCC unroll 8
    for (int k = 0; k < count; k++)
        y[k] = first;
    for (int64_t t = 0; t < taps->count; t++) {
        const float *from = plane + taps->offsets[t];
        vector weight = LOAD(weights + taps->which[t] * BLOCK);
#pragma GCC unroll 8
        for (int k = 0; k < count; k++)
            y[k] += weight * LOAD(from + k * step);
    }
}

INLINE void forward_plane(const struct kernels_window *w, struct plane *plane,
                          const struct taps *taps, bool relu, const float *weights, vector bias,
                          float *y)
{
    int64_t step = w->stride_w * BLOCK;
    for (int64_t h = 0; h < w->out_height; h++, y += w->out_width * BLOCK) {
        const float *row = plane->data + h * w->stride_h * plane->pitch * BLOCK;
        plane_reach(plane, rows_of_window(w, h), relu);
#define TILE(count, at)                                                                            \
    do {                                                                                           \
        vector sums_[count];                                                                       \
        correlate(count, row + (at)*step, step, taps, weights, bias, sums_);                       \
        for (int k_ = 0; k_ < (count); k_++)                                                       \
            STORE(y + ((at) + k_) * BLOCK, sums_[k_]);                                             \
    } while (0)
        FOR_TILES(w->out_width, TILE);
#undef TILE
    }
}

static vector bias_of(const float *bias, int64_t channels, int64_t index)
{
    float lanes[BLOCK] = {0};
    if (bias)
        memcpy(lanes, bias + index * BLOCK, (size_t)lanes_of(channels, index) * sizeof *lanes);
    return LOAD(lanes);
}

static void depthwise_forward(const struct kernels_window *w, bool relu, const float *x,
                              const float *weights, const float *bias, float *y, float *scratch)
{
    struct geometry g = kernels_geometry(w);
    struct plane plane = in_plane(w, &g, aligned(scratch), 0.0f);
    int64_t blocks = blocked_blocks(&w->in, BLOCK), in = w->in.height * w->in.width * BLOCK;
    int64_t out = w->out_height * w->out_width * BLOCK, block = w->kernel_h * w->kernel_w * BLOCK;
    struct taps taps;
    forward_taps(w, plane.pitch, &taps);
    for (int64_t i = 0; i < w->in.batch * blocks; i++) {
        int64_t b = i % blocks;
        vector start = bias_of(bias, w->in.channels, b);
        plane_begin(&plane, x + i * in);
        if (relu)
            forward_plane(w, &plane, &taps, true, weights + b * block, start, y + i * out);
        else
            forward_plane(w, &plane, &taps, false, weights + b * block, start, y + i * out);
    }
}

// ---- The input's gradient ---------------------------------------------------------------------

// `x`: where what does not pass the Relu is seen, or NULL.
INLINE void input_gradient_plane(const struct kernels_window *w, const struct phase *phase,
                                 struct plane *plane, const float *weights, const float *x,
                                 float *gx, bool add)
{
    int64_t step = w->stride_w * BLOCK;
    for (int64_t h = 0; h < phase->rows; h++) {
        const float *row = plane->data + h * plane->pitch * BLOCK;
        plane_reach(plane, h + phase->reach, false);
        int64_t first = ((phase->first_h + h * w->stride_h) * w->in.width + phase->first_w) * BLOCK;
#define TILE(count, at)                                                                            \
    do {                                                                                           \
        vector sums_[count];                                                                       \
        correlate(count, row + (at)*BLOCK, BLOCK, &phase->taps, weights, (vector){0}, sums_);      \
        for (int k_ = 0; k_ < (count); k_++) {                                                     \
            int64_t to_ = first + ((at) + k_) * step;                                              \
            if (x)                                                                                 \
                sums_[k_] = passed(LOAD(x + to_), sums_[k_]);                                      \
            STORE(gx + to_, add ? LOAD(gx + to_) + sums_[k_] : sums_[k_]);                         \
        }                                                                                          \
    } while (0)
        FOR_TILES_ONCE(phase->columns, TILE);
#undef TILE
    }
}

// ---- The weights' gradient --------------------------------------------------------------------

#define TAPS_AT_ONCE 9

// to[t] += the plane's sum of g and the input under tap t, for `count` taps.
INLINE void weight_gradient_taps(int count, const struct kernels_window *w, struct plane *plane,
                                 bool relu, const int64_t *offsets, const float *g, float *to)
{
    int64_t step = w->stride_w * BLOCK;
    vector sums[TAPS_AT_ONCE];
#pragma GCC unroll 9
    for (int t = 0; t < count; t++)
        sums[t] = (vector){0};
    for (int64_t h = 0; h < w->out_height; h++) {
        const float *row = plane->data + h * w->stride_h * plane->pitch * BLOCK;
        plane_reach(plane, rows_of_window(w, h), relu);
        for (int64_t v = 0; v < w->out_width; v++, row += step, g += BLOCK) {
            vector d = LOAD(g);
#pragma GCC unroll 9
            for (int t = 0; t < count; t++)
                sums[t] += d * LOAD(row + offsets[t]);
        }
    }
#pragma GCC unroll 9
    for (int t = 0; t < count; t++)
        STORE(to + t * BLOCK, LOAD(to + t * BLOCK) + sums[t]);
}

static void weight_gradient_plane(const struct kernels_window *w, struct plane *plane, bool relu,
                                  const struct taps *taps, const float *g, float *to)
{
    int64_t groups = (taps->count + TAPS_AT_ONCE - 1) / TAPS_AT_ONCE, first = 0;
    for (int64_t i = 0; i < groups; i++) {
        int64_t left = groups - i, count = (taps->count - first + left - 1) / left;
        switch (count) {
#define CASE(n)                                                                                    \
    case n:                                                                                        \
        weight_gradient_taps(n, w, plane, relu, taps->offsets + first, g, to + first * BLOCK);     \
        break;
            CASE(1)
            CASE(2)
            CASE(3)
            CASE(4)
            CASE(5)
            CASE(6)
            CASE(7)
            CASE(8)
            CASE(9)
#undef CASE
        }
        first += count;
    }
}

static void bias_gradient_plane(const float *g, int64_t pixels, int64_t lanes, float *to)
{
    vector sum = {0};
    for (int64_t i = 0; i < pixels * BLOCK; i += BLOCK)
        sum += LOAD(g + i);
    float parts[BLOCK];
    STORE(parts, sum);
    for (int64_t l = 0; l < lanes; l++)
        to[l] += parts[l];
}

// ---- Both -------------------------------------------------------------------------------------

static void depthwise_backward(const struct kernels_window *w, bool relu, const float *x,
                               const float *weights, const float *g, float *gx, bool add,
                               float *weight_gradient, float *bias_gradient, float *scratch)
{
    struct geometry geometry = kernels_geometry(w);
    struct plane in = in_plane(w, &geometry, aligned(scratch), 0.0f);
    struct plane out = out_plane(w, &geometry, in.data + in.rows * in.pitch * BLOCK);
    int64_t blocks = blocked_blocks(&w->in, BLOCK), in_size = w->in.height * w->in.width * BLOCK;
    int64_t pixels = w->out_height * w->out_width, taps_size = w->kernel_h * w->kernel_w * BLOCK;
    struct taps taps;
    struct phase phase;
    forward_taps(w, in.pitch, &taps);
    if (weight_gradient)
        memset(weight_gradient, 0, (size_t)(blocks * taps_size) * sizeof *weight_gradient);
    if (bias_gradient)
        memset(bias_gradient, 0, (size_t)w->in.channels * sizeof *bias_gradient);
    bool one_phase = w->stride_h == 1 && w->stride_w == 1;
    if (one_phase)
        phase_of(w, &out, 0, 0, &phase);
    for (int64_t i = 0; i < w->in.batch * blocks; i++) {
        int64_t b = i % blocks;
        const float *from = g + i * pixels * BLOCK;
        if (weight_gradient) {
            plane_begin(&in, x + i * in_size);
            weight_gradient_plane(w, &in, relu, &taps, from, weight_gradient + b * taps_size);
        }
        if (bias_gradient)
            bias_gradient_plane(from, pixels, lanes_of(w->in.channels, b),
                                bias_gradient + b * BLOCK);
        if (!gx)
            continue;
        plane_begin(&out, from);
        for (int64_t h = 0; h < w->stride_h && h < w->in.height; h++)
            for (int64_t v = 0; v < w->stride_w && v < w->in.width; v++) {
                if (!one_phase)
                    phase_of(w, &out, h, v, &phase);
                input_gradient_plane(w, &phase, &out, weights + b * taps_size,
                                     relu ? x + i * in_size : NULL, gx + i * in_size, add);
            }
    }
}
