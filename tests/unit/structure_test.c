// SPDX-License-Identifier: Apache-2.0
// The structure of architectures: cells as a space writes them, adjacency, path encoding.
#include "builder/structure.h"

#include "plugins/worded_space.h"
#include "support/leak.h"
#include "support/space_lab.h"

#include <stdlib.h>
#include <string.h>

// The paths of a cell, one behind the other.
static void paths_text(char *out, size_t size, const esp_cell *cell)
{
    out[0] = '\0';
    for (uint64_t i = 0; i < cell->path_count; i++) {
        strncat(out, cell->paths[i], size - strlen(out) - 1);
        strncat(out, " ", size - strlen(out) - 1);
    }
}

TestLeak(structure, of_an_architecture)
{
    struct lab lab = {0};
    struct arch *arch = NULL;
    const esp_structure *structure = NULL;
    uint32_t matrix[9];
    char paths[256];
    lab_open(&lab, worded_build);
    lab.type.ability = worded_ability;
    cr_assert_eq(builder_parse(lab.builder, "conv-pool|skip*2", NULL, 0, &arch, &lab.error),
                 ESP_OK);
    cr_assert(builder_has_structure(lab.builder));
    cr_assert_eq(builder_structure(lab.builder, arch, &structure, &lab.error), ESP_OK, "%s",
                 lab.error.message);
    cr_assert_eq(structure->cell_count, 1);
    const esp_cell *cell = esp_structure_get(structure, 0);
    cr_expect_str_eq(cell->name, "");
    cr_assert_eq(cell->vertex_count, 3);
    cr_expect_null(esp_cell_vertex(cell, 0)->label);
    cr_expect_str_eq(esp_cell_vertex(cell, 2)->label, "sum");
    cr_expect_eq(esp_cell_vertex(cell, 2)->role, ESP_VERTEX_OUTPUT);
    cr_assert_eq(cell->edge_count, 3);
    cr_expect_str_eq(esp_cell_edge(cell, 1)->label, "skip", "edges stand by their ends");
    esp_cell_adjacency(cell, matrix);
    cr_expect_arr_eq(matrix, ((uint32_t[]){0, 1, 1, 0, 0, 1, 0, 0, 0}), sizeof matrix);
    paths_text(paths, sizeof paths, cell);
    cr_expect_str_eq(paths, "conv>pool>sum skip>sum ");
    char *dot = structure_dot(structure, "a \"cell\"");
    cr_expect(strstr(dot, "label=\"a \\\"cell\\\"\"") &&
                  strstr(dot, "c0_0 -> c0_2 [label=\"skip\"];") && strstr(dot, "cluster_0"),
              "%s", dot);
    free(dot);
    structure_destroy(structure);
    arch_release(arch);
    lab_close(&lab);
}

// ---- Written by a test --------------------------------------------------------------------------

static void (*write_test)(esp_structure_writer *writer);

static esp_status write_structure(void *self, const esp_arch *arch, esp_structure_writer *writer)
{
    (void)self;
    (void)arch;
    write_test(writer); // statuses are left aside: errors are sticky
    return ESP_OK;
}

static const void *written_ability(const char *id)
{
    static const esp_space_structure structure = {sizeof structure, write_structure};
    return strcmp(id, ESP_SPACE_STRUCTURE) == 0 ? &structure : NULL;
}

static esp_status written(struct lab *lab, void (*write)(esp_structure_writer *writer),
                          const esp_structure **out)
{
    lab_open(lab, build_even);
    lab->type.ability = written_ability;
    write_test = write;
    struct arch *arch = lab_sample(lab, 1);
    esp_status status = builder_structure(lab->builder, arch, out, &lab->error);
    arch_release(arch);
    return status;
}

// NAS-Bench-101's form: operators on vertices, one of them dead; parallel ways with the same labels.
static void write_vertices(esp_structure_writer *writer)
{
    esp_structure_cell(writer, "normal");
    esp_structure_vertex(writer, "input", ESP_VERTEX_INPUT);
    esp_structure_vertex(writer, "conv3x3", ESP_VERTEX_INNER);
    esp_structure_vertex(writer, "conv3x3", ESP_VERTEX_INNER);
    esp_structure_vertex(writer, "maxpool3x3", ESP_VERTEX_INNER);
    esp_structure_vertex(writer, "output", ESP_VERTEX_OUTPUT);
    esp_structure_edge(writer, 2, 4, NULL);
    esp_structure_edge(writer, 0, 1, NULL);
    esp_structure_edge(writer, 0, 2, NULL);
    esp_structure_edge(writer, 1, 4, NULL);
    esp_structure_edge(writer, 1, 3, NULL);
    esp_structure_edge(writer, 0, 4, NULL);
    // DARTS's form: two inputs, two edges between the same vertices.
    esp_structure_cell(writer, "reduce");
    esp_structure_vertex(writer, "k-2", ESP_VERTEX_INPUT);
    esp_structure_vertex(writer, "k-1", ESP_VERTEX_INPUT);
    esp_structure_vertex(writer, NULL, ESP_VERTEX_OUTPUT);
    esp_structure_edge(writer, 0, 2, "skip");
    esp_structure_edge(writer, 0, 2, "pool");
    esp_structure_edge(writer, 1, 2, NULL);
}

TestLeak(structure, paths_of_both_forms)
{
    struct lab lab = {0};
    const esp_structure *structure = NULL;
    char paths[256];
    uint32_t matrix[9];
    cr_assert_eq(written(&lab, write_vertices, &structure), ESP_OK, "%s", lab.error.message);
    cr_assert_eq(structure->cell_count, 2);
    paths_text(paths, sizeof paths, esp_structure_get(structure, 0));
    cr_expect_str_eq(paths, "input>conv3x3>output input>output ");
    paths_text(paths, sizeof paths, esp_structure_get(structure, 1));
    cr_expect_str_eq(paths, "k-1 k-2>pool k-2>skip ");
    esp_cell_adjacency(esp_structure_get(structure, 1), matrix);
    cr_expect_eq(matrix[2], 2);
    structure_destroy(structure);
    lab_close(&lab);
}

// A complete DAG of 3 + `inner` vertices has 2^(1 + inner) ways.
static void write_complete(esp_structure_writer *writer, uint32_t inner)
{
    char label[16];
    esp_structure_cell(writer, "");
    for (uint32_t v = 0; v < inner + 3; v++) {
        snprintf(label, sizeof label, "%u", v);
        esp_structure_vertex(writer, label,
                             v == 0           ? ESP_VERTEX_INPUT
                             : v == inner + 2 ? ESP_VERTEX_OUTPUT
                                              : ESP_VERTEX_INNER);
    }
    for (uint32_t to = 1; to < inner + 3; to++)
        for (uint32_t from = 0; from < to; from++)
            esp_structure_edge(writer, from, to, NULL);
}

static void write_most(esp_structure_writer *writer)
{
    write_complete(writer, 11);
}

static void write_too_many(esp_structure_writer *writer)
{
    write_complete(writer, 12);
}

static void write_endless(esp_structure_writer *writer)
{
    write_complete(writer, 300);
}

TestLeak(structure, more_paths_than_there_may_be)
{
    struct lab lab = {0};
    const esp_structure *structure = NULL;
    cr_assert_eq(written(&lab, write_most, &structure), ESP_OK);
    cr_expect_eq(esp_structure_get(structure, 0)->path_count, ESP_CELL_PATHS_MOST);
    structure_destroy(structure);
    lab_close(&lab);
    void (*const more[])(esp_structure_writer *) = {write_too_many, write_endless};
    for (size_t i = 0; i < ESP_COUNT(more); i++) {
        cr_assert_eq(written(&lab, more[i], &structure), ESP_OK);
        cr_expect_null(esp_structure_get(structure, 0)->paths);
        cr_expect_eq(esp_structure_get(structure, 0)->path_count, 0);
        structure_destroy(structure);
        lab_close(&lab);
    }
}

// ---- What is refused ----------------------------------------------------------------------------

static void write_nothing(esp_structure_writer *writer)
{
    (void)writer;
}

static void write_no_cell(esp_structure_writer *writer)
{
    esp_structure_vertex(writer, NULL, ESP_VERTEX_INPUT);
}

static void write_no_output(esp_structure_writer *writer)
{
    esp_structure_cell(writer, "normal");
    esp_structure_vertex(writer, NULL, ESP_VERTEX_INPUT);
}

static void write_twice(esp_structure_writer *writer)
{
    esp_structure_cell(writer, "normal");
    esp_structure_cell(writer, "normal");
}

static void write_back(esp_structure_writer *writer)
{
    write_no_output(writer);
    esp_structure_vertex(writer, NULL, ESP_VERTEX_OUTPUT);
    esp_structure_edge(writer, 1, 1, NULL);
}

static void write_beyond(esp_structure_writer *writer)
{
    write_no_output(writer);
    esp_structure_edge(writer, 0, 1, NULL);
}

static void write_joined(esp_structure_writer *writer)
{
    esp_structure_cell(writer, "normal");
    esp_structure_vertex(writer, "a>b", ESP_VERTEX_INPUT);
}

static void write_role(esp_structure_writer *writer)
{
    esp_structure_cell(writer, "normal");
    esp_structure_vertex(writer, NULL, 3);
}

static void write_nameless(esp_structure_writer *writer)
{
    esp_structure_cell(writer, NULL);
    write_complete(writer, 1);
}

TestLeak(structure, what_is_none_is_refused)
{
    static const struct {
        void (*write)(esp_structure_writer *writer);
        const char *reason;
    } rows[] = {
        {write_nothing, "space lab: the structure has no cell"},
        {write_no_cell, "a vertex is written before a cell"},
        {write_no_output, "the cell \"normal\" has no input or no output"},
        {write_twice, "the cell \"normal\" is written twice"},
        {write_back, "an edge goes from vertex 1 to 1"},
        {write_beyond, "an edge goes from vertex 0 to 1"},
        {write_joined, "holds a '>'"},
        {write_role, "a vertex has no role"},
        {write_nameless, "a cell has no printable name"},
    };
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        struct lab lab = {0};
        const esp_structure *structure = NULL;
        cr_expect_eq(written(&lab, rows[i].write, &structure), ESP_ERROR_MISUSE, "row %zu", i);
        cr_expect(strstr(lab.error.message, rows[i].reason), "row %zu: %s", i, lab.error.message);
        lab_close(&lab);
    }
}

TestLeak(structure, a_space_without_it_says_so)
{
    struct lab lab = {0};
    const esp_structure *structure = NULL;
    lab_open(&lab, build_even);
    struct arch *arch = lab_sample(&lab, 1);
    cr_expect_not(builder_has_structure(lab.builder));
    cr_expect_eq(builder_structure(lab.builder, arch, &structure, &lab.error),
                 ESP_ERROR_UNSUPPORTED);
    cr_expect(strstr(lab.error.message, "space lab gives no structure"), "%s", lab.error.message);
    arch_release(arch);
    lab_close(&lab);
}
