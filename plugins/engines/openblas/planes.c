// SPDX-License-Identifier: Apache-2.0
// Planes by phases, and the loops on them that convolutions and pools share.
#include "planes.h"

#include <stdlib.h>
#include <string.h>

// Beyond it there is no memory, and products would overflow.
#define MOST_ELEMENTS (INT64_C(1) << 36)

static int64_t whole(int64_t count)
{
    return (count + LANES - 1) / LANES * LANES;
}

// ---- Layout -----------------------------------------------------------------------------------

// Numbers the phases that have a tap, and places every tap.
static void place_taps(struct planes *p, const struct window *w)
{
    int64_t phase_total = p->stride_h * p->stride_w, at = 0;
    for (int64_t i = 0; i < phase_total; i++)
        p->phases[i] = -1;
    for (int64_t t = 0; t < p->tap_count; t++) {
        int64_t row = t / w->kernel_w * w->dilation_h, column = t % w->kernel_w * w->dilation_w;
        int64_t *phase = &p->phases[row % p->stride_h * p->stride_w + column % p->stride_w];
        if (*phase < 0)
            *phase = p->phase_count++;
        int64_t inner = row / p->stride_h * p->pitch + column / p->stride_w;
        p->offsets[t] = *phase * p->size + inner;
        p->margin = inner > p->margin ? inner : p->margin;
    }
    for (int64_t phase = 0; phase < p->phase_count; phase++) {
        p->first[phase] = at;
        for (int64_t t = 0; t < p->tap_count; t++)
            if (p->offsets[t] / p->size == phase) {
                p->order[at] = t;
                p->back[at++] = -(p->offsets[t] % p->size);
            }
    }
    p->first[p->phase_count] = at;
    p->margin = whole(p->margin) + LANES;
    p->channel = p->phase_count * p->size;
}

struct planes *planes_create(const struct window *w)
{
    struct planes *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->loops = loops_choose();
    // Where there is one place the stride says nothing, and may be of any size.
    p->stride_h = w->out_height > 1 ? w->stride_h : 1;
    p->stride_w = w->out_width > 1 ? w->stride_w : 1;
    p->pad_top = w->pad_top;
    p->pad_left = w->pad_left;
    p->height = w->height;
    p->width = w->width;
    p->out_height = w->out_height;
    p->out_width = w->out_width;
    p->rows = w->out_height + (w->kernel_h - 1) * w->dilation_h / p->stride_h;
    p->pitch = w->out_width + (w->kernel_w - 1) * w->dilation_w / p->stride_w;
    if (p->rows > MOST_ELEMENTS / p->pitch || p->rows * p->pitch > MOST_ELEMENTS / w->channels) {
        free(p);
        return NULL;
    }
    p->size = whole(p->rows * p->pitch);
    p->places = (p->out_height - 1) * p->pitch + p->out_width;
    p->span = whole(p->places);
    p->tap_count = w->kernel_h * w->kernel_w;
    size_t taps = (size_t)p->tap_count, phases = (size_t)(p->stride_h * p->stride_w);
    p->phases = malloc(phases * sizeof *p->phases);
    p->first = malloc((phases + 1) * sizeof *p->first);
    p->offsets = malloc(taps * sizeof *p->offsets);
    p->order = malloc(taps * sizeof *p->order);
    p->back = malloc(taps * sizeof *p->back);
    if (!p->phases || !p->first || !p->offsets || !p->order || !p->back) {
        planes_destroy(p);
        return NULL;
    }
    place_taps(p, w);
    return p;
}

void planes_destroy(struct planes *p)
{
    if (!p)
        return;
    free(p->phases);
    free(p->first);
    free(p->offsets);
    free(p->order);
    free(p->back);
    free(p);
}

// ---- In and out -------------------------------------------------------------------------------

// Column phase `b` of one row: elements from `*x` on, `*count` of them, lie from `*to` on.
static void meet(const struct planes *p, int64_t b, int64_t *x, int64_t *to, int64_t *count)
{
    int64_t begin = b < p->pad_left ? (p->pad_left - b + p->stride_w - 1) / p->stride_w : 0;
    int64_t end = (p->width + p->pad_left - b + p->stride_w - 1) / p->stride_w;
    end = end < p->pitch ? end : p->pitch;
    *to = begin;
    *x = begin * p->stride_w + b - p->pad_left;
    *count = end > begin ? end - begin : 0;
}

// The rows of phase row a that lie inside: the first, and one past the last.
static void meet_rows(const struct planes *p, int64_t a, int64_t *first, int64_t *end)
{
    *first = a < p->pad_top ? (p->pad_top - a + p->stride_h - 1) / p->stride_h : 0;
    *end = (p->height + p->pad_top - a + p->stride_h - 1) / p->stride_h;
    *end = *end < p->rows ? *end : p->rows;
}

void planes_fill(const struct planes *p, const float *x, float *to)
{
    for (int64_t a = 0; a < p->stride_h; a++)
        for (int64_t b = 0; b < p->stride_w; b++) {
            int64_t phase = p->phases[a * p->stride_w + b], column, at, count, r, end;
            if (phase < 0)
                continue;
            meet(p, b, &column, &at, &count);
            meet_rows(p, a, &r, &end);
            if (count == 0 || end <= r)
                continue;
            const float *from = x + (r * p->stride_h + a - p->pad_top) * p->width + column;
            float *rows = to + phase * p->size + r * p->pitch + at;
            int64_t step = p->stride_h * p->width;
            if (p->stride_w == 1)
                p->loops->copy_rows(from, step, 0.0f, rows, p->pitch, end - r, count);
            else if (p->stride_w == 2)
                p->loops->take_second(from, step, rows, p->pitch, end - r, count);
            else
                for (; r < end; r++, from += step, rows += p->pitch)
                    for (int64_t i = 0; i < count; i++)
                        rows[i] = from[i * p->stride_w];
        }
}

// Row r of phase (a, b); NULL where no tap sees it.
static const float *phase_row(const struct planes *p, const float *from, int64_t a, int64_t b,
                              int64_t r)
{
    int64_t phase = p->phases[a * p->stride_w + b];
    return phase < 0 ? NULL : from + phase * p->size + r * p->pitch;
}

// Both phases of a stride of 2; answers how many elements of each were added.
static int64_t add_both(const struct planes *p, const float *zero, const float *one, float *x)
{
    int64_t from[2], at[2], count[2];
    if (!zero || !one)
        return 0;
    meet(p, 0, &from[0], &at[0], &count[0]);
    meet(p, 1, &from[1], &at[1], &count[1]);
    int64_t pairs = count[0] < count[1] ? count[0] : count[1];
    // One of them begins at column 0, the other at column 1.
    if (from[0] < from[1])
        p->loops->weave(x, zero + at[0], one + at[1], pairs);
    else
        p->loops->weave(x, one + at[1], zero + at[0], pairs);
    return pairs;
}

// Without strides there is one phase, and it lies in one piece.
static void take_whole(const struct planes *p, const float *from, float *x, bool set)
{
    int64_t column, at, count, r, end;
    meet(p, 0, &column, &at, &count);
    meet_rows(p, 0, &r, &end);
    if (set && (count < p->width || end - r < p->height))
        memset(x, 0, (size_t)(p->height * p->width) * sizeof *x);
    from += r * p->pitch + at;
    x += (r - p->pad_top) * p->width + column;
    if (set && end > r)
        p->loops->copy_rows(from, p->pitch, 0.0f, x, p->width, end - r, count);
    for (; !set && r < end; r++, from += p->pitch, x += p->width)
        p->loops->add(x, from, count);
}

void planes_take(const struct planes *p, const float *from, float *x, bool set)
{
    if (p->stride_h == 1 && p->stride_w == 1) {
        take_whole(p, from, x, set);
        return;
    }
    for (int64_t row = 0; row < p->height; row++, x += p->width) {
        int64_t a = (row + p->pad_top) % p->stride_h, r = (row + p->pad_top) / p->stride_h;
        int64_t done = 0, first, at, count;
        if (set)
            memset(x, 0, (size_t)p->width * sizeof *x);
        if (r >= p->rows)
            continue;
        if (p->stride_w == 2)
            done = add_both(p, phase_row(p, from, a, 0, r), phase_row(p, from, a, 1, r), x);
        for (int64_t b = 0; b < p->stride_w; b++) {
            const float *source = phase_row(p, from, a, b, r);
            meet(p, b, &first, &at, &count);
            for (int64_t i = done; source && i < count; i++)
                x[first + i * p->stride_w] += source[at + i];
        }
    }
}

void planes_lift(const struct planes *p, const float *y, float *to)
{
    p->loops->copy_rows(y, p->out_width, 0.0f, to, p->pitch, p->out_height, p->out_width);
}

void planes_drop(const struct planes *p, const float *from, float bias, float *y)
{
    p->loops->copy_rows(from, p->pitch, bias, y, p->out_width, p->out_height, p->out_width);
}

void planes_spread(const struct planes *p, const float *gy, const float *weights, float *to)
{
    for (int64_t phase = 0; phase < p->phase_count; phase++) {
        int64_t first = p->first[phase];
        p->loops->correlate(to + phase * p->size, gy, p->back + first, weights + first,
                            p->first[phase + 1] - first, p->size);
    }
}
