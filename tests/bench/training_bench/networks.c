// SPDX-License-Identifier: Apache-2.0
// See networks.h.
#include "networks.h"

#include "../stopwatch.h"

#include "evaluate/evaluation.h"
#include "execute/execute.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char grey[] = "channels = 1\nheight = 28\nwidth = 28\n";
static const char cell_201[] = "|nor_conv_3x3~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+"
                               "|skip_connect~0|avg_pool_3x3~1|nor_conv_3x3~2|";

const struct network networks[NETWORK_COUNT] = {
    {"nasbench201_1", "NAS-Bench-201 cell, C=16, N=1, 1x28x28", 64, 1.8,
     "plugin = nasbench201\nchannels = 16\ncells = 1\n", grey, cell_201},
    {"nasbench201_5", "NAS-Bench-201 cell, C=16, N=5, 3x32x32", 64, 1.8,
     "plugin = nasbench201\nchannels = 16\ncells = 5\n", "", cell_201},
    {"darts_v2", "DARTS_V2, C=16, 8 cells, 3x32x32", 64, 1.8,
     "plugin = darts\nchannels = 16\ncells = 8\ndrop_path = 0\n", "",
     "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), "
     "('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), "
     "('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), "
     "('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
     "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], "
     "reduce_concat=[2, 3, 4, 5])"},
    {"chain", "five 3x3 convolutions 16..64, two pools, 1x28x28", 64, 1.8,
     "plugin = chain\nmin_depth = 7\nmax_depth = 7\noperations = conv_3x3, max_pool_3x3\n", grey,
     "{\"decisions\": ["
     "[\"layer/0/op\", \"conv_3x3\"], [\"layer/0/op/conv_3x3/width\", 16], "
     "[\"layer/0/op/conv_3x3/stride\", 1], "
     "[\"layer/1/op\", \"conv_3x3\"], [\"layer/1/op/conv_3x3/width\", 16], "
     "[\"layer/1/op/conv_3x3/stride\", 1], "
     "[\"layer/2/op\", \"max_pool_3x3\"], [\"layer/2/op/max_pool_3x3/stride\", 2], "
     "[\"layer/3/op\", \"conv_3x3\"], [\"layer/3/op/conv_3x3/width\", 32], "
     "[\"layer/3/op/conv_3x3/stride\", 1], "
     "[\"layer/4/op\", \"conv_3x3\"], [\"layer/4/op/conv_3x3/width\", 32], "
     "[\"layer/4/op/conv_3x3/stride\", 1], "
     "[\"layer/5/op\", \"max_pool_3x3\"], [\"layer/5/op/max_pool_3x3/stride\", 2], "
     "[\"layer/6/op\", \"conv_3x3\"], [\"layer/6/op/conv_3x3/width\", 64], "
     "[\"layer/6/op/conv_3x3/stride\", 1]]}"},
    {"mlp", "perceptron 784-256-128-10", 128, 1.8,
     "plugin = mlp\nshapes = free\nwidths = 128, 256\nmin_depth = 2\nmax_depth = 2\n"
     "batch_norm = no\n",
     grey, "{\"decisions\": [[\"layer/0/width\", 256], [\"layer/1/width\", 128]]}"},
};

const struct network compiled_space = {"nasbench201_2",
                                       "members of NAS-Bench-201, N=2",
                                       64,
                                       0.0,
                                       "plugin = nasbench201\nchannels = 16\ncells = 2\n",
                                       "",
                                       cell_201};

static struct error error;

static void build(struct stand *stand, struct arch *arch)
{
    graph_destroy(stand->graph);
    stand->graph = NULL;
    need(builder_build(session_builder(stand->session), arch, &stand->graph, &error), &error);
    stand->handle = graph_handle(stand->graph);
}

static struct arch *read_arch(struct builder *builder, const char *text)
{
    struct arch *arch = NULL;
    if (*text != '{') {
        need(builder_parse(builder, text, NULL, 0, &arch, &error), &error);
        return arch;
    }
    struct written_arch written = {0};
    json_t *json = json_loads(text, 0, NULL);
    need(written_arch_parse(&written, json, &error), &error);
    need(builder_read(builder, &written, &arch, &error), &error);
    written_arch_destroy(&written);
    json_decref(json);
    return arch;
}

void stand_open(struct stand *stand, struct registry *registry, const struct network *network,
                const char *engine)
{
    char ini[2048];
    struct config *config = NULL; // the experiment's, once that is made
    *stand = (struct stand){0};
    snprintf(ini, sizeof ini,
             "[space]\n%s[strategy]\nplugin = random\n[estimator]\nplugin = train\n"
             "[objective]\nmaximize = valid_accuracy\n[dataset]\nplugin = synthetic\n%s"
             "[engine]\nplugin = %s\n",
             network->space, network->dataset, engine);
    need(config_parse(&config, ini, network->name, ".", &error), &error);
    need(experiment_create(&stand->experiment, config, registry, &error), &error);
    need(session_create(&stand->session, stand->experiment, false, &error), &error);
    need(session_engine(stand->session, &stand->engine, &error), &error);
    struct arch *arch = read_arch(session_builder(stand->session), network->text);
    build(stand, arch);
    arch_release(arch);
}

void stand_close(struct stand *stand)
{
    graph_destroy(stand->graph);
    session_destroy(stand->session);
    experiment_destroy(stand->experiment);
}

void stand_draw(struct stand *stand, uint64_t seed)
{
    struct arch *arch = NULL;
    esp_random random = esp_random_stream(seed, 0, 0, 0, 0);
    need(builder_sample(session_builder(stand->session), &random, &arch, &error), &error);
    build(stand, arch);
    arch_release(arch);
}

struct graph *convolutions(int64_t channels, int64_t size, int count)
{
    static const int64_t kernel[] = {3, 3}, pads[] = {1, 1, 1, 1};
    esp_attribute attributes[] = {
        esp_attribute_ints("kernel_shape", kernel, 2),
        esp_attribute_ints("pads", pads, 4),
        esp_attribute_int("channels", channels),
    };
    esp_shape shape = {4, 0, {ESP_BATCH, channels, size, size}};
    struct graph *graph = graph_create();
    uint32_t node = graph_add_input(graph, "x", &shape, &error);
    for (int i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "conv_%d", i);
        node = graph_add(graph, "", name, "Conv", &node, 1, attributes, ESP_COUNT(attributes),
                         sizeof *attributes, &error);
    }
    need(graph_add_output(graph, node, &error), &error);
    need(graph_finish(graph, &error), &error);
    return graph;
}

// ---- What a graph asks for ----------------------------------------------------------------------

double step_operations(const esp_graph *graph, uint64_t batch, bool linear)
{
    uint64_t count = esp_graph_node_count(graph);
    bool *trained = calloc(count + 1, sizeof *trained);
    double macs = 0.0;
    for (uint64_t i = 0; trained && i < count; i++) {
        const esp_graph_node *node = esp_graph_get(graph, i);
        bool before = false;
        for (uint64_t j = 0; j < node->input_count; j++)
            before = before || trained[node->inputs[j]];
        trained[i] = before || node->weight_count > 0;
        if (linear || strcmp(node->op, "Conv") == 0)
            macs += (before ? 3.0 : 2.0) * (double)node->macs;
    }
    free(trained);
    return 2.0 * macs * (double)batch;
}

double weight_bytes(const esp_graph *graph)
{
    double floats = 0.0;
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++) {
        const esp_graph_node *node = esp_graph_get(graph, i);
        const char *row = (const char *)node->weights;
        for (uint64_t j = 0; j < node->weight_count; j++, row += node->weight_stride)
            floats += (double)esp_shape_size(&((const esp_weight *)(const void *)row)->shape);
    }
    return 4.0 * floats;
}

// The node whose tensor this one's is, under another shape.
static uint32_t same_tensor(const esp_graph *graph, uint32_t index)
{
    const esp_graph_node *node = esp_graph_get(graph, index);
    while (strcmp(node->op, "Flatten") == 0 || strcmp(node->op, "Identity") == 0) {
        index = node->inputs[0];
        node = esp_graph_get(graph, index);
    }
    return index;
}

double kept_bytes(const esp_graph *graph, uint64_t batch)
{
    static const char *const reads_input[] = {"Conv", "Gemm", "BatchNormalization"};
    uint64_t count = esp_graph_node_count(graph);
    bool *kept = calloc(count + 1, sizeof *kept);
    double bytes = 0.0;
    for (uint32_t i = 0; kept && i < count; i++) {
        const esp_graph_node *node = esp_graph_get(graph, i);
        for (size_t j = 0; j < ESP_COUNT(reads_input); j++)
            if (strcmp(node->op, reads_input[j]) == 0)
                kept[same_tensor(graph, node->inputs[0])] = true;
        if (strcmp(node->op, "Relu") == 0)
            kept[i] = true;
        if (strcmp(node->op, "MaxPool") == 0)
            bytes += (double)esp_shape_size(&node->shape);
    }
    for (uint64_t i = 0; kept && i < count; i++)
        if (kept[i])
            bytes += 4.0 * (double)esp_shape_size(&esp_graph_get(graph, i)->shape);
    free(kept);
    return bytes * (double)batch;
}
