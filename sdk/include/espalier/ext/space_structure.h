// SPDX-License-Identifier: Apache-2.0
// The structure of an architecture: its cells as labelled DAGs, with operators on vertices
// (NAS-Bench-101) or on edges (NAS-Bench-201, DARTS). A space writes it; the host derives adjacency,
// the path encoding (White et al. 2021) and drawings from it, and a strategy reads it
// (esp_search_structure).
//
// Clauses, as `espalier check` cites them:
//   1  Every member has the same cells, in the same order.
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
    esp_status (*back_edge)(esp_structure_writer *writer, uint32_t from, uint32_t to,
                            const char *label);
} esp_structure_writer_api;

// Begins the next cell: "normal", "reduce", or "" where there is one. [call]
static inline esp_status esp_structure_cell(esp_structure_writer *writer, const char *name)
{
    return writer->api->cell(writer, name);
}

// Adds a vertex to the cell; they are numbered from 0 in the order of this call. `label`: its
// operator, or how it merges its inputs, or NULL; printable, without '>', which joins the labels of a
// path. [call]
static inline esp_status esp_structure_vertex(esp_structure_writer *writer, const char *label,
                                              uint32_t role)
{
    return writer->api->vertex(writer, label, role);
}

// Adds an edge between vertices of the cell; from < to. `label`: its operator, or NULL. Two edges may
// join the same vertices. An operator that passes nothing on (`none`) is no edge. [call]
static inline esp_status esp_structure_edge(esp_structure_writer *writer, uint32_t from,
                                            uint32_t to, const char *label)
{
    return writer->api->edge(writer, from, to, label);
}

// Adds an edge of a recurrent network: what `from` gave in the step before goes into `to`, which may be
// any vertex, `from` too. It is drawn, and is no part of paths and adjacency. [call]
static inline esp_status esp_structure_back_edge(esp_structure_writer *writer, uint32_t from,
                                                 uint32_t to, const char *label)
{
    if (!ESP_HAS(esp_structure_writer_api, writer->api, back_edge))
        return esp_fail(writer, ESP_ERROR_UNSUPPORTED, "the host knows no recurrent networks");
    return writer->api->back_edge(writer, from, to, label);
}

#define ESP_SPACE_STRUCTURE "esp.space.structure/1"
typedef struct esp_space_structure {
    uint64_t struct_size;

    // Writes the cells of `arch`, each once however often it is repeated, the same cells in the same
    // order for every member; `arch` holds every decision, as for esp_space_text.print. A cell has at
    // least one input and one output. Required. [any] [created]
    esp_status (*structure)(void *self, const esp_arch *arch, esp_structure_writer *writer);
} esp_space_structure;

// ---- Read by a strategy -----------------------------------------------------------------------
// Read only. Owner: the host; lives until esp_search_structure_release.

typedef struct esp_vertex {
    uint64_t struct_size;
    const char *label; // or NULL
    uint32_t role;     // ESP_VERTEX_*
    uint32_t reserved;
} esp_vertex;

typedef struct esp_edge {
    uint64_t struct_size;
    const char *label; // or NULL
    uint32_t from, to; // vertices
} esp_edge;

// A cell with more paths than this has no path encoding.
#define ESP_CELL_PATHS_MOST 4096u

typedef struct esp_cell {
    uint64_t struct_size;
    const char *name;
    const esp_vertex *vertices;
    uint64_t vertex_count, vertex_stride;
    const esp_edge *edges; // by `from`, then by `to`
    uint64_t edge_count, edge_stride;

    // The path encoding: of each way from an input to an output the labels that it meets, joined by
    // '>', inputs' and outputs' among them; each text once, in the order of strcmp. NULL where there
    // are more than ESP_CELL_PATHS_MOST ways.
    const char *const *paths;
    uint64_t path_count;

    const esp_edge *back_edges; // as they came
    uint64_t back_edge_count;   // `edge_stride` bytes apart
} esp_cell;

typedef struct esp_structure {
    uint64_t struct_size;
    const esp_cell *cells;
    uint64_t cell_count, cell_stride;
} esp_structure;

static inline const esp_cell *esp_structure_get(const esp_structure *structure, uint64_t cell)
{
    return (const esp_cell *)(const void *)((const char *)structure->cells +
                                            cell * structure->cell_stride);
}

static inline const esp_vertex *esp_cell_vertex(const esp_cell *cell, uint64_t vertex)
{
    return (const esp_vertex *)(const void *)((const char *)cell->vertices +
                                              vertex * cell->vertex_stride);
}

static inline const esp_edge *esp_cell_edge(const esp_cell *cell, uint64_t edge)
{
    return (const esp_edge *)(const void *)((const char *)cell->edges + edge * cell->edge_stride);
}

// The adjacency matrix, row by row: at [from][to] how many edges there are. `matrix` has room for
// vertex_count x vertex_count numbers.
static inline void esp_cell_adjacency(const esp_cell *cell, uint32_t *matrix)
{
    uint64_t i;
    for (i = 0; i < cell->vertex_count * cell->vertex_count; i++)
        matrix[i] = 0;
    for (i = 0; i < cell->edge_count; i++)
        matrix[esp_cell_edge(cell, i)->from * cell->vertex_count + esp_cell_edge(cell, i)->to]++;
}

#ifdef __cplusplus
}
#endif

#endif
