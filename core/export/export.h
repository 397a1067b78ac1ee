// SPDX-License-Identifier: Apache-2.0
// Taking a trained network elsewhere. A network is a graph, the file of its weights and how its input is
// normalised; it is written as ONNX (onnx.c), safetensors (weights.c) or PyTorch's Python (torch.c).
#ifndef EXPORT_EXPORT_H
#define EXPORT_EXPORT_H

#include "evaluate/safetensors.h"
#include "evaluate/session.h"

#include <espalier/graph.h>

struct export_network {
    const esp_graph *graph;
    // Of weights_open: holds every weight of the graph. NULL: each has the values that its space gave.
    struct safetensors *weights;
    // Of each channel of the input: a value x becomes (x - shift) * factor. NULL: x as it is.
    const float *shift, *factor; // [channels]
    uint64_t channels;
    const char *arch; // architecture JSON
    const char *name; // for people
};

// How a trial's samples were normalised, for an input of 0..1 (where samples are bytes; else of the
// values as the dataset gives them). `final`: a final training. Owner of `*shift` [channels]: the caller
// (free); `*factor` lies behind it.
esp_status export_normalisation(float **shift, float **factor, struct session *session,
                                const struct arch *arch, bool final,
                                const struct fidelity *fidelity, uint64_t fidelity_count,
                                struct error *error);

// The weights of the network alone, under their paths, in the graph's order; notes: the architecture.
esp_status export_safetensors(const struct export_network *network, const char *path,
                              struct error *error);

// Opset 17: `image` [N, ...] to `logits`, the first output; what other outputs alone need is left out.
esp_status export_onnx(const struct export_network *network, const char *path, struct error *error);

// One Python file with an nn.Module.
esp_status export_torch(const struct export_network *network, const char *path,
                        struct error *error);

// Did the space give the values of every weight?
bool export_given(const esp_graph *graph);

// ---- What the writers share -------------------------------------------------------------------

// The values of a weight; weights_open has seen that they are there.
const float *export_weight(const struct export_network *network, const esp_weight *weight);

// Marks the nodes that the first `outputs` outputs depend on. Owner: the caller (free). NULL: out of
// memory.
bool *export_used(const esp_graph *graph, uint64_t outputs);

static inline const esp_weight *node_weight(const esp_graph_node *node, uint64_t i)
{
    const char *row = (const char *)node->weights;
    return (const esp_weight *)(const void *)(row + i * node->weight_stride);
}

// Attributes that the operator's row has: the graph filled them in.
int64_t node_int(const esp_graph_node *node, const char *name);
double node_real(const esp_graph_node *node, const char *name);
const int64_t *node_ints(const esp_graph_node *node, const char *name);

// The window of a convolution or a pool, all of it worked out.
struct export_window {
    int64_t kernel[2], stride[2], dilation[2], begin[2],
        end[2]; // begin, end: padding as it was given
    int64_t size[2], out[2];
    // Padding at the end with which places rounded down are those of the node: less or more than `end`
    // where ceil_mode is on.
    int64_t reach[2];
    bool dilated;
};

struct export_window export_window_of(const esp_graph *graph, const esp_graph_node *node);

#endif
