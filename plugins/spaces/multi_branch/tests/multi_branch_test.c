// SPDX-License-Identifier: Apache-2.0
// The multi-branch space: a ResNet and a DenseNet are members, to the last parameter; counts worked
// out by hand; how maps of other sizes are aligned; and what is refused.
#include "support/leak.h"
#include "support/member_lab.h"
#include "support/short_search.h"
#include "support/structure_notes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- Members by hand ------------------------------------------------------------------------------

// Decisions as they are said, layer by layer.
struct sheet {
    json_t *decisions;
    int layers;
};

static void say(struct sheet *sheet, const char *name, json_t *value)
{
    char path[128];
    snprintf(path, sizeof path, "layer/%d/%s", sheet->layers, name);
    json_array_append_new(sheet->decisions, json_pack("[s, o]", path, value));
}

// Begins a layer with these inputs (-1 ends them); `merge` NULL: it is no decision. Answers its index.
static int say_layer(struct sheet *sheet, const char *merge, const int *inputs, const char *op)
{
    json_t *names = json_array();
    int count = 0;
    for (; inputs[count] >= 0; count++)
        json_array_append_new(names, json_sprintf("layer_%d", inputs[count]));
    if (sheet->layers > 0)
        say(sheet, "inputs", names);
    else
        json_decref(names);
    if (count > 1 && merge)
        say(sheet, "merge", json_string(merge));
    say(sheet, "op", json_string(op));
    return sheet->layers;
}

static int say_conv(struct sheet *sheet, const char *merge, const int *inputs, const char *op,
                    const char *form, int width, int stride)
{
    char name[64];
    say_layer(sheet, merge, inputs, op);
    snprintf(name, sizeof name, "op/%s/form", op);
    if (form)
        say(sheet, name, json_string(form));
    snprintf(name, sizeof name, "op/%s/width", op);
    say(sheet, name, json_sprintf("%d", width));
    snprintf(name, sizeof name, "op/%s/stride", op);
    say(sheet, name, json_sprintf("%d", stride));
    return sheet->layers++;
}

static int say_other(struct sheet *sheet, const char *merge, const int *inputs, const char *op)
{
    say_layer(sheet, merge, inputs, op);
    return sheet->layers++;
}

static struct arch *read_sheet(struct member_lab *lab, struct sheet *sheet)
{
    char *text = json_dumps(sheet->decisions, 0);
    struct arch *arch = member_read_json(lab, text);
    free(text);
    json_decref(sheet->decisions);
    return arch;
}

#define INPUTS(...) ((const int[]){__VA_ARGS__, -1})
#define IMAGE ((const int[]){-1})

// ---- ResNet ---------------------------------------------------------------------------------------

// He et al. 2016, section 4.2, n = 3: a 3x3 convolution, then 3 stages of 3 blocks of two. A layer
// "relu" is where a block's sum is taken: of its second convolution and of what went into it.
static struct arch *read_resnet20(struct member_lab *lab)
{
    struct sheet sheet = {json_array(), 0};
    int shortcut = say_conv(&sheet, NULL, IMAGE, "conv_3x3", "conv_bn_relu", 16, 1);
    for (int stage = 0, width = 16; stage < 3; stage++, width *= 2)
        for (int block = 0; block < 3; block++) {
            int stride = stage > 0 && block == 0 ? 2 : 1;
            int first =
                say_conv(&sheet, NULL, INPUTS(shortcut), "conv_3x3", "conv_bn_relu", width, stride);
            int second = say_conv(&sheet, NULL, INPUTS(first), "conv_3x3", "conv_bn", width, 1);
            shortcut = say_other(&sheet, "sum", INPUTS(shortcut, second), "relu");
        }
    return read_sheet(lab, &sheet);
}

static void expect_resnet(const char *align, uint64_t params, uint64_t macs)
{
    struct member_lab lab;
    char ini[512];
    snprintf(ini, sizeof ini,
             "[space]\nplugin = multi_branch\nmin_depth = 28\nmax_depth = 28\nalign = %s\n"
             "operations = conv_3x3, relu, identity\nforms = conv_bn_relu, conv_bn\n",
             align);
    member_lab_open(&lab, ini);
    struct arch *arch = read_resnet20(&lab);
    member_expect_counts(&lab, arch, params, macs);
    arch_release(arch);
    member_lab_close(&lab);
}

// 269,722 params with shortcuts without parameters (option A), 2,752 more with 1x1 convolutions.
TestLeak(multi_branch, resnet_20_is_a_member)
{
    uint64_t macs = 9 * 3 * 16 * 1024 + 6 * 9 * 16 * 16 * 1024 + 640;
    macs += (9 * 16 * 32 + 5 * 9 * 32 * 32) * 256 + (9 * 32 * 64 + 5 * 9 * 64 * 64) * 64;
    expect_resnet("subsample", 269722, macs);
    expect_resnet("project", 269722 + 16 * 32 + 64 + 32 * 64 + 128,
                  macs + 16 * 32 * 256 + 32 * 64 * 64);
}

// ---- DenseNet -------------------------------------------------------------------------------------

// Huang et al. 2017, depth 40, growth 12, without bottlenecks: a 3x3 convolution to 16, 3 blocks of 12
// layers that each take all before them in the block, between them a 1x1 convolution and a pool.
static struct arch *read_densenet40(struct member_lab *lab)
{
    struct sheet sheet = {json_array(), 0};
    int before[16], count = 0, channels = 16;
    before[count++] = say_conv(&sheet, NULL, IMAGE, "conv_3x3", "conv", 16, 1);
    for (int block = 0; block < 3; block++) {
        for (int i = 0; i < 12; i++) {
            before[count] = -1;
            before[count] = say_conv(&sheet, "concat", before, "conv_3x3", "bn_relu_conv", 12, 1);
            count++;
        }
        before[count] = -1;
        channels += 12 * 12;
        if (block == 2)
            break;
        int mixed = say_conv(&sheet, "concat", before, "conv_1x1", "bn_relu_conv", channels, 1);
        count = 0;
        before[count++] = say_other(&sheet, NULL, INPUTS(mixed), "avg_pool_2x2");
    }
    say_other(&sheet, "concat", before, "bn_relu");
    return read_sheet(lab, &sheet);
}

TestLeak(multi_branch, densenet_40_is_a_member)
{
    struct member_lab lab;
    uint64_t macs = 9 * 3 * 16 * 1024 + 448 * 10, size = 1024;
    for (uint64_t block = 0, c = 16; block < 3; block++, size /= 4) {
        for (int i = 0; i < 12; i++, c += 12)
            macs += 9 * c * 12 * size;
        macs += block < 2 ? c * c * size : 0;
    }
    member_lab_open(&lab, "[space]\nplugin = multi_branch\nmin_depth = 42\nmax_depth = 42\n"
                          "operations = conv_3x3, conv_1x1, avg_pool_2x2, bn_relu\n"
                          "forms = bn_relu_conv, conv\nwidths = 12, 16, 160, 304\n");
    struct arch *arch = read_densenet40(&lab);
    member_expect_counts(&lab, arch, 1019722, macs);
    arch_release(arch);
    member_lab_close(&lab);
}

// ---- Alignment ------------------------------------------------------------------------------------

// Layer 0 keeps 7x9 and has 4 channels, layer 1 (of the image) has 4x5 and 8; layer 2 joins both.
static void expect_shape(const char *align, const char *merge, const int64_t expected[3],
                         uint64_t params)
{
    struct member_lab lab;
    struct sheet sheet = {json_array(), 0};
    char ini[512];
    snprintf(ini, sizeof ini,
             "[space]\nplugin = multi_branch\nmin_depth = 3\nmax_depth = 3\nalign = %s\n"
             "operations = conv_1x1, identity\nforms = conv\nwidths = 4, 8\nmin_size = 1\n"
             "[dataset]\nplugin = synthetic\nheight = 7\nwidth = 9\n",
             align);
    member_lab_open(&lab, ini);
    int first = say_conv(&sheet, NULL, IMAGE, "conv_1x1", NULL, 4, 1);
    int second = say_conv(&sheet, NULL, IMAGE, "conv_1x1", NULL, 8, 2);
    say_other(&sheet, merge, INPUTS(first, second), "identity");
    struct arch *arch = read_sheet(&lab, &sheet);
    struct graph *graph = member_graph(&lab, arch);
    bool found = false;
    for (uint64_t i = 0; i < esp_graph_node_count(graph_handle(graph)); i++) {
        const esp_graph_node *node = esp_graph_get(graph_handle(graph), i);
        if (strcmp(node->op, "Identity") == 0) {
            found = true;
            cr_expect_arr_eq(&node->shape.dims[1], expected, 3 * sizeof expected[0],
                             "%s, %s: %lld %lld %lld", align, merge, (long long)node->shape.dims[1],
                             (long long)node->shape.dims[2], (long long)node->shape.dims[3]);
        }
    }
    cr_expect(found);
    cr_expect_eq(esp_graph_params(graph_handle(graph)), params, "%s, %s: %llu", align, merge,
                 (unsigned long long)esp_graph_params(graph_handle(graph)));
    graph_destroy(graph);
    arch_release(arch);
    member_lab_close(&lab);
}

TestLeak(multi_branch, maps_of_other_sizes_are_aligned)
{
    const uint64_t convs = 3 * 4 + 3 * 8;
    expect_shape("pad", "sum", (const int64_t[]){8, 7, 9}, convs + 90);
    expect_shape("pad", "concat", (const int64_t[]){12, 7, 9}, convs + 130);
    expect_shape("subsample", "sum", (const int64_t[]){8, 4, 5}, convs + 90);
    expect_shape("subsample", "concat", (const int64_t[]){12, 4, 5}, convs + 130);
    expect_shape("project", "sum", (const int64_t[]){8, 4, 5}, convs + 90 + 4 * 8 + 16);
    expect_shape("project", "concat", (const int64_t[]){12, 4, 5}, convs + 130 + 4 * 4 + 8);
}

// ---- Members ------------------------------------------------------------------------------------

static esp_status visit(void *self, struct arch *arch)
{
    (void)self;
    (void)arch;
    return ESP_OK;
}

// Three layers of two operations: 2^3 of operations, 2 and 4 subsets; a sum or a concatenation where
// both are taken.
TestLeak(multi_branch, members_are_counted)
{
    struct member_lab lab;
    uint64_t count = 0;
    member_lab_open(&lab, "[space]\nplugin = multi_branch\nmin_depth = 3\nmax_depth = 3\n"
                          "operations = identity, conv_3x3\nwidths = 8\nstrides = 1\n");
    cr_assert_eq(builder_enumerate(lab.builder, visit, NULL, 0, &count, &lab.error), ESP_OK, "%s",
                 lab.error.message);
    cr_expect_eq(count, 8 * 2 * (4 + 1));
    member_lab_close(&lab);
}

#define ALL_FORMS                                                                                  \
    "operations = conv, max_pool_2x2, avg_pool_2x2, bn_relu, sep_conv_5x5\nmax_inputs = 2\n"       \
    "forms = conv_bn_relu, bn_relu_conv, conv_bn, conv\n"

TestLeak(multi_branch, members_are_sampled_mutated_and_crossed)
{
    static const char *const more[] = {
        "align = pad\n",
        "align = subsample\nstrides = 1, 2, 3\nmin_size = 1\n",
        "align = project\nstrides = 1, 2, 3\nmin_size = 1\n",
        ALL_FORMS,
    };
    for (size_t i = 0; i < ESP_COUNT(more); i++) {
        struct member_lab lab;
        char ini[512];
        snprintf(ini, sizeof ini,
                 "[space]\nplugin = multi_branch\nwidths = 2, 4\n%s[dataset]\nplugin = synthetic\n"
                 "height = 23\nwidth = 31\n",
                 more[i]);
        member_lab_open(&lab, ini);
        member_lab_walk(&lab, 60);
        member_lab_close(&lab);
    }
}

// Where the map may not be halved, what halves it is not offered.
TestLeak(multi_branch, maps_stay_above_the_smallest_size)
{
    struct member_lab lab;
    member_lab_open(&lab, "[space]\nplugin = multi_branch\nmin_depth = 12\nmax_depth = 12\n"
                          "operations = max_pool_2x2, max_pool_3x3, conv_3x3\nmin_size = 5\n"
                          "strides = 2, 4\nmerge = sum\nwidths = 2\n");
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct arch *arch = member_sample(&lab, seed);
        struct graph *graph = member_graph(&lab, arch);
        for (uint64_t i = 0; i < esp_graph_node_count(graph_handle(graph)); i++) {
            const esp_graph_node *node = esp_graph_get(graph_handle(graph), i);
            if (strcmp(node->op, "MaxPool") == 0 || strcmp(node->op, "Conv") == 0)
                cr_assert_geq(node->shape.dims[2], 5);
        }
        graph_destroy(graph);
        arch_release(arch);
    }
    member_lab_close(&lab);
}

TestLeak(multi_branch, the_structure_is_the_network)
{
    struct member_lab lab;
    struct sheet sheet = {json_array(), 0};
    member_lab_open(&lab, "[space]\nplugin = multi_branch\nmin_depth = 4\nmax_depth = 4\n"
                          "operations = identity, relu\nmerge = sum\n");
    int first = say_other(&sheet, NULL, IMAGE, "relu");
    int second = say_other(&sheet, NULL, IMAGE, "identity");
    say_other(&sheet, NULL, INPUTS(first, second), "relu");
    say_other(&sheet, NULL, INPUTS(second), "identity");
    struct arch *arch = read_sheet(&lab, &sheet);
    char *notes = structure_notes(&lab, arch);
    cr_expect_str_eq(notes, "[] image:1 relu:0 identity:0 relu:0 identity:0 concat:2 "
                            "0>1 0>2 1>3 2>3 2>4 3>5 4>5");
    free(notes);
    arch_release(arch);
    member_lab_close(&lab);
}

TestLeak(multi_branch, refuses_what_it_cannot_serve)
{
    static const struct {
        const char *ini, *words;
    } cases[] = {
        {"min_depth = 9\n", "min_depth 9 is larger than max_depth 8"},
        {"widths = 8, 8\n", "widths: expected an ascending list"},
        {"strides = 2, 1\n", "strides: expected an ascending list"},
        {"kernels = 2, 3\n", "odd numbers"},
        {"operations = max_pool_2x2\n", "that keeps the size"},
        {"operations = conv_3x4\n", "conv_3x3"},
        {"max_inputs = 0\n", "max_inputs"},
    };
    for (size_t i = 0; i < ESP_COUNT(cases); i++) {
        char ini[256];
        snprintf(ini, sizeof ini, "[space]\nplugin = multi_branch\n%s", cases[i].ini);
        member_lab_expect_refusal(ini, cases[i].words);
    }
}

Test(multi_branch, learns)
{
    static const char *const aligns[] = {"pad", "subsample", "project"};
    for (size_t i = 0; i < ESP_COUNT(aligns); i++) {
        char ini[256];
        snprintf(ini, sizeof ini,
                 "[space]\nplugin = multi_branch\nwidths = 4, 8\nalign = %s\nmin_size = 2\n",
                 aligns[i]);
        short_search(ini, 3);
    }
}
