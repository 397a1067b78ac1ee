// SPDX-License-Identifier: Apache-2.0
// Compiling a graph and running the program. The graph is copied in copy.c, memory is laid out in
// plan.c, tensors are found by name in tensors.c.
#include "program.h"

#include "openblas.h"
#include "profile.h"

#include <cblas.h>
#include <stdlib.h>
#include <string.h>

// ---- Compiling --------------------------------------------------------------------------------

static void input_forward(struct program *program, struct op *op)
{
    (void)program;
    (void)op; // its value is copied in before
}

const struct op_type op_input = {.name = "Input", .forward = input_forward};

static const struct op_type *const types[] = {
    &op_input,
    &op_conv,
    &op_batch_norm,
    &op_relu,
    &op_sigmoid,
    &op_tanh,
    &op_add,
    &op_concat,
    &op_gemm,
    &op_max_pool,
    &op_flatten,
    &op_dropout,
    &op_identity,
    &op_average_pool,
    &op_global_average_pool,
    &op_none,
    &op_mul,
    &op_slice,
    &op_pad,
    &op_drop_path,
    &op_leaky_relu,
    &op_elu,
    &op_clip,
    &op_hard_sigmoid,
    &op_hard_swish,
    &op_swish,
    &op_gelu,
    &op_layer_norm,
    &op_softmax,
    &op_matmul,
    &op_reshape,
    &op_transpose,
    &op_reduce_mean,
    &op_global_max_pool,
};

const struct op_type *op_type_find(const char *name)
{
    for (size_t i = 0; i < ESP_COUNT(types); i++)
        if (strcmp(types[i]->name, name) == 0)
            return types[i];
    return NULL;
}

esp_status openblas_compile(int threads, esp_call *call, const esp_graph *graph,
                            const esp_compile_options *options, void **out)
{
    struct program *program;
    if (options->batch < 1)
        return esp_fail(call, ESP_ERROR_MISUSE, "a program for a batch of 0");
    program = calloc(1, sizeof *program);
    if (!program)
        return esp_fail(call, ESP_ERROR_MEMORY, "out of memory");
    program->loops = loops_choose();
    program->max_batch = options->batch;
    program->memory_limit = memory_limit_of(options);
    program->threads = threads;
    program->training = options->training != 0;
    esp_status status = program_copy_graph(program, graph, options, call);
    for (uint32_t i = 0; status == ESP_OK && i < program->count; i++)
        if (program->ops[i].type->prepare)
            status = program->ops[i].type->prepare(program, &program->ops[i],
                                                   esp_graph_get(graph, i), call);
    if (status == ESP_OK)
        status = plan_memory(program, call);
    if (status != ESP_OK) {
        openblas_release(program);
        return status == ESP_ERROR_MEMORY ? esp_fail(call, status, "out of memory") : status;
    }
    *out = program;
    return ESP_OK;
}

void openblas_release(void *handle)
{
    struct program *program = handle;
    for (uint32_t i = 0; program->buffers && i < program->buffer_count; i++)
        free(program->buffers[i]);
    free(program->buffers);
    free(program->buffer_sizes);
    program_free_graph(program);
    free(program);
}

// ---- Running ----------------------------------------------------------------------------------

esp_status openblas_forward(void *handle, esp_call *call, const esp_forward *forward)
{
    struct program *program = handle;
    esp_status status = program_begin_forward(program, call, forward);
    openblas_set_num_threads(program->threads);
    if (status != ESP_OK)
        return status;
    for (uint64_t i = 0; i < program->graph_input_count; i++) {
        struct value *value = &program->values[program->graph_inputs[i]];
        memcpy(value->data, forward->inputs[i].data, value->size * program->batch * sizeof(float));
    }
    for (uint32_t i = 0; i < program->count; i++)
        if (program->ops[i].first_output < program->outputs_wanted)
            op_forward(program, &program->ops[i]);
    return ESP_OK;
}

esp_status openblas_backward(void *handle, esp_call *call, const esp_output_gradient *gradients,
                             uint64_t count, uint64_t stride)
{
    struct program *program = handle;
    esp_status status = program_begin_backward(program, call, gradients, count, stride);
    openblas_set_num_threads(program->threads);
    if (status != ESP_OK)
        return status;
    for (uint32_t i = 0; i < program->count; i++)
        program->values[i].filled = false;
    for (uint64_t i = 0; i < program->weight_count; i++)
        if (program->weights[i].gradient)
            memset(program->weights[i].gradient, 0, program->weights[i].size * sizeof(float));
    const char *row = (const char *)gradients;
    for (uint64_t i = 0; i < count; i++, row += stride) {
        const esp_output_gradient *given = (const esp_output_gradient *)(const void *)row;
        struct value *value = &program->values[program->outputs[given->output]];
        gradient_add(program, value, given->data, value->size * program->batch);
    }
    for (uint32_t i = program->count; i-- > 0;) {
        struct op *op = &program->ops[i];
        struct value *value = &program->values[i];
        if (!value->grad || op->type == &op_input)
            continue;
        // An output that was given no gradient, and that nothing else reached, has the gradient 0.
        if (!value->filled)
            memset(value->grad, 0, value->size * program->batch * sizeof(float));
        value->filled = true;
        if (op->first_output < program->outputs_wanted)
            op_backward(program, op);
    }
    for (uint64_t i = 0; i < program->graph_input_count; i++) {
        struct value *value = &program->values[program->graph_inputs[i]];
        if (value->grad && !value->filled)
            memset(value->grad, 0, value->size * program->batch * sizeof(float));
    }
    return ESP_OK;
}

float *program_value_data(struct program *program, uint32_t index, bool gradient)
{
    return gradient ? program->values[index].grad : program->values[index].data;
}

esp_status openblas_tensor(void *handle, esp_call *call, uint32_t which, const char *name,
                           esp_tensor *out)
{
    return program_tensor(handle, call, which, name, out);
}
