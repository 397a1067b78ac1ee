// SPDX-License-Identifier: Apache-2.0
// Weights and checkpoints as safetensors files. Weights and running statistics stand under their
// weight paths; in a checkpoint also optimizer state under "first:<path>" and "second:<path>" (absent
// means zeros), the estimator's own tensors under "own:<name>", and as notes its numbers, as
// hexadecimal floats, and the curve so far.
#ifndef EVALUATE_CHECKPOINT_H
#define EVALUATE_CHECKPOINT_H

#include "evaluate/program.h"
#include "evaluate/safetensors.h"

esp_status weights_write(struct program *program, const char *path);

// Opens a file of weights and tests that it has every weight of the graph, in its shape, and no other
// tensors but the parts of a checkpoint (whose names have a colon).
esp_status weights_open(struct safetensors **out, const char *path, const esp_graph *graph,
                        struct error *error);
// Takes them all into the program of this graph; nothing is taken where one is missing.
esp_status weights_read(struct program *program, const char *path, const esp_graph *graph);

// `curve`: JSON of the points so far, or NULL.
esp_status checkpoint_write(const esp_checkpoint *checkpoint, const char *path, const char *curve,
                            struct error *error);

// Restores a program; `path` names the file in messages.
esp_status checkpoint_restore(struct program *program, struct safetensors *file, const char *path);
// A number, or `missing`.
double checkpoint_number(struct safetensors *file, const char *name, double missing);
// Copies one of the estimator's own tensors.
esp_status checkpoint_tensor(struct safetensors *file, const char *name, const esp_shape *shape,
                             float *out, struct error *error);
// The curve, or NULL.
const char *checkpoint_curve(struct safetensors *file);

#endif
