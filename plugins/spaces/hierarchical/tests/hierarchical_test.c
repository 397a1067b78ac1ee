// SPDX-License-Identifier: Apache-2.0
// The hierarchical space: 46 decisions of 7 choices, counts worked out by hand, what has no input or
// no output, other levels and motifs, its supernet, and what is refused.
#include "support/leak.h"
#include "support/member_lab.h"
#include "support/short_search.h"
#include "support/structure_notes.h"

#include <espalier/survey.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char space[] = "[space]\nplugin = hierarchical\n";

// ---- Members by hand ------------------------------------------------------------------------------

// Options that differ from `none`, as words: motif, edge, option.
typedef const char *const option[3];

struct level_size {
    int motifs, nodes;
};

static const struct level_size published[] = {{6, 4}, {1, 5}};

static const char *option_of(option *options, size_t count, const char *motif, const char *edge)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(options[i][0], motif) == 0 && strcmp(options[i][1], edge) == 0)
            return options[i][2];
    return "none";
}

// The member with these options and `none` on every other edge. Owner: the caller.
static struct arch *read_member(struct member_lab *lab, const struct level_size *levels,
                                size_t level_count, option *options, size_t count)
{
    json_t *decisions = json_array();
    for (size_t l = 0; l < level_count; l++)
        for (int m = 0; m < levels[l].motifs; m++)
            for (int i = 1; i < levels[l].nodes; i++)
                for (int j = 0; j < i; j++) {
                    char motif[64], edge[32];
                    snprintf(motif, sizeof motif, "level%zu-motif%d", l + 2, m);
                    snprintf(edge, sizeof edge, "%d-%d", j, i);
                    json_array_append_new(decisions,
                                          json_pack("[s++, s]", motif, "/", edge,
                                                    option_of(options, count, motif, edge)));
                }
    char *text = json_dumps(decisions, 0);
    struct arch *arch = member_read_json(lab, text);
    free(text);
    json_decref(decisions);
    return arch;
}

// ---- Counts -------------------------------------------------------------------------------------

struct counts {
    uint64_t params, macs;
};

// A convolution and its batch normalization, on a map of that size.
static void add_conv(struct counts *counts, uint64_t weights, uint64_t channels, uint64_t size)
{
    counts->params += weights + 2 * channels;
    counts->macs += weights * size * size;
}

static void add_separable(struct counts *counts, uint64_t in, uint64_t out, uint64_t size)
{
    add_conv(counts, 9 * in + in * out, out, size);
}

// The small network around three cells that take and give C channels.
static struct counts network(void (*cell)(struct counts *, uint64_t c, uint64_t size),
                             uint64_t widening)
{
    struct counts counts = {0};
    add_conv(&counts, 9 * 3 * 16, 16, 32);
    cell(&counts, 16, 32);
    // The depthwise part has the stride: all of it counts on the smaller map.
    add_separable(&counts, 16 * widening, 32, 16);
    cell(&counts, 32, 16);
    add_separable(&counts, 32 * widening, 64, 8);
    cell(&counts, 64, 8);
    add_separable(&counts, 64 * widening, 64, 8);
    counts.params += 64 * 10 + 10;
    counts.macs += 64 * 10;
    return counts;
}

static void expect_counts(option *options, size_t count, struct counts expected)
{
    struct member_lab lab;
    member_lab_open(&lab, space);
    struct arch *arch = read_member(&lab, published, 2, options, count);
    member_expect_counts(&lab, arch, expected.params, expected.macs);
    arch_release(arch);
    member_lab_close(&lab);
}

// Four motifs one after the other, each ends in conv1x1.
static void chain_cell(struct counts *counts, uint64_t c, uint64_t size)
{
    for (int i = 0; i < 4; i++)
        add_conv(counts, c * c, c, size);
}

TestLeak(hierarchical, a_chain_of_identities_has_the_counts_of_its_ends)
{
    static option options[] = {
        {"level2-motif2", "0-1", "identity"}, {"level2-motif2", "1-2", "identity"},
        {"level2-motif2", "2-3", "identity"}, {"level3-motif0", "0-1", "motif_2"},
        {"level3-motif0", "1-2", "motif_2"},  {"level3-motif0", "2-3", "motif_2"},
        {"level3-motif0", "3-4", "motif_2"},
    };
    const struct counts expected = network(chain_cell, 1);
    cr_expect_eq(expected.params, 31498);
    expect_counts(options, ESP_COUNT(options), expected);
}

// Motif 1: node 1 is the conv1x1 of the input, node 2 the concatenation of a separable convolution of
// the input and a depthwise one of node 1, node 3 node 2's; it ends in conv1x1 of 2C channels. The cell
// is two of them, of the input and of the first one's output, concatenated.
static void concat_motif(struct counts *counts, uint64_t c, uint64_t size)
{
    add_conv(counts, c * c, c, size);
    add_separable(counts, c, c, size);
    add_conv(counts, 9 * c, c, size);
    add_conv(counts, 2 * c * c, c, size);
}

static void concat_cell(struct counts *counts, uint64_t c, uint64_t size)
{
    concat_motif(counts, c, size);
    concat_motif(counts, c, size);
}

TestLeak(hierarchical, nodes_concatenate_and_motifs_end_in_their_inputs_channels)
{
    static option options[] = {
        {"level2-motif1", "0-1", "conv_1x1"},      {"level2-motif1", "0-2", "sep_conv_3x3"},
        {"level2-motif1", "1-2", "depthwise_3x3"}, {"level2-motif1", "2-3", "max_pool_3x3"},
        {"level3-motif0", "0-1", "motif_1"},       {"level3-motif0", "1-4", "motif_1"},
        {"level3-motif0", "0-4", "motif_1"},
    };
    struct counts expected = network(concat_cell, 2);
    // Three uses, of which the network() above counts two.
    for (uint64_t c = 16, size = 32; c <= 64; c *= 2, size /= 2)
        concat_motif(&expected, c, size);
    expect_counts(options, ESP_COUNT(options), expected);
}

// As the chain of identities: what leads nowhere, or comes from nowhere, is left out.
TestLeak(hierarchical, nodes_without_input_or_output_are_left_out)
{
    static option options[] = {
        {"level2-motif2", "0-1", "identity"}, {"level2-motif2", "1-3", "identity"},
        {"level2-motif2", "0-2", "conv_1x1"}, // no output
        {"level2-motif3", "1-3", "conv_1x1"}, // no input: the motif gives nothing
        {"level2-motif3", "0-2", "conv_1x1"}, // and no output
        {"level3-motif0", "0-1", "motif_2"},  {"level3-motif0", "1-2", "motif_2"},
        {"level3-motif0", "2-3", "motif_2"},  {"level3-motif0", "3-4", "motif_2"},
        {"level3-motif0", "0-4", "motif_3"}, // as none
        {"level3-motif0", "0-3", "motif_4"}, // as none
    };
    expect_counts(options, ESP_COUNT(options), network(chain_cell, 1));
}

TestLeak(hierarchical, a_cell_without_a_path_is_no_member)
{
    member_lab_expect_refusal("[space]\nplugin = hierarchical\n[fix]\nlevel3-motif0/3-4 = none\n"
                              "level3-motif0/2-4 = none\nlevel3-motif0/1-4 = none\n"
                              "level3-motif0/0-4 = none\n",
                              "no path leads through the cell");
}

// ---- Decisions ----------------------------------------------------------------------------------

TestLeak(hierarchical, has_46_decisions_of_7_choices)
{
    struct member_lab lab;
    struct survey *survey = NULL;
    esp_random random = esp_random_stream(1, 7, 0, 0, 0);
    member_lab_open(&lab, space);
    cr_assert_eq(survey_create(&survey, lab.builder, &random, &lab.error), ESP_OK, "%s",
                 lab.error.message);
    const esp_survey *handle = survey_handle(survey);
    cr_expect_eq(esp_survey_count(handle), 6 * 6 + 10);
    for (uint64_t i = 0; i < esp_survey_count(handle); i++) {
        cr_expect_eq(esp_survey_domain(handle, i)->count, 7);
        cr_expect_eq(esp_survey_presence(handle, i), 1.0);
    }
    survey_destroy(survey);
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct arch *arch = member_sample(&lab, seed);
        cr_expect_eq(esp_arch_count(arch_handle(arch)), 46);
        arch_release(arch);
    }
    member_lab_close(&lab);
}

TestLeak(hierarchical, members_are_sampled_mutated_and_crossed)
{
    static const char *const more[] = {
        "channels = 2\n",
        "channels = 2\nmerge = add\n",
        "channels = 2\nstages = 2\ncells = 2\nmotifs = 1\nnodes = 11\n",
        "channels = 2\nmotifs = 3, 2, 1\nnodes = 3, 3, 3\nprimitives = identity, conv_1x1\n",
    };
    for (size_t i = 0; i < ESP_COUNT(more); i++) {
        struct member_lab lab;
        char ini[256];
        snprintf(ini, sizeof ini, "%s%s", space, more[i]);
        member_lab_open(&lab, ini);
        member_lab_walk(&lab, 30);
        member_lab_close(&lab);
    }
}

static esp_status visit(void *self, struct arch *arch)
{
    (void)self;
    (void)arch;
    return ESP_OK;
}

// One motif of 3 nodes, one primitive: 2^3 choices, of which a path is in 0-2, or 0-1 and 1-2: 5.
TestLeak(hierarchical, members_without_a_path_are_not_counted)
{
    struct member_lab lab;
    uint64_t count = 0;
    member_lab_open(&lab, "[space]\nplugin = hierarchical\nmotifs = 1\nnodes = 3\n"
                          "primitives = conv_1x1\n");
    cr_assert_eq(builder_enumerate(lab.builder, visit, NULL, 0, &count, &lab.error), ESP_OK, "%s",
                 lab.error.message);
    cr_expect_eq(count, 5);
    member_lab_close(&lab);
}

// A motif used at two places has weights of its own at each.
TestLeak(hierarchical, each_use_has_its_own_weights)
{
    static option options[] = {
        {"level2-motif0", "0-3", "conv_1x1"},
        {"level3-motif0", "0-1", "motif_0"},
        {"level3-motif0", "1-4", "motif_0"},
    };
    static const char *const expected[] = {
        "cell/0/level3-motif0/0-1/motif_0/level2-motif0/0-3/conv_1x1/conv/conv",
        "cell/0/level3-motif0/0-1/motif_0/level2-motif0/end/conv",
        "cell/0/level3-motif0/1-4/motif_0/level2-motif0/0-3/conv_1x1/conv/conv",
        "cell/0/level3-motif0/1-4/motif_0/level2-motif0/end/conv",
    };
    struct member_lab lab;
    size_t found = 0;
    member_lab_open(&lab, space);
    struct arch *arch = read_member(&lab, published, 2, options, ESP_COUNT(options));
    struct graph *graph = member_graph(&lab, arch);
    for (uint64_t i = 0; i < esp_graph_node_count(graph_handle(graph)); i++) {
        const esp_graph_node *node = esp_graph_get(graph_handle(graph), i);
        if (strcmp(node->op, "Conv") == 0 && strncmp(node->path, "cell/0/", 7) == 0) {
            cr_assert_lt(found, ESP_COUNT(expected));
            cr_expect_str_eq(node->path, expected[found]);
            found++;
        }
    }
    cr_expect_eq(found, ESP_COUNT(expected));
    graph_destroy(graph);
    arch_release(arch);
    member_lab_close(&lab);
}

TestLeak(hierarchical, the_structure_has_every_motif)
{
    static const struct level_size levels[] = {{2, 3}, {1, 2}};
    static option options[] = {{"level2-motif1", "0-2", "identity"},
                               {"level2-motif1", "0-1", "conv_1x1"},
                               {"level3-motif0", "0-1", "motif_1"}};
    struct member_lab lab;
    member_lab_open(&lab, "[space]\nplugin = hierarchical\nmotifs = 2, 1\nnodes = 3, 2\n");
    struct arch *arch = read_member(&lab, levels, 2, options, ESP_COUNT(options));
    char *notes = structure_notes(&lab, arch);
    cr_expect_str_eq(notes, "[level2-motif0] -:1 concat:0 concat:2"
                            "[level2-motif1] -:1 concat:0 concat:2 0>1=conv_1x1 0>2=identity"
                            "[level3-motif0] -:1 concat:2 0>1=motif_1");
    free(notes);
    arch_release(arch);
    member_lab_close(&lab);
}

// Where nodes add, all alternatives have one shape.
TestLeak(hierarchical, relaxed_it_holds_all_motifs)
{
    struct member_lab lab;
    struct graph *graph = NULL;
    member_lab_open(&lab,
                    "[space]\nplugin = hierarchical\nmerge = add\nstages = 1\nchannels = 2\n");
    cr_assert_eq(builder_relax(lab.builder, &graph, &lab.error), ESP_OK, "%s", lab.error.message);
    uint64_t ends = 0;
    for (uint64_t i = 0; i < esp_graph_node_count(graph_handle(graph)); i++) {
        const char *path = esp_graph_get(graph_handle(graph), i)->path;
        ends += strstr(path, "/end/conv") != NULL;
    }
    cr_expect_eq(ends, 10 * 6);
    graph_destroy(graph);
    member_lab_close(&lab);
}

// ---- Tasks and parameters -------------------------------------------------------------------------

TestLeak(hierarchical, refuses_what_it_cannot_serve)
{
    static const struct {
        const char *ini, *words;
    } cases[] = {
        {"motifs = 6, 2\n", "the highest level has one, the cell; the last number is 2"},
        {"motifs = 6, 2, 1\n", "nodes has 2 numbers and motifs 3"},
        {"motifs = 17, 1\n", "motifs"},
        {"nodes = 1, 5\n", "nodes"},
        {"motifs = 2, 2, 2, 2, 2, 1\nnodes = 2, 2, 2, 2, 2, 2\n", "expected 1 to 5 levels, got 6"},
        {"primitives =\n", "primitives"},
        {"primitives = conv_3x3\n", "conv_1x1"},
        {"[dataset]\nplugin = synthetic\nheight = 3\n",
         "3 stages halve the images 2 times: expected at least 4x4, and the dataset's are 3x32"},
    };
    for (size_t i = 0; i < ESP_COUNT(cases); i++) {
        char ini[256];
        snprintf(ini, sizeof ini, "%s%s", space, cases[i].ini);
        member_lab_expect_refusal(ini, cases[i].words);
    }
}

Test(hierarchical, learns)
{
    short_search("[space]\nplugin = hierarchical\nchannels = 4\n", 3);
    short_search("[space]\nplugin = hierarchical\nchannels = 4\nmerge = add\n", 2);
}
