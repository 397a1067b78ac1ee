// SPDX-License-Identifier: Apache-2.0
// Conv with what stands behind it in a program for evaluation, BatchNormalization, Add, Relu, however
// an engine joins them: against plain loops in double precision and against the same network in a
// program for training; and weights that are written between forwards, through pointers that were
// given long before.
#include "support/leak.h"
#include "support/subject.h"

#include <espalier/plugin.h>

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const void *esp_plugin_entry(uint32_t kind, const char *id);

#define ENGINE esp_plugin_entry(ESP_KIND_ENGINE, ENGINE_UNDER_TEST)
#define BATCH 3

static struct subject subject_of(const char *sketch, bool evaluation, uint64_t seed)
{
    return (struct subject){.engine = ENGINE,
                            .sketch = sketch,
                            .max_batch = BATCH,
                            .evaluation = evaluation,
                            .seed = seed};
}

static void expect_close(const float *got, const double *expected, size_t count, const char *sketch,
                         const char *when)
{
    double scale = 1e-2;
    for (size_t i = 0; i < count; i++)
        scale = fmax(scale, fabs(expected[i]));
    for (size_t i = 0; i < count; i++)
        cr_assert_lt(fabs((double)got[i] - expected[i]), 1e-5 * scale,
                     "%s\n  %s, [%zu]: got %.9g, expected %.9g", sketch, when, i, (double)got[i],
                     expected[i]);
}

// All outputs of the last forward against the loops' with the weights that the program has now.
static void compare(struct subject *s, const char *when)
{
    static const char *const names[] = {"0", "1"};
    const esp_graph *graph = graph_handle(s->graph);
    struct reference *reference = subject_reference(s, s->batch, false);
    reference_forward(reference);
    for (uint64_t o = 0; o < esp_graph_output_count(graph); o++) {
        const struct reference_node *node = &reference->nodes[esp_graph_output(graph, o)];
        expect_close(subject_tensor(s, ESP_TENSOR_OUTPUT, names[o]), node->value, node->size,
                     s->sketch, when);
    }
    reference_destroy(reference);
}

// Every kind of Conv; what follows each takes its place at %s.
static const char *const convolutions[] = {
    "Conv x channels=16 kernel_shape=3,3 pads=1,1,1,1",
    "Conv x channels=16 kernel_shape=3,3 pads=1,1,1,1 bias=1",
    "Conv x channels=16 kernel_shape=1,1",
    "Conv x channels=16 kernel_shape=1,1 strides=2,2 bias=1",
    "Conv x channels=11 kernel_shape=3,1 pads=1,0,1,0",
    "Conv x channels=40 kernel_shape=5,5 pads=2,2,2,2 strides=2,2 bias=1",
    "Conv x channels=16 kernel_shape=3,3 pads=2,2,2,2 dilations=2,2",
    "Conv x channels=16 kernel_shape=3,3 group=16 pads=1,1,1,1",
    "Conv x channels=16 kernel_shape=3,3 group=16 pads=1,1,1,1 strides=2,2 bias=1",
    "Conv x channels=16 kernel_shape=3,3 group=16 pads=2,2,2,2 dilations=2,2",
    "Conv x channels=32 kernel_shape=3,3 group=16 pads=1,1,1,1",
    "Conv x channels=32 kernel_shape=3,3 group=2 pads=1,1,1,1 bias=1",
    "Conv x channels=12 kernel_shape=3,3 group=4 pads=1,1,1,1",
};

static const char *const behind[] = {
    "y = BatchNormalization c",
    "y = BatchNormalization c affine=0",
    "n = BatchNormalization c; y = Relu n",
    "y = Relu c",
    "n = BatchNormalization c; d = Tanh c; y = Add n d", // read twice: not joined
    "n = BatchNormalization c; e = %s; y = Add n e",
    "e = %s; n = BatchNormalization c; a = Add e n; y = Relu a; out y e", // what is added is read again
    "e = %s; d = Tanh e; n = BatchNormalization c; a = Add d n; y = Relu a",
};

// "... c = CONV; ..." with the conv at each %s.
static void write_sketch(char *out, size_t size, const char *conv, const char *rest)
{
    const char *place = strstr(rest, "%s");
    int length = snprintf(out, size, "i = Input 16x6x7; x = Relu i; c = %s; %.*s%s%s", conv,
                          place ? (int)(place - rest) : (int)strlen(rest), rest, place ? conv : "",
                          place ? place + 2 : "");
    cr_assert(length > 0 && (size_t)length < size);
}

TestLeak(folding, every_conv_with_what_stands_behind_it)
{
    for (size_t c = 0; c < ESP_COUNT(convolutions); c++)
        for (size_t b = 0; b < ESP_COUNT(behind); b++) {
            char sketch[512];
            write_sketch(sketch, sizeof sketch, convolutions[c], behind[b]);
            struct subject s = subject_of(sketch, true, 10 * c + b);
            subject_open(&s);
            subject_forward(&s, BATCH, false);
            compare(&s, "the first forward");
            subject_forward(&s, 2, false);
            compare(&s, "a smaller batch");
            subject_close(&s);
        }
}

// A Conv whose own input is added to it, at once and through an operator that copies nothing.
TestLeak(folding, what_is_added_is_read_by_the_conv_as_well)
{
    static const char *const sketches[] = {
        "i = Input 16x5x5; x = Relu i; c = Conv x channels=16 kernel_shape=3,3 pads=1,1,1,1; "
        "n = BatchNormalization c; y = Add n x",
        "i = Input 16x5x5; x = Relu i; d = Identity x; c = Conv x channels=16 kernel_shape=3,3 "
        "pads=1,1,1,1; n = BatchNormalization c; a = Add d n; y = Relu a",
        "i = Input 16x5x5; x = Relu i; c = Conv x channels=16 kernel_shape=3,3 group=16 "
        "pads=1,1,1,1; n = BatchNormalization c; a = Add x n; y = Relu a",
        // The first Conv reads rows, and what is added lies in blocks.
        "i = Input 3x5x5; b = Conv i channels=16 kernel_shape=1,1; c = Conv i channels=16 "
        "kernel_shape=3,3 pads=1,1,1,1; n = BatchNormalization c; a = Add b n; y = Relu a",
    };
    for (size_t i = 0; i < ESP_COUNT(sketches); i++) {
        struct subject s = subject_of(sketches[i], true, i);
        subject_open(&s);
        subject_forward(&s, BATCH, false);
        compare(&s, "the first forward");
        subject_close(&s);
    }
}

// ---- Weights that change --------------------------------------------------------------------------

#define NETWORK                                                                                    \
    "i = Input 3x8x8; a = Conv i channels=16 kernel_shape=3,3 pads=1,1,1,1; "                      \
    "b = BatchNormalization a; c = Relu b; d = Conv c channels=16 kernel_shape=3,3 group=16 "      \
    "pads=1,1,1,1; e = BatchNormalization d; f = Conv e channels=16 kernel_shape=1,1 bias=1; "     \
    "g = BatchNormalization f affine=0; h = Add g c; j = Relu h; k = Conv j channels=20 "          \
    "kernel_shape=3,3 strides=2,2 bias=1; l = GlobalAveragePool k; m = Flatten l; "                \
    "y = Gemm m channels=5"

static const char *const weights[] = {
    "a/weight",   "b/scale",  "b/bias", "b/mean", "b/variance", "d/weight", "e/scale",
    "e/variance", "f/weight", "f/bias", "g/mean", "k/weight",   "k/bias",   "y/weight"};

// One number of one weight at a time, the first or the last, through pointers of before the first
// forward: the next forward has it.
TestLeak(folding, the_smallest_change_of_a_weight_is_seen)
{
    struct subject s = subject_of(NETWORK, true, 5);
    float *data[ESP_COUNT(weights)];
    uint64_t sizes[ESP_COUNT(weights)];
    subject_open(&s);
    for (size_t i = 0; i < ESP_COUNT(weights); i++) {
        esp_tensor tensor;
        cr_assert_eq(s.engine->tensor(s.program, &s.call, ESP_TENSOR_WEIGHT, weights[i], &tensor),
                     ESP_OK, "%s: %s", weights[i], s.error.message);
        data[i] = tensor.data;
        sizes[i] = esp_shape_size(&tensor.shape);
    }
    float before[5 * BATCH];
    subject_forward(&s, BATCH, false);
    compare(&s, "the first forward");
    for (size_t i = 0; i < ESP_COUNT(weights); i++)
        for (int last = 0; last < 2; last++) {
            memcpy(before, subject_tensor(&s, ESP_TENSOR_OUTPUT, "0"), sizeof before);
            data[i][last ? sizes[i] - 1 : 0] += 0.5f;
            // Another batch in between keeps nothing that is old either.
            subject_forward(&s, 1, false);
            compare(&s, weights[i]);
            subject_forward(&s, BATCH, false);
            compare(&s, weights[i]);
            cr_assert_neq(memcmp(before, subject_tensor(&s, ESP_TENSOR_OUTPUT, "0"), sizeof before),
                          0, "%s changed, the output did not", weights[i]);
        }
    // The same weights again, the same bits.
    memcpy(before, subject_tensor(&s, ESP_TENSOR_OUTPUT, "0"), sizeof before);
    subject_forward(&s, BATCH, false);
    cr_assert_arr_eq(before, subject_tensor(&s, ESP_TENSOR_OUTPUT, "0"), sizeof before);
    subject_close(&s);
}

static void copy_weights(struct subject *from, struct subject *to)
{
    const esp_graph *graph = graph_handle(from->graph);
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++) {
        const esp_graph_node *node = esp_graph_get(graph, i);
        for (uint64_t j = 0; j < node->weight_count; j++)
            memcpy(subject_tensor(to, ESP_TENSOR_WEIGHT, node->weights[j].path),
                   subject_tensor(from, ESP_TENSOR_WEIGHT, node->weights[j].path),
                   esp_shape_size(&node->weights[j].shape) * sizeof(float));
    }
}

static void train(struct subject *s, uint64_t step)
{
    esp_optimizer sgd = {.struct_size = sizeof sgd,
                         .kind = ESP_OPTIMIZER_SGD,
                         .learning_rate = 0.05,
                         .momentum = 0.9,
                         .step = step};
    subject_forward(s, BATCH, true);
    subject_backward(s);
    cr_assert_eq(s->engine->apply(s->program, &s->call, &sgd), ESP_OK);
}

// A training is judged now and then, by itself and by a program for evaluation of its weights, and goes
// on: neither keeps anything of the weights of before.
TestLeak(folding, a_training_that_is_judged_and_goes_on)
{
    struct subject training = subject_of(NETWORK, false, 6), judged = subject_of(NETWORK, true, 6);
    subject_open(&training);
    subject_open(&judged);
    for (uint64_t step = 1; step <= 4; step++) {
        train(&training, step);
        copy_weights(&training, &judged);
        subject_forward(&training, BATCH, false);
        compare(&training, "a training's own evaluation");
        subject_forward(&judged, BATCH, false);
        compare(&judged, "a program for evaluation");
    }
    subject_close(&training);
    subject_close(&judged);
}

// What is no number comes through a Conv, a normalization and a Relu that are computed as one.
TestLeak(folding, what_is_no_number_stays_none)
{
    for (size_t c = 0; c < ESP_COUNT(convolutions); c++) {
        char sketch[512];
        write_sketch(sketch, sizeof sketch, convolutions[c], behind[2]);
        struct subject s = subject_of(sketch, true, c);
        subject_open(&s);
        s.inputs[0][0] = NAN;
        subject_forward(&s, 1, false);
        const struct esp_graph_node *node =
            esp_graph_get(graph_handle(s.graph), esp_graph_output(graph_handle(s.graph), 0));
        const float *y = subject_tensor(&s, ESP_TENSOR_OUTPUT, "0");
        bool seen = false;
        for (uint64_t i = 0; i < esp_shape_size(&node->shape); i++)
            seen = seen || isnan(y[i]);
        cr_assert(seen, "%s: NaN vanished", sketch);
        subject_close(&s);
    }
}
