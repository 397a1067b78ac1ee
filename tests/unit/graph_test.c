// SPDX-License-Identifier: Apache-2.0
// The graph: shapes, weights, params and multiply-adds of every operator over a table of cases, what
// is refused and in what words, the counts of a published network, dead branches, JSON and DOT.
#include "graph/graph.h"

#include "support/leak.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- Attributes and shapes from text ----------------------------------------------------------

#define MOST_ATTRIBUTES 12

struct attributes {
    char text[256];
    int64_t numbers[MOST_ATTRIBUTES][16];
    esp_attribute list[MOST_ATTRIBUTES];
    uint64_t count;
};

// "kernel_shape=3,3 auto_pad=VALID ratio=0.5 group=2": a list has a comma, a number that is not
// whole a point.
static void read_attributes(struct attributes *out, const char *text)
{
    char *rest = out->text;
    out->count = 0;
    cr_assert_lt(strlen(text), sizeof out->text);
    memcpy(out->text, text, strlen(text) + 1);
    for (char *word; (word = strtok_r(rest, " ", &rest)) != NULL; out->count++) {
        char *value = strchr(word, '=');
        cr_assert(value && out->count < MOST_ATTRIBUTES, "%s", text);
        *value++ = '\0';
        esp_attribute *to = &out->list[out->count];
        int64_t *numbers = out->numbers[out->count];
        if (strchr(value, ',')) {
            uint64_t count = 0;
            for (char *at = value; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
                numbers[count++] = atoll(at);
            *to = esp_attribute_ints(word, numbers, count);
        } else if (isalpha((unsigned char)value[0])) {
            *to = esp_attribute_text(word, value);
        } else if (strchr(value, '.') || strchr(value, 'e')) {
            *to = esp_attribute_real(word, atof(value));
        } else {
            *to = esp_attribute_int(word, atoll(value));
        }
    }
}

// "3x32x32", without the batch.
static esp_shape read_shape(const char *text)
{
    esp_shape shape = {0};
    shape.rank = 1;
    shape.dims[0] = ESP_BATCH;
    for (const char *at = text; at && *at; at = strchr(at, 'x') ? strchr(at, 'x') + 1 : NULL)
        shape.dims[shape.rank++] = atoll(at);
    return shape;
}

static const char *print_shape(const esp_shape *shape)
{
    static char text[128];
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < shape->rank; i++)
        if (i > 0 || shape->dims[0] != ESP_BATCH)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%lld", used ? "x" : "",
                                     (long long)shape->dims[i]);
    return text;
}

// ---- Graphs by hand ---------------------------------------------------------------------------

static uint32_t input(struct graph *graph, const char *shape)
{
    esp_shape dims = read_shape(shape);
    uint32_t index = graph_add_input(graph, "input", &dims, NULL);
    cr_assert_neq(index, GRAPH_NO_NODE);
    return index;
}

static uint32_t try_add(struct graph *graph, const char *scope, const char *name, const char *op,
                        const uint32_t *inputs, uint64_t count, const char *attributes,
                        struct error *error)
{
    struct attributes list;
    read_attributes(&list, attributes);
    error_clear(error);
    return graph_add(graph, scope, name, op, inputs, count, list.list, list.count,
                     sizeof list.list[0], error);
}

static uint32_t add(struct graph *graph, const char *scope, const char *name, const char *op,
                    uint32_t in, const char *attributes)
{
    struct error error;
    uint32_t index = try_add(graph, scope, name, op, &in, 1, attributes, &error);
    cr_assert_neq(index, GRAPH_NO_NODE, "%s", error.message);
    return index;
}

static uint32_t sum(struct graph *graph, const char *scope, uint32_t a, uint32_t b)
{
    struct error error;
    uint32_t both[2] = {a, b};
    uint32_t index = try_add(graph, scope, "", "Add", both, 2, "", &error);
    cr_assert_neq(index, GRAPH_NO_NODE, "%s", error.message);
    return index;
}

static const esp_graph *finish(struct graph *graph, uint32_t output)
{
    struct error error;
    error_clear(&error);
    cr_assert_eq(graph_add_output(graph, output, &error), ESP_OK);
    cr_assert_eq(graph_finish(graph, &error), ESP_OK, "%s", error.message);
    return graph_handle(graph);
}

static const esp_graph_node *node(const struct graph *graph, uint32_t index)
{
    return esp_graph_get(graph_handle(graph), index);
}

// ---- Shapes, params, multiply-adds ------------------------------------------------------------

struct operator_case {
    const char *op, *attributes;
    const char *inputs; // a shape each, without the batch
    const char *output;
    uint64_t params, macs;
    const char *pads; // what `pads` is resolved to; NULL = not looked at
};

static const struct operator_case cases[] = {
    // Convolutions: (size + pads - ((kernel - 1) dilation + 1)) / stride + 1, rounded down.
    {"Conv", "channels=16 kernel_shape=3,3 pads=1,1,1,1", "3x32x32", "16x32x32", 432, 442368, NULL},
    {"Conv", "channels=16 kernel_shape=3,3 pads=1,1,1,1 bias=1", "3x32x32", "16x32x32", 448, 442368,
     NULL},
    {"Conv", "channels=8 kernel_shape=3,3", "3x32x32", "8x30x30", 216, 194400, "0,0,0,0"},
    {"Conv", "channels=8 kernel_shape=3,3 strides=2,2 pads=1,1,1,1", "3x32x32", "8x16x16", 216,
     55296, NULL},
    {"Conv", "channels=8 kernel_shape=3,3 strides=2,2 pads=1,1,1,1", "3x33x33", "8x17x17", 216,
     62424, NULL},
    {"Conv", "channels=8 kernel_shape=7,7 strides=2,2 pads=3,3,3,3", "3x224x224", "8x112x112", 1176,
     14751744, NULL},
    {"Conv", "channels=4 kernel_shape=1,1", "6x5x7", "4x5x7", 24, 840, NULL},
    {"Conv", "channels=4 kernel_shape=1,7 pads=0,3,0,3", "4x9x9", "4x9x9", 112, 9072, NULL},
    {"Conv", "channels=4 kernel_shape=7,1 strides=2,1 pads=3,0,3,0", "4x9x9", "4x5x9", 112, 5040,
     NULL},
    {"Conv", "channels=4 kernel_shape=3,3 pads=0,1,2,0", "1x7x5", "4x7x4", 36, 1008, "0,1,2,0"},
    {"Conv", "channels=6 kernel_shape=3,3 dilations=2,2 pads=2,2,2,2", "6x8x8", "6x8x8", 324, 20736,
     NULL},
    {"Conv", "channels=6 kernel_shape=3,3 dilations=3,1", "6x8x8", "6x2x6", 324, 3888, NULL},
    {"Conv", "channels=8 kernel_shape=3,3 group=2 pads=1,1,1,1", "4x6x6", "8x6x6", 144, 5184, NULL},
    {"Conv", "channels=8 kernel_shape=5,5 group=8 pads=2,2,2,2", "8x6x6", "8x6x6", 200, 7200, NULL},
    {"Conv", "channels=8 kernel_shape=3,3 group=4 pads=1,1,1,1", "4x6x6", "8x6x6", 72, 2592, NULL},
    // auto_pad: ceil(size / stride) places; an odd padding goes to the end, or to the beginning.
    {"Conv", "channels=1 kernel_shape=2,2 auto_pad=SAME_UPPER", "1x5x5", "1x5x5", 4, 100,
     "0,0,1,1"},
    {"Conv", "channels=1 kernel_shape=2,2 auto_pad=SAME_LOWER", "1x5x5", "1x5x5", 4, 100,
     "1,1,0,0"},
    {"Conv", "channels=1 kernel_shape=3,3 strides=2,2 auto_pad=SAME_UPPER", "1x6x6", "1x3x3", 9, 81,
     "0,0,1,1"},
    {"Conv", "channels=1 kernel_shape=3,3 strides=2,2 auto_pad=SAME_LOWER", "1x6x5", "1x3x3", 9, 81,
     "1,1,0,1"},
    {"Conv", "channels=1 kernel_shape=3,3 dilations=2,2 auto_pad=SAME_UPPER", "1x6x6", "1x6x6", 9,
     324, "2,2,2,2"},
    {"Conv", "channels=1 kernel_shape=1,1 strides=3,3 auto_pad=SAME_UPPER", "1x10x11", "1x4x4", 1,
     16, "0,0,0,0"},
    {"Conv", "channels=1 kernel_shape=3,3 auto_pad=VALID", "1x6x6", "1x4x4", 9, 144, "0,0,0,0"},
    {"Conv", "channels=1 kernel_shape=3,3 pads=1,1,1,1 auto_pad=NOTSET", "1x6x6", "1x6x6", 9, 324,
     "1,1,1,1"},
    // Pools.
    {"MaxPool", "kernel_shape=2,2 strides=2,2", "8x32x32", "8x16x16", 0, 0, NULL},
    {"MaxPool", "kernel_shape=2,2", "8x32x32", "8x31x31", 0, 0, NULL},
    {"MaxPool", "kernel_shape=3,3 strides=2,2 pads=1,1,1,1", "8x7x8", "8x4x4", 0, 0, NULL},
    {"MaxPool", "kernel_shape=3,3 strides=2,2", "1x4x4", "1x1x1", 0, 0, NULL},
    {"MaxPool", "kernel_shape=3,3 strides=2,2 ceil_mode=1", "1x4x4", "1x2x2", 0, 0, "0,0,0,0"},
    {"MaxPool", "kernel_shape=2,2 dilations=2,2", "1x4x4", "1x2x2", 0, 0, NULL},
    {"MaxPool", "kernel_shape=3,3 strides=2,2 auto_pad=SAME_UPPER", "1x5x6", "1x3x3", 0, 0,
     "1,0,1,1"},
    // ceil_mode's last place would begin behind the input: at 6 of 6, and at 5 of 5 with pads.
    {"MaxPool", "kernel_shape=2,2 strides=3,3 ceil_mode=1", "1x6x6", "1x2x2", 0, 0, NULL},
    {"MaxPool", "kernel_shape=3,3 strides=3,3 pads=1,1,1,1 ceil_mode=1", "1x5x5", "1x2x2", 0, 0,
     NULL},
    {"AveragePool", "kernel_shape=3,3 pads=1,1,1,1", "4x8x8", "4x8x8", 0, 0, NULL},
    {"AveragePool", "kernel_shape=3,3 pads=1,1,1,1 count_include_pad=1", "4x8x8", "4x8x8", 0, 0,
     NULL},
    {"AveragePool", "kernel_shape=5,5 strides=3,3", "4x8x8", "4x2x2", 0, 0, NULL},
    {"AveragePool", "kernel_shape=3,3 strides=2,2 ceil_mode=1", "4x6x6", "4x3x3", 0, 0, NULL},
    {"GlobalAveragePool", "", "64x8x4", "64x1x1", 0, 0, NULL},
    // Linear layers.
    {"Gemm", "channels=10", "64", "10", 650, 640, NULL},
    {"Gemm", "channels=10 bias=0", "64", "10", 640, 640, NULL},
    {"Flatten", "", "64x8x4", "2048", 0, 0, NULL},
    {"Flatten", "axis=-3", "64x8x4", "2048", 0, 0, NULL},
    {"Flatten", "", "7", "7", 0, 0, NULL},
    // Normalisation: mean and variance are no params.
    {"BatchNormalization", "", "16x8x8", "16x8x8", 32, 0, NULL},
    {"BatchNormalization", "epsilon=1e-3 momentum=0.99", "16", "16", 32, 0, NULL},
    {"BatchNormalization", "affine=0", "16x8x8", "16x8x8", 0, 0, NULL},
    // One to one.
    {"Relu", "", "16x8x8", "16x8x8", 0, 0, NULL},
    {"Sigmoid", "", "16x8", "16x8", 0, 0, NULL},
    {"Tanh", "", "16", "16", 0, 0, NULL},
    {"Identity", "", "16x8x8", "16x8x8", 0, 0, NULL},
    {"None", "", "16x8x8", "16x8x8", 0, 0, NULL},
    {"Dropout", "ratio=0.2", "16x8x8", "16x8x8", 0, 0, NULL},
    {"Dropout", "ratio=0", "16", "16", 0, 0, NULL},
    // Several inputs.
    {"Add", "", "16x8x8 16x8x8", "16x8x8", 0, 0, NULL},
    {"Concat", "axis=1", "16x8x8 4x8x8 1x8x8", "21x8x8", 0, 0, NULL},
    {"Concat", "", "3 5", "8", 0, 0, NULL},
    {"Concat", "axis=-1", "2x8x3 2x8x4", "2x8x7", 0, 0, NULL},
    {"Concat", "axis=2", "2x8x3", "2x8x3", 0, 0, NULL},
    {"Choice", "path=cell/op names=a|b|c", "16x8x8 16x8x8 16x8x8", "16x8x8", 0, 0, NULL},
};

// The inputs of a case as nodes of the graph.
static uint64_t add_inputs(struct graph *graph, const char *shapes, uint32_t *inputs)
{
    char text[256], *rest = text;
    uint64_t count = 0;
    cr_assert_lt(strlen(shapes), sizeof text);
    memcpy(text, shapes, strlen(shapes) + 1);
    for (char *shape; (shape = strtok_r(rest, " ", &rest)) != NULL;)
        inputs[count++] = input(graph, shape);
    return count;
}

TestLeak(graph, operators)
{
    for (size_t i = 0; i < ESP_COUNT(cases); i++) {
        const struct operator_case *this = &cases[i];
        struct graph *graph = graph_create();
        struct error error;
        uint32_t inputs[8];
        uint64_t count = add_inputs(graph, this->inputs, inputs);
        uint32_t index = try_add(graph, "", "x", this->op, inputs, count, this->attributes, &error);
        cr_assert_neq(index, GRAPH_NO_NODE, "%s %s: %s", this->op, this->attributes, error.message);
        const esp_graph *finished = finish(graph, index);
        const esp_graph_node *result = esp_graph_get(finished, esp_graph_output(finished, 0));
        cr_expect_eq(result->shape.dims[0], ESP_BATCH);
        cr_expect_str_eq(print_shape(&result->shape), this->output, "%s %s", this->op,
                         this->attributes);
        cr_expect_eq(esp_graph_params(finished), this->params, "%s %s: %llu params", this->op,
                     this->attributes, (unsigned long long)esp_graph_params(finished));
        cr_expect_eq(esp_graph_macs(finished), this->macs, "%s %s: %llu macs", this->op,
                     this->attributes, (unsigned long long)esp_graph_macs(finished));
        cr_expect_eq(result->macs, this->macs);
        if (this->pads) {
            const esp_attribute *pads = esp_graph_attribute(result, "pads");
            char text[64];
            snprintf(text, sizeof text, "%lld,%lld,%lld,%lld", (long long)pads->ints[0],
                     (long long)pads->ints[1], (long long)pads->ints[2], (long long)pads->ints[3]);
            cr_expect_str_eq(text, this->pads, "%s %s", this->op, this->attributes);
            cr_expect_str_eq(esp_graph_attribute(result, "auto_pad")->text, "NOTSET");
        }
        graph_destroy(graph);
    }
}

// Every attribute of the operator stands in the node, with ONNX's default where none was given.
Test(graph, defaults)
{
    struct graph *graph = graph_create();
    uint32_t image = input(graph, "4x8x8");
    const esp_graph_node *pool =
        node(graph, add(graph, "", "a", "AveragePool", image, "kernel_shape=2,2"));
    cr_expect_eq(esp_graph_attribute(pool, "strides")->ints[1], 1);
    cr_expect_eq(esp_graph_attribute(pool, "dilations")->ints[0], 1);
    cr_expect_eq(esp_graph_attribute(pool, "count_include_pad")->integer, 0);
    cr_expect_eq(esp_graph_attribute(pool, "ceil_mode")->integer, 0);
    cr_expect_null(esp_graph_attribute(pool, "group"));
    const esp_graph_node *norm = node(graph, add(graph, "", "b", "BatchNormalization", image, ""));
    cr_expect_eq(esp_graph_attribute(norm, "epsilon")->real, 1e-5);
    cr_expect_eq(esp_graph_attribute(norm, "momentum")->real, 0.9);
    cr_expect_eq(
        esp_graph_attribute(node(graph, add(graph, "", "c", "Dropout", image, "")), "ratio")->real,
        0.5);
    // An integer where a number belongs.
    norm = node(graph, add(graph, "", "d", "BatchNormalization", image, "momentum=1"));
    cr_expect_eq(esp_graph_attribute(norm, "momentum")->real, 1.0);
    graph_destroy(graph);
}

static void expect_weight(const esp_graph_node *of, uint64_t i, const char *path, const char *shape,
                          uint32_t role, uint32_t init)
{
    cr_assert_lt(i, of->weight_count);
    cr_expect_str_eq(of->weights[i].path, path);
    cr_expect_str_eq(of->weights[i].name, strrchr(path, '/') + 1);
    cr_expect_str_eq(print_shape(&of->weights[i].shape), shape, "%s", path);
    cr_expect_eq(of->weights[i].role, role, "%s", path);
    cr_expect_eq(of->weights[i].init, init, "%s", path);
}

Test(graph, weights)
{
    struct graph *graph = graph_create();
    uint32_t image = input(graph, "4x8x8");
    uint32_t conv =
        add(graph, "cell/0", "conv", "Conv", image, "channels=6 kernel_shape=3,5 group=2 bias=1");
    uint32_t norm = add(graph, "", "norm", "BatchNormalization", conv, "");
    uint32_t flat = add(graph, "", "", "Flatten", norm, "");
    uint32_t linear = add(graph, "head", "linear", "Gemm", flat, "channels=10");
    cr_expect_str_eq(node(graph, conv)->path, "cell/0/conv");
    expect_weight(node(graph, conv), 0, "cell/0/conv/weight", "6x2x3x5", ESP_WEIGHT_TRAINED,
                  ESP_INIT_KAIMING_NORMAL);
    expect_weight(node(graph, conv), 1, "cell/0/conv/bias", "6", ESP_WEIGHT_TRAINED,
                  ESP_INIT_ZEROS);
    expect_weight(node(graph, norm), 0, "norm/scale", "6", ESP_WEIGHT_TRAINED, ESP_INIT_ONES);
    expect_weight(node(graph, norm), 1, "norm/bias", "6", ESP_WEIGHT_TRAINED, ESP_INIT_ZEROS);
    expect_weight(node(graph, norm), 2, "norm/mean", "6", ESP_WEIGHT_STATE, ESP_INIT_ZEROS);
    expect_weight(node(graph, norm), 3, "norm/variance", "6", ESP_WEIGHT_STATE, ESP_INIT_ONES);
    expect_weight(node(graph, linear), 0, "head/linear/weight", "10x144", ESP_WEIGHT_TRAINED,
                  ESP_INIT_KAIMING_UNIFORM);
    expect_weight(node(graph, linear), 1, "head/linear/bias", "10", ESP_WEIGHT_TRAINED,
                  ESP_INIT_ZEROS);
    norm = add(graph, "", "plain", "BatchNormalization", conv, "affine=0");
    cr_expect_eq(node(graph, norm)->weight_count, 2);
    expect_weight(node(graph, norm), 0, "plain/mean", "6", ESP_WEIGHT_STATE, ESP_INIT_ZEROS);
    graph_destroy(graph);
}

// ---- What is refused --------------------------------------------------------------------------

struct refusal {
    const char *op, *attributes, *inputs;
    const char *words; // all of them stand in the message, with a '|' between
};

static const struct refusal refusals[] = {
    {"Conf", "", "3x8x8", "there is no operator 'Conf'|'cell/x'|did you mean 'Conv'?"},
    {"Input", "", "3x8x8", "there is no operator 'Input'"},
    {"Softmax", "", "3x8x8", "there is no operator 'Softmax'"},
    {"Conv", "channels=4 kernel_shape=3,3 stride=2,2", "3x8x8",
     "Conv 'cell/x' of Nx3x8x8|no attribute 'stride'|did you mean 'strides'?"},
    {"Relu", "alpha=0.1", "3x8x8", "Relu 'cell/x'|no attribute 'alpha'"},
    {"Conv", "kernel_shape=3,3", "3x8x8", "needs the attribute channels"},
    {"Gemm", "", "8", "needs the attribute channels"},
    {"Conv", "channels=0 kernel_shape=3,3", "3x8x8", "channels|1 to|got 0"},
    {"Conv", "channels=-4 kernel_shape=3,3", "3x8x8", "channels|got -4"},
    {"Conv", "channels=4", "3x8x8", "kernel_shape: expected 2 numbers, got 0"},
    {"Conv", "channels=4 kernel_shape=3,3,3", "3x8x8", "kernel_shape: expected 2 numbers, got 3"},
    {"Conv", "channels=4 kernel_shape=3", "3x8x8", "kernel_shape: expected a list|an integer"},
    {"Conv", "channels=4 kernel_shape=0,3", "3x8x8", "kernel_shape|got 0"},
    {"Conv", "channels=4 kernel_shape=3,3 strides=0,1", "3x8x8", "strides|got 0"},
    {"Conv", "channels=4 kernel_shape=3,3 dilations=-1,1", "3x8x8", "dilations|got -1"},
    {"Conv", "channels=4 kernel_shape=3,3 pads=1,1", "3x8x8", "pads: expected 4 numbers, got 2"},
    {"Conv", "channels=4 kernel_shape=3,3 pads=1,1,-1,1", "3x8x8", "pads|got -1"},
    {"Conv", "channels=4 kernel_shape=3,3 pads=1,1,1,1,1,1,1,1,1,1,1,1,1,1", "3x8x8",
     "pads: expected at most 12 integers, got 14"},
    {"Conv", "channels=4 kernel_shape=3,3 auto_pad=SAME", "3x8x8",
     "auto_pad: expected one of NOTSET SAME_UPPER SAME_LOWER VALID, got 'SAME'"},
    {"Conv", "channels=4 kernel_shape=3,3 auto_pad=VALIDATE", "3x8x8", "got 'VALIDATE'"},
    {"Conv", "channels=4 kernel_shape=3,3 auto_pad=VALID pads=1,1,1,1", "3x8x8",
     "auto_pad VALID and pads"},
    {"Conv", "channels=4 kernel_shape=3,3 bias=2", "3x8x8", "bias|0 to 1|got 2"},
    {"Conv", "channels=4 kernel_shape=3,3 group=2", "3x8x8",
     "Nx3x8x8|3 input and 4 output channels do not divide into 2 groups"},
    {"Conv", "channels=4 kernel_shape=3,3 group=3", "3x8x8", "into 3 groups"},
    {"Conv", "channels=4 channels=4 kernel_shape=3,3", "3x8x8", "channels is given twice"},
    {"Conv", "channels=4 kernel_shape=9,3", "3x8x8", "Nx3x8x8|window of 9x3|spans 9|height 8"},
    {"Conv", "channels=4 kernel_shape=3,3 dilations=1,4", "3x8x8", "spans 9|width 8"},
    {"Conv", "channels=4 kernel_shape=3,3", "64", "Nx64|4 dimensions"},
    {"Conv", "channels=4 kernel_shape=3,3", "3x8", "Nx3x8|4 dimensions"},
    {"Conv", "channels=4 kernel_shape=3,3", "3x8x8 3x8x8", "expected 1 input, got 2"},
    {"Conv", "channels=9999999999 kernel_shape=3,3", "3x8x8", "channels|got 9999999999"},
    {"Conv", "channels=16000000 kernel_shape=2000,2000 auto_pad=SAME_UPPER", "16x8x8",
     "its weight of 16000000x16x2000x2000 is too large"},
    {"Conv", "channels=16000000 kernel_shape=1,1", "1x1000x1000", "output of Nx16000000x1000x1000"},
    {"Conv", "channels=1000 kernel_shape=1000,1000 auto_pad=SAME_UPPER", "1x10000x10000",
     "2^53 multiply-adds"},
    {"Conv", "channels=4 kernel_shape=16777216,16777216 dilations=16777216,16777216", "3x8x8",
     "window of 16777216x16777216"},
    {"MaxPool", "kernel_shape=2,2 pads=2,0,0,0", "3x8x8", "height|padding alone|pads 2, 0"},
    {"AveragePool", "kernel_shape=2,2 pads=0,0,0,2", "3x8x8", "width|padding alone|pads 0, 2"},
    {"MaxPool", "kernel_shape=2,2 dilations=5,5 pads=1,1,1,1", "3x4x4", "padding alone"},
    {"MaxPool", "kernel_shape=3,3 count_include_pad=1", "3x8x8", "no attribute"},
    {"GlobalAveragePool", "", "64", "Nx64|4 dimensions"},
    {"BatchNormalization", "", "8x8", "Nx8x8|2 or 4 dimensions"},
    {"BatchNormalization", "epsilon=0", "8x8x8", "epsilon|got 0"},
    {"BatchNormalization", "epsilon=-1e-5", "8x8x8", "epsilon"},
    {"BatchNormalization", "momentum=1.1", "8x8x8", "momentum|0 to 1|got 1.1"},
    {"BatchNormalization", "affine=2", "8x8x8", "affine"},
    {"Gemm", "channels=10", "8x4x4", "Nx8x4x4|2 dimensions|Flatten"},
    {"Flatten", "axis=2", "8x4x4", "axis: expected 1|got 2"},
    {"Flatten", "axis=0", "8x4x4", "axis: expected 1|got 0"},
    {"Dropout", "ratio=1", "8", "ratio"},
    {"Dropout", "ratio=-0.1", "8", "ratio|got -0.1"},
    {"Add", "", "16x8x8 16x1x1", "shapes Nx16x8x8 and Nx16x1x1|equal"},
    {"Add", "", "16x8x8 16x8x9", "shapes Nx16x8x8 and Nx16x8x9"},
    {"Add", "", "16x8x8 16", "shapes Nx16x8x8 and Nx16"},
    {"Add", "", "16x8x8", "expected 2 inputs, got 1"},
    {"Add", "", "16 16 16", "expected 2 inputs, got 3"},
    {"Concat", "axis=1", "16x8x8 16x8x7", "inputs 0 and 1|Nx16x8x8 and Nx16x8x7|axis 1 alone"},
    {"Concat", "axis=2", "16x8x8 16x8x7", "axis 2 alone"},
    {"Concat", "axis=1", "16x8x8 16x8x8 16", "inputs 0 and 2"},
    {"Concat", "axis=0", "16x8x8 16x8x8", "axis: expected one of 1 to 3|batch|got 0"},
    {"Concat", "axis=4", "16x8x8 16x8x8", "got 4"},
    {"Concat", "axis=-4", "16x8x8 16x8x8", "got -4"},
    {"Concat", "", "", "expected 1 input or more, got 0"},
    {"Choice", "path=op names=a|b", "16x8x8 16x8x4", "Nx16x8x8 and Nx16x8x4"},
};

Test(graph, refusals)
{
    for (size_t i = 0; i < ESP_COUNT(refusals); i++) {
        const struct refusal *this = &refusals[i];
        struct graph *graph = graph_create();
        struct error error;
        uint32_t inputs[8];
        uint64_t count = add_inputs(graph, this->inputs, inputs);
        uint64_t before = esp_graph_node_count(graph_handle(graph));
        uint32_t index =
            try_add(graph, "cell", "x", this->op, inputs, count, this->attributes, &error);
        cr_expect_eq(index, GRAPH_NO_NODE, "%s %s was taken", this->op, this->attributes);
        cr_expect_eq(error.status, ESP_ERROR_INVALID, "%s %s", this->op, this->attributes);
        cr_expect_not_null(strstr(error.message, "'cell/x'"), "no path: %s", error.message);
        char words[256], *rest = words;
        memcpy(words, this->words, strlen(this->words) + 1);
        for (char *word; (word = strtok_r(rest, "|", &rest)) != NULL;)
            cr_expect_not_null(strstr(error.message, word), "no \"%s\" in: %s", word,
                               error.message);
        cr_expect_eq(esp_graph_node_count(graph_handle(graph)), before);
        graph_destroy(graph);
    }
}

// Attributes come from plugins: what has no size, no name or no numbers is no crash.
Test(graph, malformed_attributes)
{
    struct graph *graph = graph_create();
    uint32_t image = input(graph, "3x8x8");
    esp_attribute attributes[] = {{0},
                                  esp_attribute_ints("kernel_shape", NULL, 2),
                                  esp_attribute_text("auto_pad", NULL),
                                  esp_attribute_real("epsilon", NAN),
                                  esp_attribute_int(NULL, 1),
                                  esp_attribute_int("bias", 0)};
    attributes[5].struct_size = offsetof(esp_attribute, text);
    static const char *const ops[] = {"Relu", "MaxPool", "MaxPool", "BatchNormalization",
                                      "Relu", "Conv"};
    for (size_t i = 0; i < ESP_COUNT(attributes); i++) {
        struct error error;
        error_clear(&error);
        cr_expect_eq(graph_add(graph, "", "x", ops[i], &image, 1, &attributes[i], 1,
                               sizeof attributes[0], &error),
                     GRAPH_NO_NODE, "attribute %zu", i);
        cr_expect_eq(error.status, ESP_ERROR_INVALID, "attribute %zu", i);
        bool rowless = i == 0 || i >= 4;
        cr_expect_eq(strstr(error.message, "has no size or no name") != NULL, rowless, "%s",
                     error.message);
    }
    struct error error;
    error_clear(&error);
    cr_expect_eq(
        graph_add(graph, "", "x", "Relu", &image, 1, NULL, 1, sizeof attributes[0], &error),
        GRAPH_NO_NODE);
    error_clear(&error);
    cr_expect_eq(graph_add(graph, "", "x", NULL, &image, 1, NULL, 0, 0, &error), GRAPH_NO_NODE);
    image = 7;
    error_clear(&error);
    cr_expect_eq(graph_add(graph, "", "x", "Relu", &image, 1, NULL, 0, 0, &error), GRAPH_NO_NODE);
    cr_expect_eq(error.status, ESP_ERROR_MISUSE);
    graph_destroy(graph);
}

// The rows of a newer plugin are larger: the stride says where the next begins.
Test(graph, attributes_of_a_newer_plugin)
{
    struct {
        esp_attribute attribute;
        int64_t more;
    } rows[2] = {{esp_attribute_int("channels", 5), -1}, {esp_attribute_int("bias", 0), -1}};
    struct graph *graph = graph_create();
    struct error error;
    uint32_t row = input(graph, "8");
    rows[0].attribute.struct_size = rows[1].attribute.struct_size = sizeof rows[0];
    error_clear(&error);
    uint32_t index =
        graph_add(graph, "", "x", "Gemm", &row, 1, &rows[0].attribute, 2, sizeof rows[0], &error);
    cr_assert_neq(index, GRAPH_NO_NODE, "%s", error.message);
    cr_expect_eq(node(graph, index)->weight_count, 1);
    cr_expect_eq(node(graph, index)->shape.dims[1], 5);
    graph_destroy(graph);
}

Test(graph, refused_inputs)
{
    static const esp_shape shapes[] = {
        {0, 0, {0}},
        {7, 0, {ESP_BATCH, 1, 1, 1, 1, 1}},
        {2, 0, {8, 8}},
        {2, 0, {ESP_BATCH, 0}},
        {3, 0, {ESP_BATCH, 4, -2}},
    };
    struct graph *graph = graph_create();
    for (size_t i = 0; i < ESP_COUNT(shapes); i++) {
        struct error error;
        error_clear(&error);
        cr_expect_eq(graph_add_input(graph, "image", &shapes[i], &error), GRAPH_NO_NODE);
        cr_expect_eq(error.status, ESP_ERROR_INVALID);
        cr_expect_not_null(strstr(error.message, "'image'"), "%s", error.message);
    }
    graph_destroy(graph);
}

// ---- Paths ------------------------------------------------------------------------------------

Test(graph, a_weight_path_stands_once)
{
    struct graph *graph = graph_create();
    uint32_t in = input(graph, "8");
    struct error error;
    add(graph, "a", "x", "Gemm", in, "channels=4");
    add(graph, "a/b", "x", "Gemm", in, "channels=4");
    add(graph, "", "x", "Dropout", in, "");
    cr_expect_eq(try_add(graph, "a", "x", "Gemm", &in, 1, "channels=4", &error), GRAPH_NO_NODE);
    cr_expect_eq(error.status, ESP_ERROR_MISUSE);
    cr_expect_not_null(strstr(error.message, "'a/x' stands twice"), "%s", error.message);
    cr_expect_eq(try_add(graph, "", "x", "Dropout", &in, 1, "", &error), GRAPH_NO_NODE);
    cr_expect_eq(error.status, ESP_ERROR_MISUSE);
    // The scope ends where the name begins, but the path is what counts.
    cr_expect_eq(try_add(graph, "", "a/x", "BatchNormalization", &in, 1, "", &error),
                 GRAPH_NO_NODE);
    // What was refused takes no path.
    cr_expect_eq(try_add(graph, "", "y", "Conv", &in, 1, "channels=4 kernel_shape=3,3", &error),
                 GRAPH_NO_NODE);
    add(graph, "", "y", "Gemm", in, "channels=4");
    graph_destroy(graph);
}

// Nodes without a name get a path of their own, whatever others are called.
Test(graph, nodes_without_a_name)
{
    struct graph *graph = graph_create();
    uint32_t in = input(graph, "8");
    uint32_t first = add(graph, "cell", "", "Relu", in, "");
    cr_expect_str_eq(node(graph, first)->path, "cell/Relu_1");
    add(graph, "cell", "Relu_3", "Gemm", first, "channels=4");
    uint32_t second = add(graph, "cell", "", "Relu", in, "");
    cr_expect_str_eq(node(graph, second)->path, "cell/Relu_4");
    cr_expect_str_eq(node(graph, add(graph, "", "", "Tanh", in, ""))->path, "Tanh_4");
    cr_expect_neq(node(graph, first)->path_hash, node(graph, second)->path_hash);
    graph_destroy(graph);
}

// A thousand paths, so that the table of paths grows, and a path that no buffer would hold.
Test(graph, many_and_long_paths)
{
    struct graph *graph = graph_create();
    uint32_t in = input(graph, "8");
    struct error error;
    char name[32];
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "layer%d", i);
        add(graph, "net", name, "Gemm", in, "channels=1");
    }
    for (int i = 0; i < 1000; i += 111) {
        snprintf(name, sizeof name, "layer%d", i);
        cr_expect_eq(try_add(graph, "net", name, "Gemm", &in, 1, "channels=1", &error),
                     GRAPH_NO_NODE, "%s", name);
    }
    char scope[4000];
    memset(scope, 's', sizeof scope - 1);
    scope[sizeof scope - 1] = '\0';
    uint32_t deep = add(graph, scope, "x", "Gemm", in, "channels=1");
    cr_expect_eq(strlen(node(graph, deep)->weights[0].path),
                 sizeof scope - 1 + strlen("/x/weight"));
    graph_destroy(graph);
}

// ---- A published network ----------------------------------------------------------------------

static uint32_t relu_conv_bn(struct graph *graph, const char *scope, uint32_t x, int channels,
                             int stride)
{
    char attributes[128];
    x = add(graph, scope, "", "Relu", x, "");
    snprintf(attributes, sizeof attributes,
             "channels=%d kernel_shape=3,3 strides=%d,%d pads=1,1,1,1", channels, stride, stride);
    x = add(graph, scope, "conv", "Conv", x, attributes);
    return add(graph, scope, "norm", "BatchNormalization", x, "");
}

// Node i of 0..3 is the sum over all j < i of an operation of node j.
static uint32_t nasbench201_cell(struct graph *graph, const char *scope, uint32_t x, int channels)
{
    uint32_t nodes[4] = {x};
    for (int i = 1; i < 4; i++)
        for (int j = 0; j < i; j++) {
            char edge[64];
            snprintf(edge, sizeof edge, "%s/edge/%d-%d", scope, j, i);
            uint32_t y = relu_conv_bn(graph, edge, nodes[j], channels, 1);
            nodes[i] = j == 0 ? y : sum(graph, scope, nodes[i], y);
        }
    return nodes[3];
}

static uint32_t nasbench201_reduction(struct graph *graph, const char *scope, uint32_t x,
                                      int channels)
{
    char part[64], attributes[64];
    snprintf(part, sizeof part, "%s/a", scope);
    uint32_t y = relu_conv_bn(graph, part, x, channels, 2);
    snprintf(part, sizeof part, "%s/b", scope);
    y = relu_conv_bn(graph, part, y, channels, 1);
    snprintf(part, sizeof part, "%s/shortcut", scope);
    snprintf(attributes, sizeof attributes, "channels=%d kernel_shape=1,1", channels);
    x = add(graph, part, "", "AveragePool", x, "kernel_shape=2,2 strides=2,2");
    x = add(graph, part, "conv", "Conv", x, attributes);
    return sum(graph, scope, x, y);
}

// NAS-Bench-201 (Dong and Yang 2020), C = 16, N = 5, every edge nor_conv_3x3, for 10 classes of
// 3x32x32: the benchmark records 1.531546 MB of params and 220.119680 M multiply-adds.
static uint32_t nasbench201(struct graph *graph)
{
    uint32_t x = add(graph, "stem", "conv", "Conv", input(graph, "3x32x32"),
                     "channels=16 kernel_shape=3,3 pads=1,1,1,1");
    x = add(graph, "stem", "norm", "BatchNormalization", x, "");
    for (int stage = 0; stage < 3; stage++) {
        char scope[32];
        if (stage > 0) {
            snprintf(scope, sizeof scope, "reduction/%d", stage);
            x = nasbench201_reduction(graph, scope, x, 16 << stage);
        }
        for (int i = 0; i < 5; i++) {
            snprintf(scope, sizeof scope, "cell/%d", 5 * stage + i);
            x = nasbench201_cell(graph, scope, x, 16 << stage);
        }
    }
    x = add(graph, "head", "norm", "BatchNormalization", x, "");
    x = add(graph, "head", "", "Relu", x, "");
    x = add(graph, "head", "", "GlobalAveragePool", x, "");
    x = add(graph, "head", "", "Flatten", x, "");
    return add(graph, "head", "linear", "Gemm", x, "channels=10");
}

TestLeak(graph, counts_of_nasbench201)
{
    struct graph *graph = graph_create();
    const esp_graph *finished = finish(graph, nasbench201(graph));
    cr_expect_eq(esp_graph_params(finished), 1531546);
    cr_expect_eq(esp_graph_macs(finished), 220119680);
    const esp_graph_node *last = esp_graph_get(finished, esp_graph_output(finished, 0));
    cr_expect_str_eq(print_shape(&last->shape), "10");
    graph_destroy(graph);
}

// ---- Finishing --------------------------------------------------------------------------------

TestLeak(graph, dead_branches_are_removed)
{
    struct graph *graph = graph_create();
    uint32_t in = input(graph, "8");
    uint32_t dead = add(graph, "", "dead", "Gemm", in, "channels=100");
    uint32_t a = add(graph, "", "a", "Gemm", in, "channels=4");
    add(graph, "", "dead_too", "Gemm", dead, "channels=7");
    uint32_t b = add(graph, "", "b", "Relu", a, "");
    add(graph, "", "dead_end", "Tanh", b, "");
    uint32_t c = sum(graph, "", a, b);
    cr_assert_eq(graph_add_output(graph, b, NULL), ESP_OK);
    const esp_graph *finished = finish(graph, c);
    cr_assert_eq(esp_graph_node_count(finished), 4, "input, a, b, Add");
    cr_expect_str_eq(esp_graph_get(finished, 0)->op, "Input");
    cr_expect_str_eq(esp_graph_get(finished, 1)->path, "a");
    cr_expect_str_eq(esp_graph_get(finished, 2)->path, "b");
    cr_expect_eq(esp_graph_get(finished, 1)->inputs[0], 0);
    cr_expect_eq(esp_graph_get(finished, 2)->inputs[0], 1);
    cr_expect_eq(esp_graph_get(finished, 3)->inputs[0], 1);
    cr_expect_eq(esp_graph_get(finished, 3)->inputs[1], 2);
    cr_expect_eq(esp_graph_output_count(finished), 2);
    cr_expect_eq(esp_graph_output(finished, 0), 2);
    cr_expect_eq(esp_graph_output(finished, 1), 3);
    cr_expect_eq(esp_graph_params(finished), 8 * 4 + 4, "of a alone");
    cr_expect_eq(esp_graph_macs(finished), 8 * 4);
    graph_destroy(graph);
}

// An engine is given the network's input, even where nothing depends on it.
Test(graph, inputs_stay)
{
    struct graph *graph = graph_create();
    input(graph, "8");
    uint32_t used = input(graph, "4");
    const esp_graph *finished = finish(graph, add(graph, "", "", "Relu", used, ""));
    cr_expect_eq(esp_graph_node_count(finished), 3);
    graph_destroy(graph);
}

Test(graph, ends)
{
    struct graph *graph = graph_create();
    struct error error;
    uint32_t in = input(graph, "8");
    error_clear(&error);
    cr_expect_eq(graph_finish(graph, &error), ESP_ERROR_MISUSE);
    cr_expect_not_null(strstr(error.message, "no output"), "%s", error.message);
    error_clear(&error);
    cr_expect_eq(graph_add_output(graph, 5, &error), ESP_ERROR_MISUSE);
    finish(graph, add(graph, "", "", "Relu", in, ""));
    cr_expect_eq(try_add(graph, "", "late", "Relu", &in, 1, "", &error), GRAPH_NO_NODE);
    cr_expect_eq(error.status, ESP_ERROR_MISUSE);
    graph_destroy(graph);
}

// ---- JSON and DOT -----------------------------------------------------------------------------

TestLeak(graph, json)
{
    struct graph *graph = graph_create();
    uint32_t x = add(graph, "cell", "conv", "Conv", input(graph, "3x8x8"),
                     "channels=4 kernel_shape=3,3 auto_pad=SAME_UPPER");
    const esp_graph *finished =
        finish(graph, add(graph, "cell", "norm", "BatchNormalization", x, "epsilon=0.25"));
    json_t *json = graph_json(finished);
    const char *op, *path, *weight;
    json_int_t in, size, pad, kernel, trained_params, macs, all_macs, output;
    int trained;
    double epsilon;
    const json_t *nodes = json_object_get(json, "nodes");
    cr_assert_eq(json_array_size(nodes), 3);
    cr_assert_eq(json_unpack(json_array_get(nodes, 1),
                             "{s:s, s:s, s:[I!], s:[I, I, I, I!], s:{s:[I, I!], s:[I, I, I, I!]}, "
                             "s:[{s:s, s:b}!], s:I}",
                             "op", &op, "path", &path, "inputs", &in, "shape", &size, &size, &size,
                             &size, "attributes", "kernel_shape", &kernel, &kernel, "pads", &pad,
                             &pad, &pad, &pad, "weights", "path", &weight, "trained", &trained,
                             "macs", &macs),
                 0);
    cr_expect_str_eq(op, "Conv");
    cr_expect_str_eq(path, "cell/conv");
    cr_expect_str_eq(weight, "cell/conv/weight");
    cr_expect(in == 0 && size == 8 && pad == 1 && kernel == 3 && trained);
    cr_expect_eq(macs, 4 * 8 * 8 * 3 * 9);
    cr_assert_eq(json_unpack(json_array_get(nodes, 2), "{s:{s:f}, s:[{s:b}, {s:b}, {s:b}, {s:b}!]}",
                             "attributes", "epsilon", &epsilon, "weights", "trained", &trained,
                             "trained", &trained, "trained", &trained, "trained", &trained),
                 0);
    cr_expect_eq(epsilon, 0.25);
    cr_expect_not(trained, "the variance");
    cr_assert_eq(json_unpack(json, "{s:[I!], s:I, s:I}", "outputs", &output, "params",
                             &trained_params, "macs", &all_macs),
                 0);
    cr_expect(output == 2 && trained_params == 108 + 8 && all_macs == macs);
    json_decref(json);
    graph_destroy(graph);
}

// What a drawing holds, read line by line: braces balance outside of quotes, the ends of every edge
// are declared before.
struct drawing {
    int nodes, edges, clusters;
    int deepest;
};

static bool declared(const char *text, const char *line, const char *name)
{
    char begin[64];
    snprintf(begin, sizeof begin, "\n%s [", name);
    const char *found = strstr(text, begin);
    return found && found < line;
}

static struct drawing read_drawing(const char *text)
{
    struct drawing drawing = {0};
    int depth = 0;
    bool quoted = false;
    for (const char *at = text; *at; at++) {
        if (*at == '\\' && quoted)
            at++;
        else if (*at == '"')
            quoted = !quoted;
        else if (*at == '{' && !quoted)
            depth++;
        else if (*at == '}' && !quoted)
            cr_expect(--depth > 0 || at[1] == '\n', "closed too early");
        drawing.deepest = depth > drawing.deepest ? depth : drawing.deepest;
    }
    cr_expect_eq(depth, 0, "braces");
    cr_expect_not(quoted, "quotes");
    cr_expect_eq(strncmp(text, "digraph network {\n", 18), 0);
    for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        char from[32], to[32];
        if (sscanf(line, "%31[a-z0-9_] -> %31[a-z0-9_];", from, to) == 2) {
            drawing.edges++;
            cr_expect(declared(text, line, from), "%s", from);
            cr_expect(declared(text, line, to), "%s", to);
        } else if (strncmp(line, "subgraph cluster_", 17) == 0) {
            drawing.clusters++;
        } else if (sscanf(line, "n%31[0-9] [", from) == 1) {
            drawing.nodes++;
        }
    }
    return drawing;
}

static char *draw(const esp_graph *graph, const char *title)
{
    struct error error;
    error_clear(&error);
    char *text = graph_dot(graph, title, &error);
    cr_assert_not_null(text, "%s", error.message);
    return text;
}

TestLeak(graph, dot)
{
    struct graph *graph = graph_create();
    char *text = draw(finish(graph, nasbench201(graph)), "all nor_conv_3x3");
    struct drawing drawing = read_drawing(text);
    // 15 cells of 6 x 3 operators and 3 sums, 2 reductions of 9, a stem of 2, a head of 5, the input.
    cr_expect_eq(drawing.nodes, 15 * 21 + 2 * 9 + 2 + 5 + 1);
    // Two inputs to a sum, one to the others, none to the input; one from the output.
    cr_expect_eq(drawing.edges, drawing.nodes - 1 + 15 * 3 + 2 + 1);
    // A cell with `edge` and its 6, 15 times, and `cell`; `reduction`, 2 with 3 parts; stem; head.
    cr_expect_eq(drawing.clusters, 15 * 8 + 1 + 1 + 2 * 4 + 2);
    cr_expect_eq(drawing.deepest, 5, "cell, its number, edge, the edge, in the graph");
    cr_expect_not_null(strstr(text, "label=\"Conv 3x3\\n32 channels\\nstride 2\\nNx32x16x16\""));
    cr_expect_not_null(strstr(text, "label=\"Gemm\\n10 channels\\nNx10\""));
    free(text);
    graph_destroy(graph);
}

// A scope is one cluster, however its nodes are mixed with others, and names that only begin alike
// are not within each other.
Test(graph, dot_of_mixed_scopes)
{
    struct graph *graph = graph_create();
    uint32_t x = input(graph, "8");
    static const char *const scopes[] = {"a", "b", "a/c", "a-b", "", "a", "b/c", "a/c", "a-b/c"};
    for (size_t i = 0; i < ESP_COUNT(scopes); i++)
        x = add(graph, scopes[i], "", "Relu", x, "");
    char *text = draw(finish(graph, x), "a \"quoted\" title\\");
    struct drawing drawing = read_drawing(text);
    cr_expect_eq(drawing.clusters, 6, "a, a/c, a-b, a-b/c, b, b/c");
    cr_expect_eq(drawing.deepest, 3);
    cr_expect_eq(drawing.nodes, 10);
    free(text);
    graph_destroy(graph);
}
