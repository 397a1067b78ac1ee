// SPDX-License-Identifier: Apache-2.0
// my_space: a chain of layers. Drawn are the width of the first layer, the number of layers, and what
// each layer is; behind every second layer the image is halved and the width doubled.
//
// A space is one function, which draws decisions and emits operators in the same pass. The host runs
// it to sample, to repeat an architecture, to change one, and to build all alternatives at once; the
// function cannot tell which. Errors are sticky, so that no call needs a test.
#include <espalier/espalier.h>

#include <stdlib.h>

struct chain {
    int64_t max_depth;
    const int64_t *widths; // the host's; live until destroy
    uint64_t width_count;
};

// The host reads the INI against this table: `espalier describe space/my_space` prints it. Any of
// them may be given a distribution there, and is searched then, without a line of code.
static const esp_param chain_params[] = {
    ESP_PARAM_INT("max_depth", 4, 1, 12, "layers", "largest number of layers"),
    ESP_PARAM_INTS("widths", "8, 16, 32", 1, 1024, "channels",
                   "what the width of the first layer may be, ascending"),
};

static esp_status chain_create(esp_create *create, void **out)
{
    esp_status status = esp_need_images(create);
    if (status != ESP_OK)
        return status;
    struct chain *chain = calloc(1, sizeof *chain);
    if (!chain)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    chain->max_depth = esp_param_int(create, "max_depth");
    chain->widths = esp_param_ints(create, "widths", &chain->width_count);
    for (uint64_t i = 1; i < chain->width_count; i++)
        if (chain->widths[i] <= chain->widths[i - 1]) {
            free(chain);
            return esp_fail(create, ESP_ERROR_INVALID, "widths: expected ascending numbers");
        }
    *out = chain;
    return ESP_OK;
}

static void chain_destroy(void *self)
{
    free(self);
}

// ---- What a layer may be ------------------------------------------------------------------------
// x [N, channels, H, W] to [N, width, H, W]; `argument` is what esp_choose_op was given. The names of
// operators are parts of their weights' paths.

static esp_node convolve(esp_builder *b, esp_node x, const void *argument, int64_t kernel)
{
    const int64_t *width = argument;
    esp_conv_options options = ESP_CONV_OPTIONS_INIT;
    options.channels = *width;
    options.kernel = kernel;
    return esp_relu(b, esp_batch_norm(b, "norm", esp_conv(b, "conv", x, options)));
}

static esp_node conv_3x3(esp_builder *b, esp_node x, const void *argument)
{
    return convolve(b, x, argument, 3);
}

static esp_node conv_5x5(esp_builder *b, esp_node x, const void *argument)
{
    return convolve(b, x, argument, 5);
}

// A convolution of each channel on its own, then one over the channels of each pixel.
static esp_node separable(esp_builder *b, esp_node x, const void *argument)
{
    esp_conv_options options = ESP_CONV_OPTIONS_INIT;
    options.channels = esp_tracing(b) ? 1 : esp_node_shape(b, x).dims[1];
    options.kernel = 3;
    options.groups = -1; // as many as there are channels
    return convolve(b, esp_conv(b, "depthwise", x, options), argument, 1);
}

static esp_node conv_1x1(esp_builder *b, esp_node x, const void *argument)
{
    return convolve(b, x, argument, 1);
}

static const esp_alternative layers[] = {
    ESP_ALTERNATIVE("conv_3x3", conv_3x3),
    ESP_ALTERNATIVE("conv_5x5", conv_5x5),
    ESP_ALTERNATIVE("separable", separable),
    ESP_ALTERNATIVE("conv_1x1", conv_1x1),
};

// ---- The space ----------------------------------------------------------------------------------

static esp_status chain_build(void *self, esp_builder *b)
{
    const struct chain *chain = self;
    esp_node x = esp_input(b);
    int64_t width = esp_choose_value(b, "width", chain->widths, chain->width_count);
    int64_t depth = esp_choose_int(b, "depth", 1, chain->max_depth);
    for (int64_t i = 0; i < depth; i++) {
        if (i > 0 && i % 2 == 0) {
            x = esp_max_pool(b, x, 3, 2);
            width *= 2;
        }
        esp_scope(b, "layer", i); // the decision is layer/0/op, layer/1/op, ...
        x = esp_choose_op(b, "op", x, layers, ESP_COUNT(layers), &width);
        esp_scope_end(b);
    }
    return esp_classifier(b, x);
}

static void chain_describe(esp_space_type *out)
{
    out->summary = "a chain of convolutions";
    ESP_SET_PARAMS(out, chain_params);
    out->create = chain_create;
    out->destroy = chain_destroy;
    out->build = chain_build;
}

ESP_PLUGIN("0.1.0", ESP_SPACE("my_space", chain_describe))
