// SPDX-License-Identifier: Apache-2.0
// A graph as JSON.
#include "graph/graph.h"

static json_t *shape_json(const esp_shape *shape)
{
    json_t *dims = json_array();
    for (uint32_t i = 0; i < shape->rank; i++)
        json_array_append_new(dims, json_integer(shape->dims[i]));
    return dims;
}

static json_t *attribute_json(const esp_attribute *attribute)
{
    json_t *list;
    switch (attribute->type) {
    case ESP_ATTRIBUTE_INT:
        return json_integer(attribute->integer);
    case ESP_ATTRIBUTE_REAL:
        return json_real(attribute->real);
    case ESP_ATTRIBUTE_TEXT:
        return json_string(attribute->text ? attribute->text : "");
    default:
        list = json_array();
        for (uint64_t i = 0; i < attribute->count; i++)
            json_array_append_new(list, json_integer(attribute->ints[i]));
        return list;
    }
}

static json_t *node_json(const esp_graph_node *node)
{
    json_t *inputs = json_array(), *attributes = json_object(), *weights = json_array();
    for (uint64_t i = 0; i < node->input_count; i++)
        json_array_append_new(inputs, json_integer(node->inputs[i]));
    for (uint64_t i = 0; i < node->attribute_count; i++)
        json_object_set_new(attributes, node->attributes[i].name,
                            attribute_json(&node->attributes[i]));
    for (uint64_t i = 0; i < node->weight_count; i++)
        json_array_append_new(weights, json_pack("{s:s, s:o, s:b}", "path", node->weights[i].path,
                                                 "shape", shape_json(&node->weights[i].shape),
                                                 "trained",
                                                 node->weights[i].role == ESP_WEIGHT_TRAINED));
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:I}", "op", node->op, "path", node->path,
                     "inputs", inputs, "shape", shape_json(&node->shape), "attributes", attributes,
                     "weights", weights, "macs", (json_int_t)node->macs);
}

json_t *graph_json(const esp_graph *graph)
{
    json_t *nodes = json_array(), *outputs = json_array();
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++)
        json_array_append_new(nodes, node_json(esp_graph_get(graph, i)));
    for (uint64_t i = 0; i < esp_graph_output_count(graph); i++)
        json_array_append_new(outputs, json_integer(esp_graph_output(graph, i)));
    return json_pack("{s:o, s:o, s:I, s:I}", "nodes", nodes, "outputs", outputs, "params",
                     (json_int_t)esp_graph_params(graph), "macs",
                     (json_int_t)esp_graph_macs(graph));
}
