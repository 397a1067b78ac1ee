// SPDX-License-Identifier: Apache-2.0
// The joint space: the paths of Auto-DeepLab by enumeration, counts worked out by hand, maps that are
// halved and enlarged again, its supernet, and what is refused.
#include "support/leak.h"
#include "support/member_lab.h"
#include "support/short_search.h"
#include "support/structure_notes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACE "[space]\nplugin = macro_micro\n"
// The cell has one member.
#define ONE_CELL "blocks = 1\noperations = skip_connect\nwidths = 4\n"

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

// Liu et al. 2019: 12 layers, the first at a quarter of the image, each next one at half, the same or
// twice the size, down to a 32nd.
TestLeak(macro_micro, there_are_28657_paths_of_12_cells)
{
    expect_members(SPACE ONE_CELL "macro = path\nlevels = 4\nmin_cells = 12\nmax_cells = 12\n"
                                  "stem = 4\nreach = 2\n",
                   28657);
}

// One stage of 1 or 2 cells: 2. Two stages of 1 or 2 cells each: the third and the fourth cell choose
// their second input among two, so 1 + 2 + 2 + 4.
TestLeak(macro_micro, stages_cells_and_feeds_are_counted)
{
    expect_members(SPACE ONE_CELL "levels = 2\nmax_cells = 2\n", 2 + 9);
    expect_members(SPACE ONE_CELL "levels = 2\nmax_cells = 2\nreach = 2\n", 2 + 4);
}

// Two blocks: the first takes both inputs, the second two of three; 2^4 pairs of operations. The widths
// of two levels.
TestLeak(macro_micro, cells_and_widths_are_counted)
{
    expect_members(SPACE "blocks = 2\noperations = none, skip_connect\nwidths = 4, 8\nlevels = 2\n"
                         "min_stages = 2\nmax_cells = 1\n",
                   3 * 16 * 4);
    expect_members(SPACE "blocks = 2\noperations = none, skip_connect\nwidths = 4, 8\nlevels = 2\n"
                         "min_stages = 2\nmax_cells = 1\nwidth = double\n",
                   3 * 16 * 2);
}

// ---- Counts -------------------------------------------------------------------------------------

static void expect_counts(const char *ini, const char *decisions, uint64_t params, uint64_t macs)
{
    struct member_lab lab;
    member_lab_open(&lab, ini);
    struct arch *arch = member_read_json(&lab, decisions);
    member_expect_counts(&lab, arch, params, macs);
    arch_release(arch);
    member_lab_close(&lab);
}

// Two cells of one block: separable of the one before, identity of the previous. 4 channels on 32x32,
// then 8 on 16x16.
TestLeak(macro_micro, a_network_has_the_counts_of_its_layers)
{
    const uint64_t stem = 3 * 9 * 4, first = 2 * 4 * 4 + 2 * (9 * 4 + 4 * 4),
                   second = 2 * 4 * 8 + 2 * (9 * 8 + 8 * 8), norms = 8 + 2 * 8 + 16 + 2 * 16 + 32;
    expect_counts(SPACE "blocks = 1\noperations = skip_connect, sep_conv_3x3\nwidths = 4, 8\n"
                        "levels = 2\nmin_stages = 2\nmax_cells = 1\n",
                  "[[\"level/0/width\", \"4\"], [\"level/1/width\", \"8\"], "
                  "[\"cell/block/0/before/op\", \"sep_conv_3x3\"], "
                  "[\"cell/block/0/previous/op\", \"skip_connect\"]]",
                  stem + first + second + norms + 90, (stem + first) * 1024 + second * 256 + 80);
}

// Down and up again over 7x9, 4x5, 2x3: the last cell stands on 7x9.
TestLeak(macro_micro, paths_lead_down_and_up)
{
    struct member_lab lab;
    int64_t expected[5][2] = {{7, 9}, {4, 5}, {2, 3}, {4, 5}, {7, 9}};
    size_t cell = 0;
    member_lab_open(&lab, SPACE ONE_CELL "macro = path\nlevels = 3\nmin_cells = 5\nmax_cells = 5\n"
                                         "width = double\n[dataset]\nplugin = synthetic\n"
                                         "height = 7\nwidth = 9\n");
    struct arch *arch =
        member_read_json(&lab, "[[\"cell/1/move\", \"down\"], [\"cell/2/move\", \"down\"], "
                               "[\"cell/2/second\", \"stem\"], [\"cell/3/move\", \"up\"], "
                               "[\"cell/3/second\", \"cell_0\"], [\"cell/4/move\", \"up\"], "
                               "[\"cell/4/second\", \"cell_2\"]]");
    struct graph *graph = member_graph(&lab, arch);
    for (uint64_t i = 0; i < esp_graph_node_count(graph_handle(graph)); i++) {
        const esp_graph_node *node = esp_graph_get(graph_handle(graph), i);
        if (strcmp(node->op, "Identity") == 0) {
            cr_assert_lt(cell / 2, 5);
            cr_expect_arr_eq(&node->shape.dims[2], expected[cell / 2], 2 * sizeof(int64_t));
            cr_expect_eq(node->shape.dims[1], 4 * (cell / 2 == 0   ? 1
                                                   : cell / 2 == 1 ? 2
                                                   : cell / 2 == 2 ? 4
                                                   : cell / 2 == 3 ? 2
                                                                   : 1));
            cell++;
        }
    }
    cr_expect_eq(cell, 10);
    char *notes = structure_notes(&lab, arch);
    cr_expect_str_eq(notes, "[network] stem:1 level_0:0 level_1:0 level_2:0 level_1:0 level_0:0 "
                            "classifier:2 0>1 0>2 1>2 0>3 2>3 1>4 3>4 3>5 4>5 5>6"
                            "[cell] before:1 previous:1 add:0 concat:2 0>2=skip_connect "
                            "1>2=skip_connect 2>3");
    free(notes);
    graph_destroy(graph);
    arch_release(arch);
    member_lab_close(&lab);
}

TestLeak(macro_micro, the_structure_of_stages)
{
    struct member_lab lab;
    member_lab_open(&lab, SPACE "blocks = 2\noperations = none, skip_connect\nwidths = 4\n"
                                "levels = 2\nmin_stages = 1\nmax_cells = 2\n");
    struct arch *arch = member_read_json(
        &lab, "[[\"stages\", 2], [\"stage/0/cells\", 2], [\"stage/1/cells\", 1], "
              "[\"cell/2/second\", \"stem\"], [\"cell/block/0/before/op\", \"none\"], "
              "[\"cell/block/0/previous/op\", \"skip_connect\"], "
              "[\"cell/block/1/inputs\", [\"before\", \"block_0\"]], "
              "[\"cell/block/1/before/op\", \"skip_connect\"], "
              "[\"cell/block/1/block_0/op\", \"skip_connect\"]]");
    char *notes = structure_notes(&lab, arch);
    cr_expect_str_eq(notes, "[network] stem:1 level_0:0 level_0:0 level_1:0 classifier:2 "
                            "0>1 0>2 1>2 0>3 2>3 3>4"
                            "[cell] before:1 previous:1 add:0 add:0 concat:2 1>2=skip_connect 2>4 "
                            "0>3=skip_connect 2>3=skip_connect 3>4");
    free(notes);
    arch_release(arch);
    member_lab_close(&lab);
}

// ---- Members ------------------------------------------------------------------------------------

TestLeak(macro_micro, members_are_sampled_mutated_and_crossed)
{
    static const char *const more[] = {
        "",
        "macro = path\nlevels = 4\nmin_cells = 2\nmax_cells = 8\nwidth = double\n",
        "macro = path\nlevels = 3\nstem = 2\nmax_cells = 6\nreach = 128\nblocks = 5\n",
        "stem = 4\nlevels = 3\nmin_stages = 2\n",
    };
    for (size_t i = 0; i < ESP_COUNT(more); i++) {
        struct member_lab lab;
        char ini[512];
        snprintf(ini, sizeof ini,
                 SPACE "widths = 2, 4\n%s[dataset]\nplugin = synthetic\nheight = 23\nwidth = 31\n",
                 more[i]);
        member_lab_open(&lab, ini);
        member_lab_walk(&lab, 40);
        member_lab_close(&lab);
    }
}

// The cell is drawn once: its decisions stand in the trace once, with any number of cells.
TestLeak(macro_micro, the_cell_is_shared)
{
    struct member_lab lab;
    member_lab_open(&lab, SPACE "min_stages = 3\nmin_cells = 2\nmax_cells = 2\nreach = 2\n"
                                "widths = 4\n");
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct arch *arch = member_sample(&lab, seed);
        // 3 blocks: 6 operations, and the inputs of the second and the third.
        cr_expect_eq(esp_arch_count(arch_handle(arch)), 6 + 2);
        arch_release(arch);
    }
    member_lab_close(&lab);
}

// With the network fixed, all operations of all inputs: 2 + 3 edges in each of 2 cells.
TestLeak(macro_micro, relaxed_it_holds_all_operations)
{
    struct member_lab lab;
    struct graph *graph = NULL;
    uint64_t choices = 0;
    member_lab_open(&lab, SPACE "levels = 2\nmin_stages = 2\nmax_cells = 1\nwidths = 4\n"
                                "blocks = 2\n");
    cr_assert_eq(builder_relax(lab.builder, &graph, &lab.error), ESP_OK, "%s", lab.error.message);
    for (uint64_t i = 0; i < esp_graph_node_count(graph_handle(graph)); i++)
        choices += strcmp(esp_graph_get(graph_handle(graph), i)->op, "Choice") == 0;
    cr_expect_eq(choices, 2 * (2 + 3));
    graph_destroy(graph);
    member_lab_close(&lab);
}

// ---- Tasks and parameters -------------------------------------------------------------------------

TestLeak(macro_micro, refuses_what_it_cannot_serve)
{
    static const struct {
        const char *ini, *words;
    } cases[] = {
        {"min_cells = 4\n", "min_cells 4 is larger than max_cells 3"},
        {"min_stages = 4\n", "min_stages 4 is larger than levels 3"},
        {"widths = 8, 4\n", "widths: expected an ascending list"},
        {"operations =\n", "operations"},
        {"operations = sep_conv_4x4\n", "sep_conv_"},
        {"reach = 1\n", "reach"},
        {"max_cells = 128\n", "3 stages of 128 cells: expected at most 128 cells"},
        {"stem = 4\nlevels = 5\n", "expected at least 64x64, and the dataset's are 32x32"},
        {"macro = path\n[dataset]\nplugin = synthetic\nheight = 300\n",
         "expected images of at most 256x256, and the dataset's are 300x32"},
    };
    for (size_t i = 0; i < ESP_COUNT(cases); i++) {
        char ini[256];
        snprintf(ini, sizeof ini, SPACE "%s", cases[i].ini);
        member_lab_expect_refusal(ini, cases[i].words);
    }
}

Test(macro_micro, learns)
{
    short_search(SPACE "widths = 4, 8\n", 3);
    short_search(SPACE "macro = path\nlevels = 4\nmin_cells = 4\nmax_cells = 6\nwidths = 2\n"
                       "width = double\n",
                 3);
}
