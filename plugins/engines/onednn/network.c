// SPDX-License-Identifier: Apache-2.0
// Compiling a graph, running the network, freeing it.
#include "network.h"

#include "../openblas/profile.h"
#include "arena.h"
#include "threads.h"

#include <stdlib.h>
#include <string.h>

static void input_forward(struct program *program, struct op *op)
{
    (void)program;
    (void)op; // its value is copied in before
}

const struct op_type op_input = {.name = "Input", .forward = input_forward};

// The rows of openblas, on plain values. layout.c puts this engine's own in their places.
static const struct op_type *const types[] = {
    &op_input,
    &op_batch_norm,
    &op_relu,
    &op_sigmoid,
    &op_tanh,
    &op_add,
    &op_concat,
    &op_max_pool,
    &op_flatten,
    &op_dropout,
    &op_identity,
    &op_average_pool,
    &op_none,
    &op_mul,
    &op_slice,
    &op_pad,
    &op_leaky_relu,
    &op_elu,
    &op_clip,
    &op_hard_sigmoid,
    &op_swish,
    &op_gelu,
    &op_drop_path,
    &op_hard_swish,
    &onednn_conv,
    &onednn_gemm,
    &op_global_average_pool,
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

// ---- Compiling --------------------------------------------------------------------------------

static esp_status prepare_all(struct network *network, esp_call *call)
{
    struct program *program = &network->program;
    for (uint32_t i = 0; i < program->count; i++) {
        struct op *op = &program->ops[i];
        struct step *step = &network->steps[i];
        if (op->type->prepare) {
            esp_status status = op->type->prepare(program, op, step->node, call);
            if (status != ESP_OK)
                return status;
        }
        if (step->scratch_size * sizeof(float) > network->scratch_bytes)
            network->scratch_bytes = step->scratch_size * sizeof(float);
        if (op->type != &onednn_conv)
            continue;
        struct step_variant variant = {0};
        size_t bytes = 0;
        esp_status status = conv_find(network, op, program->max_batch, &variant, &bytes, call);
        conv_drop(&variant);
        if (status != ESP_OK)
            return status;
        network->scratch_bytes = bytes > network->scratch_bytes ? bytes : network->scratch_bytes;
    }
    return ESP_OK;
}

static esp_status compile(struct network *network, esp_call *call, const esp_graph *graph,
                          const esp_compile_options *options)
{
    struct program *program = &network->program;
    uint64_t limit = memory_limit_of(options);
    esp_status status = program_copy_graph(program, graph, options, call);
    if (status != ESP_OK)
        return status;
    network->steps = calloc(program->count + 1, sizeof *network->steps);
    if (!network->steps)
        return ESP_ERROR_MEMORY;
    for (uint32_t i = 0; i < program->count; i++)
        network->steps[i].node = esp_graph_get(graph, i);
    status = fuse(network, call);
    if (status == ESP_OK)
        status = choose_layouts(network, call);
    if (status == ESP_OK)
        status = prepare_all(network, call);
    if (status == ESP_OK)
        status = plan_network(network, limit, call);
    return status == ESP_OK ? use_batch(network, call, program->max_batch) : status;
}

esp_status network_compile(struct instance *instance, esp_call *call, const esp_graph *graph,
                           const esp_compile_options *options, void **out)
{
    struct network *network;
    if (options->batch < 1)
        return esp_fail(call, ESP_ERROR_MISUSE, "a program for a batch of 0");
    network = calloc(1, sizeof *network);
    if (!network)
        return esp_fail(call, ESP_ERROR_MEMORY, "out of memory");
    network->instance = instance;
    network->kernels = instance->kernels;
    network->program.loops = instance->loops;
    network->program.max_batch = options->batch;
    network->program.training = options->training != 0;
    omp_set_num_threads((int)instance->threads);
    esp_status status = compile(network, call, graph, options);
    if (status != ESP_OK) {
        network_release(network);
        // The first words said are those that are told.
        return status == ESP_ERROR_MEMORY ? esp_fail(call, status, "out of memory for a program")
                                          : status;
    }
    *out = network;
    return ESP_OK;
}

static void free_variant(struct network *network, struct variant *variant)
{
    for (uint32_t i = 0; variant->steps && i < network->program.count; i++)
        conv_drop(&variant->steps[i]);
    for (uint32_t i = 0; variant->steps && i < network->program.count; i++)
        for (int m = 0; m < MEMORY_COUNT; m++)
            if (variant->steps[i].memories[m])
                dnnl_memory_destroy(variant->steps[i].memories[m]);
    free(variant->steps);
    free(variant->own_scratch);
    *variant = (struct variant){0};
}

void network_release(void *handle)
{
    struct network *network = handle;
    for (int i = 0; i < MOST_VARIANTS; i++)
        free_variant(network, &network->variants[i]);
    program_free_graph(&network->program);
    arena_release(network->arena);
    free(network->steps);
    free(network->places);
    free(network);
}

// ---- Batches ----------------------------------------------------------------------------------

// The one that is free, or was not used for longest.
static struct variant *oldest(struct network *network)
{
    struct variant *found = &network->variants[0];
    for (int i = 1; i < MOST_VARIANTS; i++)
        if (network->variants[i].used < found->used)
            found = &network->variants[i];
    return found;
}

static esp_status make_variant(struct network *network, esp_call *call, struct variant *v)
{
    struct program *program = &network->program;
    size_t most = 0, bytes = 0;
    v->steps = calloc(program->count + 1, sizeof *v->steps);
    if (!v->steps)
        return esp_fail(call, ESP_ERROR_MEMORY, "out of memory");
    for (uint32_t i = 0; i < program->count; i++) {
        if (program->ops[i].type != &onednn_conv)
            continue;
        esp_status status =
            conv_find(network, &program->ops[i], v->batch, &v->steps[i], &bytes, call);
        if (status != ESP_OK)
            return status;
        most = bytes > most ? bytes : most;
    }
    v->scratch = network->scratch;
    if (most > network->scratch_bytes) {
        v->scratch = v->own_scratch = floats_uncleared(most / sizeof(float) + 1);
        if (!v->own_scratch)
            return esp_fail(call, ESP_ERROR_MEMORY, "out of memory");
    }
    for (uint32_t i = 0; i < program->count; i++)
        if (program->ops[i].type == &onednn_conv) {
            esp_status status =
                conv_bind(network, &program->ops[i], &v->steps[i], v->scratch, call);
            if (status != ESP_OK)
                return status;
        }
    return ESP_OK;
}

esp_status use_batch(struct network *network, esp_call *call, uint64_t batch)
{
    struct variant *found = NULL;
    for (int i = 0; i < MOST_VARIANTS; i++)
        if (network->variants[i].batch == batch)
            found = &network->variants[i];
    if (!found) {
        found = oldest(network);
        free_variant(network, found);
        found->batch = batch;
        esp_status status = make_variant(network, call, found);
        if (status != ESP_OK) {
            free_variant(network, found);
            return status;
        }
    }
    found->used = ++network->clock;
    network->variant = found;
    return ESP_OK;
}

// ---- Running ----------------------------------------------------------------------------------

// What is read from outside is row-major.
static void copy_outside(struct network *network, uint32_t i, const float *from, float *to)
{
    struct program *program = &network->program;
    if (!to)
        return;
    struct blocked shape = now(program, network->steps[i].out);
    if (!from)
        memset(to, 0, esp_shape_size(&program->ops[i].shape) * program->batch * sizeof(float));
    else if (network->places[i].blocked && !network->places[i].both)
        network->kernels->unblock_nchw(&shape, from, to, false);
    else
        memcpy(to, from, program->values[i].size * program->batch * sizeof(float));
}

esp_status network_forward(void *handle, esp_call *call, const esp_forward *forward)
{
    struct network *network = handle;
    struct program *program = &network->program;
    esp_status status = program_begin_forward(program, call, forward);
    omp_set_num_threads((int)network->instance->threads);
    if (status == ESP_OK)
        status = use_batch(network, call, program->batch);
    if (status != ESP_OK)
        return status;
    for (uint64_t i = 0; i < program->graph_input_count; i++) {
        struct value *value = &program->values[program->graph_inputs[i]];
        memcpy(value->data, forward->inputs[i].data, value->size * program->batch * sizeof(float));
    }
    for (uint32_t i = 0; i < program->count; i++) {
        if (program->ops[i].first_output < program->outputs_wanted)
            op_forward(program, &program->ops[i]);
        copy_outside(network, i, program->values[i].data, network->places[i].outside);
    }
    return ESP_OK;
}

static void clear_gradients(const struct op *op)
{
    for (uint64_t j = 0; j < op->weight_count; j++)
        if (op->weights[j]->gradient)
            memset(op->weights[j]->gradient, 0, op->weights[j]->size * sizeof(float));
}

static void backward_op(struct network *network, uint32_t i)
{
    struct program *program = &network->program;
    struct op *op = &program->ops[i];
    struct value *value = &program->values[i];
    bool wanted = value->grad && op->first_output < program->outputs_wanted;
    // An output that was given no gradient, and that nothing else reached, has the gradient 0.
    if (value->grad && !value->filled && (wanted || op->type == &op_input)) {
        memset(value->grad, 0, value->size * program->batch * sizeof(float));
        value->filled = true;
    }
    copy_outside(network, i, wanted ? value->grad : NULL, network->places[i].outside_gradient);
    if (!wanted)
        clear_gradients(op);
    else if (op->type != &op_input)
        op_backward(program, op);
}

esp_status network_backward(void *handle, esp_call *call, const esp_output_gradient *gradients,
                            uint64_t count, uint64_t stride)
{
    struct network *network = handle;
    struct program *program = &network->program;
    esp_status status = program_begin_backward(program, call, gradients, count, stride);
    if (status != ESP_OK)
        return status;
    omp_set_num_threads((int)network->instance->threads);
    for (uint32_t i = 0; i < program->count; i++)
        program->values[i].filled = false;
    const char *row = (const char *)gradients;
    for (uint64_t i = 0; i < count; i++, row += stride) {
        const esp_output_gradient *given = (const esp_output_gradient *)(const void *)row;
        struct value *value = &program->values[program->outputs[given->output]];
        gradient_add(program, value, given->data, value->size * program->batch);
    }
    for (uint32_t i = program->count; i-- > 0;)
        backward_op(network, i);
    return ESP_OK;
}

float *program_value_data(struct program *program, uint32_t index, bool gradient)
{
    const struct place *place = &network_of(program)->places[index];
    if (place->outside)
        return gradient ? place->outside_gradient : place->outside;
    return gradient ? program->values[index].grad : program->values[index].data;
}
