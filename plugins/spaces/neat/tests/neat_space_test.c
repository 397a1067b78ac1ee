// SPDX-License-Identifier: Apache-2.0
// The space of NEAT's networks: texts, members that vary, and the graph of operators against the network
// that it stands for.
#include "support/member_lab.h"

#include "builder/structure.h"
#include "support/leak.h"

#include <criterion/criterion.h>
#include <espalier/support/genes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char three_two[] = "[space]\nplugin = neat\nrecurrent = 0.3\n[dataset]\n"
                                "plugin = synthetic\nchannels = 3\nheight = 1\nwidth = 1\n"
                                "classes = 2\n";

TestLeak(neat_space, texts_are_read_and_printed)
{
    struct member_lab lab;
    member_lab_open(&lab, three_two);
    member_expect_print(&lab, "3-2 bias 1: 0>4=0.5@0 1>5=-1.25e0@1! 3>9=2@7 9>9=1@8~ +12",
                        "3-2 bias 1: 0>4=0.5@0 1>5=-1.25@1! 3>9=2@7 9>9=1@8~ +12");
    member_expect_print(&lab, "3-2 bias 1:", "3-2 bias 1:");
    member_expect_wrong(&lab, "3-2", "' bias '", 3);
    member_expect_wrong(&lab, "3-2 bias 1: 0>4=x@0", "a weight", 16);
    member_expect_wrong(&lab, "3-2 bias 1: 0>2=1@0", "into an input", 12);
    member_expect_wrong(&lab, "3-2 bias 1: 0>4=1@0 0>4=2@1", "joined already", 20);
    member_expect_wrong(&lab, "3-2 bias 1: 0>4=1@0 1>4=2@0", "no other gene has", 20);
    member_expect_wrong(&lab, "3-2 bias 1: 0>4=1@0 tail", "a gene", 20);
    member_expect_wrong(&lab, "2-2 bias 1: 0>3=1@0", "the genome has 2 inputs", -1);
    member_expect_wrong(&lab, "3-2 bias 0: 3>4=1@0", "a bias of 0", 12);
    member_lab_reread(&lab, 50);
    member_lab_close(&lab);
}

TestLeak(neat_space, members_are_sampled_mutated_and_crossed)
{
    struct member_lab lab;
    member_lab_open(&lab, "[space]\nplugin = neat\n");
    member_lab_walk(&lab, 50);
    member_lab_close(&lab);
    member_lab_train("[space]\nplugin = neat\n", "channels = 3\nheight = 6\nwidth = 6\n", 2);
}

TestLeak(neat_space, a_first_member_has_no_hidden_node)
{
    struct member_lab lab;
    esp_genes genes;
    char reason[128];
    uint64_t size;
    member_lab_open(&lab, three_two);
    struct arch *arch = member_sample(&lab, 4);
    const void *bytes = arch_genome(arch, &size);
    cr_assert_eq(esp_genes_read(&genes, bytes, size, reason, sizeof reason), ESP_OK);
    cr_assert_eq(genes.hidden_count, 0);
    cr_assert_eq(genes.count, (3 + 1) * 2);
    for (uint64_t i = 0; i < genes.count; i++)
        cr_assert(fabs(genes.genes[i].weight) <= 1);
    esp_genes_free(&genes);
    arch_release(arch);
    member_lab_close(&lab);
}

// ---- The graph ----------------------------------------------------------------------------------

TestLeak(neat_space, a_unit_is_a_gemm_with_the_genes_weights)
{
    struct member_lab lab;
    uint64_t gemms = 0;
    member_lab_open(&lab, three_two);
    struct arch *arch =
        member_parse(&lab, "3-2 bias 1: 0>4=0.5@0 3>4=-1@1 1>6=2@2 6>5=-0.25@3 2>5=9@4! 3>5=0.1@5");
    struct graph *graph = member_graph(&lab, arch);
    const esp_graph *handle = graph_handle(graph);
    for (uint64_t i = 0; i < esp_graph_node_count(handle); i++) {
        const esp_graph_node *node = esp_graph_get(handle, i);
        if (strcmp(node->op, "Gemm") != 0)
            continue;
        gemms++;
        cr_assert_eq(node->weights[0].init, ESP_INIT_GIVEN);
        if (strcmp(node->path, "output/0/sum") == 0) {
            cr_assert_float_eq(node->weights[0].values[0], 4.924273f * 0.5f, 1e-6);
            cr_assert_float_eq(node->weights[1].values[0], -4.924273f, 1e-6);
        }
        if (strcmp(node->path, "hidden/0/sum") == 0)
            cr_assert_float_eq(node->weights[0].values[0], 4.924273f * 2, 1e-5);
    }
    cr_assert_eq(gemms, 3);
    // Enabled connections from nodes, and a bias for each unit.
    member_expect_counts(&lab, arch, 3 + 3, 3);
    graph_destroy(graph);
    arch_release(arch);
    member_lab_close(&lab);
}

// What the engine computes of the graph, against the network itself, at rest.
static esp_status compare(void *self, esp_evaluation *e)
{
    static float inputs[4][3] = {
        {0.3f, -0.8f, 0.5f}, {1.0f, 1.0f, -1.0f}, {0.0f, 0.0f, 0.0f}, {-0.2f, 0.1f, 0.9f}};
    esp_compile_options options = {.struct_size = sizeof options, .batch = 4};
    esp_tensor input = {.data = &inputs[0][0], .shape = {.rank = 4, .dims = {4, 3, 1, 1}}};
    esp_forward forward = {
        .struct_size = sizeof forward, .inputs = &input, .input_count = 1, .batch = 4};
    esp_program *program;
    esp_tensor logits;
    esp_genes genes;
    esp_neat_network network;
    char reason[128];
    uint64_t size;
    (void)self;
    const void *bytes = esp_arch_genome(esp_evaluation_arch(e), &size);
    cr_assert_eq(esp_genes_read(&genes, bytes, size, reason, sizeof reason), ESP_OK);
    cr_assert_eq(esp_neat_network_create(&network, &genes), ESP_OK);
    cr_assert_eq(esp_evaluation_compile(e, &options, &program), ESP_OK);
    cr_assert_eq(esp_program_forward(program, &forward), ESP_OK);
    cr_assert_eq(esp_program_tensor(program, ESP_TENSOR_OUTPUT, "0", &logits), ESP_OK);
    for (int sample = 0; sample < 4; sample++) {
        double in[3] = {inputs[sample][0], inputs[sample][1], inputs[sample][2]};
        esp_neat_network_flush(&network);
        for (uint32_t pass = 0; pass <= network.depth; pass++)
            esp_neat_network_activate(&network, in);
        for (uint32_t o = 0; o < 2; o++)
            cr_assert_float_eq(logits.data[2 * sample + (int)o],
                               esp_neat_network_output(&network, o), 2e-6, "%g and %g",
                               (double)logits.data[2 * sample + (int)o],
                               esp_neat_network_output(&network, o));
    }
    esp_neat_network_free(&network);
    esp_genes_free(&genes);
    return esp_evaluation_metric(e, "score", 1);
}

static esp_status probe_create(esp_create *create, void **out)
{
    (void)create;
    *out = (void *)1;
    return ESP_OK;
}

static void probe_destroy(void *self)
{
    (void)self;
}

static const esp_estimator_info *probe_info(void *self)
{
    static const esp_metric metrics[] = {ESP_METRIC_ROW("score", "", 0, ESP_BETTER_HIGHER)};
    static const esp_estimator_info info = {.struct_size = sizeof info,
                                            .metrics = metrics,
                                            .metric_count = 1,
                                            .metric_stride = sizeof metrics[0]};
    (void)self;
    return &info;
}

static const esp_estimator_type probe = {.struct_size = sizeof probe,
                                         .summary = "compares",
                                         .create = probe_create,
                                         .destroy = probe_destroy,
                                         .describe = probe_info,
                                         .evaluate = compare};

Test(neat_space, the_graph_computes_what_the_network_does)
{
    struct session_lab lab;
    struct error error;
    error_clear(&error);
    session_lab_open(&lab,
                     "[space]\nplugin = neat\n[strategy]\nplugin = random\n[estimator]\n"
                     "plugin = probe\n[dataset]\nplugin = synthetic\nchannels = 3\nheight = 1\n"
                     "width = 1\nclasses = 2\n[objective]\nmaximize = score\n",
                     &probe);
    struct builder *builder = session_builder(lab.session);
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct arch *arch = session_lab_sample(&lab, seed);
        esp_random random = esp_random_stream(seed, 2, 0, 0, 0);
        for (int i = 0; i < 25; i++) {
            struct arch *mutant = NULL;
            cr_assert_eq(builder_mutate(builder, arch, 0, &random, &mutant, &error), ESP_OK, "%s",
                         error.message);
            arch_release(arch);
            arch = mutant;
        }
        struct specification given = {.purpose = PURPOSE_TRIAL};
        struct result result = session_lab_evaluate(&lab, arch, &given, NULL, NULL);
        cr_assert_eq(result.status, ESP_OUTCOME_DONE, "%s", result.error);
        result_destroy(&result);
        arch_release(arch);
    }
    session_lab_close(&lab);
}

// ---- Recurrent ones -----------------------------------------------------------------------------

TestLeak(neat_space, a_recurrent_network_is_drawn_and_has_no_graph)
{
    struct member_lab lab;
    struct graph *graph = NULL;
    const esp_structure *structure = NULL;
    member_lab_open(&lab, three_two);
    struct arch *arch = member_parse(&lab, "3-2 bias 1: 0>6=1@0 6>4=2@1 4>6=3@2~ 5>5=4@3~ 1>5=1@4");
    cr_assert_eq(builder_build(lab.builder, arch, &graph, &lab.error), ESP_ERROR_UNSUPPORTED);
    cr_assert(strstr(lab.error.message, "recurrent"), "%s", lab.error.message);
    error_clear(&lab.error);
    cr_assert_eq(builder_structure(lab.builder, arch, &structure, &lab.error), ESP_OK, "%s",
                 lab.error.message);
    const esp_cell *cell = esp_structure_get(structure, 0);
    cr_assert_eq(cell->vertex_count, 3 + 1 + 2 + 1);
    cr_assert_eq(cell->edge_count + cell->back_edge_count, 5);
    cr_assert_geq(cell->back_edge_count, 2);
    char *dot = structure_dot(structure, "t");
    cr_assert(strstr(dot, "style=dashed"));
    json_t *json = structure_json(structure);
    cr_assert_eq(json_array_size(json_object_get(json_array_get(json, 0), "back_edges")),
                 cell->back_edge_count);
    json_decref(json);
    free(dot);
    structure_destroy(structure);
    arch_release(arch);
    member_lab_close(&lab);
}

TestLeak(neat_space, a_dataset_of_other_columns_is_refused_in_words)
{
    struct member_lab lab;
    struct graph *graph = NULL;
    member_lab_open(&lab, "[space]\nplugin = neat\ninputs = 5\n");
    struct arch *arch = member_sample(&lab, 1);
    cr_assert_eq(builder_build(lab.builder, arch, &graph, &lab.error), ESP_ERROR_UNSUPPORTED);
    cr_assert(strstr(lab.error.message, "5 inputs"), "%s", lab.error.message);
    arch_release(arch);
    member_lab_close(&lab);
}
