// SPDX-License-Identifier: Apache-2.0
// Weights of Conv as a program for evaluation takes them: the BatchNormalization behind it folded in,
// packed, and kept from one forward to the next.
//   scale (w * x + b - mean) / sqrt(variance + epsilon) + shift  =  (f w) * x + (f (b - mean) + shift)
// with f = scale / sqrt(variance + epsilon). Weights may be written from outside between any two
// forwards, through pointers that were given long ago; so what they were made of is kept as well, and
// compared: a change of a single bit makes them anew.
#include "network.h"

#include <math.h>
#include <string.h>

// To whole lines of the cache.
static size_t rounded(size_t floats)
{
    return (floats + 15) / 16 * 16;
}

// ---- Folding ------------------------------------------------------------------------------------

bool weights_differ(const struct op *op, const struct step *step, const struct conv_shape *shape)
{
    return step->norm_count > 0 || shape->channels != op->window.channels ||
           shape->out_channels != op->window.out_channels;
}

static double factor_of(const struct step *step, int64_t m)
{
    if (step->norm_count == 0)
        return 1.0;
    const float *variance = step->norm[step->norm_count - 1]->value;
    double scale = step->norm_count == 4 ? (double)step->norm[0]->value[m] : 1.0;
    return scale / sqrt((double)variance[m] + step->norm_epsilon);
}

static float bias_of(const struct op *op, const struct step *step, int64_t m)
{
    double bias = op->weight_count > 1 ? (double)op->weights[1]->value[m] : 0.0;
    if (step->norm_count == 0)
        return (float)bias;
    const float *mean = step->norm[step->norm_count - 2]->value;
    double shift = step->norm_count == 4 ? (double)step->norm[1]->value[m] : 0.0;
    return (float)(factor_of(step, m) * (bias - (double)mean[m]) + shift);
}

static void fill_row(const float *from, double factor, float *to, size_t count)
{
    if (factor == 1.0)
        memcpy(to, from, count * sizeof(float));
    else
        for (size_t i = 0; i < count; i++)
            to[i] = (float)((double)from[i] * factor);
}

void weights_fill(const struct op *op, const struct step *step, const struct conv_shape *shape,
                  float *weights, float *bias)
{
    const struct window *w = &op->window;
    size_t taps = (size_t)(w->kernel_h * w->kernel_w);
    size_t row = (size_t)(w->channels / w->groups) * taps;
    size_t padded_row = shape ? (size_t)(shape->channels / shape->groups) * taps : row;
    size_t rows = (size_t)(shape ? shape->out_channels : w->out_channels);
    for (size_t m = 0; m < rows; m++, weights += padded_row) {
        size_t filled = 0;
        if ((int64_t)m < w->out_channels) {
            fill_row(op->weights[0]->value + m * row, factor_of(step, (int64_t)m), weights, row);
            filled = row;
        }
        memset(weights + filled, 0, (padded_row - filled) * sizeof(float));
    }
    for (size_t m = 0; bias && m < rows; m++)
        bias[m] = (int64_t)m < w->out_channels ? bias_of(op, step, (int64_t)m) : 0.0f;
}

// ---- What is kept -------------------------------------------------------------------------------

// The weights that packed ones are made of: the operator's, then the normalization's.
static const struct weight *source_of(const struct op *op, const struct step *step, uint64_t i)
{
    if (i < op->weight_count)
        return op->weights[i];
    return i < op->weight_count + step->norm_count ? step->norm[i - op->weight_count] : NULL;
}

void ready_reserve(const struct op *op, struct step *step, size_t packed_bytes, int64_t channels)
{
    struct ready_weights *ready = &step->ready;
    const struct weight *weight;
    size_t source = 0;
    for (uint64_t i = 0; (weight = source_of(op, step, i)); i++)
        source += weight->size;
    ready->packed_bytes = packed_bytes;
    ready->packed = 0;
    ready->bias = rounded(packed_bytes / sizeof(float) + 1);
    ready->source = ready->bias + rounded((size_t)channels);
    ready->kept = true;
    step->extra_size = ready->source + source;
}

bool ready_is_current(const struct op *op, const struct step *step)
{
    const float *source = step->extra + step->ready.source;
    const struct weight *weight;
    if (!step->ready.made)
        return false;
    for (uint64_t i = 0; (weight = source_of(op, step, i)); i++) {
        if (memcmp(source, weight->value, weight->size * sizeof(float)) != 0)
            return false;
        source += weight->size;
    }
    return true;
}

void ready_record(const struct op *op, struct step *step)
{
    float *source = step->extra + step->ready.source;
    const struct weight *weight;
    for (uint64_t i = 0; (weight = source_of(op, step, i)); i++) {
        memcpy(source, weight->value, weight->size * sizeof(float));
        source += weight->size;
    }
    step->ready.made = true;
}
