// SPDX-License-Identifier: Apache-2.0
// A cell of NASNet: blocks that combine two operations on two earlier states, by sum or concatenation.
// States are numbered as in the DARTS code: 0 the output of the cell before the last one, 1 that of the
// last one, 2 and on the blocks.
#include "nasnet.h"

const char *const nasnet_halves[2] = {"left", "right"};
const char *const nasnet_combinations[2] = {"add", "concat"};

// What is known of the cell while it is drawn.
struct cell {
    const struct nasnet *nasnet;
    const struct cell_inputs *inputs;
    esp_node states[GENOTYPE_MOST_STATES];
    uint32_t used;   // states that blocks took, as bits
    int64_t relaxed; // a half took more than one state
};

// The sum of the operations on what a half takes: one state, in a relaxed pass all of them.
static esp_node build_half(struct cell *cell, esp_builder *b, int64_t half, const uint32_t *sources,
                           uint64_t count)
{
    const struct nasnet *nasnet = cell->nasnet;
    esp_node sum = {0};
    esp_scope(b, nasnet_halves[half], -1);
    for (uint64_t i = 0; i < count; i++) {
        uint32_t source = sources[i];
        struct position position = {{cell->inputs->channels,
                                     cell->inputs->reduction && source < 2 ? 2 : 1, 0,
                                     nasnet->drop_path},
                                    nasnet};
        esp_scope(b, genotype_state_names[source], -1);
        esp_node x = esp_choose_op(b, "op", cell->states[source], nasnet_operations(nasnet),
                                   NASNET_OPERATIONS, &position);
        esp_scope_end(b);
        sum = i == 0 ? x : esp_add(b, sum, x);
        cell->used |= UINT32_C(1) << source;
    }
    esp_scope_end(b);
    cell->relaxed |= count > 1;
    return sum;
}

// The order of decisions is the paper's: two states, two operations, how to combine.
static void build_block(struct cell *cell, esp_builder *b, int64_t block)
{
    const struct nasnet *nasnet = cell->nasnet;
    uint32_t sources[2][GENOTYPE_MOST_STATES];
    uint64_t counts[2];
    esp_node halves[2];
    esp_scope(b, "block", 2 + block);
    for (int64_t h = 0; h < 2; h++) {
        esp_scope(b, nasnet_halves[h], -1);
        counts[h] = esp_choose_inputs(b, "input", genotype_state_names, (uint64_t)(2 + block), 1, 1,
                                      sources[h]);
        esp_scope_end(b);
    }
    for (int64_t h = 0; h < 2; h++)
        halves[h] = build_half(cell, b, h, sources[h], counts[h]);
    // A decision of one name stands in no trace.
    uint64_t concat =
        nasnet->combine == COMBINE_SEARCH
            ? esp_choose_one(b, "combine", nasnet_combinations, 2)
            : nasnet->combine +
                  esp_choose_one(b, "combine", nasnet_combinations + nasnet->combine, 1);
    cell->states[2 + block] = concat ? esp_concat(b, halves, 2) : esp_add(b, halves[0], halves[1]);
    esp_scope_end(b);
}

uint32_t nasnet_output(const struct nasnet *nasnet, uint32_t used)
{
    uint32_t all = (UINT32_C(1) << (2 + nasnet->blocks)) - 1, inputs = 3;
    if (nasnet->output == OUTPUT_BLOCKS)
        return all & ~inputs;
    // The DARTS code concatenates no input of a cell.
    return all & ~used & ~(nasnet->darts ? inputs : 0);
}

static uint32_t choose_output(const struct cell *cell, esp_builder *b)
{
    const struct nasnet *nasnet = cell->nasnet;
    uint64_t states = (uint64_t)(2 + nasnet->blocks);
    uint32_t output = 0;
    if (nasnet->output == OUTPUT_UNUSED && cell->relaxed)
        esp_fail(b, ESP_ERROR_UNSUPPORTED,
                 "output = unused: what a cell's output is depends on the inputs of its blocks, "
                 "which a supernet leaves open; output = blocks takes all");
    if (nasnet->output != OUTPUT_SEARCH)
        return nasnet_output(nasnet, cell->used);
    esp_value chosen = esp_choose_subset(b, "output", genotype_state_names, states, 1, states);
    for (uint32_t i = 0; !esp_failed(b) && i < chosen.count; i++)
        output |= UINT32_C(1) << chosen.as.indices[i];
    return output;
}

// An input of the cell as its output takes it: of the size that the blocks have, and of C channels.
static esp_node fit_input(const struct cell *cell, esp_builder *b, uint32_t state)
{
    const struct cell_inputs *inputs = cell->inputs;
    esp_node x = cell->states[state];
    if (!inputs->reduction)
        return nasnet_fit(b, x, inputs->channels);
    return nasnet_reduce(b, x, inputs->channels);
}

esp_node nasnet_cell(const void *self, esp_builder *b, const struct cell_inputs *inputs)
{
    struct cell cell = {.nasnet = self, .inputs = inputs};
    esp_node parts[GENOTYPE_MOST_STATES];
    uint64_t count = 0;
    cell.states[0] = inputs->previous;
    cell.states[1] = inputs->current;
    for (int64_t i = 0; i < cell.nasnet->blocks; i++)
        build_block(&cell, b, i);
    uint32_t output = choose_output(&cell, b);
    for (uint32_t i = 0; i < 2 + (uint32_t)cell.nasnet->blocks && !esp_failed(b); i++) {
        if (!(output >> i & 1))
            continue;
        esp_scope(b, "output", i);
        parts[count++] = i < 2 ? fit_input(&cell, b, i) : cell.states[i];
        esp_scope_end(b);
    }
    return esp_concat(b, parts, count);
}
