// SPDX-License-Identifier: Apache-2.0
// The graph of a network; see graph.h. Nodes and all they point to lie in one arena, so that a graph
// is freed at once.
#include "graph/graph.h"

#include "arch/memory.h"
#include "graph/operators.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define SHARED_SLOTS 64
#define FIRST_NODES 256 // room for so many at once: most networks have a few hundred

struct graph {
    esp_graph handle; // first: lent to plugins
    struct arena arena;
    esp_graph_node *nodes;
    size_t node_count, node_capacity;
    uint32_t *outputs;
    size_t output_count, output_capacity;
    // Paths of operators, for their law: each stands once. An open-addressing table of indices of
    // `nodes`, less than half full; GRAPH_NO_NODE where a slot is free.
    uint32_t *paths;
    size_t path_slots;
    // Attribute lists as last seen, by their hash: nodes whose lists are equal share one.
    struct shared {
        const esp_attribute *list;
        uint64_t count;
    } shared[SHARED_SLOTS];
    uint64_t params, macs;
    bool finished;
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
    sizeof(esp_graph_api),
    api_node_count,
    api_node,
    api_output_count,
    api_output,
    api_params,
    api_macs,
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
    free(graph->paths);
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
    size_t wanted = graph->node_count ? graph->node_count + 1 : FIRST_NODES;
    if (!array_reserve(&graph->nodes, &graph->node_capacity, wanted, sizeof *graph->nodes)) {
        error_memory(error);
        return GRAPH_NO_NODE;
    }
    graph->nodes[graph->node_count] = *node;
    return (uint32_t)graph->node_count++;
}

uint32_t graph_add_input(struct graph *graph, const char *name, const esp_shape *shape,
                         struct error *error)
{
    bool fits = shape->rank >= 1 && shape->rank <= ESP_MAX_RANK && shape->dims[0] == ESP_BATCH;
    for (uint32_t i = 1; fits && i < shape->rank; i++)
        fits = shape->dims[i] >= 1 && shape->dims[i] <= OPERATOR_MOST_SIZE;
    if (!fits) {
        char words[SHAPE_WORDS_SIZE];
        shape_words(words, sizeof words, shape);
        error_set(error, ESP_ERROR_INVALID,
                  "input '%s' of %s: expected 1 to %d dimensions, the batch and sizes of 1 to %lld",
                  name, words, ESP_MAX_RANK, (long long)OPERATOR_MOST_SIZE);
        return GRAPH_NO_NODE;
    }
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

// `<scope>/<name>`, `<scope>` or `<name>`; and a number behind it unless it is negative. NULL: out of
// memory.
static const char *join_path(struct graph *graph, const char *scope, const char *name,
                             int64_t number)
{
    char digits[24];
    size_t scope_length = strlen(scope), name_length = strlen(name), digit_count = 0;
    for (uint64_t rest = (uint64_t)number; number >= 0 && (rest > 0 || digit_count == 0);
         rest /= 10)
        digits[digit_count++] = (char)('0' + rest % 10);
    char *path = arena_take(&graph->arena, scope_length + name_length + digit_count + 3);
    if (!path)
        return NULL;
    char *at = path;
    memcpy(at, scope, scope_length);
    at += scope_length;
    if (scope_length > 0 && name_length > 0)
        *at++ = '/';
    memcpy(at, name, name_length);
    at += name_length;
    if (digit_count > 0)
        *at++ = '_';
    while (digit_count > 0)
        *at++ = digits[--digit_count];
    *at = '\0';
    return path;
}

// The slot of a path: where it stands, or the free one where it belongs.
static uint32_t *find_path(const struct graph *graph, const char *path, uint64_t hash)
{
    size_t at = hash & (graph->path_slots - 1);
    while (graph->paths[at] != GRAPH_NO_NODE) {
        const esp_graph_node *node = &graph->nodes[graph->paths[at]];
        if (node->path_hash == hash && strcmp(node->path, path) == 0)
            break;
        at = (at + 1) & (graph->path_slots - 1);
    }
    return &graph->paths[at];
}

// Room for one more path.
static bool reserve_path(struct graph *graph)
{
    if (2 * (graph->node_count + 1) <= graph->path_slots)
        return true;
    struct graph grown = *graph;
    grown.path_slots = graph->path_slots ? 2 * graph->path_slots : 256;
    grown.paths = malloc(grown.path_slots * sizeof *grown.paths);
    if (!grown.paths)
        return false;
    for (size_t i = 0; i < grown.path_slots; i++)
        grown.paths[i] = GRAPH_NO_NODE;
    for (size_t i = 0; i < graph->path_slots; i++)
        if (graph->paths[i] != GRAPH_NO_NODE) {
            const esp_graph_node *node = &graph->nodes[graph->paths[i]];
            *find_path(&grown, node->path, node->path_hash) = graph->paths[i];
        }
    free(graph->paths);
    graph->paths = grown.paths;
    graph->path_slots = grown.path_slots;
    return true;
}

// Gives the node its path: the name that was given, which may not stand already, or one of its own.
static esp_status take_path(struct graph *graph, esp_graph_node *node, const char *scope,
                            const char *name, const char *op, struct error *error)
{
    bool own = name[0] == '\0';
    if (graph->finished)
        return error_set(error, ESP_ERROR_MISUSE, "'%s': the graph is finished", name);
    if (!reserve_path(graph))
        return error_memory(error);
    for (int64_t number = (int64_t)graph->node_count;; number++) {
        node->path = own ? join_path(graph, scope, op, number) : join_path(graph, scope, name, -1);
        if (!node->path)
            return error_memory(error);
        node->path_hash = XXH3_64bits(node->path, strlen(node->path));
        if (*find_path(graph, node->path, node->path_hash) == GRAPH_NO_NODE)
            return ESP_OK;
        if (!own)
            return error_set(error, ESP_ERROR_MISUSE,
                             "the weight path '%s' stands twice; give the operators names or "
                             "scopes of their own",
                             node->path);
    }
}

// An operator takes nodes that are there already: so there is no cycle.
static esp_status take_inputs(const struct graph *graph, struct operator_call *call,
                              const uint32_t *inputs, uint64_t count, esp_shape *shapes,
                              struct error *error)
{
    char words[SHAPE_WORDS_SIZE];
    call->inputs = shapes;
    for (uint64_t i = 0; i < count; i++) {
        if (inputs[i] < graph->node_count) {
            shapes[i] = graph->nodes[inputs[i]].shape;
            call->input_count = i + 1;
            continue;
        }
        if (i > 0)
            shape_words(words, sizeof words, &shapes[0]);
        return error_set(
            error, ESP_ERROR_MISUSE,
            "%s '%s'%s%s: input %llu is node %u, and there are %zu before it; expected "
            "earlier nodes alone (a cycle can't be computed)",
            call->op, call->path, i > 0 ? " of " : "", i > 0 ? words : "", (unsigned long long)i,
            inputs[i], graph->node_count);
    }
    return ESP_OK;
}

static esp_status check_input_count(const struct operator_call *call,
                                    const struct operator_row *row, struct error *error)
{
    uint64_t count = call->input_count;
    if (count >= row->least_inputs && (!row->most_inputs || count <= row->most_inputs))
        return ESP_OK;
    return call_wrong(call, error, "expected %llu input%s%s, got %llu",
                      (unsigned long long)row->least_inputs, row->least_inputs > 1 ? "s" : "",
                      row->most_inputs ? "" : " or more", (unsigned long long)count);
}

// Where an equal list may stand.
static struct shared *shared_slot(struct graph *graph, const struct operator_call *call)
{
    uint64_t hash = call->attribute_count;
    for (uint64_t i = 0; i < call->attribute_count; i++) {
        const struct operator_attribute *attribute = &call->attributes[i];
        hash = hash * 31 + (uint64_t)attribute->integer + attribute->type;
        for (uint64_t j = 0; j < attribute->count; j++)
            hash = hash * 31 + (uint64_t)attribute->ints[j];
    }
    return &graph->shared[(hash ^ hash >> 17) % SHARED_SLOTS];
}

// Whether a copied list says what the call's attributes say. Names are the rows' own, so that equal
// lists of two operators with the same attributes are shared too.
static bool list_equal(const struct shared *shared, const struct operator_call *call)
{
    if (!shared->list || shared->count != call->attribute_count)
        return false;
    for (uint64_t i = 0; i < shared->count; i++) {
        const esp_attribute *a = &shared->list[i];
        const struct operator_attribute *b = &call->attributes[i];
        if (a->name != b->name || a->type != b->type || a->integer != b->integer ||
            memcmp(&a->real, &b->real, sizeof a->real) != 0 || a->count != b->count ||
            (a->count && memcmp(a->ints, b->ints, a->count * sizeof a->ints[0]) != 0) ||
            !a->text != !b->text || (a->text && strcmp(a->text, b->text) != 0))
            return false;
    }
    return true;
}

static esp_status copy_attributes(struct graph *graph, esp_graph_node *node,
                                  const struct operator_call *call)
{
    struct shared *shared = shared_slot(graph, call);
    if (!list_equal(shared, call)) {
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
            list[i].ints =
                from->count ? copy(graph, from->ints, from->count * sizeof(int64_t)) : NULL;
            list[i].text = from->text ? copy_text(graph, from->text) : NULL;
            if ((from->count && !list[i].ints) || (from->text && !list[i].text))
                return ESP_ERROR_MEMORY;
        }
        *shared = (struct shared){list, call->attribute_count};
    }
    node->attributes = shared->list;
    node->attribute_count = shared->count;
    return ESP_OK;
}

static const float *copy_values(struct graph *graph, const struct operator_weight *weight)
{
    uint64_t size = esp_shape_size(&weight->shape);
    float *values = arena_take(&graph->arena, size * sizeof *values);
    for (uint64_t i = 0; values && i < size; i++)
        values[i] = (float)weight->values[i];
    return values;
}

static esp_status copy_weights(struct graph *graph, esp_graph_node *node,
                               const struct operator_call *call)
{
    static const esp_weight none;
    node->weights = &none;
    if (call->weight_count == 0)
        return ESP_OK;
    esp_weight *list = arena_take(&graph->arena, call->weight_count * sizeof *list);
    if (!list)
        return ESP_ERROR_MEMORY;
    for (uint64_t i = 0; i < call->weight_count; i++) {
        list[i] = (esp_weight){.struct_size = sizeof *list,
                               .path = join_path(graph, node->path, call->weights[i].name, -1),
                               .name = call->weights[i].name,
                               .shape = call->weights[i].shape,
                               .role = call->weights[i].role,
                               .init = call->weights[i].init};
        if (!list[i].path)
            return ESP_ERROR_MEMORY;
        if (list[i].init == ESP_INIT_GIVEN &&
            !(list[i].values = copy_values(graph, &call->weights[i])))
            return ESP_ERROR_MEMORY;
    }
    node->weights = list;
    node->weight_count = call->weight_count;
    return ESP_OK;
}

uint32_t graph_add(struct graph *graph, const char *scope, const char *name, const char *op,
                   const uint32_t *inputs, uint64_t input_count, const esp_attribute *attributes,
                   uint64_t attribute_count, uint64_t attribute_stride, struct error *error)
{
    esp_graph_node node = {.struct_size = sizeof node,
                           .input_count = input_count,
                           .attribute_stride = sizeof(esp_attribute),
                           .weight_stride = sizeof(esp_weight)};
    struct operator_call call;
    call_begin(&call, op ? op : "");
    esp_shape own[4], *shapes = own;
    if (input_count > ESP_COUNT(own))
        shapes = calloc(input_count, sizeof *shapes);
    uint32_t index = GRAPH_NO_NODE;
    if (!shapes) {
        error_memory(error);
        goto cleanup;
    }
    if (take_path(graph, &node, scope, name, call.op, error) != ESP_OK)
        goto cleanup;
    call.path = node.path;
    if (take_inputs(graph, &call, inputs, input_count, shapes, error) != ESP_OK)
        goto cleanup;
    const struct operator_row *row = operator_find(&call, error);
    if (!row || check_input_count(&call, row, error) != ESP_OK ||
        operator_take_attributes(&call, row, attributes, attribute_count, attribute_stride,
                                 error) != ESP_OK ||
        operator_infer(&call, row, error) != ESP_OK)
        goto cleanup;
    // The weights' own now.
    if (call.attribute_count > 0 &&
        call.attributes[call.attribute_count - 1].type == ESP_ATTRIBUTE_REALS)
        call.attribute_count--;
    node.op = row->name;
    node.inputs = copy(graph, inputs, input_count * sizeof *inputs);
    node.shape = call.shape;
    node.macs = call.macs;
    if (!node.inputs || copy_attributes(graph, &node, &call) != ESP_OK ||
        copy_weights(graph, &node, &call) != ESP_OK) {
        error_memory(error);
        goto cleanup;
    }
    index = append(graph, &node, error);
    if (index != GRAPH_NO_NODE)
        *find_path(graph, node.path, node.path_hash) = index;
cleanup:
    if (shapes != own)
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

// Marks what the first `outputs` outputs depend on, from the last node back. Inputs always stay.
static void mark_used(const struct graph *graph, size_t outputs, bool *used)
{
    for (size_t i = 0; i < graph->node_count; i++)
        used[i] = graph->nodes[i].input_count == 0; // of operators none is without
    for (size_t i = 0; i < outputs; i++)
        used[graph->outputs[i]] = true;
    for (size_t i = graph->node_count; i-- > 0;) {
        const esp_graph_node *node = &graph->nodes[i];
        for (uint64_t j = 0; used[i] && j < node->input_count; j++)
            used[node->inputs[j]] = true;
    }
}

// Of the network that output 0 is: what auxiliary heads alone need is left out.
static void count_params_and_macs(struct graph *graph, bool *used)
{
    mark_used(graph, 1, used);
    graph->params = graph->macs = 0;
    for (size_t i = 0; i < graph->node_count; i++) {
        const esp_graph_node *node = &graph->nodes[i];
        graph->macs += used[i] ? node->macs : 0;
        for (uint64_t j = 0; used[i] && j < node->weight_count; j++)
            if (node->weights[j].role == ESP_WEIGHT_TRAINED)
                graph->params += esp_shape_size(&node->weights[j].shape);
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
        mark_used(graph, graph->output_count, used);
    size_t kept = 0;
    for (size_t i = 0; status == ESP_OK && i < graph->node_count; i++) {
        if (!used[i])
            continue;
        esp_graph_node *node = &graph->nodes[kept];
        if (kept != i)
            *node = graph->nodes[i];
        place[i] = (uint32_t)kept++;
        uint32_t *inputs = (uint32_t *)(uintptr_t)node->inputs; // the arena's: ours
        for (uint64_t j = 0; j < node->input_count; j++)
            inputs[j] = place[inputs[j]];
    }
    for (size_t i = 0; status == ESP_OK && i < graph->output_count; i++)
        graph->outputs[i] = place[graph->outputs[i]];
    if (status == ESP_OK) {
        graph->node_count = kept;
        count_params_and_macs(graph, used);
    }
    graph->finished = status == ESP_OK; // `paths` holds the old numbers
    free(used);
    free(place);
    return status;
}
