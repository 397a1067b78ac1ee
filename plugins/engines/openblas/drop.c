// SPDX-License-Identifier: Apache-2.0
// What drops by chance in training and passes on otherwise: Dropout (Srivastava et al. 2014) elements,
// DropPath (Larsson et al. 2017; scheduled, Zoph et al. 2018) whole samples.
#include "program.h"

#include <stdlib.h>
#include <string.h>

static void pass_on(struct program *program, const struct op *op)
{
    const float *x = program->values[op->inputs[0]].data;
    float *y = program->values[op->index].data;
    if (x != y)
        memcpy(y, x, (size_t)output_elements(program, op) * sizeof(float));
}

// ---- Dropout ----------------------------------------------------------------------------------

static esp_status prepare_dropout(struct program *program, struct op *op,
                                  const esp_graph_node *node, esp_call *call)
{
    op->ratio = attribute_real(node, "ratio", 0.5);
    if (program->training)
        op->mask = calloc(program->values[op->index].size * program->max_batch + 1, 1);
    return op->mask || !program->training ? ESP_OK
                                          : esp_fail(call, ESP_ERROR_MEMORY, "out of memory");
}

// Kept elements are scaled by 1 / (1 - ratio) (inverted dropout).
static float dropout_scale(const struct op *op)
{
    return (float)(1.0 / (1.0 - op->ratio));
}

// Element i of the batch is kept where the i-th real of the node's stream is at least the ratio.
static void dropout_forward(struct program *program, struct op *op)
{
    int64_t count = output_elements(program, op);
    const float *x = program->values[op->inputs[0]].data;
    float *y = program->values[op->index].data;
    if (!program->training_mode) {
        pass_on(program, op);
        return;
    }
    esp_random random = esp_random_fork(&program->random, op->path_hash);
    for (int64_t i = 0; i < count; i++)
        op->mask[i] = esp_random_real(&random) >= op->ratio;
    program->loops->mask(x, op->mask, dropout_scale(op), y, count, true);
}

static void dropout_backward(struct program *program, struct op *op)
{
    struct value *in = &program->values[op->inputs[0]];
    const struct value *out = &program->values[op->index];
    int64_t count = output_elements(program, op);
    if (!in->grad)
        return;
    if (program->training_mode)
        program->loops->mask(out->grad, op->mask, dropout_scale(op), in->grad, count,
                             gradient_is_set(program, op));
    else if (in->grad != out->grad)
        gradient_add(program, in, out->grad, (size_t)count);
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

// ---- DropPath ---------------------------------------------------------------------------------

static esp_status prepare_drop_path(struct program *program, struct op *op,
                                    const esp_graph_node *node, esp_call *call)
{
    op->ratio = attribute_real(node, "ratio", 0.2);
    if (program->training)
        op->saved = floats(program->max_batch); // the factor of each sample
    return op->saved || !program->training ? ESP_OK
                                           : esp_fail(call, ESP_ERROR_MEMORY, "out of memory");
}

// A factor of 0 gives zeros, whatever is in x.
static void scale_sample(const struct program *program, const float *x, float factor, float *y,
                         size_t size, bool set)
{
    if (factor != 0.0f)
        program->loops->scale(x, factor, y, (int64_t)size, set);
    else if (set)
        memset(y, 0, size * sizeof(float));
}

// Sample i is kept where the i-th real of the node's stream is at least the probability, which has
// come so far of its way from 0 to the ratio as the training has.
static void drop_path_forward(struct program *program, struct op *op)
{
    const struct value *in = &program->values[op->inputs[0]], *out = &program->values[op->index];
    double probability = op->ratio * program->progress;
    if (!program->training_mode) {
        pass_on(program, op);
        return;
    }
    esp_random random = esp_random_fork(&program->random, op->path_hash);
    for (uint64_t n = 0; n < program->batch; n++) {
        bool kept = esp_random_real(&random) >= probability;
        op->saved[n] = kept ? (float)(1.0 / (1.0 - probability)) : 0.0f;
        scale_sample(program, in->data + n * in->size, op->saved[n], out->data + n * out->size,
                     out->size, true);
    }
}

static void drop_path_backward(struct program *program, struct op *op)
{
    struct value *in = &program->values[op->inputs[0]];
    const struct value *out = &program->values[op->index];
    bool set = gradient_is_set(program, op);
    if (!in->grad)
        return;
    for (uint64_t n = 0; program->training_mode && n < program->batch; n++)
        scale_sample(program, out->grad + n * out->size, op->saved[n], in->grad + n * in->size,
                     in->size, set);
    if (!program->training_mode && in->grad != out->grad)
        gradient_add(program, in, out->grad, in->size * program->batch);
    in->filled = true;
}

const struct op_type op_drop_path = {
    .name = "DropPath",
    .attributes = "ratio",
    .in_place = true,
    .prepare = prepare_drop_path,
    .forward = drop_path_forward,
    .backward = drop_path_backward,
};
