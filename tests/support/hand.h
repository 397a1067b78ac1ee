// SPDX-License-Identifier: Apache-2.0
// Graphs made by hand, with shapes and attributes as text. What fails ends the test.
#ifndef SUPPORT_HAND_H
#define SUPPORT_HAND_H

#include "graph/graph.h"

// An input of the shape "3x32x32", without the batch.
uint32_t hand_input(struct graph *graph, const char *shape);
// Appends an operator with the attributes "kernel_shape=3,3 auto_pad=VALID ratio=0.5 group=2": a list
// has a comma ("axes=2," is one of one number), a number that is not whole a point. GRAPH_NO_NODE with `error` set where it is refused.
uint32_t hand_try_add(struct graph *graph, const char *scope, const char *name, const char *op,
                      const uint32_t *inputs, uint64_t count, const char *attributes,
                      struct error *error);
// The same of one input, which is not refused.
uint32_t hand_add(struct graph *graph, const char *scope, const char *name, const char *op,
                  uint32_t in, const char *attributes);
uint32_t hand_sum(struct graph *graph, const char *scope, uint32_t a, uint32_t b);
// Marks `output` as the next output and finishes the graph.
const esp_graph *hand_finish(struct graph *graph, uint32_t output);

const esp_graph_node *hand_node(const struct graph *graph, uint32_t index);
// "16x8x8", without the batch; until the next call.
const char *hand_shape(const esp_shape *shape);

#endif
