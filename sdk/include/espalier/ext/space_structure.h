// SPDX-License-Identifier: Apache-2.0
// The structure of an architecture: its cells as labelled DAGs, with operators on vertices
// (NAS-Bench-101) or on edges (NAS-Bench-201, DARTS). The host derives adjacency, the path encoding
// (White et al. 2021) and drawings from it.
#ifndef ESPALIER_EXT_SPACE_STRUCTURE_H
#define ESPALIER_EXT_SPACE_STRUCTURE_H

#include <espalier/arch.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- Written by a space -----------------------------------------------------------------------

// What a vertex is for.
enum {
    ESP_VERTEX_INNER = 0,
    ESP_VERTEX_INPUT = 1, // of the cell; paths begin here
    ESP_VERTEX_OUTPUT = 2 // of the cell; paths end here
};

typedef struct esp_structure_writer esp_structure_writer;
struct esp_structure_writer_api;

// Takes cells. Owner: the host. [any] [call]
struct esp_structure_writer {
    esp_handle base;
    const struct esp_structure_writer_api *api;
};

typedef struct esp_structure_writer_api {
    uint64_t struct_size;
    esp_status (*cell)(esp_structure_writer *writer, const char *name);
    esp_status (*vertex)(esp_structure_writer *writer, const char *label, uint32_t role);
    esp_status (*edge)(esp_structure_writer *writer, uint32_t from, uint32_t to, const char *label);
} esp_structure_writer_api;

// Begins the next cell: "normal", "reduce", or "" where there is one. [call]
static inline esp_status esp_structure_cell(esp_structure_writer *writer, const char *name)
{
    return writer->api->cell(writer, name);
}

// Adds a vertex to the cell; they are numbered from 0 in the order of this call. `label`: its
// operator, or how it merges its inputs, or NULL. [call]
static inline esp_status esp_structure_vertex(esp_structure_writer *writer, const char *label,
                                              uint32_t role)
{
    return writer->api->vertex(writer, label, role);
}

// Adds an edge between vertices of the cell; from < to. `label`: its operator, or NULL. [call]
static inline esp_status esp_structure_edge(esp_structure_writer *writer, uint32_t from,
                                            uint32_t to, const char *label)
{
    return writer->api->edge(writer, from, to, label);
}

#define ESP_SPACE_STRUCTURE "esp.space.structure/1"
typedef struct esp_space_structure {
    uint64_t struct_size;

    // Writes the cells of `arch`, each once however often it is repeated, the same cells in the same
    // order for every member. Required. [any] [created]
    esp_status (*structure)(void *self, const esp_arch *arch, esp_structure_writer *writer);
} esp_space_structure;

#ifdef __cplusplus
}
#endif

#endif
