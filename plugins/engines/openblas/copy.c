// SPDX-License-Identifier: Apache-2.0
// A graph as operators, values and weights. Another engine that computes with these rows (onednn)
// copies its graphs with it too.
#include "planes.h"
#include "program.h"

#include <stdlib.h>
#include <string.h>

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

// Of the weights alone, with their gradients.
static double graph_weight_bytes(const esp_graph *graph, bool training)
{
    double floats = 0.0;
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++) {
        const esp_graph_node *node = esp_graph_get(graph, i);
        const char *row = (const char *)node->weights;
        for (uint64_t j = 0; j < node->weight_count; j++, row += node->weight_stride) {
            const esp_weight *weight = (const esp_weight *)(const void *)row;
            bool twice = training && weight->role == ESP_WEIGHT_TRAINED;
            floats += (double)esp_shape_size(&weight->shape) * (twice ? 2.0 : 1.0);
        }
    }
    return floats * sizeof(float);
}

static esp_status copy_node(struct program *program, uint32_t index, const esp_graph_node *node,
                            const esp_compile_options *options, esp_call *call)
{
    struct op *op = &program->ops[index];
    struct value *value = &program->values[index];
    op->type = op_type_find(node->op);
    if (!op->type)
        return esp_fail(call, ESP_ERROR_UNSUPPORTED,
                        "'%s': the engine " ENGINE_ID " has no operator %s", node->path, node->op);
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
    if (strcmp(node->op, "Input") == 0) {
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
void program_find_first_outputs(struct program *program)
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

esp_status program_copy_graph(struct program *program, const esp_graph *graph,
                              const esp_compile_options *options, esp_call *call)
{
    uint64_t weights = 0, limit = memory_limit_of(options);
    double bytes = graph_weight_bytes(graph, program->training);
    if (limit && bytes > (double)limit)
        return memory_refused(call, bytes, limit);
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
        program_find_first_outputs(program);
    return status;
}

void program_free_graph(struct program *program)
{
    for (uint32_t i = 0; program->ops && i < program->count; i++) {
        free(program->ops[i].path);
        free(program->ops[i].inputs);
        free(program->ops[i].saved);
        free(program->ops[i].winners);
        free(program->ops[i].places);
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
    free(program->ops);
    free(program->values);
    free(program->graph_inputs);
    free(program->outputs);
    free(program->weights);
    free(program->scratch);
    free(program->profile);
}
