// SPDX-License-Identifier: Apache-2.0
// my_estimator: how near a network comes to a wanted size, with no training. `misfit` is
// |ln(params / wanted_params)|: 0 for the size itself, 0.69 for twice or half of it. `depth` is the
// number of layers that multiply (convolutions, linear layers) on the longest way to the logits.
//
// An estimator gets an evaluation context for each trial, pulls what it needs of it (decisions, graph,
// a compiled program, data) and sets every metric that it declared. This one calls itself cheap, and
// so is called in the coordinator, without a worker process between.
#include <espalier/espalier.h>

#include <algorithm>
#include <cmath>
#include <new>
#include <vector>

namespace
{

// The host reads the INI against this table: `espalier describe estimator/my_estimator` prints it.
const esp_param size_params[] = {
    ESP_PARAM_REAL_LOG("wanted_params", 20000, 1, 1e12, "", "the wanted number of parameters"),
};

// [objective] and `results --sort` know these names before the first trial. Neither is measured: the
// same architecture has the same bits again.
const esp_metric size_metrics[] = {
    ESP_METRIC_ROW("misfit", "", 0, ESP_BETTER_LOWER),
    ESP_METRIC_ROW("depth", "layers", 0, ESP_BETTER_NONE),
};

struct size_estimator {
    double wanted_params;
    esp_estimator_info info = {}; // what this instance declares

    explicit size_estimator(esp_create *create)
        : wanted_params(esp_param_real(create, "wanted_params"))
    {
        info.struct_size = sizeof info;
        info.metrics = size_metrics;
        info.metric_count = ESP_COUNT(size_metrics);
        info.metric_stride = sizeof size_metrics[0];
    }
};

// The inputs of a node come before it, so one pass in the order of the graph is enough.
double depth_of(const esp_graph *graph)
{
    std::vector<int> depths(esp_graph_node_count(graph)); // of each node
    for (uint64_t i = 0; i < depths.size(); i++) {
        const esp_graph_node *node = esp_graph_get(graph, i);
        for (uint64_t j = 0; j < node->input_count; j++)
            depths[i] = std::max(depths[i], depths[node->inputs[j]]);
        if (node->macs > 0)
            depths[i]++;
    }
    return depths[esp_graph_output(graph, 0)];
}

esp_status evaluate(const size_estimator &size, esp_evaluation *e)
{
    const esp_graph *graph;
    esp_status status = esp_evaluation_graph(e, &graph);
    if (status == ESP_OK)
        status = esp_evaluation_metric(e, "depth", depth_of(graph));
    if (status != ESP_OK)
        return status;
    double params = static_cast<double>(esp_graph_params(graph));
    if (params < 1) // the logarithm needs one
        return esp_fail(e, ESP_ERROR, "the network has no parameters");
    return esp_evaluation_metric(e, "misfit", std::fabs(std::log(params / size.wanted_params)));
}

// ---- The table of functions ---------------------------------------------------------------------
// What the host calls is C: no exception may come out of it.

esp_status size_create(esp_create *create, void **out)
{
    size_estimator *made = new (std::nothrow) size_estimator(create);
    if (!made)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    *out = made;
    return ESP_OK;
}

void size_destroy(void *self)
{
    delete static_cast<size_estimator *>(self);
}

const esp_estimator_info *size_info(void *self)
{
    return &static_cast<const size_estimator *>(self)->info;
}

esp_status size_evaluate(void *self, esp_evaluation *e)
{
    try {
        return evaluate(*static_cast<const size_estimator *>(self), e);
    } catch (const std::bad_alloc &) {
        return esp_fail(e, ESP_ERROR_MEMORY, "out of memory");
    }
}

const void *size_ability(const char *id)
{
    static const esp_estimator_cheap cheap = {sizeof(esp_estimator_cheap), 1, 0}; // needs the graph
    return strcmp(id, ESP_ESTIMATOR_CHEAP) == 0 ? &cheap : nullptr;
}

void size_describe(esp_estimator_type *out)
{
    out->summary = "how near a network comes to a wanted size";
    ESP_SET_PARAMS(out, size_params);
    out->create = size_create;
    out->destroy = size_destroy;
    out->describe = size_info;
    out->evaluate = size_evaluate;
    out->ability = size_ability;
}

} // namespace

ESP_PLUGIN("0.1.0", ESP_ESTIMATOR("my_estimator", size_describe))
