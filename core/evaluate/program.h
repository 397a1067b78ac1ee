// SPDX-License-Identifier: Apache-2.0
// A compiled network as an estimator sees it (esp_program), and what the host does with one:
// initialise, save, restore.
#ifndef EVALUATE_PROGRAM_H
#define EVALUATE_PROGRAM_H

#include "loader/instance.h"

#include <espalier/estimator.h>

struct program;

// Compiles `graph` with the engine's instance. The graph outlives the program. `error` is where its
// functions report to.
esp_status program_create(struct program **out, const struct instance *engine,
                          const esp_graph *graph, const esp_compile_options *options,
                          struct error *error);
void program_destroy(struct program *program);
esp_program *program_handle(struct program *program);
struct program *program_from_handle(esp_program *handle);

// Fills every weight by its initialiser, from the stream "init:<weight path>" of the lineage.
esp_status program_initialise(struct program *program, uint64_t seed, uint64_t lineage);

// Takes the weights of a safetensors file where path and shape agree; `*count` of them.
esp_status program_inherit(struct program *program, const char *path, uint64_t *count);

// Writes weights and running statistics by their paths.
esp_status program_save_weights(struct program *program, const char *path);
// Writes weights, running statistics, optimizer state and numbers; and back. `numbers` are kept as
// hexadecimal floats, so that they come back in all bits. `curve`: JSON of the points so far, or
// NULL.
esp_status program_save_checkpoint(struct program *program, const char *path,
                                   const esp_named_number *numbers, uint64_t count, uint64_t stride,
                                   const char *curve);
struct safetensors;
esp_status program_load_checkpoint(struct program *program, const struct safetensors *file,
                                   const char *path);

#endif
