// SPDX-License-Identifier: Apache-2.0
// MaxPool (the first maximum of a window gets the gradient; padding never wins), AveragePool with and
// without the padding counted, on the planes of planes.h; GlobalAveragePool.
#include "planes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// A tap's number is kept in 16 bits.
#define MOST_TAPS 65535

// Where they lie in the scratch: the planes, with room to read beyond; the output or its gradient,
// with margins.
struct parts {
    int64_t y, total;
};

static struct parts parts_of(const struct planes *p)
{
    struct parts parts;
    parts.y = p->channel + LANES + p->margin;
    parts.total = parts.y + p->span + p->size + p->margin;
    return parts;
}

static esp_status prepare(struct program *program, struct op *op, const esp_graph_node *node,
                          esp_call *call)
{
    esp_status status = window_of_node(&op->window, node, &program->ops[op->inputs[0]].shape, call);
    if (status != ESP_OK)
        return status;
    if (op->window.kernel_h > MOST_TAPS / op->window.kernel_w)
        return esp_fail(call, ESP_ERROR_UNSUPPORTED,
                        "'%s': the engine " ENGINE_ID " has %s of up to %d taps", node->path,
                        node->op, MOST_TAPS);
    op->planes = planes_create(&op->window);
    return op->planes && need_scratch(program, (size_t)parts_of(op->planes).total)
               ? ESP_OK
               : esp_fail(call, ESP_ERROR_MEMORY, "out of memory");
}

static int64_t plane_count(const struct program *program, const struct op *op)
{
    return op->window.channels * (int64_t)program->batch;
}

// ---- Maxima -----------------------------------------------------------------------------------

static esp_status prepare_max(struct program *program, struct op *op, const esp_graph_node *node,
                              esp_call *call)
{
    esp_status status = prepare(program, op, node, call);
    if (status != ESP_OK || !program->training)
        return status;
    // `spread` looks a margin around each plane.
    size_t planes = (size_t)op->window.channels * program->max_batch;
    size_t count =
        planes * (size_t)op->planes->span + (size_t)(2 * op->planes->margin + op->planes->size);
    op->winners = calloc(count, sizeof *op->winners);
    return op->winners ? ESP_OK : esp_fail(call, ESP_ERROR_MEMORY, "out of memory");
}

static void max_forward(struct program *program, struct op *op)
{
    const struct planes *p = op->planes;
    const struct value *in = &program->values[op->inputs[0]], *out = &program->values[op->index];
    float *planes = program->scratch, *y = planes + parts_of(p).y;
    for (int64_t i = 0; i < p->channel + LANES; i++)
        planes[i] = -INFINITY;
    for (int64_t i = 0; i < plane_count(program, op); i++) {
        planes_fill(p, in->data + i * p->height * p->width, planes);
        p->loops->maximum(planes, p->offsets, p->tap_count, y,
                          op->winners ? op->winners + p->margin + i * p->span : NULL, p->span);
        planes_drop(p, y, 0.0f, out->data + i * p->out_height * p->out_width);
    }
}

static void max_backward(struct program *program, struct op *op)
{
    const struct planes *p = op->planes;
    struct value *in = &program->values[op->inputs[0]];
    const struct value *out = &program->values[op->index];
    float *planes = program->scratch, *gy = planes + parts_of(p).y;
    if (!in->grad)
        return;
    memset(planes, 0, (size_t)parts_of(p).total * sizeof(float));
    for (int64_t i = 0; i < plane_count(program, op); i++) {
        planes_lift(p, out->grad + i * p->out_height * p->out_width, gy);
        for (int64_t phase = 0; phase < p->phase_count; phase++) {
            int64_t first = p->first[phase];
            p->loops->maximum_gradient(gy, op->winners + p->margin + i * p->span, p->order + first,
                                       p->back + first, p->first[phase + 1] - first,
                                       planes + phase * p->size, p->size);
        }
        planes_take(p, planes, in->grad + i * p->height * p->width, !in->filled);
    }
    in->filled = true;
}

const struct op_type op_max_pool = {
    .name = "MaxPool",
    .attributes = WINDOW_ATTRIBUTES " ceil_mode",
    .prepare = prepare_max,
    .forward = max_forward,
    .backward = max_backward,
};

// ---- Averages ---------------------------------------------------------------------------------

// How many taps of a window that begins at `begin` count, along one side: those inside [0, size), or
// with the padding those inside [-pads, size + end). What ceil_mode lets a window reach further
// counts never.
static int64_t counted(int64_t begin, int64_t kernel, int64_t dilation, int64_t size, int64_t end,
                       bool padding)
{
    int64_t count = 0;
    for (int64_t k = 0; k < kernel; k++) {
        int64_t at = begin + k * dilation;
        count += padding ? at < size + end : at >= 0 && at < size;
    }
    return count;
}

static esp_status prepare_average(struct program *program, struct op *op,
                                  const esp_graph_node *node, esp_call *call)
{
    const struct window *w = &op->window;
    esp_status status = prepare(program, op, node, call);
    if (status != ESP_OK)
        return status;
    // The divisors, and a weight of 1 for each tap.
    op->divisors = floats((size_t)(op->planes->span + op->planes->tap_count));
    if (!op->divisors)
        return esp_fail(call, ESP_ERROR_MEMORY, "out of memory");
    for (int64_t i = 0; i < op->planes->span + op->planes->tap_count; i++)
        op->divisors[i] = 1.0f;
    for (int64_t oh = 0; oh < w->out_height; oh++)
        for (int64_t ow = 0; ow < w->out_width; ow++) {
            int64_t rows = counted(oh * w->stride_h - w->pad_top, w->kernel_h, w->dilation_h,
                                   w->height, w->pad_bottom, w->count_padding);
            int64_t columns = counted(ow * w->stride_w - w->pad_left, w->kernel_w, w->dilation_w,
                                      w->width, w->pad_right, w->count_padding);
            op->divisors[oh * op->planes->pitch + ow] = (float)(rows * columns);
        }
    return ESP_OK;
}

static void average_forward(struct program *program, struct op *op)
{
    const struct planes *p = op->planes;
    const struct value *in = &program->values[op->inputs[0]], *out = &program->values[op->index];
    float *planes = program->scratch, *y = planes + parts_of(p).y;
    memset(planes, 0, (size_t)parts_of(p).total * sizeof(float));
    for (int64_t i = 0; i < plane_count(program, op); i++) {
        planes_fill(p, in->data + i * p->height * p->width, planes);
        p->loops->correlate(y, planes, p->offsets, op->divisors + p->span, p->tap_count, p->span);
        p->loops->divide(y, op->divisors, p->span);
        planes_drop(p, y, 0.0f, out->data + i * p->out_height * p->out_width);
    }
}

static void average_backward(struct program *program, struct op *op)
{
    const struct planes *p = op->planes;
    struct value *in = &program->values[op->inputs[0]];
    const struct value *out = &program->values[op->index];
    float *planes = program->scratch, *gy = planes + parts_of(p).y;
    if (!in->grad)
        return;
    memset(planes, 0, (size_t)parts_of(p).total * sizeof(float));
    for (int64_t i = 0; i < plane_count(program, op); i++) {
        planes_lift(p, out->grad + i * p->out_height * p->out_width, gy);
        p->loops->divide(gy, op->divisors, p->span);
        planes_spread(p, gy, op->divisors + p->span, planes);
        planes_take(p, planes, in->grad + i * p->height * p->width, !in->filled);
    }
    in->filled = true;
}

const struct op_type op_average_pool = {
    .name = "AveragePool",
    .attributes = WINDOW_ATTRIBUTES " ceil_mode count_include_pad",
    .prepare = prepare_average,
    .forward = average_forward,
    .backward = average_backward,
};

static void global_forward(struct program *program, struct op *op)
{
    const struct value *in = &program->values[op->inputs[0]], *out = &program->values[op->index];
    size_t plane = in->size / out->size;
    for (size_t i = 0; i < out->size * program->batch; i++)
        out->data[i] = program->loops->sum(in->data + i * plane, (int64_t)plane) / (float)plane;
}

static void spread_constant(float *x, float constant, size_t count, bool set)
{
    for (size_t i = 0; i < count; i++)
        x[i] = set ? constant : x[i] + constant;
}

static void global_backward(struct program *program, struct op *op)
{
    struct value *in = &program->values[op->inputs[0]];
    const struct value *out = &program->values[op->index];
    size_t plane = in->size / out->size;
    if (!in->grad)
        return;
    for (size_t i = 0; i < out->size * program->batch; i++)
        spread_constant(in->grad + i * plane, out->grad[i] / (float)plane, plane, !in->filled);
    in->filled = true;
}

const struct op_type op_global_average_pool = {
    .name = "GlobalAveragePool",
    .forward = global_forward,
    .backward = global_backward,
};

// ---- GlobalMaxPool ----------------------------------------------------------------------------

static esp_status prepare_global_max(struct program *program, struct op *op,
                                     const esp_graph_node *node, esp_call *call)
{
    size_t planes, plane = program->values[op->inputs[0]].size / program->values[op->index].size;
    if (plane > UINT32_MAX)
        return esp_fail(call, ESP_ERROR_UNSUPPORTED, "'%s': a plane of %zu elements", node->path,
                        plane);
    if (!program->training)
        return ESP_OK;
    if (!__builtin_mul_overflow(program->values[op->index].size, program->max_batch, &planes))
        op->places = calloc(planes, sizeof *op->places);
    return op->places ? ESP_OK : esp_fail(call, ESP_ERROR_MEMORY, "out of memory");
}

// The first of equal ones; what is no number counts as the largest.
static void global_max_forward(struct program *program, struct op *op)
{
    const struct value *in = &program->values[op->inputs[0]], *out = &program->values[op->index];
    size_t plane = in->size / out->size;
    for (size_t i = 0; i < out->size * program->batch; i++) {
        const float *x = in->data + i * plane;
        size_t at = 0;
        for (size_t k = 1; k < plane && !isnan(x[at]); k++)
            at = x[k] > x[at] || isnan(x[k]) ? k : at;
        out->data[i] = x[at];
        if (op->places)
            op->places[i] = (uint32_t)at;
    }
}

static void global_max_backward(struct program *program, struct op *op)
{
    struct value *in = &program->values[op->inputs[0]];
    const struct value *out = &program->values[op->index];
    size_t plane = in->size / out->size;
    if (!in->grad)
        return;
    if (!in->filled)
        memset(in->grad, 0, in->size * program->batch * sizeof(float));
    for (size_t i = 0; i < out->size * program->batch; i++)
        in->grad[i * plane + op->places[i]] += out->grad[i];
    in->filled = true;
}

const struct op_type op_global_max_pool = {
    .name = "GlobalMaxPool",
    .prepare = prepare_global_max,
    .forward = global_max_forward,
    .backward = global_max_backward,
};
