// SPDX-License-Identifier: Apache-2.0
// Losses against their definitions in long double, and their gradients against differences.
#include "evaluate/loss.h"

#include <criterion/criterion.h>
#include <espalier/random.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
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

static const double weights[CLASSES] = {1.5, 0.25, 0.0, 3.0, 1.0};

// Every kind with and without smoothing and class weights.
static const esp_loss losses[] = {
    {sizeof(esp_loss), ESP_LOSS_CROSS_ENTROPY, 0, 0.0, NULL},
    {sizeof(esp_loss), ESP_LOSS_CROSS_ENTROPY, 0, 0.1, NULL},
    {sizeof(esp_loss), ESP_LOSS_CROSS_ENTROPY, 0, 0.9, NULL},
    {sizeof(esp_loss), ESP_LOSS_CROSS_ENTROPY, 0, 0.0, weights},
    {sizeof(esp_loss), ESP_LOSS_CROSS_ENTROPY, 0, 0.2, weights},
    {sizeof(esp_loss), ESP_LOSS_SQUARED_ERROR, 0, 0.0, NULL},
    {sizeof(esp_loss), ESP_LOSS_SQUARED_ERROR, 0, 0.1, NULL},
    {sizeof(esp_loss), ESP_LOSS_SQUARED_ERROR, 0, 0.2, weights},
};
#define LOSSES ((int)ESP_COUNT(losses))

static const char *name_of(const esp_loss *loss)
{
    static char name[80];
    snprintf(name, sizeof name, "kind %u, smoothing %g, %s class weights", loss->kind,
             loss->smoothing, loss->class_weights ? "with" : "no");
    return name;
}

static double compute(const esp_loss *loss, const struct sample *sample, float *gradient)
{
    double value = -1.0;
    loss_compute(loss, sample->logits, sample->labels, BATCH, CLASSES, gradient, &value, NULL);
    return value;
}

// As estimator.h writes them down.
static long double reference(const esp_loss *loss, const struct sample *sample)
{
    long double total = 0, divisor = 0;
    for (int i = 0; i < BATCH; i++) {
        const float *row = sample->logits + i * CLASSES;
        uint32_t label = sample->labels[i];
        long double own = loss->class_weights ? (long double)loss->class_weights[label] : 1.0L;
        long double sum = 0;
        divisor += own;
        for (int c = 0; c < CLASSES; c++)
            sum += expl((long double)row[c]);
        for (int c = 0; c < CLASSES; c++) {
            long double even = (long double)loss->smoothing / CLASSES;
            long double sharp = (uint32_t)c == label ? 1.0L - (long double)loss->smoothing : 0.0L;
            long double x = (long double)row[c];
            long double each = loss->class_weights ? (long double)loss->class_weights[c] : 1.0L;
            if (loss->kind == ESP_LOSS_SQUARED_ERROR)
                total += own * (x - even - sharp) * (x - even - sharp) / CLASSES;
            else
                total -= (own * sharp + each * even) * (x - logl(sum));
        }
    }
    return total / divisor;
}

Test(loss, the_value_is_that_of_the_definition)
{
    for (uint64_t seed = 0; seed < 20; seed++)
        for (int l = 0; l < LOSSES; l++) {
            struct sample sample = draw(seed, 3.0);
            double expected = (double)reference(&losses[l], &sample);
            double got = compute(&losses[l], &sample, NULL);
            cr_assert_float_eq(got, expected, 1e-13 * fabs(expected), "%s: %.17g, expected %.17g",
                               name_of(&losses[l]), got, expected);
        }
}

// A step that f32 holds exactly, so that the difference is that of the logits really used.
Test(loss, the_gradient_is_that_of_differences)
{
    const float step = 1.0f / 4096;
    for (int l = 0; l < LOSSES; l++) {
        struct sample sample = draw(99, 2.0);
        float gradient[BATCH * CLASSES];
        compute(&losses[l], &sample, gradient);
        for (int i = 0; i < BATCH * CLASSES; i++) {
            struct sample up = sample, down = sample;
            up.logits[i] += step;
            down.logits[i] -= step;
            double span = (double)up.logits[i] - (double)down.logits[i];
            double slope =
                (double)(reference(&losses[l], &up) - reference(&losses[l], &down)) / span;
            cr_assert_float_eq(gradient[i], slope, 3e-8, "%s, logit %d: %g, expected %g",
                               name_of(&losses[l]), i, (double)gradient[i], slope);
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
    loss_compute(&losses[0], logits, labels, 2, 3, gradient, &loss, &correct);
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
    for (int l = 0; l < 3; l++) {
        loss_compute(&losses[l], logits, labels, 1, 4, NULL, &loss, &correct);
        cr_assert_float_eq(loss, log(4.0), 1e-15);
        cr_assert_eq(correct, 0, "of equal logits the first one is the answer");
    }
}

// Weights that are all alike are none.
Test(loss, only_the_ratio_of_class_weights_counts)
{
    static const double even[CLASSES] = {3.0, 3.0, 3.0, 3.0, 3.0};
    for (int l = 0; l < LOSSES; l++) {
        struct sample sample = draw(7, 2.0);
        esp_loss plain = losses[l], weighted = losses[l];
        plain.class_weights = NULL;
        weighted.class_weights = even;
        cr_assert_float_eq(compute(&plain, &sample, NULL), compute(&weighted, &sample, NULL),
                           1e-14);
    }
}

// PyTorch would give 0 / 0 here, and end a training for a batch without a sample that counts.
Test(loss, a_batch_of_classes_without_weight_is_nothing)
{
    const float logits[] = {1.0f, 2.0f, -1.0f, 3.0f, 0.0f};
    const uint32_t labels[] = {2};
    for (int l = 0; l < LOSSES; l++) {
        float gradient[CLASSES] = {9, 9, 9, 9, 9};
        double loss = 9;
        if (!losses[l].class_weights)
            continue;
        loss_compute(&losses[l], logits, labels, 1, CLASSES, gradient, &loss, NULL);
        cr_assert_eq(loss, 0.0);
        for (int c = 0; c < CLASSES; c++)
            cr_assert_eq(gradient[c], 0.0f);
    }
}

Test(loss, one_class_is_always_right)
{
    const float logits[] = {3.0f, -1.0f};
    const uint32_t labels[] = {0, 0};
    float gradient[2];
    double loss = 9;
    uint64_t correct = 0;
    for (int l = 0; l < 3; l++) {
        loss_compute(&losses[l], logits, labels, 2, 1, gradient, &loss, &correct);
        cr_assert_eq(loss, 0.0);
        cr_assert_eq(correct, 2);
        cr_assert_float_eq(gradient[0], 0.0f, 1e-16);
    }
}

Test(loss, a_logit_that_is_no_number_makes_the_loss_none)
{
    for (int l = 0; l < LOSSES; l++) {
        struct sample sample = draw(3, 1.0);
        float gradient[BATCH * CLASSES];
        sample.logits[8] = NAN;
        sample.labels[1] = 0; // of weight 1.5
        cr_assert(isnan(compute(&losses[l], &sample, gradient)));
        cr_assert(isnan(gradient[8]));
        cr_assert_not(isnan(gradient[0]), "other samples keep theirs");
    }
}

Test(loss, the_same_call_gives_the_same_bits)
{
    for (int l = 0; l < LOSSES; l++) {
        struct sample sample = draw(5, 3.0);
        float first[BATCH * CLASSES], second[BATCH * CLASSES];
        double a = compute(&losses[l], &sample, first), b = compute(&losses[l], &sample, second);
        cr_assert_eq(memcmp(first, second, sizeof first), 0);
        cr_assert_eq(memcmp(&a, &b, sizeof a), 0);
        // What is not asked for is not needed.
        loss_compute(&losses[l], sample.logits, sample.labels, BATCH, CLASSES, NULL, NULL, NULL);
    }
}
