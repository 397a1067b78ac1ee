// SPDX-License-Identifier: Apache-2.0
// Networks computed by plain loops in double precision, as the definitions read (ONNX opset 17):
// what engines are compared with. Gradients are central differences of it, so that nothing of an
// engine's own calculus is taken over. It is slow, and made for networks of a few hundred numbers.
#ifndef SUPPORT_REFERENCE_H
#define SUPPORT_REFERENCE_H

#include <espalier/engine.h>

#include <stddef.h>

#define REFERENCE_MOST_WEIGHTS 4

// The output of one node, [batch, ...], and its weights.
struct reference_node {
    const esp_graph_node *node;
    double *value;
    size_t size;
    double *weights[REFERENCE_MOST_WEIGHTS];
    // What a training forward makes of the weights that are state: they themselves stay.
    double *moved[REFERENCE_MOST_WEIGHTS];
    size_t weight_sizes[REFERENCE_MOST_WEIGHTS];
};

struct reference {
    const esp_graph *graph; // outlives it
    uint64_t batch;
    struct reference_node *nodes;
    uint32_t count;
    // Of a forward: its form, and the stream that each Dropout and DropPath forks. Element i of a
    // Dropout is kept where the i-th real of its stream is at least the ratio; so is sample i of a
    // DropPath.
    uint32_t training;
    esp_random random;
    double progress; // so far has the probability of each DropPath come to its ratio
    // Is added to one element of a node's output when it is computed.
    uint32_t nudged;
    size_t nudged_element;
    double nudge;
};

// Weights and inputs are zeros. Owner: the caller.
struct reference *reference_create(const esp_graph *graph, uint64_t batch);
void reference_destroy(struct reference *reference);

// The node of a path. A path that is not there ends the test.
struct reference_node *reference_find(struct reference *reference, const char *path);

// Computes all nodes from what lies in the values of the inputs.
void reference_forward(struct reference *reference);

// The sum over outputs of <gradient, output>; a NULL gradient counts as zero. Computes forward.
double reference_objective(struct reference *reference, const float *const *gradients);

// The central difference of the objective by `*place`, a weight or an element of an input.
double reference_slope(struct reference *reference, const float *const *gradients, double *place);
// The same by an element of a node's output.
double reference_slope_of(struct reference *reference, const float *const *gradients, uint32_t node,
                          size_t element);

#endif
