// SPDX-License-Identifier: Apache-2.0
// What combines or passes on: Add, Concat, Identity, Flatten, Reshape, None.
#include "program.h"

#include <string.h>

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
        gradient_add(program, in, program->values[op->index].grad,
                     (size_t)output_elements(program, op));
}

const struct op_type op_identity = {
    .name = "Identity", .alias = true, .forward = alias_forward, .backward = alias_backward};
const struct op_type op_flatten = {.name = "Flatten",
                                   .attributes = "axis",
                                   .alias = true,
                                   .forward = alias_forward,
                                   .backward = alias_backward};
// Its shape is the node's.
const struct op_type op_reshape = {.name = "Reshape",
                                   .attributes = "shape",
                                   .alias = true,
                                   .forward = alias_forward,
                                   .backward = alias_backward};

static void none_forward(struct program *program, struct op *op)
{
    memset(program->values[op->index].data, 0,
           (size_t)output_elements(program, op) * sizeof(float));
}

static void none_backward(struct program *program, struct op *op)
{
    (void)program;
    (void)op; // its input gets nothing: what is never filled counts as zero
}

// Its stride is in its shape.
const struct op_type op_none = {
    .name = "None", .attributes = "stride", .forward = none_forward, .backward = none_backward};

// ---- Add, Concat ------------------------------------------------------------------------------

static void add_forward(struct program *program, struct op *op)
{
    program->loops->sum_of_two(program->values[op->inputs[0]].data,
                               program->values[op->inputs[1]].data, program->values[op->index].data,
                               output_elements(program, op));
}

static void add_backward(struct program *program, struct op *op)
{
    for (int i = 0; i < 2; i++)
        gradient_add(program, &program->values[op->inputs[i]], program->values[op->index].grad,
                     (size_t)output_elements(program, op));
}

const struct op_type op_add = {.name = "Add", .forward = add_forward, .backward = add_backward};

static esp_status prepare_concat(struct program *program, struct op *op, const esp_graph_node *node,
                                 esp_call *call)
{
    int64_t axis = attribute_int(node, "axis", 1);
    (void)program;
    (void)call;
    op->outer = 1;
    for (int64_t d = 1; d < axis; d++)
        op->outer *= node->shape.dims[d];
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
            if (in->filled)
                program->loops->add(in->grad + i * part, from, (int64_t)part);
            else
                memcpy(in->grad + i * part, from, part * sizeof(float));
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
