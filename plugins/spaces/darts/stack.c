// SPDX-License-Identifier: Apache-2.0
// The network around the cells, as the DARTS code stacks them; see layers.h.
#include "layers.h"

#include "genotype.h"

// The reduction cells are at a third and two thirds.
static int64_t is_reduction(const struct stack *stack, int64_t cell)
{
    return cell == stack->cells / 3 || cell == 2 * stack->cells / 3;
}

static esp_node conv_3x3(esp_builder *b, const char *name, esp_node x, int64_t channels,
                         int64_t stride)
{
    esp_conv_options options = ESP_CONV_OPTIONS_INIT;
    options.channels = channels;
    options.kernel = 3;
    options.stride = stride;
    return esp_conv(b, name, x, options);
}

// The batch norms of stems and heads are affine in either network.
static void build_stem(const struct stack *stack, esp_builder *b, esp_node *previous,
                       esp_node *current)
{
    esp_node x = esp_input(b);
    esp_scope(b, "stem", -1);
    if (!stack->imagenet) {
        x = esp_batch_norm(b, "bn", conv_3x3(b, "conv", x, 3 * stack->channels, 1));
        *previous = *current = x;
    } else {
        x = esp_batch_norm(b, "bn_1", conv_3x3(b, "conv_1", x, stack->channels / 2, 2));
        x = esp_batch_norm(b, "bn_2", conv_3x3(b, "conv_2", esp_relu(b, x), stack->channels, 2));
        *previous = x;
        x = conv_3x3(b, "conv_3", esp_relu(b, x), stack->channels, 2);
        *current = esp_batch_norm(b, "bn_3", x);
    }
    esp_scope_end(b);
}

// On maps of 8x8 (CIFAR) and 7x7 (ImageNet) the last convolution leaves one pixel; of larger ones the
// mean is taken. The head for ImageNet has no second batch norm.
static esp_node auxiliary_head(const struct stack *stack, esp_builder *b, esp_node x)
{
    const int64_t kernel[2] = {5, 5}, stride = stack->imagenet ? 2 : 3;
    const int64_t strides[2] = {stride, stride};
    const esp_attribute pool[] = {esp_attribute_ints("kernel_shape", kernel, 2),
                                  esp_attribute_ints("strides", strides, 2)};
    esp_conv_options options = ESP_CONV_OPTIONS_INIT;
    esp_scope(b, "auxiliary", -1);
    x = esp_relu(b, x);
    x = esp_op(b, NULL, "AveragePool", &x, 1, pool, ESP_COUNT(pool));
    options.channels = 128;
    options.kernel = 1;
    x = esp_relu(b, esp_batch_norm(b, "bn_1", esp_conv(b, "conv_1", x, options)));
    options.channels = 768;
    options.kernel = 2;
    options.valid = 1;
    x = esp_conv(b, "conv_2", x, options);
    if (!stack->imagenet)
        x = esp_batch_norm(b, "bn_2", x);
    x = esp_unary(b, "Flatten", esp_unary(b, "GlobalAveragePool", esp_relu(b, x)));
    x = esp_linear(b, "classifier", x, (int64_t)esp_builder_task(b)->classes);
    esp_scope_end(b);
    return x;
}

static esp_node build_cell(const struct stack *stack, esp_builder *b, struct cell_inputs *inputs,
                           int64_t after_reduction, emit_cell emit, const void *self)
{
    esp_scope(b, "previous", -1);
    inputs->previous = after_reduction
                           ? layer_reduce(b, inputs->previous, inputs->channels, stack->search)
                           : layer_project(b, inputs->previous, inputs->channels, stack->search);
    esp_scope_end(b);
    esp_scope(b, "current", -1);
    inputs->current = layer_project(b, inputs->current, inputs->channels, stack->search);
    esp_scope_end(b);
    return emit(self, b, inputs);
}

esp_status stack_build(const struct stack *stack, esp_builder *b, emit_cell emit, const void *self)
{
    esp_node previous, current, auxiliary = {0};
    int64_t channels = stack->channels, after_reduction = stack->imagenet;
    int64_t drawn[2] = {0, 0};
    build_stem(stack, b, &previous, &current);
    for (int64_t i = 0; i < stack->cells && !esp_failed(b); i++) {
        int64_t reduction = is_reduction(stack, i);
        channels *= reduction ? 2 : 1;
        if (!esp_tracing(b) || !drawn[reduction]++) {
            struct cell_inputs inputs = {previous, current, channels, reduction};
            esp_scope(b, "cell", i);
            esp_share(b, genotype_cell_names[reduction]);
            previous = current;
            current = build_cell(stack, b, &inputs, after_reduction, emit, self);
            esp_scope_end(b);
            esp_scope_end(b);
        }
        after_reduction = reduction;
        if (i == 2 * stack->cells / 3)
            auxiliary = current;
    }
    esp_status status = esp_classifier(b, current);
    if (stack->auxiliary && !esp_tracing(b))
        status = esp_output(b, auxiliary_head(stack, b, auxiliary));
    return status;
}

// ---- Refusals -----------------------------------------------------------------------------------

// A stem's convolution of stride 2, and a reduction, leave half, rounded up.
static int64_t half(int64_t size)
{
    return (size + 1) / 2;
}

static esp_status check_side(const struct stack *stack, esp_create *create, const char *side,
                             int64_t size)
{
    int64_t reduced = stack->imagenet ? half(half(size)) : size;
    int64_t reductions = stack->imagenet ? 3 : 2;
    for (int64_t i = 0; i < reductions; i++, reduced = half(reduced))
        if (reduced % 2 != 0)
            return esp_fail(create, ESP_ERROR_UNSUPPORTED,
                            "a %s of %lld: its factorized reductions halve even sizes, and one "
                            "would meet %lld; expected a multiple of %d",
                            side, (long long)size, (long long)reduced, stack->imagenet ? 32 : 4);
    int64_t least = stack->imagenet ? 7 : 8;
    if (stack->auxiliary && reduced < least)
        return esp_fail(create, ESP_ERROR_UNSUPPORTED,
                        "auxiliary: the head needs a map of %lldx%lld, and a %s of %lld leaves "
                        "%lld; expected %lld or more",
                        (long long)least, (long long)least, side, (long long)size,
                        (long long)reduced, stack->imagenet ? 224LL : 32LL);
    return ESP_OK;
}

esp_status stack_check(const struct stack *stack, esp_create *create)
{
    const esp_task *task = esp_create_task(create);
    if (esp_need_images(create) != ESP_OK)
        return ESP_ERROR_UNSUPPORTED;
    if (stack->imagenet && stack->channels % 2 != 0)
        return esp_fail(create, ESP_ERROR_INVALID,
                        "channels: the stem for ImageNet halves them, and %lld is odd",
                        (long long)stack->channels);
    esp_status status = check_side(stack, create, "height", (int64_t)task->height);
    return status == ESP_OK ? check_side(stack, create, "width", (int64_t)task->width) : status;
}
