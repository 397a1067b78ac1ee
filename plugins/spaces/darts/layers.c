// SPDX-License-Identifier: Apache-2.0
// Operations of the DARTS code; see layers.h. The stack of cells is stack.c.
#include "layers.h"

esp_node layer_batch_norm(esp_builder *b, const char *name, esp_node x, int64_t search)
{
    return search ? esp_batch_norm_plain(b, name, x) : esp_batch_norm(b, name, x);
}

esp_node layer_drop_path(esp_builder *b, esp_node x, const struct layer *layer)
{
    return layer->drop_path > 0 ? esp_drop_path(b, "drop_path", x, layer->drop_path) : x;
}

static esp_node conv_1x1(esp_builder *b, const char *name, esp_node x, int64_t channels,
                         int64_t stride)
{
    esp_conv_options options = ESP_CONV_OPTIONS_INIT;
    options.channels = channels;
    options.kernel = 1;
    options.stride = stride;
    return esp_conv(b, name, x, options);
}

static esp_node depthwise(esp_builder *b, const char *name, esp_node x, int64_t kernel,
                          int64_t stride, int64_t dilation)
{
    esp_conv_options options = ESP_CONV_OPTIONS_INIT;
    esp_shape shape = esp_node_shape(b, x);
    options.channels = shape.rank > 1 ? shape.dims[1] : 1;
    options.kernel = kernel;
    options.stride = stride;
    options.dilation = dilation;
    options.groups = -1;
    return esp_conv(b, name, x, options);
}

// ---- Projections --------------------------------------------------------------------------------

esp_node layer_project(esp_builder *b, esp_node x, int64_t channels, int64_t search)
{
    x = conv_1x1(b, "conv", esp_relu(b, x), channels, 1);
    return layer_batch_norm(b, "bn", x, search);
}

esp_node layer_reduce(esp_builder *b, esp_node x, int64_t channels, int64_t search)
{
    esp_node halves[2];
    x = esp_relu(b, x);
    halves[0] = conv_1x1(b, "conv", x, channels / 2, 2);
    halves[1] = conv_1x1(b, "conv_shifted", esp_crop(b, x, 1, 1), channels / 2, 2);
    return layer_batch_norm(b, "bn", esp_concat(b, halves, 2), search);
}

// ---- Operations ---------------------------------------------------------------------------------

// Pools of the search network are normalized.
static esp_node finish_pool(esp_builder *b, esp_node x, const struct layer *layer)
{
    if (layer->search)
        x = layer_batch_norm(b, "bn", x, 1);
    return layer_drop_path(b, x, layer);
}

esp_node layer_max_pool_3x3(esp_builder *b, esp_node x, const void *argument)
{
    const struct layer *layer = argument;
    return finish_pool(b, esp_max_pool(b, x, 3, layer->stride), layer);
}

esp_node layer_avg_pool_3x3(esp_builder *b, esp_node x, const void *argument)
{
    const struct layer *layer = argument;
    return finish_pool(b, esp_average_pool(b, x, 3, layer->stride), layer);
}

// A skip over a stride is no identity, and so is dropped too.
esp_node layer_skip_connect(esp_builder *b, esp_node x, const void *argument)
{
    const struct layer *layer = argument;
    if (layer->stride == 1)
        return x;
    return layer_drop_path(b, layer_reduce(b, x, layer->channels, layer->search), layer);
}

// Twice: ReLU, depthwise, pointwise, batch norm; the stride is in the first.
static esp_node sep_conv(esp_builder *b, esp_node x, const struct layer *layer, int64_t kernel)
{
    x = depthwise(b, "depthwise_1", esp_relu(b, x), kernel, layer->stride, 1);
    x = conv_1x1(b, "pointwise_1", x, layer->channels, 1);
    x = layer_batch_norm(b, "bn_1", x, layer->search);
    x = depthwise(b, "depthwise_2", esp_relu(b, x), kernel, 1, 1);
    x = conv_1x1(b, "pointwise_2", x, layer->channels, 1);
    x = layer_batch_norm(b, "bn_2", x, layer->search);
    return layer_drop_path(b, x, layer);
}

esp_node layer_sep_conv_3x3(esp_builder *b, esp_node x, const void *argument)
{
    return sep_conv(b, x, argument, 3);
}

esp_node layer_sep_conv_5x5(esp_builder *b, esp_node x, const void *argument)
{
    return sep_conv(b, x, argument, 5);
}

esp_node layer_sep_conv_7x7(esp_builder *b, esp_node x, const void *argument)
{
    return sep_conv(b, x, argument, 7);
}

// Once: ReLU, depthwise of dilation 2, pointwise, batch norm.
static esp_node dil_conv(esp_builder *b, esp_node x, const struct layer *layer, int64_t kernel)
{
    x = depthwise(b, "depthwise", esp_relu(b, x), kernel, layer->stride, 2);
    x = conv_1x1(b, "pointwise", x, layer->channels, 1);
    return layer_drop_path(b, layer_batch_norm(b, "bn", x, layer->search), layer);
}

esp_node layer_dil_conv_3x3(esp_builder *b, esp_node x, const void *argument)
{
    return dil_conv(b, x, argument, 3);
}

esp_node layer_dil_conv_5x5(esp_builder *b, esp_node x, const void *argument)
{
    return dil_conv(b, x, argument, 5);
}

esp_node layer_none(esp_builder *b, esp_node x, const void *argument)
{
    const struct layer *layer = argument;
    return esp_none(b, x, layer->stride);
}
