// SPDX-License-Identifier: Apache-2.0
// What the parts of the NASNet space share: nasnet.c is its parameters, cell.c draws and emits a cell,
// operations.c has the 13 operations, macro.c stacks cells as the slim code does (darts/stack.c as the
// DARTS code does), words.c has the abilities.
#ifndef NASNET_H
#define NASNET_H

#include "../darts/genotype.h"
#include "../darts/layers.h"

#define NASNET_OPERATIONS 13

enum combine { COMBINE_ADD, COMBINE_CONCAT, COMBINE_SEARCH };
// What a cell's output concatenates: states that no block uses, all blocks, or a drawn set of states.
enum output { OUTPUT_UNUSED, OUTPUT_BLOCKS, OUTPUT_SEARCH };

struct nasnet {
    struct stack stack;
    int64_t blocks;
    int64_t darts; // the network of the DARTS code instead of slim's
    enum combine combine;
    enum output output;
    double drop_path;
    int64_t stem_channels, skip_reduction; // of slim's networks for ImageNet
};

extern const char *const nasnet_halves[2];       // "left", "right"
extern const char *const nasnet_combinations[2]; // "add", "concat"

// The two tables have the same names.
const esp_alternative *nasnet_operations(const struct nasnet *nasnet);

// An operation's position: what layers.h needs, and the network.
struct position {
    struct layer layer; // first: the DARTS code's operations are given it
    const struct nasnet *nasnet;
};

// A conv1x1 with batch norm where the channels are others, else `x`. A trace has no shapes.
esp_node nasnet_fit(esp_builder *b, esp_node x, int64_t channels);
// Slim's factorized reduction of any height and width: no ReLU before, batch norm after.
esp_node nasnet_reduce(esp_builder *b, esp_node x, int64_t channels);

// An emit_cell (layers.h): draws the cell's decisions and emits it.
esp_node nasnet_cell(const void *self, esp_builder *b, const struct cell_inputs *inputs);

// The states of a cell's output, as bits, where no decision says them.
uint32_t nasnet_output(const struct nasnet *nasnet, uint32_t used);

esp_status macro_build(const struct nasnet *nasnet, esp_builder *b);
esp_status macro_check(const struct nasnet *nasnet, esp_create *create);

const void *nasnet_ability(const char *id);

#endif
