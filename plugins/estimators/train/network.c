// SPDX-License-Identifier: Apache-2.0
// The weights of a network one by one; see network.h.
#include "network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t count_weights(const esp_graph *graph)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++)
        count += esp_graph_get(graph, i)->weight_count;
    return count;
}

static esp_status list_weights(struct network *w, esp_evaluation *e, const esp_graph *graph)
{
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++) {
        const esp_graph_node *node = esp_graph_get(graph, i);
        const char *row = (const char *)node->weights;
        for (uint64_t j = 0; j < node->weight_count; j++, row += node->weight_stride) {
            const esp_weight *weight = (const esp_weight *)(const void *)row;
            size_t length = strlen(weight->path) + sizeof "average/";
            char *name = malloc(length);
            if (!name)
                return esp_fail(e, ESP_ERROR_MEMORY, "out of memory");
            snprintf(name, length, "average/%s", weight->path);
            w->rows[w->count++] = (struct weight){weight->path, weight->shape,
                                                  esp_shape_size(&weight->shape), name, NULL};
        }
    }
    return ESP_OK;
}

esp_status network_open(struct network *w, esp_evaluation *e, const esp_graph *graph, int averaged)
{
    uint64_t total = 0;
    *w = (struct network){.rows = calloc(count_weights(graph) + 1, sizeof *w->rows)};
    esp_status status =
        w->rows ? list_weights(w, e, graph) : esp_fail(e, ESP_ERROR_MEMORY, "out of memory");
    if (status != ESP_OK || !averaged)
        return status;
    for (uint64_t i = 0; i < w->count; i++)
        total += w->rows[i].size;
    w->averages = calloc(total + 1, sizeof *w->averages);
    if (!w->averages)
        return esp_fail(e, ESP_ERROR_MEMORY, "out of memory");
    total = 0;
    for (uint64_t i = 0; i < w->count; i++) {
        w->rows[i].average = w->averages + total;
        total += w->rows[i].size;
    }
    return ESP_OK;
}

void network_close(struct network *w)
{
    for (uint64_t i = 0; w->rows && i < w->count; i++)
        free(w->rows[i].name);
    free(w->rows);
    free(w->averages);
}

// An exponent of ones is that of an infinity or of what is no number.
static int all_finite(const float *x, uint64_t size)
{
    uint32_t found = 0;
    for (uint64_t i = 0; i < size; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        found |= (bits & 0x7f800000u) == 0x7f800000u;
    }
    return !found;
}

esp_status network_finite(const struct network *w, esp_program *program,
                          const struct weight **found)
{
    *found = NULL;
    for (uint64_t i = 0; i < w->count && !*found; i++) {
        esp_tensor tensor;
        esp_status status =
            esp_program_tensor(program, ESP_TENSOR_WEIGHT, w->rows[i].path, &tensor);
        if (status != ESP_OK)
            return status;
        if (!all_finite(tensor.data, w->rows[i].size))
            *found = &w->rows[i];
    }
    return ESP_OK;
}

esp_status network_average(struct network *w, esp_program *program, double decay, int ramp,
                           uint64_t step)
{
    double ramped = (1.0 + (double)step) / (10.0 + (double)step);
    double d = ramp && ramped < decay ? ramped : decay;
    if (step == 1)
        d = 0.0;
    float keep = (float)d, take = (float)(1.0 - d);
    for (uint64_t i = 0; i < w->count; i++) {
        float *average = w->rows[i].average;
        esp_tensor tensor;
        esp_status status =
            esp_program_tensor(program, ESP_TENSOR_WEIGHT, w->rows[i].path, &tensor);
        if (status != ESP_OK)
            return status;
        for (uint64_t j = 0; j < w->rows[i].size; j++)
            average[j] = keep * average[j] + take * tensor.data[j];
    }
    return ESP_OK;
}

esp_status network_exchange(struct network *w, esp_program *program)
{
    for (uint64_t i = 0; w->averages && i < w->count; i++) {
        float *average = w->rows[i].average;
        esp_tensor tensor;
        esp_status status =
            esp_program_tensor(program, ESP_TENSOR_WEIGHT, w->rows[i].path, &tensor);
        if (status != ESP_OK)
            return status;
        for (uint64_t j = 0; j < w->rows[i].size; j++) {
            float kept = average[j];
            average[j] = tensor.data[j];
            tensor.data[j] = kept;
        }
    }
    return ESP_OK;
}

void network_name_averages(const struct network *w, esp_named_tensor *out)
{
    for (uint64_t i = 0; i < w->count; i++)
        out[i] = (esp_named_tensor){
            sizeof *out, w->rows[i].name, {w->rows[i].average, w->rows[i].shape}};
}

esp_status network_restore(struct network *w, esp_evaluation *e)
{
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && w->averages && i < w->count; i++)
        status = esp_checkpoint_tensor(e, w->rows[i].name, &w->rows[i].shape, w->rows[i].average);
    return status;
}
