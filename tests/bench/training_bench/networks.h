// SPDX-License-Identifier: Apache-2.0
// The networks that are trained: architectures of the real spaces, and stacks of one convolution.
#ifndef TRAINING_NETWORKS_H
#define TRAINING_NETWORKS_H

#include "evaluate/session.h"

struct network {
    const char *name; // also in torch_side.py
    const char *about;
    uint64_t batch;
    double asked; // times PyTorch
    const char *space;
    const char *dataset;
    const char *text; // of the architecture, in the space's notation, or JSON
};

#define NETWORK_COUNT 5
extern const struct network networks[NETWORK_COUNT];
extern const struct network compiled_space; // whose members have about 100 operators

// A session of one space on one engine, and the graph of one member.
struct stand {
    struct experiment *experiment;
    struct session *session;
    struct graph *graph;
    const esp_graph *handle;
    const struct instance *engine;
};

// Ends the program where something fails.
void stand_open(struct stand *stand, struct registry *registry, const struct network *network,
                const char *engine);
void stand_close(struct stand *stand);
// The graph of another member, drawn with the seed, in the place of the one before.
void stand_draw(struct stand *stand, uint64_t seed);

// `count` convolutions of 3x3 one behind the other, [N, channels, size, size] throughout. Owner: the
// caller.
struct graph *convolutions(int64_t channels, int64_t size, int count);

// Operations of all convolutions (and linear layers where `linear`) in a training step of `batch`
// samples: 2 a multiply-add, for forward, backward-weights, and backward-data where something before
// is trained.
double step_operations(const esp_graph *graph, uint64_t batch, bool linear);

// Bytes of the trained weights and running statistics, once.
double weight_bytes(const esp_graph *graph);
// Bytes of f32 that a backward pass of `batch` samples reads of the forward pass, operator by operator:
// the input of a convolution, linear layer or BatchNormalization, the output of a Relu, one byte for
// each output of a MaxPool (which tap won). Each tensor counts once; Add, Concat, Slice and averages
// need none.
double kept_bytes(const esp_graph *graph, uint64_t batch);

#endif
