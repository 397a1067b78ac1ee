// SPDX-License-Identifier: Apache-2.0
// Local search: ends are true local optima, by brute force over all neighbours; what it tries, how often
// and in which order; trials that fail or come in late.
#include "support/strategy_lab.h"

#include "../neighbours.h"

#include <criterion/criterion.h>
#include <espalier/builder.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACE_201 "[space]\nplugin = nasbench201\n[strategy]\nplugin = local_search\n"

// Every neighbour of a cell of NAS-Bench-201: six edges, four other operations each.
static double best_neighbour(struct strategy_lab *lab, struct arch *arch)
{
    uint64_t count;
    const struct choice *choices = arch_choices(arch, &count);
    double best = 0;
    esp_random random = esp_random_stream(1, 1, 0, 0, 0);
    cr_assert_eq(count, 6);
    for (uint64_t i = 0; i < 6; i++) {
        for (uint64_t v = 0; v < 5; v++) {
            struct arch *other = NULL;
            if (choices[i].value.as.index == v)
                continue;
            cr_assert_eq(builder_change(lab->builder, arch, i, esp_value_one(v), &random, &other,
                                        &lab->error),
                         ESP_OK);
            double fitness = strategy_lab_fitness(lab, other);
            best = fitness > best ? fitness : best;
            arch_release(other);
        }
    }
    return best;
}

static struct arch *best_of(struct strategy_lab *lab)
{
    struct arch *best = lab->archs[0];
    for (uint64_t i = 1; i < lab->count; i++)
        if (strategy_lab_fitness(lab, lab->archs[i]) > strategy_lab_fitness(lab, best))
            best = lab->archs[i];
    return best;
}

static void expect_optimum(const char *evaluate, int seed)
{
    struct strategy_lab lab;
    char text[512];
    snprintf(text, sizeof text,
             "[experiment]\nseed = %d\n" SPACE_201
             "restart = no\nevaluate = %s\n[estimator]\nplugin = nk_landscape\nk = 2\n",
             seed, evaluate);
    strategy_lab_open(&lab, text, NULL, 1, 0);
    cr_assert_eq(strategy_lab_run(&lab, 15625), ANSWER_DONE);
    cr_assert_str_eq(lab.reason, "local optimum");
    struct arch *best = best_of(&lab);
    double fitness = strategy_lab_fitness(&lab, best), neighbour = best_neighbour(&lab, best);
    cr_assert_gt(fitness, neighbour, "%s, seed %d", evaluate, seed);
    // 10 starts, and at least the 24 neighbours of the optimum, of which one was where it came from.
    cr_assert_geq(lab.count, 10 + 23);
    strategy_lab_close(&lab);
}

Test(local_search, a_descent_ends_in_a_true_local_optimum)
{
    for (int seed = 0; seed < 20; seed++) {
        expect_optimum("first", seed);
        expect_optimum("all", seed);
    }
}

// On a smooth landscape (K = 0) every local optimum is the best of all.
Test(local_search, a_smooth_landscape_is_climbed_to_its_top)
{
    struct strategy_lab lab;
    double best = 0;
    strategy_lab_open(&lab,
                      SPACE_201 "restart = no\ninitial = 1\n[estimator]\nplugin = nk_landscape\n"
                                "k = 0\n",
                      NULL, 1, 0);
    cr_assert_eq(strategy_lab_run(&lab, 15625), ANSWER_DONE);
    double found = strategy_lab_fitness(&lab, best_of(&lab));
    cr_assert_leq(lab.count, 1 + 6 * 4 * 6, "%lu trials", (unsigned long)lab.count);
    strategy_lab_close(&lab);
    strategy_lab_open(&lab,
                      "[space]\nplugin = nasbench201\n[strategy]\nplugin = exhaustive\n"
                      "[estimator]\nplugin = nk_landscape\nk = 0\n",
                      NULL, 1, 0);
    strategy_lab_run(&lab, 15625);
    best = strategy_lab_fitness(&lab, best_of(&lab));
    cr_assert_eq(found, best);
    strategy_lab_close(&lab);
}

static int differences(const struct arch *a, const struct arch *b)
{
    uint64_t count;
    int sum = 0;
    const struct choice *x = arch_choices(a, &count), *y = arch_choices(b, &count);
    for (uint64_t i = 0; i < 6; i++)
        sum += x[i].value.as.index != y[i].value.as.index;
    return sum;
}

// `all` looks at the whole neighbourhood before it moves, `first` moves at once.
Test(local_search, first_improvement_moves_at_once_and_all_at_the_end)
{
    for (int all = 0; all < 2; all++) {
        struct strategy_lab lab;
        char text[256];
        snprintf(text, sizeof text, SPACE_201 "initial = 1\nevaluate = %s\n",
                 all ? "all" : "first");
        strategy_lab_open(&lab, text, NULL, 1, 0);
        for (int i = 0; i < 25; i++) {
            // Each trial is better than all before it.
            double objective = -i;
            cr_assert_eq(strategy_lab_ask(&lab), ANSWER_TRIAL);
            int moved = all     ? differences(lab.archs[i], lab.archs[0])
                        : i > 0 ? differences(lab.archs[i], lab.archs[i - 1])
                                : 1;
            cr_assert_eq(moved, i > 0 || !all, "trial %d", i);
            strategy_lab_tell(&lab, (uint64_t)i, &objective, 0.0);
        }
        // The 25th neighbour is one of the best's, the 24th.
        cr_assert_eq(strategy_lab_ask(&lab), ANSWER_TRIAL);
        cr_assert_eq(differences(lab.archs[25], lab.archs[24]), 1);
        strategy_lab_close(&lab);
    }
}

static void expect_distinct(const struct strategy_lab *lab)
{
    for (uint64_t i = 0; i < lab->count; i++)
        for (uint64_t j = 0; j < i; j++)
            cr_assert_neq(arch_hash(lab->archs[i]), arch_hash(lab->archs[j]), "%lu and %lu",
                          (unsigned long)i, (unsigned long)j);
}

// 125 members: restarts go on until all are tried, each once, although some always fail.
Test(local_search, restarts_exhaust_a_finite_space_and_bear_failures)
{
    struct strategy_lab lab;
    strategy_lab_open(&lab,
                      SPACE_201 "initial = 3\n[fix]\ncell/edge/0-1 = none\ncell/edge/0-2 = none\n"
                                "cell/edge/0-3 = none\n",
                      NULL, 1, 0);
    while (strategy_lab_ask(&lab) == ANSWER_TRIAL) {
        struct arch *arch = lab.archs[lab.count - 1];
        double objective = -strategy_lab_fitness(&lab, arch);
        strategy_lab_tell(&lab, lab.count - 1, arch_hash(arch) % 3 ? &objective : NULL, 0.0);
        cr_assert_leq(lab.count, 125);
    }
    cr_assert_str_eq(lab.reason, "exhausted");
    cr_assert_eq(lab.count, 125);
    expect_distinct(&lab);
    strategy_lab_close(&lab);
}

// All fail, or all are the same: it goes on and ends, too.
Test(local_search, a_flat_landscape_and_one_of_failures_end)
{
    for (int failed = 0; failed < 2; failed++) {
        struct strategy_lab lab;
        double objective = 1.0;
        strategy_lab_open(&lab,
                          SPACE_201 "[fix]\ncell/edge/0-1 = none\ncell/edge/0-2 = none\n"
                                    "cell/edge/0-3 = none\n",
                          NULL, 1, 0);
        while (strategy_lab_ask(&lab) == ANSWER_TRIAL)
            strategy_lab_tell(&lab, lab.count - 1, failed ? NULL : &objective, 0.0);
        cr_assert_eq(lab.count, 125);
        strategy_lab_close(&lab);
    }
}

// Seven are open at once, told in the order of their asks: still an optimum by brute force, and asking
// while it waits changes nothing.
Test(local_search, trials_open_side_by_side)
{
    struct strategy_lab lab;
    strategy_lab_open(&lab, SPACE_201 "restart = no\n", NULL, 1, 0);
    enum answer answer = ANSWER_TRIAL;
    uint64_t told = 0;
    while (answer != ANSWER_DONE) {
        while (answer != ANSWER_DONE && lab.count < told + 7) {
            answer = strategy_lab_ask(&lab);
            if (answer == ANSWER_WAIT) {
                cr_assert_lt(told, lab.count, "it waits for nothing");
                cr_assert_eq(strategy_lab_ask(&lab), ANSWER_WAIT);
                break;
            }
        }
        if (answer == ANSWER_DONE)
            break;
        answer = ANSWER_TRIAL;
        double objective = -strategy_lab_fitness(&lab, lab.archs[told]);
        strategy_lab_tell(&lab, told++, &objective, 0.0);
    }
    struct arch *best = best_of(&lab);
    cr_assert_gt(strategy_lab_fitness(&lab, best), best_neighbour(&lab, best));
    expect_distinct(&lab);
    strategy_lab_close(&lab);
}

// A start that breaks a constraint less is better, whatever its objective.
Test(local_search, what_is_feasible_comes_first)
{
    struct strategy_lab lab;
    static const double objectives[] = {0.1, 0.9, 0.5}, violations[] = {2.0, 0.0, 0.0};
    strategy_lab_open(&lab, SPACE_201 "initial = 3\n", NULL, 1, 0);
    for (uint64_t i = 0; i < 3; i++) {
        cr_assert_eq(strategy_lab_ask(&lab), ANSWER_TRIAL);
        strategy_lab_tell(&lab, i, &objectives[i], violations[i]);
    }
    cr_assert_eq(strategy_lab_ask(&lab), ANSWER_TRIAL);
    cr_assert_eq(differences(lab.archs[3], lab.archs[2]), 1);
    strategy_lab_close(&lab);
}

// ---- Neighbourhoods ---------------------------------------------------------------------------------

static esp_status build_kinds(void *self, esp_builder *b)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    (void)self;
    uint64_t which = esp_choose_one(b, "which", names, 2);
    esp_choose_int(b, "small", -1, 2);
    esp_choose_int(b, "large", 0, 1000000);
    esp_choose_subset(b, "subset", names, 4, 1, 2);
    if (which == 0)
        esp_choose_real(b, "real", 0.0, 1.0);
    return esp_classifier(b, esp_input(b));
}

static uint64_t changed(const struct arch *arch, const struct arch *other, const char *path)
{
    int64_t i = arch_handle((struct arch *)(uintptr_t)arch)
                    ->api->find(arch_handle((struct arch *)(uintptr_t)arch), path);
    int64_t j = arch_handle((struct arch *)(uintptr_t)other)
                    ->api->find(arch_handle((struct arch *)(uintptr_t)other), path);
    uint64_t count;
    if (i < 0 || j < 0)
        return 0;
    return !value_equal(arch_choices(arch, &count)[i].value, arch_choices(other, &count)[j].value);
}

Test(neighbours, are_all_changes_of_one_decision_or_drawn_where_those_are_many)
{
    esp_space_type type = strategy_lab_space(build_kinds);
    struct strategy_lab lab;
    strategy_lab_open(&lab, "[space]\nplugin = sketch\n[strategy]\nplugin = local_search\n", &type,
                      1, 0);
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct arch *arch = session_lab_sample(&lab.lab, seed);
        struct neighbours neighbours = {0};
        esp_random random = esp_random_stream(seed, 9, 0, 0, 0);
        uint64_t which = 0, small = 0, large = 0, subset = 0, real = 0;
        cr_assert_eq(
            neighbours_find(&neighbours, search_handle(lab.search), arch_handle(arch), 12, &random),
            ESP_OK);
        for (uint64_t i = 0; i < neighbours.count; i++) {
            const struct arch *other = arch_from_handle(neighbours.archs[i]);
            uint64_t parts[] = {changed(arch, other, "which"), changed(arch, other, "small"),
                                changed(arch, other, "large"), changed(arch, other, "subset"),
                                changed(arch, other, "real")};
            which += parts[0], small += parts[1], large += parts[2];
            subset += parts[3], real += parts[4];
            cr_assert_eq(parts[0] + parts[1] + parts[2] + parts[3] + parts[4], 1);
        }
        // 4 + 6 subsets of one and two, all but its own.
        cr_assert(which == 1 && small == 3 && large == 12 && subset == 9, "%lu %lu %lu %lu",
                  (unsigned long)which, (unsigned long)small, (unsigned long)large,
                  (unsigned long)subset);
        cr_assert_eq(real, arch_choices(arch, &(uint64_t){0})[0].value.as.index == 0 ? 12 : 0);
        neighbours_free(&neighbours);
        arch_release(arch);
    }
    strategy_lab_close(&lab);
}
