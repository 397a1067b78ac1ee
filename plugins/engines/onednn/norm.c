// SPDX-License-Identifier: Apache-2.0
// BatchNormalization on blocked activations, with what stands behind it: a sum with a second input, a
// Relu. Images [N, C, H, W], and rows [N, F] where F fills whole blocks.
#include "network.h"

static struct norm norm_of(struct program *program, const struct op *op)
{
    const struct step *step = step_of(program, op);
    bool affine = op->weight_count == 4;
    struct weight *const *states = op->weights + (affine ? 2 : 0);
    return (struct norm){
        .shape = now(program, step->in),
        .x = program->values[op->inputs[0]].data,
        .scale = affine ? op->weights[0]->value : NULL,
        .shift = affine ? op->weights[1]->value : NULL,
        .running_mean = states[0]->value,
        .running_variance = states[1]->value,
        .momentum = op->momentum,
        .epsilon = op->epsilon,
        .training = program->training_mode,
        .relu = step->relu,
        .residual = step->residual ? program->values[op->inputs[1]].data : NULL,
        .y = program->values[op->index].data,
        .saved = step->extra,
    };
}

static esp_status prepare(struct program *program, struct op *op, const esp_graph_node *node,
                          esp_call *call)
{
    struct network *network = network_of(program);
    struct step *step = step_of(program, op);
    (void)call;
    op->epsilon = attribute_real(node, "epsilon", 1e-5);
    op->momentum = attribute_real(node, "momentum", 0.9);
    step->extra_size = (size_t)norm_saved_size(&step->in, network->kernels->block);
    return ESP_OK;
}

static void norm_forward(struct program *program, struct op *op)
{
    struct norm norm = norm_of(program, op);
    kernels_of(program)->norm_forward(&norm);
}

static void norm_backward(struct program *program, struct op *op)
{
    struct step *step = step_of(program, op);
    struct value *in = &program->values[op->inputs[0]];
    struct value *other = step->residual ? &program->values[op->inputs[1]] : NULL;
    const struct value *out = &program->values[op->index];
    bool affine = op->weight_count == 4;
    // Without a Relu the gradient passes on as it is.
    bool apart = other && other->grad && step->relu;
    struct norm_gradient gradient = {
        .shape = now(program, step->in),
        .x = in->data,
        .saved = step->extra,
        .training = program->training_mode,
        .relu = step->relu,
        .y = step->residual && step->relu ? out->data : NULL,
        .g = out->grad,
        .scale_gradient = affine ? op->weights[0]->gradient : NULL,
        .shift_gradient = affine ? op->weights[1]->gradient : NULL,
        .gx = in->grad,
        .add = in->filled && in->grad != out->grad,
        .residual_gradient = apart ? other->grad : NULL,
        .residual_add = apart && other->filled && other->grad != out->grad,
    };
    if (other && other->grad && !step->relu)
        gradient_add(program, other, out->grad, other->size * program->batch);
    kernels_of(program)->norm_backward(&gradient);
    in->filled = in->grad != NULL;
    if (apart)
        other->filled = true;
}

const struct op_type onednn_norm = {
    .name = "BatchNormalization",
    .attributes = "epsilon momentum affine",
    .reads_input = true,
    .in_place_evaluation = true,
    .gradient_in_place = true,
    .prepare = prepare,
    .forward = norm_forward,
    .backward = norm_backward,
};
