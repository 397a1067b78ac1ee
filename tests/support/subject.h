// SPDX-License-Identifier: Apache-2.0
// A program of an engine under test, with random weights, inputs and output gradients, called through
// the engine's table alone; and the reference beside it. A call that fails ends the test.
#ifndef SUPPORT_SUBJECT_H
#define SUPPORT_SUBJECT_H

#include "graph/graph.h"
#include "support/reference.h"

#include <espalier/engine.h>

#include <stdbool.h>

#define SUBJECT_MOST 8

struct subject {
    // To be set before subject_open.
    const esp_engine_type *engine;
    const char *sketch;
    uint64_t max_batch;
    bool evaluation; // compiled without backward
    bool input_gradient;
    bool keep_all;    // the activations and gradients of all nodes
    const char *keep; // or those of one node
    uint64_t seed;
    int64_t threads; // 0: one

    struct graph *graph;
    void *self, *program;
    esp_call call;
    struct error error;
    // [max_batch, ...] of each input and output.
    float *inputs[SUBJECT_MOST], *gradients[SUBJECT_MOST];
    uint64_t batch; // of the last forward
    // Of the next forward: how far the training has come, how many outputs are computed (0: all).
    esp_random random;
    double progress;
    uint64_t outputs;
};

// Reads the sketch, compiles it, and fills everything from the seed.
void subject_open(struct subject *subject);
void subject_close(struct subject *subject);

// A stream of the subject's own.
esp_random subject_random(const struct subject *subject, uint64_t tag);

void subject_forward(struct subject *subject, uint64_t batch, bool training);
// From the gradients of all outputs; where one is given, from it alone.
void subject_backward(struct subject *subject);
void subject_backward_of(struct subject *subject, uint64_t output);

// The data of a tensor that there is.
float *subject_tensor(struct subject *subject, uint32_t which, const char *name);
// The status of a request for one.
esp_status subject_ask(struct subject *subject, uint32_t which, const char *name);

// The same weights, inputs and stream in double precision. Owner: the caller.
struct reference *subject_reference(const struct subject *subject, uint64_t batch, bool training);

#endif
