// SPDX-License-Identifier: Apache-2.0
// The chain-structured space: a sequence of layers, each with an operation and what the operation
// needs (Zoph and Le 2017, without skip connections). Widths, strides, kernels, activations and batch
// normalization are drawn where the operation has them. The number of layers is drawn from a range, or
// layer by layer. Baker et al. 2017 is a space of its own: metaqnn.c.
#include "metaqnn.h"

#include <stdlib.h>

enum depth { DEPTH_BOUNDED, DEPTH_GEOMETRIC };
enum batch_norm { BATCH_NORM_NO, BATCH_NORM_YES, BATCH_NORM_SEARCH };

#define OPERATION_COUNT 12

struct chain {
    enum depth depth;
    int64_t min_depth, max_depth, depth_limit;
    double stop;
    const int64_t *kernels;
    uint64_t kernel_count;
    const int64_t *widths;
    uint64_t width_count;
    const int64_t *strides;
    uint64_t stride_count;
    const char *const *activations;
    uint64_t activation_count;
    enum batch_norm batch_norm;
    double dropout;
    int64_t min_size;
    esp_alternative operations[OPERATION_COUNT];
    uint64_t operation_count;
};

// Where a layer stands: what its operation is given.
struct position {
    const struct chain *chain;
    int64_t size;  // of the map that comes in: the smaller of height and width
    int64_t *next; // of the map that goes out; the operation writes it
};

// A stride, 1 where the map would fall under min_size.
static int64_t choose_stride(esp_builder *b, const struct position *position)
{
    const struct chain *chain = position->chain;
    uint64_t count = 0;
    while (count < chain->stride_count &&
           (position->size + chain->strides[count] - 1) / chain->strides[count] >= chain->min_size)
        count++;
    int64_t stride = count ? esp_choose_value(b, "stride", chain->strides, count) : 1;
    if (stride > 1)
        *position->next = (position->size + stride - 1) / stride;
    return stride > 0 ? stride : 1;
}

static int64_t choose_width(esp_builder *b, const struct position *position)
{
    return esp_choose_value(b, "width", position->chain->widths, position->chain->width_count);
}

// 1 where the layer is normalized, by parameter or by decision.
static int64_t choose_batch_norm(esp_builder *b, const struct position *position)
{
    static const char *const no_yes[] = {"no", "yes"};
    if (position->chain->batch_norm != BATCH_NORM_SEARCH)
        return position->chain->batch_norm == BATCH_NORM_YES;
    return (int64_t)esp_choose_one(b, "batch_norm", no_yes, ESP_COUNT(no_yes));
}

// Operators of the activations that take no attribute, by name.
static const char *const plain_activations[][2] = {
    {"relu", "Relu"},       {"gelu", "Gelu"}, {"swish", "Swish"}, {"hard_swish", "HardSwish"},
    {"sigmoid", "Sigmoid"}, {"tanh", "Tanh"}};

static esp_node activate(esp_builder *b, const char *name, esp_node x)
{
    for (size_t i = 0; i < ESP_COUNT(plain_activations); i++)
        if (strcmp(name, plain_activations[i][0]) == 0)
            return esp_unary(b, plain_activations[i][1], x);
    return strcmp(name, "elu") == 0 ? esp_elu(b, x, 1.0) : esp_leaky_relu(b, x, 0.01);
}

// Batch normalization where it is wanted, then the activation.
static esp_node finish(esp_builder *b, esp_node x, int64_t normalized,
                       const struct position *position)
{
    const struct chain *chain = position->chain;
    if (normalized)
        x = esp_batch_norm(b, "bn", x);
    uint64_t i = esp_choose_one(b, "activation", chain->activations, chain->activation_count);
    if (esp_failed(b))
        return x;
    return activate(b, chain->activations[i], x);
}

static esp_node conv(esp_builder *b, esp_node x, const struct position *position, int64_t height,
                     int64_t across)
{
    int64_t width = choose_width(b, position);
    int64_t stride = choose_stride(b, position);
    int64_t normalized = choose_batch_norm(b, position);
    esp_conv_options options = ESP_CONV_OPTIONS_INIT;
    options.channels = width;
    options.kernel_height = height;
    options.kernel_width = across;
    options.stride = stride;
    options.bias = !normalized;
    return finish(b, esp_conv(b, "conv", x, options), normalized, position);
}

// Depthwise, then pointwise (Chollet 2017), no activation between.
static esp_node separable(esp_builder *b, esp_node x, const struct position *position,
                          int64_t height, int64_t across)
{
    int64_t width = choose_width(b, position);
    int64_t stride = choose_stride(b, position);
    int64_t normalized = choose_batch_norm(b, position);
    esp_conv_options depthwise = ESP_CONV_OPTIONS_INIT;
    depthwise.channels = esp_node_shape(b, x).dims[1];
    depthwise.kernel_height = height;
    depthwise.kernel_width = across;
    depthwise.stride = stride;
    depthwise.groups = -1;
    esp_conv_options pointwise = ESP_CONV_OPTIONS_INIT;
    pointwise.channels = width;
    pointwise.kernel = 1;
    pointwise.bias = !normalized;
    x = esp_conv(b, "depthwise", x, depthwise);
    return finish(b, esp_conv(b, "pointwise", x, pointwise), normalized, position);
}

static int64_t choose_kernel(esp_builder *b, const char *name, const struct position *position)
{
    return esp_choose_value(b, name, position->chain->kernels, position->chain->kernel_count);
}

// Height and width on their own, as Zoph and Le 2017 draw them.
static esp_node emit_conv(esp_builder *b, esp_node x, const void *position)
{
    int64_t height = choose_kernel(b, "kernel_height", position);
    int64_t across = choose_kernel(b, "kernel_width", position);
    return conv(b, x, position, height, across);
}

static esp_node emit_sep_conv(esp_builder *b, esp_node x, const void *position)
{
    int64_t height = choose_kernel(b, "kernel_height", position);
    int64_t across = choose_kernel(b, "kernel_width", position);
    return separable(b, x, position, height, across);
}

static esp_node emit_conv_1x1(esp_builder *b, esp_node x, const void *position)
{
    return conv(b, x, position, 1, 1);
}

static esp_node emit_conv_3x3(esp_builder *b, esp_node x, const void *position)
{
    return conv(b, x, position, 3, 3);
}

static esp_node emit_conv_5x5(esp_builder *b, esp_node x, const void *position)
{
    return conv(b, x, position, 5, 5);
}

static esp_node emit_conv_7x7(esp_builder *b, esp_node x, const void *position)
{
    return conv(b, x, position, 7, 7);
}

static esp_node emit_sep_conv_3x3(esp_builder *b, esp_node x, const void *position)
{
    return separable(b, x, position, 3, 3);
}

static esp_node emit_sep_conv_5x5(esp_builder *b, esp_node x, const void *position)
{
    return separable(b, x, position, 5, 5);
}

static esp_node emit_sep_conv_7x7(esp_builder *b, esp_node x, const void *position)
{
    return separable(b, x, position, 7, 7);
}

static esp_node emit_max_pool_3x3(esp_builder *b, esp_node x, const void *position)
{
    return esp_max_pool(b, x, 3, choose_stride(b, position));
}

static esp_node emit_avg_pool_3x3(esp_builder *b, esp_node x, const void *position)
{
    return esp_average_pool(b, x, 3, choose_stride(b, position));
}

static esp_node emit_identity(esp_builder *b, esp_node x, const void *position)
{
    (void)position;
    return esp_unary(b, "Identity", x);
}

static const esp_alternative all_operations[OPERATION_COUNT] = {
    ESP_ALTERNATIVE("conv", emit_conv),
    ESP_ALTERNATIVE("sep_conv", emit_sep_conv),
    ESP_ALTERNATIVE("conv_1x1", emit_conv_1x1),
    ESP_ALTERNATIVE("conv_3x3", emit_conv_3x3),
    ESP_ALTERNATIVE("conv_5x5", emit_conv_5x5),
    ESP_ALTERNATIVE("conv_7x7", emit_conv_7x7),
    ESP_ALTERNATIVE("sep_conv_3x3", emit_sep_conv_3x3),
    ESP_ALTERNATIVE("sep_conv_5x5", emit_sep_conv_5x5),
    ESP_ALTERNATIVE("sep_conv_7x7", emit_sep_conv_7x7),
    ESP_ALTERNATIVE("max_pool_3x3", emit_max_pool_3x3),
    ESP_ALTERNATIVE("avg_pool_3x3", emit_avg_pool_3x3),
    ESP_ALTERNATIVE("identity", emit_identity),
};

// The layer's output; `*size` becomes that of its map.
static esp_node emit_layer(const struct chain *chain, esp_builder *b, esp_node x, int64_t *size)
{
    int64_t next = *size;
    const struct position position = {chain, *size, &next};
    x = esp_choose_op(b, "op", x, chain->operations, chain->operation_count, &position);
    *size = next;
    return x;
}

// Whether layer `i`, whose scope is open, is the last one.
static int is_last(const struct chain *chain, esp_builder *b, int64_t i)
{
    if (i + 1 < chain->min_depth)
        return 0;
    return i + 1 >= chain->depth_limit || esp_choose_chance(b, "stop", chain->stop);
}

static esp_status chain_build(void *self, esp_builder *b)
{
    const struct chain *chain = self;
    const esp_task *task = esp_builder_task(b);
    int64_t size = (int64_t)(task->height < task->width ? task->height : task->width);
    const int geometric = chain->depth == DEPTH_GEOMETRIC;
    esp_node x = esp_input(b);
    int64_t depth = geometric ? 0 : esp_choose_int(b, "depth", chain->min_depth, chain->max_depth);
    for (int64_t i = 0, last = 0; !esp_failed(b) && (geometric ? !last : i < depth); i++) {
        esp_scope(b, "layer", i);
        x = emit_layer(chain, b, x, &size);
        last = geometric && is_last(chain, b, i);
        esp_scope_end(b);
    }
    if (chain->dropout > 0) {
        x = esp_unary(b, "Flatten", esp_unary(b, "GlobalAveragePool", x));
        x = esp_dropout(b, "dropout", x, chain->dropout);
        return esp_output(b, esp_linear(b, "classifier", x, (int64_t)task->classes));
    }
    return esp_classifier(b, x);
}

static const char *const operation_names[] = {
    "conv",         "sep_conv",     "conv_1x1",     "conv_3x3",     "conv_5x5",     "conv_7x7",
    "sep_conv_3x3", "sep_conv_5x5", "sep_conv_7x7", "max_pool_3x3", "avg_pool_3x3", "identity"};
static const char *const activation_names[] = {"relu",  "leaky_relu", "elu",     "gelu",
                                               "swish", "hard_swish", "sigmoid", "tanh"};
static const char *const batch_norm_names[] = {"no", "yes", "search"};
static const char *const depth_names[] = {"bounded", "geometric"};

static const esp_param chain_params[] = {
    ESP_PARAM_CHOICE("depth", "bounded", depth_names,
                     "bounded: drawn up to max_depth; geometric: after each layer it may end"),
    ESP_PARAM_INT("min_depth", 2, 1, 1000, "layers", "least number of layers"),
    ESP_PARAM_INT("max_depth", 6, 1, 1000, "layers", "largest number of layers, if bounded"),
    ESP_PARAM_REAL("stop", 0.2, 0.001, 0.999, "",
                   "probability that a layer from min_depth on is the last, if geometric"),
    ESP_PARAM_INT("depth_limit", 100, 1, 1000, "layers",
                  "number of layers at which a geometric depth is cut off"),
    ESP_PARAM_NAMES("operations",
                    "conv_3x3, conv_5x5, sep_conv_3x3, sep_conv_5x5, max_pool_3x3, avg_pool_3x3, "
                    "identity",
                    operation_names, "operations that a layer may have"),
    ESP_PARAM_INTS("kernels", "1, 3, 5, 7", 1, 31, "pixels",
                   "odd heights and widths of conv and sep_conv, ascending"),
    ESP_PARAM_INTS("widths", "16, 32, 64", 1, 65536, "channels",
                   "output channels that a convolution may have, ascending"),
    ESP_PARAM_INTS("strides", "1, 2", 1, 16, "", "strides of convolutions and pools, ascending"),
    ESP_PARAM_NAMES("activations", "relu", activation_names,
                    "activations that a convolution may have"),
    ESP_PARAM_CHOICE("batch_norm", "yes", batch_norm_names,
                     "batch normalization after each convolution; search draws it per layer"),
    ESP_PARAM_REAL("dropout", 0, 0, 0.95, "", "dropout before the classifier"),
    ESP_PARAM_INT("min_size", 4, 1, 65536, "pixels",
                  "smallest map: strides that would pass under it are not offered"),
};

static int ascending(const int64_t *values, uint64_t count)
{
    for (uint64_t i = 1; i < count; i++)
        if (values[i] <= values[i - 1])
            return 0;
    return 1;
}

static int odd(const int64_t *values, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (values[i] % 2 == 0)
            return 0;
    return 1;
}

static esp_status choose_operations(struct chain *chain, esp_create *create)
{
    uint64_t count;
    const char *const *names = esp_param_names(create, "operations", &count);
    if (count == 0)
        return esp_fail(create, ESP_ERROR_INVALID, "operations: at least one is needed");
    for (uint64_t i = 0; i < count && chain->operation_count < OPERATION_COUNT; i++)
        for (uint64_t j = 0; j < OPERATION_COUNT; j++)
            if (strcmp(names[i], all_operations[j].name) == 0)
                chain->operations[chain->operation_count++] = all_operations[j];
    return ESP_OK;
}

static esp_status check(const struct chain *chain, esp_create *create)
{
    if (esp_need_images(create) != ESP_OK)
        return ESP_ERROR_UNSUPPORTED;
    if (chain->depth == DEPTH_GEOMETRIC && chain->min_depth > chain->depth_limit)
        return esp_fail(create, ESP_ERROR_INVALID, "min_depth %lld is larger than depth_limit %lld",
                        (long long)chain->min_depth, (long long)chain->depth_limit);
    if (chain->depth == DEPTH_BOUNDED && chain->min_depth > chain->max_depth)
        return esp_fail(create, ESP_ERROR_INVALID, "min_depth %lld is larger than max_depth %lld",
                        (long long)chain->min_depth, (long long)chain->max_depth);
    if (chain->width_count == 0 || !ascending(chain->widths, chain->width_count))
        return esp_fail(create, ESP_ERROR_INVALID, "widths: expected an ascending list");
    if (chain->stride_count == 0 || !ascending(chain->strides, chain->stride_count))
        return esp_fail(create, ESP_ERROR_INVALID, "strides: expected an ascending list");
    if (chain->kernel_count == 0 || !ascending(chain->kernels, chain->kernel_count) ||
        !odd(chain->kernels, chain->kernel_count))
        return esp_fail(create, ESP_ERROR_INVALID,
                        "kernels: expected an ascending list of odd "
                        "numbers, for maps keep their size");
    if (chain->activation_count == 0)
        return esp_fail(create, ESP_ERROR_INVALID, "activations: at least one is needed");
    return ESP_OK;
}

static void chain_destroy(void *self)
{
    free(self);
}

static esp_status chain_create(esp_create *create, void **out)
{
    struct chain *chain = calloc(1, sizeof *chain);
    if (!chain)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    chain->min_depth = esp_param_int(create, "min_depth");
    chain->max_depth = esp_param_int(create, "max_depth");
    chain->depth = (enum depth)esp_param_int(create, "depth");
    chain->stop = esp_param_real(create, "stop");
    chain->depth_limit = esp_param_int(create, "depth_limit");
    chain->kernels = esp_param_ints(create, "kernels", &chain->kernel_count);
    chain->widths = esp_param_ints(create, "widths", &chain->width_count);
    chain->strides = esp_param_ints(create, "strides", &chain->stride_count);
    chain->activations = esp_param_names(create, "activations", &chain->activation_count);
    chain->batch_norm = (enum batch_norm)esp_param_int(create, "batch_norm");
    chain->dropout = esp_param_real(create, "dropout");
    chain->min_size = esp_param_int(create, "min_size");
    esp_status status = choose_operations(chain, create);
    if (status == ESP_OK)
        status = check(chain, create);
    if (status != ESP_OK) {
        chain_destroy(chain);
        return status;
    }
    *out = chain;
    return ESP_OK;
}

static void chain_describe(esp_space_type *out)
{
    out->summary = "a chain of layers: convolutions, separable convolutions, pools, identities";
    out->source = "Zoph and Le 2017";
    ESP_SET_PARAMS(out, chain_params);
    out->create = chain_create;
    out->destroy = chain_destroy;
    out->build = chain_build;
}

ESP_PLUGIN("0.1.0", ESP_SPACE("chain", chain_describe), ESP_SPACE("metaqnn", metaqnn_describe))
