// SPDX-License-Identifier: Apache-2.0
// What networks of the DARTS code (Liu et al. 2019) are made of: its operations, the reductions and
// projections at a cell's inputs, stems, auxiliary heads, the stack of cells. No convolution has a
// bias. Names given here are those of the scopes and weights.
#ifndef LAYERS_H
#define LAYERS_H

#include <espalier/espalier.h>

// Where an operation stands.
struct layer {
    int64_t channels;
    int64_t stride;   // 1 or 2
    int64_t search;   // the search network: batch norms without scale and shift, pools with one
    double drop_path; // final probability; 0: none
};

// Batch normalization as the network has it in its cells.
esp_node layer_batch_norm(esp_builder *b, const char *name, esp_node x, int64_t search);

// The operations' emit functions; `argument` is a struct layer.
esp_node layer_max_pool_3x3(esp_builder *b, esp_node x, const void *argument);
esp_node layer_avg_pool_3x3(esp_builder *b, esp_node x, const void *argument);
esp_node layer_skip_connect(esp_builder *b, esp_node x, const void *argument);
esp_node layer_sep_conv_3x3(esp_builder *b, esp_node x, const void *argument);
esp_node layer_sep_conv_5x5(esp_builder *b, esp_node x, const void *argument);
esp_node layer_sep_conv_7x7(esp_builder *b, esp_node x, const void *argument);
esp_node layer_dil_conv_3x3(esp_builder *b, esp_node x, const void *argument);
esp_node layer_dil_conv_5x5(esp_builder *b, esp_node x, const void *argument);
esp_node layer_none(esp_builder *b, esp_node x, const void *argument);

// The output of an operation that is no identity, dropped as a whole in training.
esp_node layer_drop_path(esp_builder *b, esp_node x, const struct layer *layer);

// ReLU, conv1x1, batch norm.
esp_node layer_project(esp_builder *b, esp_node x, int64_t channels, int64_t search);
// Half the height and width, both even, by two convolutions that read shifted pixels; `channels` is
// even. ReLU before, batch norm after.
esp_node layer_reduce(esp_builder *b, esp_node x, int64_t channels, int64_t search);

// The whole network around the cells.
struct stack {
    int64_t channels, cells;
    int64_t imagenet;  // the stem and head for 224x224 images
    int64_t search;    // see struct layer
    int64_t auxiliary; // an auxiliary head on the second reduction cell
};

// What a cell is built on: the outputs of the two cells before it, projected to `channels`.
struct cell_inputs {
    esp_node previous, current;
    int64_t channels;
    int64_t reduction; // strides of 2 on what the cell takes from its inputs
};

// Emits a cell inside its scope; answers its output. `self` is the space's.
typedef esp_node (*emit_cell)(const void *self, esp_builder *b, const struct cell_inputs *inputs);

// Stem, cells, head. Of a trace the first normal cell and the first reduction cell alone are drawn,
// for all others share their decisions. Return its result from build.
esp_status stack_build(const struct stack *stack, esp_builder *b, emit_cell emit, const void *self);

// ESP_ERROR_UNSUPPORTED or ESP_ERROR_INVALID where the network cannot be built for the task.
esp_status stack_check(const struct stack *stack, esp_create *create);

#endif
