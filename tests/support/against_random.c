// SPDX-License-Identifier: Apache-2.0
// See against_random.h.
#include "support/against_random.h"

#include "support/known_function.h"
#include "support/strategy_lab.h"

#include <criterion/criterion.h>
#include <espalier/support/statistics.h>
#include <math.h>
#include <stdio.h>

enum { MOST = 64 };

static struct against_random compare(const double *ours, const double *random, uint64_t seeds,
                                     int larger)
{
    esp_mann_whitney test;
    cr_assert_eq(esp_statistics_mann_whitney(&test, ours, seeds, random, seeds), ESP_OK);
    struct against_random result = {esp_statistics_mean(ours, seeds),
                                    esp_statistics_sd(ours, seeds),
                                    esp_statistics_mean(random, seeds), test.p};
    if (larger ? result.ours <= result.random : result.ours >= result.random)
        result.p = 1;
    return result;
}

static double best_fitness(const char *space, int k, const char *strategy, uint64_t trials,
                           uint64_t seed)
{
    struct strategy_lab lab;
    char ini[1024];
    double best = 0;
    snprintf(ini, sizeof ini,
             "[experiment]\nseed = %lu\n[space]\nplugin = %s\n[strategy]\n%s\n"
             "[estimator]\nplugin = nk_landscape\nk = %d\n",
             (unsigned long)seed, space, strategy, k);
    strategy_lab_open(&lab, ini, NULL, 1, 0);
    strategy_lab_run(&lab, trials);
    for (uint64_t i = 0; i < lab.count; i++)
        best = fmax(best, strategy_lab_fitness(&lab, lab.archs[i]));
    strategy_lab_close(&lab);
    return best;
}

struct against_random against_random_nk(const char *space, int k, const char *strategy,
                                        uint64_t trials, uint64_t seeds)
{
    double ours[MOST], random[MOST];
    cr_assert_leq(seeds, MOST);
    for (uint64_t i = 0; i < seeds; i++) {
        ours[i] = best_fitness(space, k, strategy, trials, i + 1);
        random[i] = best_fitness(space, k, "plugin = random", trials, i + 1);
    }
    return compare(ours, random, seeds, 1);
}

struct against_random against_random_known(const char *function, const char *strategy,
                                           uint64_t trials, uint64_t seeds)
{
    double ours[MOST], random[MOST];
    cr_assert_leq(seeds, MOST);
    known_regrets(ours, function, strategy, trials, seeds);
    known_regrets(random, function, "plugin = random", trials, seeds);
    return compare(ours, random, seeds, 0);
}
