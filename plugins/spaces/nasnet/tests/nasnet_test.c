// SPDX-License-Identifier: Apache-2.0
// The NASNet space against NASNet-A as it was published, and against the laws of a space; its notation,
// the DARTS code's form of five nodes; supernets, canonical forms, refusals.
#include "../nasnet.h"

#include "builder/pass.h"
#include "support/leak.h"
#include "support/member_lab.h"

#include <espalier/ext/space_structure.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// NASNet-A and AmoebaNet-A as the DARTS code writes them. The slim code's NASNet-A has other outputs:
// the normal cell's also has h[i-1], the reduction cell's also block 3.
#define NASNET_NORMAL                                                                              \
    "normal=[('sep_conv_5x5', 1), ('sep_conv_3x3', 0), ('sep_conv_5x5', 0), ('sep_conv_3x3', 0), " \
    "('avg_pool_3x3', 1), ('skip_connect', 0), ('avg_pool_3x3', 0), ('avg_pool_3x3', 0), "         \
    "('sep_conv_3x3', 1), ('skip_connect', 1)]"
#define NASNET_REDUCE                                                                              \
    "reduce=[('sep_conv_5x5', 1), ('sep_conv_7x7', 0), ('max_pool_3x3', 1), ('sep_conv_7x7', 0), " \
    "('avg_pool_3x3', 1), ('sep_conv_5x5', 0), ('skip_connect', 3), ('avg_pool_3x3', 2), "         \
    "('sep_conv_3x3', 2), ('max_pool_3x3', 1)]"
#define NASNET                                                                                     \
    "Genotype(" NASNET_NORMAL ", normal_concat=[2, 3, 4, 5, 6], " NASNET_REDUCE                    \
    ", reduce_concat=[4, 5, 6])"
#define NASNET_SLIM                                                                                \
    "Genotype(" NASNET_NORMAL ", normal_concat=[0, 2, 3, 4, 5, 6], " NASNET_REDUCE                 \
    ", reduce_concat=[3, 4, 5, 6])"
#define AMOEBANET                                                                                  \
    "Genotype(normal=[('avg_pool_3x3', 0), ('max_pool_3x3', 1), ('sep_conv_3x3', 0), "             \
    "('sep_conv_5x5', 2), ('sep_conv_3x3', 0), ('avg_pool_3x3', 3), ('sep_conv_3x3', 1), "         \
    "('skip_connect', 1), ('skip_connect', 0), ('avg_pool_3x3', 1)], normal_concat=[4, 5, 6], "    \
    "reduce=[('avg_pool_3x3', 0), ('sep_conv_3x3', 1), ('max_pool_3x3', 0), ('sep_conv_7x7', 2), " \
    "('sep_conv_7x7', 0), ('avg_pool_3x3', 1), ('max_pool_3x3', 0), ('max_pool_3x3', 1), "         \
    "('conv_7x1_1x7', 0), ('sep_conv_3x3', 5)], reduce_concat=[3, 4, 6])"

static struct member_lab lab;

static void open_space(const char *space)
{
    char ini[1024];
    snprintf(ini, sizeof ini, "[space]\nplugin = nasnet\n%s", space);
    member_lab_open(&lab, ini);
}

// ---- Counts -------------------------------------------------------------------------------------

// NASNet-A (4 @ 1056) and (6 @ 4032) with 1,000 classes: 5.3 and 88.9 million params, 564 million and
// 23.8 billion multiply-adds (Zoph et al. 2018, table 2). Keras's models of them, which have slim's
// weights, have 5,289,978 and 88,753,150 trained numbers.
TestLeak(nasnet, nasnet_a_for_imagenet_is_the_published_one)
{
#define IMAGENET(side)                                                                             \
    "[dataset]\nplugin = synthetic\ntrain = 2\nvalid = 2\nclasses = 1000\nheight = " side          \
    "\nwidth = " side "\n"
    static const struct {
        const char *space;
        uint64_t params, macs_in_millions;
    } rows[] = {
        {"channels = 44\ncells = 16\nstem = imagenet\noutput = search\n" IMAGENET("224"), 5289978,
         564},
        {"channels = 168\ncells = 22\nstem = imagenet\nstem_channels = 96\nskip_reduction = yes\n"
         "output = search\n" IMAGENET("331"),
         88753150, 23783},
    };
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        open_space(rows[i].space);
        struct arch *arch = member_parse(&lab, NASNET_SLIM);
        struct graph *graph = member_graph(&lab, arch);
        cr_expect_eq(esp_graph_params(graph_handle(graph)), rows[i].params);
        cr_expect_eq((esp_graph_macs(graph_handle(graph)) + 500000) / 1000000,
                     rows[i].macs_in_millions);
        graph_destroy(graph);
        arch_release(arch);
        member_lab_close(&lab);
    }
}

static uint64_t params_of(const struct arch *arch)
{
    struct graph *graph = member_graph(&lab, arch);
    uint64_t params = esp_graph_params(graph_handle(graph));
    graph_destroy(graph);
    return params;
}

// AmoebaNet-A in the network of the DARTS code, counted again: projections, then in a normal cell three
// sep_conv_3x3 and a sep_conv_5x5, in a reduction cell two sep_conv_3x3, two sep_conv_7x7 and a
// conv_7x1_1x7. Either cell concatenates three blocks.
TestLeak(nasnet, amoebanet_has_its_params_in_the_darts_network)
{
    uint64_t c = 36, before = 3 * c, last = 3 * c, params = 3 * 9 * 3 * c + 2 * 3 * c;
    for (int i = 0; i < 20; i++) {
        bool reduction = i == 6 || i == 13;
        c *= reduction ? 2 : 1;
        params += before * c + 2 * c + last * c + 2 * c;
        uint64_t pair = c * c + 2 * c; // of a separable convolution, beside its kernel
        params += reduction ? 2 * (2 * (9 * c + pair) + 2 * (49 * c + pair)) + 14 * c * c + 2 * c
                            : 2 * (3 * (9 * c + pair) + 25 * c + pair);
        before = last;
        last = 3 * c;
    }
    params += 10 * last + 10;
    open_space("channels = 36\ncells = 20\nnetwork = darts\n");
    struct arch *arch = member_parse(&lab, AMOEBANET);
    cr_expect_eq(params_of(arch), params, "%llu", (unsigned long long)params);
    arch_release(arch);
    member_lab_close(&lab);
}

// What an operation adds to a block of the normal cells beside an identity, over widths of C, 2C, 4C.
TestLeak(nasnet, operations_have_their_params)
{
#define SUM(a, b) ((a) * (1 + 4 + 16) * C * C + (b) * (1 + 2 + 4) * C)
    enum { C = 6 };
    static const struct {
        const char *op, *space;
        uint64_t params;
    } rows[] = {
        {"identity", "", 0},
        {"avg_pool_3x3", "", 0},
        {"max_pool_3x3", "", 0},
        {"max_pool_5x5", "", 0},
        {"max_pool_7x7", "", 0},
        {"conv_1x1", "", SUM(1, 2)},
        {"conv_3x3", "", SUM(9, 2)},
        {"conv_1x3_3x1", "", SUM(6, 2)},
        {"conv_1x7_7x1", "", SUM(14, 2)},
        {"dil_conv_3x3", "", SUM(9, 2)},
        {"dil_conv_3x3", "network = darts\n", SUM(1, 9 + 2)},
        {"sep_conv_3x3", "", SUM(2, 2 * (9 + 2))},
        {"sep_conv_5x5", "", SUM(2, 2 * (25 + 2))},
        {"sep_conv_7x7", "", SUM(2, 2 * (49 + 2))},
    };
    uint64_t plain[2] = {0, 0};
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        for (int with = 0; with < 2; with++) {
            char space[512];
            snprintf(space, sizeof space,
                     "channels = 6\ncells = 5\nnodes = 1\ncombine = add\n%s[fix]\n*/input = 1\n"
                     "reduce/*/op = avg_pool_3x3\nnormal/*/op = identity\n"
                     "normal/block/2/left/1/op = %s\n",
                     rows[i].space, with ? rows[i].op : "identity");
            open_space(space);
            struct arch *arch = member_sample(&lab, 0);
            plain[with] = params_of(arch);
            arch_release(arch);
            member_lab_close(&lab);
        }
        cr_expect_eq(plain[1] - plain[0], rows[i].params, "%s %s: %llu", rows[i].op, rows[i].space,
                     (unsigned long long)(plain[1] - plain[0]));
    }
}

// The first operator that has a window in each operation of a reduction cell.
TestLeak(nasnet, operations_have_their_windows)
{
    static const struct {
        const char *op, *onnx;
        int64_t height, width, stride_height, stride_width, dilation;
        uint64_t relus; // of one operation
    } rows[] = {
        {"identity", "Conv", 1, 1, 2, 2, 1, 1},
        {"conv_1x3_3x1", "Conv", 1, 3, 1, 2, 1, 1},
        {"conv_1x7_7x1", "Conv", 1, 7, 1, 2, 1, 1},
        {"dil_conv_3x3", "Conv", 3, 3, 2, 2, 2, 1},
        {"avg_pool_3x3", "AveragePool", 3, 3, 2, 2, 1, 0},
        {"max_pool_3x3", "MaxPool", 3, 3, 2, 2, 1, 0},
        {"max_pool_5x5", "MaxPool", 5, 5, 2, 2, 1, 0},
        {"max_pool_7x7", "MaxPool", 7, 7, 2, 2, 1, 0},
        {"conv_1x1", "Conv", 1, 1, 2, 2, 1, 1},
        {"conv_3x3", "Conv", 3, 3, 2, 2, 1, 1},
        {"sep_conv_3x3", "Conv", 3, 3, 2, 2, 1, 2},
        {"sep_conv_5x5", "Conv", 5, 5, 2, 2, 1, 2},
        {"sep_conv_7x7", "Conv", 7, 7, 2, 2, 1, 2},
    };
    cr_assert_eq(ESP_COUNT(rows), NASNET_OPERATIONS);
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        char space[512], within[128];
        snprintf(space, sizeof space,
                 "cells = 5\nnodes = 1\ncombine = add\n[fix]\n*/input = 1\nnormal/*/op = "
                 "identity\nreduce/*/op = %s\n",
                 rows[i].op);
        snprintf(within, sizeof within, "cell/1/reduce/block/2/left/1/op/%s/", rows[i].op);
        open_space(space);
        struct arch *arch = member_sample(&lab, 0);
        struct graph *graph = member_graph(&lab, arch);
        const esp_graph_node *first = NULL;
        uint64_t relus = 0;
        for (uint64_t n = 0; n < esp_graph_node_count(graph_handle(graph)); n++) {
            const esp_graph_node *node = esp_graph_get(graph_handle(graph), n);
            if (strncmp(node->path, within, strlen(within)) != 0)
                continue;
            relus += strcmp(node->op, "Relu") == 0;
            if (!first && esp_graph_attribute(node, "kernel_shape"))
                first = node;
        }
        cr_assert_not_null(first, "%s", rows[i].op);
        cr_expect_str_eq(first->op, rows[i].onnx);
        cr_expect_eq(esp_graph_attribute(first, "kernel_shape")->ints[0], rows[i].height);
        cr_expect_eq(esp_graph_attribute(first, "kernel_shape")->ints[1], rows[i].width);
        cr_expect_eq(esp_graph_attribute(first, "strides")->ints[0], rows[i].stride_height);
        cr_expect_eq(esp_graph_attribute(first, "strides")->ints[1], rows[i].stride_width);
        cr_expect_eq(esp_graph_attribute(first, "dilations")->ints[0], rows[i].dilation);
        cr_expect_eq(relus, rows[i].relus, "%s", rows[i].op);
        graph_destroy(graph);
        arch_release(arch);
        member_lab_close(&lab);
    }
}

// With one block of width F a cell's output has F channels, the stem 3 F. The cell behind the first of
// the reductions takes the first cell's output for h[i-1], or the state before it, the stem.
TestLeak(nasnet, a_reduction_may_be_skipped)
{
    for (int skip = 0; skip < 2; skip++) {
        char space[256];
        snprintf(space, sizeof space,
                 "channels = 4\ncells = 5\nnodes = 1\ncombine = add\nskip_reduction = %s\n[fix]\n"
                 "*/op = identity\n*/left/input = 0\n*/right/input = 1\n",
                 skip ? "yes" : "no");
        open_space(space);
        struct arch *arch = member_sample(&lab, 0);
        struct graph *graph = member_graph(&lab, arch);
        int64_t channels = 0;
        for (uint64_t i = 0; i < esp_graph_node_count(graph_handle(graph)); i++) {
            const esp_graph_node *node = esp_graph_get(graph_handle(graph), i);
            if (strcmp(node->path, "cell/2/normal/previous/conv") == 0)
                channels = node->weights[0].shape.dims[1];
        }
        cr_expect_eq(channels, skip ? 3 * 4 : 4);
        graph_destroy(graph);
        arch_release(arch);
        member_lab_close(&lab);
    }
}

// ---- Laws of a space ----------------------------------------------------------------------------

#define ODD                                                                                        \
    "channels = 4\ncells = 6\noutput = search\nauxiliary = yes\n[dataset]\nplugin = synthetic\n"   \
    "height = 31\nwidth = 29\n"

#define ONE_PIXEL "channels = 2\ncells = 5\n[dataset]\nplugin = synthetic\nheight = 1\nwidth = 1\n"

TestLeak(nasnet, members_are_drawn_changed_crossed_and_replayed)
{
    static const char *const spaces[] = {
        "channels = 4\ncells = 5\n",
        ODD,
        ONE_PIXEL,
        "channels = 4\ncells = 3\nnetwork = darts\noutput = search\n",
        "channels = 8\ncells = 7\nstem = imagenet\noutput = search\n",
        "channels = 8\ncells = 8\nstem = imagenet\nskip_reduction = yes\ncombine = concat\n",
        "channels = 4\ncells = 4\nnetwork = darts\nstem = imagenet\nnodes = 8\noutput = blocks\n",
    };
    for (size_t i = 0; i < ESP_COUNT(spaces); i++) {
        open_space(spaces[i]);
        member_lab_walk(&lab, 30);
        member_lab_close(&lab);
    }
}

static esp_status count_member(void *self, struct arch *arch)
{
    (void)arch;
    ++*(uint64_t *)self;
    return ESP_OK;
}

// One block: two of 2 states, two of 13 operations, two ways to combine.
TestLeak(nasnet, a_small_space_is_counted)
{
    uint64_t visited = 0, count = 0;
    open_space("nodes = 1\n[fix]\nreduce/*/input = 1\nreduce/*/op = identity\n"
               "reduce/*/combine = add\n");
    cr_assert_eq(builder_enumerate(lab.builder, count_member, &visited, 0, &count, &lab.error),
                 ESP_OK, "%s", lab.error.message);
    cr_expect_eq(visited, 2 * 2 * 13 * 13 * 2);
    member_lab_close(&lab);
}

static bool has_weight(const esp_graph *graph, const esp_weight *weight)
{
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++) {
        const esp_graph_node *node = esp_graph_get(graph, i);
        for (uint64_t j = 0; j < node->weight_count; j++)
            if (strcmp(node->weights[j].path, weight->path) == 0)
                return memcmp(&node->weights[j].shape, &weight->shape, sizeof weight->shape) == 0;
    }
    return false;
}

// With all blocks in the output every child is a part of the supernet.
TestLeak(nasnet, children_are_parts_of_the_supernet)
{
    struct graph *supernet = NULL;
    open_space("channels = 4\ncells = 5\nnodes = 3\ncombine = add\noutput = blocks\n");
    cr_assert_eq(builder_relax(lab.builder, &supernet, &lab.error), ESP_OK, "%s",
                 lab.error.message);
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct arch *arch = member_sample(&lab, seed);
        struct graph *child = member_graph(&lab, arch);
        const esp_graph *handle = graph_handle(child);
        for (uint64_t i = 0; i < esp_graph_node_count(handle); i++) {
            const esp_graph_node *node = esp_graph_get(handle, i);
            for (uint64_t j = 0; j < node->weight_count; j++)
                cr_assert(has_weight(graph_handle(supernet), &node->weights[j]), "%s",
                          node->weights[j].path);
        }
        graph_destroy(child);
        arch_release(arch);
    }
    graph_destroy(supernet);
    member_lab_close(&lab);
    open_space("combine = add\n");
    cr_expect_eq(builder_relax(lab.builder, &supernet, &lab.error), ESP_ERROR_UNSUPPORTED);
    cr_expect(strstr(lab.error.message, "output = blocks takes all"), "%s", lab.error.message);
    member_lab_close(&lab);
}

// ---- Text ---------------------------------------------------------------------------------------

TestLeak(nasnet, genotypes_of_the_darts_code_are_read_and_printed)
{
    static const char *const spaces[] = {"", "network = darts\n", "output = search\n"};
    for (size_t i = 0; i < ESP_COUNT(spaces); i++) {
        open_space(spaces[i]);
        member_expect_print(&lab, NASNET, NASNET);
        member_expect_print(&lab, AMOEBANET, AMOEBANET);
        member_lab_close(&lab);
    }
    open_space("network = darts\ncombine = add\n[fix]\n*/left/*/op = sep_conv_7x7\n"
               "*/right/*/op = dil_conv_3x3\n");
    member_lab_reread(&lab, 50);
    member_lab_close(&lab);
}

TestLeak(nasnet, what_does_not_parse_is_shown)
{
    open_space("");
#define AT(text, words) (strstr(text, words) - (text))
    static const char concat[] = NASNET_SLIM;
    member_expect_wrong(&lab, concat, "what no block takes, the states 2, 3, 4, 5, 6; with `output",
                        AT(concat, "[0, 2"));
    static const char dilated[] =
        "Genotype(normal=[('dil_conv_3x3', 0), ('skip_connect', 1)], normal_concat=[2], "
        "reduce=[('skip_connect', 0), ('skip_connect', 1)], reduce_concat=[2])";
    member_expect_wrong(&lab, dilated, "there are 2", AT(dilated, "], normal_concat"));
    member_lab_close(&lab);
    open_space("nodes = 1\n");
    member_expect_wrong(&lab, dilated, "`network = darts` in [space] has it",
                        AT(dilated, "dil_conv"));
    static const char unknown[] =
        "Genotype(normal=[('max_pool_3x3', 0), ('conv_1x7_7x1', 1)], normal_concat=[2], "
        "reduce=[('skip_connect', 0), ('skip_connect', 1)], reduce_concat=[2])";
    member_expect_wrong(&lab, unknown, "there is no operation 'conv_1x7_7x1'",
                        AT(unknown, "conv_1x7"));
    static const char later[] =
        "Genotype(normal=[('max_pool_3x3', 0), ('max_pool_3x3', 2)], normal_concat=[2], "
        "reduce=[('skip_connect', 0), ('skip_connect', 1)], reduce_concat=[2])";
    member_expect_wrong(&lab, later, "takes the states 0 to 1", AT(later, "2)], normal"));
    member_lab_close(&lab);
    open_space("combine = concat\n");
    member_expect_wrong(&lab, NASNET, "a genotype's nodes are sums", 0);
    member_lab_close(&lab);
}

// What the notation cannot say is refused by name.
TestLeak(nasnet, what_has_no_name_is_not_printed)
{
    static const struct {
        const char *fix, *words;
    } rows[] = {
        {"*/op = identity\n*/combine = add\nreduce/block/4/combine = concat\n",
         "block 4 of the reduce cell concatenates"},
        {"*/combine = add\n*/op = identity\nnormal/block/3/right/*/op = conv_1x3_3x1\n",
         "block 3 of the normal cell has conv_1x3_3x1, for which a genotype has no name"},
        {"*/combine = add\n*/op = max_pool_5x5\n", "has max_pool_5x5"},
        {"*/combine = add\n*/op = max_pool_7x7\n", "has max_pool_7x7"},
        {"*/combine = add\n*/op = conv_1x1\n", "has conv_1x1"},
        {"*/combine = add\n*/op = conv_3x3\n", "has conv_3x3"},
        {"*/combine = add\n*/op = dil_conv_3x3\n", "depthwise-separable"},
    };
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        char space[256];
        const char *text = NULL;
        snprintf(space, sizeof space, "[fix]\n%s", rows[i].fix);
        open_space(space);
        struct arch *arch = member_sample(&lab, i);
        cr_expect_eq(builder_print(lab.builder, arch, &text, &lab.error), ESP_ERROR_UNSUPPORTED);
        cr_expect(strstr(lab.error.message, rows[i].words), "'%s' is not in '%s'", rows[i].words,
                  lab.error.message);
        arch_release(arch);
        member_lab_close(&lab);
    }
}

// ---- Canonical form -----------------------------------------------------------------------------

static void expect_canonical(const char *text, const char *expected)
{
    const char *form = NULL;
    struct arch *arch = member_parse(&lab, text);
    cr_assert_eq(builder_canonical(lab.builder, arch, &form, &lab.error), ESP_OK, "%s",
                 lab.error.message);
    cr_expect_str_eq(form, expected);
    arch_release(arch);
}

// Halves of a block have no order, nor have blocks among themselves; blocks that nothing reads are not
// there.
TestLeak(nasnet, isomorphic_cells_are_one)
{
#define PLAIN                                                                                      \
    ", reduce=[('skip_connect', 0), ('skip_connect', 1), ('skip_connect', 0), ('skip_connect', "   \
    "1)], reduce_concat=[2])"
#define PLAIN_FORM " reduce 0 identity +* 1 identity; out"
    open_space("nodes = 2\noutput = search\n");
    static const char form[] =
        "normal 0 max_pool_3x3 +* 1 sep_conv_3x3; 0 sep_conv_3x3 +* 1 identity; out 0" PLAIN_FORM;
    expect_canonical("Genotype(normal=[('sep_conv_3x3', 1), ('max_pool_3x3', 0), ('skip_connect', "
                     "1), ('sep_conv_3x3', 0)], normal_concat=[0, 2, 3]" PLAIN,
                     form);
    expect_canonical("Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1), ('max_pool_3x3', "
                     "0), ('sep_conv_3x3', 1)], normal_concat=[0, 2, 3]" PLAIN,
                     form);
    static const char twice[] =
        "normal 0 sep_conv_3x3 + 1 identity; 2 max_pool_3x3 +* 2 sep_conv_3x3; out" PLAIN_FORM;
    expect_canonical("Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1), ('max_pool_3x3', "
                     "2), ('sep_conv_3x3', 2)], normal_concat=[3]" PLAIN,
                     twice);
    expect_canonical("Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1), ('sep_conv_3x3', "
                     "2), ('max_pool_3x3', 2)], normal_concat=[3]" PLAIN,
                     twice);
    member_lab_close(&lab);
}

// ---- Structure ----------------------------------------------------------------------------------

// Writes what it is told as text.
struct notes {
    esp_structure_writer handle; // first
    char text[4096];
};

ESP_PRINTF(2, 3)
static esp_status note(esp_structure_writer *handle, const char *format, ...)
{
    struct notes *notes = (struct notes *)(void *)handle;
    size_t length = strlen(notes->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(notes->text + length, sizeof notes->text - length, format, arguments);
    va_end(arguments);
    return ESP_OK;
}

static esp_status note_cell(esp_structure_writer *writer, const char *name)
{
    return note(writer, "[%s]", name);
}

static esp_status note_vertex(esp_structure_writer *writer, const char *label, uint32_t role)
{
    return note(writer, " %s:%u", label, role);
}

static esp_status note_edge(esp_structure_writer *writer, uint32_t from, uint32_t to,
                            const char *label)
{
    return note(writer, " %u>%u%s%s", from, to, label ? "=" : "", label ? label : "");
}

TestLeak(nasnet, the_structure_has_operations_on_edges)
{
    static const esp_structure_writer_api api = {sizeof api, note_cell, note_vertex, note_edge,
                                                 NULL};
    static const struct nasnet two = {.blocks = 2, .output = OUTPUT_UNUSED, .darts = 1};
    struct notes notes = {.handle.api = &api};
    struct arch *whole = NULL;
    open_space("nodes = 2\nnetwork = darts\n");
    struct arch *arch = member_parse(
        &lab, "Genotype(normal=[('sep_conv_3x3', 1), ('max_pool_3x3', 0), ('skip_connect', 2), "
              "('sep_conv_5x5', 2)], normal_concat=[3], reduce=[('skip_connect', 0), "
              "('skip_connect', 1), ('sep_conv_7x7', 0), ('skip_connect', 1)], "
              "reduce_concat=[2, 3])");
    cr_assert_eq(replay_whole(lab.builder, arch, &whole, &lab.error), ESP_OK);
    const esp_space_structure *structure = nasnet_ability(ESP_SPACE_STRUCTURE);
    cr_assert_eq(structure->structure((void *)(uintptr_t)&two, arch_handle(whole), &notes.handle),
                 ESP_OK);
    cr_expect_str_eq(notes.text,
                     "[normal] previous:1 current:1 add:0 add:0 concat:2 1>2=sep_conv_3x3 "
                     "0>2=max_pool_3x3 2>3=identity 2>3=sep_conv_5x5 3>4"
                     "[reduce] previous:1 current:1 add:0 add:0 concat:2 0>2=identity 1>2=identity "
                     "0>3=sep_conv_7x7 1>3=identity 2>4 3>4");
    arch_release(whole);
    arch_release(arch);
    member_lab_close(&lab);
}

// ---- Tasks and parameters -----------------------------------------------------------------------

TestLeak(nasnet, what_cannot_be_built_is_refused)
{
    static const struct {
        const char *ini, *words;
    } rows[] = {
        {"cells = 4\n", "expected 5 or more: three groups of normal cells and 2 reduction cells"},
        {"cells = 6\nstem = imagenet\n", "expected 7 or more"},
        {"channels = 7\nstem = imagenet\n", "expected 8 or more"},
        {"network = darts\nskip_reduction = yes\n", "skip_reduction is of network = nasnet"},
        {"network = darts\n[dataset]\nplugin = synthetic\nheight = 30\n", "a height of 30"},
        {"stem = imagenet\n[dataset]\nplugin = synthetic\nheight = 2\n", "is not padded"},
        {"auxiliary = yes\n[dataset]\nplugin = synthetic\nwidth = 8\n", "a width of 8 leaves 4"},
    };
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        char ini[512];
        snprintf(ini, sizeof ini, "[space]\nplugin = nasnet\n%s", rows[i].ini);
        member_lab_expect_refusal(ini, rows[i].words);
    }
}

TestLeak(nasnet, members_train)
{
    member_lab_train("[space]\nplugin = nasnet\nchannels = 2\ncells = 5\nauxiliary = yes\n",
                     "height = 32\nwidth = 32\n", 2);
    member_lab_train("[space]\nplugin = nasnet\nchannels = 2\ncells = 3\nnetwork = darts\n"
                     "output = search\n",
                     "channels = 1\nheight = 28\nwidth = 28\n", 2);
    member_lab_train("[space]\nplugin = nasnet\nchannels = 8\ncells = 7\nstem = imagenet\n"
                     "nodes = 2\noutput = search\n",
                     "height = 37\nwidth = 33\n", 2);
}
