// SPDX-License-Identifier: Apache-2.0
// BatchNormalization (Ioffe and Szegedy 2015) over [N, H, W] of each channel. In training the batch's
// mean and population variance, and the running ones move: running = momentum x running + (1 -
// momentum) x batch, as ONNX has it. A channel of the whole batch comes at a time, so that its several
// passes are made in the cache. A Relu behind it is computed with it, where plan.c says so.
#include "program.h"

#include <math.h>
#include <stdlib.h>

static esp_status prepare(struct program *program, struct op *op, const esp_graph_node *node,
                          esp_call *call)
{
    const esp_shape *shape = &program->ops[op->inputs[0]].shape;
    op->epsilon = attribute_real(node, "epsilon", 1e-5);
    op->momentum = attribute_real(node, "momentum", 0.9);
    op->affine = node->weight_count == 4;
    op->window.channels = shape->dims[1];
    op->area = (int64_t)esp_shape_size(shape) / shape->dims[1]; // a plane's elements
    op->saved = floats(4 * (size_t)op->window.channels);
    return op->saved ? ESP_OK : esp_fail(call, ESP_ERROR_MEMORY, "out of memory");
}

static void batch_statistics(const struct program *program, const struct op *op, int64_t c,
                             double *mean, double *variance)
{
    const struct value *in = &program->values[op->inputs[0]];
    const float *x = in->data + c * op->area;
    double count = (double)op->area * (double)program->batch, sum = 0.0, squares = 0.0;
    for (uint64_t n = 0; n < program->batch; n++)
        sum += (double)program->loops->sum(x + n * in->size, op->area);
    *mean = sum / count;
    for (uint64_t n = 0; n < program->batch; n++)
        squares += (double)program->loops->squares(x + n * in->size, (float)*mean, op->area);
    *variance = squares / count;
}

// Of the last forward, for each channel: mean, 1 / deviation, and y = x scale + shift.
static struct affine affine_of(const struct op *op, int64_t c)
{
    return (struct affine){op->saved[4 * c + 2], op->saved[4 * c + 3], op->with_relu};
}

static void prepare_channel(const struct program *program, struct op *op, int64_t c)
{
    struct weight **states = op->weights + (op->affine ? 2 : 0);
    float *running_mean = &states[0]->value[c], *running_variance = &states[1]->value[c];
    double mean = (double)*running_mean, variance = (double)*running_variance;
    if (program->training_mode) {
        double keep = op->momentum;
        batch_statistics(program, op, c, &mean, &variance);
        *running_mean = (float)(keep * (double)*running_mean + (1.0 - keep) * mean);
        *running_variance = (float)(keep * (double)*running_variance + (1.0 - keep) * variance);
    }
    double inverse = 1.0 / sqrt(variance + op->epsilon);
    double scale = op->affine ? (double)op->weights[0]->value[c] * inverse : inverse;
    double shift = (op->affine ? (double)op->weights[1]->value[c] : 0.0) - mean * scale;
    op->saved[4 * c] = (float)mean;
    op->saved[4 * c + 1] = (float)inverse;
    op->saved[4 * c + 2] = (float)scale;
    op->saved[4 * c + 3] = (float)shift;
}

static void batch_norm_forward(struct program *program, struct op *op)
{
    const struct value *in = &program->values[op->inputs[0]], *out = &program->values[op->index];
    for (int64_t c = 0; c < op->window.channels; c++) {
        prepare_channel(program, op, c);
        for (uint64_t n = 0; n < program->batch; n++)
            program->loops->normalize(in->data + n * in->size + c * op->area, affine_of(op, c),
                                      out->data + n * out->size + c * op->area, op->area);
    }
}

// The gradients of scale and shift; answers what the input's gradient is made with.
static struct slope channel_gradient(const struct program *program, struct op *op, int64_t c)
{
    const struct value *in = &program->values[op->inputs[0]], *out = &program->values[op->index];
    double count = (double)op->area * (double)program->batch, sum = 0.0, product = 0.0;
    struct slope slope = {.mean = op->saved[4 * c], .factor = op->saved[4 * c + 1]};
    double inverse = (double)slope.factor;
    for (uint64_t n = 0; n < program->batch; n++) {
        float s, p;
        program->loops->gradient_sums(in->data + n * in->size + c * op->area,
                                      out->grad + n * out->size + c * op->area, slope.mean,
                                      affine_of(op, c), op->area, &s, &p);
        sum += (double)s;
        product += (double)p;
    }
    if (op->affine) {
        op->weights[0]->gradient[c] = (float)(product * inverse);
        op->weights[1]->gradient[c] = (float)sum;
        slope.factor *= op->weights[0]->value[c];
    }
    // With running statistics mean and deviation are constants.
    if (program->training_mode) {
        slope.mean_g = (float)(sum / count);
        slope.slope = (float)(product / count * inverse * inverse);
    }
    return slope;
}

static void batch_norm_backward(struct program *program, struct op *op)
{
    struct value *in = &program->values[op->inputs[0]];
    const struct value *out = &program->values[op->index];
    bool set = gradient_is_set(program, op);
    for (int64_t c = 0; c < op->window.channels; c++) {
        struct slope slope = channel_gradient(program, op, c);
        for (uint64_t n = 0; in->grad && n < program->batch; n++)
            program->loops->normalize_gradient(
                in->data + n * in->size + c * op->area, out->grad + n * out->size + c * op->area,
                affine_of(op, c), slope, in->grad + n * in->size + c * op->area, op->area, set);
    }
    in->filled = in->grad != NULL;
}

// Its backward reads its input, so in training the input must stay.
const struct op_type op_batch_norm = {
    .name = "BatchNormalization",
    .attributes = "epsilon momentum affine",
    .reads_input = true,
    .in_place_evaluation = true,
    .gradient_in_place = true,
    .prepare = prepare,
    .forward = batch_norm_forward,
    .backward = batch_norm_backward,
};
