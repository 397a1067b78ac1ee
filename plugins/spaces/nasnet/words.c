// SPDX-License-Identifier: Apache-2.0
// The abilities of the NASNet space: its text, which is the DARTS code's form of five nodes, canonical
// form and structure. Decisions stand at `<cell>/block/<state>/<half>/input`, `.../<half>/<source>/op`,
// `<cell>/block/<state>/combine` and `<cell>/output`.
#include "nasnet.h"

#include "../darts/isomorphic.h"

#include <espalier/ext/space_structure.h>

#include <stdio.h>
#include <string.h>

#define PATH_SIZE 64

// The DARTS code's names, in the order of nasnet_operations; NULL where it has none.
static const char *const darts_names[NASNET_OPERATIONS] = {
    "skip_connect", NULL, "conv_7x1_1x7", "dil_conv_3x3", "avg_pool_3x3", "max_pool_3x3", NULL,
    NULL,           NULL, NULL,           "sep_conv_3x3", "sep_conv_5x5", "sep_conv_7x7"};

static const char *const known_names[] = {"skip_connect", "conv_7x1_1x7", "dil_conv_3x3",
                                          "avg_pool_3x3", "max_pool_3x3", "sep_conv_3x3",
                                          "sep_conv_5x5", "sep_conv_7x7"};

#define DILATED "dil_conv_3x3"
#define DILATED_DIFFERS                                                                            \
    "dil_conv_3x3 of the DARTS code is depthwise-separable, and this network's is not: `network "  \
    "= "                                                                                           \
    "darts` in [space] has it"

static void block_path(char path[PATH_SIZE], int cell, uint64_t block, const char *rest)
{
    snprintf(path, PATH_SIZE, "%s/block/%llu/%s", genotype_cell_names[cell],
             (unsigned long long)(2 + block), rest);
}

static void half_path(char path[PATH_SIZE], int cell, uint64_t block, int half, const char *rest)
{
    char tail[PATH_SIZE / 2];
    snprintf(tail, sizeof tail, "%s/%s", nasnet_halves[half], rest);
    block_path(path, cell, block, tail);
}

static void op_path(char path[PATH_SIZE], int cell, uint64_t block, int half, uint32_t source)
{
    char rest[PATH_SIZE / 4];
    snprintf(rest, sizeof rest, "%u/op", source);
    half_path(path, cell, block, half, rest);
}

// ---- Reading ------------------------------------------------------------------------------------

static esp_status check_concat(const struct nasnet *nasnet, const struct genotype_cell *cell,
                               esp_text_reader *reader)
{
    uint32_t given = 0, used = 0;
    char states[64] = "";
    for (uint64_t i = 0; i < cell->concat_count; i++)
        given |= UINT32_C(1) << cell->concat[i];
    for (uint64_t i = 0; i < cell->pair_count; i++)
        used |= UINT32_C(1) << cell->pairs[i].state;
    uint32_t output = nasnet_output(nasnet, used);
    if (given == output)
        return ESP_OK;
    for (uint32_t i = 0; i < GENOTYPE_MOST_STATES; i++)
        if (output >> i & 1)
            snprintf(states + strlen(states), sizeof states - strlen(states), "%s%u",
                     states[0] ? ", " : "", i);
    return esp_text_wrong(reader, cell->concat_at,
                          "this cell concatenates %s, the states %s; with `output = search` in "
                          "[space] it may have any list",
                          nasnet->output == OUTPUT_BLOCKS ? "all blocks" : "what no block takes",
                          states);
}

static esp_status read_output(const struct nasnet *nasnet, const struct genotype_cell *cell, int c,
                              esp_text_reader *reader)
{
    char path[PATH_SIZE];
    uint32_t sorted[GENOTYPE_MOST_STATES];
    uint64_t count = 0;
    if (nasnet->output != OUTPUT_SEARCH)
        return check_concat(nasnet, cell, reader);
    for (uint32_t state = 0; state < GENOTYPE_MOST_STATES; state++)
        for (uint64_t i = 0; i < cell->concat_count; i++)
            if (cell->concat[i] == state)
                sorted[count++] = state;
    snprintf(path, sizeof path, "%s/output", genotype_cell_names[c]);
    return esp_text_set_subset(reader, path, sorted, count);
}

static esp_status read_pair(const struct nasnet *nasnet, const struct genotype_pair *pair, int c,
                            uint64_t index, esp_text_reader *reader)
{
    char path[PATH_SIZE];
    int half = (int)(index % 2);
    uint64_t op = 0;
    if (!nasnet->darts && strcmp(pair->name, DILATED) == 0)
        return esp_text_wrong(reader, pair->name_at, DILATED_DIFFERS);
    while (op + 1 < NASNET_OPERATIONS &&
           (!darts_names[op] || strcmp(pair->name, darts_names[op]) != 0))
        op++;
    half_path(path, c, index / 2, half, "input");
    esp_text_set_subset(reader, path, &pair->state, 1);
    op_path(path, c, index / 2, half, pair->state);
    return esp_text_set_name(reader, path, nasnet_operations(nasnet)[op].name);
}

// The form sums: a space that only concatenates has no member of it.
static esp_status nasnet_parse(void *self, esp_text_reader *reader, const char *text)
{
    const struct nasnet *nasnet = self;
    struct genotype genotype;
    esp_status status = genotype_read(&genotype, reader, text);
    if (status == ESP_OK)
        status = genotype_check(&genotype, reader, (uint64_t)nasnet->blocks, known_names,
                                ESP_COUNT(known_names), sizeof known_names[0]);
    if (status == ESP_OK && nasnet->combine == COMBINE_CONCAT)
        return esp_text_wrong(reader, 0,
                              "a genotype's nodes are sums, and with `combine = concat` in [space] "
                              "none is");
    for (int c = 0; c < GENOTYPE_CELLS && status == ESP_OK; c++) {
        const struct genotype_cell *cell = &genotype.cells[c];
        for (uint64_t i = 0; i < cell->pair_count && status == ESP_OK; i++)
            status = read_pair(nasnet, &cell->pairs[i], c, i, reader);
        for (uint64_t i = 0; i < (uint64_t)nasnet->blocks && status == ESP_OK; i++) {
            char path[PATH_SIZE];
            block_path(path, c, i, "combine");
            status = esp_text_set_name(reader, path, nasnet_combinations[0]);
        }
        if (status == ESP_OK)
            status = read_output(nasnet, cell, c, reader);
    }
    return status;
}

// ---- Members ------------------------------------------------------------------------------------

// A cell as its decisions say it. A block's label is 1 where it concatenates.
struct member_cell {
    struct isomorphic_node blocks[GENOTYPE_MOST_NODES];
    uint64_t count;
    uint32_t output; // states, as bits
};

static esp_status read_block(const esp_arch *arch, esp_handle *handle, int c, uint64_t i,
                             struct isomorphic_node *block)
{
    char path[PATH_SIZE];
    for (int h = 0; h < 2; h++) {
        half_path(path, c, i, h, "input");
        int64_t at = esp_arch_find(arch, path);
        if (at < 0 || esp_arch_value(arch, (uint64_t)at).count != 1)
            return esp_fail_handle(handle, ESP_ERROR_INVALID, "no input at %s", path);
        block->source[h] = esp_arch_value(arch, (uint64_t)at).as.indices[0];
        op_path(path, c, i, h, block->source[h]);
        at = esp_arch_find(arch, path);
        if (at < 0)
            return esp_fail_handle(handle, ESP_ERROR_INVALID, "no operation at %s", path);
        block->op[h] = (uint32_t)esp_arch_value(arch, (uint64_t)at).as.index;
    }
    block_path(path, c, i, "combine");
    int64_t at = esp_arch_find(arch, path);
    if (at < 0)
        return esp_fail_handle(handle, ESP_ERROR_INVALID, "no decision %s", path);
    const char *combine =
        esp_arch_domain(arch, (uint64_t)at)->names[esp_arch_value(arch, (uint64_t)at).as.index];
    block->label = strcmp(combine, nasnet_combinations[1]) == 0;
    return ESP_OK;
}

static esp_status read_cell(const struct nasnet *nasnet, const esp_arch *arch, esp_handle *handle,
                            int c, struct member_cell *cell)
{
    char path[PATH_SIZE];
    uint32_t used = 0;
    memset(cell, 0, sizeof *cell);
    cell->count = (uint64_t)nasnet->blocks;
    for (uint64_t i = 0; i < cell->count; i++) {
        esp_status status = read_block(arch, handle, c, i, &cell->blocks[i]);
        if (status != ESP_OK)
            return status;
        used |= UINT32_C(1) << cell->blocks[i].source[0] | UINT32_C(1) << cell->blocks[i].source[1];
    }
    if (nasnet->output != OUTPUT_SEARCH) {
        cell->output = nasnet_output(nasnet, used);
        return ESP_OK;
    }
    snprintf(path, sizeof path, "%s/output", genotype_cell_names[c]);
    int64_t at = esp_arch_find(arch, path);
    if (at < 0)
        return esp_fail_handle(handle, ESP_ERROR_INVALID, "no decision %s", path);
    esp_value value = esp_arch_value(arch, (uint64_t)at);
    for (uint32_t i = 0; i < value.count; i++)
        cell->output |= UINT32_C(1) << value.as.indices[i];
    return ESP_OK;
}

// ---- Writing ------------------------------------------------------------------------------------

static esp_status write_block(const struct nasnet *nasnet, const struct isomorphic_node *block,
                              int c, uint64_t i, struct genotype_cell *out, esp_text_writer *writer)
{
    if (block->label)
        return esp_fail(writer, ESP_ERROR_UNSUPPORTED,
                        "block %llu of the %s cell concatenates, and a genotype has no word for "
                        "that: its JSON says it",
                        (unsigned long long)(2 + i), genotype_cell_names[c]);
    for (int h = 0; h < 2; h++) {
        struct genotype_pair *pair = &out->pairs[out->pair_count++];
        const char *name = darts_names[block->op[h]];
        if (!name)
            return esp_fail(writer, ESP_ERROR_UNSUPPORTED,
                            "block %llu of the %s cell has %s, for which a genotype has no name: "
                            "its JSON says it",
                            (unsigned long long)(2 + i), genotype_cell_names[c],
                            nasnet_operations(nasnet)[block->op[h]].name);
        if (!nasnet->darts && strcmp(name, DILATED) == 0)
            return esp_fail(writer, ESP_ERROR_UNSUPPORTED, DILATED_DIFFERS);
        snprintf(pair->name, sizeof pair->name, "%s", name);
        pair->state = block->source[h];
    }
    return ESP_OK;
}

static esp_status nasnet_print(void *self, const esp_arch *arch, esp_text_writer *writer)
{
    struct genotype genotype;
    memset(&genotype, 0, sizeof genotype);
    for (int c = 0; c < GENOTYPE_CELLS; c++) {
        struct genotype_cell *out = &genotype.cells[c];
        struct member_cell cell;
        esp_status status = read_cell(self, arch, &writer->base, c, &cell);
        for (uint64_t i = 0; i < cell.count && status == ESP_OK; i++)
            status = write_block(self, &cell.blocks[i], c, i, out, writer);
        if (status != ESP_OK)
            return status;
        for (uint32_t state = 0; state < GENOTYPE_MOST_STATES; state++)
            if (cell.output >> state & 1)
                out->concat[out->concat_count++] = state;
    }
    return genotype_write(&genotype, writer);
}

// ---- Canonical form -----------------------------------------------------------------------------

// Leaves out blocks that the output does not depend on.
static void prune(struct member_cell *cell)
{
    uint32_t needed = cell->output, place[GENOTYPE_MOST_STATES] = {0, 1}, output = cell->output & 3;
    uint64_t kept = 0;
    for (uint64_t i = cell->count; i-- > 0;)
        if (needed >> (2 + i) & 1)
            needed |= UINT32_C(1) << cell->blocks[i].source[0] | UINT32_C(1)
                                                                     << cell->blocks[i].source[1];
    for (uint64_t i = 0; i < cell->count; i++) {
        if (!(needed >> (2 + i) & 1))
            continue;
        struct isomorphic_node block = cell->blocks[i];
        for (int h = 0; h < 2; h++)
            block.source[h] = place[block.source[h]];
        output |= (cell->output >> (2 + i) & 1) << (2 + kept);
        place[2 + i] = 2 + (uint32_t)kept;
        cell->blocks[kept++] = block;
    }
    cell->count = kept;
    cell->output = output;
}

// The least isomorphic cells: `normal 0 sep_conv_3x3 + 1 identity; ...; out 0`. A block that the
// output has bears a `*`.
static esp_status nasnet_canonical(void *self, const esp_arch *arch, esp_text_writer *writer)
{
    static const char *const words[2][2] = {{"+", "|"}, {"+*", "|*"}};
    esp_status status = ESP_OK;
    for (int c = 0; c < GENOTYPE_CELLS && status == ESP_OK; c++) {
        struct member_cell cell;
        status = read_cell(self, arch, &writer->base, c, &cell);
        if (status != ESP_OK)
            return status;
        prune(&cell);
        for (uint64_t i = 0; i < cell.count; i++)
            cell.blocks[i].label |= (cell.output >> (2 + i) & 1) << 1;
        isomorphic_least(cell.blocks, cell.count);
        esp_text_print(writer, "%s%s", c ? " " : "", genotype_cell_names[c]);
        for (uint64_t i = 0; i < cell.count; i++) {
            const struct isomorphic_node *block = &cell.blocks[i];
            esp_text_print(writer, " %u %s %s %u %s;", block->source[0],
                           nasnet_operations(self)[block->op[0]].name,
                           words[block->label >> 1][block->label & 1], block->source[1],
                           nasnet_operations(self)[block->op[1]].name);
        }
        status = esp_text_print(writer, " out%s%s", cell.output & 1 ? " 0" : "",
                                cell.output & 2 ? " 1" : "");
    }
    return status;
}

// ---- Structure ----------------------------------------------------------------------------------

// Vertices are the states, then the output; operations stand on the edges, of which a block that takes
// one state twice has two.
static esp_status nasnet_structure(void *self, const esp_arch *arch, esp_structure_writer *writer)
{
    esp_status status = ESP_OK;
    for (int c = 0; c < GENOTYPE_CELLS && status == ESP_OK; c++) {
        struct member_cell cell;
        status = read_cell(self, arch, &writer->base, c, &cell);
        if (status != ESP_OK)
            return status;
        uint32_t out = 2 + (uint32_t)cell.count;
        esp_structure_cell(writer, genotype_cell_names[c]);
        esp_structure_vertex(writer, "previous", ESP_VERTEX_INPUT);
        esp_structure_vertex(writer, "current", ESP_VERTEX_INPUT);
        for (uint64_t i = 0; i < cell.count; i++)
            esp_structure_vertex(writer, nasnet_combinations[cell.blocks[i].label],
                                 ESP_VERTEX_INNER);
        status = esp_structure_vertex(writer, "concat", ESP_VERTEX_OUTPUT);
        for (uint32_t i = 0; i < (uint32_t)cell.count; i++)
            for (int h = 0; h < 2; h++)
                status = esp_structure_edge(writer, cell.blocks[i].source[h], 2 + i,
                                            nasnet_operations(self)[cell.blocks[i].op[h]].name);
        for (uint32_t i = 0; i < out; i++)
            if (cell.output >> i & 1)
                status = esp_structure_edge(writer, i, out, NULL);
    }
    return status;
}

// ---- The table ----------------------------------------------------------------------------------

const void *nasnet_ability(const char *id)
{
    static const esp_space_text text = {
        sizeof text,
        "Genotype(normal=[('sep_conv_5x5', 1), ('sep_conv_3x3', 0), ...], "
        "normal_concat=[2, 3, 4, 5, 6], reduce=[('sep_conv_5x5', 1), ...], "
        "reduce_concat=[4, 5, 6])",
        nasnet_parse, nasnet_print};
    static const esp_space_canonical form = {sizeof form, nasnet_canonical};
    static const esp_space_structure structure = {sizeof structure, nasnet_structure};
    if (strcmp(id, ESP_SPACE_TEXT) == 0)
        return &text;
    if (strcmp(id, ESP_SPACE_CANONICAL) == 0)
        return &form;
    return strcmp(id, ESP_SPACE_STRUCTURE) == 0 ? &structure : NULL;
}
