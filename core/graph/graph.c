// SPDX-License-Identifier: Apache-2.0
// The graph of a network; see graph.h. Nodes and all they point to lie in one arena, so that a graph
// is freed at once.
#include "graph/graph.h"

#include "arch/memory.h"
#include "graph/operators.h"
#include "text/nearest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct graph {
    esp_graph handle; // first: lent to plugins
    struct arena arena;
    esp_graph_node *nodes;
    size_t node_count, node_capacity;
    uint32_t *outputs;
    size_t output_count, output_capacity;
    uint64_t params, macs;
    struct error error;
};

static const struct graph *graph_of(const esp_graph *handle)
{
    return (const struct graph *)(const void *)handle;
}

static uint64_t api_node_count(const esp_graph *handle)
{
    return graph_of(handle)->node_count;
}

static const esp_graph_node *api_node(const esp_graph *handle, uint64_t i)
{
    return &graph_of(handle)->nodes[i];
}

static uint64_t api_output_count(const esp_graph *handle)
{
    return graph_of(handle)->output_count;
}

static uint32_t api_output(const esp_graph *handle, uint64_t i)
{
    return graph_of(handle)->outputs[i];
}

static uint64_t api_params(const esp_graph *handle)
{
    return graph_of(handle)->params;
}

static uint64_t api_macs(const esp_graph *handle)
{
    return graph_of(handle)->macs;
}

static const esp_graph_api graph_api = {
    sizeof(esp_graph_api), api_node_count, api_node, api_output_count,
    api_output,            api_params,     api_macs,
};

struct graph *graph_create(void)
{
    struct graph *graph = calloc(1, sizeof *graph);
    if (!graph)
        return NULL;
    handle_init(&graph->handle.base, sizeof graph->handle, &graph->error);
    graph->handle.api = &graph_api;
    return graph;
}

void graph_destroy(struct graph *graph)
{
    if (!graph)
        return;
    arena_free(&graph->arena);
    free(graph->nodes);
    free(graph->outputs);
    free(graph);
}

const esp_graph *graph_handle(const struct graph *graph)
{
    return &graph->handle;
}

static void *copy(struct graph *graph, const void *bytes, size_t size)
{
    void *to = arena_take(&graph->arena, size ? size : 1);
    if (to && size)
        memcpy(to, bytes, size);
    return to;
}

static const char *copy_text(struct graph *graph, const char *text)
{
    return arena_text(&graph->arena, text, strlen(text));
}

// ---- Adding -----------------------------------------------------------------------------------

static uint32_t append(struct graph *graph, const esp_graph_node *node, struct error *error)
{
    if (!array_reserve(&graph->nodes, &graph->node_capacity, graph->node_count + 1,
                       sizeof *graph->nodes)) {
        error_memory(error);
        return GRAPH_NO_NODE;
    }
    graph->nodes[graph->node_count] = *node;
    return (uint32_t)graph->node_count++;
}

uint32_t graph_add_input(struct graph *graph, const char *name, const esp_shape *shape,
                         struct error *error)
{
    esp_graph_node node = {.struct_size = sizeof node,
                           .op = "Input",
                           .path = copy_text(graph, name),
                           .path_hash = XXH3_64bits(name, strlen(name)),
                           .attribute_stride = sizeof(esp_attribute),
                           .weight_stride = sizeof(esp_weight),
                           .shape = *shape};
    if (!node.path) {
        error_memory(error);
        return GRAPH_NO_NODE;
    }
    return append(graph, &node, error);
}

// The weight path: `<scope>/<name>`; a node without a name gets one that is unique.
static const char *make_path(struct graph *graph, const char *scope, const char *name,
                             const char *op)
{
    char text[1024], own[96];
    if (name[0] == '\0') {
        snprintf(own, sizeof own, "%s_%zu", op, graph->node_count);
        name = own;
    }
    int length = snprintf(text, sizeof text, "%s%s%s", scope, scope[0] ? "/" : "", name);
    return length > 0 && (size_t)length < sizeof text ? copy_text(graph, text) : NULL;
}

// Fills the call's attributes: defaults, then what was given.
static esp_status take_attributes(struct operator_call *call, const struct operator_row *row,
                                  const esp_attribute *attributes, uint64_t count,
                                  uint64_t stride, struct error *error)
{
    const char *names[OPERATOR_MOST_ATTRIBUTES];
    for (; call->attribute_count < OPERATOR_MOST_ATTRIBUTES &&
           row->attributes[call->attribute_count].name;
         call->attribute_count++) {
        const struct operator_attribute_row *from = &row->attributes[call->attribute_count];
        names[call->attribute_count] = from->name;
        call->attributes[call->attribute_count] = (struct operator_attribute){
            .name = from->name,
            .type = from->type,
            .integer = from->integer,
            .real = from->real,
            .text = from->text,
            .absent = from->type == ESP_ATTRIBUTE_INTS,
        };
    }
    const char *given = (const char *)attributes;
    for (uint64_t i = 0; i < count; i++, given += stride) {
        const esp_attribute *from = (const esp_attribute *)(const void *)given;
        struct operator_attribute *to = NULL;
        for (uint64_t j = 0; j < call->attribute_count; j++)
            if (strcmp(call->attributes[j].name, from->name) == 0)
                to = &call->attributes[j];
        if (!to) {
            const char *nearest = text_nearest(from->name, names, call->attribute_count);
            return error_set(error, ESP_ERROR_INVALID, "%s '%s': it has no attribute '%s'%s%s%s",
                             call->op, call->path, from->name, nearest ? "; did you mean '" : "",
                             nearest ? nearest : "", nearest ? "'?" : "");
        }
        bool number = to->type == ESP_ATTRIBUTE_REAL && from->type == ESP_ATTRIBUTE_INT;
        if (to->type != from->type && !number)
            return error_set(error, ESP_ERROR_INVALID, "%s '%s': attribute %s is of another type",
                             call->op, call->path, from->name);
        if (from->count > 2 * ESP_MAX_RANK)
            return error_set(error, ESP_ERROR_INVALID, "%s '%s': attribute %s is too long",
                             call->op, call->path, from->name);
        to->integer = from->integer;
        to->real = number ? (double)from->integer : from->real;
        to->text = from->text;
        to->count = from->count;
        to->absent = false;
        for (uint64_t j = 0; j < from->count; j++)
            to->ints[j] = from->ints[j];
    }
    return ESP_OK;
}

static esp_status take_inputs(struct graph *graph, struct operator_call *call,
                              const struct operator_row *row, const uint32_t *inputs,
                              uint64_t count, esp_shape *shapes, struct error *error)
{
    if (count < row->least_inputs || (row->most_inputs && count > row->most_inputs))
        return error_set(error, ESP_ERROR_INVALID, "%s '%s': it has %llu inputs", call->op,
                         call->path, (unsigned long long)count);
    for (uint64_t i = 0; i < count; i++) {
        if (inputs[i] >= graph->node_count)
            return error_set(error, ESP_ERROR_MISUSE, "%s '%s': input %llu is no node", call->op,
                             call->path, (unsigned long long)i);
        shapes[i] = graph->nodes[inputs[i]].shape;
    }
    call->inputs = shapes;
    call->input_count = count;
    return ESP_OK;
}

static esp_status copy_attributes(struct graph *graph, esp_graph_node *node,
                                  const struct operator_call *call)
{
    esp_attribute *list = arena_take(&graph->arena, (call->attribute_count + 1) * sizeof *list);
    if (!list)
        return ESP_ERROR_MEMORY;
    for (uint64_t i = 0; i < call->attribute_count; i++) {
        const struct operator_attribute *from = &call->attributes[i];
        list[i] = (esp_attribute){.struct_size = sizeof *list,
                                  .name = from->name,
                                  .type = from->type,
                                  .integer = from->integer,
                                  .real = from->real,
                                  .count = from->count};
        list[i].ints = from->count ? copy(graph, from->ints, from->count * sizeof(int64_t)) : NULL;
        list[i].text = from->text ? copy_text(graph, from->text) : NULL;
        if ((from->count && !list[i].ints) || (from->text && !list[i].text))
            return ESP_ERROR_MEMORY;
    }
    node->attributes = list;
    node->attribute_count = call->attribute_count;
    return ESP_OK;
}

static esp_status copy_weights(struct graph *graph, esp_graph_node *node,
                               const struct operator_call *call)
{
    esp_weight *list = arena_take(&graph->arena, (call->weight_count + 1) * sizeof *list);
    if (!list)
        return ESP_ERROR_MEMORY;
    for (uint64_t i = 0; i < call->weight_count; i++) {
        char path[1200];
        snprintf(path, sizeof path, "%s/%s", node->path, call->weights[i].name);
        list[i] = (esp_weight){.struct_size = sizeof *list,
                               .path = copy_text(graph, path),
                               .name = call->weights[i].name,
                               .shape = call->weights[i].shape,
                               .role = call->weights[i].role,
                               .init = call->weights[i].init};
        if (!list[i].path)
            return ESP_ERROR_MEMORY;
    }
    node->weights = list;
    node->weight_count = call->weight_count;
    return ESP_OK;
}

// A path that names weights or a stream stands once.
static esp_status check_unique(const struct graph *graph, const esp_graph_node *node, bool random,
                               struct error *error)
{
    if (node->weight_count == 0 && !random)
        return ESP_OK;
    for (size_t i = 0; i < graph->node_count; i++)
        if (graph->nodes[i].path_hash == node->path_hash &&
            strcmp(graph->nodes[i].path, node->path) == 0)
            return error_set(error, ESP_ERROR_MISUSE,
                             "the weight path '%s' stands twice; give the operators names or "
                             "scopes of their own",
                             node->path);
    return ESP_OK;
}

uint32_t graph_add(struct graph *graph, const char *scope, const char *name, const char *op,
                   const uint32_t *inputs, uint64_t input_count, const esp_attribute *attributes,
                   uint64_t attribute_count, uint64_t attribute_stride, struct error *error)
{
    esp_graph_node node = {.struct_size = sizeof node,
                           .attribute_stride = sizeof(esp_attribute),
                           .weight_stride = sizeof(esp_weight)};
    struct operator_call call = {.op = op};
    esp_shape *shapes = calloc(input_count + 1, sizeof *shapes);
    uint32_t index = GRAPH_NO_NODE;
    node.path = call.path = make_path(graph, scope, name, op);
    if (!shapes || !node.path) {
        error_memory(error);
        goto cleanup;
    }
    const struct operator_row *row = operator_find(op, node.path, error);
    if (!row ||
        take_inputs(graph, &call, row, inputs, input_count, shapes, error) != ESP_OK ||
        take_attributes(&call, row, attributes, attribute_count, attribute_stride, error) !=
            ESP_OK ||
        row->infer(&call, error) != ESP_OK)
        goto cleanup;
    node.op = row->name;
    node.path_hash = XXH3_64bits(node.path, strlen(node.path));
    node.inputs = copy(graph, inputs, input_count * sizeof *inputs);
    node.input_count = input_count;
    node.shape = call.shape;
    node.macs = call.macs;
    if (!node.inputs || copy_attributes(graph, &node, &call) != ESP_OK ||
        copy_weights(graph, &node, &call) != ESP_OK)
        error_memory(error);
    else if (check_unique(graph, &node, row->random, error) == ESP_OK)
        index = append(graph, &node, error);
cleanup:
    free(shapes);
    return index;
}

esp_status graph_add_output(struct graph *graph, uint32_t node, struct error *error)
{
    if (node >= graph->node_count)
        return error_set(error, ESP_ERROR_MISUSE, "an output that is no node");
    if (!array_reserve(&graph->outputs, &graph->output_capacity, graph->output_count + 1,
                       sizeof *graph->outputs))
        return error_memory(error);
    graph->outputs[graph->output_count++] = node;
    return ESP_OK;
}

// ---- Finishing --------------------------------------------------------------------------------

// Marks what the outputs depend on, from the last node back. Inputs always stay.
static void mark_used(const struct graph *graph, bool *used)
{
    for (size_t i = 0; i < graph->output_count; i++)
        used[graph->outputs[i]] = true;
    for (size_t i = graph->node_count; i-- > 0;) {
        const esp_graph_node *node = &graph->nodes[i];
        used[i] = used[i] || strcmp(node->op, "Input") == 0;
        for (uint64_t j = 0; used[i] && j < node->input_count; j++)
            used[node->inputs[j]] = true;
    }
}

esp_status graph_finish(struct graph *graph, struct error *error)
{
    if (graph->output_count == 0)
        return error_set(error, ESP_ERROR_MISUSE,
                         "the network has no output (esp_output or esp_classifier marks it)");
    bool *used = calloc(graph->node_count + 1, sizeof *used);
    uint32_t *place = calloc(graph->node_count + 1, sizeof *place);
    esp_status status = used && place ? ESP_OK : error_memory(error);
    if (status == ESP_OK)
        mark_used(graph, used);
    size_t kept = 0;
    graph->params = graph->macs = 0;
    for (size_t i = 0; status == ESP_OK && i < graph->node_count; i++) {
        if (!used[i])
            continue;
        esp_graph_node *node = &graph->nodes[kept];
        *node = graph->nodes[i];
        place[i] = (uint32_t)kept++;
        uint32_t *inputs = (uint32_t *)(uintptr_t)node->inputs; // the arena's: ours
        for (uint64_t j = 0; j < node->input_count; j++)
            inputs[j] = place[inputs[j]];
        graph->macs += node->macs;
        for (uint64_t j = 0; j < node->weight_count; j++)
            if (node->weights[j].role == ESP_WEIGHT_TRAINED)
                graph->params += esp_shape_size(&node->weights[j].shape);
    }
    for (size_t i = 0; status == ESP_OK && i < graph->output_count; i++)
        graph->outputs[i] = place[graph->outputs[i]];
    if (status == ESP_OK)
        graph->node_count = kept;
    free(used);
    free(place);
    return status;
}
