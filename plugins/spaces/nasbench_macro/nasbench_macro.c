// SPDX-License-Identifier: Apache-2.0
// The space of NAS-Bench-Macro (Su et al. 2021): eight layers in three stages, each of them nothing,
// or an inverted residual block (Sandler et al. 2018) of one of two sizes. 3^8 = 6,561 members. The
// layers and what stands in them are those of the benchmark's own code (xiusu/NAS-Bench-Macro).
#include "nasbench_macro.h"

#include <espalier/espalier.h>

#include <stdlib.h>

// Each of the three stages begins by halving the image.
#define LEAST_SIZE 8

struct nasbench_macro {
    int64_t stem_channels, channels, head_channels;
};

const struct layer layers[LAYER_COUNT] = {
    {"layer/0/op", 0, 2}, {"layer/1/op", 0, 1}, {"layer/2/op", 1, 2}, {"layer/3/op", 1, 1},
    {"layer/4/op", 1, 1}, {"layer/5/op", 2, 2}, {"layer/6/op", 2, 1}, {"layer/7/op", 2, 1},
};

// Where a layer stands: what its operation is given.
struct position {
    int64_t in, out, stride;
};

// ---- Operations ---------------------------------------------------------------------------------

static esp_node conv_bn(esp_builder *b, const char *name, esp_node x, esp_conv_options options)
{
    esp_scope(b, name, -1);
    x = esp_batch_norm(b, "bn", esp_conv(b, "conv", x, options));
    esp_scope_end(b);
    return x;
}

static esp_node pointwise(esp_builder *b, const char *name, esp_node x, int64_t channels,
                          int64_t stride)
{
    esp_conv_options options = ESP_CONV_OPTIONS_INIT;
    options.channels = channels;
    options.kernel = 1;
    options.stride = stride;
    return conv_bn(b, name, x, options);
}

// ReLU, not ReLU6, and no squeeze and excitation; the sum with the input where the stride is 1.
static esp_node inverted_residual(esp_builder *b, esp_node x, const struct position *position,
                                  int64_t expansion, int64_t kernel)
{
    esp_conv_options depthwise = ESP_CONV_OPTIONS_INIT;
    if (esp_tracing(b))
        return x;
    depthwise.channels = depthwise.groups = position->in * expansion;
    depthwise.kernel = kernel;
    depthwise.stride = position->stride;
    esp_node y = esp_relu(b, pointwise(b, "expand", x, depthwise.channels, 1));
    y = esp_relu(b, conv_bn(b, "depthwise", y, depthwise));
    y = pointwise(b, "project", y, position->out, 1);
    return position->stride == 1 ? esp_add(b, x, y) : y;
}

static esp_node emit_identity(esp_builder *b, esp_node x, const void *argument)
{
    const struct position *position = argument;
    if (position->stride == 1)
        return esp_unary(b, "Identity", x);
    return pointwise(b, "reduce", x, position->out, position->stride);
}

static esp_node emit_mb3_k3(esp_builder *b, esp_node x, const void *position)
{
    return inverted_residual(b, x, position, 3, 3);
}

static esp_node emit_mb6_k5(esp_builder *b, esp_node x, const void *position)
{
    return inverted_residual(b, x, position, 6, 5);
}

const char *const operation_names[OPERATION_COUNT] = {"identity", "mb3_k3", "mb6_k5"};

static const esp_alternative operations[OPERATION_COUNT] = {
    ESP_ALTERNATIVE("identity", emit_identity),
    ESP_ALTERNATIVE("mb3_k3", emit_mb3_k3),
    ESP_ALTERNATIVE("mb6_k5", emit_mb6_k5),
};

// ---- The network --------------------------------------------------------------------------------

static esp_status nasbench_macro_build(void *self, esp_builder *b)
{
    const struct nasbench_macro *space = self;
    esp_conv_options stem = ESP_CONV_OPTIONS_INIT;
    stem.channels = space->stem_channels;
    stem.kernel = 3;
    esp_node x = esp_relu(b, conv_bn(b, "stem", esp_input(b), stem));
    int64_t in = space->stem_channels;
    for (int64_t i = 0; i < LAYER_COUNT; i++) {
        int64_t out = space->channels << layers[i].stage;
        struct position position = {in, out, layers[i].stride};
        esp_scope(b, "layer", i);
        x = esp_choose_op(b, "op", x, operations, OPERATION_COUNT, &position);
        esp_scope_end(b);
        in = out;
    }
    x = esp_relu(b, pointwise(b, "head", x, space->head_channels, 1));
    return esp_classifier(b, x);
}

// ---- The plugin ---------------------------------------------------------------------------------

static const esp_param nasbench_macro_params[] = {
    ESP_PARAM_INT("stem_channels", 32, 1, 4096, "channels", "width of the stem"),
    ESP_PARAM_INT("channels", 64, 1, 4096, "channels",
                  "width of the first stage; the second has twice, the third four times as many"),
    ESP_PARAM_INT("head_channels", 1280, 1, 65536, "channels",
                  "width of the convolution before the classifier"),
};

static void nasbench_macro_destroy(void *self)
{
    free(self);
}

static esp_status nasbench_macro_create(esp_create *create, void **out)
{
    const esp_task *task = esp_create_task(create);
    if (esp_need_images(create) != ESP_OK)
        return ESP_ERROR_UNSUPPORTED;
    if (task->height < LEAST_SIZE || task->width < LEAST_SIZE)
        return esp_fail(create, ESP_ERROR_UNSUPPORTED,
                        "its networks halve the images three times: expected at least %dx%d, and "
                        "the dataset's are %llux%llu",
                        LEAST_SIZE, LEAST_SIZE, (unsigned long long)task->height,
                        (unsigned long long)task->width);
    struct nasbench_macro *space = calloc(1, sizeof *space);
    if (!space)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    space->stem_channels = esp_param_int(create, "stem_channels");
    space->channels = esp_param_int(create, "channels");
    space->head_channels = esp_param_int(create, "head_channels");
    *out = space;
    return ESP_OK;
}

static const void *nasbench_macro_ability(const char *id)
{
    if (strcmp(id, ESP_SPACE_TEXT) == 0)
        return &nasbench_macro_text;
    if (strcmp(id, ESP_SPACE_CANONICAL) == 0)
        return &nasbench_macro_canonical;
    if (strcmp(id, ESP_SPACE_STRUCTURE) == 0)
        return &nasbench_macro_structure;
    return NULL;
}

static void nasbench_macro_describe(esp_space_type *out)
{
    out->summary = "the 6,561 networks of NAS-Bench-Macro: eight layers of three choices";
    out->source = "Su et al. 2021";
    ESP_SET_PARAMS(out, nasbench_macro_params);
    out->create = nasbench_macro_create;
    out->destroy = nasbench_macro_destroy;
    out->build = nasbench_macro_build;
    out->ability = nasbench_macro_ability;
}

ESP_PLUGIN("0.1.0", ESP_SPACE("nasbench_macro", nasbench_macro_describe))
