// SPDX-License-Identifier: Apache-2.0
// The 13 operations of NASNet (Zoph et al. 2018, section 3). A convolution is ReLU, convolution, batch
// norm; a separable one is that twice. In the network of the DARTS code a strided identity is its
// factorized reduction, and the dilated convolution is depthwise-separable.
#include "nasnet.h"

static esp_node conv(esp_builder *b, const char *name, esp_node x, int64_t channels, int64_t height,
                     int64_t width, int64_t stride_height, int64_t stride_width)
{
    esp_conv_options options = ESP_CONV_OPTIONS_INIT;
    options.channels = channels;
    options.kernel_height = height;
    options.kernel_width = width;
    options.stride_height = stride_height;
    options.stride_width = stride_width;
    return esp_conv(b, name, x, options);
}

static int64_t channels_of(esp_builder *b, esp_node x)
{
    esp_shape shape = esp_node_shape(b, x);
    return shape.rank > 1 ? shape.dims[1] : 0;
}

esp_node nasnet_fit(esp_builder *b, esp_node x, int64_t channels)
{
    if (esp_tracing(b) || channels_of(b, x) == channels)
        return x;
    return esp_batch_norm(b, "fit_bn", conv(b, "fit", x, channels, 1, 1, 1, 1));
}

esp_node nasnet_reduce(esp_builder *b, esp_node x, int64_t channels)
{
    esp_shape shape = esp_node_shape(b, x);
    esp_node halves[2], shifted = x;
    // An odd side has no pixel beside its last one: a zero stands there.
    if (shape.rank == 4 && (shape.dims[2] % 2 != 0 || shape.dims[3] % 2 != 0))
        shifted = esp_pad(b, x, 0, 0, shape.dims[2] % 2, shape.dims[3] % 2);
    shifted = esp_crop(b, shifted, 1, 1);
    halves[0] = conv(b, "conv", x, channels / 2, 1, 1, 2, 2);
    halves[1] = conv(b, "conv_shifted", shifted, channels - channels / 2, 1, 1, 2, 2);
    return esp_batch_norm(b, "bn", esp_concat(b, halves, 2));
}

// ---- Identity and pools -------------------------------------------------------------------------

// Where the stride or the channels make it none: ReLU, conv1x1, batch norm.
static esp_node identity(esp_builder *b, esp_node x, const void *argument)
{
    const struct position *position = argument;
    const struct layer *layer = &position->layer;
    if (layer->stride == 1 && (esp_tracing(b) || channels_of(b, x) == layer->channels))
        return x;
    if (layer->stride != 1 && position->nasnet->darts)
        return layer_skip_connect(b, x, layer);
    x = conv(b, "conv", esp_relu(b, x), layer->channels, 1, 1, layer->stride, layer->stride);
    return esp_batch_norm(b, "bn", x);
}

static esp_node finish_pool(esp_builder *b, esp_node x, const struct layer *layer)
{
    return layer_drop_path(b, nasnet_fit(b, x, layer->channels), layer);
}

static esp_node avg_pool_3x3(esp_builder *b, esp_node x, const void *argument)
{
    const struct layer *layer = argument;
    return finish_pool(b, esp_average_pool(b, x, 3, layer->stride), layer);
}

static esp_node max_pool(esp_builder *b, esp_node x, const struct layer *layer, int64_t size)
{
    return finish_pool(b, esp_max_pool(b, x, size, layer->stride), layer);
}

static esp_node max_pool_3x3(esp_builder *b, esp_node x, const void *argument)
{
    return max_pool(b, x, argument, 3);
}

static esp_node max_pool_5x5(esp_builder *b, esp_node x, const void *argument)
{
    return max_pool(b, x, argument, 5);
}

static esp_node max_pool_7x7(esp_builder *b, esp_node x, const void *argument)
{
    return max_pool(b, x, argument, 7);
}

// ---- Convolutions -------------------------------------------------------------------------------

static esp_node finish_conv(esp_builder *b, esp_node x, const struct layer *layer)
{
    return layer_drop_path(b, esp_batch_norm(b, "bn", x), layer);
}

static esp_node square(esp_builder *b, esp_node x, const struct layer *layer, int64_t size)
{
    x = conv(b, "conv", esp_relu(b, x), layer->channels, size, size, layer->stride, layer->stride);
    return finish_conv(b, x, layer);
}

static esp_node conv_1x1(esp_builder *b, esp_node x, const void *argument)
{
    return square(b, x, argument, 1);
}

static esp_node conv_3x3(esp_builder *b, esp_node x, const void *argument)
{
    return square(b, x, argument, 3);
}

// 1 x size, then size x 1; each has the stride along its own length.
static esp_node crossed(esp_builder *b, esp_node x, const struct layer *layer, int64_t size)
{
    x = conv(b, "conv_row", esp_relu(b, x), layer->channels, 1, size, 1, layer->stride);
    x = conv(b, "conv_column", x, layer->channels, size, 1, layer->stride, 1);
    return finish_conv(b, x, layer);
}

static esp_node conv_1x3_3x1(esp_builder *b, esp_node x, const void *argument)
{
    return crossed(b, x, argument, 3);
}

static esp_node conv_1x7_7x1(esp_builder *b, esp_node x, const void *argument)
{
    return crossed(b, x, argument, 7);
}

static esp_node dil_conv_3x3(esp_builder *b, esp_node x, const void *argument)
{
    const struct layer *layer = argument;
    esp_conv_options options = ESP_CONV_OPTIONS_INIT;
    options.channels = layer->channels;
    options.kernel = 3;
    options.stride = layer->stride;
    options.dilation = 2;
    return finish_conv(b, esp_conv(b, "conv", esp_relu(b, x), options), layer);
}

// ---- The tables ---------------------------------------------------------------------------------

#define OPERATIONS(dilated)                                                                        \
    {                                                                                              \
        ESP_ALTERNATIVE("identity", identity), ESP_ALTERNATIVE("conv_1x3_3x1", conv_1x3_3x1),      \
            ESP_ALTERNATIVE("conv_1x7_7x1", conv_1x7_7x1),                                         \
            ESP_ALTERNATIVE("dil_conv_3x3", dilated),                                              \
            ESP_ALTERNATIVE("avg_pool_3x3", avg_pool_3x3),                                         \
            ESP_ALTERNATIVE("max_pool_3x3", max_pool_3x3),                                         \
            ESP_ALTERNATIVE("max_pool_5x5", max_pool_5x5),                                         \
            ESP_ALTERNATIVE("max_pool_7x7", max_pool_7x7), ESP_ALTERNATIVE("conv_1x1", conv_1x1),  \
            ESP_ALTERNATIVE("conv_3x3", conv_3x3),                                                 \
            ESP_ALTERNATIVE("sep_conv_3x3", layer_sep_conv_3x3),                                   \
            ESP_ALTERNATIVE("sep_conv_5x5", layer_sep_conv_5x5),                                   \
            ESP_ALTERNATIVE("sep_conv_7x7", layer_sep_conv_7x7),                                   \
    }

static const esp_alternative slim_table[NASNET_OPERATIONS] = OPERATIONS(dil_conv_3x3);
static const esp_alternative darts_table[NASNET_OPERATIONS] = OPERATIONS(layer_dil_conv_3x3);

const esp_alternative *nasnet_operations(const struct nasnet *nasnet)
{
    return nasnet->darts ? darts_table : slim_table;
}
