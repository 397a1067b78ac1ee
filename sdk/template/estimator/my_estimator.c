// SPDX-License-Identifier: Apache-2.0
// my_estimator: how near a network comes to a wanted size, with no training. `misfit` is
// |ln(params / wanted_params)|: 0 for the size itself, 0.69 for twice or half of it. `depth` is the
// number of layers that multiply (convolutions, linear layers) on the longest way to the logits.
//
// An estimator gets an evaluation context for each trial, pulls what it needs of it (decisions, graph,
// a compiled program, data) and sets every metric that it declared. This one calls itself cheap, and
// so is called in the coordinator, without a worker process between.
#include <espalier/espalier.h>

#include <math.h>
#include <stdlib.h>

struct size {
    double wanted_params;
    esp_estimator_info info; // what this instance declares
};

// The host reads the INI against this table: `espalier describe estimator/my_estimator` prints it.
static const esp_param size_params[] = {
    ESP_PARAM_REAL_LOG("wanted_params", 20000, 1, 1e12, "", "the wanted number of parameters"),
};

// [objective] and `results --sort` know these names before the first trial. Neither is measured: the
// same architecture has the same bits again.
static const esp_metric size_metrics[] = {
    ESP_METRIC_ROW("misfit", "", 0, ESP_BETTER_LOWER),
    ESP_METRIC_ROW("depth", "layers", 0, ESP_BETTER_NONE),
};

static esp_status size_create(esp_create *create, void **out)
{
    struct size *size = calloc(1, sizeof *size);
    if (!size)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    size->wanted_params = esp_param_real(create, "wanted_params");
    size->info.struct_size = sizeof size->info;
    size->info.metrics = size_metrics;
    size->info.metric_count = ESP_COUNT(size_metrics);
    size->info.metric_stride = sizeof size_metrics[0];
    *out = size;
    return ESP_OK;
}

static void size_destroy(void *self)
{
    free(self);
}

static const esp_estimator_info *size_info(void *self)
{
    const struct size *size = self;
    return &size->info;
}

// The inputs of a node come before it, so one pass in the order of the graph is enough.
static esp_status measure_depth(esp_evaluation *e, const esp_graph *graph, double *out)
{
    uint64_t count = esp_graph_node_count(graph);
    uint64_t *depths = calloc(count + 1, sizeof *depths); // of each node
    if (!depths)
        return esp_fail(e, ESP_ERROR_MEMORY, "out of memory");
    for (uint64_t i = 0; i < count; i++) {
        const esp_graph_node *node = esp_graph_get(graph, i);
        for (uint64_t j = 0; j < node->input_count; j++)
            if (depths[node->inputs[j]] > depths[i])
                depths[i] = depths[node->inputs[j]];
        if (node->macs > 0)
            depths[i]++;
    }
    *out = (double)depths[esp_graph_output(graph, 0)];
    free(depths);
    return ESP_OK;
}

static esp_status size_evaluate(void *self, esp_evaluation *e)
{
    const struct size *size = self;
    const esp_graph *graph;
    double depth = 0;
    esp_status status = esp_evaluation_graph(e, &graph);
    if (status == ESP_OK)
        status = measure_depth(e, graph, &depth);
    if (status == ESP_OK)
        status = esp_evaluation_metric(e, "depth", depth);
    if (status != ESP_OK)
        return status;
    double params = (double)esp_graph_params(graph);
    if (params < 1) // the logarithm needs one
        return esp_fail(e, ESP_ERROR, "the network has no parameters");
    return esp_evaluation_metric(e, "misfit", fabs(log(params / size->wanted_params)));
}

static const void *size_ability(const char *id)
{
    static const esp_estimator_cheap cheap = {
        .struct_size = sizeof cheap,
        .needs_graph = 1,
    };
    return strcmp(id, ESP_ESTIMATOR_CHEAP) == 0 ? &cheap : NULL;
}

static void size_describe(esp_estimator_type *out)
{
    out->summary = "how near a network comes to a wanted size";
    ESP_SET_PARAMS(out, size_params);
    out->create = size_create;
    out->destroy = size_destroy;
    out->describe = size_info;
    out->evaluate = size_evaluate;
    out->ability = size_ability;
}

ESP_PLUGIN("0.1.0", ESP_ESTIMATOR("my_estimator", size_describe))
