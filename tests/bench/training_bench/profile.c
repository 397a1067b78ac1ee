// SPDX-License-Identifier: Apache-2.0
// Where the time of a training step goes, by the engine's own account; see figures.h. An operator that
// an engine computes together with another one is in the part of the one that it is computed in.
#include "figures.h"
#include "trainee.h"

#include "../stopwatch.h"

#include <espalier/ext/engine_profile.h>

#include <string.h>

#define LEAST_STEPS 3

const char *const part_names[PART_COUNT] = {"conv kxk", "conv 1x1",   "depthwise", "linear",
                                            "norm",     "activation", "pool",      "join",
                                            "other",    "optimizer",  "rest"};

static const struct {
    const char *op;
    enum step_part part;
} parts[] = {
    {"Gemm", PART_LINEAR},      {"BatchNormalization", PART_NORM},
    {"Relu", PART_ACTIVATION},  {"MaxPool", PART_POOL},
    {"AveragePool", PART_POOL}, {"GlobalAveragePool", PART_POOL},
    {"Add", PART_JOIN},         {"Concat", PART_JOIN},
    {"Slice", PART_JOIN},
};

static enum step_part part_of_convolution(const esp_graph_node *node)
{
    const esp_attribute *group = esp_graph_attribute(node, "group");
    const esp_attribute *kernel = esp_graph_attribute(node, "kernel_shape");
    if (group && group->integer > 1)
        return PART_DEPTHWISE;
    return kernel && kernel->count == 2 && kernel->ints[0] == 1 && kernel->ints[1] == 1
               ? PART_POINTWISE
               : PART_CONVOLUTION;
}

// By the node of the graph whose path the row has.
static enum step_part part_of(const esp_graph *graph, const esp_profile_row *row)
{
    const esp_graph_node *node = NULL;
    for (uint64_t i = 0; row->path && !node && i < esp_graph_node_count(graph); i++)
        if (strcmp(esp_graph_get(graph, i)->path, row->path) == 0)
            node = esp_graph_get(graph, i);
    if (!node)
        return PART_OTHER;
    if (strcmp(node->op, "Conv") == 0)
        return part_of_convolution(node);
    for (size_t i = 0; i < ESP_COUNT(parts); i++)
        if (strcmp(parts[i].op, node->op) == 0)
            return parts[i].part;
    return PART_OTHER;
}

struct profile profile_measure(struct stand *stand, uint64_t batch, double least_seconds)
{
    struct profile profile = {0};
    struct trainee t;
    struct error error;
    void *program = NULL;
    esp_call *call = NULL;
    error_clear(&error);
    trainee_open(&t, stand->engine, stand->handle, batch, false);
    const esp_engine_profile *table =
        program_ability(t.program, ESP_ENGINE_PROFILE, &program, &call);
    if (table) {
        const esp_profile_row *rows = NULL;
        uint64_t count = 0, stride = 0;
        double began, took, optimizer = 0.0, known = 0.0;
        int steps = 0;
        trainee_step(&t);
        need(table->start(program, call), &error);
        began = cpu_seconds();
        do {
            trainee_step(&t);
            steps++;
            took = cpu_seconds() - began;
        } while (steps < LEAST_STEPS || took < least_seconds);
        need(table->rows(program, call, &rows, &count, &stride), &error);
        const char *row = (const char *)rows;
        for (uint64_t i = 0; i < count; i++, row += stride) {
            const esp_profile_row *r = (const esp_profile_row *)(const void *)row;
            profile.seconds[part_of(stand->handle, r)] += (r->forward + r->backward) / steps;
            known += r->forward + r->backward;
        }
        began = cpu_seconds();
        for (int i = 0; i < steps; i++)
            trainee_apply(&t);
        optimizer = cpu_seconds() - began;
        profile.seconds[PART_OPTIMIZER] = optimizer / steps;
        profile.seconds[PART_REST] = (took - known - optimizer) / steps;
        profile.measured = true;
    }
    trainee_close(&t);
    return profile;
}
