// SPDX-License-Identifier: Apache-2.0
// Pools on blocked activations.
#include "network.h"

#include <string.h>

static struct kernels_window window_over(const struct op *op, struct blocked in)
{
    const struct window *w = &op->window;
    struct kernels_window window = {.in = in,
                                    .out_height = w->out_height,
                                    .out_width = w->out_width,
                                    .kernel_h = w->kernel_h,
                                    .kernel_w = w->kernel_w,
                                    .stride_h = w->stride_h,
                                    .stride_w = w->stride_w,
                                    .dilation_h = w->dilation_h,
                                    .dilation_w = w->dilation_w,
                                    .pad_top = w->pad_top,
                                    .pad_left = w->pad_left,
                                    .pad_bottom = w->pad_bottom,
                                    .pad_right = w->pad_right,
                                    .count_padding = w->count_padding};
    return window;
}

static struct kernels_window window_now(struct program *program, const struct op *op)
{
    return window_over(op, now(program, step_of(program, op)->in));
}

bool pool_fits(const struct op *op, const struct blocked *in)
{
    struct kernels_window window = window_over(op, *in);
    return kernels_window_fits(&window, strcmp(op->type->name, "MaxPool") == 0);
}

static esp_status prepare(struct program *program, struct op *op, const esp_graph_node *node,
                          esp_call *call)
{
    struct network *network = network_of(program);
    struct step *step = step_of(program, op);
    (void)node, (void)call;
    program->batch = program->max_batch;
    struct kernels_window window = window_now(program, op);
    step->scratch_size = kernels_window_scratch(&window, network->kernels->block);
    // The numbers of the maxima's taps are bytes.
    if (program->training && strcmp(op->type->name, "MaxPool") == 0)
        step->extra_size = (size_t)blocked_size(&step->out, network->kernels->block) / 4 + 1;
    return ESP_OK;
}

static float *scratch_of(struct program *program)
{
    return network_of(program)->variant->scratch;
}

static void max_forward(struct program *program, struct op *op)
{
    struct kernels_window window = window_now(program, op);
    kernels_of(program)->max_forward(&window, program->values[op->inputs[0]].data,
                                     program->values[op->index].data,
                                     (uint8_t *)step_of(program, op)->extra, scratch_of(program));
}

static void max_backward(struct program *program, struct op *op)
{
    struct kernels_window window = window_now(program, op);
    struct value *in = &program->values[op->inputs[0]];
    if (in->grad)
        kernels_of(program)->max_backward(&window, (const uint8_t *)step_of(program, op)->extra,
                                          program->values[op->index].grad, in->grad, in->filled,
                                          scratch_of(program));
    in->filled = in->grad != NULL;
}

const struct op_type onednn_max_pool = {
    .name = "MaxPool",
    .attributes = WINDOW_ATTRIBUTES " ceil_mode",
    .prepare = prepare,
    .forward = max_forward,
    .backward = max_backward,
};

static void average_forward(struct program *program, struct op *op)
{
    struct kernels_window window = window_now(program, op);
    kernels_of(program)->average_forward(&window, program->values[op->inputs[0]].data,
                                         program->values[op->index].data, scratch_of(program));
}

static void average_backward(struct program *program, struct op *op)
{
    struct kernels_window window = window_now(program, op);
    struct value *in = &program->values[op->inputs[0]];
    if (in->grad)
        kernels_of(program)->average_backward(&window, program->values[op->index].grad, in->grad,
                                              in->filled, scratch_of(program));
    in->filled = in->grad != NULL;
}

const struct op_type onednn_average_pool = {
    .name = "AveragePool",
    .attributes = WINDOW_ATTRIBUTES " ceil_mode count_include_pad",
    .prepare = prepare,
    .forward = average_forward,
    .backward = average_backward,
};

static void global_forward(struct program *program, struct op *op)
{
    struct blocked shape = now(program, step_of(program, op)->in);
    kernels_of(program)->global_average_forward(&shape, program->values[op->inputs[0]].data,
                                                program->values[op->index].data);
}

static void global_backward(struct program *program, struct op *op)
{
    struct blocked shape = now(program, step_of(program, op)->in);
    struct value *in = &program->values[op->inputs[0]];
    if (in->grad)
        kernels_of(program)->global_average_backward(&shape, program->values[op->index].grad,
                                                     in->grad, in->filled);
    in->filled = in->grad != NULL;
}

const struct op_type onednn_global_pool = {
    .name = "GlobalAveragePool",
    .forward = global_forward,
    .backward = global_backward,
};
