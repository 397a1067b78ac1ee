// SPDX-License-Identifier: Apache-2.0
// Dense networks for tables and images: a number of linear layers whose widths follow one of
// Auto-PyTorch's shapes (Zimmer et al. 2021; shape.h), or are drawn one by one ("free"). Images are
// flattened.
#include "shape.h"

#include <espalier/espalier.h>

#include <stdlib.h>

#define FREE SHAPE_COUNT
#define WIDTH_MOST 65536

enum no_yes_search { NO, YES, SEARCH };

struct mlp {
    int64_t features; // of a sample
    const char *const *shapes;
    uint64_t shape_count;
    int64_t min_depth, max_depth;
    int64_t min_width, max_width;
    int64_t min_out, max_out;
    const int64_t *widths;
    uint64_t width_count;
    const char *const *activations;
    uint64_t activation_count;
    enum no_yes_search batch_norm, residual;
    double min_dropout, max_dropout;
    int64_t plain_last;
};

// What all layers of a network have in common.
struct layers {
    const char *activation;
    int64_t batch_norm, residual;
};

// Operators of the activations that take no attribute, by name.
static const char *const plain_activations[][2] = {
    {"relu", "Relu"},       {"gelu", "Gelu"}, {"swish", "Swish"}, {"hard_swish", "HardSwish"},
    {"sigmoid", "Sigmoid"}, {"tanh", "Tanh"}};

static esp_node activate(esp_builder *b, const char *name, esp_node x)
{
    for (size_t i = 0; i < ESP_COUNT(plain_activations); i++)
        if (strcmp(name, plain_activations[i][0]) == 0)
            return esp_unary(b, plain_activations[i][1], x);
    return strcmp(name, "elu") == 0 ? esp_elu(b, x, 1.0) : esp_leaky_relu(b, x, 0.01);
}

// A layer: linear, batch normalization, activation, dropout, and the shortcut around them, a linear
// layer without bias where the width changes.
static esp_node emit_layer(esp_builder *b, esp_node x, const struct layers *layers, int64_t width,
                           double dropout)
{
    esp_node y = esp_linear(b, "linear", x, width);
    if (layers->batch_norm)
        y = esp_batch_norm(b, "bn", y);
    y = activate(b, layers->activation, y);
    if (dropout > 0)
        y = esp_dropout(b, "dropout", y, dropout);
    if (!layers->residual)
        return y;
    if (esp_node_shape(b, x).dims[1] != width) {
        const esp_attribute attributes[2] = {esp_attribute_int("channels", width),
                                             esp_attribute_int("bias", 0)};
        x = esp_op(b, "shortcut", "Gemm", &x, 1, attributes, ESP_COUNT(attributes));
    }
    return esp_add(b, y, x);
}

static esp_node emit_free(const struct mlp *mlp, esp_builder *b, esp_node x,
                          const struct layers *layers, int64_t depth, double dropout)
{
    for (int64_t i = 0; i < depth; i++) {
        esp_scope(b, "layer", i);
        int64_t width = esp_choose_value(b, "width", mlp->widths, mlp->width_count);
        if (!esp_tracing(b))
            x = emit_layer(b, x, layers, width, dropout);
        esp_scope_end(b);
    }
    return x;
}

// The dropout of a layer follows the shape too: f(shape, 0, 0, 1000, depth) / 1000 of the largest.
static esp_node emit_shaped(const struct mlp *mlp, esp_builder *b, esp_node x,
                            const struct layers *layers, enum shape shape, int64_t depth,
                            double dropout)
{
    int64_t widths[SHAPE_WIDTHS_MOST], thousandths[SHAPE_WIDTHS_MOST];
    int64_t most = esp_choose_int_log(b, "max_width", mlp->min_width, mlp->max_width);
    int64_t out = esp_choose_int_log(b, "out_width", mlp->min_out, mlp->max_out);
    if (esp_tracing(b))
        return x;
    int64_t count = shape_widths(shape, mlp->features, out, most, depth, widths);
    shape_widths(shape, 0, 0, 1000, depth, thousandths);
    for (int64_t i = 0; i < count; i++) {
        esp_scope(b, "layer", i);
        if (i == count - 1 && mlp->plain_last)
            x = esp_linear(b, "linear", x, widths[i]);
        else
            x = emit_layer(b, x, layers, widths[i], (double)thousandths[i] / 1000 * dropout);
        esp_scope_end(b);
    }
    return x;
}

static int64_t choose_switch(esp_builder *b, const char *name, enum no_yes_search wanted)
{
    static const char *const no_yes[] = {"no", "yes"};
    return wanted == SEARCH ? (int64_t)esp_choose_one(b, name, no_yes, 2) : wanted == YES;
}

static int64_t shape_of(const char *name)
{
    for (int64_t i = 0; i < SHAPE_COUNT; i++)
        if (strcmp(name, shape_names[i]) == 0)
            return i;
    return FREE;
}

static esp_status mlp_build(void *self, esp_builder *b)
{
    const struct mlp *mlp = self;
    const esp_task *task = esp_builder_task(b);
    struct layers layers;
    esp_node x = esp_input(b);
    uint64_t shape = esp_choose_one(b, "shape", mlp->shapes, mlp->shape_count);
    int64_t depth = esp_choose_int(b, "depth", mlp->min_depth, mlp->max_depth);
    uint64_t activation = esp_choose_one(b, "activation", mlp->activations, mlp->activation_count);
    layers.batch_norm = choose_switch(b, "batch_norm", mlp->batch_norm);
    layers.residual = choose_switch(b, "residual", mlp->residual);
    double dropout = esp_choose_real(b, "dropout", mlp->min_dropout, mlp->max_dropout);
    if (esp_failed(b))
        return ESP_OK;
    layers.activation = mlp->activations[activation];
    if (task->kind == ESP_TASK_IMAGES)
        x = esp_unary(b, "Flatten", x);
    int64_t number = shape_of(mlp->shapes[shape]);
    x = number == FREE ? emit_free(mlp, b, x, &layers, depth, dropout)
                       : emit_shaped(mlp, b, x, &layers, (enum shape)number, depth, dropout);
    return esp_output(b, esp_linear(b, "classifier", x, (int64_t)task->classes));
}

// ---- The plugin ---------------------------------------------------------------------------------

static const char *const all_shapes[] = {"brick",   "triangle", "funnel", "long_funnel",
                                         "diamond", "hexagon",  "stairs", "free"};
static const char *const all_activations[] = {"relu",  "leaky_relu", "elu",     "gelu",
                                              "swish", "hard_swish", "sigmoid", "tanh"};
static const char *const no_yes_search[] = {"no", "yes", "search"};
static const char *const plain_or_full[] = {"full", "plain"};

// Ranges are Auto-PyTorch's.
static const esp_param mlp_params[] = {
    ESP_PARAM_NAMES("shapes", "brick, triangle, funnel, long_funnel, diamond, hexagon, stairs",
                    all_shapes,
                    "how widths follow from depth, max_width and out_width; free draws each"),
    ESP_PARAM_INT("min_depth", 1, 1, SHAPE_LAYERS_MOST, "layers", "least number of layers"),
    ESP_PARAM_INT("max_depth", 15, 1, SHAPE_LAYERS_MOST, "layers", "largest number of layers"),
    ESP_PARAM_INT_LOG("min_width", 10, 1, WIDTH_MOST, "units", "least decision max_width"),
    ESP_PARAM_INT_LOG("max_width", 1024, 1, WIDTH_MOST, "units", "largest decision max_width"),
    ESP_PARAM_INT_LOG("min_out", 10, 1, WIDTH_MOST, "units", "least width of the last layer"),
    ESP_PARAM_INT_LOG("max_out", 1024, 1, WIDTH_MOST, "units", "largest width of the last layer"),
    ESP_PARAM_INTS("widths", "16, 32, 64, 128, 256", 1, WIDTH_MOST, "units",
                   "widths that a layer of shape free may have, ascending"),
    ESP_PARAM_NAMES("activations", "relu", all_activations, "activations of a network"),
    ESP_PARAM_CHOICE("batch_norm", "yes", no_yes_search,
                     "batch normalization before each activation; search draws it per network"),
    ESP_PARAM_CHOICE("residual", "no", no_yes_search,
                     "a shortcut around each layer; search draws it per network"),
    ESP_PARAM_REAL("min_dropout", 0, 0, 0.95, "", "least dropout; above it, it is drawn"),
    ESP_PARAM_REAL("max_dropout", 0, 0, 0.95, "", "largest dropout, of the widest layer"),
    ESP_PARAM_CHOICE("last", "plain", plain_or_full,
                     "of a shape's last layer: plain is the linear layer alone"),
};

static int ascending(const int64_t *values, uint64_t count)
{
    for (uint64_t i = 1; i < count; i++)
        if (values[i] <= values[i - 1])
            return 0;
    return count > 0;
}

static esp_status check_range(esp_create *create, const char *least, const char *most)
{
    int64_t from = esp_param_int(create, least), to = esp_param_int(create, most);
    if (from <= to)
        return ESP_OK;
    return esp_fail(create, ESP_ERROR_INVALID, "%s %lld is larger than %s %lld", least,
                    (long long)from, most, (long long)to);
}

static esp_status check(const struct mlp *mlp, esp_create *create)
{
    esp_status status = check_range(create, "min_depth", "max_depth");
    if (status == ESP_OK)
        status = check_range(create, "min_width", "max_width");
    if (status == ESP_OK)
        status = check_range(create, "min_out", "max_out");
    if (status != ESP_OK)
        return status;
    if (mlp->shape_count == 0)
        return esp_fail(create, ESP_ERROR_INVALID, "shapes: at least one is needed");
    if (mlp->activation_count == 0)
        return esp_fail(create, ESP_ERROR_INVALID, "activations: at least one is needed");
    if (!ascending(mlp->widths, mlp->width_count))
        return esp_fail(create, ESP_ERROR_INVALID, "widths: expected an ascending list");
    if (mlp->min_dropout > mlp->max_dropout)
        return esp_fail(create, ESP_ERROR_INVALID,
                        "min_dropout %g is larger than max_dropout %g: it takes both",
                        mlp->min_dropout, mlp->max_dropout);
    return ESP_OK;
}

static void mlp_destroy(void *self)
{
    free(self);
}

static esp_status mlp_create(esp_create *create, void **out)
{
    const esp_task *task = esp_create_task(create);
    struct mlp *mlp = calloc(1, sizeof *mlp);
    if (!mlp)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    mlp->features = (int64_t)(task->channels * task->height * task->width);
    mlp->shapes = esp_param_names(create, "shapes", &mlp->shape_count);
    mlp->min_depth = esp_param_int(create, "min_depth");
    mlp->max_depth = esp_param_int(create, "max_depth");
    mlp->min_width = esp_param_int(create, "min_width");
    mlp->max_width = esp_param_int(create, "max_width");
    mlp->min_out = esp_param_int(create, "min_out");
    mlp->max_out = esp_param_int(create, "max_out");
    mlp->widths = esp_param_ints(create, "widths", &mlp->width_count);
    mlp->activations = esp_param_names(create, "activations", &mlp->activation_count);
    mlp->batch_norm = (enum no_yes_search)esp_param_int(create, "batch_norm");
    mlp->residual = (enum no_yes_search)esp_param_int(create, "residual");
    mlp->min_dropout = esp_param_real(create, "min_dropout");
    mlp->max_dropout = esp_param_real(create, "max_dropout");
    mlp->plain_last = esp_param_int(create, "last");
    esp_status status = check(mlp, create);
    if (status != ESP_OK) {
        mlp_destroy(mlp);
        return status;
    }
    *out = mlp;
    return ESP_OK;
}

static void mlp_describe(esp_space_type *out)
{
    out->summary = "dense networks for tables and images, their widths by a shape or one by one";
    out->source = "Zimmer et al. 2021";
    ESP_SET_PARAMS(out, mlp_params);
    out->create = mlp_create;
    out->destroy = mlp_destroy;
    out->build = mlp_build;
}

ESP_PLUGIN("0.1.0", ESP_SPACE("mlp", mlp_describe))
