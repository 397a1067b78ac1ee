// SPDX-License-Identifier: Apache-2.0
// A member as two graphs: the network of cells, and the cell.
#include "macro_micro.h"

#include <stdio.h>
#include <string.h>

// The value at a path; false: there is none.
static int value_at(const esp_arch *arch, const char *path, esp_value *value)
{
    int64_t at = esp_arch_find(arch, path);
    if (at < 0)
        return 0;
    *value = esp_arch_value(arch, (uint64_t)at);
    return 1;
}

// The name of the option at a path, NULL: there is none.
static const char *option_at(const esp_arch *arch, const char *path)
{
    int64_t at = esp_arch_find(arch, path);
    if (at < 0)
        return NULL;
    return esp_arch_domain(arch, (uint64_t)at)->names[esp_arch_value(arch, (uint64_t)at).as.index];
}

// The level of each cell; answers how many there are, 0: the architecture is not this space's.
static int64_t read_levels(const struct macro_micro *space, const esp_arch *arch,
                           int64_t levels[CELLS_MOST])
{
    char path[64];
    esp_value value, cells;
    int64_t count = 0;
    if (space->macro == MACRO_STAGES) {
        if (!value_at(arch, "stages", &value))
            return 0;
        for (int64_t stage = 0; stage < value.as.integer; stage++) {
            snprintf(path, sizeof path, "stage/%lld/cells", (long long)stage);
            if (!value_at(arch, path, &cells))
                return 0;
            for (int64_t i = 0; i < cells.as.integer && count < CELLS_MOST; i++)
                levels[count++] = stage;
        }
        return count;
    }
    if (!value_at(arch, "cells", &value))
        return 0;
    for (int64_t level = 0; count < value.as.integer && count < CELLS_MOST; count++) {
        snprintf(path, sizeof path, "cell/%lld/move", (long long)count);
        const char *move = count > 0 ? option_at(arch, path) : "same";
        if (!move)
            return 0;
        level += strcmp(move, "down") == 0 ? 1 : strcmp(move, "up") == 0 ? -1 : 0;
        levels[count] = level;
    }
    return count;
}

// Vertex 0 is the stem, i + 1 cell i, labelled by its level; the last one the classifier.
static esp_status write_network(const struct macro_micro *space, const esp_arch *arch,
                                esp_structure_writer *writer)
{
    int64_t levels[CELLS_MOST], count = read_levels(space, arch, levels);
    esp_status status = esp_structure_cell(writer, "network");
    char text[64];
    if (count == 0)
        return esp_fail(writer, ESP_ERROR_INVALID, "the architecture lacks its number of cells");
    if (status == ESP_OK)
        status = esp_structure_vertex(writer, "stem", ESP_VERTEX_INPUT);
    for (int64_t i = 0; i < count && status == ESP_OK; i++) {
        snprintf(text, sizeof text, "level_%lld", (long long)levels[i]);
        status = esp_structure_vertex(writer, text, ESP_VERTEX_INNER);
    }
    if (status == ESP_OK)
        status = esp_structure_vertex(writer, "classifier", ESP_VERTEX_OUTPUT);
    for (int64_t i = 0; i <= count && status == ESP_OK; i++) {
        if (i > 0 && i < count) {
            snprintf(text, sizeof text, "cell/%lld/second", (long long)i);
            const char *second = option_at(arch, text);
            uint32_t state = 0;
            while (second && (int64_t)state < i - 1 && strcmp(second, space->states[state]) != 0)
                state++;
            status = esp_structure_edge(writer, state, (uint32_t)i + 1, NULL);
        }
        if (status == ESP_OK)
            status = esp_structure_edge(writer, (uint32_t)i, (uint32_t)i + 1, NULL);
    }
    return status;
}

static esp_status write_cell(const struct macro_micro *space, const esp_arch *arch,
                             esp_structure_writer *writer)
{
    const uint32_t last = (uint32_t)(2 + space->blocks);
    esp_status status = esp_structure_cell(writer, "cell");
    for (uint32_t v = 0; v <= last && status == ESP_OK; v++)
        status = esp_structure_vertex(writer,
                                      v < 2       ? cell_states[v]
                                      : v == last ? "concat"
                                                  : "add",
                                      v < 2       ? ESP_VERTEX_INPUT
                                      : v == last ? ESP_VERTEX_OUTPUT
                                                  : ESP_VERTEX_INNER);
    for (uint32_t i = 2; i < last && status == ESP_OK; i++) {
        esp_value inputs;
        char path[64];
        snprintf(path, sizeof path, "cell/block/%u/inputs", i - 2);
        if (!value_at(arch, path, &inputs))
            return esp_fail(writer, ESP_ERROR_INVALID, "the architecture lacks %s", path);
        for (uint32_t k = 0; k < inputs.count && status == ESP_OK; k++) {
            snprintf(path, sizeof path, "cell/block/%u/%s/op", i - 2,
                     cell_states[inputs.as.indices[k]]);
            const char *operation = option_at(arch, path);
            if (!operation)
                return esp_fail(writer, ESP_ERROR_INVALID, "the architecture lacks %s", path);
            if (strcmp(operation, "none") != 0)
                status = esp_structure_edge(writer, inputs.as.indices[k], i, operation);
        }
        if (status == ESP_OK)
            status = esp_structure_edge(writer, i, last, NULL);
    }
    return status;
}

static esp_status structure_of(void *self, const esp_arch *arch, esp_structure_writer *writer)
{
    esp_status status = write_network(self, arch, writer);
    return status == ESP_OK ? write_cell(self, arch, writer) : status;
}

const esp_space_structure macro_micro_structure = {sizeof(esp_space_structure), structure_of};
