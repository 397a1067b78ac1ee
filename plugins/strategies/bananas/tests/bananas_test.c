// SPDX-License-Identifier: Apache-2.0
// BANANAS: targets of training, the ensemble's mean and spread, rounds that are the same whatever is open,
// candidates next to the best, encodings, outcomes that say nothing, better than random search.
#include "../ensemble.h"
#include "support/known_function.h"
#include "support/strategy_lab.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

Test(ensemble, targets_have_mean_0_and_sd_1)
{
    const double y[] = {-0.9, -0.5, -0.7, -0.1};
    float targets[4], weights[4];
    double sum = 0, square = 0, total = 0;
    ensemble_targets(LOSS_MAPE, y, 4, targets, weights);
    for (int i = 0; i < 4; i++) {
        sum += targets[i];
        square += targets[i] * targets[i];
        total += weights[i];
        // 1 / (y - bound) up to a factor, the bound one sd below the least.
        cr_expect_float_eq(weights[i] * (targets[i] - targets[0] + 1), weights[0], 1e-5);
    }
    cr_expect_float_eq(sum, 0, 1e-5);
    cr_expect_float_eq(square, 4, 1e-5);
    cr_expect_float_eq(total, 4, 1e-5);
    ensemble_targets(LOSS_MAE, y, 4, targets, weights);
    for (int i = 0; i < 4; i++)
        cr_expect_eq(weights[i], 1.0f);
    const double same[] = {3, 3}, huge[] = {1.7e308, -1.7e308};
    ensemble_targets(LOSS_MAPE, same, 2, targets, weights);
    cr_expect(targets[0] == 0 && targets[1] == 0 && weights[0] == 1);
    ensemble_targets(LOSS_MAPE, huge, 2, targets, weights);
    cr_expect(targets[0] == 1 && targets[1] == -1 && isfinite(weights[0]));
}

// y = 2 x0 - x1: where it was seen the mean is right, and the spread is wider where nothing was seen.
Test(ensemble, knows_where_it_was)
{
    enum { COUNT = 80 };
    const struct ensemble_options options = {5, 3, 20, LOSS_MAE, {200, 32, 0.01, 0.9, 0.99, 1e-8}};
    float x[2 * COUNT];
    double y[COUNT], mean[4], sd[4];
    const float queries[] = {0.5f, 0.5f, 0.25f, 0.75f, 0.9f, 0.1f, 9.0f, -9.0f};
    esp_random random = esp_random_stream(8, 1, 0, 0, 0);
    for (int i = 0; i < COUNT; i++) {
        x[2 * i] = (float)esp_random_real(&random);
        x[2 * i + 1] = (float)esp_random_real(&random);
        y[i] = 2 * x[2 * i] - x[2 * i + 1];
    }
    cr_assert_eq(ensemble_predict(&options, x, y, COUNT, 2, queries, 4, &random, mean, sd), ESP_OK);
    double sum = 0, square = 0;
    for (int i = 0; i < COUNT; i++)
        sum += y[i] / COUNT;
    for (int i = 0; i < COUNT; i++)
        square += (y[i] - sum) * (y[i] - sum) / COUNT;
    for (int i = 0; i < 3; i++) {
        double expected = (2 * queries[2 * i] - queries[2 * i + 1] - sum) / sqrt(square);
        cr_expect_float_eq(mean[i], expected, 0.15, "%d: %g, %g", i, mean[i], expected);
        cr_expect_lt(sd[i], 0.15);
    }
    cr_expect_gt(sd[3], 4 * fmax(sd[0], fmax(sd[1], sd[2])));
}

#define SMALL "networks = 3\nlayers = 2\nepochs = 30\n"

static void open_lab(struct strategy_lab *lab, const char *space, const char *strategy)
{
    char ini[512];
    snprintf(ini, sizeof ini, "[space]\n%s[strategy]\nplugin = bananas\n%s", space, strategy);
    strategy_lab_open(lab, ini, NULL, 1, 0);
}

// Asks until it waits, tells in another order: the trials are those of one at a time.
Test(bananas, rounds_do_not_depend_on_what_is_open)
{
    enum { TRIALS = 60 };
    struct strategy_lab one, many;
    open_lab(&one, "plugin = nasbench201\n", SMALL);
    open_lab(&many, "plugin = nasbench201\n", SMALL);
    cr_assert_eq(strategy_lab_run(&one, TRIALS), ANSWER_TRIAL);
    while (many.count < TRIALS) {
        const uint64_t first = many.count;
        while (strategy_lab_ask(&many) == ANSWER_TRIAL)
            ;
        cr_assert_eq(strategy_lab_ask(&many), ANSWER_WAIT);
        cr_assert_eq(many.count - first, 10);
        for (uint64_t i = first; i < many.count; i++) {
            double objective = 1.0 - strategy_lab_fitness(&many, many.archs[i]);
            strategy_lab_tell(&many, i, &objective, 0.0);
        }
    }
    for (uint64_t i = 0; i < TRIALS; i++)
        cr_assert_eq(arch_hash(one.archs[i]), arch_hash(many.archs[i]), "trial %lu",
                     (unsigned long)i);
    strategy_lab_close(&one);
    strategy_lab_close(&many);
}

static uint64_t apart(const struct arch *a, const struct arch *b)
{
    const esp_arch *x = arch_handle((struct arch *)(uintptr_t)a);
    const esp_arch *y = arch_handle((struct arch *)(uintptr_t)b);
    uint64_t count = 0;
    for (uint64_t i = 0; i < esp_arch_count(x); i++)
        count += esp_arch_value(x, i).as.index != esp_arch_value(y, i).as.index;
    return count;
}

// With 20 candidates, fewer than the best one's 24 neighbours, a round holds its neighbours alone.
Test(bananas, candidates_are_changes_of_the_best)
{
    struct strategy_lab lab;
    open_lab(&lab, "plugin = nasbench201\n", SMALL "candidates = 20\n");
    for (uint64_t round = 0; round < 3; round++) {
        uint64_t best = 0;
        for (uint64_t i = 0; i < lab.count; i++)
            if (strategy_lab_fitness(&lab, lab.archs[i]) >
                strategy_lab_fitness(&lab, lab.archs[best]))
                best = i;
        const uint64_t first = lab.count;
        cr_assert_eq(strategy_lab_run(&lab, first + 10), ANSWER_TRIAL);
        for (uint64_t i = first; i < first + 10; i++) {
            if (round == 1) // the best one's 24 are all new: none of the first ten is likely one
                cr_expect_eq(apart(lab.archs[best], lab.archs[i]), 1);
            for (uint64_t j = 0; j < i; j++)
                cr_assert_neq(arch_hash(lab.archs[i]), arch_hash(lab.archs[j]));
        }
    }
    strategy_lab_close(&lab);
}

Test(bananas, a_space_without_paths_says_so)
{
    struct strategy_lab lab;
    open_lab(&lab, "plugin = mlp\n", "encoding = path\n");
    const char *words = strategy_lab_ask_fails(&lab);
    cr_expect(strstr(words, "encoding = trace"), "%s", words);
    strategy_lab_close(&lab);
    open_lab(&lab, "plugin = mlp\n", SMALL);
    cr_expect_eq(strategy_lab_run(&lab, 40), ANSWER_TRIAL);
    strategy_lab_close(&lab);
}

Test(bananas, outcomes_that_say_nothing)
{
    strategy_lab_say_nothing(
        "[space]\nplugin = nasbench201\n[strategy]\nplugin = bananas\n" SMALL "loss = mape\n", 40);
}

static double best_fitness(const char *strategy, uint64_t seed)
{
    struct strategy_lab lab;
    char ini[512];
    double best = 0;
    snprintf(ini, sizeof ini,
             "[experiment]\nseed = %lu\n[space]\nplugin = nasbench201\n[strategy]\n%s"
             "[estimator]\nplugin = nk_landscape\nk = 1\n",
             (unsigned long)seed, strategy);
    strategy_lab_open(&lab, ini, NULL, 1, 0);
    strategy_lab_run(&lab, 100);
    for (uint64_t i = 0; i < lab.count; i++)
        best = fmax(best, strategy_lab_fitness(&lab, lab.archs[i]));
    strategy_lab_close(&lab);
    return best;
}

// An NK landscape of K = 1 after 100 trials, by decisions.
Test(bananas, better_than_random_search)
{
    double ours = 0, random = 0;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        ours += best_fitness("plugin = bananas\nencoding = trace\nlayers = 3\n", seed) / 5;
        random += best_fitness("plugin = random\n", seed) / 5;
    }
    cr_expect_gt(ours, random + 0.02, "%g, random search %g", ours, random);
}
