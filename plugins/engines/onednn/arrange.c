// SPDX-License-Identifier: Apache-2.0
// What moves activations: from plain to blocked and back, and Concat of channels.
#include "network.h"

#include <string.h>

// ---- From one layout to the other ---------------------------------------------------------------

static void block_forward(struct program *program, struct op *op)
{
    struct blocked shape = now(program, step_of(program, op)->out);
    kernels_of(program)->block_nchw(&shape, program->values[op->inputs[0]].data,
                                    program->values[op->index].data);
}

static void block_backward(struct program *program, struct op *op)
{
    struct blocked shape = now(program, step_of(program, op)->out);
    struct value *in = &program->values[op->inputs[0]];
    if (in->grad)
        kernels_of(program)->unblock_nchw(&shape, program->values[op->index].grad, in->grad,
                                          in->filled);
    in->filled = in->grad != NULL;
}

const struct op_type onednn_block = {
    .name = "to blocked", .forward = block_forward, .backward = block_backward};

static void unblock_forward(struct program *program, struct op *op)
{
    struct blocked shape = now(program, step_of(program, op)->in);
    kernels_of(program)->unblock_nchw(&shape, program->values[op->inputs[0]].data,
                                      program->values[op->index].data, false);
}

static void unblock_backward(struct program *program, struct op *op)
{
    struct step *step = step_of(program, op);
    struct blocked shape = now(program, step->in);
    struct value *in = &program->values[op->inputs[0]];
    if (!in->grad)
        return;
    float *to = in->filled ? step->temporary_data : in->grad;
    kernels_of(program)->block_nchw(&shape, program->values[op->index].grad, to);
    if (in->filled)
        kernels_of(program)->accumulate(in->grad, to, (int64_t)(in->size * program->batch));
    in->filled = true;
}

const struct op_type onednn_unblock = {
    .name = "to plain", .forward = unblock_forward, .backward = unblock_backward};

// ---- Concat of channels -------------------------------------------------------------------------

static void concat_forward(struct program *program, struct op *op)
{
    struct blocked out = now(program, step_of(program, op)->out);
    int64_t first = 0;
    if (out.channels % kernels_of(program)->block != 0)
        memset(program->values[op->index].data, 0,
               program->values[op->index].size * program->batch * sizeof(float));
    for (uint64_t i = 0; i < op->input_count; i++) {
        struct blocked in = out;
        in.channels = program->ops[op->inputs[i]].shape.dims[1];
        kernels_of(program)->copy_channels(&in, program->values[op->inputs[i]].data, 0, &out,
                                           program->values[op->index].data, first, in.channels,
                                           false);
        first += in.channels;
    }
}

static void concat_backward(struct program *program, struct op *op)
{
    struct blocked out = now(program, step_of(program, op)->out);
    int64_t first = 0;
    for (uint64_t i = 0; i < op->input_count; i++) {
        struct value *to = &program->values[op->inputs[i]];
        struct blocked in = out;
        in.channels = program->ops[op->inputs[i]].shape.dims[1];
        if (to->grad && !to->filled && in.channels % kernels_of(program)->block != 0)
            memset(to->grad, 0, to->size * program->batch * sizeof(float));
        if (to->grad)
            kernels_of(program)->copy_channels(&out, program->values[op->index].grad, first, &in,
                                               to->grad, 0, in.channels, to->filled);
        to->filled = to->grad != NULL;
        first += in.channels;
    }
}

const struct op_type onednn_concat = {
    .name = "Concat", .attributes = "axis", .forward = concat_forward, .backward = concat_backward};
