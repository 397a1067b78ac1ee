// SPDX-License-Identifier: Apache-2.0
// The micro structure: a cell of blocks, each the sum of two operations on two of the earlier states
// (the cell's inputs, the blocks before), concatenated at the end. The operations are those of
// Auto-DeepLab and DARTS (Liu et al. 2019), all of stride 1: sizes change between cells.
#include "macro_micro.h"

static esp_node conv_1x1(esp_builder *b, const char *name, esp_node x, int64_t width,
                         int64_t stride)
{
    esp_conv_options options = ESP_CONV_OPTIONS_INIT;
    options.channels = width;
    options.kernel = 1;
    options.stride = stride;
    return esp_conv(b, name, x, options);
}

// ---- Operations ---------------------------------------------------------------------------------
// `argument`: the width of the position.

// ReLU, depthwise, conv1x1, batch normalization.
static esp_node separable(esp_builder *b, const char *scope, esp_node x, const void *argument,
                          int64_t kernel, int64_t dilation)
{
    const int64_t *width = argument;
    esp_conv_options options = ESP_CONV_OPTIONS_INIT;
    options.channels = *width;
    options.kernel = kernel;
    options.dilation = dilation;
    options.groups = -1;
    esp_scope(b, scope, -1);
    x = esp_conv(b, "depthwise", esp_relu(b, x), options);
    x = esp_batch_norm(b, "bn", conv_1x1(b, "pointwise", x, *width, 1));
    esp_scope_end(b);
    return x;
}

static esp_node emit_none(esp_builder *b, esp_node x, const void *width)
{
    (void)width;
    return esp_none(b, x, 1);
}

static esp_node emit_skip_connect(esp_builder *b, esp_node x, const void *width)
{
    (void)width;
    return esp_unary(b, "Identity", x);
}

static esp_node emit_max_pool_3x3(esp_builder *b, esp_node x, const void *width)
{
    (void)width;
    return esp_max_pool(b, x, 3, 1);
}

static esp_node emit_avg_pool_3x3(esp_builder *b, esp_node x, const void *width)
{
    (void)width;
    return esp_average_pool(b, x, 3, 1);
}

static esp_node emit_sep_conv_3x3(esp_builder *b, esp_node x, const void *width)
{
    return separable(b, "second", separable(b, "first", x, width, 3, 1), width, 3, 1);
}

static esp_node emit_sep_conv_5x5(esp_builder *b, esp_node x, const void *width)
{
    return separable(b, "second", separable(b, "first", x, width, 5, 1), width, 5, 1);
}

static esp_node emit_dil_conv_3x3(esp_builder *b, esp_node x, const void *width)
{
    return separable(b, "only", x, width, 3, 2);
}

static esp_node emit_dil_conv_5x5(esp_builder *b, esp_node x, const void *width)
{
    return separable(b, "only", x, width, 5, 2);
}

const char *const operation_names[OPERATION_COUNT] = {
    "none",         "max_pool_3x3", "avg_pool_3x3", "skip_connect",
    "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"};

const esp_alternative all_operations[OPERATION_COUNT] = {
    ESP_ALTERNATIVE("none", emit_none),
    ESP_ALTERNATIVE("max_pool_3x3", emit_max_pool_3x3),
    ESP_ALTERNATIVE("avg_pool_3x3", emit_avg_pool_3x3),
    ESP_ALTERNATIVE("skip_connect", emit_skip_connect),
    ESP_ALTERNATIVE("sep_conv_3x3", emit_sep_conv_3x3),
    ESP_ALTERNATIVE("sep_conv_5x5", emit_sep_conv_5x5),
    ESP_ALTERNATIVE("dil_conv_3x3", emit_dil_conv_3x3),
    ESP_ALTERNATIVE("dil_conv_5x5", emit_dil_conv_5x5),
};

// ---- The inputs of a cell -----------------------------------------------------------------------

// Twice as long along an axis, each line repeated (nearest neighbour), cut to `size`. Made of slices
// and a concatenation, for maps are small where they are enlarged.
static esp_node enlarge(esp_builder *b, esp_node x, int64_t axis, int64_t size)
{
    const esp_attribute attribute = esp_attribute_int("axis", axis);
    while (esp_node_shape(b, x).dims[axis] < size) {
        esp_node lines[2 * ENLARGED_MOST];
        const int64_t length = esp_node_shape(b, x).dims[axis];
        if (length < 1 || length > ENLARGED_MOST)
            return x; // the pass has failed: create refuses larger ones
        for (int64_t i = 0; i < length; i++)
            lines[2 * i] = lines[2 * i + 1] = esp_slice(b, x, axis, i, i + 1);
        x = esp_op(b, NULL, "Concat", lines, (uint64_t)(2 * length), &attribute, 1);
    }
    return esp_node_shape(b, x).dims[axis] > size ? esp_slice(b, x, axis, 0, size) : x;
}

esp_node cell_input(esp_builder *b, const char *name, esp_node x, int64_t from, int64_t to,
                    const int64_t size[2], int64_t width)
{
    esp_scope(b, name, -1);
    x = conv_1x1(b, "conv", esp_relu(b, x), width, to > from ? (int64_t)1 << (to - from) : 1);
    x = esp_batch_norm(b, "bn", x);
    for (int axis = 0; axis < 2 && to < from; axis++)
        x = enlarge(b, x, axis + 2, size[axis]);
    esp_scope_end(b);
    return x;
}

// ---- The cell -----------------------------------------------------------------------------------

const char *const cell_states[STATES_MOST] = {"before",  "previous", "block_0", "block_1",
                                              "block_2", "block_3",  "block_4", "block_5",
                                              "block_6", "block_7"};

static esp_node emit_block(const struct macro_micro *space, esp_builder *b, const esp_node *states,
                           uint64_t count, int64_t width)
{
    uint32_t chosen[STATES_MOST];
    uint64_t taken = esp_choose_inputs(b, "inputs", cell_states, count, 2, 2, chosen);
    esp_node sum = {0};
    for (uint64_t k = 0; k < taken; k++) {
        esp_scope(b, cell_states[chosen[k]], -1);
        esp_node y = esp_choose_op(b, "op", states[chosen[k]], space->operations,
                                   space->operation_count, &width);
        esp_scope_end(b);
        sum = k == 0 || esp_tracing(b) ? y : esp_add(b, sum, y);
    }
    return sum;
}

esp_node cell_emit(const struct macro_micro *space, esp_builder *b, esp_node before,
                   esp_node previous, int64_t width)
{
    esp_node states[STATES_MOST] = {before, previous};
    esp_share(b, "cell");
    for (int64_t i = 0; i < space->blocks; i++) {
        esp_scope(b, "block", i);
        states[2 + i] = emit_block(space, b, states, (uint64_t)(2 + i), width);
        esp_scope_end(b);
    }
    esp_scope_end(b);
    if (esp_tracing(b))
        return previous;
    return esp_concat(b, states + 2, (uint64_t)space->blocks);
}
