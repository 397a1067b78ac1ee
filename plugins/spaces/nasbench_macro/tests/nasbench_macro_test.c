// SPDX-License-Identifier: Apache-2.0
// The networks of NAS-Bench-Macro: the counts of all 6,561 rows of the benchmark's table, keys,
// canonical classes, and what is refused.
#include "support/leak.h"
#include "support/member_lab.h"
#include "support/shared_table.h"
#include "support/structure_notes.h"

#include <stdlib.h>
#include <string.h>

#define MEMBERS 6561
#define CLASSES 3969

static const char space[] = "[space]\nplugin = nasbench_macro\n";
static const char small[] = "[space]\nplugin = nasbench_macro\n"
                            "stem_channels = 2\nchannels = 3\nhead_channels = 5\n";

static void expect_counts(struct member_lab *lab, const char *key, uint64_t params, uint64_t macs)
{
    struct arch *arch = member_parse(lab, key);
    member_expect_counts(lab, arch, params, macs);
    arch_release(arch);
}

TestLeak(nasbench_macro, has_the_published_counts)
{
    struct member_lab lab;
    member_lab_open(&lab, space);
    expect_counts(&lab, "00000000", 387882, 7713280);
    expect_counts(&lab, "00000001", 791594, 14115328);
    member_lab_close(&lab);
}

TestLeak(nasbench_macro, has_the_params_and_macs_of_every_row_of_the_table)
{
    struct shared_table table;
    struct member_lab lab;
    shared_table_open(&table, "nasbench_macro/nasbench_macro.csv");
    member_lab_open(&lab, space);
    while (shared_table_next(&table))
        expect_counts(&lab, shared_table_cell(&table, "arch"),
                      strtoull(shared_table_cell(&table, "params"), NULL, 10),
                      strtoull(shared_table_cell(&table, "flops"), NULL, 10));
    cr_assert_eq(table.row, MEMBERS);
    member_lab_close(&lab);
    shared_table_close(&table);
}

// What costs neither params nor multiply-adds: activations, and the sums of blocks of stride 1.
TestLeak(nasbench_macro, has_its_activations_and_shortcuts)
{
    struct member_lab lab;
    member_lab_open(&lab, small);
    struct arch *arch = member_parse(&lab, "12121212");
    member_expect_operators(&lab, arch, "Conv", 1 + 8 * 3 + 1);
    member_expect_operators(&lab, arch, "BatchNormalization", 1 + 8 * 3 + 1);
    member_expect_operators(&lab, arch, "Relu", 1 + 8 * 2 + 1);
    member_expect_operators(&lab, arch, "Add", 5);
    arch_release(arch);
    arch = member_parse(&lab, "00000000");
    member_expect_operators(&lab, arch, "Conv", 1 + 3 + 1);
    member_expect_operators(&lab, arch, "BatchNormalization", 1 + 3 + 1);
    member_expect_operators(&lab, arch, "Relu", 1 + 1);
    member_expect_operators(&lab, arch, "Add", 0);
    arch_release(arch);
    member_lab_close(&lab);
}

// ---- Members ------------------------------------------------------------------------------------

static esp_status visit(void *self, struct arch *arch)
{
    (void)self;
    (void)arch;
    return ESP_OK;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

TestLeak(nasbench_macro, there_are_6561_of_3969_classes)
{
    static uint64_t hashes[MEMBERS];
    struct member_lab lab;
    size_t classes = 1;
    member_lab_open(&lab, space);
    for (unsigned i = 0; i < MEMBERS; i++) {
        char key[] = "00000000";
        for (unsigned k = 0, rest = i; k < 8; k++, rest /= 3)
            key[k] = (char)('0' + rest % 3);
        struct arch *arch = member_parse(&lab, key);
        cr_assert_eq(builder_canonical_hash(lab.builder, arch, &hashes[i], &lab.error), ESP_OK);
        arch_release(arch);
    }
    qsort(hashes, MEMBERS, sizeof hashes[0], compare);
    for (size_t i = 1; i < MEMBERS; i++)
        classes += hashes[i] != hashes[i - 1];
    cr_expect_eq(classes, CLASSES);
    member_lab_close(&lab);
}

TestLeak(nasbench_macro, the_canonical_form_moves_identities_to_the_end_of_their_stage)
{
    static const char *const pairs[][2] = {
        {"22212220", "22212220"}, {"00000000", "00000000"}, {"01201202", "01210220"},
        {"10002001", "10020010"}, {"20102010", "20120010"},
    };
    struct member_lab lab;
    member_lab_open(&lab, space);
    for (size_t i = 0; i < ESP_COUNT(pairs); i++) {
        const char *form = NULL;
        struct arch *arch = member_parse(&lab, pairs[i][0]);
        cr_assert_eq(builder_canonical(lab.builder, arch, &form, &lab.error), ESP_OK);
        cr_expect_str_eq(form, pairs[i][1]);
        arch_release(arch);
    }
    member_lab_close(&lab);
}

TestLeak(nasbench_macro, members_are_counted_sampled_mutated_and_crossed)
{
    struct member_lab lab;
    uint64_t count;
    member_lab_open(&lab, small);
    cr_assert_eq(builder_enumerate(lab.builder, visit, NULL, 0, &count, &lab.error), ESP_OK);
    cr_assert_eq(count, MEMBERS);
    member_lab_walk(&lab, 100);
    member_lab_reread(&lab, 100);
    member_lab_close(&lab);
}

TestLeak(nasbench_macro, relaxed_it_holds_all_operations)
{
    struct member_lab lab;
    struct graph *graph = NULL;
    uint64_t choices = 0;
    member_lab_open(&lab, small);
    cr_assert_eq(builder_relax(lab.builder, &graph, &lab.error), ESP_OK, "%s", lab.error.message);
    for (uint64_t i = 0; i < esp_graph_node_count(graph_handle(graph)); i++)
        choices += strcmp(esp_graph_get(graph_handle(graph), i)->op, "Choice") == 0;
    cr_expect_eq(choices, 8);
    graph_destroy(graph);
    member_lab_close(&lab);
}

// The benchmark trained one network of each class: its rows share all numbers, the measured ones too.
TestLeak(nasbench_macro, rows_of_one_class_are_one_network)
{
    static char mean[MEMBERS][16];
    struct shared_table table;
    struct member_lab lab;
    size_t moved = 0;
    shared_table_open(&table, "nasbench_macro/nasbench_macro.csv");
    member_lab_open(&lab, space);
    while (shared_table_next(&table))
        snprintf(mean[strtoul(shared_table_cell(&table, "arch"), NULL, 3)], sizeof mean[0], "%s",
                 shared_table_cell(&table, "mean_acc"));
    rewind(table.file);
    cr_assert(shared_table_next(&table)); // the header
    while (shared_table_next(&table)) {
        const char *key = shared_table_cell(&table, "arch"), *form = NULL;
        struct arch *arch = member_parse(&lab, key);
        cr_assert_eq(builder_canonical(lab.builder, arch, &form, &lab.error), ESP_OK);
        cr_assert_str_eq(mean[strtoul(key, NULL, 3)], mean[strtoul(form, NULL, 3)]);
        moved += strcmp(key, form) != 0;
        arch_release(arch);
    }
    cr_assert_eq(moved, MEMBERS - CLASSES);
    member_lab_close(&lab);
    shared_table_close(&table);
}

// ---- Words and tasks ----------------------------------------------------------------------------

TestLeak(nasbench_macro, says_what_is_wrong_and_where)
{
    struct member_lab lab;
    member_lab_open(&lab, space);
    member_expect_print(&lab, "22212220", "22212220");
    member_expect_wrong(&lab, "", "expected 8 digits, one a layer, and there are 0", 0);
    member_expect_wrong(&lab, "2221222", "expected 8 digits, one a layer, and there are 7", 7);
    member_expect_wrong(&lab, "22312220", "expected 0 (identity), 1 (mb3_k3) or 2 (mb6_k5)", 2);
    member_expect_wrong(&lab, "222122201", "expected the end: there are 8 layers", 8);
    member_lab_close(&lab);
}

TestLeak(nasbench_macro, serves_images_of_any_size_from_8x8_on)
{
    static const char *const sizes[] = {"height = 8\nwidth = 8\n", "height = 9\nwidth = 13\n",
                                        "height = 28\nwidth = 28\nchannels = 1\nclasses = 2\n"};
    for (size_t i = 0; i < ESP_COUNT(sizes); i++) {
        struct member_lab lab;
        char ini[256];
        snprintf(ini, sizeof ini, "%s[dataset]\nplugin = synthetic\n%s", small, sizes[i]);
        member_lab_open(&lab, ini);
        member_lab_walk(&lab, 10);
        member_lab_close(&lab);
    }
    member_lab_expect_refusal("[space]\nplugin = nasbench_macro\n[dataset]\nplugin = synthetic\n"
                              "height = 7\nwidth = 8\n",
                              "expected at least 8x8, and the dataset's are 7x8");
    member_lab_expect_refusal(
        "[space]\nplugin = nasbench_macro\n[dataset]\nplugin = made\nkind = rows\n",
        "it builds networks for images, and the dataset has rows");
    member_lab_expect_refusal("[space]\nplugin = nasbench_macro\nchannels = 0\n", "channels");
}

TestLeak(nasbench_macro, members_train)
{
    member_lab_train(small, "height = 9\nwidth = 10\nclasses = 3", 6);
}

TestLeak(nasbench_macro, shows_its_layers_as_a_graph)
{
    struct member_lab lab;
    member_lab_open(&lab, space);
    struct arch *arch = member_parse(&lab, "01210220");
    char *notes = structure_notes(&lab, arch);
    cr_expect_str_eq(notes, "[] -:1 identity:0 mb3_k3:0 mb6_k5:0 mb3_k3:0 identity:0 mb6_k5:0 "
                            "mb6_k5:0 identity:0 -:2 0>1 1>2 2>3 3>4 4>5 5>6 6>7 7>8 8>9");
    free(notes);
    arch_release(arch);
    member_lab_close(&lab);
}
