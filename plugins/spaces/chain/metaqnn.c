// SPDX-License-Identifier: Apache-2.0
// The space of MetaQNN (Baker et al. 2017; bowenbaker/metaqnn, models/cifar10): chains of plain
// convolutions, pools and at most two dense layers, with the transitions of its state space.
#include "metaqnn.h"

#include <stdlib.h>
#include <string.h>

// ---- The rules ----------------------------------------------------------------------------------

const char *const layer_names[LAYER_TYPES] = {"C", "P", "FC", "GAP", "SM"};
const struct pool metaqnn_pools[METAQNN_POOLS] = {{"5_3", 5, 3}, {"3_2", 3, 2}, {"2_2", 2, 2}};

struct stand stand_begin(const struct metaqnn *space)
{
    return (struct stand){0, space->size, 0, 0, 0, -1};
}

// The sizes that its rules tell apart.
static int64_t bucket(int64_t size)
{
    return size >= 8 ? size : size >= 4 ? 4 : 1;
}

uint64_t stand_kernels(const struct metaqnn *space, const struct stand *stand)
{
    uint64_t count = 0;
    while (count < space->kernel_count && space->kernels[count] < bucket(stand->size))
        count++;
    return count;
}

uint64_t stand_pools(const struct stand *stand, const char *names[METAQNN_POOLS])
{
    uint64_t count = 0;
    for (int i = 0; i < METAQNN_POOLS; i++)
        if (metaqnn_pools[i].kernel < bucket(stand->size))
            names[count++] = metaqnn_pools[i].name;
    return count;
}

uint64_t stand_units(const struct metaqnn *space, const struct stand *stand)
{
    uint64_t count = 0;
    while (count < space->unit_count && (stand->dense == 0 || space->units[count] <= stand->units))
        count++;
    return count;
}

uint64_t stand_types(const struct metaqnn *space, const struct stand *stand,
                     const char *types[LAYER_TYPES])
{
    const char *pools[METAQNN_POOLS];
    const int on_map = stand->previous != LAYER_FC && stand->previous != LAYER_GAP;
    const int full = stand->layers >= space->max_layers;
    uint64_t count = 0;
    if (on_map && !full && stand_kernels(space, stand) > 0)
        types[count++] = layer_names[LAYER_C];
    if (on_map && !full && stand->previous >= 0 && stand->previous != LAYER_P &&
        stand_pools(stand, pools) > 0)
        types[count++] = layer_names[LAYER_P];
    if (stand->previous != LAYER_GAP && !full && bucket(stand->size) <= 4 &&
        stand->dense < METAQNN_DENSE_MOST && stand_units(space, stand) > 0)
        types[count++] = layer_names[LAYER_FC];
    if (on_map && !full && stand->previous >= 0)
        types[count++] = layer_names[LAYER_GAP];
    if (stand->previous >= 0)
        types[count++] = layer_names[LAYER_SM];
    return count;
}

void stand_pass(struct stand *stand, enum layer_type type, int64_t kernel, int64_t stride,
                int64_t units)
{
    stand->layers++;
    stand->previous = (int)type;
    if (type == LAYER_P && stride > 0)
        stand->size = (stand->size - kernel) / stride + 1;
    stand->averaged |= type == LAYER_GAP;
    if (type == LAYER_FC) {
        stand->dense++;
        stand->units = units;
    }
}

int dropout_follows(int64_t layer, enum layer_type type)
{
    return type != LAYER_GAP && type != LAYER_SM && (layer % 2 == 1 || type == LAYER_FC);
}

int64_t dropout_total(const struct stand *end, int64_t dropouts)
{
    return dropouts + (end->dense > 0 || (!end->averaged && end->layers % 2 == 0));
}

// ---- Drawing ------------------------------------------------------------------------------------

struct drawn {
    enum layer_type type;
    int64_t a, b; // C: filters, kernel; P: kernel, stride; FC: units
};

static int64_t index_of(const char *name, const char *const *names, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return 0;
}

static void draw_pool(esp_builder *b, const struct stand *stand, struct drawn *layer)
{
    const char *names[METAQNN_POOLS];
    const char *name = names[esp_choose_one(b, "pool", names, stand_pools(stand, names))];
    for (int i = 0; i < METAQNN_POOLS; i++)
        if (name == metaqnn_pools[i].name) {
            layer->a = metaqnn_pools[i].kernel;
            layer->b = metaqnn_pools[i].stride;
        }
}

static void draw_layer(const struct metaqnn *space, esp_builder *b, struct stand *stand,
                       struct drawn *layer)
{
    const char *types[LAYER_TYPES];
    uint64_t chosen = esp_choose_one(b, "type", types, stand_types(space, stand, types));
    if (esp_failed(b))
        return;
    layer->type = (enum layer_type)index_of(types[chosen], layer_names, LAYER_TYPES);
    if (layer->type == LAYER_C) {
        layer->a = esp_choose_value(b, "filters", space->filters, space->filter_count);
        layer->b = esp_choose_value(b, "kernel", space->kernels, stand_kernels(space, stand));
    } else if (layer->type == LAYER_P) {
        draw_pool(b, stand, layer);
    } else if (layer->type == LAYER_FC) {
        layer->a = esp_choose_value(b, "units", space->units, stand_units(space, stand));
    }
    stand_pass(stand, layer->type, layer->a, layer->b, layer->a);
}

// ---- Emitting -----------------------------------------------------------------------------------

static esp_node emit_conv(esp_builder *b, esp_node x, int64_t filters, int64_t kernel)
{
    esp_conv_options options = ESP_CONV_OPTIONS_INIT;
    options.channels = filters;
    options.kernel = kernel;
    options.bias = 1;
    return esp_relu(b, esp_conv(b, "conv", x, options));
}

static esp_node emit_pool(esp_builder *b, esp_node x, int64_t kernel, int64_t stride)
{
    const int64_t kernels[2] = {kernel, kernel}, strides[2] = {stride, stride};
    const esp_attribute attributes[] = {
        esp_attribute_ints("kernel_shape", kernels, 2),
        esp_attribute_ints("strides", strides, 2),
    };
    return esp_op(b, NULL, "MaxPool", &x, 1, attributes, ESP_COUNT(attributes));
}

static esp_node flat(esp_builder *b, esp_node x)
{
    return esp_node_shape(b, x).rank == 2 ? x : esp_unary(b, "Flatten", x);
}

static esp_node emit_layer(const struct metaqnn *space, esp_builder *b, esp_node x,
                           const struct drawn *layer)
{
    switch (layer->type) {
    case LAYER_C:
        return emit_conv(b, x, layer->a, layer->b);
    case LAYER_P:
        return emit_pool(b, x, layer->a, layer->b);
    case LAYER_FC:
        return esp_relu(b, esp_linear(b, "linear", flat(b, x), layer->a));
    case LAYER_GAP:
        return flat(b, esp_unary(b, "GlobalAveragePool", emit_conv(b, x, space->classes, 1)));
    default:
        return x;
    }
}

static esp_status metaqnn_build(void *self, esp_builder *b)
{
    const struct metaqnn *space = self;
    struct stand stand = stand_begin(space);
    struct drawn layers[METAQNN_LAYERS_MOST + 1] = {{LAYER_SM, 0, 0}};
    int64_t count = 0, dropouts = 0, dropped = 0;
    esp_node x = esp_input(b);
    while (!esp_failed(b) && stand.previous != LAYER_SM) {
        esp_scope(b, "layer", count);
        draw_layer(space, b, &stand, &layers[count]);
        esp_scope_end(b);
        dropouts += dropout_follows(count, layers[count].type);
        count++;
    }
    if (esp_failed(b) || esp_tracing(b))
        return ESP_OK;
    dropouts = dropout_total(&stand, dropouts);
    for (int64_t i = 0; i < count; i++) {
        esp_scope(b, "layer", i);
        x = emit_layer(space, b, x, &layers[i]);
        if (dropout_follows(i, layers[i].type) && space->dropout > 0)
            x = esp_dropout(b, "dropout", x, space->dropout * (double)++dropped / (double)dropouts);
        esp_scope_end(b);
    }
    return esp_output(b, esp_linear(b, "classifier", flat(b, x), space->classes));
}

// ---- The plugin ---------------------------------------------------------------------------------

static const esp_param metaqnn_params[] = {
    ESP_PARAM_INTS("filters", "64, 128, 256, 512", 1, 65536, "channels",
                   "output channels that a convolution may have, ascending"),
    ESP_PARAM_INTS("kernels", "1, 3, 5", 1, 31, "pixels",
                   "odd sizes that a convolution may have, ascending"),
    ESP_PARAM_INTS("units", "128, 256, 512", 1, 65536, "units",
                   "widths that a dense layer may have, ascending"),
    ESP_PARAM_INT("max_layers", 18, 1, METAQNN_LAYERS_MOST, "layers",
                  "largest number of layers before the classifier"),
    ESP_PARAM_REAL("dropout", 0.5, 0, 0.95, "", "the i-th of n dropouts is this times i / n"),
};

static esp_status check_list(esp_create *create, const char *name, const int64_t *values,
                             uint64_t count)
{
    int ascending = count > 0;
    for (uint64_t i = 1; i < count; i++)
        ascending &= values[i] > values[i - 1];
    if (ascending)
        return ESP_OK;
    return esp_fail(create, ESP_ERROR_INVALID, "%s: expected an ascending list", name);
}

static esp_status check(const struct metaqnn *space, esp_create *create)
{
    const char *types[LAYER_TYPES];
    const struct stand begin = stand_begin(space);
    if (esp_need_images(create) != ESP_OK)
        return ESP_ERROR_UNSUPPORTED;
    esp_status status = check_list(create, "filters", space->filters, space->filter_count);
    if (status == ESP_OK)
        status = check_list(create, "kernels", space->kernels, space->kernel_count);
    if (status == ESP_OK)
        status = check_list(create, "units", space->units, space->unit_count);
    for (uint64_t i = 0; i < space->kernel_count && status == ESP_OK; i++)
        if (space->kernels[i] % 2 == 0)
            status = esp_fail(create, ESP_ERROR_INVALID,
                              "kernels: expected odd numbers, for maps keep their size; got %lld",
                              (long long)space->kernels[i]);
    if (status == ESP_OK && stand_types(space, &begin, types) == 0)
        status = esp_fail(create, ESP_ERROR_INVALID,
                          "kernels: none is smaller than the dataset's images, so there is no "
                          "first layer");
    return status;
}

static void metaqnn_destroy(void *self)
{
    free(self);
}

static esp_status metaqnn_create(esp_create *create, void **out)
{
    const esp_task *task = esp_create_task(create);
    struct metaqnn *space = calloc(1, sizeof *space);
    if (!space)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    space->filters = esp_param_ints(create, "filters", &space->filter_count);
    space->kernels = esp_param_ints(create, "kernels", &space->kernel_count);
    space->units = esp_param_ints(create, "units", &space->unit_count);
    space->max_layers = esp_param_int(create, "max_layers");
    space->dropout = esp_param_real(create, "dropout");
    space->size = (int64_t)(task->height < task->width ? task->height : task->width);
    space->classes = (int64_t)task->classes;
    esp_status status = check(space, create);
    if (status != ESP_OK) {
        metaqnn_destroy(space);
        return status;
    }
    *out = space;
    return ESP_OK;
}

static const void *metaqnn_ability(const char *id)
{
    return strcmp(id, ESP_SPACE_TEXT) == 0 ? &metaqnn_text : NULL;
}

void metaqnn_describe(esp_space_type *out)
{
    out->summary = "chains of plain convolutions, pools and dense layers, as [C(64,3,1), SM(10)]";
    out->source = "Baker et al. 2017";
    ESP_SET_PARAMS(out, metaqnn_params);
    out->create = metaqnn_create;
    out->destroy = metaqnn_destroy;
    out->build = metaqnn_build;
    out->ability = metaqnn_ability;
}
