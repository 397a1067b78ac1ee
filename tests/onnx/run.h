// SPDX-License-Identifier: Apache-2.0
// An engine's plugin, and a model of ONNX's computed by it: through the graph and the engine's table
// alone, as the host does it.
#ifndef ONNX_RUN_H
#define ONNX_RUN_H

#include "model.h"

#include "error/error.h"

#include <espalier/engine.h>

struct engine {
    void *library;
    const esp_engine_type *type;
    void *self;
    struct error error;
    esp_call call; // its context is `error`
};

// Loads `<folder of $ESPALIER_PLUGINS>/<id>.so`; what fails ends the test.
void engine_open(struct engine *engine, const char *id);
void engine_close(struct engine *engine);

// How many of the operator's inputs are tensors that flow; the others are weights or settings.
uint64_t model_flowing(const struct model *model);
// True if the operator is to compute as in training.
bool model_training(const struct model *model);

// Builds the network of the model's operator, compiles it (with backward, or without), computes it
// on the data set that was read and compares with what was recorded: |got - expected| <= 1e-5 + 1e-4
// |expected|. False with words in `why` where it differs or is refused.
bool model_run(struct engine *engine, const struct model *model, bool with_backward, char *why,
               size_t size);

// Computes the model's operator on the tensors that it has, in its evaluation form. Owner of
// `out->data`: the caller (free).
bool model_compute(struct engine *engine, const struct model *model, struct tensor *out, char *why,
                   size_t size);

#endif
