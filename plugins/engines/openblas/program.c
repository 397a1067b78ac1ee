// SPDX-License-Identifier: Apache-2.0
// Compiling a graph and running the program. Memory is laid out in plan.c, tensors are found by name in
// tensors.c.
#include "program.h"

#include "openblas.h"
#include "planes.h"

#include <stdlib.h>
#include <string.h>

// ---- Small things that the operators share ----------------------------------------------------

float *floats_uncleared(size_t count)
{
    if (count > SIZE_MAX / 8)
        return NULL;
    size_t bytes = ((count + LANES) * sizeof(float) + 63) / 64 * 64;
    return aligned_alloc(64, bytes);
}

float *floats(size_t count)
{
    float *made = floats_uncleared(count);
    if (made)
        memset(made, 0, (count + LANES) * sizeof *made);
    return made;
}

bool need_scratch(struct program *program, size_t count)
{
    if (count <= program->scratch_size)
        return true;
    float *grown = floats(count);
    if (!grown)
        return false;
    free(program->scratch);
    program->scratch = grown;
    program->scratch_size = count;
    return true;
}

void gradient_add(const struct program *program, struct value *value, const float *from,
                  size_t count)
{
    if (!value->grad)
        return;
    if (value->filled)
        program->loops->add(value->grad, from, (int64_t)count);
    else if (value->grad != from)
        memcpy(value->grad, from, count * sizeof(float));
    value->filled = true;
}

bool gradient_is_set(const struct program *program, const struct op *op)
{
    const struct value *in = &program->values[op->inputs[0]];
    return !in->filled || in->grad == program->values[op->index].grad;
}

int64_t output_elements(const struct program *program, const struct op *op)
{
    return (int64_t)(program->values[op->index].size * program->batch);
}

// ---- Compiling --------------------------------------------------------------------------------

static void input_forward(struct program *program, struct op *op)
{
    (void)program;
    (void)op; // its value is copied in before
}

const struct op_type op_input = {.name = "Input", .forward = input_forward};

static const struct op_type *const types[] = {
    &op_input,      &op_conv,    &op_batch_norm, &op_relu,         &op_sigmoid,
    &op_tanh,       &op_add,     &op_concat,     &op_gemm,         &op_max_pool,
    &op_flatten,    &op_dropout, &op_identity,   &op_average_pool, &op_global_average_pool,
    &op_none,       &op_mul,     &op_slice,      &op_pad,          &op_drop_path,
    &op_leaky_relu, &op_elu,     &op_clip,       &op_hard_sigmoid, &op_hard_swish,
    &op_swish,      &op_gelu,
};

const struct op_type *op_type_find(const char *name)
{
    for (size_t i = 0; i < ESP_COUNT(types); i++)
        if (strcmp(types[i]->name, name) == 0)
            return types[i];
    return NULL;
}

static esp_status copy_weight(struct program *program, struct op *op, const esp_weight *from)
{
    struct weight *weight = &program->weights[program->weight_count];
    weight->path = strdup(from->path);
    weight->shape = from->shape;
    weight->size = esp_shape_size(&from->shape);
    weight->trained = from->role == ESP_WEIGHT_TRAINED;
    weight->value = floats(weight->size);
    program->weight_count++;
    op->weights[op->weight_count++] = weight;
    if (program->training && weight->trained)
        weight->gradient = floats(weight->size);
    return weight->path && weight->value &&
                   (weight->gradient || !program->training || !weight->trained)
               ? ESP_OK
               : ESP_ERROR_MEMORY;
}

static esp_status copy_node(struct program *program, uint32_t index, const esp_graph_node *node,
                            const esp_compile_options *options, esp_call *call)
{
    struct op *op = &program->ops[index];
    struct value *value = &program->values[index];
    op->type = op_type_find(node->op);
    if (!op->type)
        return esp_fail(call, ESP_ERROR_UNSUPPORTED, "'%s': the engine openblas has no operator %s",
                        node->path, node->op);
    esp_status status = attributes_check(op->type, node, call);
    if (status != ESP_OK)
        return status;
    op->index = index;
    op->path = strdup(node->path);
    op->path_hash = node->path_hash;
    op->inputs = calloc(node->input_count + 1, sizeof *op->inputs);
    op->input_count = node->input_count;
    op->shape = node->shape;
    value->size = esp_shape_size(&node->shape);
    if (!op->path || !op->inputs)
        return ESP_ERROR_MEMORY;
    if (node->weight_count > MOST_WEIGHTS)
        return esp_fail(call, ESP_ERROR_UNSUPPORTED, "'%s': a %s with %llu weights", node->path,
                        node->op, (unsigned long long)node->weight_count);
    for (uint64_t i = 0; i < options->keep_count; i++)
        value->kept = value->kept || strcmp(options->keep[i], node->path) == 0;
    if (op->type == &op_input) {
        program->graph_inputs[program->graph_input_count++] = index;
        value->needs_grad = options->input_gradient != 0;
    }
    value->needs_grad = value->needs_grad || value->kept;
    for (uint64_t i = 0; i < node->input_count; i++) {
        op->inputs[i] = node->inputs[i];
        program->values[node->inputs[i]].consumers++;
        value->needs_grad = value->needs_grad || program->values[node->inputs[i]].needs_grad;
    }
    const char *row = (const char *)node->weights;
    for (uint64_t i = 0; status == ESP_OK && i < node->weight_count;
         i++, row += node->weight_stride) {
        const esp_weight *weight = (const esp_weight *)(const void *)row;
        value->needs_grad = value->needs_grad || weight->role == ESP_WEIGHT_TRAINED;
        status = copy_weight(program, op, weight);
    }
    if (status == ESP_OK && op->type->prepare)
        status = op->type->prepare(program, op, node, call);
    return status;
}

static bool has_path(const struct program *program, const char *path)
{
    for (uint32_t i = 0; i < program->count; i++)
        if (strcmp(program->ops[i].path, path) == 0)
            return true;
    return false;
}

// From the last operator back: of those that read a value, the first output that needs one.
static void find_first_outputs(struct program *program)
{
    for (uint32_t i = 0; i < program->count; i++)
        program->ops[i].first_output = UINT64_MAX;
    for (uint64_t i = program->output_count; i-- > 0;)
        program->ops[program->outputs[i]].first_output = i;
    for (uint32_t i = program->count; i-- > 0;) {
        const struct op *op = &program->ops[i];
        for (uint64_t j = 0; j < op->input_count; j++) {
            struct op *before = &program->ops[op->inputs[j]];
            if (op->first_output < before->first_output)
                before->first_output = op->first_output;
        }
    }
}

static esp_status copy_graph(struct program *program, const esp_graph *graph,
                             const esp_compile_options *options, esp_call *call)
{
    uint64_t weights = 0;
    program->count = (uint32_t)esp_graph_node_count(graph);
    program->output_count = esp_graph_output_count(graph);
    for (uint32_t i = 0; i < program->count; i++)
        weights += esp_graph_get(graph, i)->weight_count;
    program->ops = calloc(program->count + 1, sizeof *program->ops);
    program->values = calloc(program->count + 1, sizeof *program->values);
    program->graph_inputs = calloc(program->count + 1, sizeof *program->graph_inputs);
    program->outputs = calloc(program->output_count + 1, sizeof *program->outputs);
    program->weights = calloc(weights + 1, sizeof *program->weights);
    if (!program->ops || !program->values || !program->graph_inputs || !program->outputs ||
        !program->weights)
        return ESP_ERROR_MEMORY;
    esp_status status = ESP_OK;
    for (uint32_t i = 0; status == ESP_OK && i < program->count; i++)
        status = copy_node(program, i, esp_graph_get(graph, i), options, call);
    for (uint64_t i = 0; status == ESP_OK && i < options->keep_count; i++)
        if (!has_path(program, options->keep[i]))
            status = esp_fail(call, ESP_ERROR_NOT_FOUND, "to keep '%s': there is no such node",
                              options->keep[i]);
    for (uint64_t i = 0; status == ESP_OK && i < program->output_count; i++) {
        program->outputs[i] = esp_graph_output(graph, i);
        // An output is read from outside: nothing overwrites it.
        program->values[program->outputs[i]].consumers++;
    }
    if (status == ESP_OK)
        find_first_outputs(program);
    return status;
}

esp_status openblas_compile(esp_call *call, const esp_graph *graph,
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
    program->training = options->training != 0;
    esp_status status = copy_graph(program, graph, options, call);
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
    for (uint32_t i = 0; program->ops && i < program->count; i++) {
        free(program->ops[i].path);
        free(program->ops[i].inputs);
        free(program->ops[i].saved);
        free(program->ops[i].winners);
        free(program->ops[i].divisors);
        free(program->ops[i].mask);
        planes_destroy(program->ops[i].planes);
    }
    for (uint64_t i = 0; i < program->weight_count; i++) {
        struct weight *weight = &program->weights[i];
        free(weight->path);
        free(weight->value);
        free(weight->gradient);
        free(weight->first);
        free(weight->second);
    }
    for (uint32_t i = 0; program->buffers && i < program->buffer_count; i++)
        free(program->buffers[i]);
    free(program->buffers);
    free(program->buffer_sizes);
    free(program->ops);
    free(program->values);
    free(program->graph_inputs);
    free(program->outputs);
    free(program->weights);
    free(program->scratch);
    free(program);
}

// ---- Running ----------------------------------------------------------------------------------

static esp_status check_inputs(const struct program *program, esp_call *call,
                               const esp_forward *forward)
{
    for (uint64_t i = 0; i < program->graph_input_count; i++) {
        const esp_tensor *given = &forward->inputs[i];
        const esp_shape *shape = &program->ops[program->graph_inputs[i]].shape;
        bool same = given->data && given->shape.rank == shape->rank &&
                    given->shape.dims[0] == (int64_t)forward->batch;
        for (uint32_t d = 1; same && d < shape->rank; d++)
            same = given->shape.dims[d] == shape->dims[d];
        if (!same)
            return esp_fail(call, ESP_ERROR_MISUSE,
                            "input %llu has another shape than '%s', a batch of %llu",
                            (unsigned long long)i, program->ops[program->graph_inputs[i]].path,
                            (unsigned long long)forward->batch);
    }
    return ESP_OK;
}

// What callers of an older interface do not give is 0.
static esp_status take_form(struct program *program, esp_call *call, const esp_forward *forward)
{
    uint64_t wanted = ESP_HAS(esp_forward, forward, output_count) ? forward->output_count : 0;
    double progress = ESP_HAS(esp_forward, forward, progress) ? forward->progress : 0.0;
    if (!(progress >= 0.0 && progress <= 1.0))
        return esp_fail(call, ESP_ERROR_MISUSE, "a progress of %g: expected 0 to 1", progress);
    if (wanted > program->output_count)
        return esp_fail(call, ESP_ERROR_MISUSE, "%llu outputs, and the network has %llu",
                        (unsigned long long)wanted, (unsigned long long)program->output_count);
    program->batch = forward->batch;
    program->training_mode = forward->training != 0;
    program->random = forward->random;
    program->progress = progress;
    program->outputs_wanted = wanted ? wanted : program->output_count;
    program->ran = true;
    return ESP_OK;
}

esp_status openblas_forward(void *handle, esp_call *call, const esp_forward *forward)
{
    struct program *program = handle;
    if (forward->batch < 1 || forward->batch > program->max_batch)
        return esp_fail(call, ESP_ERROR_MISUSE, "a batch of %llu in a program compiled for %llu",
                        (unsigned long long)forward->batch, (unsigned long long)program->max_batch);
    if (forward->input_count != program->graph_input_count)
        return esp_fail(call, ESP_ERROR_MISUSE, "%llu inputs, and the network has %llu",
                        (unsigned long long)forward->input_count,
                        (unsigned long long)program->graph_input_count);
    if (forward->training && !program->training)
        return esp_fail(call, ESP_ERROR_MISUSE, "the program was compiled for evaluation alone");
    esp_status status = check_inputs(program, call, forward);
    if (status == ESP_OK)
        status = take_form(program, call, forward);
    if (status != ESP_OK)
        return status;
    for (uint64_t i = 0; i < program->graph_input_count; i++) {
        struct value *value = &program->values[program->graph_inputs[i]];
        memcpy(value->data, forward->inputs[i].data, value->size * program->batch * sizeof(float));
    }
    for (uint32_t i = 0; i < program->count; i++)
        if (program->ops[i].first_output < program->outputs_wanted)
            program->ops[i].type->forward(program, &program->ops[i]);
    return ESP_OK;
}

esp_status openblas_backward(void *handle, esp_call *call, const esp_output_gradient *gradients,
                             uint64_t count, uint64_t stride)
{
    struct program *program = handle;
    if (!program->training || !program->ran)
        return esp_fail(call, ESP_ERROR_MISUSE,
                        program->training ? "backward before any forward"
                                          : "the program was compiled for evaluation "
                                            "alone");
    for (uint32_t i = 0; i < program->count; i++)
        program->values[i].filled = false;
    for (uint64_t i = 0; i < program->weight_count; i++)
        if (program->weights[i].gradient)
            memset(program->weights[i].gradient, 0, program->weights[i].size * sizeof(float));
    const char *row = (const char *)gradients;
    for (uint64_t i = 0; i < count; i++, row += stride) {
        const esp_output_gradient *given = (const esp_output_gradient *)(const void *)row;
        if (given->output >= program->output_count)
            return esp_fail(call, ESP_ERROR_MISUSE, "there is no output %llu",
                            (unsigned long long)given->output);
        if (given->output >= program->outputs_wanted)
            return esp_fail(call, ESP_ERROR_MISUSE,
                            "a gradient of output %llu, and the last forward left it out",
                            (unsigned long long)given->output);
        if (!given->data)
            return esp_fail(call, ESP_ERROR_MISUSE, "the gradient of output %llu is NULL",
                            (unsigned long long)given->output);
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
            op->type->backward(program, op);
    }
    for (uint64_t i = 0; i < program->graph_input_count; i++) {
        struct value *value = &program->values[program->graph_inputs[i]];
        if (value->grad && !value->filled)
            memset(value->grad, 0, value->size * program->batch * sizeof(float));
    }
    return ESP_OK;
}
