// SPDX-License-Identifier: Apache-2.0
// The networks of NAS-Bench-201: published counts, the counts of all 15,625 rows of the benchmark's
// table, enumeration, weight paths, and what is refused.
#include "support/leak.h"
#include "support/member_lab.h"
#include "support/shared_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EDGES 6
#define MEMBERS 15625

static const char space[] = "[space]\nplugin = nasbench201\n";
static const char *const paths[EDGES] = {"cell/edge/0-1", "cell/edge/0-2", "cell/edge/1-2",
                                         "cell/edge/0-3", "cell/edge/1-3", "cell/edge/2-3"};

static struct arch *read_cell(struct member_lab *lab, const char *const operations[EDGES])
{
    return member_read(lab, paths, operations, EDGES);
}

// The operations in a string of the benchmark; `text` is cut into them.
static void split_cell(char *text, const char *operations[EDGES])
{
    size_t count = 0;
    for (char *save, *word = strtok_r(text, "|+", &save); word;
         word = strtok_r(NULL, "|+", &save)) {
        cr_assert_lt(count, EDGES);
        word[strcspn(word, "~")] = '\0';
        operations[count++] = word;
    }
    cr_assert_eq(count, EDGES);
}

// ---- The count of NASLib --------------------------------------------------------------------------
// Multiply-adds of convolutions and linear layers; for each element of the output 2 of a batch
// normalization, k k of an average pool; for each of the input 1 of a ReLU; and of the global pool, in
// each channel, (height + 1) (width + 1).

static uint64_t flops(const esp_graph *graph)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++) {
        const esp_graph_node *node = esp_graph_get(graph, i);
        const esp_shape *in =
            node->input_count ? &esp_graph_get(graph, node->inputs[0])->shape : &node->shape;
        uint64_t size = esp_shape_size(&node->shape);
        sum += node->macs;
        if (strcmp(node->op, "BatchNormalization") == 0)
            sum += 2 * size;
        else if (strcmp(node->op, "Relu") == 0)
            sum += esp_shape_size(in);
        else if (strcmp(node->op, "AveragePool") == 0) {
            const int64_t *kernel = esp_graph_attribute(node, "kernel_shape")->ints;
            sum += size * (uint64_t)(kernel[0] * kernel[1]);
        } else if (strcmp(node->op, "GlobalAveragePool") == 0)
            sum += size * (uint64_t)((in->dims[2] + 1) * (in->dims[3] + 1));
    }
    return sum;
}

// A cell of the table in millions, as a whole number.
static uint64_t units(const char *millions)
{
    return (uint64_t)llround(strtod(millions, NULL) * 1e6);
}

// ---- Counts -------------------------------------------------------------------------------------

TestLeak(network, has_the_published_counts)
{
    static const char *const largest[EDGES] = {"nor_conv_3x3", "nor_conv_3x3", "nor_conv_3x3",
                                               "nor_conv_3x3", "nor_conv_3x3", "nor_conv_3x3"};
    static const char *const first[EDGES] = {"avg_pool_3x3", "nor_conv_1x1", "skip_connect",
                                             "nor_conv_1x1", "skip_connect", "skip_connect"};
    struct member_lab lab;
    member_lab_open(&lab, space);
    struct arch *arch = read_cell(&lab, largest);
    member_expect_counts(&lab, arch, 1531546, 220119680);
    arch_release(arch);
    arch = read_cell(&lab, first);
    member_expect_counts(&lab, arch, 129306, 15647360);
    arch_release(arch);
    member_lab_close(&lab);
}

// The graph of every member: no row is taken from a sum over its operations.
TestLeak(network, has_the_params_and_flops_of_every_row_of_the_table)
{
    struct shared_table table;
    struct member_lab lab;
    shared_table_open(&table, "nasbench201/nb201.csv");
    member_lab_open(&lab, space);
    while (shared_table_next(&table)) {
        const char *operations[EDGES];
        char text[256];
        snprintf(text, sizeof text, "%s", shared_table_cell(&table, "arch"));
        split_cell(text, operations);
        struct arch *arch = read_cell(&lab, operations);
        struct graph *graph = member_graph(&lab, arch);
        cr_assert_eq(esp_graph_params(graph_handle(graph)),
                     units(shared_table_cell(&table, "params_m_c10")), "row %zu", table.row);
        cr_assert_eq(flops(graph_handle(graph)), units(shared_table_cell(&table, "flops_m_c10")),
                     "row %zu", table.row);
        graph_destroy(graph);
        arch_release(arch);
    }
    cr_assert_eq(table.row, MEMBERS);
    member_lab_close(&lab);
    shared_table_close(&table);
}

// What no count shows: three sums a cell and one a residual block, and zeros where there is none.
TestLeak(network, sums_what_a_node_is_given)
{
    static const char *const operations[EDGES] = {"skip_connect", "none",         "avg_pool_3x3",
                                                  "none",         "nor_conv_1x1", "nor_conv_3x3"};
    struct member_lab lab;
    member_lab_open(&lab, space);
    struct arch *arch = read_cell(&lab, operations);
    member_expect_operators(&lab, arch, "Add", 15 * 3 + 2);
    member_expect_operators(&lab, arch, "None", 15 * 2);
    member_expect_operators(&lab, arch, "AveragePool", 15 + 2);
    member_expect_operators(&lab, arch, "Identity", 15);
    member_expect_operators(&lab, arch, "Conv", 1 + 15 * 2 + 2 * 3);
    member_expect_operators(&lab, arch, "Relu", 15 * 2 + 2 * 2 + 1);
    arch_release(arch);
    member_lab_close(&lab);
}

// ---- Members ------------------------------------------------------------------------------------

struct visit {
    uint64_t count;
    uint64_t hashes[MEMBERS];
};

static esp_status visit(void *self, struct arch *arch)
{
    struct visit *v = self;
    v->hashes[v->count++] = arch_hash(arch);
    return ESP_OK;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

TestLeak(network, there_are_15625)
{
    static struct visit visited;
    struct member_lab lab;
    uint64_t count;
    member_lab_open(&lab, space);
    cr_assert_eq(builder_enumerate(lab.builder, visit, &visited, MEMBERS, &count, &lab.error),
                 ESP_OK);
    cr_assert_eq(count, MEMBERS);
    visited.count = 0;
    cr_assert_eq(builder_enumerate(lab.builder, visit, &visited, 0, &count, &lab.error), ESP_OK);
    cr_assert_eq(count, MEMBERS);
    qsort(visited.hashes, MEMBERS, sizeof visited.hashes[0], compare);
    for (size_t i = 1; i < MEMBERS; i++)
        cr_assert_neq(visited.hashes[i], visited.hashes[i - 1]);
    member_lab_close(&lab);
}

TestLeak(network, members_are_sampled_mutated_and_crossed)
{
    struct member_lab lab;
    member_lab_open(&lab, "[space]\nplugin = nasbench201\nchannels = 4\ncells = 2\n");
    member_lab_walk(&lab, 100);
    member_lab_close(&lab);
}

// The cell is drawn once, and every position has weights of its own.
TestLeak(network, each_position_has_its_own_weights)
{
    static const char *const operations[EDGES] = {"nor_conv_3x3", "none", "none",
                                                  "none",         "none", "none"};
    static const char *const expected[] = {
        "stem/conv",           "layer/0/cell/edge/0-1/nor_conv_3x3/conv",
        "layer/1/conv_a/conv", "layer/1/conv_b/conv",
        "layer/1/shortcut",    "layer/2/cell/edge/0-1/nor_conv_3x3/conv",
        "layer/3/conv_a/conv", "layer/3/conv_b/conv",
        "layer/3/shortcut",    "layer/4/cell/edge/0-1/nor_conv_3x3/conv",
    };
    struct member_lab lab;
    size_t found = 0;
    member_lab_open(&lab, "[space]\nplugin = nasbench201\ncells = 1\n");
    struct arch *arch = read_cell(&lab, operations);
    cr_assert_eq(esp_arch_count(arch_handle(arch)), EDGES);
    struct graph *graph = member_graph(&lab, arch);
    for (uint64_t i = 0; i < esp_graph_node_count(graph_handle(graph)); i++) {
        const esp_graph_node *node = esp_graph_get(graph_handle(graph), i);
        if (strcmp(node->op, "Conv") == 0) {
            cr_assert_lt(found, ESP_COUNT(expected));
            cr_expect_str_eq(node->path, expected[found]);
            found++;
        }
    }
    cr_assert_eq(found, ESP_COUNT(expected));
    graph_destroy(graph);
    arch_release(arch);
    member_lab_close(&lab);
}

// The supernet has every operation on every edge: params are those of six 3x3 and six 1x1.
TestLeak(network, relaxed_it_holds_all_operations)
{
    struct member_lab lab;
    struct graph *graph = NULL;
    uint64_t choices = 0;
    member_lab_open(&lab, space);
    cr_assert_eq(builder_relax(lab.builder, &graph, &lab.error), ESP_OK, "%s", lab.error.message);
    for (uint64_t i = 0; i < esp_graph_node_count(graph_handle(graph)); i++)
        choices += strcmp(esp_graph_get(graph_handle(graph), i)->op, "Choice") == 0;
    cr_expect_eq(choices, 3 * 5 * EDGES);
    cr_expect_eq(esp_graph_params(graph_handle(graph)), 73306 + EDGES * (243040 + 28000));
    graph_destroy(graph);
    member_lab_close(&lab);
}

// ---- Tasks --------------------------------------------------------------------------------------

TestLeak(network, serves_images_of_any_size_from_4x4_on)
{
    static const char *const sizes[] = {"height = 4\nwidth = 4\n", "height = 5\nwidth = 7\n",
                                        "height = 28\nwidth = 28\nchannels = 1\nclasses = 2\n"};
    for (size_t i = 0; i < ESP_COUNT(sizes); i++) {
        struct member_lab lab;
        char ini[256];
        snprintf(ini, sizeof ini, "%schannels = 2\ncells = 1\n[dataset]\nplugin = synthetic\n%s",
                 space, sizes[i]);
        member_lab_open(&lab, ini);
        member_lab_walk(&lab, 10);
        member_lab_close(&lab);
    }
}

TestLeak(network, refuses_what_it_cannot_serve)
{
    member_lab_expect_refusal("[space]\nplugin = nasbench201\n[dataset]\nplugin = synthetic\n"
                              "height = 3\nwidth = 8\n",
                              "expected at least 4x4, and the dataset's are 3x8");
    member_lab_expect_refusal(
        "[space]\nplugin = nasbench201\n[dataset]\nplugin = made\nkind = rows\n",
        "it builds networks for images, and the dataset has rows");
    member_lab_expect_refusal("[space]\nplugin = nasbench201\nchannels = 0\n", "channels");
    member_lab_expect_refusal("[space]\nplugin = nasbench201\ncells = 0\n", "cells");
}

TestLeak(network, members_train)
{
    member_lab_train("[space]\nplugin = nasbench201\nchannels = 3\ncells = 1\n",
                     "channels = 1\nheight = 9\nwidth = 10\nclasses = 3", 6);
}
