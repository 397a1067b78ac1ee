// SPDX-License-Identifier: Apache-2.0
// Depthwise convolutions: each channel has a filter of its own, too little work for matrix products.
// Forward and the input's gradient are correlations on the planes of planes.h; the filter's gradient
// is a product of whole planes for each tap.
#include "depthwise.h"

#include "planes.h"

#include <string.h>

// Where they lie in the scratch: the input's planes, with room to read beyond; the output or its
// gradient, with margins; the gradient of the planes; the filter in the order of the gradient's taps.
struct parts {
    int64_t y, gx, filter, total; // the planes come first
};

static struct parts parts_of(const struct planes *p)
{
    struct parts parts;
    parts.y = p->channel + LANES + p->margin;
    parts.gx = parts.y + p->span + p->size + p->margin;
    parts.filter = parts.gx + p->channel;
    parts.total = parts.filter + p->tap_count;
    return parts;
}

bool depthwise_prepare(struct program *program, struct op *op)
{
    return need_scratch(program, (size_t)parts_of(op->planes).total);
}

void depthwise_forward(struct program *program, struct op *op)
{
    const struct planes *p = op->planes;
    const struct value *in = &program->values[op->inputs[0]], *out = &program->values[op->index];
    struct parts parts = parts_of(p);
    float *planes = program->scratch, *y = planes + parts.y;
    int64_t channels = op->window.channels, plane = p->height * p->width;
    int64_t area = p->out_height * p->out_width;
    memset(planes, 0, (size_t)parts.total * sizeof(float));
    for (int64_t i = 0; i < channels * (int64_t)program->batch; i++) {
        int64_t c = i % channels;
        planes_fill(p, in->data + i * plane, planes);
        p->loops->correlate(y, planes, p->offsets, op->weights[0]->value + c * p->tap_count,
                            p->tap_count, p->span);
        planes_drop(p, y, op->weight_count > 1 ? op->weights[1]->value[c] : 0.0f,
                    out->data + i * area);
    }
}

void depthwise_backward(struct program *program, struct op *op, bool set)
{
    const struct planes *p = op->planes;
    const struct value *in = &program->values[op->inputs[0]], *out = &program->values[op->index];
    struct parts parts = parts_of(p);
    float *planes = program->scratch, *gy = planes + parts.y, *gx = planes + parts.gx;
    float *ordered = planes + parts.filter;
    int64_t channels = op->window.channels, plane = p->height * p->width;
    int64_t area = p->out_height * p->out_width;
    memset(planes, 0, (size_t)parts.total * sizeof(float));
    for (int64_t i = 0; i < channels * (int64_t)program->batch; i++) {
        const float *filter = op->weights[0]->value + i % channels * p->tap_count;
        planes_lift(p, out->grad + i * area, gy);
        planes_fill(p, in->data + i * plane, planes);
        p->loops->correlate_gradient(gy, planes, p->offsets, p->tap_count, p->span,
                                     op->weights[0]->gradient + i % channels * p->tap_count);
        if (!in->grad)
            continue;
        for (int64_t t = 0; t < p->tap_count; t++)
            ordered[t] = filter[p->order[t]];
        planes_spread(p, gy, ordered, gx);
        planes_take(p, gx, in->grad + i * plane, set);
    }
}
