// SPDX-License-Identifier: Apache-2.0
// BatchNormalization, a block of channels at a time. Memory is what it costs: the forward reads x
// twice and writes y, the backward reads x and g twice and writes gx. Second passes go through the
// batch backwards, so that they begin with what the first ones left in the cache.
#include "../kernels.h"
#include "vectors.h"

// A channel's numbers in `saved`, each an array over all channels: `center` is the mean rounded,
// `rest` what the rounding lost; y = (x - center) factor + offset.
enum saved { CENTER, REST, INVERSE, FACTOR, OFFSET };

// Pixels whose sums are made in single precision before they join the double ones.
#define PIECE 256
// The center is found in one of so many images, or in PIECE pixels if those are more. It is then within
// sqrt(SAMPLE) deviations of the mean, whatever the numbers are: so that no more than a factor of
// SAMPLE + 1 is lost where its square leaves the sum of squares.
#define SAMPLE 64

// One block of a blocked tensor: where its first image is, and how far its images are apart.
struct column {
    int64_t batch, pixels, first, pitch;
};

static inline struct column column_of(const struct blocked *shape, int64_t index)
{
    int64_t pixels = shape->height * shape->width;
    return (struct column){shape->batch, pixels, index * pixels * BLOCK,
                           blocked_blocks(shape, BLOCK) * pixels * BLOCK};
}

INLINE vector saved_at(const float *saved, int64_t padded, enum saved number, int64_t index)
{
    return LOAD(saved + number * padded + index * BLOCK);
}

// So many of the next pixels as fill the piece that is begun.
static inline int64_t piece_of(int64_t pixels, int64_t waiting)
{
    return pixels < PIECE - waiting ? pixels : PIECE - waiting;
}

// Adds the parts, which begin anew.
INLINE void join(double *to, vector *parts)
{
    float lanes[BLOCK];
    STORE(lanes, (parts[0] + parts[1]) + (parts[2] + parts[3]));
    for (int l = 0; l < BLOCK; l++)
        to[l] += (double)lanes[l];
    for (int k = 0; k < 4; k++)
        parts[k] = (vector){0};
}

// ---- Forward ----------------------------------------------------------------------------------

// Sums of d and d^2, where d = x - center, over the first images.
static void deviations(const float *x, const struct column *column, int64_t images, vector center,
                       double *sums, double *squares)
{
    vector s[4] = {{0}}, q[4] = {{0}};
    int64_t waiting = 0; // pixels in them
    for (int64_t n = 0; n < images; n++)
        for (int64_t first = 0, count; first < column->pixels; first += count) {
            count = piece_of(column->pixels - first, waiting);
            const float *from = x + column->first + n * column->pitch + first * BLOCK;
            int64_t i = 0;
            for (; i + 4 <= count; i += 4)
                for (int k = 0; k < 4; k++) {
                    vector d = LOAD(from + (i + k) * BLOCK) - center;
                    s[k] += d;
                    q[k] += d * d;
                }
            for (; i < count; i++) {
                vector d = LOAD(from + i * BLOCK) - center;
                s[0] += d;
                q[0] += d * d;
            }
            waiting += count;
            if (waiting == PIECE || (n == images - 1 && first + count == column->pixels)) {
                join(sums, s);
                join(squares, q);
                waiting = 0;
            }
        }
}

static void statistics(const float *x, const struct column *column, double *mean, double *variance)
{
    int64_t images = (column->batch + SAMPLE - 1) / SAMPLE;
    if (images * column->pixels < PIECE)
        images = (PIECE + column->pixels - 1) / column->pixels;
    if (images > column->batch)
        images = column->batch;
    double sums[BLOCK] = {0}, squares[BLOCK] = {0};
    double sample = (double)images * (double)column->pixels;
    double count = (double)column->batch * (double)column->pixels;
    float center[BLOCK];
    STORE(center, LOAD(x + column->first));
    deviations(x, column, images, LOAD(center), sums, squares);
    for (int l = 0; l < BLOCK; l++) {
        center[l] = (float)((double)center[l] + sums[l] / sample);
        sums[l] = squares[l] = 0.0;
    }
    deviations(x, column, column->batch, LOAD(center), sums, squares);
    for (int l = 0; l < BLOCK; l++) {
        double square = squares[l] - sums[l] * sums[l] / count;
        mean[l] = (double)center[l] + sums[l] / count;
        variance[l] = square < 0.0 ? 0.0 : square / count;
    }
}

// Fills block `index` of `saved` and moves the running statistics. Lanes beyond the channels get zeros.
static void prepare(const struct norm *norm, const struct column *column, int64_t index)
{
    int64_t padded = blocked_blocks(&norm->shape, BLOCK) * BLOCK;
    double mean[BLOCK], variance[BLOCK];
    if (norm->training)
        statistics(norm->x, column, mean, variance);
    for (int l = 0; l < BLOCK; l++) {
        int64_t c = index * BLOCK + l;
        float *saved = norm->saved + c;
        if (c >= norm->shape.channels) {
            for (int number = CENTER; number <= OFFSET; number++)
                saved[number * padded] = 0.0f;
            continue;
        }
        if (!norm->training) {
            mean[l] = (double)norm->running_mean[c];
            variance[l] = (double)norm->running_variance[c];
        } else if (norm->running_mean) {
            float *m = &norm->running_mean[c], *v = &norm->running_variance[c];
            double keep = norm->momentum;
            *m = (float)(keep * (double)*m + (1.0 - keep) * mean[l]);
            *v = (float)(keep * (double)*v + (1.0 - keep) * variance[l]);
        }
        double inverse = 1.0 / sqrt(variance[l] + norm->epsilon), rest = mean[l] - (float)mean[l];
        double factor = norm->scale ? (double)norm->scale[c] * inverse : inverse;
        saved[CENTER * padded] = (float)mean[l];
        saved[REST * padded] = (float)rest;
        saved[INVERSE * padded] = (float)inverse;
        saved[FACTOR * padded] = (float)factor;
        saved[OFFSET * padded] =
            (float)((norm->shift ? (double)norm->shift[c] : 0.0) - rest * factor);
    }
}

// relu and with_residual are constants where this is inlined.
INLINE void normalize_rows(const float *x, const float *residual, float *y, int64_t count,
                           vector center, vector factor, vector offset, bool relu,
                           bool with_residual)
{
    for (int64_t i = 0; i < count * BLOCK; i += BLOCK) {
        vector v = (LOAD(x + i) - center) * factor + offset;
        if (with_residual)
            v += LOAD(residual + i);
        STORE(y + i, relu ? rectified(v) : v);
    }
}

static void norm_forward(const struct norm *norm)
{
    int64_t blocks = blocked_blocks(&norm->shape, BLOCK), padded = blocks * BLOCK;
    for (int64_t b = 0; b < blocks; b++) {
        struct column column = column_of(&norm->shape, b);
        prepare(norm, &column, b);
        vector center = saved_at(norm->saved, padded, CENTER, b);
        vector factor = saved_at(norm->saved, padded, FACTOR, b);
        vector offset = saved_at(norm->saved, padded, OFFSET, b);
        for (int64_t n = column.batch - 1; n >= 0; n--) {
            int64_t at = column.first + n * column.pitch, count = column.pixels;
            const float *x = norm->x + at, *residual = norm->residual ? norm->residual + at : NULL;
            float *y = norm->y + at;
            if (residual && norm->relu)
                normalize_rows(x, residual, y, count, center, factor, offset, true, true);
            else if (residual)
                normalize_rows(x, residual, y, count, center, factor, offset, false, true);
            else if (norm->relu)
                normalize_rows(x, NULL, y, count, center, factor, offset, true, false);
            else
                normalize_rows(x, NULL, y, count, center, factor, offset, false, false);
        }
    }
}

// ---- Backward ---------------------------------------------------------------------------------

// What passes the Relu, if there is one: by the output, or by the input taken through the forward.
enum passing { ALL_PASS, BY_OUTPUT, BY_INPUT };

struct lanes {
    vector center, factor, offset; // of the forward
    vector slope, constant, by;    // gx = g by + (x - center) slope + constant
};

INLINE vector passing_gradient(enum passing passing, vector g, const float *y, vector deviation,
                               const struct lanes *l)
{
    if (passing == BY_OUTPUT)
        return passed(LOAD(y), g);
    if (passing == BY_INPUT)
        return passed(deviation * l->factor + l->offset, g);
    return g;
}

// Sums of g and of g (x - center).
INLINE void gradient_sums(const float *x, const float *y, const float *g,
                          const struct column *column, enum passing passing, const struct lanes *l,
                          double *sums, double *products)
{
    vector s[4] = {{0}}, p[4] = {{0}};
    int64_t waiting = 0; // pixels in them
    for (int64_t n = 0; n < column->batch; n++)
        for (int64_t first = 0, count; first < column->pixels; first += count) {
            count = piece_of(column->pixels - first, waiting);
            int64_t from = column->first + n * column->pitch + first * BLOCK, i = 0;
            for (; i + 4 <= count; i += 4)
                for (int k = 0; k < 4; k++) {
                    int64_t at = from + (i + k) * BLOCK;
                    vector d = LOAD(x + at) - l->center;
                    vector v = passing_gradient(passing, LOAD(g + at), y + at, d, l);
                    s[k] += v;
                    p[k] += v * d;
                }
            for (; i < count; i++) {
                int64_t at = from + i * BLOCK;
                vector d = LOAD(x + at) - l->center;
                vector v = passing_gradient(passing, LOAD(g + at), y + at, d, l);
                s[0] += v;
                p[0] += v * d;
            }
            waiting += count;
            if (waiting == PIECE || (n == column->batch - 1 && first + count == column->pixels)) {
                join(sums, s);
                join(products, p);
                waiting = 0;
            }
        }
}

INLINE void gradient_rows(const float *x, const float *y, const float *g, int64_t count,
                          enum passing passing, const struct lanes *l, float *gx, bool add,
                          float *residual, bool residual_add)
{
    for (int64_t at = 0; at < count * BLOCK; at += BLOCK) {
        vector d = LOAD(x + at) - l->center;
        vector v = passing_gradient(passing, LOAD(g + at), y + at, d, l);
        if (residual)
            STORE(residual + at, residual_add ? LOAD(residual + at) + v : v);
        if (gx) {
            v = v * l->by + d * l->slope + l->constant;
            STORE(gx + at, add ? LOAD(gx + at) + v : v);
        }
    }
}

// The cases that training meets are inlined with constants; the others share one.
INLINE void gradient_rows_of(const float *x, const float *y, const float *g, int64_t count,
                             enum passing passing, const struct lanes *l, float *gx, bool add,
                             float *residual, bool residual_add)
{
    if (gx && !residual && !add)
        gradient_rows(x, y, g, count, passing, l, gx, false, NULL, false);
    else if (gx && !residual)
        gradient_rows(x, y, g, count, passing, l, gx, true, NULL, false);
    else
        gradient_rows(x, y, g, count, passing, l, gx, add, residual, residual_add);
}

// The gradients of scale and shift; completes `lanes`.
static void channel_gradients(const struct norm_gradient *d, int64_t index, const double *sums,
                              const double *products, struct lanes *lanes)
{
    int64_t padded = blocked_blocks(&d->shape, BLOCK) * BLOCK;
    double count = (double)d->shape.batch * (double)d->shape.height * (double)d->shape.width;
    float slope[BLOCK], constant[BLOCK];
    for (int l = 0; l < BLOCK; l++) {
        int64_t c = index * BLOCK + l;
        double rest = (double)d->saved[REST * padded + c];
        double inverse = (double)d->saved[INVERSE * padded + c];
        double factor = (double)d->saved[FACTOR * padded + c];
        double product = products[l] - rest * sums[l]; // about the mean itself
        double by = d->training ? product / count * inverse * inverse : 0.0;
        slope[l] = (float)(-by * factor);
        constant[l] = d->training ? (float)((rest * by - sums[l] / count) * factor) : 0.0f;
        if (c < d->shape.channels && d->scale_gradient)
            d->scale_gradient[c] = (float)(product * inverse);
        if (c < d->shape.channels && d->shift_gradient)
            d->shift_gradient[c] = (float)sums[l];
    }
    lanes->slope = LOAD(slope);
    lanes->constant = LOAD(constant);
    lanes->by = lanes->factor;
}

INLINE void backward_block(const struct norm_gradient *d, int64_t index, enum passing passing)
{
    int64_t padded = blocked_blocks(&d->shape, BLOCK) * BLOCK;
    struct column column = column_of(&d->shape, index);
    struct lanes lanes = {
        .center = saved_at(d->saved, padded, CENTER, index),
        .factor = saved_at(d->saved, padded, FACTOR, index),
        .offset = saved_at(d->saved, padded, OFFSET, index),
    };
    const float *y = d->y ? d->y : d->x;
    double sums[BLOCK] = {0}, products[BLOCK] = {0};
    if (d->training || d->scale_gradient || d->shift_gradient)
        gradient_sums(d->x, y, d->g, &column, passing, &lanes, sums, products);
    channel_gradients(d, index, sums, products, &lanes);
    if (!d->gx && !d->residual_gradient)
        return;
    for (int64_t n = column.batch - 1; n >= 0; n--) {
        int64_t at = column.first + n * column.pitch;
        gradient_rows_of(d->x + at, y + at, d->g + at, column.pixels, passing, &lanes,
                         d->gx ? d->gx + at : NULL, d->add,
                         d->residual_gradient ? d->residual_gradient + at : NULL, d->residual_add);
    }
}

static void norm_backward(const struct norm_gradient *d)
{
    int64_t blocks = blocked_blocks(&d->shape, BLOCK);
    for (int64_t b = 0; b < blocks; b++) {
        if (!d->relu)
            backward_block(d, b, ALL_PASS);
        else if (d->y)
            backward_block(d, b, BY_OUTPUT);
        else
            backward_block(d, b, BY_INPUT);
    }
}
