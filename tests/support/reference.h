// SPDX-License-Identifier: Apache-2.0
// Every operator as a plain loop in double precision: what engines are compared with, forward by its
// values and backward by its central differences. Written from ONNX's definitions, for clarity alone.
#ifndef SUPPORT_REFERENCE_H
#define SUPPORT_REFERENCE_H

#include <espalier/graph.h>
#include <espalier/random.h>

struct reference {
    const esp_graph *graph;
    uint64_t batch;
    uint64_t count;    // of nodes
    double **values;   // of each node, [batch, ...]
    double ***weights; // of each node, each weight
    esp_random random; // of dropout
    int training;
};

struct reference *reference_create(const esp_graph *graph, uint64_t batch);
void reference_destroy(struct reference *reference);

// Computes all nodes from the inputs' values and the weights. Running statistics are read, not
// moved.
void reference_forward(struct reference *reference);

// The elements of a node's value: batch times a sample's.
uint64_t reference_size(const struct reference *reference, uint64_t node);

#endif
