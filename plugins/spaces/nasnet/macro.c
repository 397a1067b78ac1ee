// SPDX-License-Identifier: Apache-2.0
// The networks of the slim code (tensorflow/models, research/slim/nets/nasnet): three groups of normal
// cells with a reduction cell between them; for ImageNet a strided convolution and two more reduction
// cells before.
#include "nasnet.h"

#define STEM_CELLS 2

// The course through the cells: the outputs of the last two, and how many are built.
struct course {
    const struct nasnet *nasnet;
    esp_node previous, current; // previous.id 0: there is none yet
    int64_t cells, drawn[2];
};

static esp_node conv_bn(esp_builder *b, esp_node x, int64_t channels, int64_t stride, int64_t valid)
{
    esp_conv_options options = ESP_CONV_OPTIONS_INIT;
    options.channels = channels;
    options.kernel = 3;
    options.stride = stride;
    options.valid = valid;
    return esp_batch_norm(b, "bn", esp_conv(b, "conv", x, options));
}

// The cell before the last one as the next cell takes it: halved if its size is another, projected if
// only its channels are, else as it is. The first cell takes the stem twice.
static esp_node adjust(const struct course *course, esp_builder *b, int64_t channels)
{
    esp_node x = course->previous;
    if (x.id == 0 || esp_tracing(b))
        return course->current;
    esp_shape shape = esp_node_shape(b, x), wanted = esp_node_shape(b, course->current);
    if (shape.dims[2] != wanted.dims[2] || shape.dims[3] != wanted.dims[3])
        return nasnet_reduce(b, esp_relu(b, x), channels);
    return shape.dims[1] != channels ? layer_project(b, x, channels, 0) : x;
}

static void add_cell(struct course *course, esp_builder *b, int64_t channels, int64_t reduction)
{
    int64_t index = course->cells++;
    if (esp_failed(b) || (esp_tracing(b) && course->drawn[reduction]++))
        return;
    struct cell_inputs inputs = {.channels = channels, .reduction = reduction};
    esp_scope(b, "cell", index);
    esp_share(b, genotype_cell_names[reduction]);
    esp_scope(b, "previous", -1);
    inputs.previous = adjust(course, b, channels);
    esp_scope_end(b);
    esp_scope(b, "current", -1);
    inputs.current = layer_project(b, course->current, channels, 0);
    esp_scope_end(b);
    course->previous = course->current;
    course->current = nasnet_cell(course->nasnet, b, &inputs);
    esp_scope_end(b);
    esp_scope_end(b);
}

// On the cell before the second reduction. The last convolution is as large as its map.
static esp_node auxiliary_head(esp_builder *b, esp_node x)
{
    const int64_t kernel[2] = {5, 5}, strides[2] = {3, 3};
    const esp_attribute pool[] = {esp_attribute_ints("kernel_shape", kernel, 2),
                                  esp_attribute_ints("strides", strides, 2)};
    esp_conv_options options = ESP_CONV_OPTIONS_INIT;
    esp_scope(b, "auxiliary", -1);
    x = esp_relu(b, x);
    x = esp_op(b, NULL, "AveragePool", &x, 1, pool, ESP_COUNT(pool));
    options.channels = 128;
    options.kernel = 1;
    x = esp_relu(b, esp_batch_norm(b, "bn_1", esp_conv(b, "conv_1", x, options)));
    esp_shape shape = esp_node_shape(b, x);
    options.channels = 768;
    options.kernel_height = shape.dims[2];
    options.kernel_width = shape.dims[3];
    options.valid = 1;
    x = esp_relu(b, esp_batch_norm(b, "bn_2", esp_conv(b, "conv_2", x, options)));
    x = esp_linear(b, "classifier", esp_unary(b, "Flatten", x),
                   (int64_t)esp_builder_task(b)->classes);
    esp_scope_end(b);
    return x;
}

static int64_t normal_cells(const struct nasnet *nasnet)
{
    return nasnet->stack.cells - 2 - (nasnet->stack.imagenet ? STEM_CELLS : 0);
}

esp_status macro_build(const struct nasnet *nasnet, esp_builder *b)
{
    const struct stack *stack = &nasnet->stack;
    struct course course = {.nasnet = nasnet};
    esp_node auxiliary = {0};
    int64_t channels = stack->channels, normal = normal_cells(nasnet);
    esp_scope(b, "stem", -1);
    course.current = stack->imagenet ? conv_bn(b, esp_input(b), nasnet->stem_channels, 2, 1)
                                     : conv_bn(b, esp_input(b), 3 * channels, 1, 0);
    esp_scope_end(b);
    for (int64_t i = 0; stack->imagenet && i < STEM_CELLS; i++)
        add_cell(&course, b, i == 0 ? channels / 4 : channels / 2, 1);
    for (int64_t i = 0; i < normal; i++) {
        if (i == normal / 3 || i == 2 * normal / 3) {
            esp_node before = course.previous;
            auxiliary = course.current; // of the second one in the end
            channels *= 2;
            add_cell(&course, b, channels, 1);
            if (nasnet->skip_reduction)
                course.previous = before;
        }
        add_cell(&course, b, channels, 0);
    }
    esp_status status = esp_classifier(b, esp_relu(b, course.current));
    if (stack->auxiliary && !esp_tracing(b))
        status = esp_output(b, auxiliary_head(b, auxiliary));
    return status;
}

// ---- Refusals -----------------------------------------------------------------------------------

static int64_t half(int64_t size)
{
    return (size + 1) / 2;
}

static esp_status check_side(const struct nasnet *nasnet, esp_create *create, const char *side,
                             int64_t size)
{
    int64_t imagenet = nasnet->stack.imagenet;
    int64_t left = imagenet ? half(half((size - 1) / 2)) : size;
    if (size < (imagenet ? 3 : 1))
        return esp_fail(create, ESP_ERROR_UNSUPPORTED,
                        "a %s of %lld: the stem's convolution of 3x3 is not padded", side,
                        (long long)size);
    if (nasnet->stack.auxiliary && half(left) < 5)
        return esp_fail(create, ESP_ERROR_UNSUPPORTED,
                        "auxiliary: the head needs a map of 5x5, and a %s of %lld leaves %lld",
                        side, (long long)size, (long long)half(left));
    return ESP_OK;
}

esp_status macro_check(const struct nasnet *nasnet, esp_create *create)
{
    const esp_task *task = esp_create_task(create);
    const struct stack *stack = &nasnet->stack;
    if (esp_need_images(create) != ESP_OK)
        return ESP_ERROR_UNSUPPORTED;
    if (normal_cells(nasnet) < 3)
        return esp_fail(create, ESP_ERROR_INVALID,
                        "cells: expected %d or more: three groups of normal cells and %d reduction "
                        "cells",
                        stack->imagenet ? 7 : 5, stack->imagenet ? 4 : 2);
    if (stack->imagenet && stack->channels < 8)
        return esp_fail(create, ESP_ERROR_INVALID,
                        "channels: the first cell for ImageNet has a quarter of them, and a "
                        "factorized reduction two halves: expected 8 or more");
    esp_status status = check_side(nasnet, create, "height", (int64_t)task->height);
    return status == ESP_OK ? check_side(nasnet, create, "width", (int64_t)task->width) : status;
}
