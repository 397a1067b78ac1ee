// SPDX-License-Identifier: Apache-2.0
// Small networks: the gradient against differences, a network worked out by hand, Adam's first steps against
// their formula, a function that is learnt, the same bits again.
#include <espalier/support/networks.h>

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void draw(float *values, uint64_t count, esp_random *random)
{
    for (uint64_t i = 0; i < count; i++)
        values[i] = (float)(2 * esp_random_real(random) - 1);
}

Test(networks, one_worked_out_by_hand)
{
    esp_random random = esp_random_stream(1, 1, 0, 0, 0);
    esp_mlp *mlp = NULL;
    uint64_t count;
    // Two inputs, two units: h = relu(x W + b), out = h v + c.
    const float parameters[] = {1, -1, 2, 1, 0.5f, -3, 2, 4, 0.25f}, x[] = {1, 2, -1, 5};
    float out[2];
    cr_assert_eq(esp_mlp_create(&mlp, 2, 1, 2, &random), ESP_OK);
    float *at = esp_mlp_parameters(mlp, &count);
    cr_assert_eq(count, 9);
    memcpy(at, parameters, sizeof parameters);
    cr_assert_eq(esp_mlp_predict(mlp, x, 2, out), ESP_OK);
    // (1 + 4 + 0.5, -1 + 2 - 3) = (5.5, -2); (-1 + 10 + 0.5, 1 + 5 - 3) = (9.5, 3).
    cr_expect_float_eq(out[0], 11.25, 1e-6);
    cr_expect_float_eq(out[1], 31.25, 1e-6);
    esp_mlp_destroy(mlp);
}

Test(networks, the_gradient_is_that_of_differences)
{
    enum { SAMPLES = 9, INPUTS = 7 };
    static const uint64_t shapes[][2] = {{1, 5}, {3, 20}, {10, 8}};
    for (size_t shape = 0; shape < 3; shape++) {
        esp_random random = esp_random_stream(2, shape, 0, 0, 0);
        float x[SAMPLES * INPUTS], y[SAMPLES], weights[SAMPLES];
        esp_mlp *mlp = NULL;
        uint64_t count, kinks = 0;
        double loss;
        draw(x, SAMPLES * INPUTS, &random);
        draw(y, SAMPLES, &random);
        draw(weights, SAMPLES, &random);
        for (int i = 0; i < SAMPLES; i++)
            weights[i] += 1.5f;
        cr_assert_eq(esp_mlp_create(&mlp, INPUTS, shapes[shape][0], shapes[shape][1], &random),
                     ESP_OK);
        float *parameters = esp_mlp_parameters(mlp, &count);
        for (uint64_t i = 0; i < count; i++)
            parameters[i] += 0.05f * (float)esp_random_normal(&random); // biases too
        float *gradient = malloc(count * sizeof *gradient), *rest = malloc(count * sizeof *rest);
        cr_assert_eq(esp_mlp_gradient(mlp, x, y, weights, SAMPLES, &loss, gradient), ESP_OK);
        for (uint64_t i = 0; i < count; i++) {
            double below, above, before = parameters[i], step = 2e-3;
            parameters[i] = (float)(before + step);
            double up = parameters[i];
            cr_assert_eq(esp_mlp_gradient(mlp, x, y, weights, SAMPLES, &above, rest), ESP_OK);
            parameters[i] = (float)(before - step);
            double down = parameters[i];
            cr_assert_eq(esp_mlp_gradient(mlp, x, y, weights, SAMPLES, &below, rest), ESP_OK);
            parameters[i] = (float)before;
            double slope = (above - below) / (up - down);
            // A step over a kink of ReLU or of the absolute value gives neither side's slope.
            kinks += fabs(slope - gradient[i]) > 2e-3 + 5e-3 * fabs(slope);
        }
        cr_expect_leq(kinks, count / 25, "%lu of %lu", (unsigned long)kinks, (unsigned long)count);
        free(gradient);
        free(rest);
        esp_mlp_destroy(mlp);
    }
}

// The first step of Adam moves every parameter with a slope by the learning rate, against it.
Test(networks, adams_first_step)
{
    esp_random random = esp_random_stream(3, 1, 0, 0, 0);
    const esp_mlp_training training = {1, 8, 0.01, 0.9, 0.99, 1e-8};
    float x[] = {0.5f, -0.25f}, y[] = {3}, before[64], gradient[64];
    esp_mlp *mlp = NULL;
    uint64_t count;
    double loss;
    cr_assert_eq(esp_mlp_create(&mlp, 2, 1, 4, &random), ESP_OK);
    float *parameters = esp_mlp_parameters(mlp, &count);
    memcpy(before, parameters, count * sizeof *before);
    cr_assert_eq(esp_mlp_gradient(mlp, x, y, NULL, 1, &loss, gradient), ESP_OK);
    cr_assert_eq(esp_mlp_train(mlp, &training, x, y, NULL, 1, &random), ESP_OK);
    for (uint64_t i = 0; i < count; i++) {
        double expected = gradient[i] == 0 ? 0 : gradient[i] > 0 ? -0.01 : 0.01;
        cr_expect_float_eq(parameters[i] - before[i], expected, 1e-6, "%lu", (unsigned long)i);
    }
    esp_mlp_destroy(mlp);
}

// y = |x0| - x1 from 200 samples, and the same bits from the same stream.
Test(networks, a_function_is_learnt)
{
    enum { SAMPLES = 200 };
    const esp_mlp_training training = {300, 32, 0.01, 0.9, 0.99, 1e-8};
    float x[2 * SAMPLES], y[SAMPLES], out[2][SAMPLES];
    double error = 0;
    for (int again = 0; again < 2; again++) {
        esp_random random = esp_random_stream(4, 1, 0, 0, 0);
        esp_mlp *mlp = NULL;
        draw(x, 2 * SAMPLES, &random);
        for (int i = 0; i < SAMPLES; i++)
            y[i] = fabsf(x[2 * i]) - x[2 * i + 1];
        cr_assert_eq(esp_mlp_create(&mlp, 2, 3, 20, &random), ESP_OK);
        cr_assert_eq(esp_mlp_train(mlp, &training, x, y, NULL, SAMPLES, &random), ESP_OK);
        draw(x, 2 * SAMPLES, &random);
        cr_assert_eq(esp_mlp_predict(mlp, x, SAMPLES, out[again]), ESP_OK);
        esp_mlp_destroy(mlp);
    }
    for (int i = 0; i < SAMPLES; i++)
        error += fabs(out[0][i] - (fabsf(x[2 * i]) - x[2 * i + 1])) / SAMPLES;
    cr_expect_lt(error, 0.08, "%g", error);
    cr_expect_eq(memcmp(out[0], out[1], sizeof out[0]), 0);
}
