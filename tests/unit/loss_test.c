// SPDX-License-Identifier: Apache-2.0
// Softmax cross entropy against its definition in long double, and its gradient against differences.
#include "evaluate/loss.h"

#include <criterion/criterion.h>
#include <espalier/random.h>
#include <float.h>
#include <math.h>
#include <string.h>

#define BATCH 7
#define CLASSES 5

struct sample {
    float logits[BATCH * CLASSES];
    uint32_t labels[BATCH];
};

static struct sample draw(uint64_t seed, double scale)
{
    struct sample sample;
    esp_random random = esp_random_stream(seed, 1, 0, 0, 0);
    for (int i = 0; i < BATCH * CLASSES; i++)
        sample.logits[i] = (float)(scale * esp_random_normal(&random));
    for (int i = 0; i < BATCH; i++)
        sample.labels[i] = (uint32_t)esp_random_below(&random, CLASSES);
    return sample;
}

// Mean over the batch of -sum over classes of target log softmax, as it is written down.
static long double reference(const float *logits, const uint32_t *labels, double smoothing)
{
    long double total = 0;
    for (int i = 0; i < BATCH; i++) {
        long double sum = 0;
        for (int c = 0; c < CLASSES; c++)
            sum += expl((long double)logits[i * CLASSES + c]);
        for (int c = 0; c < CLASSES; c++) {
            long double target = (long double)smoothing / CLASSES;
            if ((uint32_t)c == labels[i])
                target += 1.0L - (long double)smoothing;
            total -= target * ((long double)logits[i * CLASSES + c] - logl(sum));
        }
    }
    return total / BATCH;
}

static const double smoothings[] = {0.0, 0.1, 0.9};

Test(loss, the_value_is_that_of_the_definition)
{
    for (uint64_t seed = 0; seed < 20; seed++)
        for (int s = 0; s < 3; s++) {
            struct sample sample = draw(seed, 3.0);
            double loss = 0;
            loss_cross_entropy(sample.logits, sample.labels, BATCH, CLASSES, smoothings[s], NULL,
                               &loss, NULL);
            double expected = (double)reference(sample.logits, sample.labels, smoothings[s]);
            cr_assert_float_eq(loss, expected, 1e-13 * fabs(expected), "%.17g, expected %.17g",
                               loss, expected);
        }
}

// A step that f32 holds exactly, so that the difference is that of the logits really used.
Test(loss, the_gradient_is_that_of_differences)
{
    const float step = 1.0f / 4096;
    for (int s = 0; s < 3; s++) {
        struct sample sample = draw(99, 2.0);
        float gradient[BATCH * CLASSES];
        loss_cross_entropy(sample.logits, sample.labels, BATCH, CLASSES, smoothings[s], gradient,
                           NULL, NULL);
        for (int i = 0; i < BATCH * CLASSES; i++) {
            struct sample up = sample, down = sample;
            up.logits[i] += step;
            down.logits[i] -= step;
            double span = (double)up.logits[i] - (double)down.logits[i];
            double slope = (double)(reference(up.logits, up.labels, smoothings[s]) -
                                    reference(down.logits, down.labels, smoothings[s])) /
                           span;
            cr_assert_float_eq(gradient[i], slope, 1e-8, "logit %d: %g, expected %g", i,
                               (double)gradient[i], slope);
        }
    }
}

Test(loss, large_logits_neither_overflow_nor_vanish)
{
    const float logits[] = {1e4f, -1e4f, 0.0f, -1e4f, 1e4f, 0.0f};
    const uint32_t labels[] = {0, 0};
    float gradient[6];
    double loss = 0;
    uint64_t correct = 9;
    loss_cross_entropy(logits, labels, 2, 3, 0.0, gradient, &loss, &correct);
    cr_assert_eq(loss, 1e4, "0 of the first and 2e4 of the second");
    cr_assert_eq(correct, 1);
    cr_assert_eq(gradient[0], 0.0f);
    cr_assert_eq(gradient[3], -0.5f);
    cr_assert_eq(gradient[4], 0.5f);
}

Test(loss, equal_logits_give_the_logarithm_of_the_classes)
{
    const float logits[] = {2.0f, 2.0f, 2.0f, 2.0f};
    const uint32_t labels[] = {3};
    double loss = 0;
    uint64_t correct = 9;
    for (int s = 0; s < 3; s++) {
        loss_cross_entropy(logits, labels, 1, 4, smoothings[s], NULL, &loss, &correct);
        cr_assert_float_eq(loss, log(4.0), 1e-15);
        cr_assert_eq(correct, 0, "of equal logits the first one is the answer");
    }
}

Test(loss, a_logit_that_is_no_number_makes_the_loss_none)
{
    struct sample sample = draw(3, 1.0);
    float gradient[BATCH * CLASSES];
    double loss = 0;
    sample.logits[8] = NAN;
    loss_cross_entropy(sample.logits, sample.labels, BATCH, CLASSES, 0.1, gradient, &loss, NULL);
    cr_assert(isnan(loss));
    cr_assert(isnan(gradient[8]));
    cr_assert_not(isnan(gradient[0]), "other samples keep theirs");
}

Test(loss, the_same_call_gives_the_same_bits)
{
    struct sample sample = draw(5, 3.0);
    float first[BATCH * CLASSES], second[BATCH * CLASSES];
    double a = 0, b = 1;
    loss_cross_entropy(sample.logits, sample.labels, BATCH, CLASSES, 0.1, first, &a, NULL);
    loss_cross_entropy(sample.logits, sample.labels, BATCH, CLASSES, 0.1, second, &b, NULL);
    cr_assert_eq(memcmp(first, second, sizeof first), 0);
    cr_assert_eq(memcmp(&a, &b, sizeof a), 0);
    // Smoothing that is 0 is none, and what is not asked for is not needed.
    loss_cross_entropy(sample.logits, sample.labels, BATCH, CLASSES, 0.0, NULL, NULL, NULL);
}
