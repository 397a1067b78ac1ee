// SPDX-License-Identifier: Apache-2.0
// The chain space: depths with a bound and without one, rectangular filters, counts worked out by
// hand, and what is refused.
#include "support/leak.h"
#include "support/member_lab.h"
#include "support/short_search.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACE "[space]\nplugin = chain\n"

static esp_status visit(void *self, struct arch *arch)
{
    (void)self;
    (void)arch;
    return ESP_OK;
}

static void expect_members(const char *ini, uint64_t expected)
{
    struct member_lab lab;
    uint64_t count = 0;
    member_lab_open(&lab, ini);
    cr_assert_eq(builder_enumerate(lab.builder, visit, NULL, 0, &count, &lab.error), ESP_OK, "%s",
                 lab.error.message);
    cr_expect_eq(count, expected, "%llu members, expected %llu: %s", (unsigned long long)count,
                 (unsigned long long)expected, ini);
    member_lab_close(&lab);
}

static void expect_counts(const char *ini, const char *decisions, uint64_t params, uint64_t macs)
{
    struct member_lab lab;
    member_lab_open(&lab, ini);
    struct arch *arch = member_read_json(&lab, decisions);
    member_expect_counts(&lab, arch, params, macs);
    arch_release(arch);
    member_lab_close(&lab);
}

// ---- Depth --------------------------------------------------------------------------------------

static uint64_t layers_of(struct member_lab *lab, const struct arch *arch)
{
    struct graph *graph = member_graph(lab, arch);
    uint64_t layers = 0;
    for (uint64_t i = 0; i < esp_graph_node_count(graph_handle(graph)); i++)
        layers += strcmp(esp_graph_get(graph_handle(graph), i)->op, "Identity") == 0;
    graph_destroy(graph);
    return layers;
}

// From 3 layers on each is the last with a chance of 1/10: 9 more on average, and above 30 in 1 of 17.
TestLeak(chain, a_geometric_depth_has_no_bound_but_its_limit)
{
    enum { DRAWS = 3000 };
    struct member_lab lab;
    uint64_t sum = 0, deep = 0, deepest = 0;
    member_lab_open(&lab, SPACE "depth = geometric\nmin_depth = 3\nstop = 0.1\n"
                                "depth_limit = 1000\noperations = identity\n");
    for (uint64_t seed = 0; seed < DRAWS; seed++) {
        struct arch *arch = member_sample(&lab, seed);
        uint64_t layers = layers_of(&lab, arch);
        cr_assert_geq(layers, 3);
        sum += layers;
        deep += layers > 30;
        deepest = layers > deepest ? layers : deepest;
        arch_release(arch);
    }
    const double deviation = sqrt(0.9) / 0.1, share = pow(0.9, 28);
    cr_expect_float_eq((double)sum / DRAWS, 12.0, 6 * deviation / sqrt(DRAWS));
    cr_expect_float_eq((double)deep / DRAWS, share, 6 * sqrt(share * (1 - share) / DRAWS));
    cr_expect_gt(deepest, 50);
    member_lab_close(&lab);
}

TestLeak(chain, a_geometric_depth_is_cut_off_at_its_limit)
{
    struct member_lab lab;
    uint64_t cut = 0;
    member_lab_open(&lab, SPACE "depth = geometric\nmin_depth = 1\nstop = 0.01\n"
                                "depth_limit = 5\noperations = identity\n");
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct arch *arch = member_sample(&lab, seed);
        uint64_t layers = layers_of(&lab, arch);
        cr_assert_leq(layers, 5);
        cut += layers == 5;
        arch_release(arch);
    }
    cr_expect_gt(cut, 150);
    member_lab_close(&lab);
}

// Every depth up to the limit, once: the decision to stop has two options, whatever its chance.
TestLeak(chain, members_are_counted)
{
    expect_members(SPACE "depth = geometric\nmin_depth = 2\ndepth_limit = 6\n"
                         "operations = identity\n",
                   5);
    expect_members(SPACE "depth = geometric\nmin_depth = 1\ndepth_limit = 3\nstop = 0.9\n"
                         "operations = identity, avg_pool_3x3\nstrides = 1\n",
                   2 + 4 + 8);
    expect_members(SPACE "min_depth = 1\nmax_depth = 3\noperations = identity, avg_pool_3x3\n"
                         "strides = 1\n",
                   2 + 4 + 8);
}

TestLeak(chain, a_depth_is_drawn_layer_by_layer)
{
    expect_counts(SPACE "depth = geometric\nmin_depth = 1\noperations = conv_3x3\nstrides = 1\n"
                        "widths = 4, 8\n",
                  "[[\"layer/0/op/conv_3x3/width\", \"4\"], [\"layer/0/stop\", \"no\"], "
                  "[\"layer/1/op/conv_3x3/width\", \"8\"], [\"layer/1/stop\", \"yes\"]]",
                  3 * 9 * 4 + 8 + 4 * 9 * 8 + 16 + 90, (3 * 9 * 4 + 4 * 9 * 8) * 1024 + 80);
}

// ---- Filters ------------------------------------------------------------------------------------

// A layer of Zoph and Le 2017: filter height and width of {1, 3, 5, 7}, 24, 36, 48 or 64 of them.
TestLeak(chain, filters_may_be_rectangular)
{
    const char *ini = SPACE "min_depth = 2\nmax_depth = 2\noperations = conv, sep_conv\n"
                            "kernels = 1, 3, 5, 7\nwidths = 24, 36, 48, 64\nstrides = 1\n";
    expect_counts(ini,
                  "[[\"layer/0/op\", \"conv\"], [\"layer/0/op/conv/kernel_height\", \"7\"], "
                  "[\"layer/0/op/conv/kernel_width\", \"1\"], "
                  "[\"layer/0/op/conv/width\", \"24\"], [\"layer/1/op\", \"sep_conv\"], "
                  "[\"layer/1/op/sep_conv/kernel_height\", \"3\"], "
                  "[\"layer/1/op/sep_conv/kernel_width\", \"5\"], "
                  "[\"layer/1/op/sep_conv/width\", \"36\"]]",
                  7 * 3 * 24 + 48 + 15 * 24 + 24 * 36 + 72 + 370,
                  (7 * 3 * 24 + 15 * 24 + 24 * 36) * 1024 + 360);
    expect_members(SPACE "min_depth = 1\nmax_depth = 1\noperations = conv\n"
                         "kernels = 1, 3, 5, 7\nwidths = 24, 36, 48, 64\nstrides = 1, 2, 3\n",
                   4 * 4 * 4 * 3);
}

// ---- Members ------------------------------------------------------------------------------------

// Each name is an operator of its own.
TestLeak(chain, activations_are_operators)
{
    static const char *const names[][2] = {
        {"relu", "Relu"},   {"leaky_relu", "LeakyRelu"}, {"elu", "Elu"},         {"gelu", "Gelu"},
        {"swish", "Swish"}, {"hard_swish", "HardSwish"}, {"sigmoid", "Sigmoid"}, {"tanh", "Tanh"}};
    for (size_t i = 0; i < ESP_COUNT(names); i++) {
        struct member_lab lab;
        char ini[256];
        snprintf(ini, sizeof ini,
                 SPACE "operations = conv_3x3\nmin_depth = 3\nmax_depth = 3\nactivations = %s\n",
                 names[i][0]);
        member_lab_open(&lab, ini);
        struct arch *arch = member_sample(&lab, 1);
        member_expect_operators(&lab, arch, names[i][1], 3);
        arch_release(arch);
        member_lab_close(&lab);
    }
}

#define SEARCHED                                                                                   \
    "operations = conv, sep_conv, conv_7x7, max_pool_3x3\nactivations = relu, tanh, sigmoid\n"     \
    "batch_norm = search\nstrides = 1, 2, 3\ndropout = 0.3\n"

TestLeak(chain, members_are_sampled_mutated_and_crossed)
{
    static const char *const more[] = {
        "",
        "depth = geometric\nstop = 0.2\ndepth_limit = 30\nwidths = 2, 4\n",
        SEARCHED,
    };
    for (size_t i = 0; i < ESP_COUNT(more); i++) {
        struct member_lab lab;
        char ini[512];
        snprintf(ini, sizeof ini, SPACE "%s[dataset]\nplugin = synthetic\nheight = 23\n", more[i]);
        member_lab_open(&lab, ini);
        member_lab_walk(&lab, 60);
        member_lab_close(&lab);
    }
}

TestLeak(chain, refuses_an_empty_space)
{
    member_lab_expect_refusal(SPACE "min_depth = 7\n", "min_depth 7 is larger than max_depth 6");
    member_lab_expect_refusal(SPACE "depth = geometric\nmin_depth = 101\n",
                              "min_depth 101 is larger than depth_limit 100");
    member_lab_expect_refusal(SPACE "stop = 0\n", "stop");
    member_lab_expect_refusal(SPACE "kernels = 2, 3\n", "odd");
    member_lab_expect_refusal(SPACE "kernels = 3, 3\n", "ascending");
    member_lab_expect_refusal(SPACE "operations = conv_2x2\n", "operations");
}

Test(chain, learns)
{
    short_search(SPACE "depth = geometric\nstop = 0.3\ndepth_limit = 12\nwidths = 4, 8\n"
                       "operations = conv, sep_conv, max_pool_3x3\n",
                 4);
}
