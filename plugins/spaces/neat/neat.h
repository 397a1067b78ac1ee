// SPDX-License-Identifier: Apache-2.0
// The space of NEAT's networks, inside its plugin.
#ifndef NEAT_NEAT_H
#define NEAT_NEAT_H

#include <espalier/espalier.h>
#include <espalier/ext/space_genome.h>
#include <espalier/ext/space_structure.h>
#include <espalier/ext/space_text.h>
#include <espalier/support/genes.h>

struct neat {
    uint32_t inputs, outputs;
    double bias;
    double recurrent; // chance that a link that `mutate` adds goes back in time
};

// Reads the genome and tests it against the space: ESP_ERROR_INVALID in words, set on `handle`.
esp_status neat_read(const struct neat *neat, const esp_handle *handle, const void *bytes,
                     uint64_t size, esp_genes *out);

// emit.c: the network as operators.
esp_status neat_emit(const struct neat *neat, esp_builder *b, const esp_genes *genes);

// notation.c
extern const esp_space_text neat_text;
extern const esp_space_structure neat_structure;

#endif
