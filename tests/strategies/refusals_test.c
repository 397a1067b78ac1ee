// SPDX-License-Identifier: Apache-2.0
// What every strategy says before the first trial, through the program: several objectives, real decisions and
// genomes that it does not serve, with the names of those that do; a population that the budget has no room for; a
// resume with another parameter. And outcomes that say nothing, told to each. A strategy joins by a line of the table.
#include "support/command.h"
#include "support/folder.h"
#include "support/strategy_lab.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REALS = 1, GENOMES = 2, PAIRS = 4, DECISIONS = 8 };

static const struct {
    const char *name, *parameters; // the parameters keep it quick
    int serves;
    const char *changed, *difference; // a parameter that a resume may not change
    int population;                   // it has one
} subjects[] = {
    {"random", "", REALS | GENOMES | PAIRS | DECISIONS, "repeat=no", "repeat: yes -> no", 0},
    {"exhaustive", "", PAIRS | DECISIONS, "order=shuffled", "order: listed -> shuffled", 0},
    {"local_search", "", REALS | DECISIONS, "initial=3", "initial: 10 -> 3", 0},
    {"evolution", "population = 20\n", REALS | GENOMES | DECISIONS, "removal=worst",
     "removal: oldest -> worst", 1},
    {"regularized_evolution", "population = 20\n", REALS | GENOMES | DECISIONS, "tournament=3",
     "tournament: 25 -> 3", 1},
    {"hierarchical_evolution", "population = 20\ninitial_mutations = 10\n", REALS | DECISIONS,
     "mutations=2", "mutations: 1 -> 2", 1},
    {"neat", "population = 20\n", GENOMES, "add_link=0.3", "add_link: 0.05 -> 0.3", 1},
    {"reinforce", "units = 8\n", REALS | DECISIONS, "learning_rate=0.5", "-> 0.5", 0},
    {"ppo", "units = 8\nepochs = 1\n", REALS | DECISIONS, "learning_rate=0.5", "-> 0.5", 0},
    {"tpe", "", REALS | DECISIONS, "gamma=0.2", "gamma: 0.1 -> 0.2", 0},
    {"tpe", "multivariate = yes\n", REALS | DECISIONS, "multivariate=no", "multivariate: yes -> no",
     0},
    {"gp", "candidates = 10\nrestarts = 0\n", REALS | DECISIONS, "lie=worst", "lie: best -> worst",
     0},
    {"bananas", "networks = 2\nlayers = 1\nunits = 3\nepochs = 1\n", REALS | DECISIONS,
     "networks=3", "networks: 2 -> 3", 0},
    {"nsga2", "population = 20\n", REALS | PAIRS | DECISIONS, "crossover_rate=0.5",
     "crossover_rate: 0.9 -> 0.5", 1},
};
#define SUBJECTS (sizeof subjects / sizeof subjects[0])

#define CELLS "[space]\nplugin = nasbench201\n"
#define NETWORKS "[space]\nplugin = neat\ninputs = 2\noutputs = 1\n"
#define MIXED "[space]\nplugin = mlp\nmax_dropout = 0.8\n"

static char *folder, out[600];

static void begin(void)
{
    folder = folder_temporary();
}

static void end(void)
{
    folder_delete(folder);
}

TestSuite(refusals, .init = begin, .fini = end);

static char *write_config(size_t i, const char *space, const char *estimator,
                          const char *objectives)
{
    char *text = NULL;
    static int number;
    if (asprintf(&text,
                 "%s[strategy]\nplugin = %s\n%s[estimator]\nplugin = %s\n[objective]\n%s"
                 "[budget]\ntrials = 21\n",
                 space, subjects[i].name, subjects[i].parameters, estimator, objectives) < 0)
        abort();
    char *config = folder_write(folder, "a.ini", text);
    snprintf(out, sizeof out, "%s/out-%d", folder, number++);
    free(text);
    return config;
}

static struct command_result run(const char *config, const char *more, const char *value)
{
    const char *arguments[] = {
        espalier_binary(), "run", config, "--quiet", "--out", out, more, value, NULL};
    struct command command = {.arguments = arguments};
    return command_run(&command);
}

// Status 2, and the words say who takes it: every strategy of the table that does, no other.
static void expect_refused(size_t i, int wanted, char *config, const char *why)
{
    struct command_result result = run(config, NULL, NULL);
    const char *names = strstr(result.err, why);
    cr_expect_eq(result.status, 2, "%s: status %d\n%s", subjects[i].name, result.status,
                 result.err);
    cr_expect(names && strstr(result.err, "a.ini:"), "'%s' in\n%s", why, result.err);
    for (size_t k = 0; k < SUBJECTS && names; k++) {
        int found = 0;
        size_t length = strlen(subjects[k].name);
        for (const char *at = names; (at = strstr(at, subjects[k].name)); at += length)
            found |= at[-1] == ' ' && !(at[length] >= '_' && at[length] <= 'z');
        const int expected = (subjects[k].serves & wanted) == wanted;
        cr_expect_eq(found, expected, "%s of %s in\n%s", subjects[k].name, subjects[i].name,
                     result.err);
    }
    command_free(&result);
    free(config);
}

Test(refusals, several_objectives)
{
    for (size_t i = 0; i < SUBJECTS; i++)
        if ((subjects[i].serves & (DECISIONS | PAIRS)) == DECISIONS)
            expect_refused(
                i, DECISIONS | PAIRS,
                write_config(i, CELLS, "nk_landscape", "maximize = fitness\nminimize = params\n"),
                "several are taken by:");
}

Test(refusals, several_objectives_of_genomes)
{
    for (size_t i = 0; i < SUBJECTS; i++)
        if ((subjects[i].serves & (GENOMES | PAIRS)) == GENOMES)
            expect_refused(
                i, GENOMES | PAIRS,
                write_config(i, NETWORKS, "xor", "maximize = fitness\nminimize = params\n"),
                "several are taken by:");
}

// Those that take them are run in laws_test.c.
Test(refusals, real_decisions)
{
    for (size_t i = 0; i < SUBJECTS; i++)
        if ((subjects[i].serves & (DECISIONS | REALS)) == DECISIONS)
            expect_refused(i, DECISIONS | REALS,
                           write_config(i, MIXED, "nk_landscape", "maximize = fitness\n"),
                           "they are taken by:");
}

Test(refusals, genomes)
{
    for (size_t i = 0; i < SUBJECTS; i++)
        if (!(subjects[i].serves & GENOMES))
            expect_refused(i, GENOMES, write_config(i, NETWORKS, "xor", "maximize = fitness\n"),
                           "these do:");
}

Test(refusals, a_space_without_genomes)
{
    for (size_t i = 0; i < SUBJECTS; i++) {
        if (subjects[i].serves & DECISIONS)
            continue;
        char *config = write_config(i, CELLS, "nk_landscape", "maximize = fitness\n");
        struct command_result result = run(config, NULL, NULL);
        cr_expect_eq(result.status, 2, "%s: %d", subjects[i].name, result.status);
        cr_expect(strstr(result.err, "genome"), "%s", result.err);
        command_free(&result);
        free(config);
    }
}

Test(refusals, a_population_that_the_budget_has_no_room_for_warns)
{
    for (size_t i = 0; i < SUBJECTS; i++) {
        const int genomes = !(subjects[i].serves & DECISIONS);
        char *config = write_config(i, genomes ? NETWORKS : CELLS, genomes ? "xor" : "nk_landscape",
                                    "maximize = fitness\n");
        for (int larger = 0; larger < 2 && subjects[i].population; larger++) {
            char more[32];
            snprintf(out + strlen(out), 2, "%d", larger);
            snprintf(more, sizeof more, "budget.trials=%d", larger ? 19 : 21);
            struct command_result result = run(config, "--set", more);
            cr_expect_eq(result.status, 0, "%s", result.err);
            cr_expect_eq(strstr(result.err, "population 20 is not smaller than the budget of 19") !=
                             NULL,
                         larger, "%s with %s:\n%s", subjects[i].name, more, result.err);
            command_free(&result);
        }
        free(config);
    }
}

Test(refusals, a_resume_with_another_parameter_shows_the_difference)
{
    for (size_t i = 0; i < SUBJECTS; i++) {
        const int genomes = !(subjects[i].serves & DECISIONS);
        char more[64];
        char *config = write_config(i, genomes ? NETWORKS : CELLS, genomes ? "xor" : "nk_landscape",
                                    "maximize = fitness\n");
        struct command_result first = run(config, NULL, NULL);
        cr_expect_eq(first.status, 0, "%s", first.err);
        snprintf(more, sizeof more, "strategy.%s", subjects[i].changed);
        const char *arguments[] = {espalier_binary(), "run",   config, "--quiet", "--out", out,
                                   "--resume",        "--set", more,   NULL};
        struct command command = {.arguments = arguments};
        struct command_result result = command_run(&command);
        cr_expect_eq(result.status, 2, "%s: status %d\n%s", subjects[i].name, result.status,
                     result.err);
        cr_expect(strstr(result.err, "strategy.") && strstr(result.err, subjects[i].difference),
                  "'%s' in\n%s", subjects[i].difference, result.err);
        command_free(&first);
        command_free(&result);
        free(config);
    }
}

// ---- Outcomes that say nothing ------------------------------------------------------------------------

// All the same, as large as numbers are, all failed, all breaking a constraint; and two objectives of that kind.
Test(refusals, outcomes_that_say_nothing_are_borne)
{
    for (size_t i = 0; i < SUBJECTS; i++) {
        char ini[512];
        const int genomes = !(subjects[i].serves & DECISIONS);
        snprintf(ini, sizeof ini, "%s[strategy]\nplugin = %s\n%s%s", genomes ? NETWORKS : CELLS,
                 subjects[i].name, subjects[i].parameters,
                 genomes ? "[estimator]\nplugin = xor\n" : "");
        strategy_lab_say_nothing(ini, 90);
    }
}

Test(refusals, pairs_that_say_nothing_are_borne)
{
    for (size_t i = 0; i < SUBJECTS; i++)
        for (int kind = 0; kind < 3 && subjects[i].serves & PAIRS; kind++) {
            struct strategy_lab lab;
            char ini[256];
            snprintf(ini, sizeof ini, "%s[strategy]\nplugin = %s\n%s", CELLS, subjects[i].name,
                     subjects[i].parameters);
            strategy_lab_open(&lab, ini, NULL, 2, 0);
            for (uint64_t trial = 0; trial < 90; trial++) {
                double huge = trial % 2 ? 1.7e308 : -1.7e308;
                double objectives[] = {kind == 0 ? 1 : huge, kind == 0 ? 1 : -huge};
                cr_assert_eq(strategy_lab_ask(&lab), ANSWER_TRIAL);
                strategy_lab_tell(&lab, trial, kind == 2 ? NULL : objectives, 0.0);
            }
            strategy_lab_close(&lab);
        }
}

// A metric that is no number, or infinite, fails its trial, and never reaches the strategy: the run goes on to its end.
Test(refusals, what_is_no_number_fails_its_trial)
{
    for (size_t i = 0; i < SUBJECTS; i++)
        if (subjects[i].serves & DECISIONS) {
            char estimator[64];
            snprintf(estimator, sizeof estimator, "faulty\nmode = %s", i % 2 ? "nan" : "infinite");
            char *config = write_config(i, CELLS, estimator, "maximize = score\n");
            const char *arguments[] = {espalier_binary(),
                                       "run",
                                       config,
                                       "--quiet",
                                       "--out",
                                       out,
                                       "--plugins",
                                       getenv("ESPALIER_TEST_PLUGINS"),
                                       "--set",
                                       "executor.plugin=inline",
                                       NULL};
            struct command command = {.arguments = arguments};
            struct command_result result = command_run(&command);
            cr_expect_eq(result.status, 1, "%s: status %d\n%s", subjects[i].name, result.status,
                         result.err);
            json_t *results = espalier_results(out);
            json_t *trials = json_object_get(results, "trials");
            cr_expect_eq(json_array_size(trials), 21, "%s: %zu trials", subjects[i].name,
                         json_array_size(trials));
            json_decref(results);
            command_free(&result);
            free(config);
        }
}
