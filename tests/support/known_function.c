// SPDX-License-Identifier: Apache-2.0
// See known_function.h.
#include "support/known_function.h"

#include "plugins/known_functions.h"
#include "support/strategy_lab.h"

#include <criterion/criterion.h>

static const struct known_function *current; // of the one lab that is open

static esp_status build(void *self, esp_builder *b)
{
    (void)self;
    return known_function_build(current, b);
}

static double best_regret(const char *strategy, uint64_t trials, uint64_t seed)
{
    struct strategy_lab lab;
    esp_space_type type = strategy_lab_space(build);
    char ini[512];
    double best = INFINITY;
    snprintf(ini, sizeof ini,
             "[experiment]\nseed = %lu\n[space]\nplugin = sketch\n[strategy]\n%s\n",
             (unsigned long)seed, strategy);
    strategy_lab_open(&lab, ini, &type, 1, trials);
    while (lab.count < trials) {
        cr_assert_eq(strategy_lab_ask(&lab), ANSWER_TRIAL);
        double regret[2];
        known_function_values(current, arch_handle(lab.archs[lab.count - 1]), regret);
        best = fmin(best, regret[0]);
        strategy_lab_tell(&lab, lab.count - 1, regret, 0.0);
    }
    strategy_lab_close(&lab);
    return best;
}

void known_regrets(double *out, const char *function, const char *strategy, uint64_t trials,
                   uint64_t seeds)
{
    current = known_function_find(function);
    cr_assert_not_null(current, "%s", function);
    for (uint64_t seed = 1; seed <= seeds; seed++)
        out[seed - 1] = best_regret(strategy, trials, seed);
}

double known_mean_regret(const char *function, const char *strategy, uint64_t trials,
                         uint64_t seeds)
{
    double sum = 0;
    current = known_function_find(function);
    cr_assert_not_null(current, "%s", function);
    for (uint64_t seed = 1; seed <= seeds; seed++)
        sum += best_regret(strategy, trials, seed);
    return sum / (double)seeds;
}
