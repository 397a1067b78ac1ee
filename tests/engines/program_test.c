// SPDX-License-Identifier: Apache-2.0
// What a program promises beside its numbers: tensors by name, several backwards after one forward,
// the same bits whatever ran before and whatever batch it was compiled for, memory, Dropout's
// streams. What is refused is graphs_test.c.
#include "support/leak.h"
#include "support/subject.h"

#include <espalier/plugin.h>

#include <criterion/criterion.h>
#include <malloc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const void *esp_plugin_entry(uint32_t kind, const char *id);

#define ENGINE esp_plugin_entry(ESP_KIND_ENGINE, ENGINE_UNDER_TEST)

// A bit of everything, with two outputs.
#define CELL                                                                                       \
    "x = Input 3x14x14; a = Conv x channels=8 kernel_shape=3,3 pads=1,1,1,1; "                     \
    "b = BatchNormalization a; c = Relu b; d = MaxPool c kernel_shape=3,3 pads=1,1,1,1; "          \
    "e = AveragePool c kernel_shape=3,3 pads=1,1,1,1; f = Add d e; "                               \
    "g = Conv f channels=8 kernel_shape=3,3 group=8 strides=2,2 pads=1,1,1,1; "                    \
    "h = Conv g channels=16 kernel_shape=1,1 bias=1; i = BatchNormalization h; j = Relu i; "       \
    "k = Dropout j ratio=0.25; l = Conv f channels=16 kernel_shape=3,3 strides=2,2 pads=1,1,1,1; " \
    "m = Add k l; n = GlobalAveragePool m; o = Flatten n; p = Gemm o channels=5; "                 \
    "q = Flatten l; r = Gemm q channels=3; out p r"

// What openblas promises beyond an engine's duty: the same bits whatever is kept, of a sample whatever
// its batch is, and of a program for evaluation and one for training. Others choose other kernels then.
static bool same_bits(void)
{
    return strcmp(ENGINE_UNDER_TEST, "openblas") == 0;
}

static void expect_equal_or_close(const float *got, const float *expected, size_t count,
                                  const char *what)
{
    double scale = 1e-2;
    for (size_t i = 0; i < count; i++)
        scale = fmax(scale, fabs((double)expected[i]));
    if (same_bits())
        cr_assert_arr_eq(got, expected, count * sizeof(float), "%s", what);
    for (size_t i = 0; i < count; i++)
        cr_assert_lt(fabs((double)got[i] - (double)expected[i]), 1e-5 * scale,
                     "%s: [%zu] is %.9g, not %.9g", what, i, (double)got[i], (double)expected[i]);
}

static size_t bytes_of(uint64_t floats)
{
    return floats * sizeof(float);
}

// ---- Everything that a step leaves behind, as one block ------------------------------------------

struct state {
    float *data;
    uint64_t count;
};

static void put(struct state *state, const float *data, uint64_t count)
{
    state->data = realloc(state->data, bytes_of(state->count + count) + 1);
    cr_assert(state->data);
    memcpy(state->data + state->count, data, bytes_of(count));
    state->count += count;
}

static struct state take_state(struct subject *s)
{
    static const char *const numbers[] = {"0", "1"};
    const esp_graph *graph = graph_handle(s->graph);
    struct state state = {0};
    for (uint64_t o = 0; o < esp_graph_output_count(graph); o++)
        put(&state, subject_tensor(s, ESP_TENSOR_OUTPUT, numbers[o]),
            s->batch * esp_shape_size(&esp_graph_get(graph, esp_graph_output(graph, o))->shape));
    if (s->input_gradient)
        put(&state, subject_tensor(s, ESP_TENSOR_INPUT_GRADIENT, "0"),
            s->batch * esp_shape_size(&esp_graph_get(graph, 0)->shape));
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++) {
        const esp_graph_node *node = esp_graph_get(graph, i);
        for (uint64_t j = 0; j < node->weight_count; j++) {
            const esp_weight *weight = &node->weights[j];
            uint64_t size = esp_shape_size(&weight->shape);
            put(&state, subject_tensor(s, ESP_TENSOR_WEIGHT, weight->path), size);
            if (weight->role == ESP_WEIGHT_TRAINED)
                put(&state, subject_tensor(s, ESP_TENSOR_GRADIENT, weight->path), size);
        }
    }
    return state;
}

static void expect_same(struct state *a, struct state *b, const char *what)
{
    cr_assert_eq(a->count, b->count);
    for (uint64_t i = 0; i < a->count; i++)
        cr_assert(memcmp(&a->data[i], &b->data[i], sizeof(float)) == 0, "%s: [%llu] %.9g and %.9g",
                  what, (unsigned long long)i, (double)a->data[i], (double)b->data[i]);
    free(a->data);
    free(b->data);
}

static void apply(struct subject *s, uint64_t step)
{
    esp_optimizer sgd = {.struct_size = sizeof sgd,
                         .kind = ESP_OPTIMIZER_SGD,
                         .nesterov = 1,
                         .learning_rate = 0.05,
                         .momentum = 0.9,
                         .step = step};
    cr_assert_eq(s->engine->apply(s->program, &s->call, &sgd), ESP_OK);
}

static void train(struct subject *s, uint64_t batch, uint64_t steps)
{
    for (uint64_t step = 1; step <= steps; step++) {
        s->random.counter[1] = step;
        subject_forward(s, batch, true);
        subject_backward(s);
        apply(s, step);
    }
}

static struct subject cell(uint64_t max_batch)
{
    return (struct subject){.engine = ENGINE,
                            .sketch = CELL,
                            .max_batch = max_batch,
                            .input_gradient = true,
                            .seed = 3};
}

// ---- The same bits ------------------------------------------------------------------------------

TestLeak(program, other_programs_leave_no_trace)
{
    struct subject alone = cell(8), after = cell(8);
    struct subject other = {
        .engine = ENGINE,
        .sketch = "x = Input 5x19x19; a = Conv x channels=33 kernel_shape=5,5 pads=2,2,2,2; "
                  "b = MaxPool a kernel_shape=2,2 strides=2,2; y = BatchNormalization b",
        .max_batch = 3};
    subject_open(&alone);
    train(&alone, 8, 3);
    struct state expected = take_state(&alone);
    subject_close(&alone);

    subject_open(&other);
    train(&other, 3, 2);
    subject_open(&after);
    for (uint64_t step = 1; step <= 3; step++) {
        after.random.counter[1] = step;
        subject_forward(&after, 8, true);
        train(&other, 2, 1);
        subject_backward(&after);
        train(&other, 3, 1);
        apply(&after, step);
    }
    subject_close(&other);
    struct state got = take_state(&after);
    expect_same(&got, &expected, "after other programs");
    subject_close(&after);
}

TestLeak(program, the_compiled_batch_does_not_matter)
{
    struct subject tight = cell(5), loose = cell(64);
    // The inputs are drawn one after the other: the first 5 of 64 are the 5.
    subject_open(&tight);
    subject_open(&loose);
    const uint64_t batches[] = {5, 2};
    for (size_t i = 0; i < ESP_COUNT(batches); i++) {
        train(&tight, batches[i], 2);
        train(&loose, batches[i], 2);
        struct state a = take_state(&tight), b = take_state(&loose);
        expect_same(&a, &b, "compiled for 5 and for 64");
    }
    subject_close(&tight);
    subject_close(&loose);
}

TestLeak(program, what_is_kept_does_not_matter)
{
    struct subject none = cell(6), all = cell(6);
    all.keep_all = true;
    subject_open(&none);
    subject_open(&all);
    train(&none, 6, 3);
    train(&all, 6, 3);
    struct state a = take_state(&none), b = take_state(&all);
    expect_same(&a, &b, "none kept and all kept");
    subject_close(&none);
    subject_close(&all);
}

// The kept tensors of `one` equal those of `all`, where every node is kept.
static void expect_same_kept(struct subject *one, struct subject *all, uint32_t which)
{
    uint64_t size = 0;
    const esp_graph *graph = graph_handle(one->graph);
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++)
        if (strcmp(esp_graph_get(graph, i)->path, one->keep) == 0)
            size = one->batch * esp_shape_size(&esp_graph_get(graph, i)->shape);
    expect_equal_or_close(subject_tensor(one, which, one->keep),
                          subject_tensor(all, which, one->keep), size, one->keep);
}

static void keep_each_alone(const char *sketch, bool evaluation)
{
    struct subject all = {.engine = ENGINE,
                          .sketch = sketch,
                          .max_batch = 3,
                          .evaluation = evaluation,
                          .keep_all = true,
                          .seed = 4};
    subject_open(&all);
    subject_forward(&all, 3, !evaluation);
    if (!evaluation)
        subject_backward(&all);
    const esp_graph *graph = graph_handle(all.graph);
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++) {
        struct subject one = {.engine = ENGINE,
                              .sketch = sketch,
                              .max_batch = 3,
                              .evaluation = evaluation,
                              .keep = esp_graph_get(graph, i)->path,
                              .seed = 4};
        subject_open(&one);
        subject_forward(&one, 3, !evaluation);
        expect_same_kept(&one, &all, ESP_TENSOR_ACTIVATION);
        if (!evaluation) {
            subject_backward(&one);
            expect_same_kept(&one, &all, ESP_TENSOR_ACTIVATION_GRADIENT);
        }
        subject_close(&one);
    }
    subject_close(&all);
}

// What is read from outside is neither overwritten nor computed otherwise, whichever it is of those
// that work in place, lie in the memory of others or are computed with others.
TestLeak(program, each_node_may_be_kept_alone)
{
    static const char *const sketches[] = {
        CELL,
        ("x = Input 2x5x5; a = Conv x channels=2 kernel_shape=1,1; b = BatchNormalization a; "
         "c = Relu b; d = Sigmoid c; e = Identity d; f = Tanh e; g = Dropout f; h = Identity g; "
         "i = Identity h; j = Relu i; k = Flatten j; l = Gemm k channels=3; m = Relu l"),
        ("x = Input 2x5x5; a = Relu x; b = Relu a; c = Identity a; d = Relu c; e = Add b d; "
         "f = BatchNormalization e; g = Relu f; h = Relu g; i = Add g h; j = Identity i"),
        ("x = Input 2x5x5; a = Tanh x; b = DropPath a; c = Slice b starts=1,1 ends=5,5 axes=2,3; "
         "d = Pad c pads=0,0,1,0,0,0,0,1; e = Mul b d; f = GlobalAveragePool e; g = Mul e f; "
         "h = DropPath g; i = None h stride=2"),
        ("x = Input 2x5x5; a = Relu x; b = Swish a; c = Gelu b; d = Relu c; e = Elu d; "
         "f = LeakyRelu e; g = HardSwish f; h = Sigmoid g; i = HardSigmoid h; j = Clip i max=0.8"),
    };
    for (size_t i = 0; i < ESP_COUNT(sketches); i++) {
        keep_each_alone(sketches[i], false);
        keep_each_alone(sketches[i], true);
    }
}

// In evaluation a sample's result is its own.
TestLeak(program, samples_are_evaluated_one_by_one)
{
    struct subject s = cell(9);
    s.evaluation = true;
    s.input_gradient = false;
    subject_open(&s);
    subject_forward(&s, 9, false);
    float whole[9 * 5];
    memcpy(whole, subject_tensor(&s, ESP_TENSOR_OUTPUT, "0"), sizeof whole);
    float *inputs = s.inputs[0];
    for (int i = 0; i < 9; i++) {
        s.inputs[0] = inputs + i * 3 * 14 * 14;
        subject_forward(&s, 1, false);
        expect_equal_or_close(subject_tensor(&s, ESP_TENSOR_OUTPUT, "0"), whole + 5 * i, 5,
                              "a sample alone");
    }
    s.inputs[0] = inputs;
    subject_close(&s);
}

// A program for evaluation, where buffers are shared otherwise and maxima keep no places, gives the
// bits of one for training.
TestLeak(program, evaluation_programs_compute_the_same)
{
    struct subject training = cell(4), evaluation = cell(4);
    evaluation.evaluation = true;
    evaluation.input_gradient = false;
    subject_open(&training);
    subject_open(&evaluation);
    subject_forward(&training, 4, false);
    subject_forward(&evaluation, 4, false);
    expect_equal_or_close(subject_tensor(&evaluation, ESP_TENSOR_OUTPUT, "0"),
                          subject_tensor(&training, ESP_TENSOR_OUTPUT, "0"), 20, "output 0");
    expect_equal_or_close(subject_tensor(&evaluation, ESP_TENSOR_OUTPUT, "1"),
                          subject_tensor(&training, ESP_TENSOR_OUTPUT, "1"), 12, "output 1");
    subject_close(&training);
    subject_close(&evaluation);
}

// ---- Several backwards --------------------------------------------------------------------------

TestLeak(program, backward_may_be_repeated_and_is_set_not_added)
{
    struct subject s = cell(4);
    s.keep_all = true;
    subject_open(&s);
    subject_forward(&s, 4, true);
    subject_backward(&s);
    struct state both = take_state(&s);
    subject_backward_of(&s, 0);
    struct state first = take_state(&s);
    subject_backward_of(&s, 1);
    struct state second = take_state(&s);
    bool differ = false;
    // Outputs and the weights themselves come first in none of the sums: only what differs is added.
    for (uint64_t i = 0; i < both.count; i++) {
        float sum = first.data[i] + second.data[i];
        bool fixed = both.data[i] == first.data[i] && both.data[i] == second.data[i];
        cr_assert(fixed || fabsf(both.data[i] - sum) < 1e-3f * (1.0f + fabsf(sum)),
                  "[%llu]: %g of both, %g and %g of one", (unsigned long long)i,
                  (double)both.data[i], (double)first.data[i], (double)second.data[i]);
        differ = differ || !fixed;
    }
    cr_assert(differ);
    subject_backward(&s);
    struct state again = take_state(&s);
    expect_same(&again, &both, "the same backward again");
    subject_backward_of(&s, 0);
    again = take_state(&s);
    expect_same(&again, &first, "the first output alone again");
    free(second.data);
    subject_close(&s);
}

TestLeak(program, no_gradient_and_the_same_output_twice)
{
    struct subject s = cell(4);
    subject_open(&s);
    subject_forward(&s, 4, true);
    cr_assert_eq(s.engine->backward(s.program, &s.call, NULL, 0, sizeof(esp_output_gradient)),
                 ESP_OK);
    const float *g = subject_tensor(&s, ESP_TENSOR_GRADIENT, "a/weight");
    for (int i = 0; i < 8 * 3 * 9; i++)
        cr_assert_eq(g[i], 0.0f);
    esp_output_gradient twice[2] = {{sizeof twice[0], 0, s.gradients[0]},
                                    {sizeof twice[0], 0, s.gradients[0]}};
    subject_backward_of(&s, 0);
    float once[5], doubled[5];
    memcpy(once, subject_tensor(&s, ESP_TENSOR_GRADIENT, "p/bias"), sizeof once);
    cr_assert_eq(s.engine->backward(s.program, &s.call, twice, 2, sizeof twice[0]), ESP_OK);
    memcpy(doubled, subject_tensor(&s, ESP_TENSOR_GRADIENT, "p/bias"), sizeof doubled);
    for (int i = 0; i < 5; i++)
        cr_assert_float_eq(doubled[i], 2.0f * once[i], 1e-5);
    subject_close(&s);
}

// ---- Names --------------------------------------------------------------------------------------

TestLeak(program, tensors_have_the_shapes_of_their_names)
{
    struct subject s = cell(6);
    s.keep_all = true;
    subject_open(&s);
    subject_forward(&s, 4, true);
    subject_backward(&s);
    static const struct {
        uint32_t which;
        const char *name;
        uint32_t rank;
        int64_t dims[4];
    } rows[] = {
        {ESP_TENSOR_WEIGHT, "h/weight", 4, {16, 8, 1, 1}},
        {ESP_TENSOR_GRADIENT, "g/weight", 4, {8, 1, 3, 3}},
        {ESP_TENSOR_FIRST, "p/weight", 2, {5, 16}},
        {ESP_TENSOR_SECOND, "b/scale", 1, {8}},
        {ESP_TENSOR_WEIGHT, "i/variance", 1, {16}},
        {ESP_TENSOR_OUTPUT, "1", 2, {4, 3}},
        {ESP_TENSOR_INPUT_GRADIENT, "0", 4, {4, 3, 14, 14}},
        {ESP_TENSOR_ACTIVATION, "d", 4, {4, 8, 14, 14}},
        {ESP_TENSOR_ACTIVATION_GRADIENT, "o", 2, {4, 16}},
    };
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        esp_tensor tensor;
        cr_assert_eq(s.engine->tensor(s.program, &s.call, rows[i].which, rows[i].name, &tensor),
                     ESP_OK, "%s: %s", rows[i].name, s.error.message);
        cr_assert_eq(tensor.shape.rank, rows[i].rank, "%s", rows[i].name);
        for (uint32_t d = 0; d < rows[i].rank; d++)
            cr_assert_eq(tensor.shape.dims[d], rows[i].dims[d], "%s: dimension %u", rows[i].name,
                         d);
    }
    subject_close(&s);
}

TestLeak(program, names_that_do_not_exist)
{
    static const struct {
        uint32_t which;
        const char *name;
    } rows[] = {
        {ESP_TENSOR_WEIGHT, "nothing/weight"},
        {ESP_TENSOR_WEIGHT, "a"},
        {ESP_TENSOR_GRADIENT, "b/mean"}, // not trained
        {ESP_TENSOR_FIRST, "b/variance"},
        {ESP_TENSOR_SECOND, "a/bias"},
        {ESP_TENSOR_OUTPUT, "2"},
        {ESP_TENSOR_OUTPUT, "-1"},
        {ESP_TENSOR_OUTPUT, "p"},
        {ESP_TENSOR_OUTPUT, ""},
        {ESP_TENSOR_OUTPUT, "0 "},
        {ESP_TENSOR_INPUT_GRADIENT, "1"},
        {ESP_TENSOR_INPUT_GRADIENT, "0"}, // not asked for
        {ESP_TENSOR_ACTIVATION, "c"},     // not kept
        {ESP_TENSOR_ACTIVATION_GRADIENT, "c"},
        {99, "a/weight"},
    };
    struct subject s = cell(2);
    s.input_gradient = false;
    subject_open(&s);
    subject_forward(&s, 2, true);
    subject_backward(&s);
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        cr_assert_eq(subject_ask(&s, rows[i].which, rows[i].name), ESP_ERROR_NOT_FOUND, "%u '%s'",
                     rows[i].which, rows[i].name);
        cr_assert(rows[i].which == 99 || strstr(s.error.message, rows[i].name), "%s",
                  s.error.message);
    }
    subject_close(&s);

    struct subject evaluation = cell(2);
    evaluation.evaluation = true;
    evaluation.input_gradient = false;
    subject_open(&evaluation);
    cr_assert_eq(subject_ask(&evaluation, ESP_TENSOR_GRADIENT, "a/weight"), ESP_ERROR_NOT_FOUND);
    cr_assert_eq(subject_ask(&evaluation, ESP_TENSOR_FIRST, "a/weight"), ESP_ERROR_NOT_FOUND);
    cr_assert_eq(subject_ask(&evaluation, ESP_TENSOR_INPUT_GRADIENT, "0"), ESP_ERROR_NOT_FOUND);
    subject_close(&evaluation);
}

// ---- Dropout ------------------------------------------------------------------------------------

TestLeak(program, dropout_scales_and_has_a_stream_of_its_own)
{
    struct subject s = {.engine = ENGINE,
                        .sketch = "x = Input 1000; a = Dropout x ratio=0.3; b = Dropout x "
                                  "ratio=0.3; out a b",
                        .max_batch = 10};
    subject_open(&s);
    for (int i = 0; i < 10000; i++)
        s.inputs[0][i] = 1.0f;
    subject_forward(&s, 10, true);
    const float *a = subject_tensor(&s, ESP_TENSOR_OUTPUT, "0");
    const float *b = subject_tensor(&s, ESP_TENSOR_OUTPUT, "1");
    float before[10000];
    int kept = 0, equal = 0;
    for (int i = 0; i < 10000; i++) {
        cr_assert(a[i] == 0.0f || fabsf(a[i] - 1.0f / 0.7f) < 1e-6f);
        kept += a[i] != 0.0f;
        equal += a[i] == b[i];
    }
    // Five deviations of a binomial distribution: sqrt(10000 x 0.3 x 0.7) = 46.
    cr_assert(abs(kept - 7000) < 230, "%d of 10000 kept", kept);
    // Two streams agree in 0.49 + 0.09 of the places.
    cr_assert(abs(equal - 5800) < 250, "%d equal", equal);
    memcpy(before, a, sizeof before);
    subject_forward(&s, 4, true);
    cr_assert_arr_eq(before, a, bytes_of(4000), "the same stream, the same mask");
    s.random.counter[1]++;
    subject_forward(&s, 4, true);
    cr_assert_neq(memcmp(before, a, bytes_of(4000)), 0, "another step, another mask");
    subject_forward(&s, 10, false);
    cr_assert_arr_eq(a, s.inputs[0], sizeof before, "none in evaluation");
    subject_close(&s);
}

// ---- Memory -------------------------------------------------------------------------------------

#ifndef SUPPORT_LEAK_WATCHED
static size_t allocated(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static size_t program_bytes(bool evaluation, uint64_t batch)
{
    struct subject s = {
        .engine = ENGINE,
        .sketch = "x = Input 16x16x16; a = Conv x channels=16 kernel_shape=3,3 pads=1,1,1,1; "
                  "b = BatchNormalization a; c = Relu b; d = MaxPool c kernel_shape=3,3 "
                  "pads=1,1,1,1; e = Conv d channels=16 kernel_shape=1,1; f = Dropout e; "
                  "g = Sigmoid f; h = Conv g channels=16 kernel_shape=3,3 pads=1,1,1,1; "
                  "i = BatchNormalization h; j = Relu i; k = AveragePool j kernel_shape=3,3 "
                  "pads=1,1,1,1; l = Conv k channels=16 kernel_shape=3,3 pads=1,1,1,1; "
                  "m = Identity l; n = Tanh m; y = GlobalAveragePool n",
        .max_batch = batch,
        .evaluation = evaluation};
    size_t before = allocated();
    subject_open(&s);
    // Without the input and the output's gradient, which are the test's own.
    size_t own = bytes_of(batch * (16 * 16 * 16 + 16));
    size_t taken = allocated() - before - own;
    subject_close(&s);
    return taken;
}

// An activation of 128 samples is 2 MiB here. For evaluation the input, and two that take turns, are
// enough; for training every one that a backward reads stays.
Test(program, evaluation_reuses_memory)
{
    if (allocated() == 0)
        cr_skip_test("malloc counts nothing here (valgrind)");
    size_t activation = bytes_of(128 * 16 * 16 * 16);
    size_t evaluation = program_bytes(true, 128), training = program_bytes(false, 128);
    cr_assert_lt(evaluation, 7 * activation / 2, "%zu bytes", evaluation);
    cr_assert_gt(training, 6 * activation, "%zu bytes", training);
    cr_assert_lt(training, 17 * activation, "%zu bytes", training);
}
#endif
