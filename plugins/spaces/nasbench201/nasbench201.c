// SPDX-License-Identifier: Apache-2.0
// The space of NAS-Bench-201 (Dong and Yang 2020): a cell of four nodes with one of five operations
// on each of its six edges, repeated in three stages. 15,625 members. The layers, their order and
// what stands in them are those of the benchmark's own code (D-X-Y/AutoDL-Projects).
#include "nasbench201.h"

#include <espalier/espalier.h>

#include <stdlib.h>

#define STAGE_COUNT 3
// Two of the stages begin by halving the image.
#define LEAST_SIZE 4

struct nasbench201 {
    int64_t channels, cells;
};

const struct edge edges[EDGE_COUNT] = {
    {"0-1", "cell/edge/0-1", 0, 1}, {"0-2", "cell/edge/0-2", 0, 2}, {"1-2", "cell/edge/1-2", 1, 2},
    {"0-3", "cell/edge/0-3", 0, 3}, {"1-3", "cell/edge/1-3", 1, 3}, {"2-3", "cell/edge/2-3", 2, 3},
};

// ---- Operations ---------------------------------------------------------------------------------
// `argument`: the channels of the position. All keep the shape.

static esp_node emit_none(esp_builder *b, esp_node x, const void *argument)
{
    (void)argument;
    return esp_none(b, x, 1);
}

static esp_node emit_skip_connect(esp_builder *b, esp_node x, const void *argument)
{
    (void)argument;
    return esp_unary(b, "Identity", x);
}

static esp_node conv(esp_builder *b, const char *name, esp_node x, int64_t channels, int64_t kernel,
                     int64_t stride)
{
    esp_conv_options options = ESP_CONV_OPTIONS_INIT;
    options.channels = channels;
    options.kernel = kernel;
    options.stride = stride;
    return esp_conv(b, name, x, options);
}

static esp_node relu_conv_bn(esp_builder *b, esp_node x, int64_t channels, int64_t kernel,
                             int64_t stride)
{
    return esp_batch_norm(b, "bn", conv(b, "conv", esp_relu(b, x), channels, kernel, stride));
}

static esp_node emit_nor_conv_1x1(esp_builder *b, esp_node x, const void *channels)
{
    return esp_tracing(b) ? x : relu_conv_bn(b, x, *(const int64_t *)channels, 1, 1);
}

static esp_node emit_nor_conv_3x3(esp_builder *b, esp_node x, const void *channels)
{
    return esp_tracing(b) ? x : relu_conv_bn(b, x, *(const int64_t *)channels, 3, 1);
}

static esp_node emit_avg_pool_3x3(esp_builder *b, esp_node x, const void *argument)
{
    (void)argument;
    return esp_average_pool(b, x, 3, 1);
}

const char *const operation_names[OPERATION_COUNT] = {"none", "skip_connect", "nor_conv_1x1",
                                                      "nor_conv_3x3", "avg_pool_3x3"};

static const esp_alternative operations[OPERATION_COUNT] = {
    ESP_ALTERNATIVE("none", emit_none),
    ESP_ALTERNATIVE("skip_connect", emit_skip_connect),
    ESP_ALTERNATIVE("nor_conv_1x1", emit_nor_conv_1x1),
    ESP_ALTERNATIVE("nor_conv_3x3", emit_nor_conv_3x3),
    ESP_ALTERNATIVE("avg_pool_3x3", emit_avg_pool_3x3),
};

// ---- The network --------------------------------------------------------------------------------

// Each node is the sum of an operation of every earlier one.
static esp_node emit_cell(esp_builder *b, esp_node x, int64_t channels)
{
    esp_node nodes[NODE_COUNT] = {x, {0}, {0}, {0}};
    esp_share(b, "cell");
    esp_scope(b, "edge", -1);
    for (unsigned e = 0; e < EDGE_COUNT; e++) {
        const struct edge *edge = &edges[e];
        esp_node y = esp_choose_op(b, edge->name, nodes[edge->source], operations, OPERATION_COUNT,
                                   &channels);
        nodes[edge->target] = edge->source == 0 ? y : esp_add(b, nodes[edge->target], y);
    }
    esp_scope_end(b);
    esp_scope_end(b);
    return nodes[NODE_COUNT - 1];
}

// A residual block that halves the image; no activation after the sum. The pool rounds up as the
// convolutions do, so that any size is served.
static esp_node emit_reduction(esp_builder *b, esp_node x, int64_t channels)
{
    const int64_t size[2] = {2, 2};
    const esp_attribute attributes[] = {
        esp_attribute_ints("kernel_shape", size, 2),
        esp_attribute_ints("strides", size, 2),
        esp_attribute_int("ceil_mode", 1),
    };
    esp_scope(b, "conv_a", -1);
    esp_node y = relu_conv_bn(b, x, channels, 3, 2);
    esp_scope_end(b);
    esp_scope(b, "conv_b", -1);
    y = relu_conv_bn(b, y, channels, 3, 1);
    esp_scope_end(b);
    esp_node shortcut = esp_op(b, NULL, "AveragePool", &x, 1, attributes, ESP_COUNT(attributes));
    return esp_add(b, y, conv(b, "shortcut", shortcut, channels, 1, 1));
}

static esp_status nasbench201_build(void *self, esp_builder *b)
{
    const struct nasbench201 *space = self;
    int64_t channels = space->channels, layer = 0;
    esp_node x = esp_input(b);
    if (esp_tracing(b)) {
        emit_cell(b, x, channels);
        return ESP_OK;
    }
    esp_scope(b, "stem", -1);
    x = esp_batch_norm(b, "bn", conv(b, "conv", x, channels, 3, 1));
    esp_scope_end(b);
    for (int stage = 0; stage < STAGE_COUNT; stage++) {
        if (stage > 0) {
            channels *= 2;
            esp_scope(b, "layer", layer++);
            x = emit_reduction(b, x, channels);
            esp_scope_end(b);
        }
        for (int64_t i = 0; i < space->cells; i++) {
            esp_scope(b, "layer", layer++);
            x = emit_cell(b, x, channels);
            esp_scope_end(b);
        }
    }
    return esp_classifier(b, esp_relu(b, esp_batch_norm(b, "bn", x)));
}

// ---- The plugin ---------------------------------------------------------------------------------

static const esp_param nasbench201_params[] = {
    ESP_PARAM_INT("channels", 16, 1, 4096, "channels",
                  "width of the first stage; the second has twice, the third four times as many"),
    ESP_PARAM_INT("cells", 5, 1, 1000, "cells", "cells in each of the three stages"),
};

static void nasbench201_destroy(void *self)
{
    free(self);
}

static esp_status nasbench201_create(esp_create *create, void **out)
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
    struct nasbench201 *space = calloc(1, sizeof *space);
    if (!space)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    space->channels = esp_param_int(create, "channels");
    space->cells = esp_param_int(create, "cells");
    *out = space;
    return ESP_OK;
}

static const void *nasbench201_ability(const char *id)
{
    if (strcmp(id, ESP_SPACE_TEXT) == 0)
        return &nasbench201_text;
    if (strcmp(id, ESP_SPACE_CANONICAL) == 0)
        return &nasbench201_canonical;
    if (strcmp(id, ESP_SPACE_STRUCTURE) == 0)
        return &nasbench201_structure;
    return NULL;
}

static void nasbench201_describe(esp_space_type *out)
{
    out->summary = "the 15,625 cells of NAS-Bench-201: four nodes, an operation on each edge";
    out->source = "Dong and Yang 2020";
    ESP_SET_PARAMS(out, nasbench201_params);
    out->create = nasbench201_create;
    out->destroy = nasbench201_destroy;
    out->build = nasbench201_build;
    out->ability = nasbench201_ability;
}

ESP_PLUGIN("0.1.0", ESP_SPACE("nasbench201", nasbench201_describe))
