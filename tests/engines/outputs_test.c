// SPDX-License-Identifier: Apache-2.0
// The schedule of DropPath, and passes that compute the first outputs alone: an auxiliary head costs
// nothing where nobody asks for it.
#include "support/leak.h"
#include "support/subject.h"

#include <espalier/plugin.h>

#include <criterion/criterion.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

const void *esp_plugin_entry(uint32_t kind, const char *id);

#define ENGINE esp_plugin_entry(ESP_KIND_ENGINE, ENGINE_UNDER_TEST)

// ---- DropPath -----------------------------------------------------------------------------------

enum { SAMPLES = 4000, FEATURES = 3 };

static struct subject paths(void)
{
    return (struct subject){.engine = ENGINE,
                            .sketch = "x = Input 3; a = DropPath x ratio=0.5; b = DropPath x "
                                      "ratio=0.5; out a b",
                            .max_batch = SAMPLES,
                            .input_gradient = true,
                            .seed = 1};
}

// How many samples are kept, each whole and divided by what remains.
static int count_kept(struct subject *s, const char *output, double remaining)
{
    const float *y = subject_tensor(s, ESP_TENSOR_OUTPUT, output);
    int kept = 0;
    for (int i = 0; i < SAMPLES; i++) {
        bool is_kept = y[i * FEATURES] != 0.0f;
        kept += is_kept;
        for (int k = 0; k < FEATURES; k++) {
            float expected = is_kept ? s->inputs[0][i * FEATURES + k] / (float)remaining : 0.0f;
            cr_assert_float_eq(y[i * FEATURES + k], expected, 1e-6 * (1.0 + fabs((double)expected)),
                               "[%d, %d]", i, k);
        }
    }
    return kept;
}

TestLeak(drop_path, drops_samples_with_a_probability_that_rises)
{
    struct subject s = paths();
    subject_open(&s);
    subject_forward(&s, SAMPLES, true);
    cr_expect_eq(count_kept(&s, "0", 1.0), SAMPLES, "none at the beginning");
    s.progress = 0.5;
    subject_forward(&s, SAMPLES, true);
    // Five deviations of a binomial distribution: sqrt(4000 x 0.25 x 0.75) = 27.
    int kept = count_kept(&s, "0", 0.75);
    cr_expect(abs(kept - 3000) < 137, "%d of %d kept", kept, SAMPLES);
    s.progress = 1.0;
    subject_forward(&s, SAMPLES, true);
    kept = count_kept(&s, "0", 0.5);
    cr_expect(abs(kept - 2000) < 158, "%d of %d kept", kept, SAMPLES);
    const float *a = subject_tensor(&s, ESP_TENSOR_OUTPUT, "0");
    const float *b = subject_tensor(&s, ESP_TENSOR_OUTPUT, "1");
    int equal = 0;
    for (int i = 0; i < SAMPLES; i++)
        equal += (a[i * FEATURES] == 0.0f) == (b[i * FEATURES] == 0.0f);
    cr_expect(abs(equal - 2000) < 158, "two streams agree in %d samples", equal);
    subject_forward(&s, SAMPLES, false);
    cr_expect_eq(count_kept(&s, "0", 1.0), SAMPLES, "none in evaluation");
    subject_close(&s);
}

// A caller of the interface before there was a progress: nothing is dropped.
TestLeak(drop_path, a_shorter_forward_drops_nothing)
{
    struct subject s = paths();
    subject_open(&s);
    esp_tensor input = {s.inputs[0], {.rank = 2, .dims = {SAMPLES, FEATURES}}};
    esp_forward forward = {.struct_size = offsetof(esp_forward, progress),
                           .inputs = &input,
                           .input_count = 1,
                           .batch = SAMPLES,
                           .training = 1,
                           .random = s.random,
                           .progress = 1.0,
                           .output_count = 77};
    cr_assert_eq(s.engine->forward(s.program, &s.call, &forward), ESP_OK);
    cr_expect_eq(count_kept(&s, "0", 1.0), SAMPLES);
    subject_close(&s);
}

// ---- The first outputs alone --------------------------------------------------------------------

// An auxiliary head of its own normalization between the cells, as DARTS has it.
#define TWO_HEADS                                                                                  \
    "x = Input 2x6x6; a = Conv x channels=4 kernel_shape=3,3; b = BatchNormalization a; "          \
    "c = Relu b; d = Conv c channels=4 kernel_shape=3,3; e = Relu c; "                             \
    "f = Conv e channels=3 kernel_shape=2,2; g = BatchNormalization f; h = Relu g; "               \
    "i = Identity h; j = GlobalAveragePool i; k = Flatten j; l = Gemm k channels=5; "              \
    "m = DropPath d; n = GlobalAveragePool m; o = Flatten n; p = Gemm o channels=5; out p l"

static struct subject two_heads(void)
{
    return (struct subject){.engine = ENGINE,
                            .sketch = TWO_HEADS,
                            .max_batch = 4,
                            .input_gradient = true,
                            .progress = 0.5,
                            .seed = 2};
}

static void expect_equal(struct subject *a, struct subject *b, uint32_t which, const char *name,
                         size_t count)
{
    cr_expect_arr_eq(subject_tensor(a, which, name), subject_tensor(b, which, name),
                     count * sizeof(float), "%s", name);
}

TestLeak(outputs, the_first_alone_is_the_same_and_the_other_untouched)
{
    struct subject all = two_heads(), first = two_heads();
    subject_open(&all);
    subject_open(&first);
    first.outputs = 1;
    float before[3];
    memcpy(before, subject_tensor(&first, ESP_TENSOR_WEIGHT, "g/mean"), sizeof before);
    // What nobody asked for is not even computed.
    float *unused = subject_tensor(&first, ESP_TENSOR_WEIGHT, "f/weight");
    for (int i = 0; i < 3 * 4 * 4; i++)
        unused[i] = NAN;
    subject_forward(&all, 3, true);
    subject_forward(&first, 3, true);
    subject_backward_of(&all, 0);
    subject_backward_of(&first, 0);
    expect_equal(&all, &first, ESP_TENSOR_OUTPUT, "0", 3 * 5);
    expect_equal(&all, &first, ESP_TENSOR_INPUT_GRADIENT, "0", 3 * 2 * 6 * 6);
    expect_equal(&all, &first, ESP_TENSOR_GRADIENT, "a/weight", 4 * 2 * 9);
    expect_equal(&all, &first, ESP_TENSOR_GRADIENT, "b/scale", 4);
    expect_equal(&all, &first, ESP_TENSOR_GRADIENT, "p/weight", 5 * 4);
    cr_expect_arr_eq(before, subject_tensor(&first, ESP_TENSOR_WEIGHT, "g/mean"), sizeof before);
    const float *gradient = subject_tensor(&first, ESP_TENSOR_GRADIENT, "f/weight");
    for (int i = 0; i < 3 * 4 * 4; i++)
        cr_expect_eq(gradient[i], 0.0f);
    subject_close(&all);
    subject_close(&first);
}

TestLeak(outputs, take_turns_with_all_of_them)
{
    struct subject all = two_heads(), turns = two_heads();
    subject_open(&all);
    subject_open(&turns);
    turns.outputs = 1;
    subject_forward(&turns, 4, false);
    turns.outputs = 0;
    subject_forward(&all, 4, true);
    subject_forward(&turns, 4, true);
    subject_backward(&all);
    subject_backward(&turns);
    expect_equal(&all, &turns, ESP_TENSOR_OUTPUT, "0", 4 * 5);
    expect_equal(&all, &turns, ESP_TENSOR_OUTPUT, "1", 4 * 5);
    expect_equal(&all, &turns, ESP_TENSOR_GRADIENT, "a/weight", 4 * 2 * 9);
    expect_equal(&all, &turns, ESP_TENSOR_GRADIENT, "f/weight", 3 * 4 * 4);
    subject_close(&all);
    subject_close(&turns);
}

TestLeak(outputs, one_that_was_left_out_has_no_backward)
{
    struct subject s = two_heads();
    subject_open(&s);
    s.outputs = 1;
    subject_forward(&s, 4, true);
    esp_output_gradient given = {sizeof given, 1, s.gradients[1]};
    cr_expect_eq(s.engine->backward(s.program, &s.call, &given, 1, sizeof given), ESP_ERROR_MISUSE);
    cr_expect_not_null(strstr(s.error.message, "output 1"), "%s", s.error.message);
    subject_close(&s);
}
