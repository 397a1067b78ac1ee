// SPDX-License-Identifier: Apache-2.0
// The graph: paths, the counts of a published network, dead branches, JSON and DOT. What operators
// are is operators_test.c's.
#include "graph/graph.h"

#include "support/hand.h"
#include "support/leak.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- Paths ------------------------------------------------------------------------------------

Test(graph, a_weight_path_stands_once)
{
    struct graph *graph = graph_create();
    uint32_t in = hand_input(graph, "8");
    struct error error;
    hand_add(graph, "a", "x", "Gemm", in, "channels=4");
    hand_add(graph, "a/b", "x", "Gemm", in, "channels=4");
    hand_add(graph, "", "x", "Dropout", in, "");
    cr_expect_eq(hand_try_add(graph, "a", "x", "Gemm", &in, 1, "channels=4", &error),
                 GRAPH_NO_NODE);
    cr_expect_eq(error.status, ESP_ERROR_MISUSE);
    cr_expect_not_null(strstr(error.message, "'a/x' stands twice"), "%s", error.message);
    cr_expect_eq(hand_try_add(graph, "", "x", "Dropout", &in, 1, "", &error), GRAPH_NO_NODE);
    cr_expect_eq(error.status, ESP_ERROR_MISUSE);
    // The scope ends where the name begins, but the path is what counts.
    cr_expect_eq(hand_try_add(graph, "", "a/x", "BatchNormalization", &in, 1, "", &error),
                 GRAPH_NO_NODE);
    // What was refused takes no path.
    cr_expect_eq(
        hand_try_add(graph, "", "y", "Conv", &in, 1, "channels=4 kernel_shape=3,3", &error),
        GRAPH_NO_NODE);
    hand_add(graph, "", "y", "Gemm", in, "channels=4");
    graph_destroy(graph);
}

// Nodes without a name get a path of their own, whatever others are called.
Test(graph, nodes_without_a_name)
{
    struct graph *graph = graph_create();
    uint32_t in = hand_input(graph, "8");
    uint32_t first = hand_add(graph, "cell", "", "Relu", in, "");
    cr_expect_str_eq(hand_node(graph, first)->path, "cell/Relu_1");
    hand_add(graph, "cell", "Relu_3", "Gemm", first, "channels=4");
    uint32_t second = hand_add(graph, "cell", "", "Relu", in, "");
    cr_expect_str_eq(hand_node(graph, second)->path, "cell/Relu_4");
    cr_expect_str_eq(hand_node(graph, hand_add(graph, "", "", "Tanh", in, ""))->path, "Tanh_4");
    cr_expect_neq(hand_node(graph, first)->path_hash, hand_node(graph, second)->path_hash);
    graph_destroy(graph);
}

// A thousand paths, so that the table of paths grows, and a path that no buffer would hold.
Test(graph, many_and_long_paths)
{
    struct graph *graph = graph_create();
    uint32_t in = hand_input(graph, "8");
    struct error error;
    char name[32];
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "layer%d", i);
        hand_add(graph, "net", name, "Gemm", in, "channels=1");
    }
    for (int i = 0; i < 1000; i += 111) {
        snprintf(name, sizeof name, "layer%d", i);
        cr_expect_eq(hand_try_add(graph, "net", name, "Gemm", &in, 1, "channels=1", &error),
                     GRAPH_NO_NODE, "%s", name);
    }
    char scope[4000];
    memset(scope, 's', sizeof scope - 1);
    scope[sizeof scope - 1] = '\0';
    uint32_t deep = hand_add(graph, scope, "x", "Gemm", in, "channels=1");
    cr_expect_eq(strlen(hand_node(graph, deep)->weights[0].path),
                 sizeof scope - 1 + strlen("/x/weight"));
    graph_destroy(graph);
}

// ---- A published network ----------------------------------------------------------------------

static uint32_t relu_conv_bn(struct graph *graph, const char *scope, uint32_t x, int channels,
                             int stride)
{
    char attributes[128];
    x = hand_add(graph, scope, "", "Relu", x, "");
    snprintf(attributes, sizeof attributes,
             "channels=%d kernel_shape=3,3 strides=%d,%d pads=1,1,1,1", channels, stride, stride);
    x = hand_add(graph, scope, "conv", "Conv", x, attributes);
    return hand_add(graph, scope, "norm", "BatchNormalization", x, "");
}

// Node i of 0..3 is the sum over all j < i of an operation of node j.
static uint32_t nasbench201_cell(struct graph *graph, const char *scope, uint32_t x, int channels)
{
    uint32_t nodes[4] = {x};
    for (int i = 1; i < 4; i++)
        for (int j = 0; j < i; j++) {
            char edge[64];
            snprintf(edge, sizeof edge, "%s/edge/%d-%d", scope, j, i);
            uint32_t y = relu_conv_bn(graph, edge, nodes[j], channels, 1);
            nodes[i] = j == 0 ? y : hand_sum(graph, scope, nodes[i], y);
        }
    return nodes[3];
}

static uint32_t nasbench201_reduction(struct graph *graph, const char *scope, uint32_t x,
                                      int channels)
{
    char part[64], attributes[64];
    snprintf(part, sizeof part, "%s/a", scope);
    uint32_t y = relu_conv_bn(graph, part, x, channels, 2);
    snprintf(part, sizeof part, "%s/b", scope);
    y = relu_conv_bn(graph, part, y, channels, 1);
    snprintf(part, sizeof part, "%s/shortcut", scope);
    snprintf(attributes, sizeof attributes, "channels=%d kernel_shape=1,1", channels);
    x = hand_add(graph, part, "", "AveragePool", x, "kernel_shape=2,2 strides=2,2");
    x = hand_add(graph, part, "conv", "Conv", x, attributes);
    return hand_sum(graph, scope, x, y);
}

// NAS-Bench-201 (Dong and Yang 2020), C = 16, N = 5, every edge nor_conv_3x3, for 10 classes of
// 3x32x32: the benchmark records 1.531546 MB of params and 220.119680 M multiply-adds.
static uint32_t nasbench201(struct graph *graph)
{
    uint32_t x = hand_add(graph, "stem", "conv", "Conv", hand_input(graph, "3x32x32"),
                          "channels=16 kernel_shape=3,3 pads=1,1,1,1");
    x = hand_add(graph, "stem", "norm", "BatchNormalization", x, "");
    for (int stage = 0; stage < 3; stage++) {
        char scope[32];
        if (stage > 0) {
            snprintf(scope, sizeof scope, "reduction/%d", stage);
            x = nasbench201_reduction(graph, scope, x, 16 << stage);
        }
        for (int i = 0; i < 5; i++) {
            snprintf(scope, sizeof scope, "cell/%d", 5 * stage + i);
            x = nasbench201_cell(graph, scope, x, 16 << stage);
        }
    }
    x = hand_add(graph, "head", "norm", "BatchNormalization", x, "");
    x = hand_add(graph, "head", "", "Relu", x, "");
    x = hand_add(graph, "head", "", "GlobalAveragePool", x, "");
    x = hand_add(graph, "head", "", "Flatten", x, "");
    return hand_add(graph, "head", "linear", "Gemm", x, "channels=10");
}

TestLeak(graph, counts_of_nasbench201)
{
    struct graph *graph = graph_create();
    const esp_graph *finished = hand_finish(graph, nasbench201(graph));
    cr_expect_eq(esp_graph_params(finished), 1531546);
    cr_expect_eq(esp_graph_macs(finished), 220119680);
    const esp_graph_node *last = esp_graph_get(finished, esp_graph_output(finished, 0));
    cr_expect_str_eq(hand_shape(&last->shape), "10");
    graph_destroy(graph);
}

// ---- Finishing --------------------------------------------------------------------------------

TestLeak(graph, dead_branches_are_removed)
{
    struct graph *graph = graph_create();
    uint32_t in = hand_input(graph, "8");
    uint32_t dead = hand_add(graph, "", "dead", "Gemm", in, "channels=100");
    uint32_t a = hand_add(graph, "", "a", "Gemm", in, "channels=4");
    hand_add(graph, "", "dead_too", "Gemm", dead, "channels=7");
    uint32_t b = hand_add(graph, "", "b", "Relu", a, "");
    hand_add(graph, "", "dead_end", "Tanh", b, "");
    uint32_t c = hand_sum(graph, "", a, b);
    cr_assert_eq(graph_add_output(graph, b, NULL), ESP_OK);
    const esp_graph *finished = hand_finish(graph, c);
    cr_assert_eq(esp_graph_node_count(finished), 4, "input, a, b, Add");
    cr_expect_str_eq(esp_graph_get(finished, 0)->op, "Input");
    cr_expect_str_eq(esp_graph_get(finished, 1)->path, "a");
    cr_expect_str_eq(esp_graph_get(finished, 2)->path, "b");
    cr_expect_eq(esp_graph_get(finished, 1)->inputs[0], 0);
    cr_expect_eq(esp_graph_get(finished, 2)->inputs[0], 1);
    cr_expect_eq(esp_graph_get(finished, 3)->inputs[0], 1);
    cr_expect_eq(esp_graph_get(finished, 3)->inputs[1], 2);
    cr_expect_eq(esp_graph_output_count(finished), 2);
    cr_expect_eq(esp_graph_output(finished, 0), 2);
    cr_expect_eq(esp_graph_output(finished, 1), 3);
    cr_expect_eq(esp_graph_params(finished), 8 * 4 + 4, "of a, and of no branch");
    cr_expect_eq(esp_graph_macs(finished), 8 * 4);
    graph_destroy(graph);
}

// Published tables count no auxiliary head: neither do params and macs.
TestLeak(graph, counts_of_an_auxiliary_head)
{
    struct graph *graph = graph_create();
    uint32_t stem = hand_add(graph, "", "stem", "Gemm", hand_input(graph, "8"), "channels=4");
    uint32_t head = hand_add(graph, "", "head", "Gemm", stem, "channels=3");
    uint32_t auxiliary = hand_add(graph, "", "auxiliary", "Gemm", stem, "channels=3");
    cr_assert_eq(graph_add_output(graph, head, NULL), ESP_OK);
    const esp_graph *finished = hand_finish(graph, auxiliary);
    cr_expect_eq(esp_graph_node_count(finished), 4);
    cr_expect_eq(esp_graph_output_count(finished), 2);
    cr_expect_eq(esp_graph_params(finished), 8 * 4 + 4 + 4 * 3 + 3);
    cr_expect_eq(esp_graph_macs(finished), 8 * 4 + 4 * 3);
    graph_destroy(graph);
}

// An engine is given the network's input, even where nothing depends on it.
Test(graph, inputs_stay)
{
    struct graph *graph = graph_create();
    hand_input(graph, "8");
    uint32_t used = hand_input(graph, "4");
    const esp_graph *finished = hand_finish(graph, hand_add(graph, "", "", "Relu", used, ""));
    cr_expect_eq(esp_graph_node_count(finished), 3);
    graph_destroy(graph);
}

Test(graph, ends)
{
    struct graph *graph = graph_create();
    struct error error;
    uint32_t in = hand_input(graph, "8");
    error_clear(&error);
    cr_expect_eq(graph_finish(graph, &error), ESP_ERROR_MISUSE);
    cr_expect_not_null(strstr(error.message, "no output"), "%s", error.message);
    error_clear(&error);
    cr_expect_eq(graph_add_output(graph, 5, &error), ESP_ERROR_MISUSE);
    hand_finish(graph, hand_add(graph, "", "", "Relu", in, ""));
    cr_expect_eq(hand_try_add(graph, "", "late", "Relu", &in, 1, "", &error), GRAPH_NO_NODE);
    cr_expect_eq(error.status, ESP_ERROR_MISUSE);
    graph_destroy(graph);
}

// ---- JSON and DOT -----------------------------------------------------------------------------

TestLeak(graph, json)
{
    struct graph *graph = graph_create();
    uint32_t x = hand_add(graph, "cell", "conv", "Conv", hand_input(graph, "3x8x8"),
                          "channels=4 kernel_shape=3,3 auto_pad=SAME_UPPER");
    const esp_graph *finished = hand_finish(
        graph, hand_add(graph, "cell", "norm", "BatchNormalization", x, "epsilon=0.25"));
    json_t *json = graph_json(finished);
    const char *op, *path, *weight;
    json_int_t in, size, pad, kernel, trained_params, macs, all_macs, output;
    int trained;
    double epsilon;
    const json_t *nodes = json_object_get(json, "nodes");
    cr_assert_eq(json_array_size(nodes), 3);
    cr_assert_eq(json_unpack(json_array_get(nodes, 1),
                             "{s:s, s:s, s:[I!], s:[I, I, I, I!], s:{s:[I, I!], s:[I, I, I, I!]}, "
                             "s:[{s:s, s:b}!], s:I}",
                             "op", &op, "path", &path, "inputs", &in, "shape", &size, &size, &size,
                             &size, "attributes", "kernel_shape", &kernel, &kernel, "pads", &pad,
                             &pad, &pad, &pad, "weights", "path", &weight, "trained", &trained,
                             "macs", &macs),
                 0);
    cr_expect_str_eq(op, "Conv");
    cr_expect_str_eq(path, "cell/conv");
    cr_expect_str_eq(weight, "cell/conv/weight");
    cr_expect(in == 0 && size == 8 && pad == 1 && kernel == 3 && trained);
    cr_expect_eq(macs, 4 * 8 * 8 * 3 * 9);
    cr_assert_eq(json_unpack(json_array_get(nodes, 2), "{s:{s:f}, s:[{s:b}, {s:b}, {s:b}, {s:b}!]}",
                             "attributes", "epsilon", &epsilon, "weights", "trained", &trained,
                             "trained", &trained, "trained", &trained, "trained", &trained),
                 0);
    cr_expect_eq(epsilon, 0.25);
    cr_expect_not(trained, "the variance");
    cr_assert_eq(json_unpack(json, "{s:[I!], s:I, s:I}", "outputs", &output, "params",
                             &trained_params, "macs", &all_macs),
                 0);
    cr_expect(output == 2 && trained_params == 108 + 8 && all_macs == macs);
    json_decref(json);
    graph_destroy(graph);
}

// What a drawing holds, read line by line: braces balance outside of quotes, the ends of every edge
// are declared before.
struct drawing {
    int nodes, edges, clusters;
    int deepest;
};

static bool declared(const char *text, const char *line, const char *name)
{
    char begin[64];
    snprintf(begin, sizeof begin, "\n%s [", name);
    const char *found = strstr(text, begin);
    return found && found < line;
}

static struct drawing read_drawing(const char *text)
{
    struct drawing drawing = {0};
    int depth = 0;
    bool quoted = false;
    for (const char *at = text; *at; at++) {
        if (*at == '\\' && quoted)
            at++;
        else if (*at == '"')
            quoted = !quoted;
        else if (*at == '{' && !quoted)
            depth++;
        else if (*at == '}' && !quoted)
            cr_expect(--depth > 0 || at[1] == '\n', "closed too early");
        drawing.deepest = depth > drawing.deepest ? depth : drawing.deepest;
    }
    cr_expect_eq(depth, 0, "braces");
    cr_expect_not(quoted, "quotes");
    cr_expect_eq(strncmp(text, "digraph network {\n", 18), 0);
    for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        char from[32], to[32];
        if (sscanf(line, "%31[a-z0-9_] -> %31[a-z0-9_];", from, to) == 2) {
            drawing.edges++;
            cr_expect(declared(text, line, from), "%s", from);
            cr_expect(declared(text, line, to), "%s", to);
        } else if (strncmp(line, "subgraph cluster_", 17) == 0) {
            drawing.clusters++;
        } else if (sscanf(line, "n%31[0-9] [", from) == 1) {
            drawing.nodes++;
        }
    }
    return drawing;
}

static char *draw(const esp_graph *graph, const char *title)
{
    struct error error;
    error_clear(&error);
    char *text = graph_dot(graph, title, &error);
    cr_assert_not_null(text, "%s", error.message);
    return text;
}

TestLeak(graph, dot)
{
    struct graph *graph = graph_create();
    char *text = draw(hand_finish(graph, nasbench201(graph)), "all nor_conv_3x3");
    struct drawing drawing = read_drawing(text);
    // 15 cells of 6 x 3 operators and 3 sums, 2 reductions of 9, a stem of 2, a head of 5, the input.
    cr_expect_eq(drawing.nodes, 15 * 21 + 2 * 9 + 2 + 5 + 1);
    // Two inputs to a sum, one to the others, none to the input; one from the output.
    cr_expect_eq(drawing.edges, drawing.nodes - 1 + 15 * 3 + 2 + 1);
    // A cell with `edge` and its 6, 15 times, and `cell`; `reduction`, 2 with 3 parts; stem; head.
    cr_expect_eq(drawing.clusters, 15 * 8 + 1 + 1 + 2 * 4 + 2);
    cr_expect_eq(drawing.deepest, 5, "cell, its number, edge, the edge, in the graph");
    cr_expect_not_null(strstr(text, "label=\"Conv 3x3\\n32 channels\\nstride 2\\nNx32x16x16\""));
    cr_expect_not_null(strstr(text, "label=\"Gemm\\n10 channels\\nNx10\""));
    free(text);
    graph_destroy(graph);
}

// A scope is one cluster, however its nodes are mixed with others, and names that only begin alike
// are not within each other.
Test(graph, dot_of_mixed_scopes)
{
    struct graph *graph = graph_create();
    uint32_t x = hand_input(graph, "8");
    static const char *const scopes[] = {"a", "b", "a/c", "a-b", "", "a", "b/c", "a/c", "a-b/c"};
    for (size_t i = 0; i < ESP_COUNT(scopes); i++)
        x = hand_add(graph, scopes[i], "", "Relu", x, "");
    char *text = draw(hand_finish(graph, x), "a \"quoted\" title\\");
    struct drawing drawing = read_drawing(text);
    cr_expect_eq(drawing.clusters, 6, "a, a/c, a-b, a-b/c, b, b/c");
    cr_expect_eq(drawing.deepest, 3);
    cr_expect_eq(drawing.nodes, 10);
    free(text);
    graph_destroy(graph);
}
