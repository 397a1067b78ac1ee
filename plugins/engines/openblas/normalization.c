// SPDX-License-Identifier: Apache-2.0
// BatchNormalization (Ioffe and Szegedy 2015) over [N, H, W] of each channel. In training the batch's
// mean and population variance, and the running ones move: running = momentum x running + (1 -
// momentum) x batch, as ONNX has it. Sums of a plane are made in lanes of float, over planes in
// double, always in the same order.
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
    op->window.width = (int64_t)esp_shape_size(shape) / shape->dims[1]; // a plane's elements
    op->saved = floats(2 * (size_t)op->window.channels);
    return op->saved ? ESP_OK : esp_fail(call, ESP_ERROR_MEMORY, "out of memory");
}

VECTOR static float sum_plane(const float *x, int64_t count)
{
    float lanes[LANES] = {0}, sum = 0.0f;
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int l = 0; l < LANES; l++)
            lanes[l] += x[i + l];
    for (; i < count; i++)
        sum += x[i];
    for (int l = 0; l < LANES; l++)
        sum += lanes[l];
    return sum;
}

VECTOR static float square_plane(const float *x, float mean, int64_t count)
{
    float lanes[LANES] = {0}, sum = 0.0f;
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int l = 0; l < LANES; l++)
            lanes[l] += (x[i + l] - mean) * (x[i + l] - mean);
    for (; i < count; i++)
        sum += (x[i] - mean) * (x[i] - mean);
    for (int l = 0; l < LANES; l++)
        sum += lanes[l];
    return sum;
}

// Sum of g and of g (x - mean).
VECTOR static void gradient_sums(const float *restrict x, const float *restrict g, float mean,
                                 int64_t count, float *sum, float *product)
{
    float a[LANES] = {0}, b[LANES] = {0}, s = 0.0f, p = 0.0f;
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int l = 0; l < LANES; l++) {
            a[l] += g[i + l];
            b[l] += g[i + l] * (x[i + l] - mean);
        }
    for (; i < count; i++) {
        s += g[i];
        p += g[i] * (x[i] - mean);
    }
    for (int l = 0; l < LANES; l++) {
        s += a[l];
        p += b[l];
    }
    *sum = s;
    *product = p;
}

// y may be x.
VECTOR static void normalize_plane(const float *x, float *y, float scale, float shift,
                                   int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        y[i] = x[i] * scale + shift;
}

// gx may be g: (g - mean_g - (x - mean) slope) scale, set or added.
VECTOR static void gradient_plane(const float *x, const float *g, float *gx, float mean,
                                  float mean_g, float slope, float scale, int64_t count, bool set)
{
    if (set)
        for (int64_t i = 0; i < count; i++)
            gx[i] = (g[i] - mean_g - (x[i] - mean) * slope) * scale;
    else
        for (int64_t i = 0; i < count; i++)
            gx[i] += (g[i] - mean_g - (x[i] - mean) * slope) * scale;
}

static void batch_statistics(const struct program *program, const struct op *op, int64_t c,
                             double *mean, double *variance)
{
    const struct value *in = &program->values[op->inputs[0]];
    int64_t plane = op->window.width;
    double count = (double)plane * (double)program->batch, sum = 0.0, square = 0.0;
    for (uint64_t n = 0; n < program->batch; n++)
        sum += sum_plane(in->data + n * in->size + c * plane, plane);
    *mean = sum / count;
    for (uint64_t n = 0; n < program->batch; n++)
        square += square_plane(in->data + n * in->size + c * plane, (float)*mean, plane);
    *variance = square / count;
}

static void batch_norm_forward(struct program *program, struct op *op)
{
    const struct value *in = &program->values[op->inputs[0]], *out = &program->values[op->index];
    int64_t plane = op->window.width;
    struct weight **states = op->weights + (op->affine ? 2 : 0);
    float *running_mean = states[0]->value, *running_variance = states[1]->value;
    for (int64_t c = 0; c < op->window.channels; c++) {
        double mean = running_mean[c], variance = running_variance[c];
        if (program->training_mode) {
            batch_statistics(program, op, c, &mean, &variance);
            running_mean[c] = (float)(op->momentum * running_mean[c] + (1.0 - op->momentum) * mean);
            running_variance[c] =
                (float)(op->momentum * running_variance[c] + (1.0 - op->momentum) * variance);
        }
        double inverse = 1.0 / sqrt(variance + op->epsilon);
        double scale = op->affine ? op->weights[0]->value[c] * inverse : inverse;
        double shift = (op->affine ? op->weights[1]->value[c] : 0.0) - mean * scale;
        op->saved[2 * c] = (float)mean;
        op->saved[2 * c + 1] = (float)inverse;
        for (uint64_t n = 0; n < program->batch; n++)
            normalize_plane(in->data + n * in->size + c * plane,
                            out->data + n * out->size + c * plane, (float)scale, (float)shift,
                            plane);
    }
}

static void batch_norm_backward(struct program *program, struct op *op)
{
    struct value *in = &program->values[op->inputs[0]];
    const struct value *out = &program->values[op->index];
    int64_t plane = op->window.width;
    double count = (double)plane * (double)program->batch;
    bool set = !in->filled || in->grad == out->grad;
    for (int64_t c = 0; c < op->window.channels; c++) {
        float mean = op->saved[2 * c], inverse = op->saved[2 * c + 1];
        double sum = 0.0, product = 0.0;
        for (uint64_t n = 0; n < program->batch; n++) {
            float s, p;
            gradient_sums(in->data + n * in->size + c * plane,
                          out->grad + n * out->size + c * plane, mean, plane, &s, &p);
            sum += s;
            product += p;
        }
        float scale = inverse;
        if (op->affine) {
            op->weights[0]->gradient[c] = (float)(product * inverse);
            op->weights[1]->gradient[c] = (float)sum;
            scale *= op->weights[0]->value[c];
        }
        if (!in->grad)
            continue;
        // With running statistics mean and deviation are constants.
        float mean_g = program->training_mode ? (float)(sum / count) : 0.0f;
        float slope = program->training_mode ? (float)(product / count * inverse * inverse) : 0.0f;
        for (uint64_t n = 0; n < program->batch; n++)
            gradient_plane(
                in->data + n * in->size + c * plane, out->grad + n * out->size + c * plane,
                in->grad + n * in->size + c * plane, mean, mean_g, slope, scale, plane, set);
    }
    in->filled = in->grad != NULL;
}

// Its backward reads its input, so the input must stay: it is not in place in forward.
const struct op_type op_batch_norm = {
    .name = "BatchNormalization",
    .attributes = "epsilon momentum affine",
    .reads_input = true,
    .prepare = prepare,
    .forward = batch_norm_forward,
    .backward = batch_norm_backward,
};
