// SPDX-License-Identifier: Apache-2.0
// Bayesian optimisation: expected improvement against an integral, values of objectives, what is chosen of
// very many; decisions of every kind, outcomes that say nothing, open trials, regrets of known functions.
#include "../acquisition.h"
#include "support/known_function.h"
#include "support/strategy_lab.h"

#include <criterion/criterion.h>
#include <espalier/builder.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

// ---- Expected improvement ---------------------------------------------------------------------------

Test(improvement, is_the_integral)
{
    static const double cases[][3] = {{0, 0, 1}, {0, 2, 1}, {0, -3, 0.5}, {-1, 0.5, 2}, {0, 5, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double best = cases[i][0], mean = cases[i][1], sd = cases[i][2], sum = 0;
        for (int k = 0; k < 2000000; k++) {
            double v = best - 20 * sd * (k + 0.5) / 2000000, z = (v - mean) / sd;
            sum += (best - v) * exp(-0.5 * z * z) / sqrt(2 * acos(-1)) / sd * 20 * sd / 2000000;
        }
        double at = log_expected_improvement(best, mean, sd);
        cr_expect_float_eq(at, log(sum), 1e-3, "case %zu: %g, integral %g", i, at, log(sum));
    }
    cr_expect_float_eq(log_expected_improvement(3, 1, 0), log(2), 1e-12);
    cr_expect_eq(log_expected_improvement(1, 3, 0), -INFINITY);
    // The far tail goes on where the near one ends, and falls.
    double near = log_expected_improvement(0, 19.999, 1),
           far = log_expected_improvement(0, 20.001, 1);
    cr_expect(far < near && near - far < 0.1, "%g %g", near, far);
}

// ---- Observations -----------------------------------------------------------------------------------

static struct observations made(const double *objectives, uint64_t count, int64_t transform)
{
    struct observations observations = {.transform = transform, .lie = LIE_WORST, .count = count};
    observations.told = calloc(count, sizeof *observations.told);
    for (uint64_t i = 0; i < count; i++)
        observations.told[i] = (struct observation){i, NULL, objectives[i], !isnan(objectives[i])};
    return observations;
}

Test(observations, values_have_mean_0_and_sd_1)
{
    const double objectives[] = {-0.9, -0.5, NAN, -0.99, -0.5};
    static const uint64_t chosen[] = {0, 1, 2, 3, 4};
    double values[5], lie, best;
    for (int64_t transform = 0; transform < 3; transform++) {
        struct observations observations = made(objectives, 5, transform);
        double sum = 0, square = 0;
        cr_assert(observations_values(&observations, chosen, 5, values, &lie, &best));
        for (int i = 0; i < 5; i++) {
            sum += values[i];
            square += values[i] * values[i];
        }
        cr_expect_float_eq(sum, 0, 1e-12);
        cr_expect_float_eq(square, 5, 1e-12);
        cr_expect(values[3] < values[0] && values[0] < values[1]);
        cr_expect_float_eq(values[1], values[4], 1e-12);
        cr_expect_float_eq(values[2], values[1], 1e-12); // the worst known one
        cr_expect(best == values[3] && lie == values[1]);
        if (transform ==
            TRANSFORM_LOG_ERROR) // errors 0.1, 0.5, 0.01: distances as their logarithms
            cr_expect_float_eq((values[1] - values[0]) / (values[0] - values[3]), log(5) / log(10),
                               1e-9);
        free(observations.told);
    }
}

Test(observations, numbers_as_large_as_there_are)
{
    const double objectives[] = {1.7e308, -1.7e308, 0, 1.7e308};
    static const uint64_t chosen[] = {0, 1, 2, 3};
    double values[4], lie, best;
    struct observations observations = made(objectives, 4, TRANSFORM_STANDARD);
    cr_assert(observations_values(&observations, chosen, 4, values, &lie, &best));
    for (int i = 0; i < 4; i++)
        cr_expect(fabs(values[i]) < 2, "%g", values[i]);
    free(observations.told);
}

Test(observations, of_too_many_the_better_half_and_the_newest)
{
    const double objectives[] = {5, 1, 9, 2, 8, 3, 7, 6};
    uint64_t chosen[4];
    struct observations observations = made(objectives, 8, TRANSFORM_STANDARD);
    cr_assert_eq(observations_choose(&observations, 8, 4, chosen), 4);
    cr_expect(chosen[0] == 1 && chosen[1] == 3 && chosen[2] == 6 && chosen[3] == 7);
    free(observations.told);
}

// ---- The strategy -----------------------------------------------------------------------------------

static const char *const ten[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};

static esp_status build_kinds(void *self, esp_builder *b)
{
    (void)self;
    int64_t layers = esp_choose_int(b, "layers", 1, 4);
    esp_choose_int_log(b, "width", 1, 100000);
    esp_choose_int(b, "sign", INT64_MIN, INT64_MAX);
    esp_choose_real_log(b, "rate", 1e-5, 1.0);
    esp_choose_real(b, "wide", -1.7e308, 1.7e308);
    for (int64_t i = 0; i < layers; i++) {
        esp_scope(b, "layer", i);
        esp_choose_one(b, "op", ten, i < 2 ? (uint64_t)i + 2 : 4);
        esp_choose_subset(b, "inputs", ten, 4, 1, 3);
        esp_scope_end(b);
    }
    return esp_classifier(b, esp_input(b));
}

Test(gp, decisions_of_every_kind)
{
    struct strategy_lab lab;
    esp_space_type type = strategy_lab_space(build_kinds);
    int deep = 0;
    strategy_lab_open(&lab, "[space]\nplugin = sketch\n[strategy]\nplugin = gp\n", &type, 1, 0);
    for (uint64_t i = 0; i < 100; i++) {
        cr_assert_eq(strategy_lab_ask(&lab), ANSWER_TRIAL);
        cr_assert_eq(builder_build(lab.builder, lab.archs[i], NULL, &lab.error), ESP_OK, "%s",
                     lab.error.message);
        const esp_arch *arch = arch_handle(lab.archs[i]);
        double layers = (double)esp_arch_value(arch, 0).as.integer;
        double rate = log10(esp_arch_value(arch, 3).as.real);
        double objective = fabs(rate + 3) - layers;
        deep += i >= 60 && layers == 4 && fabs(rate + 3) < 0.5;
        strategy_lab_tell(&lab, i, &objective, 0.0);
    }
    // Of 40; random search has 2.
    cr_expect_geq(deep, 20, "%d", deep);
    strategy_lab_close(&lab);
}

// All the same, as large as numbers are, all failed, all breaking the constraint; eight open at once.
Test(gp, outcomes_that_say_nothing)
{
    static const double values[] = {0.0, 1.7e308, -1.7e308};
    static const char *const batches[] = {"batch = liar\n", "batch = thompson\n"};
    for (int kind = 0; kind < 6; kind++) {
        struct strategy_lab lab;
        char ini[256];
        snprintf(ini, sizeof ini, "[space]\nplugin = nasbench201\n[strategy]\nplugin = gp\n%s",
                 batches[kind % 2]);
        strategy_lab_open(&lab, ini, NULL, 1, 0);
        for (uint64_t i = 0; i < 48; i++) {
            cr_assert_eq(strategy_lab_ask(&lab), ANSWER_TRIAL);
            for (uint64_t j = 0; j < i; j++)
                cr_assert_neq(arch_hash(lab.archs[i]), arch_hash(lab.archs[j]));
            if (i < 7)
                continue;
            double extreme = i % 2 ? 1.7e308 : -1.7e308;
            const double *objective = kind < 3 ? &values[kind] : kind == 3 ? &extreme : NULL;
            strategy_lab_tell(&lab, i - 7, kind == 5 ? &extreme : objective, kind == 5 ? 1.0 : 0.0);
        }
        strategy_lab_close(&lab);
    }
}

// Thresholds: the mean of 30 seeds in a reference run and three standard errors at this many seeds.
// Reference, mean +- sd at 50 and 60 trials: branin 0.00022 +- 0.00030, hartmann6 0.098 +- 0.127 (tpe at 200 trials 0.18, random
// search at 200 trials 1.03).
Test(gp, regrets_of_known_functions)
{
    double branin = known_mean_regret("branin", "plugin = gp\n", 50, 5);
    double hartmann6 = known_mean_regret("hartmann6", "plugin = gp\n", 60, 3);
    cr_expect_leq(branin, 0.00063, "branin: %g", branin);
    cr_expect_leq(hartmann6, 0.32, "hartmann6: %g", hartmann6);
}
