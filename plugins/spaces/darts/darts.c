// SPDX-License-Identifier: Apache-2.0
// The search space of DARTS (Liu et al. 2019): a normal and a reduction cell of nodes that sum two
// operations on two different earlier states, stacked as the DARTS code does.
//
// A member has one of 7 operations on an edge. `none` competes in the relaxed pass alone, where every
// edge stands: there it says that an edge should not be. No genotype has one, for the two edges of a
// node are the strongest that are something.
#include "darts.h"

#include <stdlib.h>
#include <string.h>

// `none` is the last one, so that the others have the same numbers with and without it.
static const esp_alternative operations[DARTS_OPERATIONS] = {
    ESP_ALTERNATIVE("max_pool_3x3", layer_max_pool_3x3),
    ESP_ALTERNATIVE("avg_pool_3x3", layer_avg_pool_3x3),
    ESP_ALTERNATIVE("skip_connect", layer_skip_connect),
    ESP_ALTERNATIVE("sep_conv_3x3", layer_sep_conv_3x3),
    ESP_ALTERNATIVE("sep_conv_5x5", layer_sep_conv_5x5),
    ESP_ALTERNATIVE("dil_conv_3x3", layer_dil_conv_3x3),
    ESP_ALTERNATIVE("dil_conv_5x5", layer_dil_conv_5x5),
    ESP_ALTERNATIVE("none", layer_none),
};

const char *const darts_names[DARTS_OPERATIONS - 1] = {
    "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3",
    "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"};

struct chosen {
    uint32_t sources[GENOTYPE_MOST_STATES];
    uint64_t count;
};

// Draws the sources of every node; answers the number of operations that compete on an edge: all 8
// where a node has more than two edges, which only a relaxed pass gives.
static uint64_t choose_sources(const struct darts *darts, esp_builder *b, struct chosen *chosen)
{
    uint64_t count = DARTS_OPERATIONS - 1;
    for (int64_t i = 0; i < darts->nodes; i++) {
        esp_scope(b, "node", 2 + i);
        chosen[i].count = esp_choose_inputs(b, "inputs", genotype_state_names, (uint64_t)(2 + i), 2,
                                            2, chosen[i].sources);
        esp_scope_end(b);
        if (chosen[i].count > 2)
            count = DARTS_OPERATIONS;
    }
    return count;
}

static esp_node build_cell(const void *self, esp_builder *b, const struct cell_inputs *inputs)
{
    const struct darts *darts = self;
    esp_node states[GENOTYPE_MOST_STATES] = {inputs->previous, inputs->current};
    struct chosen chosen[GENOTYPE_MOST_NODES];
    uint64_t count = choose_sources(darts, b, chosen);
    for (int64_t i = 0; i < darts->nodes; i++) {
        esp_scope(b, "node", 2 + i);
        for (uint64_t j = 0; j < chosen[i].count; j++) {
            uint32_t source = chosen[i].sources[j];
            struct layer layer = {inputs->channels, inputs->reduction && source < 2 ? 2 : 1,
                                  darts->stack.search, darts->drop_path};
            esp_scope(b, genotype_state_names[source], -1);
            esp_node x = esp_choose_op(b, "op", states[source], operations, count, &layer);
            esp_scope_end(b);
            states[2 + i] = j == 0 ? x : esp_add(b, states[2 + i], x);
        }
        esp_scope_end(b);
    }
    return esp_concat(b, states + 2, (uint64_t)darts->nodes);
}

static esp_status darts_build(void *self, esp_builder *b)
{
    const struct darts *darts = self;
    return stack_build(&darts->stack, b, build_cell, darts);
}

static const char *const network_names[] = {"evaluation", "search"};
static const char *const stem_names[] = {"cifar", "imagenet"};

static const esp_param darts_params[] = {
    ESP_PARAM_INT("channels", 16, 1, 4096, "channels",
                  "width of the first cells; it doubles at each of the two reductions"),
    ESP_PARAM_INT("cells", 8, 3, 1000, "cells",
                  "normal and reduction cells in all; those at a third and two thirds reduce"),
    ESP_PARAM_INT("nodes", 4, 1, GENOTYPE_MOST_NODES, "nodes",
                  "nodes of a cell, each the sum of two operations"),
    ESP_PARAM_CHOICE("network", "evaluation", network_names,
                     "search: batch norms of cells are not affine, pools are followed by one, "
                     "nothing is dropped"),
    ESP_PARAM_BOOL("auxiliary", 0,
                   "an auxiliary head on the second reduction cell, for training alone"),
    ESP_PARAM_REAL("drop_path", 0.2, 0, 0.95, "",
                   "probability at the last epoch that an operation's output is dropped in the "
                   "evaluation network"),
    ESP_PARAM_CHOICE("stem", "cifar", stem_names,
                     "cifar: one convolution; imagenet: three of stride 2, for 224x224 images"),
};

static esp_status darts_create(esp_create *create, void **out)
{
    struct darts *darts = calloc(1, sizeof *darts);
    if (!darts)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    darts->nodes = esp_param_int(create, "nodes");
    darts->stack.channels = esp_param_int(create, "channels");
    darts->stack.cells = esp_param_int(create, "cells");
    darts->stack.search = esp_param_int(create, "network");
    darts->stack.auxiliary = esp_param_int(create, "auxiliary");
    darts->stack.imagenet = esp_param_int(create, "stem");
    darts->drop_path = darts->stack.search ? 0 : esp_param_real(create, "drop_path");
    esp_status status = stack_check(&darts->stack, create);
    if (status != ESP_OK) {
        free(darts);
        return status;
    }
    *out = darts;
    return ESP_OK;
}

static void darts_destroy(void *self)
{
    free(self);
}

static void darts_describe(esp_space_type *out)
{
    out->summary = "normal and reduction cells of nodes that sum two of 7 operations";
    out->source = "Liu et al. 2019";
    ESP_SET_PARAMS(out, darts_params);
    out->create = darts_create;
    out->destroy = darts_destroy;
    out->build = darts_build;
    out->ability = darts_ability;
}

ESP_PLUGIN("0.1.0", ESP_SPACE("darts", darts_describe))
