// SPDX-License-Identifier: Apache-2.0
// The multi-branch space: the input of layer i is any subset of the outputs of layers 0 to i-1, summed
// or concatenated (Zoph and Le 2017, section 3.3; Elsken et al. 2019). Where the subset is empty it is
// the image; outputs that no layer takes are concatenated for the classifier.
#include "multi_branch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The layers of a pass, as far as they are drawn.
struct layers {
    esp_node maps[DEPTH_MOST];
    int64_t sizes[DEPTH_MOST];
    unsigned char used[DEPTH_MOST];
};

static const char *const sum_concat[] = {"sum", "concat"};

static int choose_sum(const struct multi_branch *space, esp_builder *b)
{
    if (space->merge != MERGE_SEARCH)
        return space->merge == MERGE_SUM;
    return esp_choose_one(b, "merge", sum_concat, 2) == 0;
}

// The merged maps of the layers with these indices.
static esp_node take(const struct multi_branch *space, esp_builder *b, const struct layers *layers,
                     int sum, const uint32_t *indices, uint64_t count)
{
    esp_node maps[DEPTH_MOST];
    for (uint64_t k = 0; k < count; k++)
        maps[k] = layers->maps[indices[k]];
    return merge_maps(space, b, sum, maps, indices, count);
}

static void draw_layer(const struct multi_branch *space, esp_builder *b, struct layers *layers,
                       int64_t i, esp_node image, int64_t image_size)
{
    uint32_t indices[DEPTH_MOST];
    uint64_t most = (uint64_t)(i < space->max_inputs ? i : space->max_inputs);
    uint64_t count =
        i == 0 ? 0 : esp_choose_inputs(b, "inputs", space->sources, (uint64_t)i, 0, most, indices);
    esp_node x = image;
    int64_t size = image_size;
    if (count > 0) {
        int sum = count > 1 && choose_sum(space, b);
        x = take(space, b, layers, sum, indices, count);
        size = merge_sizes(space, layers->sizes, indices, count);
    }
    for (uint64_t k = 0; k < count; k++)
        layers->used[indices[k]] = 1;
    layers->used[i] = 0;
    layers->sizes[i] = size;
    const struct position position = {space, size, &layers->sizes[i]};
    if ((size + 1) / 2 >= space->min_size)
        x = esp_choose_op(b, "op", x, space->operations, space->operation_count, &position);
    else
        x = esp_choose_op(b, "op", x, space->keeping, space->keeping_count, &position);
    layers->maps[i] = x;
}

static esp_status multi_branch_build(void *self, esp_builder *b)
{
    const struct multi_branch *space = self;
    const esp_task *task = esp_builder_task(b);
    const int64_t size = (int64_t)(task->height < task->width ? task->height : task->width);
    esp_node image = esp_input(b);
    int64_t depth = esp_choose_int(b, "depth", space->min_depth, space->max_depth);
    uint32_t indices[DEPTH_MOST];
    uint64_t count = 0;
    struct layers layers;
    for (int64_t i = 0; i < depth; i++) {
        esp_scope(b, "layer", i);
        draw_layer(space, b, &layers, i, image, size);
        esp_scope_end(b);
    }
    if (esp_failed(b) || esp_tracing(b))
        return ESP_OK;
    for (int64_t i = 0; i < depth; i++)
        if (!layers.used[i])
            indices[count++] = (uint32_t)i;
    esp_scope(b, "end", -1);
    image = take(space, b, &layers, 0, indices, count);
    esp_scope_end(b);
    return esp_classifier(b, image);
}

// ---- The structure ------------------------------------------------------------------------------

// The value at `layer/<i>/<name>`; false: there is none.
static int layer_value(const esp_arch *arch, int64_t i, const char *name, int64_t *at)
{
    char path[64];
    snprintf(path, sizeof path, "layer/%lld/%s", (long long)i, name);
    *at = esp_arch_find(arch, path);
    return *at >= 0;
}

static esp_status write_vertices(const esp_arch *arch, int64_t depth, esp_structure_writer *writer)
{
    esp_status status = esp_structure_cell(writer, "");
    if (status == ESP_OK)
        status = esp_structure_vertex(writer, "image", ESP_VERTEX_INPUT);
    for (int64_t i = 0, at; i < depth && status == ESP_OK; i++) {
        if (!layer_value(arch, i, "op", &at))
            return esp_fail(writer, ESP_ERROR_INVALID, "the architecture lacks layer/%lld/op",
                            (long long)i);
        status = esp_structure_vertex(
            writer,
            esp_arch_domain(arch, (uint64_t)at)->names[esp_arch_value(arch, (uint64_t)at).as.index],
            ESP_VERTEX_INNER);
    }
    return status == ESP_OK ? esp_structure_vertex(writer, "concat", ESP_VERTEX_OUTPUT) : status;
}

// Vertex 0 is the image, i + 1 layer i, the last one the classifier's input.
static esp_status multi_branch_structure_of(void *self, const esp_arch *arch,
                                            esp_structure_writer *writer)
{
    unsigned char used[DEPTH_MOST] = {0};
    int64_t at = esp_arch_find(arch, "depth");
    (void)self;
    if (at < 0)
        return esp_fail(writer, ESP_ERROR_INVALID, "the architecture lacks depth");
    const int64_t depth = esp_arch_value(arch, (uint64_t)at).as.integer;
    esp_status status = write_vertices(arch, depth, writer);
    for (int64_t i = 0; i < depth && status == ESP_OK; i++) {
        esp_value inputs = esp_value_subset(NULL, 0);
        if (layer_value(arch, i, "inputs", &at))
            inputs = esp_arch_value(arch, (uint64_t)at);
        if (inputs.count == 0)
            status = esp_structure_edge(writer, 0, (uint32_t)i + 1, NULL);
        for (uint32_t k = 0; k < inputs.count && status == ESP_OK; k++) {
            used[inputs.as.indices[k]] = 1;
            status = esp_structure_edge(writer, inputs.as.indices[k] + 1, (uint32_t)i + 1, NULL);
        }
    }
    for (int64_t i = 0; i < depth && status == ESP_OK; i++)
        if (!used[i])
            status = esp_structure_edge(writer, (uint32_t)i + 1, (uint32_t)depth + 1, NULL);
    return status;
}

static const esp_space_structure multi_branch_structure = {
    sizeof(esp_space_structure),
    multi_branch_structure_of,
};

// ---- The plugin ---------------------------------------------------------------------------------

static const char *const merges[] = {"sum", "concat", "search"};
static const char *const aligns[] = {"pad", "subsample", "project"};

static const esp_param multi_branch_params[] = {
    ESP_PARAM_INT("min_depth", 4, 1, DEPTH_MOST, "layers", "least number of layers"),
    ESP_PARAM_INT("max_depth", 8, 1, DEPTH_MOST, "layers", "largest number of layers"),
    ESP_PARAM_INT("max_inputs", DEPTH_MOST, 1, DEPTH_MOST, "layers",
                  "earlier layers that a layer may take at most"),
    ESP_PARAM_CHOICE("merge", "search", merges, "of several inputs; search draws it per layer"),
    ESP_PARAM_CHOICE("align", "project", aligns, "what is done to inputs of other sizes"),
    ESP_PARAM_NAMES("operations", "conv_3x3, conv_5x5, sep_conv_3x3, max_pool_3x3, identity",
                    operation_names, "operations that a layer may have"),
    ESP_PARAM_NAMES("forms", "conv_bn_relu", form_names,
                    "orders of convolution, batch normalization and ReLU"),
    ESP_PARAM_INTS("widths", "16, 32, 64", 1, 65536, "channels",
                   "output channels that a convolution may have, ascending"),
    ESP_PARAM_INTS("strides", "1, 2", 1, 16, "", "strides of convolutions and pools, ascending"),
    ESP_PARAM_INTS("kernels", "1, 3, 5, 7", 1, 31, "pixels",
                   "odd heights and widths of the operation conv, ascending"),
    ESP_PARAM_INT("min_size", 4, 1, 65536, "pixels",
                  "smallest map: strides that would pass under it are not offered"),
};

static int ascending(const int64_t *values, uint64_t count)
{
    for (uint64_t i = 1; i < count; i++)
        if (values[i] <= values[i - 1])
            return 0;
    return count > 0;
}

static int odd(const int64_t *values, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (values[i] % 2 == 0)
            return 0;
    return 1;
}

static esp_status choose_operations(struct multi_branch *space, esp_create *create)
{
    uint64_t count;
    const char *const *names = esp_param_names(create, "operations", &count);
    for (uint64_t i = 0; i < count; i++)
        for (uint64_t j = 0; j < OPERATION_COUNT; j++)
            if (strcmp(names[i], all_operations[j].name) == 0) {
                space->operations[space->operation_count++] = all_operations[j];
                if (!operation_halves(names[i]))
                    space->keeping[space->keeping_count++] = all_operations[j];
            }
    if (space->keeping_count == 0)
        return esp_fail(create, ESP_ERROR_INVALID,
                        "operations: at least one is needed that keeps the size of its map");
    return ESP_OK;
}

static esp_status check(const struct multi_branch *space, esp_create *create)
{
    if (esp_need_images(create) != ESP_OK)
        return ESP_ERROR_UNSUPPORTED;
    if (space->min_depth > space->max_depth)
        return esp_fail(create, ESP_ERROR_INVALID, "min_depth %lld is larger than max_depth %lld",
                        (long long)space->min_depth, (long long)space->max_depth);
    if (!ascending(space->widths, space->width_count))
        return esp_fail(create, ESP_ERROR_INVALID, "widths: expected an ascending list");
    if (!ascending(space->strides, space->stride_count))
        return esp_fail(create, ESP_ERROR_INVALID, "strides: expected an ascending list");
    if (!ascending(space->kernels, space->kernel_count) ||
        !odd(space->kernels, space->kernel_count))
        return esp_fail(create, ESP_ERROR_INVALID,
                        "kernels: expected an ascending list of odd numbers, for maps keep their "
                        "size");
    if (space->form_count == 0)
        return esp_fail(create, ESP_ERROR_INVALID, "forms: at least one is needed");
    return ESP_OK;
}

static void name_layers(struct multi_branch *space)
{
    for (int i = 0; i < DEPTH_MOST; i++) {
        snprintf(space->names[i], sizeof space->names[i], "layer_%d", i);
        space->sources[i] = space->names[i];
    }
}

static void multi_branch_destroy(void *self)
{
    free(self);
}

static esp_status multi_branch_create(esp_create *create, void **out)
{
    struct multi_branch *space = calloc(1, sizeof *space);
    if (!space)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    space->min_depth = esp_param_int(create, "min_depth");
    space->max_depth = esp_param_int(create, "max_depth");
    space->max_inputs = esp_param_int(create, "max_inputs");
    space->merge = (enum merge)esp_param_int(create, "merge");
    space->align = (enum align)esp_param_int(create, "align");
    space->min_size = esp_param_int(create, "min_size");
    space->widths = esp_param_ints(create, "widths", &space->width_count);
    space->strides = esp_param_ints(create, "strides", &space->stride_count);
    space->kernels = esp_param_ints(create, "kernels", &space->kernel_count);
    space->forms = esp_param_names(create, "forms", &space->form_count);
    name_layers(space);
    esp_status status = choose_operations(space, create);
    if (status == ESP_OK)
        status = check(space, create);
    if (status != ESP_OK) {
        multi_branch_destroy(space);
        return status;
    }
    *out = space;
    return ESP_OK;
}

static const void *multi_branch_ability(const char *id)
{
    return strcmp(id, ESP_SPACE_STRUCTURE) == 0 ? &multi_branch_structure : NULL;
}

static void multi_branch_describe(esp_space_type *out)
{
    out->summary = "layers that each take any subset of the earlier ones, summed or concatenated";
    out->source = "Zoph and Le 2017; Elsken et al. 2019";
    ESP_SET_PARAMS(out, multi_branch_params);
    out->create = multi_branch_create;
    out->destroy = multi_branch_destroy;
    out->build = multi_branch_build;
    out->ability = multi_branch_ability;
}

ESP_PLUGIN("0.1.0", ESP_SPACE("multi_branch", multi_branch_describe))
