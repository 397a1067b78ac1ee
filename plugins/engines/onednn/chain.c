// SPDX-License-Identifier: Apache-2.0
// What is computed element by element on blocked activations: activations, Add, Mul, DropPath.
#include "network.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

static int64_t elements(const struct program *program, const struct op *op)
{
    return (int64_t)(program->values[op->index].size * program->batch);
}

// ---- Relu, differentiated by its output, and the others, by their input -------------------------

static void relu_forward(struct program *program, struct op *op)
{
    kernels_of(program)->relu(program->values[op->inputs[0]].data, program->values[op->index].data,
                              elements(program, op));
}

static void relu_backward(struct program *program, struct op *op)
{
    struct value *in = &program->values[op->inputs[0]];
    const struct value *out = &program->values[op->index];
    if (in->grad)
        kernels_of(program)->relu_gradient(out->data, out->grad, in->grad, elements(program, op),
                                           !gradient_is_set(program, op));
    in->filled = in->grad != NULL;
}

const struct op_type onednn_relu = {
    .name = "Relu",
    .reads_output = true,
    .in_place = true,
    .forward = relu_forward,
    .backward = relu_backward,
};

struct activation_row {
    const char *name;
    enum activation kind;
    const char *first, *second;
    double first_default, second_default;
};

static const struct activation_row activations[] = {
    {"LeakyRelu", ACTIVATION_LEAKY_RELU, "alpha", "beta", 0.01, 0.0},
    {"Elu", ACTIVATION_ELU, "alpha", "beta", 1.0, 0.0},
    {"Clip", ACTIVATION_CLIP, "min", "max", -FLT_MAX, FLT_MAX},
    {"Sigmoid", ACTIVATION_SIGMOID, "alpha", "beta", 0.0, 0.0},
    {"HardSigmoid", ACTIVATION_HARD_SIGMOID, "alpha", "beta", 0.2, 0.5},
    {"HardSwish", ACTIVATION_HARD_SWISH, "alpha", "beta", 0.0, 0.0},
    {"Swish", ACTIVATION_SWISH, "alpha", "beta", 0.0, 0.0},
    {"Gelu", ACTIVATION_GELU, "alpha", "beta", 0.0, 0.0},
    {"Tanh", ACTIVATION_TANH, "alpha", "beta", 0.0, 0.0},
};

bool is_activation(const char *name)
{
    for (size_t i = 0; i < ESP_COUNT(activations); i++)
        if (strcmp(activations[i].name, name) == 0)
            return true;
    return false;
}

static esp_status prepare_activation(struct program *program, struct op *op,
                                     const esp_graph_node *node, esp_call *call)
{
    (void)call;
    for (size_t i = 0; i < ESP_COUNT(activations); i++) {
        const struct activation_row *row = &activations[i];
        if (strcmp(row->name, node->op) != 0)
            continue;
        step_of(program, op)->activation = row->kind;
        op->alpha = (float)attribute_real(node, row->first, row->first_default);
        op->beta = (float)attribute_real(node, row->second, row->second_default);
    }
    return ESP_OK;
}

static void activation_forward(struct program *program, struct op *op)
{
    const struct step *step = step_of(program, op);
    struct blocked shape = now(program, step->out);
    kernels_of(program)->activate(step->activation, op->alpha, op->beta, &shape,
                                  program->values[op->inputs[0]].data,
                                  program->values[op->index].data);
}

static void activation_backward(struct program *program, struct op *op)
{
    const struct step *step = step_of(program, op);
    struct blocked shape = now(program, step->out);
    struct value *in = &program->values[op->inputs[0]];
    if (in->grad)
        kernels_of(program)->activate_gradient(step->activation, op->alpha, op->beta, &shape,
                                               in->data, program->values[op->index].grad, in->grad,
                                               !gradient_is_set(program, op));
    in->filled = in->grad != NULL;
}

const struct op_type onednn_activation = {
    .name = "activation",
    .reads_input = true,
    .in_place_evaluation = true,
    .gradient_in_place = true,
    .prepare = prepare_activation,
    .forward = activation_forward,
    .backward = activation_backward,
};

// ---- Add --------------------------------------------------------------------------------------

static void add_forward(struct program *program, struct op *op)
{
    const float *terms[2] = {program->values[op->inputs[0]].data,
                             program->values[op->inputs[1]].data};
    kernels_of(program)->sum(terms, 2, program->values[op->index].data, NULL,
                             elements(program, op));
}

static void add_backward(struct program *program, struct op *op)
{
    for (int i = 0; i < 2; i++)
        gradient_add(program, &program->values[op->inputs[i]], program->values[op->index].grad,
                     (size_t)elements(program, op));
}

const struct op_type onednn_add = {.name = "Add", .forward = add_forward, .backward = add_backward};

// ---- Mul, element by element or by a number for each plane --------------------------------------

static void multiply_forward(struct program *program, struct op *op)
{
    kernels_of(program)->multiply(program->values[op->inputs[0]].data,
                                  program->values[op->inputs[1]].data,
                                  program->values[op->index].data, elements(program, op), false);
}

// Where both inputs are one value, the second contribution is added to the first.
static void multiply_backward(struct program *program, struct op *op)
{
    const float *g = program->values[op->index].grad;
    for (int i = 0; i < 2; i++) {
        struct value *to = &program->values[op->inputs[i]];
        if (!to->grad)
            continue;
        kernels_of(program)->multiply(g, program->values[op->inputs[1 - i]].data, to->grad,
                                      elements(program, op), to->filled);
        to->filled = true;
    }
}

const struct op_type onednn_multiply = {
    .name = "Mul", .reads_input = true, .forward = multiply_forward, .backward = multiply_backward};

static void scale_forward(struct program *program, struct op *op)
{
    struct blocked shape = now(program, step_of(program, op)->out);
    kernels_of(program)->scale_planes(&shape, program->values[op->inputs[0]].data,
                                      program->values[op->inputs[1]].data,
                                      program->values[op->index].data, false);
}

static esp_status prepare_scale(struct program *program, struct op *op, const esp_graph_node *node,
                                esp_call *call)
{
    struct step *step = step_of(program, op);
    (void)node, (void)call;
    // A second contribution to the factors' gradient is made aside.
    step->scratch_size = (size_t)blocked_blocks(&step->out, network_of(program)->kernels->block) *
                         (size_t)network_of(program)->kernels->block * program->max_batch;
    return ESP_OK;
}

static void scale_backward(struct program *program, struct op *op)
{
    struct blocked shape = now(program, step_of(program, op)->out);
    struct value *x = &program->values[op->inputs[0]], *by = &program->values[op->inputs[1]];
    float *aside = network_of(program)->variant->scratch;
    float *g_by = !by->grad ? NULL : by->filled ? aside : by->grad;
    kernels_of(program)->scale_planes_gradient(
        &shape, x->data, by->data, program->values[op->index].grad, x->grad, x->filled, g_by);
    if (g_by == aside)
        kernels_of(program)->accumulate(by->grad, aside, (int64_t)(by->size * program->batch));
    x->filled = x->grad != NULL;
    by->filled = by->grad != NULL;
}

const struct op_type onednn_scale_planes = {.name = "Mul",
                                            .reads_input = true,
                                            .prepare = prepare_scale,
                                            .forward = scale_forward,
                                            .backward = scale_backward};
