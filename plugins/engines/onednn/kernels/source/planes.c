// SPDX-License-Identifier: Apache-2.0
// Planes in scratch with the padding around them, so that no window has a border to look at; and for
// gradients the windows turned round.
#include "../geometry.h"
#include "vectors.h"

// Rows come in when the first window needs them: so they are still in the first-level cache then, and
// memory is read while other rows are computed with.
struct plane {
    float *data;
    int64_t rows, pitch, top, left; // in vectors
    const float *source;            // [height, width]
    int64_t height, width;          // so much of it as windows see
    int64_t source_pitch, filled;   // rows that are there
};

static inline float *aligned(float *scratch)
{
    return scratch + (64 - (uintptr_t)scratch % 64) % 64 / sizeof *scratch;
}

// A plane in scratch for sources of [height, width].
static struct plane plane_at(float *data, int64_t rows, int64_t pitch, int64_t top, int64_t left,
                             int64_t height, int64_t width, float filling)
{
    for (int64_t i = 0; i < rows * pitch * BLOCK; i++)
        data[i] = filling;
    return (struct plane){data,
                          rows,
                          pitch,
                          top,
                          left,
                          NULL,
                          rows - top < height ? rows - top : height,
                          pitch - left < width ? pitch - left : width,
                          width,
                          0};
}

static inline struct plane in_plane(const struct kernels_window *w, const struct geometry *g,
                                    float *data, float filling)
{
    return plane_at(data, g->in_rows, g->in_pitch, g->in_top, g->in_left, w->in.height, w->in.width,
                    filling);
}

static inline struct plane out_plane(const struct kernels_window *w, const struct geometry *g,
                                     float *data)
{
    return plane_at(data, g->out_rows, g->out_pitch, g->out_top, g->out_left, w->out_height,
                    w->out_width, 0.0f);
}

static inline void plane_begin(struct plane *plane, const float *source)
{
    plane->source = source;
    plane->filled = 0;
}

// How many rows of the source must be there for the plane's first `rows` ones.
INLINE int64_t rows_for(const struct plane *plane, int64_t rows)
{
    return rows - plane->top < plane->height ? rows - plane->top : plane->height;
}

INLINE float *row_in(const struct plane *plane, int64_t row)
{
    return plane->data + ((row + plane->top) * plane->pitch + plane->left) * BLOCK;
}

// Brings in what the plane's first `rows` rows hold of the source.
INLINE void plane_reach(struct plane *plane, int64_t rows, bool relu)
{
    for (int64_t end = rows_for(plane, rows); plane->filled < end; plane->filled++) {
        const float *from = plane->source + plane->filled * plane->source_pitch * BLOCK;
        float *to = row_in(plane, plane->filled);
        for (int64_t i = 0; i < plane->width * BLOCK; i += BLOCK) {
            vector v = LOAD(from + i);
            STORE(to + i, relu ? rectified(v) : v);
        }
    }
}

// The plane's rows that output row h sees.
INLINE int64_t rows_of_window(const struct kernels_window *w, int64_t h)
{
    return h * w->stride_h + (w->kernel_h - 1) * w->dilation_h + 1;
}

// The taps of a window over a plane: where they are from its first pixel on, in floats, and which of
// the kernel's taps they are.
struct taps {
    int64_t count;
    int64_t offsets[MOST_TAPS];
    int16_t which[MOST_TAPS];
};

static void forward_taps(const struct kernels_window *w, int64_t pitch, struct taps *taps)
{
    taps->count = 0;
    for (int64_t h = 0; h < w->kernel_h; h++)
        for (int64_t v = 0; v < w->kernel_w; v++) {
            taps->offsets[taps->count] = (h * w->dilation_h * pitch + v * w->dilation_w) * BLOCK;
            taps->which[taps->count] = (int16_t)taps->count;
            taps->count++;
        }
}

// An input's gradient is made of the outputs o with o stride + k dilation - pad = i. Inputs that are
// `stride` apart meet the same taps: they are a phase, whose j-th member is i = first + j stride.
struct phase {
    int64_t first_h, first_w, rows, columns;
    int64_t reach;    // rows of the output's plane that its first row sees
    struct taps taps; // from the pixel (j_h, j_w) of the output's plane on
};

static void phase_of(const struct kernels_window *w, const struct plane *out, int64_t h, int64_t v,
                     struct phase *phase)
{
    phase->first_h = h;
    phase->first_w = v;
    phase->rows = (w->in.height - h + w->stride_h - 1) / w->stride_h;
    phase->columns = (w->in.width - v + w->stride_w - 1) / w->stride_w;
    phase->taps.count = 0;
    phase->reach = 0;
    // In falling order of taps, so in rising order of outputs.
    for (int64_t kh = w->kernel_h - 1; kh >= 0; kh--)
        for (int64_t kw = w->kernel_w - 1; kw >= 0; kw--) {
            int64_t at_h = h + w->pad_top - kh * w->dilation_h;
            int64_t at_w = v + w->pad_left - kw * w->dilation_w;
            if (at_h % w->stride_h != 0 || at_w % w->stride_w != 0)
                continue;
            phase->taps.offsets[phase->taps.count] =
                ((at_h / w->stride_h + out->top) * out->pitch + at_w / w->stride_w + out->left) *
                BLOCK;
            if (at_h / w->stride_h + out->top >= phase->reach)
                phase->reach = at_h / w->stride_h + out->top + 1;
            phase->taps.which[phase->taps.count] = (int16_t)(kh * w->kernel_w + kw);
            phase->taps.count++;
        }
}

// Calls TILE(TILE_WIDTH, at) for `columns` pixels: of 8, of 4, or of 1, the last one over what the one
// before it has done already.
#define FOR_TILES(columns, TILE)                                                                   \
    do {                                                                                           \
        int64_t columns_ = (columns), at_ = 0;                                                     \
        if (columns_ >= 8) {                                                                       \
            for (; at_ + 8 <= columns_; at_ += 8)                                                  \
                TILE(8, at_);                                                                      \
            if (at_ < columns_)                                                                    \
                TILE(8, columns_ - 8);                                                             \
        } else if (columns_ >= 4) {                                                                \
            TILE(4, 0);                                                                            \
            if (columns_ > 4)                                                                      \
                TILE(4, columns_ - 4);                                                             \
        } else {                                                                                   \
            for (; at_ < columns_; at_++)                                                          \
                TILE(1, at_);                                                                      \
        }                                                                                          \
    } while (0)

// The same with no pixel done twice, for results that are added to others.
#define FOR_TILES_ONCE(columns, TILE)                                                              \
    do {                                                                                           \
        int64_t columns_ = (columns), at_ = 0;                                                     \
        for (; at_ + 8 <= columns_; at_ += 8)                                                      \
            TILE(8, at_);                                                                          \
        for (; at_ + 4 <= columns_; at_ += 4)                                                      \
            TILE(4, at_);                                                                          \
        for (; at_ < columns_; at_++)                                                              \
            TILE(1, at_);                                                                          \
    } while (0)

// `count` pixels, `step` floats apart in the plane, of one row: the sum over the taps. `count` is a
// constant where this is inlined.
INLINE void total(int count, const float *plane, int64_t step, const struct taps *taps, vector *y)
{
#pragma GCC unroll 8
    for (int k = 0; k < count; k++)
        y[k] = (vector){0};
    for (int64_t t = 0; t < taps->count; t++) {
        const float *from = plane + taps->offsets[t];
#pragma GCC unroll 8
        for (int k = 0; k < count; k++)
            y[k] += LOAD(from + k * step);
    }
}
