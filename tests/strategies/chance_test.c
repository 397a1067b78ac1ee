// SPDX-License-Identifier: Apache-2.0
// What no strategy may find out. Where it is chance how good an architecture is, none beats random search;
// and a strategy that finds more in a space than in the same space with its options listed in another order has
// looked at the order. Small made tables, another one for every seed; NAS-Bench-201's, with the papers'
// settings, are experiments/nasbench201_permuted and nasbench201_order. A strategy joins by a line of the table.
#include "support/strategy_lab.h"

#include <criterion/criterion.h>
#include <espalier/builder.h>
#include <espalier/support/statistics.h>
#include <math.h>
#include <stdio.h>

enum { EDGES = 5, OPTIONS = 4, TRIALS = 40, SEEDS = 24 };

// 1,024 members.
static const char *const listed[OPTIONS] = {"none", "skip", "conv", "pool"};
static const char *const reordered[OPTIONS] = {"pool", "none", "conv", "skip"};

static const char *const subjects[] = {
    "plugin = exhaustive\norder = shuffled\n",
    "plugin = local_search\n",
    "plugin = regularized_evolution\npopulation = 10\ntournament = 3\n",
    "plugin = evolution\npopulation = 10\ntournament = 3\ncrossover_rate = 0.5\nrepeat = no\n",
    "plugin = evolution\npopulation = 10\nselection = truncation\nmutation = rate\n",
    "plugin = hierarchical_evolution\npopulation = 10\ninitial_mutations = 50\n",
    "plugin = nsga2\npopulation = 10\n",
    "plugin = tpe\n",
    "plugin = tpe\nmultivariate = yes\nrepeat = no\n",
    "plugin = gp\ncandidates = 20\nrestarts = 0\nrefit = 20\n",
    "plugin = bananas\nnetworks = 2\nlayers = 1\nunits = 10\nepochs = 30\nminibatch = 16\n",
    "plugin = reinforce\ncontroller = table\nlearning_rate = 0.1\nbatch = 1\n",
    "plugin = reinforce\nunits = 8\nlayers = 1\nlearning_rate = 0.02\nbatch = 4\n",
    "plugin = ppo\nunits = 8\nlearning_rate = 0.02\nbatch = 10\n",
};
enum { SUBJECTS = sizeof subjects / sizeof subjects[0] };

static esp_status build(const char *const *options, esp_builder *b)
{
    for (int i = 0; i < EDGES; i++) {
        char name[8];
        snprintf(name, sizeof name, "edge%d", i);
        esp_choose_one(b, name, options, OPTIONS);
    }
    return esp_classifier(b, esp_input(b));
}

static esp_status build_listed(void *self, esp_builder *b)
{
    (void)self;
    return build(listed, b);
}

static esp_status build_reordered(void *self, esp_builder *b)
{
    (void)self;
    return build(reordered, b);
}

// A uniform number of its own for each.
static double number_of(uint64_t seed, uint64_t place)
{
    esp_random random = esp_random_stream(seed, place, 0, 0, 0);
    return esp_random_real(&random);
}

// The place of an architecture in a table that knows options by name.
static uint64_t row_of(const esp_arch *arch, int first, int count)
{
    uint64_t row = 0;
    for (int i = first; i < first + count; i++) {
        const char *name = esp_arch_domain(arch, (uint64_t)(i % EDGES))
                               ->names[esp_arch_value(arch, (uint64_t)(i % EDGES)).as.index];
        uint64_t option = 0;
        while (strcmp(listed[option], name) != 0)
            option++;
        row = OPTIONS * row + option;
    }
    return row;
}

// Every architecture has a number of its own.
static double by_chance(const esp_arch *arch, uint64_t seed)
{
    return number_of(seed, row_of(arch, 0, EDGES));
}

// Each edge's part depends on it and the next: an NK landscape.
static double by_parts(const esp_arch *arch, uint64_t seed)
{
    double sum = 0;
    for (int i = 0; i < EDGES; i++)
        sum += number_of(seed, (uint64_t)(i + 1) * 1000 + row_of(arch, i, 2));
    return sum / EDGES;
}

typedef double objective_fn(const esp_arch *arch, uint64_t seed);

// The least that every seed's search finds.
static void search(double least[SEEDS], const char *strategy,
                   esp_status (*space)(void *self, esp_builder *b), objective_fn *objective)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct strategy_lab lab;
        esp_space_type type = strategy_lab_space(space);
        char ini[512];
        double best = INFINITY;
        snprintf(ini, sizeof ini,
                 "[experiment]\nseed = %d\n[space]\nplugin = sketch\n[strategy]\n%s\n", (int)seed,
                 strategy);
        strategy_lab_open(&lab, ini, &type, 1, TRIALS);
        while (lab.count < TRIALS) {
            cr_assert_eq(strategy_lab_ask(&lab), ANSWER_TRIAL, "%s", strategy);
            double value = objective(arch_handle(lab.archs[lab.count - 1]), seed);
            best = fmin(best, value);
            strategy_lab_tell(&lab, lab.count - 1, &value, 0.0);
        }
        strategy_lab_close(&lab);
        least[seed - 1] = best;
    }
}

// At the level 0.05 for all of them together (Bonferroni).
Test(chance, no_strategy_beats_random_search_on_permuted_values)
{
    double random[SEEDS], ours[SEEDS];
    search(random, "plugin = random\n", build_listed, by_chance);
    for (int i = 0; i < SUBJECTS; i++) {
        esp_mann_whitney test;
        search(ours, subjects[i], build_listed, by_chance);
        cr_assert_eq(esp_statistics_mann_whitney(&test, ours, SEEDS, random, SEEDS), ESP_OK);
        double a = esp_statistics_mean(ours, SEEDS), b = esp_statistics_mean(random, SEEDS);
        cr_expect(a >= b || test.p > 0.05 / SUBJECTS, "%s%g beside %g, p = %g", subjects[i], a, b,
                  test.p);
    }
}

// Each seed's landscape is the same in both orders: the differences' mean lies within 3 standard errors of 0.
Test(chance, no_strategy_looks_at_the_order_of_options)
{
    double ours[SEEDS], other[SEEDS];
    for (int i = 0; i < SUBJECTS; i++) {
        search(ours, subjects[i], build_listed, by_parts);
        search(other, subjects[i], build_reordered, by_parts);
        for (int k = 0; k < SEEDS; k++)
            other[k] -= ours[k];
        double mean = esp_statistics_mean(other, SEEDS);
        double error = esp_statistics_sd(other, SEEDS) / sqrt(SEEDS);
        cr_expect(fabs(mean) <= 3 * error, "%s%g more than listed, standard error %g", subjects[i],
                  mean, error);
    }
}
