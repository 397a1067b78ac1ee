// SPDX-License-Identifier: Apache-2.0
// The graph: the network that an architecture stands for, as a DAG of operators with shapes, in
// topological order. Operators have ONNX names and ONNX semantics (opset 17), or are composites of
// this platform: `Choice` (all alternatives of a relaxed decision), `None` (zeros of a shape),
// `DropPath` (in training, zeros for a whole sample by chance; Larsson et al. 2017).
//
// Every node yields one tensor. The weights of a node (Conv: weight, bias; BatchNormalization:
// scale, bias, mean, variance; LayerNormalization: scale, bias; Gemm: weight, bias) are no inputs here but belong to it, each with
// a path `<path of the node>/<name>`.
#ifndef ESPALIER_GRAPH_H
#define ESPALIER_GRAPH_H

#include <espalier/handle.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ESP_MAX_RANK 6

// The size of the batch dimension in a shape: known when a program is compiled.
#define ESP_BATCH INT64_C(-1)

// By-value. dims[0] of an activation is ESP_BATCH.
typedef struct esp_shape {
    uint32_t rank;
    uint32_t reserved;
    int64_t dims[ESP_MAX_RANK];
} esp_shape;

// The number of elements of one sample (an activation), or of all (a weight).
static inline uint64_t esp_shape_size(const esp_shape *shape)
{
    uint64_t size = 1;
    for (uint32_t i = 0; i < shape->rank && i < ESP_MAX_RANK; i++)
        if (shape->dims[i] != ESP_BATCH)
            size *= (uint64_t)shape->dims[i];
    return size;
}

enum {
    ESP_ATTRIBUTE_INT = 1,
    ESP_ATTRIBUTE_REAL = 2,
    ESP_ATTRIBUTE_INTS = 3,
    ESP_ATTRIBUTE_TEXT = 4,
    ESP_ATTRIBUTE_REALS = 5
};

// An ONNX attribute. Made by the inline functions below; when read from a graph the host owns it,
// and it lives as long as the graph.
typedef struct esp_attribute {
    uint64_t struct_size;
    const char *name;
    uint32_t type;
    uint32_t reserved;
    int64_t integer;
    double real;
    const int64_t *ints;
    uint64_t count; // of ints, of reals
    const char *text;
    const double *reals;
} esp_attribute;

// What a weight is for.
enum {
    ESP_WEIGHT_TRAINED = 0, // updated by the optimizer
    ESP_WEIGHT_STATE = 1    // running statistics: not trained, but saved
};

// How a weight begins. FAN_IN is the product of all dimensions but the first.
enum {
    ESP_INIT_ZEROS = 0,
    ESP_INIT_ONES = 1,
    ESP_INIT_KAIMING_NORMAL = 2,  // N(0, 2 / fan_in) (He et al. 2015), for Conv
    ESP_INIT_KAIMING_UNIFORM = 3, // U(-1, 1) * sqrt(1 / fan_in): PyTorch's default for Linear
    ESP_INIT_XAVIER_UNIFORM = 4,  // U(-1, 1) * sqrt(6 / (fan_in + fan_out)) (Glorot, Bengio 2010)
    ESP_INIT_XAVIER_NORMAL = 5,   // N(0, 2 / (fan_in + fan_out)) (the same)
    ESP_INIT_HE_UNIFORM = 6,      // U(-1, 1) * sqrt(6 / fan_in) (He et al. 2015)
    ESP_INIT_GIVEN = 7            // the weight's `values`, which the space gave
};

typedef struct esp_weight {
    uint64_t struct_size;
    const char *path; // <weight path of the node>/<name>
    const char *name; // weight, bias, scale, mean, variance
    esp_shape shape;
    uint32_t role;       // ESP_WEIGHT_*
    uint32_t init;       // ESP_INIT_*
    const float *values; // of ESP_INIT_GIVEN, as many as the shape has; else NULL. Owner: the graph
} esp_weight;

// One operator. Owner: the graph.
typedef struct esp_graph_node {
    uint64_t struct_size;
    const char *op;         // ONNX name; "Input" for an input of the graph
    const char *path;       // weight path; no other operator of the graph has it
    uint64_t path_hash;     // XXH3-64 of the path: names the node's random stream
    const uint32_t *inputs; // indices of earlier nodes
    uint64_t input_count;
    const esp_attribute *attributes;
    uint64_t attribute_count, attribute_stride;
    const esp_weight *weights;
    uint64_t weight_count, weight_stride;
    esp_shape shape; // of the output
    uint64_t macs;   // multiply-adds for one sample: convolutions, linear layers, MatMul; else 0
} esp_graph_node;

// A graph. Owner: the host; immutable. [any]
typedef struct esp_graph esp_graph;
struct esp_graph_api;

struct esp_graph {
    esp_handle base;
    const struct esp_graph_api *api;
};

typedef struct esp_graph_api {
    uint64_t struct_size;
    uint64_t (*node_count)(const esp_graph *graph);
    const esp_graph_node *(*node)(const esp_graph *graph, uint64_t i);
    uint64_t (*output_count)(const esp_graph *graph);
    uint32_t (*output)(const esp_graph *graph, uint64_t i);
    uint64_t (*params)(const esp_graph *graph);
    uint64_t (*macs)(const esp_graph *graph);
} esp_graph_api;

static inline uint64_t esp_graph_node_count(const esp_graph *graph)
{
    return graph->api->node_count(graph);
}

// Node `i`; its inputs have smaller indices. Lives as long as the graph.
static inline const esp_graph_node *esp_graph_get(const esp_graph *graph, uint64_t i)
{
    return graph->api->node(graph, i);
}

// How many outputs the network has: the logits first, then auxiliary heads.
static inline uint64_t esp_graph_output_count(const esp_graph *graph)
{
    return graph->api->output_count(graph);
}

// The index of the node that gives output `i`.
static inline uint32_t esp_graph_output(const esp_graph *graph, uint64_t i)
{
    return graph->api->output(graph, i);
}

// Trained weights: convolutions, biases, scales and shifts; no running statistics. Those alone that
// output 0 depends on, as published tables count: an auxiliary head has no part in it.
static inline uint64_t esp_graph_params(const esp_graph *graph)
{
    return graph->api->params(graph);
}

// Multiply-adds of convolutions, linear layers and MatMuls for one sample, without biases, on the way to
// output 0: without auxiliary heads.
static inline uint64_t esp_graph_macs(const esp_graph *graph)
{
    return graph->api->macs(graph);
}

// The attribute of a node by name, or NULL.
static inline const esp_attribute *esp_graph_attribute(const esp_graph_node *node, const char *name)
{
    const char *row = (const char *)node->attributes;
    for (uint64_t i = 0; i < node->attribute_count; i++, row += node->attribute_stride) {
        const esp_attribute *attribute = (const esp_attribute *)(const void *)row;
        const char *a = attribute->name, *b = name;
        while (*a && *a == *b)
            a++, b++;
        if (*a == *b)
            return attribute;
    }
    return NULL;
}

static inline esp_attribute esp_attribute_int(const char *name, int64_t integer)
{
    esp_attribute a = {
        sizeof(esp_attribute), name, ESP_ATTRIBUTE_INT, 0, integer, 0.0, NULL, 0, NULL, NULL};
    return a;
}

static inline esp_attribute esp_attribute_real(const char *name, double real)
{
    esp_attribute a = {
        sizeof(esp_attribute), name, ESP_ATTRIBUTE_REAL, 0, 0, real, NULL, 0, NULL, NULL};
    return a;
}

// The host copies `ints` in the call that the attribute is given to.
static inline esp_attribute esp_attribute_ints(const char *name, const int64_t *ints,
                                               uint64_t count)
{
    esp_attribute a = {
        sizeof(esp_attribute), name, ESP_ATTRIBUTE_INTS, 0, 0, 0.0, ints, count, NULL, NULL};
    return a;
}

static inline esp_attribute esp_attribute_text(const char *name, const char *text)
{
    esp_attribute a = {
        sizeof(esp_attribute), name, ESP_ATTRIBUTE_TEXT, 0, 0, 0.0, NULL, 0, text, NULL};
    return a;
}

// The host copies `reals` in the call that the attribute is given to.
static inline esp_attribute esp_attribute_reals(const char *name, const double *reals,
                                                uint64_t count)
{
    esp_attribute a = {
        sizeof(esp_attribute), name, ESP_ATTRIBUTE_REALS, 0, 0, 0.0, NULL, count, NULL, reals};
    return a;
}

#ifdef __cplusplus
}
#endif

#endif
