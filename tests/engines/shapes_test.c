// SPDX-License-Identifier: Apache-2.0
// Convolutions and pools of random shapes against plain loops in double precision: channels, sizes,
// kernels, strides, dilations, groups, all four pads, batches below the compiled one; in a program
// for training and in one for evaluation. And the gradient of the input against the reference's.
#include "support/leak.h"
#include "support/subject.h"

#include <espalier/plugin.h>

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

const void *esp_plugin_entry(uint32_t kind, const char *id);

#define CASES 120

static int64_t draw(esp_random *random, int64_t least, int64_t most)
{
    return least + (int64_t)esp_random_below(random, (uint64_t)(most - least + 1));
}

// The part that convolutions and pools share; the window fits, and none lies in the padding alone.
static int write_window(char *text, size_t size, esp_random *random)
{
    int64_t kernel[2], stride[2], dilation[2], begin[2], end[2], in[2];
    for (int side = 0; side < 2; side++) {
        kernel[side] = draw(random, 1, draw(random, 1, 6));
        stride[side] = draw(random, 1, draw(random, 1, 3));
        dilation[side] = draw(random, 1, draw(random, 1, 3));
        begin[side] = draw(random, 0, kernel[side] - 1);
        end[side] = draw(random, 0, kernel[side] - 1);
        in[side] = (kernel[side] - 1) * dilation[side] + 1 + draw(random, 0, draw(random, 1, 36));
    }
    int64_t group = draw(random, 1, 4), channels = group * draw(random, 1, 4);
    int length =
        snprintf(text, size,
                 "x = Input %lldx%lldx%lld; y = %%s x kernel_shape=%lld,%lld strides=%lld,%lld "
                 "dilations=%lld,%lld pads=%lld,%lld,%lld,%lld",
                 (long long)channels, (long long)in[0], (long long)in[1], (long long)kernel[0],
                 (long long)kernel[1], (long long)stride[0], (long long)stride[1],
                 (long long)dilation[0], (long long)dilation[1], (long long)begin[0],
                 (long long)begin[1], (long long)end[0], (long long)end[1]);
    cr_assert(length > 0 && (size_t)length < size);
    return (int)group + 100 * (int)channels;
}

static void write_sketch(char *out, size_t size, esp_random *random)
{
    char window[256], rest[128] = "";
    int drawn = write_window(window, sizeof window, random), group = drawn % 100;
    int channels = drawn / 100;
    const char *op = "Conv";
    switch (esp_random_below(random, 5)) {
    case 0:
        snprintf(rest, sizeof rest, " channels=%lld bias=%lld", (long long)draw(random, 1, 40),
                 (long long)draw(random, 0, 1));
        break;
    case 1:
        snprintf(rest, sizeof rest, " channels=%lld group=%d",
                 (long long)draw(random, 1, 5) * group, group);
        break;
    case 2: // depthwise
        snprintf(rest, sizeof rest, " channels=%d group=%d bias=%lld", channels, channels,
                 (long long)draw(random, 0, 1));
        break;
    case 3:
        op = "MaxPool";
        snprintf(rest, sizeof rest, " ceil_mode=%lld", (long long)draw(random, 0, 1));
        break;
    default:
        op = "AveragePool";
        snprintf(rest, sizeof rest, " ceil_mode=%lld count_include_pad=%lld",
                 (long long)draw(random, 0, 1), (long long)draw(random, 0, 1));
    }
    char *place = strstr(window, "%s");
    snprintf(out, size, "%.*s%s%s%s", (int)(place - window), window, op, place + 2, rest);
}

static void compare_output(struct subject *subject, struct reference *reference)
{
    const float *got = subject_tensor(subject, ESP_TENSOR_OUTPUT, "0");
    const struct reference_node *expected = &reference->nodes[reference->count - 1];
    reference_forward(reference);
    double scale = 1e-2;
    for (size_t i = 0; i < expected->size; i++)
        scale = fabs(expected->value[i]) > scale ? fabs(expected->value[i]) : scale;
    for (size_t i = 0; i < expected->size; i++)
        cr_assert_lt(fabs((double)got[i] - expected->value[i]), 1e-5 * scale,
                     "%s\n  batch %llu of %llu, [%zu]: got %.9g, expected %.9g", subject->sketch,
                     (unsigned long long)subject->batch, (unsigned long long)subject->max_batch, i,
                     (double)got[i], expected->value[i]);
}

// All of them are linear in the input, or a choice among its elements: <g, y(x)> = <dg/dx, x> + the
// bias's part, which the reference gives at x = 0.
static void compare_adjoint(struct subject *subject, struct reference *reference)
{
    const float *const *gradients = (const float *const *)subject->gradients;
    const float *gx = subject_tensor(subject, ESP_TENSOR_INPUT_GRADIENT, "0");
    double *x = reference->nodes[0].value, product = 0.0, scale = 0.0;
    double whole = reference_objective(reference, gradients);
    for (size_t i = 0; i < reference->nodes[0].size; i++) {
        product += (double)gx[i] * x[i];
        scale += fabs((double)gx[i] * x[i]);
        x[i] = 0.0;
    }
    double constant = reference_objective(reference, gradients);
    cr_assert_lt(fabs(whole - constant - product), 1e-5 * scale + 1e-5,
                 "%s\n  <gradient, x>: got %.9g, expected %.9g", subject->sketch, product,
                 whole - constant);
}

static void check(const char *sketch, uint64_t seed, bool evaluation)
{
    esp_random random = esp_random_stream(seed, 99, 0, 0, 0);
    struct subject subject = {.engine = esp_plugin_entry(ESP_KIND_ENGINE, ENGINE_UNDER_TEST),
                              .sketch = sketch,
                              .max_batch = (uint64_t)draw(&random, 1, 4),
                              .evaluation = evaluation,
                              .input_gradient = !evaluation,
                              .seed = seed};
    subject_open(&subject);
    uint64_t batch = (uint64_t)draw(&random, 1, (int64_t)subject.max_batch);
    struct reference *reference = subject_reference(&subject, batch, false);
    subject_forward(&subject, batch, false);
    compare_output(&subject, reference);
    if (!evaluation) {
        subject_backward(&subject);
        compare_adjoint(&subject, reference);
    }
    reference_destroy(reference);
    subject_close(&subject);
}

static void check_all(bool evaluation)
{
    for (uint64_t seed = 0; seed < CASES; seed++) {
        char sketch[512];
        esp_random random = esp_random_stream(seed, 98, 0, 0, 0);
        write_sketch(sketch, sizeof sketch, &random);
        check(sketch, seed, evaluation);
    }
}

TestLeak(shapes, compiled_for_training)
{
    check_all(false);
}

TestLeak(shapes, compiled_for_evaluation)
{
    check_all(true);
}

// Large images of few channels, which an engine may compute one by one, and what is just below.
TestLeak(shapes, large_images_of_few_channels)
{
    static const char *const sketches[] = {
        "x = Input 16x32x32; y = Conv x channels=16 kernel_shape=3,3 pads=1,1,1,1",
        "x = Input 5x33x40; y = Conv x channels=20 kernel_shape=3,3 strides=2,2 bias=1",
        "x = Input 24x32x34; y = Conv x channels=11 kernel_shape=1,1 bias=1",
        "x = Input 16x31x33; y = Conv x channels=16 kernel_shape=3,3 pads=1,1,1,1",
    };
    for (size_t i = 0; i < ESP_COUNT(sketches); i++) {
        check(sketches[i], i, false);
        check(sketches[i], i, true);
    }
}

// Padding is no zero to a maximum, and of equal ones the first gets the gradient.
TestLeak(shapes, maxima_of_negative_and_equal_numbers)
{
    struct subject s = {.engine = esp_plugin_entry(ESP_KIND_ENGINE, ENGINE_UNDER_TEST),
                        .sketch = "x = Input 1x4x4; y = MaxPool x kernel_shape=3,3 pads=1,1,1,1 "
                                  "strides=3,3",
                        .max_batch = 1,
                        .input_gradient = true};
    subject_open(&s);
    for (int i = 0; i < 16; i++)
        s.inputs[0][i] = -2.0f;
    s.inputs[0][15] = -1.0f;
    for (int i = 0; i < 4; i++)
        s.gradients[0][i] = (float)(i + 1);
    subject_forward(&s, 1, true);
    subject_backward(&s);
    const float *y = subject_tensor(&s, ESP_TENSOR_OUTPUT, "0");
    const float expected[16] = {1, 0, 2, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 4};
    const float *gx = subject_tensor(&s, ESP_TENSOR_INPUT_GRADIENT, "0");
    cr_assert(y[0] == -2.0f && y[1] == -2.0f && y[2] == -2.0f && y[3] == -1.0f);
    for (int i = 0; i < 16; i++)
        cr_assert_eq(gx[i], expected[i], "[%d]: got %g, expected %g", i, (double)gx[i],
                     (double)expected[i]);
    subject_close(&s);
}

// A network that diverged does not look healthy behind a pool or a Relu.
TestLeak(shapes, what_is_no_number_stays_none)
{
    static const char *const sketches[] = {
        "x = Input 1x3x20; y = MaxPool x kernel_shape=3,3 pads=1,1,1,1",
        "x = Input 1x3x20; y = MaxPool x kernel_shape=1,2 strides=1,2",
        "x = Input 1x3x20; y = AveragePool x kernel_shape=3,3 pads=1,1,1,1",
        "x = Input 1x3x20; y = Relu x",
        "x = Input 1x3x20; y = LeakyRelu x",
        "x = Input 1x3x20; y = Elu x",
        "x = Input 1x3x20; y = Clip x min=0 max=6",
        "x = Input 1x3x20; y = HardSigmoid x",
        "x = Input 1x3x20; y = HardSwish x",
        "x = Input 1x3x20; y = Swish x",
        "x = Input 1x3x20; y = Gelu x",
        "x = Input 1x3x20; a = BatchNormalization x; y = Relu a",
        "x = Input 1x3x20; y = Softmax x",
        "x = Input 1x3x20; y = LayerNormalization x",
        "x = Input 1x3x20; a = GlobalMaxPool x; y = Mul x a",
        "x = Input 1x3x20; a = ReduceMean x axes=3,; y = Mul x a",
    };
    for (size_t i = 0; i < ESP_COUNT(sketches); i++) {
        struct subject s = {.engine = esp_plugin_entry(ESP_KIND_ENGINE, ENGINE_UNDER_TEST),
                            .sketch = sketches[i],
                            .max_batch = 1};
        subject_open(&s);
        s.inputs[0][21] = NAN;
        subject_forward(&s, 1, false);
        const float *y = subject_tensor(&s, ESP_TENSOR_OUTPUT, "0");
        bool seen = false;
        for (int k = 0; k < 30; k++)
            seen = seen || isnan(y[k]);
        cr_assert(seen, "%s: NaN vanished", sketches[i]);
        subject_close(&s);
    }
}
