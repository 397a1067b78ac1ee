// SPDX-License-Identifier: Apache-2.0
// Operators that work element by element, or move elements: activations, Dropout, Add, Concat,
// Identity, Flatten, None. Activations are differentiated by their output, so they may overwrite
// their input.
#include "program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t elements(const struct program *program, const struct op *op)
{
    return program->values[op->index].size * program->batch;
}

// ---- Activations ------------------------------------------------------------------------------

VECTOR static void relu(const float *x, float *y, size_t count)
{
    for (size_t i = 0; i < count; i++)
        y[i] = x[i] < 0.0f ? 0.0f : x[i];
}

// gx may be gy.
VECTOR static void relu_gradient(const float *y, const float *gy, float *gx, size_t count, bool set)
{
    if (set)
        for (size_t i = 0; i < count; i++)
            gx[i] = y[i] <= 0.0f ? 0.0f : gy[i];
    else
        for (size_t i = 0; i < count; i++)
            gx[i] += y[i] <= 0.0f ? 0.0f : gy[i];
}

static void sigmoid(const float *x, float *y, size_t count)
{
    for (size_t i = 0; i < count; i++)
        y[i] = x[i] >= 0.0f ? 1.0f / (1.0f + expf(-x[i])) : expf(x[i]) / (1.0f + expf(x[i]));
}

static void sigmoid_gradient(const float *y, const float *gy, float *gx, size_t count, bool set)
{
    for (size_t i = 0; i < count; i++) {
        float g = gy[i] * y[i] * (1.0f - y[i]);
        gx[i] = set ? g : gx[i] + g;
    }
}

static void hyperbolic(const float *x, float *y, size_t count)
{
    for (size_t i = 0; i < count; i++)
        y[i] = tanhf(x[i]);
}

static void hyperbolic_gradient(const float *y, const float *gy, float *gx, size_t count, bool set)
{
    for (size_t i = 0; i < count; i++) {
        float g = gy[i] * (1.0f - y[i] * y[i]);
        gx[i] = set ? g : gx[i] + g;
    }
}

#define ACTIVATION(type_name, onnx_name, apply, gradient)                                          \
    static void type_name##_forward(struct program *program, struct op *op)                        \
    {                                                                                              \
        apply(program->values[op->inputs[0]].data, program->values[op->index].data,                \
              elements(program, op));                                                              \
    }                                                                                              \
    static void type_name##_backward(struct program *program, struct op *op)                       \
    {                                                                                              \
        struct value *in = &program->values[op->inputs[0]];                                        \
        const struct value *out = &program->values[op->index];                                     \
        if (!in->grad)                                                                             \
            return;                                                                                \
        gradient(out->data, out->grad, in->grad, elements(program, op),                            \
                 !in->filled || in->grad == out->grad);                                            \
        in->filled = true;                                                                         \
    }                                                                                              \
    const struct op_type type_name = {.name = onnx_name,                                           \
                                      .reads_output = true,                                        \
                                      .in_place = true,                                            \
                                      .forward = type_name##_forward,                              \
                                      .backward = type_name##_backward}

ACTIVATION(op_relu, "Relu", relu, relu_gradient);
ACTIVATION(op_sigmoid, "Sigmoid", sigmoid, sigmoid_gradient);
ACTIVATION(op_tanh, "Tanh", hyperbolic, hyperbolic_gradient);

// ---- Nothing at all ---------------------------------------------------------------------------

static void alias_forward(struct program *program, struct op *op)
{
    (void)program;
    (void)op; // the same memory
}

static void alias_backward(struct program *program, struct op *op)
{
    struct value *in = &program->values[op->inputs[0]];
    if (in->grad == program->values[op->index].grad)
        in->filled = true;
    else
        gradient_add(in, program->values[op->index].grad, elements(program, op));
}

const struct op_type op_identity = {
    .name = "Identity", .alias = true, .forward = alias_forward, .backward = alias_backward};
const struct op_type op_flatten = {.name = "Flatten",
                                   .attributes = "axis",
                                   .alias = true,
                                   .forward = alias_forward,
                                   .backward = alias_backward};

static void none_forward(struct program *program, struct op *op)
{
    memset(program->values[op->index].data, 0, elements(program, op) * sizeof(float));
}

static void none_backward(struct program *program, struct op *op)
{
    (void)program;
    (void)op; // its input gets nothing: what is never filled counts as zero
}

const struct op_type op_none = {.name = "None", .forward = none_forward, .backward = none_backward};

// ---- Dropout ----------------------------------------------------------------------------------

static esp_status prepare_dropout(struct program *program, struct op *op,
                                  const esp_graph_node *node, esp_call *call)
{
    op->ratio = attribute_real(node, "ratio", 0.5);
    op->mask = calloc(program->values[op->index].size * program->max_batch + 1, 1);
    return op->mask ? ESP_OK : esp_fail(call, ESP_ERROR_MEMORY, "out of memory");
}

// Kept elements are scaled by 1 / (1 - ratio) (Srivastava et al. 2014, inverted).
static void mask_elements(const struct op *op, const float *x, float *y, size_t count)
{
    float scale = (float)(1.0 / (1.0 - op->ratio));
    for (size_t i = 0; i < count; i++)
        y[i] = op->mask[i] ? x[i] * scale : 0.0f;
}

// gx may be gy.
static void mask_gradient(const struct op *op, const float *gy, float *gx, size_t count, bool set)
{
    float scale = (float)(1.0 / (1.0 - op->ratio));
    for (size_t i = 0; i < count; i++) {
        float g = op->mask[i] ? gy[i] * scale : 0.0f;
        gx[i] = set ? g : gx[i] + g;
    }
}

static void dropout_forward(struct program *program, struct op *op)
{
    size_t count = elements(program, op);
    const float *x = program->values[op->inputs[0]].data;
    float *y = program->values[op->index].data;
    if (!program->training_mode) {
        if (x != y)
            memcpy(y, x, count * sizeof(float));
        return;
    }
    esp_random random = esp_random_fork(&program->random, op->path_hash);
    for (size_t i = 0; i < count; i++)
        op->mask[i] = esp_random_real(&random) >= op->ratio;
    mask_elements(op, x, y, count);
}

static void dropout_backward(struct program *program, struct op *op)
{
    struct value *in = &program->values[op->inputs[0]];
    const struct value *out = &program->values[op->index];
    size_t count = elements(program, op);
    if (!in->grad)
        return;
    if (!program->training_mode && in->grad != out->grad)
        gradient_add(in, out->grad, count);
    else if (program->training_mode)
        mask_gradient(op, out->grad, in->grad, count, !in->filled || in->grad == out->grad);
    in->filled = true;
}

const struct op_type op_dropout = {
    .name = "Dropout",
    .attributes = "ratio",
    .in_place = true,
    .prepare = prepare_dropout,
    .forward = dropout_forward,
    .backward = dropout_backward,
};

// ---- Add and Concat ---------------------------------------------------------------------------

VECTOR static void sum(const float *restrict a, const float *restrict b, float *restrict y,
                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        y[i] = a[i] + b[i];
}

static void add_forward(struct program *program, struct op *op)
{
    sum(program->values[op->inputs[0]].data, program->values[op->inputs[1]].data,
        program->values[op->index].data, elements(program, op));
}

static void add_backward(struct program *program, struct op *op)
{
    for (int i = 0; i < 2; i++)
        gradient_add(&program->values[op->inputs[i]], program->values[op->index].grad,
                     elements(program, op));
}

const struct op_type op_add = {.name = "Add", .forward = add_forward, .backward = add_backward};

static esp_status prepare_concat(struct program *program, struct op *op, const esp_graph_node *node,
                                 esp_call *call)
{
    int64_t axis = attribute_int(node, "axis", 1);
    (void)program;
    (void)call;
    op->outer = op->inner = 1;
    for (int64_t d = 1; d < axis; d++)
        op->outer *= node->shape.dims[d];
    for (int64_t d = axis + 1; d < (int64_t)node->shape.rank; d++)
        op->inner *= node->shape.dims[d];
    return ESP_OK;
}

// A sample is `outer` rows; input j has `size / outer` elements of each.
static void concat_forward(struct program *program, struct op *op)
{
    const struct value *out = &program->values[op->index];
    size_t row = out->size / (size_t)op->outer, offset = 0;
    for (uint64_t j = 0; j < op->input_count; j++) {
        const struct value *in = &program->values[op->inputs[j]];
        size_t part = in->size / (size_t)op->outer;
        for (size_t i = 0; i < program->batch * (size_t)op->outer; i++)
            memcpy(out->data + i * row + offset, in->data + i * part, part * sizeof(float));
        offset += part;
    }
}

static void concat_backward(struct program *program, struct op *op)
{
    const struct value *out = &program->values[op->index];
    size_t row = out->size / (size_t)op->outer, offset = 0;
    for (uint64_t j = 0; j < op->input_count; j++) {
        struct value *in = &program->values[op->inputs[j]];
        size_t part = in->size / (size_t)op->outer;
        for (size_t i = 0; in->grad && i < program->batch * (size_t)op->outer; i++) {
            const float *from = out->grad + i * row + offset;
            float *to = in->grad + i * part;
            for (size_t k = 0; k < part; k++)
                to[k] = in->filled ? to[k] + from[k] : from[k];
        }
        in->filled = in->grad != NULL;
        offset += part;
    }
}

const struct op_type op_concat = {
    .name = "Concat",
    .attributes = "axis",
    .prepare = prepare_concat,
    .forward = concat_forward,
    .backward = concat_backward,
};
