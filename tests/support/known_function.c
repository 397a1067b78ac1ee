// SPDX-License-Identifier: Apache-2.0
// See known_function.h.
#include "support/known_function.h"

#include "plugins/known_functions.h"
#include "support/strategy_lab.h"

#include <criterion/criterion.h>
#include <espalier/support/statistics.h>
#include <stdlib.h>

static const struct known_function *current; // of the one lab that is open

static esp_status build(void *self, esp_builder *b)
{
    (void)self;
    return known_function_build(current, b);
}

struct points {
    double *pairs; // [trials, 2]
    double best;
};

static void search(struct points *points, const char *strategy, uint64_t trials, uint64_t seed)
{
    struct strategy_lab lab;
    esp_space_type type = strategy_lab_space(build);
    char ini[512];
    snprintf(ini, sizeof ini,
             "[experiment]\nseed = %lu\n[space]\nplugin = sketch\n[strategy]\n%s\n",
             (unsigned long)seed, strategy);
    strategy_lab_open(&lab, ini, &type, (uint64_t)known_function_objectives(current), trials);
    points->best = INFINITY;
    while (lab.count < trials) {
        double *values = points->pairs + 2 * lab.count;
        cr_assert_eq(strategy_lab_ask(&lab), ANSWER_TRIAL);
        known_function_values(current, arch_handle(lab.archs[lab.count - 1]), values);
        points->best = fmin(points->best, values[0]);
        strategy_lab_tell(&lab, lab.count - 1, values, 0.0);
    }
    strategy_lab_close(&lab);
}

static double best_regret(const char *strategy, uint64_t trials, uint64_t seed)
{
    static const double reference[] = {KNOWN_REFERENCE, KNOWN_REFERENCE};
    struct points points = {.pairs = calloc(2 * trials, sizeof(double))};
    double volume, result;
    cr_assert_not_null(points.pairs);
    search(&points, strategy, trials, seed);
    result = points.best;
    if (known_function_objectives(current) == 2) {
        cr_assert_eq(esp_statistics_hypervolume(&volume, points.pairs, trials, 2, reference),
                     ESP_OK);
        result = 1 - volume / current->hypervolume;
    }
    free(points.pairs);
    return result;
}

double known_shortfall(const char *function, const char *strategy, uint64_t trials, uint64_t seed)
{
    current = known_function_find(function);
    cr_assert_not_null(current, "%s", function);
    return best_regret(strategy, trials, seed);
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
