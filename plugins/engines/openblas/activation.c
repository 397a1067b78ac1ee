// SPDX-License-Identifier: Apache-2.0
// Relu, Sigmoid, Tanh. They are differentiated by their output, so that they may overwrite their
// input. The other activations are curve.c's.
#include "program.h"

typedef void (*apply)(const float *x, float *y, int64_t count);
typedef void (*apply_gradient)(const float *y, const float *g, float *gx, int64_t count, bool set);

static void forward(struct program *program, const struct op *op, apply function)
{
    if (!op->done_before)
        function(program->values[op->inputs[0]].data, program->values[op->index].data,
                 output_elements(program, op));
}

static void backward(struct program *program, const struct op *op, apply_gradient function)
{
    struct value *in = &program->values[op->inputs[0]];
    const struct value *out = &program->values[op->index];
    if (!in->grad)
        return;
    if (!op->done_before)
        function(out->data, out->grad, in->grad, output_elements(program, op),
                 gradient_is_set(program, op));
    in->filled = true;
}

static void relu_forward(struct program *program, struct op *op)
{
    forward(program, op, program->loops->relu);
}

static void relu_backward(struct program *program, struct op *op)
{
    backward(program, op, program->loops->relu_gradient);
}

static void sigmoid_forward(struct program *program, struct op *op)
{
    forward(program, op, program->loops->sigmoid);
}

static void sigmoid_backward(struct program *program, struct op *op)
{
    backward(program, op, program->loops->sigmoid_gradient);
}

static void tanh_forward(struct program *program, struct op *op)
{
    forward(program, op, program->loops->tanh);
}

static void tanh_backward(struct program *program, struct op *op)
{
    backward(program, op, program->loops->tanh_gradient);
}

const struct op_type op_relu = {
    .name = "Relu",
    .reads_output = true,
    .in_place = true,
    .forward = relu_forward,
    .backward = relu_backward,
};

const struct op_type op_sigmoid = {
    .name = "Sigmoid",
    .reads_output = true,
    .in_place = true,
    .forward = sigmoid_forward,
    .backward = sigmoid_backward,
};

const struct op_type op_tanh = {
    .name = "Tanh",
    .reads_output = true,
    .in_place = true,
    .forward = tanh_forward,
    .backward = tanh_backward,
};
