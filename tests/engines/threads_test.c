// SPDX-License-Identifier: Apache-2.0
// `threads = n`: the same bits in every run of one n, whatever n was before, and the numbers of one
// thread to rounding.
#include "support/leak.h"
#include "support/subject.h"

#include <espalier/plugin.h>

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const void *esp_plugin_entry(uint32_t kind, const char *id);

#define WEIGHT (32 * 32 * 9)

// The gradient of a convolution in the middle, after two steps of training.
static void train(int64_t threads, float *gradient)
{
    struct subject s = {.engine = esp_plugin_entry(ESP_KIND_ENGINE, ENGINE_UNDER_TEST),
                        .sketch = "x = Input 3x16x16; a = Conv x channels=32 kernel_shape=3,3 "
                                  "pads=1,1,1,1; b = BatchNormalization a; c = Relu b; "
                                  "d = Conv c channels=32 kernel_shape=3,3 pads=1,1,1,1; "
                                  "e = MaxPool d kernel_shape=2,2 strides=2,2; "
                                  "f = GlobalAveragePool e; g = Flatten f; y = Gemm g channels=10",
                        .max_batch = 32,
                        .threads = threads,
                        .seed = 9};
    esp_optimizer sgd = {.struct_size = sizeof sgd,
                         .kind = ESP_OPTIMIZER_SGD,
                         .learning_rate = 0.01,
                         .momentum = 0.9};
    subject_open(&s);
    for (sgd.step = 1; sgd.step <= 2; sgd.step++) {
        subject_forward(&s, 32, true);
        subject_backward(&s);
        cr_assert_eq(s.engine->apply(s.program, &s.call, &sgd), ESP_OK);
    }
    memcpy(gradient, subject_tensor(&s, ESP_TENSOR_GRADIENT, "d/weight"), WEIGHT * sizeof(float));
    subject_close(&s);
}

TestLeak(threads, the_same_bits_for_one_number)
{
    float *one = malloc(4 * WEIGHT * sizeof *one), *two = one + WEIGHT, *again = two + WEIGHT,
          *back = again + WEIGHT;
    double scale = 0.0;
    cr_assert(one);
    train(1, one);
    train(2, two);
    train(2, again);
    train(1, back);
    cr_expect_arr_eq(two, again, WEIGHT * sizeof(float), "two threads twice");
    cr_expect_arr_eq(one, back, WEIGHT * sizeof(float), "one thread, before and after two");
    for (int i = 0; i < WEIGHT; i++)
        scale = fmax(scale, fabs((double)one[i]));
    for (int i = 0; i < WEIGHT; i++)
        cr_assert_lt(fabs((double)one[i] - (double)two[i]), 1e-4 * scale, "[%d]: %g and %g", i,
                     (double)one[i], (double)two[i]);
    free(one);
}
