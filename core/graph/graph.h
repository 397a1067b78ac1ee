// SPDX-License-Identifier: Apache-2.0
// The graph of a network: operators in topological order with shapes, weights, params and MACs.
// What operators exist, their attributes, shapes and weights is operators.h; drawing is dot.c.
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include "error/error.h"

#include <espalier/graph.h>

#include <jansson.h>

#define GRAPH_NO_NODE UINT32_MAX

// Begins with the esp_graph that is lent to plugins.
struct graph;

struct graph *graph_create(void);
void graph_destroy(struct graph *graph);

// The same object as its public handle.
const esp_graph *graph_handle(const struct graph *graph);

// An input of the network; shape.dims[0] is ESP_BATCH. Answers the node's index.
uint32_t graph_add_input(struct graph *graph, const char *name, const esp_shape *shape,
                         struct error *error);

// Appends an operator. Its weight path is `<scope>/<name>` (`<name>` where the scope is ""), which no
// other operator may have (ESP_ERROR_MISUSE); with the name "" it gets a path of its own,
// `<scope>/Relu_17`. Attributes are tested and copied, defaults filled in, the shape inferred, weights
// declared; what does not fit is ESP_ERROR_INVALID. GRAPH_NO_NODE on error.
uint32_t graph_add(struct graph *graph, const char *scope, const char *name, const char *op,
                   const uint32_t *inputs, uint64_t input_count, const esp_attribute *attributes,
                   uint64_t attribute_count, uint64_t attribute_stride, struct error *error);

// Marks a node as the next output.
esp_status graph_add_output(struct graph *graph, uint32_t node, struct error *error);

// Removes nodes that no output depends on (a branch that was emitted and not used) and renumbers;
// called once when the pass is over, nothing is added afterwards. An error if there is no output.
esp_status graph_finish(struct graph *graph, struct error *error);

// Nodes, shapes, weights, params and MACs as JSON: {"nodes": [{"op", "path", "inputs", "shape",
// "attributes", "weights": [{"path", "shape", "trained"}], "macs"}], "outputs", "params", "macs"}; the
// batch is -1. NULL: out of memory. Owner: the caller.
json_t *graph_json(const esp_graph *graph);

// Graphviz DOT text, scopes as clusters. Owner: the caller (free).
char *graph_dot(const esp_graph *graph, const char *title, struct error *error);

#endif
