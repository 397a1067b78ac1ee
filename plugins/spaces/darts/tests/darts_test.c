// SPDX-License-Identifier: Apache-2.0
// The DARTS space against the recorded networks of the DARTS code, and against the laws of a space:
// members replay, children of the supernet are parts of it, texts are read back, isomorphic cells are
// one.
#include "../darts.h"

#include "builder/pass.h"
#include "support/leak.h"
#include "support/member_lab.h"

#include <espalier/ext/space_structure.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define V2                                                                                         \
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), "             \
    "('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), "         \
    "('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), "              \
    "('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "         \
    "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], "                             \
    "reduce_concat=[2, 3, 4, 5])"

#define FOUR(pairs) pairs ", " pairs ", " pairs ", " pairs
// Every normal node: sep_conv_5x5 of 0, dil_conv_5x5 of 1; every reduction node: avg_pool_3x3 of 0,
// skip_connect of 1.
#define LARGE_NORMAL FOUR("('sep_conv_5x5', 0), ('dil_conv_5x5', 1)")
#define LARGE_REDUCE FOUR("('avg_pool_3x3', 0), ('skip_connect', 1)")
#define LARGE                                                                                      \
    "Genotype(normal=[" LARGE_NORMAL "], normal_concat=range(2, 6), reduce=[" LARGE_REDUCE         \
    "], reduce_concat=range(2, 6))"

static struct member_lab lab;

// `space`: lines of [space] and what follows it.
static void open_space(const char *space)
{
    char ini[1024];
    snprintf(ini, sizeof ini, "[space]\nplugin = darts\n%s", space);
    member_lab_open(&lab, ini);
}

static uint64_t canonical(const struct arch *arch)
{
    uint64_t hash = 0;
    cr_assert_eq(builder_canonical_hash(lab.builder, arch, &hash, &lab.error), ESP_OK, "%s",
                 lab.error.message);
    return hash;
}

// Trained weights whose paths begin with `prefix`.
static uint64_t params_of(const struct graph *graph, const char *prefix)
{
    const esp_graph *handle = graph_handle(graph);
    uint64_t params = 0;
    for (uint64_t i = 0; i < esp_graph_node_count(handle); i++) {
        const esp_graph_node *node = esp_graph_get(handle, i);
        for (uint64_t j = 0; j < node->weight_count; j++)
            if (node->weights[j].role == ESP_WEIGHT_TRAINED &&
                strncmp(node->weights[j].path, prefix, strlen(prefix)) == 0)
                params += esp_shape_size(&node->weights[j].shape);
    }
    return params;
}

// ---- Counts -------------------------------------------------------------------------------------

TestLeak(darts, params_and_macs_are_those_of_the_darts_code)
{
    static const struct {
        const char *space, *text;
        uint64_t params, macs, auxiliary;
    } rows[] = {
        {"channels = 36\ncells = 20\nauxiliary = yes\n", V2, 3349342, 528359040, 476426},
        {"auxiliary = yes\n", V2, 246106, 43444736, 435466},
        {"channels = 24\ncells = 11\ndrop_path = 0\n", V2, 780298, 130373376, 0},
        {"", LARGE, 323578, 58640896, 0},
    };
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        open_space(rows[i].space);
        struct arch *arch = member_parse(&lab, rows[i].text);
        struct graph *graph = member_graph(&lab, arch);
        member_expect_counts(&lab, arch, rows[i].params, rows[i].macs);
        cr_expect_eq(params_of(graph, "auxiliary/"), rows[i].auxiliary);
        cr_expect_eq(esp_graph_output_count(graph_handle(graph)), rows[i].auxiliary ? 2 : 1);
        graph_destroy(graph);
        arch_release(arch);
        member_lab_close(&lab);
    }
}

static uint64_t count_op(const struct graph *graph, const char *op)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < esp_graph_node_count(graph_handle(graph)); i++)
        count += strcmp(esp_graph_get(graph_handle(graph), i)->op, op) == 0;
    return count;
}

// V2 has 8 operations in a cell; 2 of each normal cell and 3 of each reduction cell are skips without a
// stride, which are never dropped.
TestLeak(darts, every_output_but_an_identity_is_dropped)
{
    static const struct {
        const char *space;
        uint64_t dropped;
    } rows[] = {{"", 6 * 6 + 2 * 5}, {"drop_path = 0\n", 0}, {"network = search\n", 0}};
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        open_space(rows[i].space);
        struct arch *arch = member_parse(&lab, V2);
        struct graph *graph = member_graph(&lab, arch);
        cr_expect_eq(count_op(graph, "DropPath"), rows[i].dropped);
        graph_destroy(graph);
        arch_release(arch);
        member_lab_close(&lab);
    }
}

// What no count of params shows. V2 in 8 cells: two projections a cell; five sep_conv_3x3 (two ReLUs and
// batch norms each) and a dil_conv_3x3 in each of 6 normal cells; five max_pool_3x3 in each of 2
// reduction cells, which the search network normalizes; a reduction before each of two cells.
TestLeak(darts, operators_are_those_of_the_darts_code)
{
    for (int search = 0; search < 2; search++) {
        open_space(search ? "network = search\n" : "drop_path = 0\n");
        struct arch *arch = member_parse(&lab, V2);
        member_expect_operators(&lab, arch, "Relu", 8 * 2 + 6 * (5 * 2 + 1));
        member_expect_operators(&lab, arch, "BatchNormalization",
                                1 + 8 * 2 + 6 * (5 * 2 + 1) + (search ? 2 * 5 : 0));
        member_expect_operators(&lab, arch, "MaxPool", 2 * 5);
        member_expect_operators(&lab, arch, "AveragePool", 0);
        member_expect_operators(&lab, arch, "Slice", 2);
        arch_release(arch);
        arch = member_parse(&lab, LARGE);
        member_expect_operators(&lab, arch, "MaxPool", 0);
        member_expect_operators(&lab, arch, "AveragePool", 2 * 4);
        // Projections of two cells, and a skip of stride 2 in each of 4 nodes of the 2 reductions.
        member_expect_operators(&lab, arch, "Slice", 2 + 2 * 4);
        arch_release(arch);
        member_lab_close(&lab);
    }
}

static int64_t first_of(const esp_graph_node *node, const char *list)
{
    return esp_graph_attribute(node, list)->ints[0];
}

TestLeak(darts, dilated_convolutions_alone_are_dilated)
{
    uint64_t dilated = 0, strided = 0;
    open_space("");
    struct arch *arch = member_parse(&lab, LARGE);
    struct graph *graph = member_graph(&lab, arch);
    for (uint64_t i = 0; i < esp_graph_node_count(graph_handle(graph)); i++) {
        const esp_graph_node *node = esp_graph_get(graph_handle(graph), i);
        if (strcmp(node->op, "Conv") != 0)
            continue;
        bool depthwise = strstr(node->path, "dil_conv_5x5/depthwise") != NULL;
        cr_expect_eq(first_of(node, "dilations"), depthwise ? 2 : 1, "%s", node->path);
        cr_expect(!depthwise || first_of(node, "kernel_shape") == 5);
        dilated += depthwise;
        strided += first_of(node, "strides") == 2;
    }
    cr_expect_eq(dilated, 6 * 4);
    cr_expect_eq(strided, 2 * 2 + 2 * 4 * 2, "both halves of each reduction");
    graph_destroy(graph);
    arch_release(arch);
    member_lab_close(&lab);
}

TestLeak(darts, the_network_for_imagenet_has_its_stem_and_head)
{
    open_space("stem = imagenet\nchannels = 48\ncells = 14\nauxiliary = yes\n"
               "[dataset]\nplugin = synthetic\ntrain = 2\nvalid = 2\nheight = 224\nwidth = "
               "224\nclasses = 1000\n");
    struct arch *arch = member_parse(&lab, V2);
    struct graph *graph = member_graph(&lab, arch);
    const esp_graph *handle = graph_handle(graph);
    // conv3x3 3 -> 24, 24 -> 48, 48 -> 48, each with a batch norm.
    cr_expect_eq(params_of(graph, "stem/"),
                 3 * 24 * 9 + 2 * 24 + 24 * 48 * 9 + 2 * 48 + 48 * 48 * 9 + 2 * 48);
    // On 768 channels of 7x7: conv1x1 to 128 with a batch norm, conv2x2 to 768, linear.
    cr_expect_eq(params_of(graph, "auxiliary/"),
                 768 * 128 + 2 * 128 + 128 * 768 * 4 + 768 * 1000 + 1000);
    // The paper's table says 4.7 million.
    cr_expect_eq(esp_graph_params(handle) / 100000, 47);
    graph_destroy(graph);
    arch_release(arch);
    member_lab_close(&lab);
}

// ---- The supernet -------------------------------------------------------------------------------

static int by_path(const void *a, const void *b)
{
    const esp_weight *x = *(const esp_weight *const *)a, *y = *(const esp_weight *const *)b;
    return strcmp(x->path, y->path);
}

// All weights, sorted by path. Owner: the caller.
static const esp_weight **weights_of(const struct graph *graph, size_t *count)
{
    const esp_graph *handle = graph_handle(graph);
    const esp_weight **list = NULL;
    *count = 0;
    for (uint64_t i = 0; i < esp_graph_node_count(handle); i++) {
        const esp_graph_node *node = esp_graph_get(handle, i);
        list = realloc(list, (*count + node->weight_count + 1) * sizeof *list);
        for (uint64_t j = 0; j < node->weight_count; j++)
            list[(*count)++] = &node->weights[j];
    }
    qsort(list, *count, sizeof *list, by_path);
    return list;
}

TestLeak(darts, children_are_parts_of_the_supernet)
{
    open_space("network = search\n");
    struct graph *supernet = NULL;
    cr_assert_eq(builder_relax(lab.builder, &supernet, &lab.error), ESP_OK, "%s",
                 lab.error.message);
    cr_expect_eq(esp_graph_params(graph_handle(supernet)), 1930618);
    cr_expect_eq(count_op(supernet, "Choice"), 14 * 8);
    cr_expect_eq(count_op(supernet, "None"), 14 * 8);
    size_t all_count;
    const esp_weight **all = weights_of(supernet, &all_count);
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct arch *arch = member_sample(&lab, seed);
        struct graph *child = member_graph(&lab, arch);
        size_t count;
        const esp_weight **own = weights_of(child, &count);
        uint64_t params = 0;
        for (size_t i = 0; i < count; i++) {
            const esp_weight **found = bsearch(&own[i], all, all_count, sizeof *all, by_path);
            cr_assert_not_null(found, "%s is not in the supernet", own[i]->path);
            cr_assert_arr_eq(own[i]->shape.dims, (*found)->shape.dims, sizeof own[i]->shape.dims);
            if ((*found)->role == ESP_WEIGHT_TRAINED)
                params += esp_shape_size(&(*found)->shape);
        }
        cr_expect_eq(esp_graph_params(graph_handle(child)), params);
        cr_expect_eq(count_op(child, "None"), 0);
        free(own);
        graph_destroy(child);
        arch_release(arch);
    }
    free(all);
    graph_destroy(supernet);
    member_lab_close(&lab);
}

// ---- Laws of a space ----------------------------------------------------------------------------

TestLeak(darts, members_are_drawn_changed_crossed_and_replayed)
{
    open_space("channels = 4\ncells = 4\n");
    member_lab_walk(&lab, 100);
    // 2 x 3 inputs that are a choice, 2 x 8 operations.
    struct arch *arch = member_sample(&lab, 1);
    cr_expect_eq(esp_arch_count(arch_handle(arch)), 22);
    arch_release(arch);
    member_lab_close(&lab);
}

static esp_status count_member(void *self, struct arch *arch)
{
    (void)arch;
    ++*(uint64_t *)self;
    return ESP_OK;
}

// With one node a cell is two operations on the two inputs: 7^2 cells of each kind.
TestLeak(darts, a_small_space_is_counted)
{
    open_space("nodes = 1\n");
    uint64_t visited = 0, count = 0;
    cr_assert_eq(builder_enumerate(lab.builder, count_member, &visited, 0, &count, &lab.error),
                 ESP_OK);
    cr_expect_eq(visited, 49 * 49);
    cr_expect_eq(count, 49 * 49);
    member_lab_close(&lab);
}

// ---- Text ---------------------------------------------------------------------------------------

TestLeak(darts, texts_are_printed_and_read_back)
{
    open_space("");
    member_lab_reread(&lab, 200);
    member_lab_close(&lab);
    open_space("nodes = 7\n");
    member_lab_reread(&lab, 20);
    member_lab_close(&lab);
}

// Sources ascend where the text has none but a node's two in either order.
TestLeak(darts, a_text_is_printed_in_one_way)
{
    open_space("");
    member_expect_print(&lab, LARGE,
                        "Genotype(normal=[" LARGE_NORMAL
                        "], normal_concat=[2, 3, 4, 5], reduce=[" LARGE_REDUCE
                        "], reduce_concat=[2, 3, 4, 5])");
    member_lab_close(&lab);
}

// The two pairs of a node in either order, range or list, blanks, quotes, arguments in any order.
TestLeak(darts, a_text_may_be_written_in_many_ways)
{
    static const char *const texts[] = {
        V2,
        "Genotype(normal=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 0), "
        "('sep_conv_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 1), ('skip_connect', 0), "
        "('dil_conv_3x3', 2)], normal_concat=range(2, 6), reduce=[('max_pool_3x3', 0), "
        "('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
        "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], "
        "reduce_concat=range(2, 6))",
        " Genotype (\n  reduce_concat = [5, 4, 3, 2,],\n reduce = [(\"max_pool_3x3\", 0), "
        "('max_pool_3x3',1),('skip_connect',2),('max_pool_3x3',1),('max_pool_3x3',0),"
        "('skip_connect',2),('skip_connect',2),('max_pool_3x3',1),],\nnormal_concat=[2,3,4,5],"
        "normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), "
        "('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), "
        "('dil_conv_3x3', 2)],\n)\n",
    };
    open_space("");
    struct arch *first = member_parse(&lab, texts[0]);
    for (size_t i = 1; i < ESP_COUNT(texts); i++) {
        struct arch *arch = member_parse(&lab, texts[i]);
        cr_expect_eq(arch_hash(arch), arch_hash(first));
        arch_release(arch);
    }
    arch_release(first);
    member_lab_close(&lab);
}

TestLeak(darts, what_does_not_parse_is_shown)
{
    // The caret stands where the last word of the row begins, from the change on.
    static const struct {
        const char *what, *by, *message, *caret;
    } rows[] = {
        {"sep_conv_3x3", "sep_conv_3x", "no operation 'sep_conv_3x'; the nearest is sep_conv_3x3",
         "sep_conv_3x"},
        {"sep_conv_3x3", "none", "there is no operation 'none'", "none"},
        {"sep_conv_3x3', 0", "sep_conv_3x3', 2", "takes the states 0 to 1", "2)"},
        {"sep_conv_3x3', 0", "sep_conv_3x3', 1", "take different states", "1), ('sep_conv_3x3', 0"},
        {"('sep_conv_3x3', 0), ", "", "there are 7", "], normal_concat"},
        {"normal=[", "normal=[('skip_connect', 0), ('skip_connect', 1), ", "there are 10",
         "skip_connect', 0), ('dil"},
        {"normal_concat", "normal_conct", "the nearest is normal_concat", "normal_conct"},
        {"normal_concat", "normal", "this argument stands twice", "normal"},
        {", reduce_concat=[2, 3, 4, 5]", "", "reduce_concat is missing", ")"},
        {"[2, 3, 4, 5]", "[3, 4, 5]", "members of the space nasnet", "[3, 4, 5]"},
        {"[2, 3, 4, 5]", "range(2, 7)", "there is no state 6", "range(2, 7)"},
        {"[2, 3, 4, 5]", "range(6, 2)", "this range is empty", "2), reduce"},
        {"[2, 3, 4, 5]", "[2, 2]", "stands twice", "2], reduce"},
        {"[2, 3, 4, 5]", "[2, 3 4]", "expected ',' or ']'", "4], reduce"},
        {"[2, 3, 4, 5]", "[]", "a cell without an output", "[]"},
        {"[2, 3, 4, 5]", "2", "expected a list of states", "2, reduce"},
        {"('sep_conv_3x3', 0)", "'sep_conv_3x3', 0", "expected a pair", "'sep_conv_3x3', 0"},
        {"'sep_conv_3x3', 0", "sep_conv_3x3, 0", "in quotes", "sep_conv_3x3, 0"},
        {"'sep_conv_3x3', 0", "'sep conv_3x3', 0", "the end of the name", " conv_3x3"},
        {"'sep_conv_3x3', 0", "'sep_conv_3x3', x", "the number of a state", "x), "},
        {"'sep_conv_3x3', 0", "'sep_conv_3x3', 99999", "too large", "99999"},
        {"Genotype", "Genotip", "expected Genotype(", "Genotip"},
        {"reduce=", "reduce:", "expected '='", ":["},
        {"reduce_concat=[2, 3, 4, 5])", "reduce_concat=[2, 3, 4, 5]) @", "the end of the text",
         "@"},
    };
    open_space("");
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        char text[2048];
        const char *from = strstr(V2, rows[i].what);
        size_t before = (size_t)(from - V2);
        snprintf(text, sizeof text, "%.*s%s%s", (int)before, V2, rows[i].by,
                 from + strlen(rows[i].what));
        const char *at = strstr(text + before, rows[i].caret);
        cr_assert_not_null(at, "%s", rows[i].caret);
        member_expect_wrong(&lab, text, rows[i].message, at - text);
    }
    member_expect_wrong(&lab, "", "expected Genotype(", 0);
    member_expect_wrong(&lab, "Genotype", "expected '('", 8);
    member_expect_wrong(&lab, "Genotype(normal=[('sep_conv_3x3', 0)", "expected ',' or ']'", 36);
    member_lab_close(&lab);
}

// Texts with a few wrong bytes are members or are refused in words; nothing else happens.
TestLeak(darts, damaged_texts_are_refused)
{
    static const char bytes[] = "()[]',=0123456789 _abcdegimnoprstuvx\"\n\xff";
    esp_random random = esp_random_stream(5, 0, 0, 0, 0);
    open_space("");
    for (int i = 0; i < 5000; i++) {
        char text[sizeof V2 + 8] = V2;
        for (uint64_t edits = 1 + esp_random_below(&random, 3); edits > 0; edits--) {
            size_t length = strlen(text), at = (size_t)esp_random_below(&random, length);
            char byte = bytes[esp_random_below(&random, sizeof bytes - 1)];
            switch (esp_random_below(&random, 4)) {
            case 0:
                text[at] = byte;
                break;
            case 1:
                memmove(text + at, text + at + 1, length - at);
                break;
            case 2:
                memmove(text + at + 1, text + at, length - at + 1);
                text[at] = byte;
                break;
            default:
                text[at] = '\0';
            }
            if (!text[0])
                break;
        }
        struct arch *arch = NULL;
        error_clear(&lab.error);
        esp_status status = builder_parse(lab.builder, text, NULL, 0, &arch, &lab.error);
        if (status == ESP_OK)
            arch_release(arch);
        else
            cr_assert_eq(status, ESP_ERROR_INVALID, "%s: %s", text, lab.error.message);
    }
    member_lab_close(&lab);
}

// ---- Canonical form -----------------------------------------------------------------------------

#define REDUCE "normal_concat=[2, 3, 4, 5], reduce=[" LARGE_REDUCE "], reduce_concat=[2, 3, 4, 5])"

TestLeak(darts, isomorphic_cells_have_one_hash)
{
    // a, b on the inputs; c on a, d on b. The second text has b before a, the third c on b.
    static const char *const texts[] = {
        "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_5x5', 0), "
        "('skip_connect', 1), ('dil_conv_3x3', 2), ('skip_connect', 0), ('avg_pool_3x3', 3), "
        "('max_pool_3x3', 0)], " REDUCE,
        "Genotype(normal=[('sep_conv_5x5', 0), ('skip_connect', 1), ('sep_conv_3x3', 0), "
        "('sep_conv_3x3', 1), ('max_pool_3x3', 0), ('avg_pool_3x3', 2), ('dil_conv_3x3', 3), "
        "('skip_connect', 0)], " REDUCE,
        "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_5x5', 0), "
        "('skip_connect', 1), ('dil_conv_3x3', 3), ('skip_connect', 0), ('avg_pool_3x3', 3), "
        "('max_pool_3x3', 0)], " REDUCE,
    };
    struct arch *archs[3];
    open_space("");
    for (int i = 0; i < 3; i++)
        archs[i] = member_parse(&lab, texts[i]);
    cr_expect_neq(arch_hash(archs[0]), arch_hash(archs[1]));
    cr_expect_eq(canonical(archs[0]), canonical(archs[1]));
    cr_expect_neq(canonical(archs[0]), canonical(archs[2]));
    for (int i = 0; i < 3; i++)
        arch_release(archs[i]);
    member_lab_close(&lab);
}

// The canonical form is itself a member's text, of the same network and the same form.
TestLeak(darts, the_canonical_form_is_a_member_of_its_class)
{
    open_space("channels = 4\ncells = 3\n");
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct arch *arch = member_sample(&lab, seed);
        const char *form = NULL;
        cr_assert_eq(builder_canonical(lab.builder, arch, &form, &lab.error), ESP_OK);
        char *copy = strdup(form);
        struct arch *least = member_parse(&lab, copy);
        struct graph *graphs[2] = {member_graph(&lab, arch), member_graph(&lab, least)};
        cr_expect_eq(canonical(least), canonical(arch));
        cr_expect_eq(esp_graph_params(graph_handle(graphs[0])),
                     esp_graph_params(graph_handle(graphs[1])));
        cr_expect_eq(esp_graph_macs(graph_handle(graphs[0])),
                     esp_graph_macs(graph_handle(graphs[1])));
        graph_destroy(graphs[0]);
        graph_destroy(graphs[1]);
        arch_release(least);
        arch_release(arch);
        free(copy);
    }
    member_lab_close(&lab);
}

struct classes {
    struct arch *members[10000];
    uint64_t hashes[10000], count;
};

static esp_status keep_member(void *self, struct arch *arch)
{
    struct classes *classes = self;
    arch_retain(arch);
    classes->members[classes->count++] = arch;
    return ESP_OK;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

// Of 2 nodes: node 2 has 49 forms, node 3 has 49 on each of 3 pairs of states. Those with both nodes on
// the inputs are one in either order, 49 x 48 / 2 pairs of members; all others are alone.
TestLeak(darts, classes_of_two_nodes_are_counted)
{
    open_space("nodes = 2\n[fix]\nreduce/*/op = skip_connect\nreduce/node/3/inputs = 0, 1\n");
    struct classes *classes = calloc(1, sizeof *classes);
    uint64_t count = 0, distinct = 0;
    cr_assert_eq(builder_enumerate(lab.builder, keep_member, classes, 0, &count, &lab.error),
                 ESP_OK, "%s", lab.error.message);
    cr_assert_eq(classes->count, 49 * 49 * 3);
    for (uint64_t i = 0; i < classes->count; i++) {
        classes->hashes[i] = canonical(classes->members[i]);
        arch_release(classes->members[i]);
    }
    qsort(classes->hashes, classes->count, sizeof *classes->hashes, by_value);
    for (uint64_t i = 0; i < classes->count; i++)
        distinct += i == 0 || classes->hashes[i] != classes->hashes[i - 1];
    cr_expect_eq(distinct, 49 * 49 * 3 - 49 * 48 / 2);
    free(classes);
    member_lab_close(&lab);
}

// ---- Structure ----------------------------------------------------------------------------------

// Writes what it is told as text.
struct notes {
    esp_structure_writer handle; // first
    struct error error;
    char text[4096];
};

ESP_PRINTF(2, 3)
static void note(esp_structure_writer *handle, const char *format, ...)
{
    struct notes *notes = (struct notes *)(void *)handle;
    size_t length = strlen(notes->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(notes->text + length, sizeof notes->text - length, format, arguments);
    va_end(arguments);
}

static esp_status note_cell(esp_structure_writer *writer, const char *name)
{
    note(writer, "[%s]", name);
    return ESP_OK;
}

static esp_status note_vertex(esp_structure_writer *writer, const char *label, uint32_t role)
{
    note(writer, " %s:%u", label, role);
    return ESP_OK;
}

static esp_status note_edge(esp_structure_writer *writer, uint32_t from, uint32_t to,
                            const char *label)
{
    note(writer, " %u>%u%s%s", from, to, label ? "=" : "", label ? label : "");
    return ESP_OK;
}

TestLeak(darts, the_structure_has_operations_on_edges)
{
    static const esp_structure_writer_api api = {sizeof api, note_cell, note_vertex, note_edge,
                                                 NULL};
    static const struct darts two_nodes = {.nodes = 2};
    struct notes notes = {.handle.api = &api};
    open_space("nodes = 2\n");
    struct arch *whole = NULL;
    struct arch *arch = member_parse(
        &lab,
        "Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1), ('max_pool_3x3', 2), "
        "('dil_conv_5x5', 0)], normal_concat=[2, 3], reduce=[('avg_pool_3x3', 0), "
        "('avg_pool_3x3', 1), ('sep_conv_5x5', 1), ('sep_conv_5x5', 2)], reduce_concat=[2, 3])");
    cr_assert_eq(replay_whole(lab.builder, arch, &whole, &lab.error), ESP_OK);
    const esp_space_structure *structure = darts_ability(ESP_SPACE_STRUCTURE);
    cr_assert_eq(
        structure->structure((void *)(uintptr_t)&two_nodes, arch_handle(whole), &notes.handle),
        ESP_OK);
    cr_expect_str_eq(notes.text,
                     "[normal] previous:1 current:1 add:0 add:0 concat:2 0>2=sep_conv_3x3 "
                     "1>2=skip_connect 2>4 0>3=dil_conv_5x5 2>3=max_pool_3x3 3>4"
                     "[reduce] previous:1 current:1 add:0 add:0 concat:2 0>2=avg_pool_3x3 "
                     "1>2=avg_pool_3x3 2>4 1>3=sep_conv_5x5 2>3=sep_conv_5x5 3>4");
    cr_expect_null(darts_ability("esp.space.other/1"));
    arch_release(whole);
    arch_release(arch);
    member_lab_close(&lab);
}

// ---- Tasks and parameters -----------------------------------------------------------------------

#define SYNTHETIC "[dataset]\nplugin = synthetic\ntrain = 8\nvalid = 8\n"

TestLeak(darts, what_cannot_be_built_is_refused)
{
    static const struct {
        const char *ini, *words;
    } rows[] = {
        {"cells = 2\n", "cells"},
        {"nodes = 9\n", "nodes"},
        {"stem = imagenet\nchannels = 15\n" SYNTHETIC "height = 224\nwidth = 224\n",
         "channels: the stem for ImageNet halves them, and 15 is odd"},
        {SYNTHETIC "height = 30\n", "a height of 30"},
        {SYNTHETIC "width = 18\n", "would meet 9; expected a multiple of 4"},
        {"stem = imagenet\n" SYNTHETIC "height = 40\n", "would meet 5; expected a multiple of 32"},
        {"auxiliary = yes\n" SYNTHETIC "height = 28\n", "leaves 7; expected 32 or more"},
    };
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        char ini[1024];
        snprintf(ini, sizeof ini, "[space]\nplugin = darts\n%s", rows[i].ini);
        member_lab_expect_refusal(ini, rows[i].words);
    }
}

TestLeak(darts, members_train)
{
    member_lab_train("[space]\nplugin = darts\nchannels = 2\ncells = 3\nauxiliary = yes\n",
                     "height = 32\nwidth = 32\n", 2);
    member_lab_train("[space]\nplugin = darts\nchannels = 2\ncells = 3\nnetwork = search\n",
                     "channels = 1\nheight = 28\nwidth = 28\n", 2);
}
