// SPDX-License-Identifier: Apache-2.0
// The search space of NASNet (Zoph et al. 2018): a normal and a reduction cell of blocks.
#include "nasnet.h"

#include <stdlib.h>

static esp_status nasnet_build(void *self, esp_builder *b)
{
    const struct nasnet *nasnet = self;
    if (nasnet->darts)
        return stack_build(&nasnet->stack, b, nasnet_cell, nasnet);
    return macro_build(nasnet, b);
}

static const char *const network_names[] = {"nasnet", "darts"};
static const char *const stem_names[] = {"cifar", "imagenet"};
static const char *const combine_names[] = {"add", "concat", "search"};
static const char *const output_names[] = {"unused", "blocks", "search"};

static const esp_param nasnet_params[] = {
    ESP_PARAM_INT("channels", 32, 1, 4096, "channels",
                  "F: width of the first normal cells; it doubles at each of the two reductions"),
    ESP_PARAM_INT("cells", 8, 3, 1000, "cells",
                  "normal and reduction cells in all: 3 N + 2, for ImageNet 3 N + 4"),
    ESP_PARAM_INT("nodes", 5, 1, GENOTYPE_MOST_NODES, "blocks", "B: blocks of a cell"),
    ESP_PARAM_CHOICE("combine", "search", combine_names,
                     "how a block combines its halves; search draws it per block"),
    ESP_PARAM_CHOICE("output", "unused", output_names,
                     "what a cell's output concatenates: states that no block uses, all blocks, or "
                     "a set that is drawn"),
    ESP_PARAM_CHOICE("network", "nasnet", network_names,
                     "around the cells: that of the slim code, or that of the DARTS code"),
    ESP_PARAM_CHOICE("stem", "cifar", stem_names,
                     "cifar: one convolution; imagenet: a strided one and two reduction cells "
                     "(darts: three strided convolutions)"),
    ESP_PARAM_INT("stem_channels", 32, 1, 4096, "channels",
                  "width of the slim code's convolution for ImageNet: 32 in the mobile network, 96 "
                  "in the large one"),
    ESP_PARAM_BOOL("skip_reduction", 0,
                   "in the slim code's network a cell behind a reduction takes the state before "
                   "the reduction's own input, as in the large network"),
    ESP_PARAM_BOOL("auxiliary", 0, "an auxiliary head at two thirds, for training alone"),
    ESP_PARAM_REAL("drop_path", 0.2, 0, 0.95, "",
                   "probability at the last epoch that an operation's output is dropped"),
};

static esp_status check(const struct nasnet *nasnet, esp_create *create)
{
    if (!nasnet->darts)
        return macro_check(nasnet, create);
    if (nasnet->skip_reduction)
        return esp_fail(create, ESP_ERROR_INVALID,
                        "skip_reduction is of network = nasnet, and it is darts");
    return stack_check(&nasnet->stack, create);
}

static esp_status nasnet_create(esp_create *create, void **out)
{
    struct nasnet *nasnet = calloc(1, sizeof *nasnet);
    if (!nasnet)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    nasnet->stack.channels = esp_param_int(create, "channels");
    nasnet->stack.cells = esp_param_int(create, "cells");
    nasnet->stack.imagenet = esp_param_int(create, "stem");
    nasnet->stack.auxiliary = esp_param_int(create, "auxiliary");
    nasnet->blocks = esp_param_int(create, "nodes");
    nasnet->darts = esp_param_int(create, "network");
    nasnet->combine = (enum combine)esp_param_int(create, "combine");
    nasnet->output = (enum output)esp_param_int(create, "output");
    nasnet->drop_path = esp_param_real(create, "drop_path");
    nasnet->stem_channels = esp_param_int(create, "stem_channels");
    nasnet->skip_reduction = esp_param_int(create, "skip_reduction");
    esp_status status = check(nasnet, create);
    if (status != ESP_OK) {
        free(nasnet);
        return status;
    }
    *out = nasnet;
    return ESP_OK;
}

static void nasnet_destroy(void *self)
{
    free(self);
}

static void nasnet_describe(esp_space_type *out)
{
    out->summary = "normal and reduction cells of blocks that combine two of 13 operations";
    out->source = "Zoph et al. 2018";
    ESP_SET_PARAMS(out, nasnet_params);
    out->create = nasnet_create;
    out->destroy = nasnet_destroy;
    out->build = nasnet_build;
    out->ability = nasnet_ability;
}

ESP_PLUGIN("0.1.0", ESP_SPACE("nasnet", nasnet_describe))
