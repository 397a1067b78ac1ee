// SPDX-License-Identifier: Apache-2.0
// How near strategies come to optima that are known: regrets, and of two objectives the share of the exact front's
// hypervolume that is missing. Thresholds are the mean of a reference run of 30 seeds (101 to 130), and three of its
// standard errors at the few seeds (1, 2, ...) that are run here. `make quality` runs the reference anew, prints
// the table and says whether it still holds (ESPALIER_QUALITY=reference). tpe, gp and the controllers have such tests
// of their own. With k = 5 each cell's fitness is a draw of its own, so that nobody can be better than random
// search: a control. A case joins by a line of the table.
#include "support/known_function.h"
#include "support/strategy_lab.h"

#include <criterion/criterion.h>
#include <espalier/support/statistics.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REFERENCE_FIRST = 101, REFERENCE_SEEDS = 30 };

struct quality {
    const char *function, *name, *strategy;
    uint64_t trials, seeds;
    double mean, sd; // of the reference run
};

#define RANDOM "random", "plugin = random\n"
#define LOCAL "local_search", "plugin = local_search\n"
#define EVOLUTION "evolution", "plugin = evolution\npopulation = 20\ntournament = 5\n"
#define CROSSED                                                                                    \
    "evolution, crossed, worst removed",                                                           \
        "plugin = evolution\npopulation = 20\ntournament = 3\nremoval = worst\n"                   \
        "crossover_rate = 0.7\n"
#define REGULARIZED                                                                                \
    "regularized_evolution", "plugin = regularized_evolution\npopulation = 20\ntournament = 5\n"
#define HIERARCHICAL                                                                               \
    "hierarchical_evolution",                                                                      \
        "plugin = hierarchical_evolution\npopulation = 20\ninitial_mutations = 20\n"
#define NSGA2 "nsga2", "plugin = nsga2\npopulation = 20\n"
#define NSGA2_50 "nsga2", "plugin = nsga2\npopulation = 50\n"
#define BANANAS                                                                                    \
    "bananas", "plugin = bananas\nnetworks = 3\nlayers = 3\nepochs = 50\nencoding = trace\n"

// clang-format off
static const struct quality cases[] = {
    {"traps", RANDOM, 300, 10, 7.533, 1.456},
    {"traps", LOCAL, 300, 10, 3.7, 0.7497},
    {"traps", EVOLUTION, 300, 10, 4.8, 1.4},
    {"traps", CROSSED, 300, 10, 3.9, 1.094},
    {"traps", REGULARIZED, 300, 10, 4.8, 1.4},
    {"traps", NSGA2, 300, 10, 4.067, 1.172},
    {"nk2", RANDOM, 300, 10, 0.08454, 0.02862},
    {"nk2", LOCAL, 300, 10, 0.03757, 0.01961},
    {"nk2", EVOLUTION, 300, 10, 0.04791, 0.02096},
    {"nk2", CROSSED, 300, 10, 0.05422, 0.02501},
    {"nk2", REGULARIZED, 300, 10, 0.04791, 0.02096},
    {"nk2", HIERARCHICAL, 300, 10, 0.04596, 0.02669},
    {"nk2", NSGA2, 300, 10, 0.06175, 0.02108},
    {"nk2", BANANAS, 100, 2, 0.05206, 0.02393},
    {"nk5", RANDOM, 300, 10, 0.09451, 0.03496},
    {"nk5", LOCAL, 300, 10, 0.09542, 0.02785},
    {"nk5", EVOLUTION, 300, 10, 0.09912, 0.03354},
    {"nk5", CROSSED, 300, 10, 0.1001, 0.0346},
    {"nk5", REGULARIZED, 300, 10, 0.09912, 0.03354},
    {"nk5", HIERARCHICAL, 300, 10, 0.09618, 0.029},
    {"nk5", NSGA2, 300, 10, 0.09193, 0.03672},
    {"branin", RANDOM, 100, 10, 0.5003, 0.6148},
    {"branin", LOCAL, 100, 10, 0.3179, 0.4634},
    {"branin", EVOLUTION, 100, 10, 0.4436, 0.4555},
    {"branin", CROSSED, 100, 10, 0.363, 0.3166},
    {"branin", REGULARIZED, 100, 10, 0.4436, 0.4555},
    {"branin", NSGA2, 100, 10, 0.3291, 0.4253},
    {"hartmann6", RANDOM, 200, 10, 1.058, 0.4361},
    {"hartmann6", LOCAL, 200, 10, 0.1012, 0.0941},
    {"hartmann6", EVOLUTION, 200, 10, 0.3932, 0.3912},
    {"hartmann6", CROSSED, 200, 10, 0.2802, 0.171},
    {"hartmann6", REGULARIZED, 200, 10, 0.3932, 0.3912},
    {"hartmann6", NSGA2, 200, 10, 0.4411, 0.4097},
    {"zdt1", RANDOM, 4000, 5, 0.9936, 0.02191},
    {"zdt1", NSGA2_50, 4000, 5, 0.008276, 0.001515},
    {"zdt2", RANDOM, 4000, 5, 1, 0},
    {"zdt2", NSGA2_50, 4000, 5, 0.1224, 0.18},
    {"zdt3", RANDOM, 4000, 5, 0.9173, 0.04985},
    {"zdt3", NSGA2_50, 4000, 5, 0.03774, 0.04044},
};
// clang-format on
#define CASES (sizeof cases / sizeof cases[0])

// ---- NK landscapes: the largest fitness of all 15,625 cells ----------------------------------------------

static double nk_best(struct strategy_lab *lab, struct arch *const *archs, uint64_t count)
{
    double best = 0;
    for (uint64_t i = 0; i < count; i++)
        best = fmax(best, strategy_lab_fitness(lab, archs[i]));
    return best;
}

static double nk_search(const char *strategy, const char *k, uint64_t trials, uint64_t seed)
{
    struct strategy_lab lab;
    char ini[512];
    snprintf(ini, sizeof ini,
             "[experiment]\nseed = %lu\n[space]\nplugin = nasbench201\n[strategy]\n%s\n"
             "[estimator]\nplugin = nk_landscape\nk = %s\n",
             (unsigned long)seed, strategy, k);
    strategy_lab_open(&lab, ini, NULL, 1, trials);
    strategy_lab_run(&lab, trials);
    double best = nk_best(&lab, lab.archs, lab.count);
    strategy_lab_close(&lab);
    return best;
}

static double shortfall(const struct quality *q, uint64_t seed)
{
    static double optimum[2];
    if (strncmp(q->function, "nk", 2) != 0)
        return known_shortfall(q->function, q->strategy, q->trials, seed);
    const char *k = q->function + 2;
    double *best = &optimum[*k == '5'];
    if (*best == 0)
        *best = nk_search("plugin = exhaustive\n", k, 15625, 1);
    return *best - nk_search(q->strategy, k, q->trials, seed);
}

static double mean_of(const struct quality *q, uint64_t first, uint64_t seeds, double *sd)
{
    double values[REFERENCE_SEEDS];
    for (uint64_t i = 0; i < seeds; i++)
        values[i] = shortfall(q, first + i);
    *sd = seeds > 1 ? esp_statistics_sd(values, seeds) : 0;
    return esp_statistics_mean(values, seeds);
}

static double threshold(const struct quality *q)
{
    return q->mean + 3 * q->sd / sqrt((double)q->seeds);
}

static int is_reference(void)
{
    const char *wanted = getenv("ESPALIER_QUALITY");
    return wanted && strcmp(wanted, "reference") == 0;
}

Test(quality, shortfalls_stay_below_their_thresholds)
{
    for (size_t i = 0; i < CASES && !is_reference(); i++) {
        double sd, mean = mean_of(&cases[i], 1, cases[i].seeds, &sd);
        cr_expect_leq(mean, threshold(&cases[i]), "%s, %s: %g, expected at most %g",
                      cases[i].function, cases[i].name, mean, threshold(&cases[i]));
    }
}

// Of the table: no row is worse than random search on the same function by three standard errors.
Test(quality, none_is_worse_than_random_search)
{
    const struct quality *random = NULL;
    for (size_t i = 0; i < CASES; i++) {
        const struct quality *q = &cases[i];
        if (strcmp(q->name, "random") == 0)
            random = q;
        cr_assert(random && strcmp(random->function, q->function) == 0, "random comes first");
        double error = sqrt((q->sd * q->sd + random->sd * random->sd) / REFERENCE_SEEDS);
        cr_expect_leq(q->mean, random->mean + 3 * error, "%s, %s", q->function, q->name);
    }
}

Test(quality, reference)
{
    for (size_t i = 0; i < CASES && is_reference(); i++) {
        double sd, mean = mean_of(&cases[i], REFERENCE_FIRST, REFERENCE_SEEDS, &sd);
        double error = 3 * sqrt((sd * sd + cases[i].sd * cases[i].sd) / REFERENCE_SEEDS);
        const int holds = fabs(mean - cases[i].mean) <= error + 5e-4 * fabs(cases[i].mean);
        fprintf(stderr, "%-10s %-34s %5lu trials  %.4g +- %.4g, table %.4g +- %.4g: %s\n",
                cases[i].function, cases[i].name, (unsigned long)cases[i].trials, mean, sd,
                cases[i].mean, cases[i].sd, holds ? "holds" : "DOES NOT HOLD");
        cr_expect(holds, "%s, %s", cases[i].function, cases[i].name);
    }
}
