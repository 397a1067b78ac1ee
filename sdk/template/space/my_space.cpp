// SPDX-License-Identifier: Apache-2.0
// my_space: a chain of layers. Drawn are the width of the first layer, the number of layers, and what
// each layer is; behind every second layer the image is halved and the width doubled.
//
// A space is one function, which draws decisions and emits operators in the same pass. The host runs
// it to sample, to repeat an architecture, to change one, and to build all alternatives at once; the
// function cannot tell which. Errors are sticky, so that no call needs a test.
#include <espalier/espalier.h>

#include <algorithm>
#include <functional>
#include <new>

namespace
{

// The host reads the INI against this table: `espalier describe space/my_space` prints it. Any of
// them may be given a distribution there, and is searched then, without a line of code.
const esp_param chain_params[] = {
    ESP_PARAM_INT("max_depth", 4, 1, 12, "layers", "largest number of layers"),
    ESP_PARAM_INTS("widths", "8, 16, 32", 1, 1024, "channels",
                   "what the width of the first layer may be, ascending"),
};

// ---- What a layer may be ------------------------------------------------------------------------
// x [N, channels, H, W] to [N, width, H, W]; `argument` is what esp_choose_op was given. The names of
// operators are parts of their weights' paths.

esp_node convolve(esp_builder *b, esp_node x, int64_t width, int64_t kernel)
{
    esp_conv_options options = ESP_CONV_OPTIONS_INIT;
    options.channels = width;
    options.kernel = kernel;
    return esp_relu(b, esp_batch_norm(b, "norm", esp_conv(b, "conv", x, options)));
}

template <int64_t kernel> esp_node conv(esp_builder *b, esp_node x, const void *argument)
{
    return convolve(b, x, *static_cast<const int64_t *>(argument), kernel);
}

// A convolution of each channel on its own, then one over the channels of each pixel.
esp_node separable(esp_builder *b, esp_node x, const void *argument)
{
    esp_conv_options options = ESP_CONV_OPTIONS_INIT;
    options.channels = esp_tracing(b) ? 1 : esp_node_shape(b, x).dims[1];
    options.kernel = 3;
    options.groups = -1; // as many as there are channels
    return conv<1>(b, esp_conv(b, "depthwise", x, options), argument);
}

const esp_alternative layers[] = {
    ESP_ALTERNATIVE("conv_3x3", conv<3>),
    ESP_ALTERNATIVE("conv_5x5", conv<5>),
    ESP_ALTERNATIVE("separable", separable),
    ESP_ALTERNATIVE("conv_1x1", conv<1>),
};

// ---- The space ----------------------------------------------------------------------------------

struct chain {
    int64_t max_depth;
    const int64_t *widths; // the host's; live until destroy
    uint64_t width_count;

    explicit chain(esp_create *create)
        : max_depth(esp_param_int(create, "max_depth")),
          widths(esp_param_ints(create, "widths", &width_count))
    {
    }

    bool ascends() const
    {
        return std::adjacent_find(widths, widths + width_count, std::greater_equal<int64_t>()) ==
               widths + width_count;
    }

    esp_status build(esp_builder *b) const
    {
        esp_node x = esp_input(b);
        int64_t width = esp_choose_value(b, "width", widths, width_count);
        int64_t depth = esp_choose_int(b, "depth", 1, max_depth);
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
};

// ---- The table of functions ---------------------------------------------------------------------
// What the host calls is C: no exception may come out of it. Nothing above throws.

esp_status chain_create(esp_create *create, void **out)
{
    esp_status status = esp_need_images(create);
    if (status != ESP_OK)
        return status;
    chain *made = new (std::nothrow) chain(create);
    if (!made)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    if (!made->ascends()) {
        delete made;
        return esp_fail(create, ESP_ERROR_INVALID, "widths: expected ascending numbers");
    }
    *out = made;
    return ESP_OK;
}

void chain_destroy(void *self)
{
    delete static_cast<chain *>(self);
}

esp_status chain_build(void *self, esp_builder *b)
{
    return static_cast<const chain *>(self)->build(b);
}

void chain_describe(esp_space_type *out)
{
    out->summary = "a chain of convolutions";
    ESP_SET_PARAMS(out, chain_params);
    out->create = chain_create;
    out->destroy = chain_destroy;
    out->build = chain_build;
}

} // namespace

ESP_PLUGIN("0.1.0", ESP_SPACE("my_space", chain_describe))
