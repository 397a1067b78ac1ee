// SPDX-License-Identifier: Apache-2.0
// The abilities of the DARTS space: its text, canonical form and structure. Decisions stand at
// `<cell>/node/<state>/inputs` and `<cell>/node/<state>/<source>/op`.
#include "darts.h"
#include "isomorphic.h"

#include <espalier/ext/space_structure.h>

#include <stdio.h>
#include <string.h>

#define PATH_SIZE 64

static void inputs_path(char path[PATH_SIZE], int cell, uint64_t node)
{
    snprintf(path, PATH_SIZE, "%s/node/%llu/inputs", genotype_cell_names[cell],
             (unsigned long long)(2 + node));
}

static void op_path(char path[PATH_SIZE], int cell, uint64_t node, uint32_t source)
{
    snprintf(path, PATH_SIZE, "%s/node/%llu/%u/op", genotype_cell_names[cell],
             (unsigned long long)(2 + node), source);
}

// ---- Reading ------------------------------------------------------------------------------------

// Every node is in the concat, or the text is no member.
static esp_status check_concat(const struct darts *darts, const struct genotype_cell *cell,
                               esp_text_reader *reader)
{
    uint32_t present = 0;
    for (uint64_t i = 0; i < cell->concat_count; i++)
        present |= UINT32_C(1) << cell->concat[i];
    if (present == ((UINT32_C(1) << darts->nodes) - 1) << 2)
        return ESP_OK;
    return esp_text_wrong(reader, cell->concat_at,
                          "a cell of this space concatenates its nodes, the states 2 to %lld; "
                          "other lists are members of the space nasnet",
                          (long long)(1 + darts->nodes));
}

static esp_status read_node(const struct genotype_cell *cell, int c, uint64_t node,
                            esp_text_reader *reader)
{
    const struct genotype_pair *pairs = &cell->pairs[2 * node];
    char path[PATH_SIZE];
    if (pairs[0].state == pairs[1].state)
        return esp_text_wrong(reader, pairs[1].state_at,
                              "the two operations of a node take different states in this space, "
                              "and both take %u",
                              pairs[0].state);
    int swap = pairs[0].state > pairs[1].state;
    const uint32_t sources[2] = {pairs[swap].state, pairs[!swap].state};
    inputs_path(path, c, node);
    esp_status status = esp_text_set_subset(reader, path, sources, 2);
    for (int i = 0; i < 2 && status == ESP_OK; i++) {
        op_path(path, c, node, pairs[i].state);
        status = esp_text_set_name(reader, path, pairs[i].name);
    }
    return status;
}

static esp_status darts_parse(void *self, esp_text_reader *reader, const char *text)
{
    const struct darts *darts = self;
    struct genotype genotype;
    esp_status status = genotype_read(&genotype, reader, text);
    if (status == ESP_OK)
        status = genotype_check(&genotype, reader, (uint64_t)darts->nodes, darts_names,
                                ESP_COUNT(darts_names), sizeof darts_names[0]);
    for (int c = 0; c < GENOTYPE_CELLS && status == ESP_OK; c++) {
        status = check_concat(darts, &genotype.cells[c], reader);
        for (uint64_t i = 0; i < (uint64_t)darts->nodes && status == ESP_OK; i++)
            status = read_node(&genotype.cells[c], c, i, reader);
    }
    return status;
}

// ---- Writing ------------------------------------------------------------------------------------

// The cells of a member, as indices of darts_names. `handle` takes the message if there are none.
static esp_status read_arch(const struct darts *darts, const esp_arch *arch, esp_handle *handle,
                            struct isomorphic_node cells[][GENOTYPE_MOST_NODES])
{
    for (int c = 0; c < GENOTYPE_CELLS; c++)
        for (uint64_t i = 0; i < (uint64_t)darts->nodes; i++) {
            struct isomorphic_node *node = &cells[c][i];
            char path[PATH_SIZE];
            inputs_path(path, c, i);
            int64_t at = esp_arch_find(arch, path);
            if (at < 0 || esp_arch_value(arch, (uint64_t)at).count != 2)
                return esp_fail_handle(handle, ESP_ERROR_INVALID, "no two inputs at %s", path);
            memcpy(node->source, esp_arch_value(arch, (uint64_t)at).as.indices,
                   sizeof node->source);
            for (int h = 0; h < 2; h++) {
                op_path(path, c, i, node->source[h]);
                at = esp_arch_find(arch, path);
                node->op[h] =
                    at < 0 ? UINT32_MAX : (uint32_t)esp_arch_value(arch, (uint64_t)at).as.index;
                if (node->op[h] >= ESP_COUNT(darts_names))
                    return esp_fail_handle(handle, ESP_ERROR_INVALID, "no operation at %s", path);
            }
            node->label = 0;
        }
    return ESP_OK;
}

static esp_status write_cells(const struct darts *darts, esp_text_writer *writer,
                              struct isomorphic_node cells[][GENOTYPE_MOST_NODES])
{
    struct genotype genotype;
    memset(&genotype, 0, sizeof genotype);
    for (int c = 0; c < GENOTYPE_CELLS; c++) {
        struct genotype_cell *cell = &genotype.cells[c];
        for (uint64_t i = 0; i < 2 * (uint64_t)darts->nodes; i++) {
            struct genotype_pair *pair = &cell->pairs[cell->pair_count++];
            const struct isomorphic_node *node = &cells[c][i / 2];
            snprintf(pair->name, sizeof pair->name, "%s", darts_names[node->op[i % 2]]);
            pair->state = node->source[i % 2];
        }
        for (uint32_t i = 0; i < (uint32_t)darts->nodes; i++)
            cell->concat[cell->concat_count++] = 2 + i;
    }
    return genotype_write(&genotype, writer);
}

static esp_status darts_print(void *self, const esp_arch *arch, esp_text_writer *writer)
{
    struct isomorphic_node cells[GENOTYPE_CELLS][GENOTYPE_MOST_NODES];
    esp_status status = read_arch(self, arch, &writer->base, cells);
    return status == ESP_OK ? write_cells(self, writer, cells) : status;
}

// The genotype of the least isomorphic cells.
static esp_status darts_canonical(void *self, const esp_arch *arch, esp_text_writer *writer)
{
    const struct darts *darts = self;
    struct isomorphic_node cells[GENOTYPE_CELLS][GENOTYPE_MOST_NODES];
    esp_status status = read_arch(darts, arch, &writer->base, cells);
    if (status != ESP_OK)
        return status;
    for (int c = 0; c < GENOTYPE_CELLS; c++)
        isomorphic_least(cells[c], (uint64_t)darts->nodes);
    return write_cells(darts, writer, cells);
}

// ---- Structure ----------------------------------------------------------------------------------

// Vertices are the states, then the output; operations stand on the edges.
static esp_status darts_structure(void *self, const esp_arch *arch, esp_structure_writer *writer)
{
    const struct darts *darts = self;
    struct isomorphic_node cells[GENOTYPE_CELLS][GENOTYPE_MOST_NODES];
    uint32_t nodes = (uint32_t)darts->nodes;
    esp_status status = read_arch(darts, arch, &writer->base, cells);
    for (int c = 0; c < GENOTYPE_CELLS && status == ESP_OK; c++) {
        esp_structure_cell(writer, genotype_cell_names[c]);
        esp_structure_vertex(writer, "previous", ESP_VERTEX_INPUT);
        esp_structure_vertex(writer, "current", ESP_VERTEX_INPUT);
        for (uint32_t i = 0; i < nodes; i++)
            esp_structure_vertex(writer, "add", ESP_VERTEX_INNER);
        status = esp_structure_vertex(writer, "concat", ESP_VERTEX_OUTPUT);
        for (uint32_t i = 0; i < nodes; i++) {
            const struct isomorphic_node *node = &cells[c][i];
            for (int h = 0; h < 2; h++)
                esp_structure_edge(writer, node->source[h], 2 + i, darts_names[node->op[h]]);
            status = esp_structure_edge(writer, 2 + i, 2 + nodes, NULL);
        }
    }
    return status;
}

// ---- The table ----------------------------------------------------------------------------------

const void *darts_ability(const char *id)
{
    static const esp_space_text text = {
        sizeof text,
        "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ...], "
        "normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), ...], "
        "reduce_concat=range(2, 6))",
        darts_parse, darts_print};
    static const esp_space_canonical form = {sizeof form, darts_canonical};
    static const esp_space_structure structure = {sizeof structure, darts_structure};
    if (strcmp(id, ESP_SPACE_TEXT) == 0)
        return &text;
    if (strcmp(id, ESP_SPACE_CANONICAL) == 0)
        return &form;
    return strcmp(id, ESP_SPACE_STRUCTURE) == 0 ? &structure : NULL;
}
