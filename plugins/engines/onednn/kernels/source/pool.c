// SPDX-License-Identifier: Apache-2.0
// MaxPool, AveragePool and their gradients on planes in scratch; GlobalAveragePool.
#include "../kernels.h"
#include "vectors.h"

// ---- Maxima -----------------------------------------------------------------------------------

// No tap has this number.
#define NO_TAP 255

// The largest of the taps, the first of equal ones; with `any`, what is no number is larger than any.
INLINE void maxima(int count, const float *plane, int64_t step, const struct taps *taps, bool any,
                   float *y, uint8_t *winners)
{
    vector best[8];
    integers winner[8];
#pragma GCC unroll 8
    for (int k = 0; k < count; k++) {
        best[k] = ALL(-INFINITY);
        winner[k] = ALL_INTEGERS(0);
    }
    for (int64_t t = 0; t < taps->count; t++) {
        const float *from = plane + taps->offsets[t];
#pragma GCC unroll 8
        for (int k = 0; k < count; k++)
            take_larger(&best[k], &winner[k], LOAD(from + k * step), (int32_t)t, any);
    }
#pragma GCC unroll 8
    for (int k = 0; k < count; k++) {
        STORE(y + k * BLOCK, best[k]);
        if (winners)
            STORE_BYTES(winners + k * BLOCK, winner[k]);
    }
}

// Whether some window sees nothing but padding: its maximum is then -infinity, beyond the channels too.
static bool has_empty(int64_t outputs, int64_t stride, int64_t kernel, int64_t dilation,
                      int64_t pad, int64_t size)
{
    for (int64_t o = 0; o < outputs; o++) {
        bool seen = false;
        for (int64_t k = 0; k < kernel; k++) {
            int64_t at = o * stride - pad + k * dilation;
            seen = seen || (at >= 0 && at < size);
        }
        if (!seen)
            return true;
    }
    return false;
}

static void clear_lanes(float *y, int64_t size, int64_t lanes)
{
    for (int64_t i = 0; i < size; i += BLOCK)
        STORE(y + i, (vector)((integers)LOAD(y + i) & lane_mask(lanes)));
}

// Whether one of the floats is no number.
INLINE bool has_none(const float *x, int64_t count)
{
    integers none = {0};
    for (int64_t i = 0; i < count; i += BLOCK)
        none |= (integers)(LOAD(x + i) != LOAD(x + i));
    int32_t lanes[BLOCK], any = 0;
    memcpy(lanes, &none, sizeof lanes);
    for (int l = 0; l < BLOCK; l++)
        any |= lanes[l];
    return any != 0;
}

INLINE void maxima_plane(const struct kernels_window *w, struct plane *plane,
                         const struct taps *taps, bool any, float *y, uint8_t *winners)
{
    int64_t step = w->stride_w * BLOCK, row = w->out_width * BLOCK;
    for (int64_t h = 0; h < w->out_height; h++, y += row) {
        const float *from = plane->data + h * w->stride_h * plane->pitch * BLOCK;
        plane_reach(plane, rows_of_window(w, h), false);
#define TILE(count, at)                                                                            \
    maxima(count, from + (at)*step, step, taps, any, y + (at)*BLOCK,                               \
           winners ? winners + (at)*BLOCK : NULL)
        FOR_TILES(w->out_width, TILE);
#undef TILE
        winners = winners ? winners + row : NULL;
    }
}

static void max_forward(const struct kernels_window *w, const float *x, float *y, uint8_t *winners,
                        float *scratch)
{
    struct geometry g = kernels_geometry(w);
    struct plane plane = in_plane(w, &g, aligned(scratch), -INFINITY);
    int64_t blocks = blocked_blocks(&w->in, BLOCK), planes = w->in.batch * blocks;
    int64_t in = w->in.height * w->in.width * BLOCK, out = w->out_height * w->out_width * BLOCK;
    struct taps taps;
    bool empty =
        has_empty(w->out_height, w->stride_h, w->kernel_h, w->dilation_h, w->pad_top,
                  w->in.height) ||
        has_empty(w->out_width, w->stride_w, w->kernel_w, w->dilation_w, w->pad_left, w->in.width);
    forward_taps(w, plane.pitch, &taps);
    for (int64_t i = 0; i < planes; i++) {
        float *to = y + i * out;
        uint8_t *winners_to = winners ? winners + i * out : NULL;
        plane_begin(&plane, x + i * in);
        // Planes without exceptions are faster; they are read here, and stay in the cache.
        if (has_none(x + i * in, in))
            maxima_plane(w, &plane, &taps, true, to, winners_to);
        else
            maxima_plane(w, &plane, &taps, false, to, winners_to);
        if (empty)
            clear_lanes(to, out, lanes_of(w->in.channels, i % blocks));
    }
}

// The sum over the taps of g, where the tap has won.
INLINE void won(int count, const float *plane, const uint8_t *winners, const struct taps *taps,
                vector *sums)
{
#pragma GCC unroll 8
    for (int k = 0; k < count; k++)
        sums[k] = (vector){0};
    for (int64_t t = 0; t < taps->count; t++) {
        const float *from = plane + taps->offsets[t];
        const uint8_t *by = winners + taps->offsets[t];
#pragma GCC unroll 8
        for (int k = 0; k < count; k++)
            sums[k] =
                add_where_equal(sums[k], LOAD(from + k * BLOCK), by + k * BLOCK, taps->which[t]);
    }
}

// A plane's winners lie beside its floats, byte for float.
struct winners {
    uint8_t *data;
    const uint8_t *source;
    int64_t filled;
};

INLINE void winners_reach(const struct plane *plane, struct winners *winners, int64_t rows)
{
    int64_t size = plane->width * BLOCK, end = rows_for(plane, rows);
    for (; winners->filled < end; winners->filled++)
        memcpy(winners->data + (row_in(plane, winners->filled) - plane->data),
               winners->source + winners->filled * size, (size_t)size);
}

// Of one plane; without `winners` all taps share.
INLINE void spread_phase(const struct kernels_window *w, const struct phase *phase,
                         struct plane *plane, struct winners *winners, float *gx, bool add)
{
    int64_t step = w->stride_w * BLOCK;
    for (int64_t h = 0; h < phase->rows; h++) {
        int64_t at = h * plane->pitch * BLOCK;
        plane_reach(plane, h + phase->reach, false);
        if (winners)
            winners_reach(plane, winners, h + phase->reach);
        float *to =
            gx + ((phase->first_h + h * w->stride_h) * w->in.width + phase->first_w) * BLOCK;
#define TILE(count, from)                                                                          \
    do {                                                                                           \
        vector sums_[count];                                                                       \
        if (winners)                                                                               \
            won(count, plane->data + at + (from)*BLOCK, winners->data + at + (from)*BLOCK,         \
                &phase->taps, sums_);                                                              \
        else                                                                                       \
            total(count, plane->data + at + (from)*BLOCK, BLOCK, &phase->taps, sums_);             \
        for (int k_ = 0; k_ < (count); k_++) {                                                     \
            float *to_ = to + ((from) + k_) * step;                                                \
            STORE(to_, add ? LOAD(to_) + sums_[k_] : sums_[k_]);                                   \
        }                                                                                          \
    } while (0)
        FOR_TILES_ONCE(phase->columns, TILE);
#undef TILE
    }
}

INLINE void spread(const struct kernels_window *w, struct plane *plane, struct winners *winners,
                   float *gx, bool add)
{
    struct phase phase;
    for (int64_t h = 0; h < w->stride_h && h < w->in.height; h++)
        for (int64_t v = 0; v < w->stride_w && v < w->in.width; v++) {
            phase_of(w, plane, h, v, &phase);
            spread_phase(w, &phase, plane, winners, gx, add);
        }
}

static void max_backward(const struct kernels_window *w, const uint8_t *winners, const float *g,
                         float *gx, bool add, float *scratch)
{
    struct geometry geometry = kernels_geometry(w);
    struct plane plane = out_plane(w, &geometry, aligned(scratch));
    int64_t planes = w->in.batch * blocked_blocks(&w->in, BLOCK);
    int64_t in = w->in.height * w->in.width * BLOCK, out = w->out_height * w->out_width * BLOCK;
    struct winners beside = {(uint8_t *)(plane.data + plane.rows * plane.pitch * BLOCK), NULL, 0};
    memset(beside.data, NO_TAP, (size_t)(plane.rows * plane.pitch * BLOCK));
    for (int64_t i = 0; i < planes; i++) {
        plane_begin(&plane, g + i * out);
        beside.source = winners + i * out;
        beside.filled = 0;
        spread(w, &plane, &beside, gx + i * in, add);
    }
}

// ---- Averages ---------------------------------------------------------------------------------

// How many taps of a window that begins at `begin` count, along one side: those inside [0, size), or
// with the padding those inside [-pads, size + end). What ceil_mode lets a window reach further
// counts never. At least 1: where no tap counts the sum is 0, and so then is the average.
static int64_t counted(int64_t begin, int64_t kernel, int64_t dilation, int64_t size, int64_t end,
                       bool padding)
{
    int64_t count = 0;
    for (int64_t k = 0; k < kernel; k++) {
        int64_t at = begin + k * dilation;
        count += padding ? at < size + end : at >= 0 && at < size;
    }
    return count ? count : 1;
}

static int64_t counted_rows(const struct kernels_window *w, int64_t h)
{
    return counted(h * w->stride_h - w->pad_top, w->kernel_h, w->dilation_h, w->in.height,
                   w->pad_bottom, w->count_padding);
}

static void count_columns(const struct kernels_window *w, float *columns)
{
    for (int64_t v = 0; v < w->out_width; v++)
        columns[v] = (float)counted(v * w->stride_w - w->pad_left, w->kernel_w, w->dilation_w,
                                    w->in.width, w->pad_right, w->count_padding);
}

static void average_forward(const struct kernels_window *w, const float *x, float *y,
                            float *scratch)
{
    struct geometry g = kernels_geometry(w);
    struct plane plane = in_plane(w, &g, aligned(scratch), 0.0f);
    int64_t planes = w->in.batch * blocked_blocks(&w->in, BLOCK);
    int64_t in = w->in.height * w->in.width * BLOCK, step = w->stride_w * BLOCK;
    float *columns = plane.data + plane.rows * plane.pitch * BLOCK;
    struct taps taps;
    forward_taps(w, plane.pitch, &taps);
    count_columns(w, columns);
    for (int64_t i = 0; i < planes; i++) {
        plane_begin(&plane, x + i * in);
        for (int64_t h = 0; h < w->out_height; h++, y += w->out_width * BLOCK) {
            const float *row = plane.data + h * w->stride_h * plane.pitch * BLOCK;
            float rows = (float)counted_rows(w, h);
            plane_reach(&plane, rows_of_window(w, h), false);
#define TILE(count, at)                                                                            \
    do {                                                                                           \
        vector sums_[count];                                                                       \
        total(count, row + (at)*step, step, &taps, sums_);                                         \
        for (int k_ = 0; k_ < (count); k_++)                                                       \
            STORE(y + ((at) + k_) * BLOCK, sums_[k_] / (rows * columns[(at) + k_]));               \
    } while (0)
            FOR_TILES(w->out_width, TILE);
#undef TILE
        }
    }
}

static void average_backward(const struct kernels_window *w, const float *g, float *gx, bool add,
                             float *scratch)
{
    struct geometry geometry = kernels_geometry(w);
    struct plane plane = out_plane(w, &geometry, aligned(scratch));
    int64_t planes = w->in.batch * blocked_blocks(&w->in, BLOCK);
    int64_t in = w->in.height * w->in.width * BLOCK;
    float *columns = plane.data + plane.rows * plane.pitch * BLOCK;
    count_columns(w, columns);
    for (int64_t i = 0; i < planes; i++) {
        plane_begin(&plane, g);
        plane.filled = plane.height; // by what follows
        for (int64_t h = 0; h < w->out_height; h++) {
            float *to = row_in(&plane, h);
            float rows = (float)counted_rows(w, h);
            for (int64_t v = 0; v < w->out_width; v++, g += BLOCK)
                STORE(to + v * BLOCK, LOAD(g) / (rows * columns[v]));
        }
        spread(w, &plane, NULL, gx + i * in, add);
    }
}

static void global_average_forward(const struct blocked *shape, const float *x, float *y)
{
    int64_t planes = shape->batch * blocked_blocks(shape, BLOCK);
    int64_t pixels = shape->height * shape->width;
    for (int64_t i = 0; i < planes; i++, x += pixels * BLOCK) {
        vector parts[4] = {{0}};
        int64_t p = 0;
        for (; p + 4 <= pixels; p += 4)
            for (int k = 0; k < 4; k++)
                parts[k] += LOAD(x + (p + k) * BLOCK);
        for (; p < pixels; p++)
            parts[0] += LOAD(x + p * BLOCK);
        STORE(y + i * BLOCK, ((parts[0] + parts[1]) + (parts[2] + parts[3])) / (float)pixels);
    }
}

static void global_average_backward(const struct blocked *shape, const float *g, float *gx,
                                    bool add)
{
    int64_t planes = shape->batch * blocked_blocks(shape, BLOCK);
    int64_t pixels = shape->height * shape->width;
    for (int64_t i = 0; i < planes; i++) {
        vector v = LOAD(g + i * BLOCK) / (float)pixels;
        for (int64_t p = 0; p < pixels; p++, gx += BLOCK)
            STORE(gx, add ? LOAD(gx) + v : v);
    }
}
