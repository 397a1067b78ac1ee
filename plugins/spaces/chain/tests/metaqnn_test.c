// SPDX-License-Identifier: Apache-2.0
// The space of MetaQNN: its notation, over all 1,000 networks of the published learning curves; counts
// worked out by hand; its transitions; and what is refused, with the place.
#include "support/leak.h"
#include "support/member_lab.h"
#include "support/short_search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACE "[space]\nplugin = metaqnn\n"

// ---- Published networks ---------------------------------------------------------------------------

// The table's own count: weights without biases, and the classifier as a copy of the layer before it
// (c c k k, n n; nothing for a pool and for GAP).
static uint64_t table_params(const esp_graph *graph)
{
    uint64_t sum = 0, copy = 0;
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++) {
        const esp_graph_node *node = esp_graph_get(graph, i);
        if (strcmp(node->op, "MaxPool") == 0 || strcmp(node->op, "GlobalAveragePool") == 0)
            copy = 0;
        if (strcmp(node->path, "classifier") == 0)
            return sum + copy;
        if (strcmp(node->op, "Conv") != 0 && strcmp(node->op, "Gemm") != 0)
            continue;
        const esp_shape *input = &esp_graph_get(graph, node->inputs[0])->shape;
        const uint64_t width = (uint64_t)node->shape.dims[1];
        const uint64_t weights = esp_shape_size(&node->weights[0].shape);
        sum += weights;
        copy = weights / (uint64_t)input->dims[1] * width;
    }
    cr_assert_fail("there is no classifier");
    return 0;
}

// "text",dataset,params,...: cuts the line; false: it is none.
static bool read_row(char *line, const char **net, uint64_t *params)
{
    char *end = line[0] == '"' ? strchr(line + 1, '"') : NULL;
    if (!end || strncmp(end, "\",cifar10,", 10) != 0)
        return false;
    *end = '\0';
    *net = line + 1;
    *params = strtoull(end + 10, NULL, 10);
    return true;
}

TestLeak(metaqnn, reads_and_prints_every_network_of_the_learning_curves)
{
    const char *path = ESPALIER_SOURCE_DIR "/../shared/data/learning_curves/metaqnn_cifar10.csv";
    struct member_lab lab;
    char line[4096];
    size_t rows = 0;
    FILE *file = fopen(path, "r");
    if (!file) {
        fprintf(stderr, "skipped: there is no %s\n", path);
        cr_skip_test("there is no %s", path);
    }
    member_lab_open(&lab, SPACE);
    cr_assert_not_null(fgets(line, sizeof line, file));
    while (fgets(line, sizeof line, file)) {
        const char *net, *printed = NULL;
        uint64_t params;
        rows++;
        cr_assert(read_row(line, &net, &params), "row %zu", rows);
        struct arch *arch = member_parse(&lab, net);
        cr_assert_eq(builder_print(lab.builder, arch, &printed, &lab.error), ESP_OK, "%s",
                     lab.error.message);
        cr_assert_str_eq(printed, net);
        struct graph *graph = member_graph(&lab, arch);
        cr_assert_eq(table_params(graph_handle(graph)), params, "row %zu: %s", rows, net);
        graph_destroy(graph);
        arch_release(arch);
    }
    cr_expect_eq(rows, 1000);
    fclose(file);
    member_lab_close(&lab);
}

// ---- Counts -------------------------------------------------------------------------------------

static void expect_counts(const char *text, uint64_t params, uint64_t macs)
{
    struct member_lab lab;
    member_lab_open(&lab, SPACE);
    struct arch *arch = member_parse(&lab, text);
    member_expect_counts(&lab, arch, params, macs);
    arch_release(arch);
    member_lab_close(&lab);
}

// 32 -> P(5,3) 10 -> P(3,2) 4 (of (10 - 3 + 1) / 2, rounded up).
TestLeak(metaqnn, networks_have_the_counts_of_their_layers)
{
    expect_counts("[C(64,3,1), P(5,3), D(1,5), C(64,1,1), P(3,2), D(2,5), FC(128), D(3,5), "
                  "FC(128), D(4,5), SM(10)]",
                  27 * 64 + 64 + 64 * 64 + 64 + 1024 * 128 + 128 + 128 * 128 + 128 + 1290,
                  27 * 64 * 1024 + 64 * 64 * 100 + 1024 * 128 + 128 * 128 + 1280);
    expect_counts("[C(64,5,1), GAP(10), SM(10)]", 75 * 64 + 64 + 650 + 110,
                  (75 * 64 + 640) * 1024 + 100);
    // A map that is not pooled goes into the classifier whole.
    expect_counts("[C(64,1,1), SM(10)]", 3 * 64 + 64 + 65536 * 10 + 10, 3 * 64 * 1024 + 655360);
}

// Of the 5 that are counted 4 stand there: the fifth would be behind SM.
TestLeak(metaqnn, dropouts_rise_linearly)
{
    struct member_lab lab;
    const double expected[] = {0.1, 0.2, 0.3, 0.4};
    size_t found = 0;
    member_lab_open(&lab, SPACE);
    struct arch *arch = member_parse(&lab, "[C(64,3,1), P(5,3), C(64,1,1), P(3,2), FC(128), "
                                           "FC(128), SM(10)]");
    struct graph *graph = member_graph(&lab, arch);
    for (uint64_t i = 0; i < esp_graph_node_count(graph_handle(graph)); i++) {
        const esp_graph_node *node = esp_graph_get(graph_handle(graph), i);
        if (strcmp(node->op, "Dropout") == 0) {
            cr_assert_lt(found, ESP_COUNT(expected));
            cr_expect_float_eq(esp_graph_attribute(node, "ratio")->real, expected[found], 1e-12);
            found++;
        }
    }
    cr_expect_eq(found, ESP_COUNT(expected));
    graph_destroy(graph);
    arch_release(arch);
    member_lab_close(&lab);
}

// ---- The notation -------------------------------------------------------------------------------

TestLeak(metaqnn, says_what_is_wrong_and_where)
{
    static const struct {
        const char *text, *words;
        int64_t caret;
    } cases[] = {
        {"", "expected '['", 0},
        {"[C(64,3,1), SM(10)", "expected ']'", 18},
        {"[C(64,3,1), SM(10)] x", "expected the end", 20},
        {"[CC(64,3,1), SM(10)]", "did you mean C?", 1},
        {"[C(64,3), SM(10)]", "expected ','", 7},
        {"[C(65,3,1), SM(10)]", "filters: expected one of 64, 128, 256, 512", 3},
        {"[C(64,4,1), SM(10)]", "kernel: expected one of 1, 3, 5", 6},
        {"[C(64,3,2), SM(10)]", "the stride 1", 8},
        {"[P(2,2), SM(10)]", "no P may stand here: expected C", 1},
        {"[C(64,3,1), P(2,2), D(1,2), P(2,2), SM(10)]", "no P may stand here: expected C, GAP, SM",
         28},
        {"[C(64,3,1), P(4,2), SM(10)]", "expected P(5,3), P(3,2) or P(2,2)", 14},
        {"[C(64,3,1), FC(128), SM(10)]", "no FC may stand here", 12},
        {"[C(64,3,1), SM(11)]", "the dataset has 10 classes", 15},
        {"[C(64,3,1), D(1,1), SM(10)]", "behind every second layer", 12},
        {"[C(64,3,1), P(2,2), D(1,2), SM(10)]", "expected D(1,1)", 20},
        {"[D(1,1), C(64,3,1), SM(10)]", "a dropout stands behind a layer", 1},
        {"[C(64,3,1), C(64,3,1), C(64,3,1), C(64,3,1), D(2,2), SM(10)]",
         "behind every second layer", 45},
        {"[C(64,3,1), C(64,3,1), D(1,2), C(64,3,1), C(64,3,1), SM(10)]",
         "1 of 2 dropouts are missing", 59},
    };
    struct member_lab lab;
    member_lab_open(&lab, SPACE);
    for (size_t i = 0; i < ESP_COUNT(cases); i++)
        member_expect_wrong(&lab, cases[i].text, cases[i].words, cases[i].caret);
    member_lab_close(&lab);
}

TestLeak(metaqnn, prints_what_was_drawn)
{
    struct member_lab lab;
    member_lab_open(&lab, SPACE);
    member_expect_print(&lab, "[ C( 64,3 ,1),C(64,1,1),SM(10) ]",
                        "[C(64,3,1), C(64,1,1), D(1,1), SM(10)]");
    member_lab_reread(&lab, 300);
    member_lab_close(&lab);
}

TestLeak(metaqnn, a_decision_of_one_value_is_printed_too)
{
    struct member_lab lab;
    member_lab_open(&lab, SPACE "filters = 8\nkernels = 3\nunits = 32\nmax_layers = 1\n");
    member_expect_print(&lab, "[C(8,3,1), SM(10)]", "[C(8,3,1), SM(10)]");
    member_lab_close(&lab);
}

// ---- Members ------------------------------------------------------------------------------------

TestLeak(metaqnn, members_are_sampled_mutated_and_crossed)
{
    struct member_lab lab;
    member_lab_open(&lab, SPACE "filters = 2, 4\nunits = 4, 8\n");
    member_lab_walk(&lab, 100);
    member_lab_close(&lab);
}

static esp_status visit(void *self, struct arch *arch)
{
    (void)self;
    (void)arch;
    return ESP_OK;
}

// One filter count, kernels 1 and 3: C is 2, of a 32x32 map. Then SM; C (2), P (3) or GAP, then SM:
// 2 + 2 (2 + 3 + 1).
TestLeak(metaqnn, members_are_counted)
{
    struct member_lab lab;
    uint64_t count = 0;
    member_lab_open(&lab, SPACE "filters = 8\nkernels = 1, 3\nmax_layers = 2\n");
    cr_assert_eq(builder_enumerate(lab.builder, visit, NULL, 0, &count, &lab.error), ESP_OK, "%s",
                 lab.error.message);
    cr_expect_eq(count, 14);
    member_lab_close(&lab);
}

TestLeak(metaqnn, refuses_what_it_cannot_serve)
{
    member_lab_expect_refusal(SPACE "filters = 8, 4\n", "filters: expected an ascending list");
    member_lab_expect_refusal(SPACE "kernels = 3, 4\n", "odd numbers");
    member_lab_expect_refusal(SPACE "max_layers = 0\n", "max_layers");
    member_lab_expect_refusal(SPACE "kernels = 9\n[dataset]\nplugin = synthetic\nheight = 8\n",
                              "there is no first layer");
}

Test(metaqnn, learns)
{
    short_search(SPACE "filters = 4, 8\nunits = 8, 16\nmax_layers = 8\n", 4);
}
