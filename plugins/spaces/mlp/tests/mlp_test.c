// SPDX-License-Identifier: Apache-2.0
// Dense networks: counts worked out by hand, members of both kinds, what is refused, and that they
// learn from images and from rows.
#include "support/folder.h"
#include "support/idx_write.h"
#include "support/leak.h"
#include "support/member_lab.h"
#include "support/short_search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALL "[dataset]\nplugin = synthetic\nchannels = 1\nheight = 4\nwidth = 5\n"

static void expect_counts(const char *ini, const char *decisions, uint64_t params, uint64_t macs)
{
    struct member_lab lab;
    member_lab_open(&lab, ini);
    struct arch *arch = member_read_json(&lab, decisions);
    member_expect_counts(&lab, arch, params, macs);
    arch_release(arch);
    member_lab_close(&lab);
}

// 20 features, widths 100 78 56 34 10, the last plain; then 10 classes.
TestLeak(mlp, a_funnel_has_the_counts_of_its_layers)
{
    const uint64_t macs = 20 * 100 + 100 * 78 + 78 * 56 + 56 * 34 + 34 * 10 + 10 * 10;
    const uint64_t biases = 100 + 78 + 56 + 34 + 10 + 10, norms = 2 * (100 + 78 + 56 + 34);
    const char *decisions = "[[\"shape\", \"funnel\"], [\"depth\", 5], [\"max_width\", 100], "
                            "[\"out_width\", 10]]";
    expect_counts("[space]\nplugin = mlp\n" SMALL, decisions, macs + biases + norms, macs);
    expect_counts("[space]\nplugin = mlp\nbatch_norm = no\n" SMALL, decisions, macs + biases, macs);
    expect_counts("[space]\nplugin = mlp\nlast = full\n" SMALL, decisions,
                  macs + biases + norms + 2 * 10, macs);
}

// 20 features, widths 32, 32, 64; a shortcut has weights where the width changes.
TestLeak(mlp, widths_are_drawn_one_by_one)
{
    const uint64_t macs = 20 * 32 + 32 * 32 + 32 * 64 + 64 * 10, biases = 32 + 32 + 64 + 10;
    const char *decisions = "[[\"depth\", 3], [\"layer/0/width\", \"32\"], "
                            "[\"layer/1/width\", \"32\"], [\"layer/2/width\", \"64\"]]";
    const char *searched = "[[\"depth\", 3], [\"batch_norm\", \"no\"], [\"residual\", \"yes\"], "
                           "[\"layer/0/width\", \"32\"], [\"layer/1/width\", \"32\"], "
                           "[\"layer/2/width\", \"64\"]]";
    const uint64_t shortcuts = 20 * 32 + 32 * 64;
    expect_counts("[space]\nplugin = mlp\nshapes = free\nbatch_norm = no\n" SMALL, decisions,
                  macs + biases, macs);
    expect_counts(
        "[space]\nplugin = mlp\nshapes = free\nbatch_norm = search\nresidual = search\n" SMALL,
        searched, macs + biases + shortcuts, macs + shortcuts);
}

// Images of 3x32x32 are 3,072 features, more than max_width: the shape begins there.
TestLeak(mlp, images_are_flattened)
{
    expect_counts("[space]\nplugin = mlp\nbatch_norm = no\n",
                  "[[\"shape\", \"brick\"], [\"depth\", 2], [\"max_width\", 10], "
                  "[\"out_width\", 20]]",
                  3072 * 3072 + 3072 + 3072 * 20 + 20 + 20 * 10 + 10,
                  3072 * 3072 + 3072 * 20 + 20 * 10);
}

// The dropout of a layer: f(shape, 0, 0, 1000, depth) / 1000 of the largest; none where that is 0.
TestLeak(mlp, dropout_follows_the_shape)
{
    static const double expected[] = {0.5, 0.375, 0.25, 0.125};
    struct member_lab lab;
    size_t found = 0;
    member_lab_open(&lab, "[space]\nplugin = mlp\nmin_dropout = 0.5\nmax_dropout = 0.5\n" SMALL);
    struct arch *arch =
        member_read_json(&lab, "[[\"shape\", \"funnel\"], [\"depth\", 5], [\"max_width\", 100], "
                               "[\"out_width\", 10]]");
    struct graph *graph = member_graph(&lab, arch);
    for (uint64_t i = 0; i < esp_graph_node_count(graph_handle(graph)); i++) {
        const esp_graph_node *node = esp_graph_get(graph_handle(graph), i);
        if (strcmp(node->op, "Dropout") == 0) {
            cr_assert_lt(found, ESP_COUNT(expected));
            cr_expect_eq(esp_graph_attribute(node, "ratio")->real, expected[found]);
            found++;
        }
    }
    cr_expect_eq(found, ESP_COUNT(expected));
    graph_destroy(graph);
    arch_release(arch);
    member_lab_close(&lab);
}

// Each name is an operator of its own.
TestLeak(mlp, activations_are_operators)
{
    static const char *const names[][2] = {
        {"relu", "Relu"},   {"leaky_relu", "LeakyRelu"}, {"elu", "Elu"},         {"gelu", "Gelu"},
        {"swish", "Swish"}, {"hard_swish", "HardSwish"}, {"sigmoid", "Sigmoid"}, {"tanh", "Tanh"}};
    for (size_t i = 0; i < ESP_COUNT(names); i++) {
        struct member_lab lab;
        char ini[256];
        snprintf(ini, sizeof ini,
                 "[space]\nplugin = mlp\nshapes = free\nwidths = 8, 16\nmin_depth = 3\n"
                 "max_depth = 3\nactivations = %s\n",
                 names[i][0]);
        member_lab_open(&lab, ini);
        struct arch *arch = member_sample(&lab, 1);
        member_expect_operators(&lab, arch, names[i][1], 3);
        arch_release(arch);
        member_lab_close(&lab);
    }
}

static esp_status visit(void *self, struct arch *arch)
{
    (void)self;
    (void)arch;
    return ESP_OK;
}

// Depths 1 to 3 of 2 widths: 2 + 4 + 8, each with one of 3 activations and two switches.
TestLeak(mlp, members_are_counted)
{
    struct member_lab lab;
    uint64_t count = 0;
    member_lab_open(&lab, "[space]\nplugin = mlp\nshapes = free\nmin_depth = 1\nmax_depth = 3\n"
                          "widths = 8, 16\nactivations = relu, sigmoid, tanh\n"
                          "batch_norm = search\nresidual = search\n");
    cr_assert_eq(builder_enumerate(lab.builder, visit, NULL, 0, &count, &lab.error), ESP_OK, "%s",
                 lab.error.message);
    cr_expect_eq(count, (2 + 4 + 8) * 3 * 2 * 2);
    member_lab_close(&lab);
}

TestLeak(mlp, members_are_sampled_mutated_and_crossed)
{
    static const char *const inis[] = {
        "[space]\nplugin = mlp\nmax_width = 64\nmax_out = 64\n" SMALL,
        "[space]\nplugin = mlp\nshapes = free, stairs, hexagon\nactivations = relu, tanh\n"
        "batch_norm = search\nresidual = search\nmax_dropout = 0.5\n" SMALL,
    };
    for (size_t i = 0; i < ESP_COUNT(inis); i++) {
        struct member_lab lab;
        member_lab_open(&lab, inis[i]);
        member_lab_walk(&lab, 60);
        member_lab_close(&lab);
    }
}

TestLeak(mlp, refuses_an_empty_space)
{
    member_lab_expect_refusal("[space]\nplugin = mlp\nmin_depth = 4\nmax_depth = 3\n",
                              "min_depth 4 is larger than max_depth 3");
    member_lab_expect_refusal("[space]\nplugin = mlp\nmin_width = 99\nmax_width = 9\n",
                              "min_width 99 is larger than max_width 9");
    member_lab_expect_refusal("[space]\nplugin = mlp\nmin_out = 99\nmax_out = 9\n",
                              "min_out 99 is larger than max_out 9");
    member_lab_expect_refusal("[space]\nplugin = mlp\nmin_dropout = 0.5\n",
                              "min_dropout 0.5 is larger than max_dropout 0");
    member_lab_expect_refusal("[space]\nplugin = mlp\nwidths = 32, 16\n", "ascending");
    member_lab_expect_refusal("[space]\nplugin = mlp\nshapes = funel\n", "funnel");
    member_lab_expect_refusal("[space]\nplugin = mlp\nmax_depth = 0\n", "max_depth");
}

Test(mlp, learns_from_images)
{
    short_search("[space]\nplugin = mlp\nmax_depth = 6\nmax_width = 64\nmax_out = 64\n"
                 "batch_norm = search\nresidual = search\nmax_dropout = 0.4\n"
                 "activations = relu, leaky_relu, elu, gelu, swish, hard_swish, sigmoid, tanh\n",
                 8);
}

// 80 rows of 6 columns, of 2 classes.
Test(mlp, learns_from_rows)
{
    enum { ROWS = 80, COLUMNS = 6 };
    uint8_t rows[ROWS * COLUMNS], labels[ROWS];
    char *folder = folder_temporary(), *ini = NULL;
    for (int i = 0; i < ROWS * COLUMNS; i++)
        rows[i] = (uint8_t)(i * 37);
    for (int i = 0; i < ROWS; i++)
        labels[i] = (uint8_t)(i % 2);
    const struct idx_content samples = {0x08, {ROWS, COLUMNS}, rows, sizeof rows};
    const struct idx_content classes = {0x08, {ROWS}, labels, sizeof labels};
    idx_write(folder, "rows", false, &samples);
    idx_write(folder, "labels", false, &classes);
    if (asprintf(&ini,
                 "[space]\nplugin = mlp\nmax_width = 64\nmax_out = 64\nshapes = free, diamond\n"
                 "residual = search\n[dataset]\nplugin = idx\ntrain_images = %s/rows\n"
                 "train_labels = %s/labels\nvalid_fraction = 0.25\n",
                 folder, folder) < 0)
        abort();
    short_search(ini, 4);
    free(ini);
    folder_delete(folder);
}
