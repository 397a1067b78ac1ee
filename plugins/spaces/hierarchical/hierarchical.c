// SPDX-License-Identifier: Apache-2.0
// The hierarchical space (Liu et al. 2018): motifs of motifs of primitives, and the network that the
// one motif of the highest level is the cell of. The motifs themselves are in motif.c.
#include "hierarchical.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static esp_status hierarchical_build(void *self, esp_builder *b)
{
    const struct hierarchical *space = self;
    const int64_t top = space->level_count - 1;
    int64_t channels = space->channels;
    struct drawn drawn;
    esp_node x = esp_input(b);
    motifs_draw(space, b, &drawn);
    if (esp_failed(b))
        return ESP_OK;
    if (!drawn.alive[top + 1])
        return esp_reject(b, "no path leads through the cell");
    if (esp_tracing(b))
        return ESP_OK;
    x = emit_conv(b, "stem", x, channels, 3);
    for (int64_t stage = 0, cell = 0; stage < space->stages; stage++) {
        for (int64_t i = 0; i < space->cells; i++, cell++) {
            esp_scope(b, "cell", cell);
            x = motif_emit(space, b, &drawn, top, 0, channels, x);
            esp_scope_end(b);
            esp_scope(b, "between", cell);
            bool halves = i == space->cells - 1 && stage < space->stages - 1;
            channels *= halves ? 2 : 1;
            x = emit_separable(b, "conv", x, channels, halves ? 2 : 1);
            esp_scope_end(b);
        }
    }
    return esp_classifier(b, x);
}

// ---- The structure ------------------------------------------------------------------------------

// The option on an edge of a motif, NULL: the architecture is not this space's.
static const char *edge_option(const struct hierarchical *space, const esp_arch *arch, int64_t l,
                               int64_t motif, int64_t edge)
{
    char path[MOTIF_NAME_SIZE + EDGE_NAME_SIZE];
    snprintf(path, sizeof path, "%s/%s", space->levels[l].names[motif], space->edge_names[edge]);
    int64_t at = esp_arch_find(arch, path);
    if (at < 0)
        return NULL;
    return esp_arch_domain(arch, (uint64_t)at)->names[esp_arch_value(arch, (uint64_t)at).as.index];
}

static esp_status write_motif(const struct hierarchical *space, const esp_arch *arch, int64_t l,
                              int64_t motif, esp_structure_writer *writer)
{
    const struct level *level = &space->levels[l];
    esp_status status = esp_structure_cell(writer, level->names[motif]);
    for (int64_t i = 0; i < level->nodes && status == ESP_OK; i++)
        status = esp_structure_vertex(writer, i == 0 ? NULL : (space->concat ? "concat" : "add"),
                                      i == 0                  ? ESP_VERTEX_INPUT
                                      : i == level->nodes - 1 ? ESP_VERTEX_OUTPUT
                                                              : ESP_VERTEX_INNER);
    for (int64_t i = 1, edge = 0; i < level->nodes; i++)
        for (int64_t j = 0; j < i && status == ESP_OK; j++, edge++) {
            const char *option = edge_option(space, arch, l, motif, edge);
            if (!option)
                return esp_fail(writer, ESP_ERROR_INVALID, "the architecture lacks decision %s/%s",
                                level->names[motif], space->edge_names[edge]);
            if (strcmp(option, "none") != 0)
                status = esp_structure_edge(writer, (uint32_t)j, (uint32_t)i, option);
        }
    return status;
}

static esp_status hierarchical_structure_of(void *self, const esp_arch *arch,
                                            esp_structure_writer *writer)
{
    const struct hierarchical *space = self;
    esp_status status = ESP_OK;
    for (int64_t l = 0; l < space->level_count; l++)
        for (int64_t m = 0; m < space->levels[l].motifs && status == ESP_OK; m++)
            status = write_motif(space, arch, l, m, writer);
    return status;
}

static const esp_space_structure hierarchical_structure = {
    sizeof(esp_space_structure),
    hierarchical_structure_of,
};

// ---- The plugin ---------------------------------------------------------------------------------

static const char *const merges[] = {"add", "concat"};

static const esp_param hierarchical_params[] = {
    ESP_PARAM_NAMES("primitives",
                    "conv_1x1, depthwise_3x3, sep_conv_3x3, max_pool_3x3, avg_pool_3x3, identity",
                    primitive_names, "operations of level 1"),
    ESP_PARAM_INTS("motifs", "6, 1", 1, MOTIFS_MOST, "motifs",
                   "motifs of each level from 2 on; the last is 1, the cell"),
    ESP_PARAM_INTS("nodes", "4, 5", 2, NODES_MOST, "nodes",
                   "nodes of a motif of each level from 2 on"),
    ESP_PARAM_CHOICE("merge", "concat", merges, "how a node joins the edges into it"),
    ESP_PARAM_INT("channels", 16, 1, 4096, "channels", "width of the first stage; it doubles"),
    ESP_PARAM_INT("stages", 3, 1, 16, "stages", "stages; the image is halved between them"),
    ESP_PARAM_INT("cells", 1, 1, 100, "cells", "cells in a stage"),
};

static esp_status read_levels(struct hierarchical *space, esp_create *create)
{
    uint64_t motif_count, node_count;
    const int64_t *motifs = esp_param_ints(create, "motifs", &motif_count);
    const int64_t *nodes = esp_param_ints(create, "nodes", &node_count);
    if (motif_count == 0 || motif_count > LEVELS_MOST)
        return esp_fail(create, ESP_ERROR_INVALID, "motifs: expected 1 to %d levels, got %llu",
                        LEVELS_MOST, (unsigned long long)motif_count);
    if (node_count != motif_count)
        return esp_fail(create, ESP_ERROR_INVALID,
                        "nodes has %llu numbers and motifs %llu: expected one a level in both",
                        (unsigned long long)node_count, (unsigned long long)motif_count);
    if (motifs[motif_count - 1] != 1)
        return esp_fail(create, ESP_ERROR_INVALID,
                        "motifs: the highest level has one, the cell; the last number is %lld",
                        (long long)motifs[motif_count - 1]);
    space->level_count = (int64_t)motif_count;
    for (uint64_t l = 0; l < motif_count; l++) {
        space->levels[l].motifs = motifs[l];
        space->levels[l].nodes = nodes[l];
    }
    return ESP_OK;
}

static esp_status read_primitives(struct hierarchical *space, esp_create *create)
{
    uint64_t count;
    const char *const *names = esp_param_names(create, "primitives", &count);
    if (count == 0)
        return esp_fail(create, ESP_ERROR_INVALID, "primitives: at least one is needed");
    for (uint64_t i = 0; i < count; i++)
        for (uint64_t j = 0; j < PRIMITIVE_COUNT; j++)
            if (strcmp(names[i], primitive_names[j]) == 0)
                space->primitives[space->primitive_count++] = j;
    return ESP_OK;
}

static esp_status check(const struct hierarchical *space, esp_create *create)
{
    const esp_task *task = esp_create_task(create);
    const uint64_t least = 1ull << (space->stages - 1);
    if (esp_need_images(create) != ESP_OK)
        return ESP_ERROR_UNSUPPORTED;
    if (task->height < least || task->width < least)
        return esp_fail(create, ESP_ERROR_UNSUPPORTED,
                        "%lld stages halve the images %lld times: expected at least %llux%llu, and "
                        "the dataset's are %llux%llu",
                        (long long)space->stages, (long long)space->stages - 1,
                        (unsigned long long)least, (unsigned long long)least,
                        (unsigned long long)task->height, (unsigned long long)task->width);
    return ESP_OK;
}

static void hierarchical_destroy(void *self)
{
    free(self);
}

static esp_status hierarchical_create(esp_create *create, void **out)
{
    struct hierarchical *space = calloc(1, sizeof *space);
    if (!space)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    space->channels = esp_param_int(create, "channels");
    space->stages = esp_param_int(create, "stages");
    space->cells = esp_param_int(create, "cells");
    space->concat = esp_param_int(create, "merge");
    esp_status status = check(space, create);
    if (status == ESP_OK)
        status = read_primitives(space, create);
    if (status == ESP_OK)
        status = read_levels(space, create);
    if (status != ESP_OK) {
        hierarchical_destroy(space);
        return status;
    }
    levels_prepare(space);
    *out = space;
    return ESP_OK;
}

static const void *hierarchical_ability(const char *id)
{
    return strcmp(id, ESP_SPACE_STRUCTURE) == 0 ? &hierarchical_structure : NULL;
}

static void hierarchical_describe(esp_space_type *out)
{
    out->summary = "motifs of motifs of primitives, each level built of the one below";
    out->source = "Liu et al. 2018";
    ESP_SET_PARAMS(out, hierarchical_params);
    out->create = hierarchical_create;
    out->destroy = hierarchical_destroy;
    out->build = hierarchical_build;
    out->ability = hierarchical_ability;
}

ESP_PLUGIN("0.1.0", ESP_SPACE("hierarchical", hierarchical_describe))
