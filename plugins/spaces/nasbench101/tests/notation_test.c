// SPDX-License-Identifier: Apache-2.0
// NAS-Bench-101 modules as JSON: what is read and printed, and what is wrong with text that is none.
#include "support/leak.h"
#include "support/member_lab.h"
#include "support/structure_notes.h"

#include <stdlib.h>
#include <string.h>

static const char space[] = "[space]\nplugin = nasbench101\n";

#define C3 "\"conv3x3-bn-relu\""
#define OPS3 "\"ops\": [\"input\", " C3 ", \"output\"]"
#define CHAIN3 "{\"matrix\": [[0, 1, 0], [0, 0, 1], [0, 0, 0]], " OPS3 "}"

TestLeak(notation, prints_what_it_parses)
{
    static const char *const inis[] = {space, "[space]\nplugin = nasbench101\nvertices = 4\n",
                                       "[space]\nplugin = nasbench101\nedges = 4\nvertices = 5\n"};
    struct member_lab lab;
    for (size_t i = 0; i < ESP_COUNT(inis); i++) {
        member_lab_open(&lab, inis[i]);
        member_expect_print(&lab, CHAIN3, CHAIN3);
        for (uint64_t seed = 0; seed < 200; seed++) {
            const char *text = NULL;
            struct arch *arch = member_sample(&lab, seed);
            cr_assert_eq(builder_print(lab.builder, arch, &text, &lab.error), ESP_OK, "%s",
                         lab.error.message);
            char *copy = strdup(text);
            member_expect_print(&lab, copy, copy);
            free(copy);
            arch_release(arch);
        }
        member_lab_close(&lab);
    }
}

// Blanks, the order of the keys, and vertices that are pruned away are the notation's freedom.
TestLeak(notation, reads_what_means_the_same)
{
    struct member_lab lab;
    member_lab_open(&lab, space);
    member_expect_print(&lab, " {" OPS3 ",\n\"matrix\":[[0,1,0],[0,0,1],[0,0,0]]}\n", CHAIN3);
    // Vertex 1 is not reached, and vertex 3 leads nowhere.
    member_expect_print(&lab,
                        "{\"matrix\": [[0,0,1,1,0], [0,0,1,0,1], [0,0,0,0,1], [0,0,0,0,0], "
                        "[0,0,0,0,0]], \"ops\": [\"input\", \"maxpool3x3\", " C3
                        ", \"maxpool3x3\", \"output\"]}",
                        CHAIN3);
    // Eight vertices, ten edges; and when it is pruned two.
    member_expect_print(
        &lab,
        "{\"matrix\": [[0,1,0,0,0,0,0,0], [0,0,0,0,0,0,0,1], [0,0,0,1,1,1,1,1], [0,0,0,0,1,1,0,0], "
        "[0,0,0,0,0,1,0,0], [0,0,0,0,0,0,0,0], [0,0,0,0,0,0,0,0], [0,0,0,0,0,0,0,0]], "
        "\"ops\": [\"input\", " C3 ", " C3 ", " C3 ", " C3 ", " C3 ", " C3 ", \"output\"]}",
        CHAIN3);
    member_lab_close(&lab);
}

TestLeak(notation, the_canonical_form_is_the_benchmarks_hash)
{
    const char *form = NULL;
    struct member_lab lab;
    member_lab_open(&lab, space);
    struct arch *arch =
        member_parse(&lab, "{\"matrix\": [[0, 1], [0, 0]], \"ops\": [\"input\", \"output\"]}");
    cr_assert_eq(builder_canonical(lab.builder, arch, &form, &lab.error), ESP_OK);
    cr_expect_str_eq(form, "043721b9c7fe8c5fad811d47d83132ec");
    arch_release(arch);
    member_lab_close(&lab);
}

#define M3(a, b, c) "{\"matrix\": [[" a "], [" b "], [" c "]], "

TestLeak(notation, says_what_is_wrong_with_a_module)
{
    struct member_lab lab;
    member_lab_open(&lab, space);
    member_expect_wrong(&lab, M3("0, 1, 0", "0, 0, 1", "0, 1, 0") OPS3 "}",
                        "not upper triangular: an edge from vertex 2 to vertex 1", 38);
    member_expect_wrong(&lab, M3("0, 1, 0", "0, 1, 1", "0, 0, 0") OPS3 "}",
                        "not upper triangular: an edge from vertex 1 to vertex 1", 27);
    member_expect_wrong(&lab, M3("0, 1, 0", "0, 0, 0", "0, 0, 0") OPS3 "}",
                        "the output is unreachable", 11);
    member_expect_wrong(&lab,
                        "{\"matrix\": [[0,1,1,1,1],[0,0,1,1,1],[0,0,0,1,1],[0,0,0,0,1],"
                        "[0,0,0,0,0]], \"ops\": [\"input\", " C3 ", " C3 ", " C3 ", \"output\"]}",
                        "the module has 10 edges when it is pruned: expected at most 9", 11);
    member_expect_wrong(
        &lab,
        "{\"matrix\": [[0,1,0,0,0,0,0,0], [0,0,1,0,0,0,0,0], [0,0,0,1,0,0,0,0], [0,0,0,0,1,0,0,0], "
        "[0,0,0,0,0,1,0,0], [0,0,0,0,0,0,1,0], [0,0,0,0,0,0,0,1], [0,0,0,0,0,0,0,0]], "
        "\"ops\": [\"input\", " C3 ", " C3 ", " C3 ", " C3 ", " C3 ", " C3 ", \"output\"]}",
        "the module has 8 vertices when it is pruned: expected at most 7", 11);
    member_lab_close(&lab);
}

#define HEAD "{\"matrix\": [[0, 1, 0], [0, 0, 1], [0, 0, 0]], \"ops\": ["
#define HEAD_SIZE 54

TestLeak(notation, says_what_is_wrong_with_operations)
{
    struct member_lab lab;
    member_lab_open(&lab, space);
    cr_assert_eq(strlen(HEAD), HEAD_SIZE);
    member_expect_wrong(&lab, HEAD "\"input\", \"conv3x3-bn-rlu\", \"output\"]}",
                        "there is no operation \"conv3x3-bn-rlu\"; did you mean conv3x3-bn-relu?",
                        HEAD_SIZE + 9);
    member_expect_wrong(&lab, HEAD "\"input\", \"lstm\", \"output\"]}",
                        "there is no operation \"lstm\": expected conv3x3-bn-relu", HEAD_SIZE + 9);
    member_expect_wrong(&lab, HEAD "\"input\", \"output\"]}",
                        "there are 2 operations, and the matrix has 3 vertices", HEAD_SIZE - 1);
    member_expect_wrong(&lab, HEAD C3 ", " C3 ", \"output\"]}", "\"input\" is the first",
                        HEAD_SIZE);
    member_expect_wrong(&lab, HEAD "\"input\", \"output\", \"output\"]}", "\"output\" is the last",
                        HEAD_SIZE + 9);
    member_expect_wrong(&lab, HEAD "\"input\", \"input\", \"output\"]}", "\"input\" is the first",
                        HEAD_SIZE + 9);
    member_lab_close(&lab);
}

TestLeak(notation, says_where_the_json_is_wrong)
{
    struct member_lab lab;
    member_lab_open(&lab, space);
    member_expect_wrong(&lab, "", "expected '{'", 0);
    member_expect_wrong(&lab, "[]", "expected '{'", 0);
    member_expect_wrong(&lab, "{}", "expected '\"' and \"matrix\" or \"ops\"", 1);
    member_expect_wrong(&lab, "{\"matrx\": []}", "there is no \"matrx\" here", 1);
    member_expect_wrong(&lab, "{\"matrix\" []}", "expected ':'", 10);
    member_expect_wrong(&lab, "{\"matrix\": []}", "expected '['", 12);
    member_expect_wrong(&lab, "{\"matrix\": [[]]}", "expected 0 or 1", 13);
    member_expect_wrong(&lab, "{\"matrix\": [[0, 2]]}", "expected 0 or 1", 16);
    member_expect_wrong(&lab, "{\"matrix\": [[0, 10]]}", "expected 0 or 1", 16);
    member_expect_wrong(&lab, "{\"matrix\": [[0, 1}", "expected ']' or ','", 17);
    member_expect_wrong(&lab, "{\"matrix\": [[0]]}", "at least two vertices", 11);
    member_expect_wrong(&lab, "{\"matrix\": [[0, 1]]}", "not square: 1 rows of 2 entries", 11);
    member_expect_wrong(&lab, "{\"matrix\": [[0, 1], [0]]}", "row 1 has 1 entries, and row 0 has 2",
                        20);
    member_expect_wrong(&lab, "{\"matrix\": [[0, 1], [0, 0], [0, 0]]}", "more rows than columns",
                        28);
    member_expect_wrong(&lab, "{\"matrix\": [[0, 1], [0, 0]]}", "there is no \"ops\"", 27);
    member_expect_wrong(&lab, "{\"ops\": [\"input\", \"output]}", "expected '\"' at the end", 27);
    member_expect_wrong(&lab, "{\"ops\": [\"input\"], \"ops\": []}", "for the second time", 19);
    member_expect_wrong(&lab, CHAIN3 ";", "expected the end", (int64_t)strlen(CHAIN3));
    member_lab_close(&lab);
}

// Of the pruned module: vertex 1 is not reached.
TestLeak(notation, shows_the_module_as_a_graph)
{
    struct member_lab lab;
    member_lab_open(&lab, space);
    struct arch *arch = member_parse(
        &lab, "{\"matrix\": [[0,0,1,1,0], [0,0,1,0,1], [0,0,0,1,1], [0,0,0,0,1], [0,0,0,0,0]], "
              "\"ops\": [\"input\", " C3 ", " C3 ", \"maxpool3x3\", \"output\"]}");
    char *notes = structure_notes(&lab, arch);
    cr_expect_str_eq(notes, "[] -:1 conv3x3-bn-relu:0 maxpool3x3:0 -:2 0>1 0>2 1>2 1>3 2>3");
    free(notes);
    arch_release(arch);
    member_lab_close(&lab);
}
