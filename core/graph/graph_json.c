// SPDX-License-Identifier: Apache-2.0
// A graph as JSON.
#include "graph/graph.h"

// Adds to an object, an array; what fails (for want of memory alone) is noted.
static void put(json_t *object, const char *key, json_t *value, bool *failed)
{
    if (json_object_set_new(object, key, value) != 0)
        *failed = true;
}

static void push(json_t *array, json_t *value, bool *failed)
{
    if (json_array_append_new(array, value) != 0)
        *failed = true;
}

static json_t *shape_json(const esp_shape *shape, bool *failed)
{
    json_t *dims = json_array();
    for (uint32_t i = 0; i < shape->rank; i++)
        push(dims, json_integer(shape->dims[i]), failed);
    return dims;
}

static json_t *attribute_json(const esp_attribute *attribute, bool *failed)
{
    json_t *list;
    switch (attribute->type) {
    case ESP_ATTRIBUTE_INT:
        return json_integer(attribute->integer);
    case ESP_ATTRIBUTE_REAL:
        return json_real(attribute->real);
    case ESP_ATTRIBUTE_TEXT:
        return json_string(attribute->text);
    default:
        list = json_array();
        for (uint64_t i = 0; i < attribute->count; i++)
            push(list, json_integer(attribute->ints[i]), failed);
        return list;
    }
}

static json_t *weight_json(const esp_weight *weight, bool *failed)
{
    json_t *json = json_object();
    put(json, "path", json_string(weight->path), failed);
    put(json, "shape", shape_json(&weight->shape, failed), failed);
    put(json, "trained", json_boolean(weight->role == ESP_WEIGHT_TRAINED), failed);
    if (weight->values) {
        json_t *values = json_array();
        for (uint64_t i = 0; i < esp_shape_size(&weight->shape); i++)
            push(values, json_real((double)weight->values[i]), failed);
        put(json, "values", values, failed);
    }
    return json;
}

static json_t *node_json(const esp_graph_node *node, bool *failed)
{
    json_t *json = json_object(), *inputs = json_array(), *attributes = json_object(),
           *weights = json_array();
    for (uint64_t i = 0; i < node->input_count; i++)
        push(inputs, json_integer(node->inputs[i]), failed);
    for (uint64_t i = 0; i < node->attribute_count; i++)
        put(attributes, node->attributes[i].name, attribute_json(&node->attributes[i], failed),
            failed);
    for (uint64_t i = 0; i < node->weight_count; i++)
        push(weights, weight_json(&node->weights[i], failed), failed);
    put(json, "op", json_string(node->op), failed);
    put(json, "path", json_string(node->path), failed);
    put(json, "inputs", inputs, failed);
    put(json, "shape", shape_json(&node->shape, failed), failed);
    put(json, "attributes", attributes, failed);
    put(json, "weights", weights, failed);
    put(json, "macs", json_integer((json_int_t)node->macs), failed);
    return json;
}

json_t *graph_json(const esp_graph *graph)
{
    bool failed = false;
    json_t *json = json_object(), *nodes = json_array(), *outputs = json_array();
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++)
        push(nodes, node_json(esp_graph_get(graph, i), &failed), &failed);
    for (uint64_t i = 0; i < esp_graph_output_count(graph); i++)
        push(outputs, json_integer(esp_graph_output(graph, i)), &failed);
    put(json, "nodes", nodes, &failed);
    put(json, "outputs", outputs, &failed);
    put(json, "params", json_integer((json_int_t)esp_graph_params(graph)), &failed);
    put(json, "macs", json_integer((json_int_t)esp_graph_macs(graph)), &failed);
    if (!failed)
        return json;
    json_decref(json);
    return NULL;
}
