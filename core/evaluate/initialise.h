// SPDX-License-Identifier: Apache-2.0
// How the weights of a compiled network begin: from their initialisers, or from a parent's file.
#ifndef EVALUATE_INITIALISE_H
#define EVALUATE_INITIALISE_H

#include "evaluate/program.h"

// Fills every weight by its initialiser (ESP_INIT_*), from the stream "init:<weight path>" of the
// lineage: a weight begins with the same bits in every network that has its path and shape.
// `init`: the initialiser of all weights that begin as draws; NULL: each as its operator says.
esp_status program_initialise(struct program *program, uint64_t seed, uint64_t lineage,
                              const uint32_t *init);

// Takes the weights of a safetensors file where path and shape agree; `*count` of them.
esp_status program_inherit(struct program *program, const char *path, uint64_t *count);

#endif
