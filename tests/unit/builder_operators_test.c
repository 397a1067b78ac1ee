// SPDX-License-Identifier: Apache-2.0
// The wrappers of builder.h around one operator each: what they emit for an image of 3x8x8.
#include "graph/graph.h"
#include "support/hand.h"
#include "support/leak.h"
#include "support/space_lab.h"

#include <stdlib.h>
#include <string.h>

static void expect_shape(esp_builder *b, esp_node x, const char *expected)
{
    esp_shape shape = esp_node_shape(b, x);
    cr_expect_str_eq(hand_shape(&shape), esp_tracing(b) ? "" : expected);
}

// Along axes, and what is made of such operators.
static esp_node build_axes(esp_builder *b, esp_node x)
{
    static const int64_t rows[] = {0, 0, -1}, turned[] = {0, 2, 1}, last[] = {2};
    esp_node y = esp_layer_norm(b, "layer", esp_reshape(b, x, rows, 3), -1);
    expect_shape(b, y, "4x32");
    esp_node weights = esp_softmax(b, esp_matmul(b, y, esp_transpose(b, y, turned, 3)), -1);
    expect_shape(b, weights, "4x4");
    expect_shape(b, esp_reduce_mean(b, weights, last, 1, 1), "4x1");
    expect_shape(b, esp_reduce_mean(b, weights, last, 1, 0), "4");
    x = esp_channel_shuffle(b, esp_squeeze_excite_hard(b, "hard", x, 2), 2);
    expect_shape(b, x, "4x4x8");
    return x;
}

static esp_status build_wrappers(void *self, esp_builder *b)
{
    esp_conv_options tall = ESP_CONV_OPTIONS_INIT;
    esp_batch_norm_options norm = ESP_BATCH_NORM_OPTIONS_INIT;
    (void)self;
    esp_node x = esp_input(b);
    expect_shape(b, esp_slice(b, x, 1, 0, 2), "2x8x8");
    expect_shape(b, esp_slice(b, x, 2, -3, -1), "3x2x8");
    expect_shape(b, esp_crop(b, x, 1, 2), "3x7x6");
    expect_shape(b, esp_pad(b, x, 1, 2, 3, 4), "3x12x14");
    expect_shape(b, esp_pad_channels(b, x, 1, 4), "8x8x8");
    expect_shape(b, esp_none(b, x, 1), "3x8x8");
    expect_shape(b, esp_none(b, esp_crop(b, x, 1, 0), 2), "3x4x4");
    expect_shape(b, esp_mul(b, x, x), "3x8x8");
    expect_shape(b, esp_squeeze_excite(b, "se", x, 2), "3x8x8");
    expect_shape(b, esp_leaky_relu(b, x, 0.1), "3x8x8");
    expect_shape(b, esp_elu(b, x, 1.0), "3x8x8");
    expect_shape(b, esp_clip(b, x, -1.0, 1.0), "3x8x8");
    expect_shape(b, esp_hard_sigmoid(b, x), "3x8x8");
    expect_shape(b, esp_unary(b, "HardSwish", x), "3x8x8");
    expect_shape(b, esp_unary(b, "Swish", x), "3x8x8");
    expect_shape(b, esp_unary(b, "Gelu", x), "3x8x8");
    tall.channels = 4;
    tall.kernel_height = 7;
    tall.kernel_width = 1;
    tall.stride_height = 2;
    x = esp_conv(b, "tall", esp_relu6(b, x), tall);
    expect_shape(b, x, "4x4x8");
    x = esp_batch_norm_plain(b, "plain", x);
    norm.epsilon = 1e-3;
    norm.momentum = 0.997;
    x = esp_batch_norm_with(b, "norm", x, norm);
    x = build_axes(b, esp_drop_path(b, "path", x, 0.3));
    expect_shape(b, x, "4x4x8");
    return esp_classifier(b, x);
}

static const esp_graph_node *find(const esp_graph *graph, const char *path)
{
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++)
        if (strcmp(esp_graph_get(graph, i)->path, path) == 0)
            return esp_graph_get(graph, i);
    cr_assert_fail("there is no %s", path);
    return NULL;
}

TestLeak(wrappers, emit_operators_with_their_attributes)
{
    struct lab lab = {0};
    struct graph *graph = NULL;
    lab_open(&lab, build_wrappers);
    struct arch *arch = lab_sample(&lab, 1);
    cr_assert_eq(builder_build(lab.builder, arch, &graph, &lab.error), ESP_OK, "%s",
                 lab.error.message);
    const esp_graph_node *node = find(graph_handle(graph), "tall");
    cr_expect_eq(esp_graph_attribute(node, "strides")->ints[0], 2);
    cr_expect_eq(esp_graph_attribute(node, "strides")->ints[1], 1);
    node = find(graph_handle(graph), "plain");
    cr_expect_eq(node->weight_count, 2, "mean and variance");
    cr_expect_eq(esp_graph_attribute(node, "epsilon")->real, 1e-5);
    cr_expect_eq(esp_graph_attribute(node, "momentum")->real, 0.9);
    node = find(graph_handle(graph), "norm");
    cr_expect_eq(node->weight_count, 4);
    cr_expect_eq(esp_graph_attribute(node, "epsilon")->real, 1e-3);
    cr_expect_eq(esp_graph_attribute(node, "momentum")->real, 0.997);
    cr_expect_eq(esp_graph_attribute(find(graph_handle(graph), "path"), "ratio")->real, 0.3);
    cr_expect_str_eq(hand_shape(&find(graph_handle(graph), "hard/squeeze")->weights[0].shape),
                     "2x4x1x1");
    cr_expect_str_eq(hand_shape(&find(graph_handle(graph), "hard/excite")->weights[0].shape),
                     "4x2x1x1");
    cr_expect_eq(find(graph_handle(graph), "hard/excite")->weight_count, 2, "with a bias");
    graph_destroy(graph);
    arch_release(arch);
    lab_close(&lab);
}

static esp_status drop_path_without_a_name(void *self, esp_builder *b)
{
    (void)self;
    return esp_classifier(b, esp_drop_path(b, NULL, esp_input(b), 0.3));
}

TestLeak(wrappers, a_stream_needs_a_name)
{
    struct lab lab = {0};
    struct graph *graph = NULL;
    lab_open(&lab, drop_path_without_a_name);
    struct arch *arch = lab_sample(&lab, 1);
    cr_expect_eq(builder_build(lab.builder, arch, &graph, &lab.error), ESP_ERROR_MISUSE);
    cr_expect_not_null(strstr(lab.error.message, "DropPath in"), "%s", lab.error.message);
    arch_release(arch);
    lab_close(&lab);
}
