// SPDX-License-Identifier: Apache-2.0
// The topology of the cell and the macro structure of the network, chosen jointly: how many stages and
// cells, how wide, where the image is halved (or enlarged again: the paths of Auto-DeepLab, Liu et al.
// 2019), and which earlier cell feeds which.
#include "macro_micro.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static esp_node conv_bn(esp_builder *b, int64_t i, esp_node x, int64_t channels, int64_t stride)
{
    esp_conv_options options = ESP_CONV_OPTIONS_INIT;
    options.channels = channels;
    options.kernel = 3;
    options.stride = stride;
    esp_scope(b, "stem", i);
    x = esp_batch_norm(b, "bn", esp_conv(b, "conv", x, options));
    esp_scope_end(b);
    return x;
}

// One 3x3 convolution, of stride 2 where the stem halves; a second one where it quarters.
static esp_node emit_stem(const struct macro_micro *space, esp_builder *b, esp_node x,
                          int64_t channels)
{
    x = conv_bn(b, 0, x, channels, space->stem > 1 ? 2 : 1);
    return space->stem == 4 ? conv_bn(b, 1, esp_relu(b, x), channels, 2) : x;
}

static esp_status macro_micro_build(void *self, esp_builder *b)
{
    const struct macro_micro *space = self;
    struct plan plan;
    esp_node states[CELLS_MOST + 1];
    plan_draw(space, b, &plan);
    if (esp_failed(b))
        return ESP_OK;
    states[0] = esp_input(b);
    if (esp_tracing(b)) {
        cell_emit(space, b, states[0], states[0], 0);
        return ESP_OK;
    }
    states[0] = emit_stem(space, b, states[0], plan.stem_width);
    const esp_shape stem = esp_node_shape(b, states[0]);
    for (int64_t i = 0; i < plan.count; i++) {
        const int64_t level = plan.cells[i].level, width = plan.cells[i].width;
        const int64_t second = plan.cells[i].second, scale = (int64_t)1 << level;
        const int64_t size[2] = {(stem.dims[2] + scale - 1) / scale,
                                 (stem.dims[3] + scale - 1) / scale};
        esp_scope(b, "cell", i);
        esp_node before =
            cell_input(b, "before", states[second], second > 0 ? plan.cells[second - 1].level : 0,
                       level, size, width);
        esp_node previous = cell_input(b, "previous", states[i],
                                       i > 0 ? plan.cells[i - 1].level : 0, level, size, width);
        states[i + 1] = cell_emit(space, b, before, previous, width);
        esp_scope_end(b);
    }
    return esp_classifier(b, states[plan.count]);
}

// ---- The plugin ---------------------------------------------------------------------------------

static const char *const macros[] = {"stages", "path"};
static const char *const width_rules[] = {"search", "double"};
static const char *const stems[] = {"1", "2", "4"};

static const esp_param macro_micro_params[] = {
    ESP_PARAM_CHOICE("macro", "stages", macros,
                     "stages: halved from stage to stage; path: each cell moves up, down or stays"),
    ESP_PARAM_INT("levels", 3, 1, LEVELS_MOST, "levels",
                  "sizes of the image, each half of the one before; the largest number of stages"),
    ESP_PARAM_INT("min_stages", 1, 1, LEVELS_MOST, "stages", "least number of stages"),
    ESP_PARAM_INT("min_cells", 1, 1, CELLS_MOST, "cells",
                  "least number of cells, of a stage or on the path"),
    ESP_PARAM_INT("max_cells", 3, 1, CELLS_MOST, "cells",
                  "largest number of cells, of a stage or on the path"),
    ESP_PARAM_INT(
        "reach", 3, 2, CELLS_MOST, "cells",
        "how far back the second input of a cell may lie; 2: the one before the previous"),
    ESP_PARAM_CHOICE("width", "search", width_rules,
                     "search: each level draws its own; double: the first is drawn"),
    ESP_PARAM_INTS("widths", "8, 16, 32", 1, 4096, "channels",
                   "widths of a cell's blocks, ascending"),
    ESP_PARAM_CHOICE("stem", "1", stems, "what the image is divided by before the first cell"),
    ESP_PARAM_INT("blocks", 3, 1, BLOCKS_MOST, "blocks", "blocks of the cell"),
    ESP_PARAM_NAMES("operations",
                    "none, max_pool_3x3, avg_pool_3x3, skip_connect, sep_conv_3x3, sep_conv_5x5, "
                    "dil_conv_3x3, dil_conv_5x5",
                    operation_names, "operations of the cell"),
};

static int ascending(const int64_t *values, uint64_t count)
{
    for (uint64_t i = 1; i < count; i++)
        if (values[i] <= values[i - 1])
            return 0;
    return count > 0;
}

static esp_status check_task(const struct macro_micro *space, esp_create *create)
{
    const esp_task *task = esp_create_task(create);
    const uint64_t least = (uint64_t)space->stem << (space->levels - 1);
    const uint64_t most = (uint64_t)(2 * ENLARGED_MOST * space->stem);
    if (esp_need_images(create) != ESP_OK)
        return ESP_ERROR_UNSUPPORTED;
    if (task->height < least || task->width < least)
        return esp_fail(create, ESP_ERROR_UNSUPPORTED,
                        "stem = %lld and levels = %lld divide the images by %llu: expected at "
                        "least %llux%llu, and the dataset's are %llux%llu",
                        (long long)space->stem, (long long)space->levels, (unsigned long long)least,
                        (unsigned long long)least, (unsigned long long)least,
                        (unsigned long long)task->height, (unsigned long long)task->width);
    if (space->macro == MACRO_PATH && (task->height > most || task->width > most))
        return esp_fail(create, ESP_ERROR_UNSUPPORTED,
                        "macro = path enlarges maps of at most %dx%d: with stem = %lld expected "
                        "images of at most %llux%llu, and the dataset's are %llux%llu",
                        ENLARGED_MOST, ENLARGED_MOST, (long long)space->stem,
                        (unsigned long long)most, (unsigned long long)most,
                        (unsigned long long)task->height, (unsigned long long)task->width);
    return ESP_OK;
}

static esp_status check(const struct macro_micro *space, esp_create *create)
{
    if (space->min_cells > space->max_cells)
        return esp_fail(create, ESP_ERROR_INVALID, "min_cells %lld is larger than max_cells %lld",
                        (long long)space->min_cells, (long long)space->max_cells);
    if (space->macro == MACRO_STAGES && space->min_stages > space->levels)
        return esp_fail(create, ESP_ERROR_INVALID, "min_stages %lld is larger than levels %lld",
                        (long long)space->min_stages, (long long)space->levels);
    if (space->macro == MACRO_STAGES && space->levels * space->max_cells > CELLS_MOST)
        return esp_fail(create, ESP_ERROR_INVALID,
                        "%lld stages of %lld cells: expected at most %d cells",
                        (long long)space->levels, (long long)space->max_cells, CELLS_MOST);
    if (!ascending(space->widths, space->width_count))
        return esp_fail(create, ESP_ERROR_INVALID, "widths: expected an ascending list");
    if (space->operation_count == 0)
        return esp_fail(create, ESP_ERROR_INVALID, "operations: at least one is needed");
    return check_task(space, create);
}

static void read_parameters(struct macro_micro *space, esp_create *create)
{
    uint64_t count;
    const char *const *names = esp_param_names(create, "operations", &count);
    space->macro = (enum macro)esp_param_int(create, "macro");
    space->levels = esp_param_int(create, "levels");
    space->min_stages = esp_param_int(create, "min_stages");
    space->min_cells = esp_param_int(create, "min_cells");
    space->max_cells = esp_param_int(create, "max_cells");
    space->reach = esp_param_int(create, "reach");
    space->doubling = esp_param_int(create, "width");
    space->widths = esp_param_ints(create, "widths", &space->width_count);
    space->stem = (int64_t)1 << esp_param_int(create, "stem");
    space->blocks = esp_param_int(create, "blocks");
    for (uint64_t i = 0; i < count; i++)
        for (uint64_t j = 0; j < OPERATION_COUNT; j++)
            if (strcmp(names[i], operation_names[j]) == 0)
                space->operations[space->operation_count++] = all_operations[j];
    strcpy(space->state_names[0], "stem");
    for (int i = 0; i < CELLS_MOST; i++)
        snprintf(space->state_names[i + 1], STATE_NAME_SIZE, "cell_%d", i);
    for (int i = 0; i <= CELLS_MOST; i++)
        space->states[i] = space->state_names[i];
}

static void macro_micro_destroy(void *self)
{
    free(self);
}

static esp_status macro_micro_create(esp_create *create, void **out)
{
    struct macro_micro *space = calloc(1, sizeof *space);
    if (!space)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    read_parameters(space, create);
    esp_status status = check(space, create);
    if (status != ESP_OK) {
        macro_micro_destroy(space);
        return status;
    }
    *out = space;
    return ESP_OK;
}

static const void *macro_micro_ability(const char *id)
{
    return strcmp(id, ESP_SPACE_STRUCTURE) == 0 ? &macro_micro_structure : NULL;
}

static void macro_micro_describe(esp_space_type *out)
{
    out->summary = "a cell and the network of cells around it, chosen jointly";
    out->source = "Liu et al. 2019 (Auto-DeepLab)";
    ESP_SET_PARAMS(out, macro_micro_params);
    out->create = macro_micro_create;
    out->destroy = macro_micro_destroy;
    out->build = macro_micro_build;
    out->ability = macro_micro_ability;
}

ESP_PLUGIN("0.1.0", ESP_SPACE("macro_micro", macro_micro_describe))
