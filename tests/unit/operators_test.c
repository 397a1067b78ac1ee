// SPDX-License-Identifier: Apache-2.0
// Operators: shapes, weights, params and multiply-adds of each over a table of cases, and what is
// refused and in what words.
#include "graph/graph.h"

#include "support/hand.h"
#include "support/leak.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

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
    {"GlobalMaxPool", "", "64x8x4", "64x1x1", 0, 0, NULL},
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
    {"LayerNormalization", "", "16x8x4", "16x8x4", 8, 0, NULL},
    {"LayerNormalization", "axis=1 epsilon=1e-6", "16x8x4", "16x8x4", 1024, 0, NULL},
    {"LayerNormalization", "axis=-2 affine=0", "16x8x4", "16x8x4", 0, 0, NULL},
    // Along axes.
    {"Softmax", "", "16x8x4", "16x8x4", 0, 0, NULL},
    {"Softmax", "axis=-3", "16x8x4", "16x8x4", 0, 0, NULL},
    {"Reshape", "shape=0,4,-1,8", "16x8x4", "4x16x8", 0, 0, NULL},
    {"Reshape", "shape=-1,512", "16x8x4", "512", 0, 0, NULL},
    {"Reshape", "shape=0,0,32", "16x8x4", "16x32", 0, 0, NULL},
    {"Reshape", "shape=0,2,2,2,4,-1", "16x8x4", "2x2x2x4x16", 0, 0, NULL},
    {"Transpose", "perm=0,3,1,2", "16x8x4", "4x16x8", 0, 0, NULL},
    {"Transpose", "perm=0,1", "16", "16", 0, 0, NULL},
    {"ReduceMean", "axes=2,3", "16x8x4", "16x1x1", 0, 0, NULL},
    {"ReduceMean", "axes=-1,1 keepdims=0", "16x8x4", "8", 0, 0, NULL},
    {"ReduceMean", "axes=3,1,2 keepdims=0", "16x8x4", "", 0, 0, NULL},
    {"MatMul", "", "8x4 4x6", "8x6", 0, 192, NULL},
    {"MatMul", "", "2x3x8x4 2x3x4x6", "2x3x8x6", 0, 1152, NULL},
    // One to one.
    {"Relu", "", "16x8x8", "16x8x8", 0, 0, NULL},
    {"Sigmoid", "", "16x8", "16x8", 0, 0, NULL},
    {"Tanh", "", "16", "16", 0, 0, NULL},
    {"LeakyRelu", "alpha=0.2", "16x8x8", "16x8x8", 0, 0, NULL},
    {"Elu", "", "16", "16", 0, 0, NULL},
    {"Clip", "min=0 max=6", "16x8x8", "16x8x8", 0, 0, NULL},
    {"HardSigmoid", "alpha=0.5 beta=1", "16x8", "16x8", 0, 0, NULL},
    {"HardSwish", "", "16x8x8", "16x8x8", 0, 0, NULL},
    {"Swish", "", "16x8x8", "16x8x8", 0, 0, NULL},
    {"Gelu", "", "16", "16", 0, 0, NULL},
    {"Identity", "", "16x8x8", "16x8x8", 0, 0, NULL},
    {"None", "", "16x8x8", "16x8x8", 0, 0, NULL},
    {"None", "stride=1", "16", "16", 0, 0, NULL},
    {"None", "stride=2", "16x8x7", "16x4x4", 0, 0, NULL},
    {"None", "stride=3", "16x7x1", "16x3x1", 0, 0, NULL},
    {"Dropout", "ratio=0.2", "16x8x8", "16x8x8", 0, 0, NULL},
    {"Dropout", "ratio=0", "16", "16", 0, 0, NULL},
    {"DropPath", "ratio=0.3", "16x8x8", "16x8x8", 0, 0, NULL},
    {"DropPath", "", "16", "16", 0, 0, NULL},
    // Ends of axes.
    {"Slice", "starts=1,1 ends=9,9 axes=2,3", "4x8x7", "4x7x6", 0, 0, NULL},
    {"Slice", "starts=0, ends=5, axes=1,", "16x8x8", "5x8x8", 0, 0, NULL},
    {"Slice", "starts=-3, ends=9223372036854775807, axes=-1,", "4x8x7", "4x8x3", 0, 0, NULL},
    {"Slice", "starts=-9223372036854775807, ends=-1, axes=2,", "4x8x7", "4x7x7", 0, 0, NULL},
    {"Slice", "starts=1,0 ends=8,7 axes=2,3 steps=3,2", "4x8x7", "4x3x4", 0, 0, NULL},
    {"Slice", "starts=2, ends=4, axes=1,", "7", "2", 0, 0, NULL},
    {"Pad", "pads=0,0,0,0,0,0,0,0", "4x8x7", "4x8x7", 0, 0, NULL},
    {"Pad", "pads=0,1,2,3,0,4,5,6", "4x8x7", "9x15x16", 0, 0, NULL},
    {"Pad", "pads=0,0,0,3 value=1.5 mode=constant", "4", "7", 0, 0, NULL},
    // Several inputs.
    {"Add", "", "16x8x8 16x8x8", "16x8x8", 0, 0, NULL},
    {"Mul", "", "16x8x8 16x8x8", "16x8x8", 0, 0, NULL},
    {"Mul", "", "16x8x8 16x1x1", "16x8x8", 0, 0, NULL},
    {"Mul", "", "16 16", "16", 0, 0, NULL},
    {"Mul", "", "16x8x8 1x8x8", "16x8x8", 0, 0, NULL},
    {"Mul", "", "16x1x8 1x4x1", "16x4x8", 0, 0, NULL},
    {"Mul", "", "16x1x1 16x8x8", "16x8x8", 0, 0, NULL},
    {"Mul", "", "1 16", "16", 0, 0, NULL},
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
        inputs[count++] = hand_input(graph, shape);
    return count;
}

TestLeak(operators, shapes_params_macs)
{
    for (size_t i = 0; i < ESP_COUNT(cases); i++) {
        const struct operator_case *this = &cases[i];
        struct graph *graph = graph_create();
        struct error error;
        uint32_t inputs[8];
        uint64_t count = add_inputs(graph, this->inputs, inputs);
        uint32_t index =
            hand_try_add(graph, "", "x", this->op, inputs, count, this->attributes, &error);
        cr_assert_neq(index, GRAPH_NO_NODE, "%s %s: %s", this->op, this->attributes, error.message);
        const esp_graph *finished = hand_finish(graph, index);
        const esp_graph_node *result = esp_graph_get(finished, esp_graph_output(finished, 0));
        cr_expect_eq(result->shape.dims[0], ESP_BATCH);
        cr_expect_str_eq(hand_shape(&result->shape), this->output, "%s %s", this->op,
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
Test(operators, defaults)
{
    struct graph *graph = graph_create();
    uint32_t image = hand_input(graph, "4x8x8");
    const esp_graph_node *pool =
        hand_node(graph, hand_add(graph, "", "a", "AveragePool", image, "kernel_shape=2,2"));
    cr_expect_eq(esp_graph_attribute(pool, "strides")->ints[1], 1);
    cr_expect_eq(esp_graph_attribute(pool, "dilations")->ints[0], 1);
    cr_expect_eq(esp_graph_attribute(pool, "count_include_pad")->integer, 0);
    cr_expect_eq(esp_graph_attribute(pool, "ceil_mode")->integer, 0);
    cr_expect_null(esp_graph_attribute(pool, "group"));
    const esp_graph_node *norm =
        hand_node(graph, hand_add(graph, "", "b", "BatchNormalization", image, ""));
    cr_expect_eq(esp_graph_attribute(norm, "epsilon")->real, 1e-5);
    cr_expect_eq(esp_graph_attribute(norm, "momentum")->real, 0.9);
    cr_expect_eq(esp_graph_attribute(
                     hand_node(graph, hand_add(graph, "", "c", "Dropout", image, "")), "ratio")
                     ->real,
                 0.5);
    // An integer where a number belongs.
    norm = hand_node(graph, hand_add(graph, "", "d", "BatchNormalization", image, "momentum=1"));
    cr_expect_eq(esp_graph_attribute(norm, "momentum")->real, 1.0);
    graph_destroy(graph);
}

static void expect_weight(const esp_graph_node *of, uint64_t i, const char *path, const char *shape,
                          uint32_t role, uint32_t init)
{
    cr_assert_lt(i, of->weight_count);
    cr_expect_str_eq(of->weights[i].path, path);
    cr_expect_str_eq(of->weights[i].name, strrchr(path, '/') + 1);
    cr_expect_str_eq(hand_shape(&of->weights[i].shape), shape, "%s", path);
    cr_expect_eq(of->weights[i].role, role, "%s", path);
    cr_expect_eq(of->weights[i].init, init, "%s", path);
}

Test(operators, weights)
{
    struct graph *graph = graph_create();
    uint32_t image = hand_input(graph, "4x8x8");
    uint32_t conv = hand_add(graph, "cell/0", "conv", "Conv", image,
                             "channels=6 kernel_shape=3,5 group=2 bias=1");
    uint32_t norm = hand_add(graph, "", "norm", "BatchNormalization", conv, "");
    uint32_t flat = hand_add(graph, "", "", "Flatten", norm, "");
    uint32_t linear = hand_add(graph, "head", "linear", "Gemm", flat, "channels=10");
    cr_expect_str_eq(hand_node(graph, conv)->path, "cell/0/conv");
    expect_weight(hand_node(graph, conv), 0, "cell/0/conv/weight", "6x2x3x5", ESP_WEIGHT_TRAINED,
                  ESP_INIT_KAIMING_NORMAL);
    expect_weight(hand_node(graph, conv), 1, "cell/0/conv/bias", "6", ESP_WEIGHT_TRAINED,
                  ESP_INIT_ZEROS);
    expect_weight(hand_node(graph, norm), 0, "norm/scale", "6", ESP_WEIGHT_TRAINED, ESP_INIT_ONES);
    expect_weight(hand_node(graph, norm), 1, "norm/bias", "6", ESP_WEIGHT_TRAINED, ESP_INIT_ZEROS);
    expect_weight(hand_node(graph, norm), 2, "norm/mean", "6", ESP_WEIGHT_STATE, ESP_INIT_ZEROS);
    expect_weight(hand_node(graph, norm), 3, "norm/variance", "6", ESP_WEIGHT_STATE, ESP_INIT_ONES);
    expect_weight(hand_node(graph, linear), 0, "head/linear/weight", "10x144", ESP_WEIGHT_TRAINED,
                  ESP_INIT_KAIMING_UNIFORM);
    expect_weight(hand_node(graph, linear), 1, "head/linear/bias", "10", ESP_WEIGHT_TRAINED,
                  ESP_INIT_ZEROS);
    norm = hand_add(graph, "", "plain", "BatchNormalization", conv, "affine=0");
    cr_expect_eq(hand_node(graph, norm)->weight_count, 2);
    expect_weight(hand_node(graph, norm), 0, "plain/mean", "6", ESP_WEIGHT_STATE, ESP_INIT_ZEROS);
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
    {"SoftMax", "", "3x8x8", "there is no operator 'SoftMax'|did you mean 'Softmax'?"},
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
    {"DropPath", "ratio=1", "8", "ratio"},
    {"Clip", "min=2 max=1.5", "8", "min: expected at most max, got 2 and 1.5"},
    {"Swish", "beta=1", "8", "no attribute 'beta'"},
    {"None", "stride=0", "8x4x4", "stride|got 0"},
    {"None", "stride=2", "8", "Nx8|4 dimensions"},
    {"Mul", "", "16x8x8 16x8x7", "shapes Nx16x8x8 and Nx16x8x7|equal sizes, or of 1"},
    {"Mul", "", "16x8x8 8x8", "shapes Nx16x8x8 and Nx8x8"},
    {"Mul", "", "16 2", "shapes Nx16 and Nx2"},
    {"Mul", "", "16", "expected 2 inputs, got 1"},
    {"Slice", "", "4x8x8", "needs the attributes starts and ends"},
    {"Slice", "starts=1,", "4x8x8", "needs the attributes starts and ends"},
    {"Slice", "starts=1, ends=2,", "4x8x8", "axes: expected one of 1 to 3|got 0"},
    {"Slice", "starts=1, ends=2, axes=4,", "4x8x8", "axes: expected|got 4"},
    {"Slice", "starts=1, ends=2, axes=-4,", "4x8x8", "axes: expected|got -4"},
    {"Slice", "starts=1, ends=2, axes=9,", "4x8x8", "axes|got 9"},
    {"Slice", "starts=1, ends=2,3 axes=2,", "4x8x8", "ends: expected 1 numbers|got 2"},
    {"Slice", "starts=1,1 ends=2,3 axes=2,-2", "4x8x8", "axes: 2 is given twice"},
    {"Slice", "starts=3, ends=3, axes=2,", "4x8x8", "from 3 to 3 of the 8 of axis 2 nothing"},
    {"Slice", "starts=8, ends=9, axes=2,", "4x8x8", "from 8 to 9 of the 8 of axis 2 nothing"},
    {"Slice", "starts=7, ends=0, axes=2, steps=-1,", "4x8x8", "steps|got -1"},
    {"Pad", "", "4x8x8", "pads: expected 8 numbers|got 0"},
    {"Pad", "pads=1,1", "4x8x8", "pads: expected 8 numbers|got 2"},
    {"Pad", "pads=0,0,0,0,1,0,0,0", "4x8x8", "0 for the batch, got 0 and 1"},
    {"Pad", "pads=0,-1,0,0", "4", "pads|got -1"},
    {"Pad", "pads=0,0,0,0 mode=reflect", "4", "mode: expected one of constant, got 'reflect'"},
    {"Concat", "axis=1", "16x8x8 16x8x7", "inputs 0 and 1|Nx16x8x8 and Nx16x8x7|axis 1 alone"},
    {"Concat", "axis=2", "16x8x8 16x8x7", "axis 2 alone"},
    {"Concat", "axis=1", "16x8x8 16x8x8 16", "inputs 0 and 2"},
    {"Concat", "axis=0", "16x8x8 16x8x8", "axis: expected one of 1 to 3|batch|got 0"},
    {"Concat", "axis=4", "16x8x8 16x8x8", "got 4"},
    {"Concat", "axis=-4", "16x8x8 16x8x8", "got -4"},
    {"Concat", "", "", "expected 1 input or more, got 0"},
    {"Softmax", "axis=0", "16x8x8", "Nx16x8x8|axis: expected one of 1 to 3|batch|got 0"},
    {"Softmax", "axis=-4", "16x8x8", "axis: expected|got -4"},
    {"Softmax", "axis=4", "16x8x8", "axis: expected|got 4"},
    {"Softmax", "axis=9", "16x8x8", "axis|got 9"},
    {"LayerNormalization", "axis=0", "16x8x8", "Nx16x8x8|axis: expected one of 1 to 3|got 0"},
    {"LayerNormalization", "epsilon=0", "16x8x8", "epsilon|got 0"},
    {"LayerNormalization", "affine=2", "16x8x8", "affine|0 to 1|got 2"},
    {"Reshape", "", "16x8x8", "Nx16x8x8|shape: expected 1 to 6 numbers, the first 0"},
    {"Reshape", "shape=2,512", "16x8x8", "expected 0 for the batch, got 2"},
    {"Reshape", "shape=0,1000", "16x8x8", "Nx16x8x8|a sample has 1024 numbers|1000"},
    {"Reshape", "shape=0,3,-1", "16x8x8", "1024 numbers, which are not a multiple of 3"},
    {"Reshape", "shape=0,-1,-1", "16x8x8", "-1 is given twice"},
    {"Reshape", "shape=-1,-1,8", "16x8x8", "-1 is given twice"},
    {"Reshape", "shape=-1,512", "16x8x8", "1024 numbers|512"},
    {"Reshape", "shape=0,-2", "16x8x8", "shape|got -2"},
    {"Reshape", "shape=0,2,2,2,0,-1", "16x8x8", "number 4 is 0|no axis 4"},
    {"Reshape", "shape=0,1,1,1,1,1,1024", "16x8x8", "1 to 6 numbers"},
    {"Reshape", "shape=0,16777216,16777216,16777216", "16x8x8", "too large"},
    {"Transpose", "", "16x8x8", "needs the attribute perm"},
    {"Transpose", "perm=1,0,2,3", "16x8x8", "0, the batch, first, got 1"},
    {"Transpose", "perm=0,2,1", "16x8x8", "Nx16x8x8|perm: expected 4 numbers|got 3"},
    {"Transpose", "perm=0,2,2,1", "16x8x8", "each of 0 to 3 once, got 2 again"},
    {"Transpose", "perm=0,2,4,1", "16x8x8", "each of 0 to 3 once, got 4"},
    {"Transpose", "perm=0,2,-1,1", "16x8x8", "perm|got -1"},
    {"ReduceMean", "", "16x8x8", "needs the attribute axes"},
    {"ReduceMean", "axes=0,", "16x8x8", "Nx16x8x8|axes: expected one of 1 to 3|got 0"},
    {"ReduceMean", "axes=2,-2", "16x8x8", "axes: 2 is given twice"},
    {"ReduceMean", "axes=2, keepdims=2", "16x8x8", "keepdims|got 2"},
    {"MatMul", "", "8x4 3x6", "shapes Nx8x4 and Nx3x6|[N, ..., M, K] and [N, ..., K, P]"},
    {"MatMul", "", "2x8x4 3x4x6", "shapes Nx2x8x4 and Nx3x4x6"},
    {"MatMul", "", "2x8x4 4x6", "shapes Nx2x8x4 and Nx4x6"},
    {"MatMul", "", "8 8", "shapes Nx8 and Nx8"},
    {"MatMul", "", "8x4", "expected 2 inputs, got 1"},
    {"MatMul", "", "1000000x10000000 10000000x1000000", "2^53 multiply-adds"},
    {"GlobalMaxPool", "", "64", "Nx64|4 dimensions"},
    {"Choice", "path=op names=a|b", "16x8x8 16x8x4", "Nx16x8x8 and Nx16x8x4"},
};

// The shapes of the first inputs, as the message has them: with N for the batch.
static void expect_shapes(const struct refusal *refusal, const char *message)
{
    char shapes[256], *rest = shapes, *shape, expected[64];
    snprintf(shapes, sizeof shapes, "%s", refusal->inputs);
    for (int i = 0; i < 4 && (shape = strtok_r(rest, " ", &rest)) != NULL; i++) {
        snprintf(expected, sizeof expected, "%s Nx%s", i ? "," : " of", shape);
        cr_expect_not_null(strstr(message, expected), "no \"%s\" in: %s", expected, message);
    }
}

Test(operators, refusals)
{
    for (size_t i = 0; i < ESP_COUNT(refusals); i++) {
        const struct refusal *this = &refusals[i];
        struct graph *graph = graph_create();
        struct error error;
        uint32_t inputs[8];
        uint64_t count = add_inputs(graph, this->inputs, inputs);
        uint64_t before = esp_graph_node_count(graph_handle(graph));
        uint32_t index =
            hand_try_add(graph, "cell", "x", this->op, inputs, count, this->attributes, &error);
        cr_expect_eq(index, GRAPH_NO_NODE, "%s %s was taken", this->op, this->attributes);
        cr_expect_eq(error.status, ESP_ERROR_INVALID, "%s %s", this->op, this->attributes);
        cr_expect_not_null(strstr(error.message, "'cell/x'"), "no path: %s", error.message);
        expect_shapes(this, error.message);
        char words[256], *rest = words;
        memcpy(words, this->words, strlen(this->words) + 1);
        for (char *word; (word = strtok_r(rest, "|", &rest)) != NULL;)
            cr_expect_not_null(strstr(error.message, word), "no \"%s\" in: %s", word,
                               error.message);
        cr_expect_eq(esp_graph_node_count(graph_handle(graph)), before);
        graph_destroy(graph);
    }
}

// An operator that takes a node that is not there yet, itself among them, would close a cycle.
Test(operators, cycles)
{
    static const struct {
        uint32_t inputs[2];
        const char *words;
    } rows[] = {
        {{0, 2}, "Add 'cell/x' of Nx3x8x8: input 1 is node 2, and there are 2 before it"},
        {{1, 3}, "Add 'cell/x' of Nx3x8x8: input 1 is node 3|earlier nodes alone"},
        {{2, 2}, "Add 'cell/x': input 0 is node 2|a cycle"},
        {{GRAPH_NO_NODE, 0}, "Add 'cell/x': input 0 is node 4294967295"},
    };
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        struct graph *graph = graph_create();
        struct error error;
        uint32_t image = hand_input(graph, "3x8x8");
        hand_add(graph, "", "before", "Relu", image, "");
        cr_expect_eq(hand_try_add(graph, "cell", "x", "Add", rows[i].inputs, 2, "", &error),
                     GRAPH_NO_NODE);
        cr_expect_eq(error.status, ESP_ERROR_MISUSE);
        char words[256], *rest = words;
        snprintf(words, sizeof words, "%s", rows[i].words);
        for (char *word; (word = strtok_r(rest, "|", &rest)) != NULL;)
            cr_expect_not_null(strstr(error.message, word), "no \"%s\" in: %s", word,
                               error.message);
        cr_expect_eq(esp_graph_node_count(graph_handle(graph)), 2);
        graph_destroy(graph);
    }
}

// Attributes come from plugins: what has no size, no name or no numbers is no crash.
Test(operators, malformed_attributes)
{
    struct graph *graph = graph_create();
    uint32_t image = hand_input(graph, "3x8x8");
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
Test(operators, attributes_of_a_newer_plugin)
{
    struct {
        esp_attribute attribute;
        int64_t more;
    } rows[2] = {{esp_attribute_int("channels", 5), -1}, {esp_attribute_int("bias", 0), -1}};
    struct graph *graph = graph_create();
    struct error error;
    uint32_t row = hand_input(graph, "8");
    rows[0].attribute.struct_size = rows[1].attribute.struct_size = sizeof rows[0];
    error_clear(&error);
    uint32_t index =
        graph_add(graph, "", "x", "Gemm", &row, 1, &rows[0].attribute, 2, sizeof rows[0], &error);
    cr_assert_neq(index, GRAPH_NO_NODE, "%s", error.message);
    cr_expect_eq(hand_node(graph, index)->weight_count, 1);
    cr_expect_eq(hand_node(graph, index)->shape.dims[1], 5);
    graph_destroy(graph);
}

Test(operators, refused_inputs)
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
