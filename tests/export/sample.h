// SPDX-License-Identifier: Apache-2.0
// A network with random weights, its logits on real images by the engine, and its files in the working
// folder: NAME.onnx, NAME.safetensors, NAME.py, NAME.logits (f32), and the shapes in NAME.json. The
// readers take the same images from the dataset's files (images.h).
#ifndef EXPORT_SAMPLE_H
#define EXPORT_SAMPLE_H

#include "images.h"
#include "run.h"

#include "graph/graph.h"

#include <jansson.h>

#define SAMPLE_MOST_CHANNELS 64
#define SAMPLE_BATCH 50 // of a forward

struct sample {
    struct engine *engine;
    const char *name;
    const esp_graph *graph;
    bool trains; // weights begin as a training's
    void *program;
    float shift[SAMPLE_MOST_CHANNELS], factor[SAMPLE_MOST_CHANNELS];
    float *image, *normalised; // [count, ...]
    uint64_t elements;         // of one
    float *logits;
    esp_shape logits_shape; // with the batch
    struct error error;
};

// The files of earlier samples go.
void samples_clear(void);

// Makes the sample, writes its files, reads its ONNX model back and compares. What fails is a failed
// expectation of the test.
void sample_check(struct engine *engine, const struct images *images, const esp_graph *graph,
                  const char *name, const char *arch);

// ---- What samples that train share --------------------------------------------------------------

// "NAME.<ending>", of the last few calls.
const char *sample_file(const struct sample *s, const char *ending);
// Compiles, and draws the weights.
void sample_compile(struct sample *s, uint64_t batch, bool training);
// `count` images from `first` on, 0 to 1 and normalised.
void sample_input(struct sample *s, const struct images *images, uint64_t first, uint64_t count);
// NAME.onnx, NAME.safetensors, NAME.py, with the weights as they are.
void sample_export(struct sample *s, const char *arch);
void sample_write(const char *path, const float *data, uint64_t count);
// The shape of so many samples.
json_t *sample_dims(const esp_shape *shape, uint64_t count);
void sample_free(struct sample *s);

#endif
