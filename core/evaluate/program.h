// SPDX-License-Identifier: Apache-2.0
// A compiled network as an estimator sees it (esp_program): a thin cover over the engine's table that
// tests what crosses. How its weights begin is initialise.h's, what becomes of them in files
// checkpoint.h's.
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

// True if it was compiled for training: then there is optimizer state.
bool program_trains(const struct program *program);
struct error *program_error(struct program *program);
// The table of an ability of the engine by id, or NULL; and what its functions take.
const void *program_ability(struct program *program, const char *id, void **engine_program,
                            esp_call **call);

// The values of a weight, or its gradient or optimizer state (ESP_TENSOR_*): `*data` has as many
// elements as the weight's shape.
esp_status program_weight(struct program *program, uint32_t which, const esp_weight *weight,
                          float **data);

// Visits the weights of all nodes in the order of the graph, until one visit fails.
typedef esp_status (*weight_visitor)(struct program *program, const esp_weight *weight, void *self);
esp_status program_each_weight(struct program *program, weight_visitor visit, void *self);

#endif
