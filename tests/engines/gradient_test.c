// SPDX-License-Identifier: Apache-2.0
// Every operator against plain loops in double precision: outputs, kept activations, running
// statistics; and the gradients of weights, inputs and kept activations against central differences.
// In the training and the evaluation form, with all activations kept and with none (where operators
// work in place and share buffers).
#include "support/leak.h"
#include "support/subject.h"

#include <espalier/plugin.h>

#include <criterion/criterion.h>
#include <math.h>

const void *esp_plugin_entry(uint32_t kind, const char *id);

// At most so many elements of a tensor are differenced, spread over it.
#ifdef SUPPORT_LEAK_WATCHED // slow, and what the differences say does not hang on the sanitizers
#define MOST_ELEMENTS 10
#else
#define MOST_ELEMENTS 60
#endif
#define TOLERANCE 2e-4

static const char *const sketches[] = {
    // Convolutions.
    "x = Input 3x6x7; y = Conv x channels=4 kernel_shape=3,3 pads=1,1,1,1",
    "x = Input 3x6x7; y = Conv x channels=4 kernel_shape=3,3 bias=1",
    "x = Input 3x7x9; y = Conv x channels=5 kernel_shape=3,3 strides=2,2 pads=1,1,1,1 bias=1",
    "x = Input 2x8x9; y = Conv x channels=3 kernel_shape=3,2 strides=1,3 pads=0,1,2,0",
    "x = Input 2x9x8; y = Conv x channels=3 kernel_shape=3,3 dilations=2,2 pads=2,2,2,2",
    "x = Input 2x9x9; y = Conv x channels=3 kernel_shape=3,3 dilations=2,3 strides=2,1 "
    "pads=1,3,2,2",
    "x = Input 4x6x6; y = Conv x channels=6 kernel_shape=3,3 group=2 pads=1,1,1,1 bias=1",
    "x = Input 4x6x6; y = Conv x channels=8 kernel_shape=3,3 group=4 strides=2,2 pads=1,1,1,1",
    "x = Input 5x6x7; y = Conv x channels=4 kernel_shape=1,1",
    "x = Input 5x6x7; y = Conv x channels=4 kernel_shape=1,1 bias=1 strides=2,2",
    "x = Input 5x3x3; y = Conv x channels=4 kernel_shape=1,1 pads=1,0,1,2",
    "x = Input 4x6x6; y = Conv x channels=6 kernel_shape=1,1 group=2",
    "x = Input 2x4x4; y = Conv x channels=3 kernel_shape=4,4 bias=1",
    "x = Input 2x3x3; y = Conv x channels=3 kernel_shape=5,5 pads=2,2,2,2",
    "x = Input 2x9x9; y = Conv x channels=2 kernel_shape=1,7 pads=0,3,0,3",
    "x = Input 2x9x9; y = Conv x channels=2 kernel_shape=7,1 strides=2,1 pads=3,0,3,0",
    // Wide ones: more than one block of every size.
    "x = Input 3x5x40; y = Conv x channels=18 kernel_shape=3,3 pads=1,1,1,1",
    "x = Input 17x6x7; y = Conv x channels=33 kernel_shape=3,3 pads=1,1,1,1",
    "x = Input 6x5x6; y = Conv x channels=5 kernel_shape=3,3 pads=1,1,1,1 bias=1",
    "x = Input 8x8x9; y = Conv x channels=6 kernel_shape=3,3 strides=2,1 pads=1,0,1,1 group=2",
    "x = Input 5x9x14; y = Conv x channels=4 kernel_shape=3,2 dilations=2,3 pads=2,1,2,2 "
    "strides=1,2",
    "x = Input 4x12x12; y = Conv x channels=5 kernel_shape=3,3 strides=2,2 pads=1,1,1,1",
    "x = Input 4x17x18; y = Conv x channels=3 kernel_shape=4,2 strides=3,3 pads=1,2,0,1",
    "x = Input 4x12x12; y = Conv x channels=3 kernel_shape=1,1 strides=2,2",
    // Depthwise.
    "x = Input 4x6x7; y = Conv x channels=4 kernel_shape=3,3 group=4 pads=1,1,1,1",
    "x = Input 4x6x7; y = Conv x channels=4 kernel_shape=3,3 group=4 pads=1,1,1,1 strides=2,2 "
    "bias=1",
    "x = Input 3x9x8; y = Conv x channels=3 kernel_shape=5,3 group=3 pads=2,0,1,2 strides=3,2",
    "x = Input 3x9x9; y = Conv x channels=3 kernel_shape=3,3 group=3 pads=2,2,2,2 dilations=2,2",
    "x = Input 2x4x40; y = Conv x channels=2 kernel_shape=5,5 group=2 pads=2,2,2,2",
    "x = Input 2x3x3; y = Conv x channels=2 kernel_shape=3,3 group=2 pads=3,3,3,3 strides=4,4",
    "x = Input 2x9x9; y = Conv x channels=2 kernel_shape=2,2 group=2 strides=4,5",
    // Normalization.
    "x = Input 3x4x5; y = BatchNormalization x",
    "x = Input 3x4x5; y = BatchNormalization x affine=0",
    "x = Input 5; y = BatchNormalization x",
    "x = Input 2x3x3; y = BatchNormalization x epsilon=0.1 momentum=0.3",
    "x = Input 2x5x7; a = BatchNormalization x; y = Relu a",
    "x = Input 2x6x6; a = Conv x channels=3 kernel_shape=3,3; b = BatchNormalization a; y = Relu b",
    "x = Input 2x6x6; a = BatchNormalization x; b = Relu a; y = Add a b",
    "x = Input 2x6x6; a = BatchNormalization x; b = Relu a; c = Sigmoid a; y = Add b c",
    "x = Input 2x6x6; a = BatchNormalization x; b = Relu a; y = Add x b",
    "x = Input 2x4x4; a = BatchNormalization x; b = Relu a; y = Conv b channels=2 kernel_shape=3,3;"
    "out y b",
    "x = Input 2x4x4; a = BatchNormalization x; b = Relu a; out b a",
    // Activations.
    "x = Input 2x4x5; y = Relu x",
    "x = Input 2x4x5; y = Sigmoid x",
    "x = Input 2x4x5; y = Tanh x",
    "x = Input 2x4x5; y = LeakyRelu x alpha=0.2",
    "x = Input 2x4x5; y = LeakyRelu x alpha=-0.5",
    "x = Input 2x4x5; y = Elu x alpha=1.3",
    "x = Input 2x4x5; y = Clip x min=-0.5 max=0.8",
    "x = Input 2x4x5; y = HardSigmoid x alpha=0.7 beta=0.4",
    "x = Input 3x10x10; y = HardSwish x",
    "x = Input 3x10x10; y = Swish x",
    "x = Input 3x10x10; y = Gelu x",
    "x = Input 2x4x4; a = Conv x channels=2 kernel_shape=3,3; b = Swish a; c = Gelu b; d = Elu c; "
    "e = HardSwish d; y = LeakyRelu e",
    "x = Input 2x4x4; a = Relu x; b = Clip a min=-0.5 max=6; c = Swish b; y = Add a c",
    "x = Input 2x4x4; a = Relu x; b = Sigmoid a; c = Tanh b; y = Identity c",
    "x = Input 2x4x4; a = Conv x channels=2 kernel_shape=3,3; b = Sigmoid a; c = Relu b; y = Tanh "
    "c",
    // Pools.
    "x = Input 2x6x7; y = MaxPool x kernel_shape=2,2 strides=2,2",
    "x = Input 2x6x7; y = MaxPool x kernel_shape=3,3 pads=1,1,1,1",
    "x = Input 2x7x6; y = MaxPool x kernel_shape=3,3 strides=2,2 pads=1,1,1,1",
    "x = Input 2x8x8; y = MaxPool x kernel_shape=3,3 strides=2,2 pads=0,0,1,1",
    "x = Input 2x8x8; y = AveragePool x kernel_shape=3,3 strides=2,2 pads=0,0,1,1",
    "x = Input 2x7x6; y = AveragePool x kernel_shape=2,3 strides=2,1 pads=0,1,1,0",
    "x = Input 2x7x6; y = MaxPool x kernel_shape=3,2 strides=2,1 pads=0,1,1,0 ceil_mode=1",
    "x = Input 2x9x9; y = MaxPool x kernel_shape=3,3 dilations=2,2 pads=2,2,2,2",
    "x = Input 1x3x40; y = MaxPool x kernel_shape=3,3 pads=1,1,1,1",
    "x = Input 2x6x7; y = AveragePool x kernel_shape=2,2 strides=2,2",
    "x = Input 2x6x7; y = AveragePool x kernel_shape=3,3 pads=1,1,1,1",
    "x = Input 2x6x7; y = AveragePool x kernel_shape=3,3 pads=1,1,1,1 count_include_pad=1",
    "x = Input 2x6x8; y = AveragePool x kernel_shape=3,3 strides=2,2 ceil_mode=1",
    "x = Input 2x6x8; y = AveragePool x kernel_shape=3,3 strides=2,2 pads=1,0,1,1 ceil_mode=1 "
    "count_include_pad=1",
    "x = Input 1x9x9; y = AveragePool x kernel_shape=3,3 dilations=2,2 pads=2,2,2,2",
    "x = Input 1x3x40; y = AveragePool x kernel_shape=3,3 pads=1,1,1,1",
    "x = Input 3x4x5; y = GlobalAveragePool x",
    // Where there is one place, the stride may be of any size.
    "x = Input 2x4x4; y = MaxPool x kernel_shape=3,3 strides=16777216,16777216",
    "x = Input 4x4x4; y = Conv x channels=3 kernel_shape=3,3 strides=16777216,2 dilations=1,1",
    // Linear layers, and what moves elements.
    "x = Input 6; y = Gemm x channels=4",
    "x = Input 6; y = Gemm x channels=4 bias=0",
    "x = Input 40; y = Gemm x channels=35",
    "x = Input 2x3x4; a = Flatten x; y = Gemm a channels=3",
    "x = Input 3x4x5; a = GlobalAveragePool x; b = Flatten a; y = Gemm b channels=4",
    "x = Input 2x3x3; a = Relu x; b = Tanh x; y = Add a b",
    "x = Input 2x3x3; y = Add x x",
    "x = Input 2x3x3; a = Relu x; b = Add a a; y = Add b a",
    "x = Input 2x3x3; a = Relu x; b = Conv x channels=3 kernel_shape=1,1; y = Concat a b x",
    "x = Input 2x3x3; a = Sigmoid x; y = Concat a x axis=2",
    "x = Input 2x3x3; a = Sigmoid x; y = Concat a x a axis=-1",
    "x = Input 4; a = Relu x; y = Concat a x",
    "x = Input 2x3x3; y = Concat x",
    "x = Input 2x3x3; a = Conv x channels=3 kernel_shape=1,1; b = None a; c = Tanh a; y = Add b c",
    "x = Input 2x3x3; y = None x",
    "x = Input 2x3x3; a = Identity x; b = Identity a; c = Relu b; y = Add a c",
    "x = Input 2x3x3; a = Conv x channels=2 kernel_shape=1,1; b = Identity a; c = Relu b; d = Tanh "
    "a;"
    "y = Add c d",
    "x = Input 2x5x4; a = Conv x channels=3 kernel_shape=1,1; b = None a stride=2; "
    "c = Conv a channels=3 kernel_shape=3,3 strides=2,2 pads=1,1,1,1; y = Add b c",
    "x = Input 2x3x3; y = Mul x x",
    "x = Input 2x3x3; a = Sigmoid x; b = Conv x channels=2 kernel_shape=1,1; y = Mul a b",
    "x = Input 3x4x5; a = GlobalAveragePool x; b = Sigmoid a; y = Mul x b",
    "x = Input 3x4x5; z = Input 3x1x1; a = Tanh x; b = Mul a z; c = Add a b; y = Mul c z",
    "x = Input 5; a = Tanh x; y = Mul x a",
    "x = Input 3x1x1; a = Tanh x; y = Mul x a",
    "x = Input 3x5x6; y = Slice x starts=1,1 ends=9,9 axes=2,3",
    "x = Input 5x3x4; y = Slice x starts=1, ends=4, axes=1,",
    "x = Input 5x6x7; a = Tanh x; b = Slice a starts=1,0,2 ends=4,6,7 axes=1,2,3 steps=2,3,2; "
    "c = Slice a starts=0,3,1 ends=4,5,6 axes=1,2,3 steps=2,1,2; y = Add b c",
    "x = Input 6; y = Slice x starts=-4, ends=-1, axes=-1, steps=2,",
    "x = Input 2x3x4x5; y = Slice x starts=1,1 ends=3,4 axes=2,4 steps=1,2",
    "x = Input 1x5x1; y = Slice x starts=0,1 ends=1,9 axes=3,2 steps=3,2",
    "x = Input 3x6x7; a = Relu x; b = Slice a starts=1,1 ends=9,9 axes=2,3; "
    "c = Conv a channels=2 kernel_shape=1,1 strides=2,2; "
    "d = Conv b channels=2 kernel_shape=1,1 strides=2,2 pads=0,0,1,1; y = Concat c d",
    "x = Input 3x4x5; y = Pad x pads=0,0,1,2,0,0,3,0",
    "x = Input 3x4x5; a = Sigmoid x; b = Pad a pads=0,1,0,0,0,2,0,0; c = Pad a "
    "pads=0,2,0,0,0,1,0,0 value=-0.5; d = Mul b c; y = Concat d a",
    "x = Input 4; y = Pad x pads=0,1,0,2 value=0.5",
    "x = Input 2x3x4x5; y = Pad x pads=0,1,0,1,2,0,0,0,1,1",
    "x = Input 3x4x5; y = Pad x pads=0,0,0,0,0,0,0,0",
    // Along axes.
    "x = Input 3x4x5; y = Mul x x; out y",
    "x = Input 3x4x5; z = Input 1x4x5; a = Tanh x; y = Mul a z",
    "x = Input 3x4x5; z = Input 3x1x5; y = Mul z x",
    "x = Input 3x1x5; z = Input 1x4x1; a = Sigmoid x; b = Tanh z; c = Mul a b; d = Mul b c; out d "
    "a",
    "x = Input 1x1x1; z = Input 3x4x5; y = Mul x z",
    "x = Input 1; z = Input 7; y = Mul z x",
    "x = Input 2x3x1x4; z = Input 2x1x5x4; y = Mul x z",
    "x = Input 3x4x5; y = Softmax x",
    "x = Input 3x4x5; y = Softmax x axis=1",
    "x = Input 3x4x5; a = Relu x; b = Softmax a axis=2; y = Add a b",
    "x = Input 17; a = Gemm x channels=9; y = Softmax a",
    "x = Input 3x4x5; a = Conv x channels=2 kernel_shape=1,1; b = Softmax a axis=3; y = Tanh b",
    "x = Input 1; y = Softmax x",
    "x = Input 3x4x5; y = LayerNormalization x",
    "x = Input 3x4x5; y = LayerNormalization x axis=1 epsilon=0.1",
    "x = Input 3x4x5; a = Tanh x; b = LayerNormalization a axis=2 affine=0; y = Add a b",
    "x = Input 19; a = Gemm x channels=6; b = LayerNormalization a; y = Relu b",
    "x = Input 3x4x5; y = Reshape x shape=0,5,12",
    "x = Input 3x4x5; a = Relu x; b = Reshape a shape=0,-1; c = Gemm b channels=3; out c a",
    "x = Input 3x4x5; a = Conv x channels=3 kernel_shape=1,1; b = Reshape a shape=0,0,20; c = "
    "Sigmoid b; d = Reshape c shape=-1,3,4,5; y = Mul d x",
    "x = Input 3x4x5; y = Transpose x perm=0,2,3,1",
    "x = Input 3x4x5; a = Tanh x; b = Transpose a perm=0,3,2,1; c = Transpose b perm=0,3,1,2; d = "
    "Transpose a perm=0,1,3,2; y = Add c d",
    "x = Input 2x3x4x2x3; y = Transpose x perm=0,3,1,5,2,4",
    "x = Input 6; y = Transpose x perm=0,1",
    "x = Input 1x5x1; y = Transpose x perm=0,3,2,1",
    // Channel shuffle (Zhang et al. 2018).
    "x = Input 6x2x3; a = Conv x channels=6 kernel_shape=1,1 group=3; b = Reshape a shape=0,3,2,6; "
    "c = Transpose b perm=0,2,1,3; d = Reshape c shape=0,6,2,3; y = Conv d channels=6 "
    "kernel_shape=1,1 group=3",
    "x = Input 3x4x5; y = ReduceMean x axes=2,3",
    "x = Input 3x4x5; y = ReduceMean x axes=1, keepdims=0",
    "x = Input 3x4x5; a = Sigmoid x; b = ReduceMean a axes=1,3; c = ReduceMean a axes=2,; y = Mul "
    "b c",
    "x = Input 3x4x5; y = ReduceMean x axes=1,2,3 keepdims=0",
    "x = Input 7; y = ReduceMean x axes=-1,",
    "x = Input 3x4; z = Input 4x5; y = MatMul x z",
    "x = Input 2x3x4; z = Input 2x4x3; a = MatMul x z; b = MatMul z x; c = MatMul a x; out c b",
    "x = Input 4x4; a = Tanh x; y = MatMul a a",
    "x = Input 1x1; z = Input 1x3; y = MatMul x z",
    "x = Input 3x4x5; y = GlobalMaxPool x",
    "x = Input 3x4x5; a = Tanh x; b = GlobalMaxPool a; y = Mul a b",
    // Attention (Vaswani et al. 2017): two heads of five places, and what stands around it.
    "x = Input 6x5; n = LayerNormalization x; r = Reshape n shape=0,2,3,5; q = Transpose r "
    "perm=0,1,3,2; s = MatMul q r; w = Softmax s; v = MatMul r w; m = Reshape v shape=0,6,5; a = "
    "Add m x; p = ReduceMean a axes=2, keepdims=0; y = Gemm p channels=3",
    // Dropout: its mask is drawn as the reference draws it.
    "x = Input 2x4x5; y = Dropout x ratio=0.4",
    "x = Input 2x4x5; a = Conv x channels=2 kernel_shape=1,1; b = Dropout a; c = Sigmoid b; y = "
    "Tanh c",
    "x = Input 2x4x5; a = Relu x; b = Dropout a ratio=0.3; c = Dropout b ratio=0.3; y = Add a c",
    "x = Input 2x4x5; y = DropPath x ratio=0.5",
    "x = Input 7; a = Gemm x channels=3; y = DropPath a",
    "x = Input 2x4x5; a = Conv x channels=2 kernel_shape=1,1; b = DropPath a ratio=0.6; c = "
    "Sigmoid "
    "b; y = Tanh c",
    "x = Input 2x4x5; a = Relu x; b = DropPath a ratio=0.6; c = DropPath b ratio=0.4; y = Add a c",
    // Several outputs, one of them an inner one; several inputs.
    "x = Input 2x4x4; a = Conv x channels=3 kernel_shape=3,3 pads=1,1,1,1; b = Relu a; c = Tanh b; "
    "out c a",
    "x = Input 2x4x4; a = Relu x; b = Sigmoid a; out b b",
    "x = Input 2x4x4; out x",
    "x = Input 2x3x3; z = Input 2x3x3; a = Conv z channels=2 kernel_shape=1,1; y = Add x a",
    "x = Input 2x4x4; a = Conv x channels=2 kernel_shape=3,3; b = Flatten a; c = Identity b; "
    "d = Gemm c channels=2; out d c",
    // A cell: branches that meet, twice.
    "x = Input 2x6x6; a = Conv x channels=4 kernel_shape=3,3 pads=1,1,1,1; b = BatchNormalization "
    "a; "
    "c = Sigmoid b; d = MaxPool c kernel_shape=3,3 pads=1,1,1,1; e = AveragePool c "
    "kernel_shape=3,3 "
    "pads=1,1,1,1; f = Add d e; g = Conv f channels=4 kernel_shape=3,3 group=4 pads=1,1,1,1; "
    "h = Conv g channels=4 kernel_shape=1,1; i = BatchNormalization h; j = Add i c; k = Relu j; "
    "l = Concat k f; m = GlobalAveragePool l; n = Flatten m; y = Gemm n channels=3",
};

// The largest magnitude, so that a difference is measured by the tensor's own scale.
static double scale_of(const double *values, size_t count)
{
    double largest = 1e-2;
    for (size_t i = 0; i < count; i++)
        largest = fabs(values[i]) > largest ? fabs(values[i]) : largest;
    return largest;
}

static void compare_exactly(const struct subject *subject, const char *name, const float *got,
                            const double *expected, size_t size)
{
    double scale = scale_of(expected, size);
    for (size_t i = 0; i < size; i++)
        cr_assert_lt(fabs((double)got[i] - expected[i]), 1e-5 * scale,
                     "%s\n  %s[%zu]: got %.9g, expected %.9g", subject->sketch, name, i,
                     (double)got[i], expected[i]);
}

// After the reference's forward.
static void compare_forward(struct subject *subject, const struct reference *reference)
{
    static const char *const numbers[] = {"0", "1"};
    for (uint64_t o = 0; o < esp_graph_output_count(reference->graph); o++) {
        const struct reference_node *out = &reference->nodes[esp_graph_output(reference->graph, o)];
        compare_exactly(subject, "output", subject_tensor(subject, ESP_TENSOR_OUTPUT, numbers[o]),
                        out->value, out->size);
    }
    for (uint32_t i = 0; i < reference->count; i++) {
        const struct reference_node *node = &reference->nodes[i];
        const char *path = node->node->path;
        if (subject->keep_all)
            compare_exactly(subject, path, subject_tensor(subject, ESP_TENSOR_ACTIVATION, path),
                            node->value, node->size);
        for (uint64_t j = 0; j < node->node->weight_count; j++) {
            const esp_weight *weight = &node->node->weights[j];
            if (weight->role == ESP_WEIGHT_STATE)
                compare_exactly(
                    subject, weight->path, subject_tensor(subject, ESP_TENSOR_WEIGHT, weight->path),
                    reference->training ? node->moved[j] : node->weights[j], node->weight_sizes[j]);
        }
    }
}

struct comparison {
    struct subject *subject;
    struct reference *reference;
    bool training;
};

// `place`: the tensor in the reference, a weight or an input; NULL: the output of `node`.
static void compare(const struct comparison *c, const char *name, const float *got, uint32_t node,
                    double *place, size_t size)
{
    const float *const *gradients = (const float *const *)c->subject->gradients;
    double expected[MOST_ELEMENTS];
    size_t step = size / MOST_ELEMENTS + 1, count = 0;
    for (size_t i = 0; i < size; i += step)
        expected[count++] = place ? reference_slope(c->reference, gradients, &place[i])
                                  : reference_slope_of(c->reference, gradients, node, i);
    double scale = scale_of(expected, count);
    for (size_t i = 0; i < count; i++)
        cr_assert_lt(fabs((double)got[i * step] - expected[i]), TOLERANCE * scale,
                     "%s (%s)\n  gradient of %s[%zu]: got %.9g, expected %.9g", c->subject->sketch,
                     c->training ? "training" : "evaluation", name, i * step, (double)got[i * step],
                     expected[i]);
}

static void compare_weights(const struct comparison *c)
{
    for (uint32_t i = 0; i < c->reference->count; i++) {
        struct reference_node *node = &c->reference->nodes[i];
        for (uint64_t j = 0; j < node->node->weight_count; j++) {
            const esp_weight *weight = &node->node->weights[j];
            if (weight->role == ESP_WEIGHT_TRAINED)
                compare(c, weight->path,
                        subject_tensor(c->subject, ESP_TENSOR_GRADIENT, weight->path), i,
                        node->weights[j], node->weight_sizes[j]);
        }
    }
}

static void compare_values(const struct comparison *c)
{
    static const char *const numbers[] = {"0", "1"};
    uint64_t inputs = 0;
    for (uint32_t i = 0; i < c->reference->count; i++) {
        struct reference_node *node = &c->reference->nodes[i];
        const char *path = node->node->path;
        if (strcmp(node->node->op, "Input") == 0) {
            compare(c, path, subject_tensor(c->subject, ESP_TENSOR_INPUT_GRADIENT, numbers[inputs]),
                    i, node->value, node->size);
            inputs++;
        }
        if (c->subject->keep_all)
            compare(c, path, subject_tensor(c->subject, ESP_TENSOR_ACTIVATION_GRADIENT, path), i,
                    NULL, node->size);
    }
}

static void check(const char *sketch, bool keep_all, bool training, uint64_t batch)
{
    struct subject subject = {.engine = esp_plugin_entry(ESP_KIND_ENGINE, ENGINE_UNDER_TEST),
                              .sketch = sketch,
                              .max_batch = 4,
                              .input_gradient = true,
                              .keep_all = keep_all,
                              .progress = 0.75,
                              .seed = 5};
    subject_open(&subject);
    // Taken before the forward moves the running statistics.
    struct reference *reference = subject_reference(&subject, batch, training);
    struct comparison comparison = {&subject, reference, training};
    subject_forward(&subject, batch, training);
    reference_forward(reference);
    compare_forward(&subject, reference);
    subject_backward(&subject);
    compare_weights(&comparison);
    compare_values(&comparison);
    reference_destroy(reference);
    subject_close(&subject);
}

TestLeak(gradient, training_form)
{
    for (size_t i = 0; i < ESP_COUNT(sketches); i++)
        check(sketches[i], false, true, 4);
}

TestLeak(gradient, training_form_with_all_activations_kept)
{
    for (size_t i = 0; i < ESP_COUNT(sketches); i++)
        check(sketches[i], true, true, 3);
}

TestLeak(gradient, evaluation_form)
{
    for (size_t i = 0; i < ESP_COUNT(sketches); i++)
        check(sketches[i], false, false, 3);
}

TestLeak(gradient, evaluation_form_with_all_activations_kept)
{
    for (size_t i = 0; i < ESP_COUNT(sketches); i++)
        check(sketches[i], true, false, 4);
}
