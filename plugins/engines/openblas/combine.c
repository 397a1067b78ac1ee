// SPDX-License-Identifier: Apache-2.0
// What combines or passes on: Add, Mul, Concat, Identity, Flatten, None.
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

// ---- Add, Mul, Concat ---------------------------------------------------------------------------

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

// b is as a, or has one number for each plane of it.
static void mul_forward(struct program *program, struct op *op)
{
    const struct value *a = &program->values[op->inputs[0]], *b = &program->values[op->inputs[1]];
    float *y = program->values[op->index].data;
    int64_t count = output_elements(program, op), plane = (int64_t)(a->size / b->size);
    if (plane == 1)
        program->loops->multiply(a->data, b->data, y, count, true);
    else
        for (int64_t i = 0; i * plane < count; i++)
            program->loops->scale(a->data + i * plane, b->data[i], y + i * plane, plane, true);
}

static void add_to(float *to, float summand, bool set)
{
    *to = set ? summand : *to + summand;
}

// Where both inputs are one value, the second contribution is added to the first.
static void mul_backward(struct program *program, struct op *op)
{
    struct value *a = &program->values[op->inputs[0]], *b = &program->values[op->inputs[1]];
    const float *g = program->values[op->index].grad;
    const struct loops *loops = program->loops;
    int64_t count = output_elements(program, op), plane = (int64_t)(a->size / b->size);
    if (a->grad && plane == 1)
        loops->multiply(g, b->data, a->grad, count, !a->filled);
    for (int64_t i = 0; a->grad && plane > 1 && i * plane < count; i++)
        loops->scale(g + i * plane, b->data[i], a->grad + i * plane, plane, !a->filled);
    a->filled = a->filled || a->grad;
    if (b->grad && plane == 1)
        loops->multiply(g, a->data, b->grad, count, !b->filled);
    for (int64_t i = 0; b->grad && plane > 1 && i * plane < count; i++)
        add_to(&b->grad[i], loops->products(g + i * plane, a->data + i * plane, plane), !b->filled);
    b->filled = b->filled || b->grad;
}

const struct op_type op_mul = {
    .name = "Mul", .reads_input = true, .forward = mul_forward, .backward = mul_backward};

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
