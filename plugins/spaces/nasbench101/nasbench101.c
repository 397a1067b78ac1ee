// SPDX-License-Identifier: Apache-2.0
// The space of NAS-Bench-101 (Ying et al. 2019): one module, a DAG of at most seven vertices and nine
// edges with three operations, repeated in three stacks. 423,624 unique members. The network is that
// of the benchmark's own code (google-research/nasbench, lib/model_builder.py).
#include "nasbench101.h"

#include <espalier/espalier.h>

#include <stdio.h>
#include <stdlib.h>

#define STACK_COUNT 3
// Two of the stacks begin by halving the image.
#define LEAST_SIZE 4

const char *const edge_names[2] = {"no", "yes"};
const char *const operation_names[OPERATION_COUNT] = {"conv3x3-bn-relu", "conv1x1-bn-relu",
                                                      "maxpool3x3"};

void edge_path(char path[PATH_SIZE], unsigned from, unsigned to)
{
    snprintf(path, PATH_SIZE, "cell/edge/%u-%u", from % 10, to % 10);
}

void operation_path(char path[PATH_SIZE], unsigned vertex)
{
    snprintf(path, PATH_SIZE, "cell/op/%u", vertex % 10);
}

// Of a vertex.
static char digit(unsigned vertex)
{
    return (char)('0' + vertex);
}

// ---- Operations ---------------------------------------------------------------------------------

// Convolution, batch normalization, ReLU. The benchmark keeps 0.997 of the running statistics.
static esp_node conv_bn_relu(esp_builder *b, esp_node x, int64_t channels, int64_t kernel)
{
    esp_conv_options conv = ESP_CONV_OPTIONS_INIT;
    esp_batch_norm_options norm = ESP_BATCH_NORM_OPTIONS_INIT;
    conv.channels = channels;
    conv.kernel = kernel;
    norm.epsilon = 1e-5;
    norm.momentum = 0.997;
    return esp_relu(b, esp_batch_norm_with(b, "bn", esp_conv(b, "conv", x, conv), norm));
}

static esp_node emit_conv3x3(esp_builder *b, esp_node x, const void *channels)
{
    return esp_tracing(b) ? x : conv_bn_relu(b, x, *(const int64_t *)channels, 3);
}

static esp_node emit_conv1x1(esp_builder *b, esp_node x, const void *channels)
{
    return esp_tracing(b) ? x : conv_bn_relu(b, x, *(const int64_t *)channels, 1);
}

static esp_node emit_maxpool3x3(esp_builder *b, esp_node x, const void *channels)
{
    (void)channels;
    return esp_max_pool(b, x, 3, 1);
}

static const esp_alternative operations[OPERATION_COUNT] = {
    ESP_ALTERNATIVE("conv3x3-bn-relu", emit_conv3x3),
    ESP_ALTERNATIVE("conv1x1-bn-relu", emit_conv1x1),
    ESP_ALTERNATIVE("maxpool3x3", emit_maxpool3x3),
};

// ---- The module ---------------------------------------------------------------------------------

// Draws the edges, prunes; `kept` are the numbers by which the vertices were drawn.
static esp_status draw_module(const struct nasbench101 *space, esp_builder *b,
                              struct module *module, unsigned *kept)
{
    *module = (struct module){.count = space->vertices};
    esp_share(b, "cell");
    esp_scope(b, "edge", -1);
    for (unsigned to = 1; to < space->vertices; to++)
        for (unsigned from = 0; from < to; from++) {
            const char name[] = {digit(from), '-', digit(to), '\0'};
            module->edges[from] |= (uint32_t)esp_choose_one(b, name, edge_names, 2) << to;
        }
    esp_scope_end(b);
    esp_scope_end(b);
    if (!module_prune(module, kept))
        return esp_reject(b, "no path leads from the input to the output");
    if (module_edge_count(module) > space->edges)
        return esp_reject(b, "the module has too many edges");
    return ESP_OK;
}

static esp_node add(esp_builder *b, esp_node sum, esp_node x)
{
    return sum.id ? esp_add(b, sum, x) : x;
}

// The module's input as one more term: by a convolution of its own.
static esp_node projection(esp_builder *b, esp_node x, unsigned vertex, int64_t channels)
{
    esp_scope(b, "projection", vertex);
    x = conv_bn_relu(b, x, channels, 1);
    esp_scope_end(b);
    return x;
}

// What goes into an inner vertex: the sum of the earlier ones, cut to its channels, and of the
// module's input.
static esp_node vertex_input(esp_builder *b, const struct module *module, const unsigned *kept,
                             const int64_t *channels, const esp_node *outputs, unsigned v)
{
    esp_node sum = {0};
    for (unsigned w = 1; w < v; w++)
        if (module_edge(module, w, v))
            sum = add(b, sum,
                      channels[w] > channels[v] ? esp_slice(b, outputs[w], 1, 0, channels[v])
                                                : outputs[w]);
    if (module_edge(module, 0, v))
        sum = add(b, sum, projection(b, outputs[0], kept[v], channels[v]));
    return sum;
}

static esp_node emit_module(esp_builder *b, esp_node x, const struct module *module,
                            const unsigned *kept, int64_t output_channels)
{
    esp_node outputs[MODULE_VERTICES] = {x}, last[MODULE_VERTICES], out = {0};
    int64_t channels[MODULE_VERTICES];
    unsigned output = module->count - 1;
    uint64_t last_count = 0;
    module_channels(module, output_channels, channels);
    esp_share(b, "cell");
    for (unsigned v = 1; v < output && !esp_failed(b); v++) {
        const char name[] = {digit(kept[v]), '\0'};
        esp_node in = esp_tracing(b) ? x : vertex_input(b, module, kept, channels, outputs, v);
        esp_scope(b, "op", -1);
        outputs[v] = esp_choose_op(b, name, in, operations, OPERATION_COUNT, &channels[v]);
        esp_scope_end(b);
        if (module_edge(module, v, output))
            last[last_count++] = outputs[v];
    }
    if (last_count > 0)
        out = last_count > 1 ? esp_concat(b, last, last_count) : last[0];
    if (module_edge(module, 0, output) && !esp_tracing(b))
        out = add(b, out, projection(b, x, kept[output], output_channels));
    esp_scope_end(b);
    return out;
}

// ---- The network --------------------------------------------------------------------------------

// Max pool of 2x2, stride 2; an odd size is rounded up.
static esp_node halve(esp_builder *b, esp_node x)
{
    const int64_t size[2] = {2, 2};
    const esp_attribute attributes[] = {
        esp_attribute_ints("kernel_shape", size, 2),
        esp_attribute_ints("strides", size, 2),
        esp_attribute_int("ceil_mode", 1),
    };
    return esp_op(b, NULL, "MaxPool", &x, 1, attributes, ESP_COUNT(attributes));
}

static esp_status nasbench101_build(void *self, esp_builder *b)
{
    const struct nasbench101 *space = self;
    int64_t channels = space->channels;
    struct module module;
    unsigned kept[MODULE_MOST];
    esp_node x = esp_input(b);
    esp_status status = draw_module(space, b, &module, kept);
    if (status != ESP_OK)
        return status;
    if (esp_tracing(b)) {
        emit_module(b, x, &module, kept, channels);
        return ESP_OK;
    }
    esp_scope(b, "stem", -1);
    x = conv_bn_relu(b, x, channels, 3);
    esp_scope_end(b);
    for (int64_t stack = 0; stack < STACK_COUNT; stack++, channels *= 2) {
        esp_scope(b, "stack", stack);
        if (stack > 0)
            x = halve(b, x);
        for (int64_t i = 0; i < space->cells; i++) {
            esp_scope(b, "module", i);
            x = emit_module(b, x, &module, kept, channels);
            esp_scope_end(b);
        }
        esp_scope_end(b);
    }
    return esp_classifier(b, x);
}

// ---- The plugin ---------------------------------------------------------------------------------

static const esp_param nasbench101_params[] = {
    ESP_PARAM_INT("vertices", MODULE_VERTICES, 2, MODULE_VERTICES, "vertices",
                  "most vertices of a module, its input and output among them"),
    ESP_PARAM_INT("edges", MODULE_EDGES, 1, 21, "edges", "most edges of a module, pruned"),
    ESP_PARAM_INT("channels", 128, 1, 4096, "channels",
                  "width of the first stack; the second has twice, the third four times as many"),
    ESP_PARAM_INT("cells", 3, 1, 1000, "modules", "modules in each of the three stacks"),
};

static void nasbench101_destroy(void *self)
{
    free(self);
}

// The most inner vertices that share out the channels: each needs an edge from somewhere besides.
static unsigned most_parts(const struct nasbench101 *space)
{
    unsigned inner = space->vertices - 2;
    return inner < space->edges / 2 ? inner : space->edges / 2;
}

static esp_status check(const struct nasbench101 *space, esp_create *create)
{
    const esp_task *task = esp_create_task(create);
    if (esp_need_images(create) != ESP_OK)
        return ESP_ERROR_UNSUPPORTED;
    if (task->height < LEAST_SIZE || task->width < LEAST_SIZE)
        return esp_fail(create, ESP_ERROR_UNSUPPORTED,
                        "its networks halve the images twice: expected at least %dx%d, and the "
                        "dataset's are %llux%llu",
                        LEAST_SIZE, LEAST_SIZE, (unsigned long long)task->height,
                        (unsigned long long)task->width);
    if (space->channels < most_parts(space))
        return esp_fail(create, ESP_ERROR_INVALID,
                        "channels: %lld cannot be shared out among the %u vertices that may lead "
                        "to a module's output: expected at least %u",
                        (long long)space->channels, most_parts(space), most_parts(space));
    return ESP_OK;
}

static esp_status nasbench101_create(esp_create *create, void **out)
{
    struct nasbench101 *space = calloc(1, sizeof *space);
    if (!space)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    space->vertices = (unsigned)esp_param_int(create, "vertices");
    space->edges = (unsigned)esp_param_int(create, "edges");
    space->channels = esp_param_int(create, "channels");
    space->cells = esp_param_int(create, "cells");
    esp_status status = check(space, create);
    if (status != ESP_OK) {
        free(space);
        return status;
    }
    *out = space;
    return ESP_OK;
}

static const void *nasbench101_ability(const char *id)
{
    if (strcmp(id, ESP_SPACE_TEXT) == 0)
        return &nasbench101_text;
    if (strcmp(id, ESP_SPACE_CANONICAL) == 0)
        return &nasbench101_canonical;
    if (strcmp(id, ESP_SPACE_STRUCTURE) == 0)
        return &nasbench101_structure;
    return NULL;
}

static void nasbench101_describe(esp_space_type *out)
{
    out->summary = "the modules of NAS-Bench-101: up to 7 vertices, 9 edges, three operations";
    out->source = "Ying et al. 2019";
    ESP_SET_PARAMS(out, nasbench101_params);
    out->create = nasbench101_create;
    out->destroy = nasbench101_destroy;
    out->build = nasbench101_build;
    out->ability = nasbench101_ability;
}

ESP_PLUGIN("0.1.0", ESP_SPACE("nasbench101", nasbench101_describe))
