// SPDX-License-Identifier: Apache-2.0
// Operators. A trace-only pass has no graph: every tensor is node 1, of no shape. What operators are,
// whether they fit, and that no weight path stands twice is the graph's to say.
#include "builder/pass.h"
#include "graph/operators.h"

#include <inttypes.h>
#include <string.h>

static const esp_node none = {0}, traced = {1};

// The graph's index of a node is its id less one.
static uint32_t node_index(esp_node node)
{
    return node.id - 1;
}

static bool node_exists(const struct builder *builder, esp_node node)
{
    if (node.id == 0)
        return false;
    return !builder->graph || node_index(node) < esp_graph_node_count(graph_handle(builder->graph));
}

esp_node builder_input(esp_builder *handle)
{
    struct builder *builder = builder_from_handle(handle);
    const esp_task *task = builder->design.task;
    if (builder->error.status != ESP_OK || !builder->graph)
        return builder->error.status == ESP_OK ? traced : none;
    if (builder->input.id != 0)
        return builder->input;
    esp_shape shape = {0};
    shape.rank = task->kind == ESP_TASK_IMAGES ? 4 : 2;
    shape.dims[0] = ESP_BATCH;
    shape.dims[1] = (int64_t)task->channels;
    if (task->kind == ESP_TASK_IMAGES) {
        shape.dims[2] = (int64_t)task->height;
        shape.dims[3] = (int64_t)task->width;
    }
    uint32_t index = graph_add_input(builder->graph, "input", &shape, &builder->error);
    if (index == GRAPH_NO_NODE) {
        error_ensure(&builder->error, ESP_ERROR, "the input");
        return none;
    }
    builder->input.id = index + 1;
    return builder->input;
}

static bool check_inputs(struct builder *builder, const char *op, const esp_node *inputs,
                         uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (!inputs || !node_exists(builder, inputs[i])) {
            error_set(&builder->error, ESP_ERROR_MISUSE,
                      "input %" PRIu64 " of %s in \"%s\" is no tensor of this pass", i,
                      op ? op : "(NULL)", builder->path);
            return false;
        }
    return true;
}

static esp_node add(struct builder *builder, const char *name, const char *op,
                    const esp_node *inputs, uint64_t input_count, const esp_attribute *attributes,
                    uint64_t attribute_count, uint64_t attribute_stride)
{
    uint32_t *indices = arena_take(&builder->arena, input_count * sizeof *indices);
    if (!indices) {
        error_memory(&builder->error);
        return none;
    }
    for (uint64_t i = 0; i < input_count; i++)
        indices[i] = node_index(inputs[i]);
    if (name && !path_is_name(builder, name))
        return none;
    uint32_t index =
        graph_add(builder->graph, builder->path, name ? name : "", op, indices, input_count,
                  attributes, attribute_count, attribute_stride, &builder->error);
    if (index == GRAPH_NO_NODE) {
        error_ensure(&builder->error, ESP_ERROR, op);
        return none;
    }
    const esp_graph_node *node = esp_graph_get(graph_handle(builder->graph), index);
    if (!name && (node->weight_count > 0 || operator_is_random(node->op))) {
        error_set(&builder->error, ESP_ERROR_MISUSE,
                  "%s in \"%s\" has weights or a random stream, and so needs a name", node->op,
                  builder->path);
        return none;
    }
    return (esp_node){index + 1};
}

esp_node builder_op(esp_builder *handle, const char *name, const char *op, const esp_node *inputs,
                    uint64_t input_count, const esp_attribute *attributes, uint64_t attribute_count,
                    uint64_t attribute_stride)
{
    struct builder *builder = builder_from_handle(handle);
    if (builder->error.status != ESP_OK || !check_inputs(builder, op, inputs, input_count))
        return none;
    if (!builder->graph)
        return traced;
    return add(builder, name, op, inputs, input_count, attributes, attribute_count,
               attribute_stride);
}

esp_shape builder_shape(esp_builder *handle, esp_node x)
{
    struct builder *builder = builder_from_handle(handle);
    const esp_shape unknown = {0};
    if (builder->error.status != ESP_OK || !check_inputs(builder, "esp_node_shape", &x, 1) ||
        !builder->graph)
        return unknown;
    return esp_graph_get(graph_handle(builder->graph), node_index(x))->shape;
}

esp_status builder_output(esp_builder *handle, esp_node x)
{
    struct builder *builder = builder_from_handle(handle);
    if (builder->error.status == ESP_OK && check_inputs(builder, "esp_output", &x, 1) &&
        builder->graph)
        graph_add_output(builder->graph, node_index(x), &builder->error);
    return builder->error.status;
}
