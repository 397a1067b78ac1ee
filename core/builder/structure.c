// SPDX-License-Identifier: Apache-2.0
// The structure of an architecture; see structure.h. Vertices are numbered such that edges go up, so
// their order is a topological one.
#include "builder/structure.h"

#include "builder/pass.h"
#include "text/printable.h"

#include <stdlib.h>
#include <string.h>

struct cell {
    esp_cell view; // first
    esp_vertex *vertices;
    size_t vertex_capacity;
    esp_edge *edges;
    size_t edge_capacity;
    esp_edge *back_edges;
    size_t back_edge_capacity;
};

struct structure {
    esp_structure view; // first
    struct cell *cells;
    size_t capacity;
    struct arena arena; // names, labels, paths
};

static struct structure *structure_of(const esp_structure *view)
{
    return (struct structure *)(uintptr_t)view;
}

// ---- Written by the space -----------------------------------------------------------------------

struct structure_writing {
    esp_structure_writer handle; // first
    struct error error;          // sticky
    struct structure *structure;
};

static struct structure_writing *writing_of(esp_structure_writer *handle)
{
    return (struct structure_writing *)(void *)handle;
}

static struct cell *last_cell(const struct structure *structure)
{
    return structure->view.cell_count ? &structure->cells[structure->view.cell_count - 1] : NULL;
}

static bool is_label(const char *text)
{
    return text_printable(text) && !strchr(text, '>');
}

// Copies a label; `*out` is NULL where it is.
static esp_status copy_label(struct structure_writing *writing, const char *label, const char **out)
{
    *out = NULL;
    if (!label)
        return ESP_OK;
    if (!is_label(label))
        return error_set(&writing->error, ESP_ERROR_MISUSE,
                         "a label of the structure is not printable, or holds a '>'");
    *out = arena_text(&writing->structure->arena, label, strlen(label));
    return *out ? ESP_OK : error_memory(&writing->error);
}

static esp_status write_cell(esp_structure_writer *handle, const char *name)
{
    struct structure_writing *writing = writing_of(handle);
    struct structure *structure = writing->structure;
    if (writing->error.status != ESP_OK)
        return writing->error.status;
    if (!name || !is_label(name))
        return error_set(&writing->error, ESP_ERROR_MISUSE, "a cell has no printable name");
    for (uint64_t i = 0; i < structure->view.cell_count; i++)
        if (strcmp(structure->cells[i].view.name, name) == 0)
            return error_set(&writing->error, ESP_ERROR_MISUSE, "the cell \"%s\" is written twice",
                             name);
    if (!array_reserve(&structure->cells, &structure->capacity, structure->view.cell_count + 1,
                       sizeof *structure->cells))
        return error_memory(&writing->error);
    struct cell *cell = &structure->cells[structure->view.cell_count++];
    cell->view.struct_size = sizeof cell->view;
    cell->view.vertex_stride = sizeof(esp_vertex);
    cell->view.edge_stride = sizeof(esp_edge);
    return copy_label(writing, name, &cell->view.name);
}

static esp_status write_vertex(esp_structure_writer *handle, const char *label, uint32_t role)
{
    struct structure_writing *writing = writing_of(handle);
    struct cell *cell = last_cell(writing->structure);
    const char *copy;
    if (writing->error.status != ESP_OK)
        return writing->error.status;
    if (!cell || role > ESP_VERTEX_OUTPUT)
        return error_set(&writing->error, ESP_ERROR_MISUSE,
                         cell ? "a vertex has no role of ESP_VERTEX_*"
                              : "a vertex is written before a cell");
    if (copy_label(writing, label, &copy) != ESP_OK)
        return writing->error.status;
    if (!array_reserve(&cell->vertices, &cell->vertex_capacity, cell->view.vertex_count + 1,
                       sizeof *cell->vertices))
        return error_memory(&writing->error);
    cell->vertices[cell->view.vertex_count++] = (esp_vertex){sizeof(esp_vertex), copy, role, 0};
    return ESP_OK;
}

static esp_status write_edge(esp_structure_writer *handle, uint32_t from, uint32_t to,
                             const char *label)
{
    struct structure_writing *writing = writing_of(handle);
    struct cell *cell = last_cell(writing->structure);
    const char *copy;
    if (writing->error.status != ESP_OK)
        return writing->error.status;
    if (!cell || from >= to || to >= cell->view.vertex_count)
        return error_set(&writing->error, ESP_ERROR_MISUSE,
                         "an edge goes from vertex %u to %u: expected a smaller number first, and "
                         "both written before",
                         from, to);
    if (copy_label(writing, label, &copy) != ESP_OK)
        return writing->error.status;
    if (!array_reserve(&cell->edges, &cell->edge_capacity, cell->view.edge_count + 1,
                       sizeof *cell->edges))
        return error_memory(&writing->error);
    // Edges stand by `from`, then by `to`, equal ones as they came.
    uint64_t at = cell->view.edge_count++;
    for (; at > 0 && (cell->edges[at - 1].from > from ||
                      (cell->edges[at - 1].from == from && cell->edges[at - 1].to > to));
         at--)
        cell->edges[at] = cell->edges[at - 1];
    cell->edges[at] = (esp_edge){sizeof(esp_edge), copy, from, to};
    return ESP_OK;
}

static esp_status write_back_edge(esp_structure_writer *handle, uint32_t from, uint32_t to,
                                  const char *label)
{
    struct structure_writing *writing = writing_of(handle);
    struct cell *cell = last_cell(writing->structure);
    const char *copy;
    if (writing->error.status != ESP_OK)
        return writing->error.status;
    if (!cell || from >= cell->view.vertex_count || to >= cell->view.vertex_count)
        return error_set(&writing->error, ESP_ERROR_MISUSE,
                         "a back edge goes from vertex %u to %u: expected both to be written "
                         "before",
                         from, to);
    if (copy_label(writing, label, &copy) != ESP_OK)
        return writing->error.status;
    if (!array_reserve(&cell->back_edges, &cell->back_edge_capacity, cell->view.back_edge_count + 1,
                       sizeof *cell->back_edges))
        return error_memory(&writing->error);
    cell->back_edges[cell->view.back_edge_count++] = (esp_edge){sizeof(esp_edge), copy, from, to};
    return ESP_OK;
}

static const esp_structure_writer_api structure_writer_api = {
    sizeof(esp_structure_writer_api), write_cell, write_vertex, write_edge, write_back_edge,
};

// ---- Paths --------------------------------------------------------------------------------------

// The ways from each vertex to an output, ESP_CELL_PATHS_MOST + 1 standing for more. Answers how many
// begin at inputs.
static uint64_t count_ways(const struct cell *cell, uint64_t *ways)
{
    const uint64_t most = ESP_CELL_PATHS_MOST + 1;
    uint64_t edge = cell->view.edge_count, total = 0;
    for (uint64_t v = cell->view.vertex_count; v-- > 0;) {
        ways[v] = cell->vertices[v].role == ESP_VERTEX_OUTPUT;
        for (; edge > 0 && cell->edges[edge - 1].from == v; edge--) {
            ways[v] += ways[cell->edges[edge - 1].to];
            ways[v] = ways[v] < most ? ways[v] : most;
        }
        if (cell->vertices[v].role == ESP_VERTEX_INPUT)
            total += ways[v];
    }
    return total < most ? total : most;
}

// A walk: the labels so far, and what was found.
struct walk {
    const struct cell *cell;
    const uint64_t *ways; // vertices without a way are not entered
    struct arena *arena;
    char *text;
    size_t length, capacity;
    const char **paths;
    uint64_t count;
};

// The first label stands alone, others behind a '>'.
static bool append_label(struct walk *walk, const char *label, bool *any)
{
    if (!label)
        return true;
    size_t size = strlen(label);
    if (!array_reserve(&walk->text, &walk->capacity, walk->length + size + 2, 1))
        return false;
    if (*any)
        walk->text[walk->length++] = '>';
    memcpy(walk->text + walk->length, label, size + 1);
    walk->length += size;
    *any = true;
    return true;
}

static bool walk_from(struct walk *walk, uint64_t vertex, bool any)
{
    const struct cell *cell = walk->cell;
    size_t length = walk->length;
    bool ok = append_label(walk, cell->vertices[vertex].label, &any);
    if (ok && cell->vertices[vertex].role == ESP_VERTEX_OUTPUT) {
        char *path = arena_text(walk->arena, walk->text ? walk->text : "", walk->length);
        ok = path;
        walk->paths[walk->count++] = path;
    }
    for (uint64_t e = 0; ok && e < cell->view.edge_count; e++) {
        const esp_edge *edge = &cell->edges[e];
        if (edge->from != vertex || walk->ways[edge->to] == 0)
            continue;
        size_t before = walk->length;
        bool some = any;
        ok = append_label(walk, edge->label, &some) && walk_from(walk, edge->to, some);
        walk->length = before;
    }
    walk->length = length;
    return ok;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool find_paths(struct cell *cell, struct arena *arena)
{
    uint64_t *ways = calloc(cell->view.vertex_count, sizeof *ways);
    uint64_t total = ways ? count_ways(cell, ways) : 0;
    bool ok = ways;
    if (ok && total <= ESP_CELL_PATHS_MOST) {
        struct walk walk = {.cell = cell, .ways = ways, .arena = arena};
        walk.paths = arena_take(arena, (total + 1) * sizeof *walk.paths);
        ok = walk.paths;
        for (uint64_t v = 0; ok && v < cell->view.vertex_count; v++)
            if (cell->vertices[v].role == ESP_VERTEX_INPUT && ways[v] > 0)
                ok = walk_from(&walk, v, false);
        if (ok) {
            qsort(walk.paths, walk.count, sizeof *walk.paths, compare_paths);
            for (uint64_t i = 0; i < walk.count; i++)
                if (i == 0 || strcmp(walk.paths[i], walk.paths[i - 1]) != 0)
                    walk.paths[cell->view.path_count++] = walk.paths[i];
            cell->view.paths = walk.paths;
        }
        free(walk.text);
    }
    free(ways);
    return ok;
}

// ---- The structure ------------------------------------------------------------------------------

static bool has_role(const struct cell *cell, uint32_t role)
{
    for (uint64_t v = 0; v < cell->view.vertex_count; v++)
        if (cell->vertices[v].role == role)
            return true;
    return false;
}

static esp_status finish(struct structure *structure, struct error *error)
{
    if (structure->view.cell_count == 0)
        return error_set(error, ESP_ERROR_MISUSE, "the structure has no cell");
    for (uint64_t i = 0; i < structure->view.cell_count; i++) {
        struct cell *cell = &structure->cells[i];
        if (!has_role(cell, ESP_VERTEX_INPUT) || !has_role(cell, ESP_VERTEX_OUTPUT))
            return error_set(error, ESP_ERROR_MISUSE, "the cell \"%s\" has no input or no output",
                             cell->view.name);
        cell->view.vertices = cell->vertices;
        cell->view.edges = cell->edges;
        cell->view.back_edges = cell->back_edges;
        if (!find_paths(cell, &structure->arena))
            return error_memory(error);
    }
    structure->view.struct_size = sizeof structure->view;
    structure->view.cells = &structure->cells[0].view;
    structure->view.cell_stride = sizeof *structure->cells;
    return ESP_OK;
}

static const esp_space_structure *structure_ability(const struct builder *builder)
{
    const esp_space_structure *ability = builder_ability(builder, ESP_SPACE_STRUCTURE);
    return ability && ability->struct_size >= sizeof *ability && ability->structure ? ability
                                                                                    : NULL;
}

bool builder_has_structure(const struct builder *builder)
{
    return structure_ability(builder);
}

esp_status builder_structure(struct builder *builder, const struct arch *arch,
                             const esp_structure **out, struct error *error)
{
    const esp_space_structure *ability = structure_ability(builder);
    struct arch *whole = NULL;
    if (!ability)
        return error_set(error, ESP_ERROR_UNSUPPORTED, "space %s gives no structure of cells",
                         builder->design.space);
    esp_status status = replay_whole(builder, arch, &whole, error);
    if (status != ESP_OK)
        return status;
    struct structure *structure = calloc(1, sizeof *structure);
    if (!structure) {
        arch_release(whole);
        return error_memory(error);
    }
    struct structure_writing writing = {.structure = structure};
    handle_init(&writing.handle.base, sizeof writing.handle, &writing.error);
    writing.handle.api = &structure_writer_api;
    status = ability->structure(builder->instance, arch_handle(whole), &writing.handle);
    if (status == ESP_OK && writing.error.status == ESP_OK)
        finish(structure, &writing.error);
    status = ability_answered(builder, &writing.error, status, "structure", error);
    arch_release(whole);
    if (status == ESP_OK)
        *out = &structure->view;
    else
        structure_destroy(&structure->view);
    return status;
}

void structure_destroy(const esp_structure *view)
{
    struct structure *structure = structure_of(view);
    if (!structure)
        return;
    for (uint64_t i = 0; i < structure->view.cell_count; i++) {
        free(structure->cells[i].vertices);
        free(structure->cells[i].edges);
        free(structure->cells[i].back_edges);
    }
    free(structure->cells);
    arena_free(&structure->arena);
    free(structure);
}
