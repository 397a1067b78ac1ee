// SPDX-License-Identifier: Apache-2.0
// A network with random weights, its logits on a random input by the engine, and its files in the working
// folder: NAME.onnx, NAME.safetensors, NAME.py, and NAME.input, NAME.logits (f32) with their shapes in
// NAME.json.
#ifndef EXPORT_SAMPLE_H
#define EXPORT_SAMPLE_H

#include "run.h"

#include "graph/graph.h"

#define SAMPLE_BATCH 3
// Of a sample that is trained: steps, and samples of each.
#define SAMPLE_STEPS 50
#define SAMPLE_TRAINED 32

// The files of earlier samples go.
void samples_clear(void);

// Makes the sample, writes its files, reads its ONNX model back and compares. What fails is a failed
// expectation of the test.
void sample_check(struct engine *engine, const esp_graph *graph, const char *name,
                  const char *arch);

// Trains the network for SAMPLE_STEPS steps of SGD and leaves its file for PyTorch and the weights that it
// began with, the batches and the losses: NAME.py, .safetensors, .images, .losses, .json.
void sample_train(struct engine *engine, const esp_graph *graph, const char *name,
                  const char *arch);

#endif
