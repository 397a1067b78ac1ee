// SPDX-License-Identifier: Apache-2.0
// The cells of an architecture as JSON.
#include "builder/structure.h"

static json_t *edges_json(const esp_edge *edges, uint64_t count, uint64_t stride)
{
    json_t *list = json_array();
    for (uint64_t i = 0; i < count; i++) {
        const esp_edge *edge = (const esp_edge *)(const void *)((const char *)edges + i * stride);
        json_array_append_new(list, json_pack("[I, I, s?]", (json_int_t)edge->from,
                                              (json_int_t)edge->to, edge->label));
    }
    return list;
}

json_t *structure_json(const esp_structure *structure)
{
    static const char *const roles[] = {"inner", "input", "output"};
    json_t *cells = json_array();
    for (uint64_t i = 0; i < structure->cell_count; i++) {
        const esp_cell *cell = esp_structure_get(structure, i);
        json_t *vertices = json_array();
        for (uint64_t v = 0; v < cell->vertex_count; v++) {
            const esp_vertex *vertex = esp_cell_vertex(cell, v);
            json_array_append_new(vertices, json_pack("{s:s?, s:s}", "label", vertex->label, "role",
                                                      roles[vertex->role]));
        }
        json_array_append_new(
            cells,
            json_pack("{s:s, s:o, s:o, s:o}", "name", cell->name, "vertices", vertices, "edges",
                      edges_json(cell->edges, cell->edge_count, cell->edge_stride), "back_edges",
                      edges_json(cell->back_edges, cell->back_edge_count, cell->edge_stride)));
    }
    return cells;
}
