// SPDX-License-Identifier: Apache-2.0
// The operations of a layer, with what is drawn for each: width, stride, kernel, and the order of
// convolution, batch normalization and ReLU.
#include "multi_branch.h"

#include <string.h>

enum form { CONV_BN_RELU, BN_RELU_CONV, CONV_BN, CONV };

const char *const form_names[FORM_COUNT] = {"conv_bn_relu", "bn_relu_conv", "conv_bn", "conv"};

// A stride, 1 where the map would fall under min_size.
static int64_t choose_stride(esp_builder *b, const struct position *position)
{
    const struct multi_branch *space = position->space;
    uint64_t count = 0;
    while (count < space->stride_count &&
           (position->size + space->strides[count] - 1) / space->strides[count] >= space->min_size)
        count++;
    int64_t stride = count ? esp_choose_value(b, "stride", space->strides, count) : 1;
    if (stride < 1) // the pass has failed
        return 1;
    *position->next = (position->size + stride - 1) / stride;
    return stride;
}

static enum form choose_form(esp_builder *b, const struct multi_branch *space)
{
    uint64_t chosen = esp_choose_one(b, "form", space->forms, space->form_count);
    for (int form = 0; form < FORM_COUNT; form++)
        if (strcmp(space->forms[chosen], form_names[form]) == 0)
            return (enum form)form;
    return CONV_BN_RELU;
}

static esp_node conv(esp_builder *b, esp_node x, const struct position *position, int64_t height,
                     int64_t width, int separable)
{
    const struct multi_branch *space = position->space;
    esp_conv_options options = ESP_CONV_OPTIONS_INIT, depthwise = ESP_CONV_OPTIONS_INIT;
    enum form form = choose_form(b, space);
    options.channels = esp_choose_value(b, "width", space->widths, space->width_count);
    options.kernel_height = height;
    options.kernel_width = width;
    options.stride = choose_stride(b, position);
    if (esp_tracing(b))
        return x;
    if (form == BN_RELU_CONV)
        x = esp_relu(b, esp_batch_norm(b, "bn", x));
    if (separable) {
        depthwise = options;
        depthwise.channels = esp_node_shape(b, x).dims[1];
        depthwise.groups = -1;
        x = esp_conv(b, "depthwise", x, depthwise);
        options.kernel_height = options.kernel_width = options.stride = 1;
    }
    x = esp_conv(b, separable ? "pointwise" : "conv", x, options);
    if (form == CONV_BN_RELU || form == CONV_BN)
        x = esp_batch_norm(b, "bn", x);
    return form == CONV_BN_RELU ? esp_relu(b, x) : x;
}

static esp_node emit_conv(esp_builder *b, esp_node x, const void *argument)
{
    const struct position *position = argument;
    const struct multi_branch *space = position->space;
    int64_t height = esp_choose_value(b, "kernel_height", space->kernels, space->kernel_count);
    int64_t width = esp_choose_value(b, "kernel_width", space->kernels, space->kernel_count);
    return conv(b, x, position, height, width, 0);
}

static esp_node emit_conv_1x1(esp_builder *b, esp_node x, const void *position)
{
    return conv(b, x, position, 1, 1, 0);
}

static esp_node emit_conv_3x3(esp_builder *b, esp_node x, const void *position)
{
    return conv(b, x, position, 3, 3, 0);
}

static esp_node emit_conv_5x5(esp_builder *b, esp_node x, const void *position)
{
    return conv(b, x, position, 5, 5, 0);
}

static esp_node emit_conv_7x7(esp_builder *b, esp_node x, const void *position)
{
    return conv(b, x, position, 7, 7, 0);
}

static esp_node emit_sep_conv_3x3(esp_builder *b, esp_node x, const void *position)
{
    return conv(b, x, position, 3, 3, 1);
}

static esp_node emit_sep_conv_5x5(esp_builder *b, esp_node x, const void *position)
{
    return conv(b, x, position, 5, 5, 1);
}

static esp_node emit_max_pool_3x3(esp_builder *b, esp_node x, const void *position)
{
    return esp_max_pool(b, x, 3, choose_stride(b, position));
}

static esp_node emit_avg_pool_3x3(esp_builder *b, esp_node x, const void *position)
{
    return esp_average_pool(b, x, 3, choose_stride(b, position));
}

// 2x2 windows of stride 2; an odd edge is a window of its own.
static esp_node halve(esp_builder *b, esp_node x, const struct position *position, const char *op)
{
    const int64_t size[2] = {2, 2};
    const esp_attribute attributes[] = {
        esp_attribute_ints("kernel_shape", size, 2),
        esp_attribute_ints("strides", size, 2),
        esp_attribute_int("ceil_mode", 1),
    };
    *position->next = (position->size + 1) / 2;
    return esp_op(b, NULL, op, &x, 1, attributes, ESP_COUNT(attributes));
}

static esp_node emit_max_pool_2x2(esp_builder *b, esp_node x, const void *position)
{
    return halve(b, x, position, "MaxPool");
}

static esp_node emit_avg_pool_2x2(esp_builder *b, esp_node x, const void *position)
{
    return halve(b, x, position, "AveragePool");
}

int operation_halves(const char *name)
{
    return strcmp(name, "max_pool_2x2") == 0 || strcmp(name, "avg_pool_2x2") == 0;
}

static esp_node emit_identity(esp_builder *b, esp_node x, const void *position)
{
    (void)position;
    return esp_unary(b, "Identity", x);
}

static esp_node emit_relu(esp_builder *b, esp_node x, const void *position)
{
    (void)position;
    return esp_relu(b, x);
}

static esp_node emit_bn_relu(esp_builder *b, esp_node x, const void *position)
{
    (void)position;
    return esp_relu(b, esp_batch_norm(b, "bn", x));
}

const char *const operation_names[OPERATION_COUNT] = {
    "conv",         "conv_1x1",     "conv_3x3",     "conv_5x5",     "conv_7x7",
    "sep_conv_3x3", "sep_conv_5x5", "max_pool_3x3", "avg_pool_3x3", "max_pool_2x2",
    "avg_pool_2x2", "identity",     "relu",         "bn_relu"};

const esp_alternative all_operations[OPERATION_COUNT] = {
    ESP_ALTERNATIVE("conv", emit_conv),
    ESP_ALTERNATIVE("conv_1x1", emit_conv_1x1),
    ESP_ALTERNATIVE("conv_3x3", emit_conv_3x3),
    ESP_ALTERNATIVE("conv_5x5", emit_conv_5x5),
    ESP_ALTERNATIVE("conv_7x7", emit_conv_7x7),
    ESP_ALTERNATIVE("sep_conv_3x3", emit_sep_conv_3x3),
    ESP_ALTERNATIVE("sep_conv_5x5", emit_sep_conv_5x5),
    ESP_ALTERNATIVE("max_pool_3x3", emit_max_pool_3x3),
    ESP_ALTERNATIVE("avg_pool_3x3", emit_avg_pool_3x3),
    ESP_ALTERNATIVE("max_pool_2x2", emit_max_pool_2x2),
    ESP_ALTERNATIVE("avg_pool_2x2", emit_avg_pool_2x2),
    ESP_ALTERNATIVE("identity", emit_identity),
    ESP_ALTERNATIVE("relu", emit_relu),
    ESP_ALTERNATIVE("bn_relu", emit_bn_relu),
};
