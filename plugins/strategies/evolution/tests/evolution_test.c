// SPDX-License-Identifier: Apache-2.0
// Evolution as a strategy: the preset is bit for bit the general one, its children are what crossover and
// mutation say.
#include "support/strategy_lab.h"

#include "../variation.h"
#include "loader/instance.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

static uint64_t digest(const char *ini, uint64_t trials)
{
    struct strategy_lab lab;
    uint64_t sum = 0;
    strategy_lab_open(&lab, ini, NULL, 1, 0);
    cr_assert_eq(strategy_lab_run(&lab, trials), ANSWER_TRIAL);
    for (uint64_t i = 0; i < lab.count; i++) {
        uint64_t words[2] = {sum, arch_hash(lab.archs[i])};
        sum = XXH3_64bits(words, sizeof words);
    }
    strategy_lab_close(&lab);
    return sum;
}

Test(evolution, the_preset_is_the_general_one_with_its_defaults)
{
    uint64_t preset = digest("[experiment]\nseed = 5\n[space]\nplugin = mlp\nmax_dropout = 0.5\n"
                             "[strategy]\nplugin = regularized_evolution\npopulation = 20\n"
                             "tournament = 5\n",
                             1000);
    uint64_t general = digest("[experiment]\nseed = 5\n[space]\nplugin = mlp\nmax_dropout = 0.5\n"
                              "[strategy]\nplugin = evolution\npopulation = 20\ntournament = 5\n",
                              1000);
    cr_assert_eq(preset, general);
}

Test(evolution, elitism_that_leaves_nobody_is_refused)
{
    struct strategy_lab lab = {0};
    session_lab_open(&lab.lab,
                     "[space]\nplugin = nasbench201\n[strategy]\nplugin = evolution\n"
                     "population = 4\nelitism = 4\n[estimator]\nplugin = nk_landscape\n"
                     "[objective]\nmaximize = fitness\n",
                     NULL);
    const struct experiment *experiment = lab.lab.experiment;
    cr_assert_eq(search_create(&lab.search, lab.lab.session, 1, 0, false, &lab.error), ESP_OK);
    cr_assert_eq(instance_create(&lab.strategy, experiment->strategy.component,
                                 &experiment->strategy.parameters, session_task(lab.lab.session), 1,
                                 search_handle(lab.search), &lab.error),
                 ESP_ERROR_INVALID);
    cr_assert(strstr(lab.error.message, "less than population 4"), "%s", lab.error.message);
    search_destroy(lab.search);
    session_lab_close(&lab.lab);
}

// The mean of trials 300 .. 599 on a smooth hill.
static double mean_fitness(const char *strategy)
{
    struct strategy_lab lab;
    char ini[512];
    double sum = 0;
    snprintf(ini, sizeof ini,
             "[space]\nplugin = nasbench201\n[strategy]\n%s[estimator]\nplugin = nk_landscape\n"
             "k = 0\n",
             strategy);
    strategy_lab_open(&lab, ini, NULL, 1, 0);
    strategy_lab_run(&lab, 600);
    for (uint64_t i = 300; i < 600; i++)
        sum += strategy_lab_fitness(&lab, lab.archs[i]) / 300;
    strategy_lab_close(&lab);
    return sum;
}

Test(evolution, every_setting_climbs_a_smooth_hill)
{
    static const char *const settings[] = {
        "selection = tournament\ntournament = 5\n",
        "selection = truncation\nremoval = worst\n",
        "selection = roulette\nremoval = worst\n",
        "tournament = 5\nelitism = 2\ncrossover_rate = 1\ncrossover = uniform\n",
        "tournament = 5\ncrossover_rate = 1\ncrossover = one_point\n",
        "tournament = 5\ncrossover_rate = 1\ncrossover = scope\n",
        "tournament = 5\nremoval = none\nmutation = rate\nmutation_rate = 0.2\n",
        "tournament = 10\nremoval = worst\nmutation = subtree\n",
    };
    double drawn = mean_fitness("plugin = random\n");
    for (size_t i = 0; i < ESP_COUNT(settings); i++) {
        char text[256];
        snprintf(text, sizeof text, "plugin = evolution\npopulation = 20\n%s", settings[i]);
        // A random trial's deviation is about 0.12: of the mean of 300, 0.007.
        double mean = mean_fitness(text);
        cr_expect_gt(mean, drawn + 0.05, "%g, random %g, with\n%s", mean, drawn, settings[i]);
    }
}

// ---- Children ---------------------------------------------------------------------------------------

static struct strategy_lab lab;

static void open_space(const char *space)
{
    char ini[256];
    snprintf(ini, sizeof ini, "[space]\n%s\n[strategy]\nplugin = evolution\n", space);
    strategy_lab_open(&lab, ini, NULL, 1, 0);
}

static int same(const struct arch *a, const struct arch *b, uint64_t i, const char *path)
{
    uint64_t count;
    int64_t j = esp_arch_find(arch_handle((struct arch *)(uintptr_t)b), path);
    return j >= 0 &&
           value_equal(arch_choices(a, &count)[i].value, arch_choices(b, &count)[j].value);
}

// A fixed set of decisions: child = a before a point, b from it on; every point comes up.
Test(variation, one_point_takes_the_first_decisions_of_one_and_the_rest_of_the_other)
{
    int points[6] = {0};
    open_space("plugin = nasbench201");
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct arch *a = session_lab_sample(&lab.lab, seed);
        struct arch *b = session_lab_sample(&lab.lab, seed + 1000);
        esp_random random = esp_random_stream(seed, 7, 0, 0, 0);
        esp_arch *out = NULL;
        cr_assert_eq(variation_cross(search_handle(lab.search), arch_handle(a), arch_handle(b),
                                     CROSS_ONE_POINT, &random, &out),
                     ESP_OK);
        const struct arch *child = arch_from_handle(out);
        int fits = 0;
        for (uint64_t point = 1; point < 6; point++) {
            int all = 1;
            for (uint64_t i = 0; i < 6; i++)
                all &= same(child, i < point ? a : b, i, esp_arch_path(out, i));
            fits |= all;
            points[point] += all;
        }
        cr_assert(fits, "seed %lu", (unsigned long)seed);
        esp_arch_release(out);
        arch_release(a);
        arch_release(b);
    }
    for (int point = 1; point < 6; point++)
        cr_assert_geq(points[point], 60, "point %d: %d", point, points[point]);
    strategy_lab_close(&lab);
}

// The longest path that is a prefix, at a slash or the end, of all the decisions that differ.
static uint64_t differing(const struct arch *child, const struct arch *parent, char *prefix,
                          size_t size)
{
    uint64_t count, differ = 0;
    esp_arch *handle = arch_handle((struct arch *)(uintptr_t)child);
    arch_choices(child, &count);
    for (uint64_t i = 0; i < count; i++) {
        const char *path = esp_arch_path(handle, i);
        if (same(child, parent, i, path))
            continue;
        if (differ++ == 0)
            snprintf(prefix, size, "%s", path);
        size_t length = 0, kept = 0;
        for (; prefix[length] && path[length] && prefix[length] == path[length]; length++)
            if (prefix[length] == '/')
                kept = length;
        if (!prefix[length] && (path[length] == '/' || !path[length]))
            kept = length;
        prefix[kept] = 0;
    }
    return differ;
}

// What a subtree mutation changes lies below one scope, what a crossover by scope takes, too; and it takes
// more than one decision now and then.
Test(variation, by_scope_changes_what_lies_below_one_scope)
{
    uint64_t most[2] = {0}, kept[2] = {0};
    open_space("plugin = nasnet");
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct arch *a = session_lab_sample(&lab.lab, seed);
        struct arch *b = session_lab_sample(&lab.lab, seed + 1000);
        for (int cross = 0; cross < 2; cross++) {
            esp_random random = esp_random_stream(seed, 8, 0, 0, 0);
            esp_arch *out = NULL;
            esp_search *search = search_handle(lab.search);
            esp_status status =
                cross ? variation_cross(search, arch_handle(a), arch_handle(b), CROSS_SCOPE,
                                        &random, &out)
                      : variation_mutate(search, arch_handle(a), MUTATE_SUBTREE, 0, &random, &out);
            cr_assert_eq(status, ESP_OK);
            const struct arch *child = arch_from_handle(out);
            char prefix[256] = "";
            uint64_t count = esp_arch_count(out), differ = differing(child, a, prefix, 256);
            if (cross)
                for (uint64_t i = 0; i < count; i++)
                    cr_assert(same(child, a, i, esp_arch_path(out, i)) ||
                              same(child, b, i, esp_arch_path(out, i)));
            else
                cr_assert_gt(differ, 0, "the mutant is its parent");
            most[cross] = differ > most[cross] ? differ : most[cross];
            kept[cross] += differ < count / 2;
            if (differ > 1 && strchr(esp_arch_path(out, 0), '/'))
                cr_expect_gt(strlen(prefix), 0, "changes of %lu decisions in two scopes",
                             (unsigned long)differ);
            esp_arch_release(out);
        }
        arch_release(a);
        arch_release(b);
    }
    for (int cross = 0; cross < 2; cross++) {
        cr_assert_gt(most[cross], 5);
        cr_assert_gt(kept[cross], 100);
    }
    strategy_lab_close(&lab);
}

// Conditional decisions: children of long and short chains are members, whatever is missing.
Test(variation, children_of_conditional_spaces_are_members)
{
    open_space("plugin = mlp\nshapes = triangle, free\nmax_depth = 6\nmax_dropout = 0.5");
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct arch *a = session_lab_sample(&lab.lab, seed);
        struct arch *b = session_lab_sample(&lab.lab, seed + 1000);
        for (int kind = 0; kind < 3; kind++) {
            esp_random random = esp_random_stream(seed, 9, (uint64_t)kind, 0, 0);
            esp_search *search = search_handle(lab.search);
            esp_arch *child = NULL, *mutant = NULL;
            cr_assert_eq(
                variation_cross(search, arch_handle(a), arch_handle(b), kind, &random, &child),
                ESP_OK);
            cr_assert_eq(variation_mutate(search, child, kind, 0.2, &random, &mutant), ESP_OK);
            cr_assert_neq(esp_arch_hash(child), esp_arch_hash(mutant));
            cr_assert_eq(builder_build(lab.builder, arch_from_handle(mutant), NULL, &lab.error),
                         ESP_OK, "%s", lab.error.message);
            esp_arch_release(child);
            esp_arch_release(mutant);
        }
        arch_release(a);
        arch_release(b);
    }
    strategy_lab_close(&lab);
}
