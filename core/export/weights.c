// SPDX-License-Identifier: Apache-2.0
// The weights of a network that is exported, and the file of them alone; see export.h.
#include "export/export.h"

#include "evaluate/evaluation.h"

#include <stdlib.h>
#include <string.h>

const float *export_weight(const struct export_network *network, const esp_weight *weight)
{
    struct safetensors_entry entry = {0};
    if (!network->weights)
        return weight->values;
    safetensors_find(network->weights, "", weight->path, &entry);
    return entry.data;
}

esp_status export_normalisation(float **shift, float **factor, struct session *session,
                                const struct arch *arch, bool final,
                                const struct fidelity *fidelity, uint64_t fidelity_count,
                                struct error *error)
{
    const struct setting *setting = NULL;
    struct data *data = NULL;
    esp_status status =
        session_setting(session, arch, final, fidelity, fidelity_count, &setting, error);
    if (status == ESP_OK)
        status =
            session_data(session, &setting->dataset, &setting->host, final, false, &data, error);
    if (status != ESP_OK)
        return status;
    struct data_normalisation made = data_normalisation(data);
    uint64_t channels = data_task(data)->channels;
    *shift = malloc(2 * channels * sizeof **shift);
    if (!*shift)
        return error_memory(error);
    *factor = *shift + channels;
    for (uint64_t c = 0; c < channels; c++) {
        (*shift)[c] = (float)((double)made.mean[c] / made.unit);
        (*factor)[c] = (float)((double)made.scale[c] * made.unit);
    }
    return ESP_OK;
}

bool export_given(const esp_graph *graph)
{
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++)
        for (uint64_t j = 0; j < esp_graph_get(graph, i)->weight_count; j++)
            if (!node_weight(esp_graph_get(graph, i), j)->values)
                return false;
    return true;
}

// ---- The file of weights ----------------------------------------------------------------------

esp_status export_safetensors(const struct export_network *network, const char *path,
                              struct error *error)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < esp_graph_node_count(network->graph); i++)
        count += esp_graph_get(network->graph, i)->weight_count;
    struct safetensors_entry *entries = calloc(count + 1, sizeof *entries);
    if (!entries)
        return error_memory(error);
    count = 0;
    for (uint64_t i = 0; i < esp_graph_node_count(network->graph); i++) {
        const esp_graph_node *node = esp_graph_get(network->graph, i);
        for (uint64_t j = 0; j < node->weight_count; j++) {
            const esp_weight *weight = node_weight(node, j);
            entries[count++] =
                (struct safetensors_entry){weight->path, weight->shape.rank, weight->shape.dims,
                                           export_weight(network, weight)};
        }
    }
    struct safetensors_note notes[] = {{"format", "pt"}, {"arch", network->arch}};
    esp_status status = safetensors_write(path, entries, count, notes, ESP_COUNT(notes), error);
    free(entries);
    return status;
}

// ---- What the writers share -------------------------------------------------------------------

bool *export_used(const esp_graph *graph, uint64_t outputs)
{
    uint64_t count = esp_graph_node_count(graph);
    bool *used = calloc(count + 1, sizeof *used);
    for (uint64_t i = 0; used && i < outputs; i++)
        used[esp_graph_output(graph, i)] = true;
    for (uint64_t i = count; used && i-- > 0;) {
        const esp_graph_node *node = esp_graph_get(graph, i);
        for (uint64_t j = 0; used[i] && j < node->input_count; j++)
            used[node->inputs[j]] = true;
    }
    return used;
}

int64_t node_int(const esp_graph_node *node, const char *name)
{
    return esp_graph_attribute(node, name)->integer;
}

double node_real(const esp_graph_node *node, const char *name)
{
    return esp_graph_attribute(node, name)->real;
}

const int64_t *node_ints(const esp_graph_node *node, const char *name)
{
    return esp_graph_attribute(node, name)->ints;
}

struct export_window export_window_of(const esp_graph *graph, const esp_graph_node *node)
{
    struct export_window window = {.dilated = false};
    const esp_shape *input = &esp_graph_get(graph, node->inputs[0])->shape;
    for (int side = 0; side < 2; side++) {
        window.kernel[side] = node_ints(node, "kernel_shape")[side];
        window.stride[side] = node_ints(node, "strides")[side];
        window.dilation[side] = node_ints(node, "dilations")[side];
        window.begin[side] = node_ints(node, "pads")[side];
        window.end[side] = node_ints(node, "pads")[2 + side];
        window.size[side] = input->dims[2 + side];
        window.out[side] = node->shape.dims[2 + side];
        int64_t reach = (window.out[side] - 1) * window.stride[side] +
                        (window.kernel[side] - 1) * window.dilation[side] + 1 - window.size[side] -
                        window.begin[side];
        window.reach[side] = reach > 0 ? reach : 0;
        window.dilated = window.dilated || window.dilation[side] != 1;
    }
    return window;
}
