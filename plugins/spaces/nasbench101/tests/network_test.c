// SPDX-License-Identifier: Apache-2.0
// The networks of NAS-Bench-101: recorded counts, members, weight paths, and what is refused.
#include "support/leak.h"
#include "support/member_lab.h"

#include <stdio.h>
#include <string.h>

static const char space[] = "[space]\nplugin = nasbench101\n";
static const char small[] = "[space]\nplugin = nasbench101\nchannels = 5\ncells = 1\n";

#define C3 "\"conv3x3-bn-relu\""
#define C1 "\"conv1x1-bn-relu\""
#define MP "\"maxpool3x3\""
#define BRANCHES                                                                                   \
    "{\"matrix\": [[0, 1, 1, 1, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 1], [0, 0, 0, 0, 1], "           \
    "[0, 0, 0, 0, 0]], \"ops\": [\"input\", "

static struct arch *expect_counts(struct member_lab *lab, const char *text, uint64_t params,
                                  uint64_t macs)
{
    struct arch *arch = member_parse(lab, text);
    struct graph *graph = member_graph(lab, arch);
    cr_expect_eq(esp_graph_params(graph_handle(graph)), params, "params %llu",
                 (unsigned long long)esp_graph_params(graph_handle(graph)));
    if (macs)
        cr_expect_eq(esp_graph_macs(graph_handle(graph)), macs, "macs %llu",
                     (unsigned long long)esp_graph_macs(graph_handle(graph)));
    graph_destroy(graph);
    return arch;
}

TestLeak(network, has_the_recorded_counts)
{
    struct member_lab lab;
    member_lab_open(&lab, space);
    arch_release(expect_counts(
        &lab,
        "{\"matrix\": [[0,1,1,1,0,1,0], [0,0,0,0,0,0,1], [0,0,0,0,0,0,1], [0,0,0,0,1,0,0], "
        "[0,0,0,0,0,0,1], [0,0,0,0,0,0,1], [0,0,0,0,0,0,0]], "
        "\"ops\": [\"input\", " C1 ", " C3 ", " C3 ", " C3 ", " MP ", \"output\"]}",
        2694282, 402002944));
    member_lab_close(&lab);
}

// The channels that do not divide go to the first vertices: the order decides, and one hash names both.
TestLeak(network, isomorphic_modules_may_differ_in_params)
{
    uint64_t forth_hash, back_hash;
    struct member_lab lab;
    member_lab_open(&lab, space);
    struct arch *forth =
        expect_counts(&lab, BRANCHES C3 ", " C1 ", " MP ", \"output\"]}", 2040231, 0);
    struct arch *back =
        expect_counts(&lab, BRANCHES MP ", " C1 ", " C3 ", \"output\"]}", 2024094, 0);
    cr_assert_eq(builder_canonical_hash(lab.builder, forth, &forth_hash, &lab.error), ESP_OK);
    cr_assert_eq(builder_canonical_hash(lab.builder, back, &back_hash, &lab.error), ESP_OK);
    cr_expect_eq(forth_hash, back_hash);
    arch_release(forth);
    arch_release(back);
    member_lab_close(&lab);
}

// What no count shows: cuts, sums, concatenations. Vertex 1 (8 channels of 15) is cut to 7 for vertex
// 2; vertex 3 sums vertex 2 and a projection; the output puts 1 and 3 side by side.
TestLeak(network, cuts_sums_and_concatenates)
{
    struct member_lab lab;
    member_lab_open(&lab, "[space]\nplugin = nasbench101\nchannels = 15\ncells = 1\n");
    struct arch *arch = member_parse(
        &lab, "{\"matrix\": [[0,1,0,1,0], [0,0,1,0,1], [0,0,0,1,0], [0,0,0,0,1], [0,0,0,0,0]], "
              "\"ops\": [\"input\", " C3 ", " C3 ", " MP ", \"output\"]}");
    // 30 = 15 + 15 and 60 = 30 + 30 divide: the cut is in the first module alone.
    member_expect_operators(&lab, arch, "Slice", 1);
    member_expect_operators(&lab, arch, "Add", 3);
    member_expect_operators(&lab, arch, "Concat", 3);
    member_expect_operators(&lab, arch, "MaxPool", 3 + 2);
    member_expect_operators(&lab, arch, "Conv", 1 + 3 * 4);
    member_expect_operators(&lab, arch, "Relu", 1 + 3 * 4);
    arch_release(arch);
    // The input goes to the output as well: one more sum.
    arch = member_parse(&lab, "{\"matrix\": [[0,1,1], [0,0,1], [0,0,0]], "
                              "\"ops\": [\"input\", " C3 ", \"output\"]}");
    member_expect_operators(&lab, arch, "Add", 3);
    member_expect_operators(&lab, arch, "Concat", 0);
    member_expect_operators(&lab, arch, "Conv", 1 + 3 * 3);
    arch_release(arch);
    member_lab_close(&lab);
}

TestLeak(network, each_position_has_its_own_weights)
{
    static const char *const expected[] = {
        "stem/conv",
        "stack/0/module/0/cell/projection/1/conv",
        "stack/0/module/0/cell/op/1/conv3x3-bn-relu/conv",
        "stack/1/module/0/cell/projection/1/conv",
        "stack/1/module/0/cell/op/1/conv3x3-bn-relu/conv",
        "stack/2/module/0/cell/projection/1/conv",
        "stack/2/module/0/cell/op/1/conv3x3-bn-relu/conv",
    };
    struct member_lab lab;
    size_t found = 0;
    member_lab_open(&lab, small);
    struct arch *arch = member_parse(&lab, "{\"matrix\": [[0,1,0], [0,0,1], [0,0,0]], "
                                           "\"ops\": [\"input\", " C3 ", \"output\"]}");
    struct graph *graph = member_graph(&lab, arch);
    for (uint64_t i = 0; i < esp_graph_node_count(graph_handle(graph)); i++) {
        const esp_graph_node *node = esp_graph_get(graph_handle(graph), i);
        if (strcmp(node->op, "Conv") == 0 && found < ESP_COUNT(expected)) {
            cr_expect_str_eq(node->path, expected[found]);
            found++;
        }
        if (strcmp(node->op, "BatchNormalization") == 0)
            cr_expect_eq(esp_graph_attribute(node, "momentum")->real, 0.997);
    }
    cr_assert_eq(found, ESP_COUNT(expected));
    graph_destroy(graph);
    arch_release(arch);
    member_lab_close(&lab);
}

TestLeak(network, members_are_sampled_mutated_and_crossed)
{
    static const char *const inis[] = {small,
                                       "[space]\nplugin = nasbench101\nchannels = 6\ncells = 2\n"
                                       "vertices = 4\nedges = 4\n",
                                       "[space]\nplugin = nasbench101\nchannels = 9\ncells = 1\n"
                                       "edges = 21\n"};
    for (size_t i = 0; i < ESP_COUNT(inis); i++) {
        struct member_lab lab;
        member_lab_open(&lab, inis[i]);
        member_lab_walk(&lab, 100);
        member_lab_close(&lab);
    }
}

// With its edges fixed the operations of a module can be searched in a supernet.
TestLeak(network, relaxed_it_needs_its_edges)
{
    struct member_lab lab;
    struct graph *graph = NULL;
    uint64_t choices = 0;
    member_lab_open(&lab, small);
    cr_expect_neq(builder_relax(lab.builder, &graph, &lab.error), ESP_OK);
    cr_expect(strstr(lab.error.message, "cell/edge/0-1"), "%s", lab.error.message);
    member_lab_close(&lab);
    member_lab_open(&lab, "[space]\nplugin = nasbench101\nvertices = 4\nchannels = 5\ncells = 1\n"
                          "[fix]\ncell/edge/0-3 = no\ncell/edge/*-* = yes\n");
    cr_expect_eq(builder_relax(lab.builder, &graph, &lab.error), ESP_OK, "%s", lab.error.message);
    for (uint64_t i = 0; graph && i < esp_graph_node_count(graph_handle(graph)); i++)
        choices += strcmp(esp_graph_get(graph_handle(graph), i)->op, "Choice") == 0;
    cr_expect_eq(choices, 3 * 2);
    graph_destroy(graph);
    member_lab_close(&lab);
}

TestLeak(network, members_train)
{
    member_lab_train(small, "channels = 1\nheight = 9\nwidth = 10\nclasses = 3", 6);
}

TestLeak(network, refuses_what_it_cannot_serve)
{
    member_lab_expect_refusal("[space]\nplugin = nasbench101\n[dataset]\nplugin = synthetic\n"
                              "height = 8\nwidth = 3\n",
                              "expected at least 4x4, and the dataset's are 8x3");
    member_lab_expect_refusal(
        "[space]\nplugin = nasbench101\n[dataset]\nplugin = made\nkind = rows\n",
        "it builds networks for images, and the dataset has rows");
    member_lab_expect_refusal("[space]\nplugin = nasbench101\nchannels = 3\n",
                              "channels: 3 cannot be shared out among the 4 vertices");
    member_lab_expect_refusal("[space]\nplugin = nasbench101\nvertices = 8\n", "vertices");
    member_lab_expect_refusal("[space]\nplugin = nasbench101\nedges = 0\n", "edges");
}
