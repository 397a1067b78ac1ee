// SPDX-License-Identifier: Apache-2.0
// NAS-Bench-201 cells in words: the whole table's strings and isomorphism classes, and what is wrong
// with strings that are none.
#include "support/leak.h"
#include "support/member_lab.h"
#include "support/shared_table.h"
#include "support/structure_notes.h"

#include <stdlib.h>
#include <string.h>

#define MEMBERS 15625
#define CLASSES 6466

static const char space[] = "[space]\nplugin = nasbench201\n";
static const char text[] =
    "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|nor_conv_3x3~2|";

TestLeak(notation, names_the_decisions)
{
    static const char *const expected[][2] = {
        {"cell/edge/0-1", "nor_conv_3x3"}, {"cell/edge/0-2", "none"},
        {"cell/edge/1-2", "skip_connect"}, {"cell/edge/0-3", "avg_pool_3x3"},
        {"cell/edge/1-3", "nor_conv_1x1"}, {"cell/edge/2-3", "nor_conv_3x3"},
    };
    struct member_lab lab;
    member_lab_open(&lab, space);
    struct arch *arch = member_parse(&lab, text);
    for (uint64_t i = 0; i < ESP_COUNT(expected); i++) {
        const esp_domain *domain = esp_arch_domain(arch_handle(arch), i);
        cr_expect_str_eq(esp_arch_path(arch_handle(arch), i), expected[i][0]);
        cr_expect_str_eq(domain->names[esp_arch_value(arch_handle(arch), i).as.index],
                         expected[i][1]);
    }
    arch_release(arch);
    member_lab_close(&lab);
}

TestLeak(notation, prints_what_it_parses)
{
    struct member_lab lab;
    member_lab_open(&lab, space);
    member_expect_print(&lab, text, text);
    member_lab_reread(&lab, 200);
    member_lab_close(&lab);
    // A decision that is fixed stands in the text as well.
    member_lab_open(&lab, "[space]\nplugin = nasbench201\n[fix]\ncell/edge/1-2 = skip_connect\n");
    member_expect_print(&lab, text, text);
    member_lab_close(&lab);
}

// The table's class is the lowest index of its members; the rows are in the order of the index.
TestLeak(notation, reads_the_whole_table_and_tells_its_6466_classes)
{
    static uint64_t hash_of[MEMBERS];
    struct shared_table table;
    struct member_lab lab;
    size_t classes = 0;
    shared_table_open(&table, "nasbench201/nb201.csv");
    member_lab_open(&lab, space);
    while (shared_table_next(&table)) {
        const char *printed = NULL;
        size_t index = table.row - 1, leader;
        struct arch *arch = member_parse(&lab, shared_table_cell(&table, "arch"));
        cr_assert_lt(index, MEMBERS);
        cr_assert_eq(builder_canonical_hash(lab.builder, arch, &hash_of[index], &lab.error),
                     ESP_OK);
        cr_assert_eq(builder_print(lab.builder, arch, &printed, &lab.error), ESP_OK);
        cr_assert_str_eq(printed, shared_table_cell(&table, "arch"));
        leader = strtoul(shared_table_cell(&table, "iso_class"), NULL, 10);
        cr_assert_leq(leader, index);
        // A member of another class than all before it, or of its leader's.
        if (leader == index) {
            classes++;
            for (size_t i = 0; i < index; i++)
                cr_assert(hash_of[i] != hash_of[index], "rows %zu and %zu", i, index);
        } else {
            cr_assert(hash_of[leader] == hash_of[index], "rows %zu and %zu", leader, index);
        }
        arch_release(arch);
    }
    cr_assert_eq(table.row, MEMBERS);
    cr_assert_eq(classes, CLASSES);
    member_lab_close(&lab);
    shared_table_close(&table);
}

TestLeak(notation, says_what_is_wrong_and_where)
{
    struct member_lab lab;
    member_lab_open(&lab, space);
    member_expect_wrong(&lab, "", "expected '|' at the beginning of a node", 0);
    member_expect_wrong(&lab, "nor_conv_3x3~0", "expected '|'", 0);
    member_expect_wrong(&lab, "|nor_conv_3x3~0|+|nor_conv_3x~0|none~1|",
                        "there is no operation \"nor_conv_3x\"; did you mean nor_conv_3x3?", 18);
    member_expect_wrong(&lab, "|skip~0|", "there is no operation \"skip\": expected none", 1);
    member_expect_wrong(&lab, "|~0|", "expected an operation: none", 1);
    member_expect_wrong(&lab, "|none~0|+|none~1|none~0|", "expected 0", 15);
    member_expect_wrong(&lab, "|none~0|+|none~0|none|", "expected '~'", 21);
    member_expect_wrong(&lab, "|none~0|+|none~0+", "expected '|' after an edge", 16);
    member_expect_wrong(&lab, "|none~0|none~0|", "expected '+' between two nodes", 8);
    member_expect_wrong(&lab, "|none~0|+|none~0|none~1|", "expected '+' between two nodes", 24);
    member_expect_wrong(
        &lab, "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|+|none~0|none~1|none~2|none~3|",
        "expected the end", 47);
    member_lab_close(&lab);
}

// Operators stand on the edges, and an edge of zeros is none.
TestLeak(notation, shows_the_cell_as_a_graph)
{
    struct member_lab lab;
    member_lab_open(&lab, space);
    struct arch *arch = member_parse(&lab, text);
    char *notes = structure_notes(&lab, arch);
    cr_expect_str_eq(notes, "[] -:1 add:0 add:0 add:2 0>1=nor_conv_3x3 1>2=skip_connect "
                            "0>3=avg_pool_3x3 1>3=nor_conv_1x1 2>3=nor_conv_3x3");
    free(notes);
    arch_release(arch);
    member_lab_close(&lab);
}
