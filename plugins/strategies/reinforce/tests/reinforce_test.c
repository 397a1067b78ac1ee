// SPDX-License-Identifier: Apache-2.0
// REINFORCE as a strategy: the table's first steps against their formula, conditional decisions, skip
// connections that are learnt by what they name, outcomes that say nothing, the end of a finite space, and
// better than random search on functions whose optimum is known.
#include "support/against_random.h"
#include "support/strategy_lab.h"

#include <criterion/criterion.h>
#include <espalier/builder.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define LOGITS "controller = table\nbatch = 1\npower = 1\naverage = all\n"
#define TABLE LOGITS "init = 0.001\n"

static void open_lab(struct strategy_lab *lab, const char *strategy, const esp_space_type *type)
{
    char ini[512];
    snprintf(ini, sizeof ini, "[space]\nplugin = %s\n[strategy]\nplugin = reinforce\n%s",
             type ? "sketch" : "nasbench201", strategy);
    strategy_lab_open(lab, ini, type, 1, 0);
}

static const char *const ten[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};

// ---- The table ----------------------------------------------------------------------------------------

static esp_status build_coin(void *self, esp_builder *b)
{
    (void)self;
    esp_choose_one(b, "coin", ten, 2);
    return esp_classifier(b, esp_input(b));
}

// SGD with a rate of 2 on a coin: after rewards r the logits differ by the sum of 4 (r - b)(1 - p), by hand. Told
// that one side is better until its probability is above 0.99, it is what is drawn.
Test(reinforce, a_table_follows_its_formula)
{
    struct strategy_lab lab;
    esp_space_type type = strategy_lab_space(build_coin);
    double difference = 0, sum = 0, weight = 0;
    int heads = 0;
    open_lab(&lab, LOGITS "init = 0\noptimizer = sgd\nlearning_rate = 2\n", &type);
    for (uint64_t i = 0; i < 400; i++) {
        cr_assert_eq(strategy_lab_ask(&lab), ANSWER_TRIAL);
        const uint64_t side = esp_arch_value(arch_handle(lab.archs[i]), 0).as.index;
        const double reward = side == 1 ? 1 : 0.5, objective = -reward;
        strategy_lab_tell(&lab, i, &objective, 0.0);
        sum = 0.9 * sum + 0.1 * reward;
        weight = 0.9 * weight + 0.1;
        const double p = 1 / (1 + exp(-difference)); // of side 1
        difference += 4 * (reward - sum / weight) * (side == 1 ? 1 - p : -p);
        heads += i >= 300 && side == 1;
    }
    const double p = 1 / (1 + exp(-difference));
    cr_expect_gt(p, 0.9);
    cr_expect_float_eq(heads, 100 * p, 5 * sqrt(100 * p * (1 - p)) + 2, "%d of 100, p %g", heads,
                       p);
    strategy_lab_close(&lab);
}

// ---- Conditional decisions ------------------------------------------------------------------------------

static esp_status build_branches(void *self, esp_builder *b)
{
    (void)self;
    if (esp_choose_one(b, "branch", ten, 2) == 0)
        esp_choose_one(b, "left", ten, 10);
    else
        esp_choose_real(b, "right", 0.0, 1.0);
    return esp_classifier(b, esp_input(b));
}

// The best lies at right = 0.3.
static double branches(const struct arch *arch)
{
    const esp_arch *handle = arch_handle((struct arch *)(uintptr_t)arch);
    esp_value second = esp_arch_value(handle, 1);
    if (esp_arch_value(handle, 0).as.index == 0)
        return 1.0 + 0.5 * (second.as.index != 7);
    return fabs(second.as.real - 0.3);
}

static const char *const modes[] = {TABLE "learning_rate = 0.1\n",
                                    "learning_rate = 0.02\npower = 1\nbatch = 4\n"};

Test(reinforce, conditional_decisions_are_learnt_where_they_are)
{
    for (int mode = 0; mode < 2; mode++) {
        struct strategy_lab lab;
        esp_space_type type = strategy_lab_space(build_branches);
        int right = 0, near = 0;
        open_lab(&lab, modes[mode], &type);
        for (uint64_t i = 0; i < 600; i++) {
            cr_assert_eq(strategy_lab_ask(&lab), ANSWER_TRIAL);
            double value = branches(lab.archs[i]);
            strategy_lab_tell(&lab, i, &value, 0.0);
            right += i >= 500 && value < 1.0;
            near += i >= 500 && value < 0.15;
        }
        // Of 100; random search has 50 and 15.
        cr_expect_geq(right, 85, "mode %d: %d", mode, right);
        cr_expect_geq(near, 40, "mode %d: %d", mode, near);
        strategy_lab_close(&lab);
    }
}

// ---- Skip connections -----------------------------------------------------------------------------------

enum { LAYERS = 5 };

static esp_status build_skips(void *self, esp_builder *b)
{
    static const char *const sources[] = {"layer_0", "layer_1", "layer_2", "layer_3"};
    uint32_t chosen[LAYERS];
    (void)self;
    for (int64_t i = 0; i < LAYERS; i++) {
        esp_scope(b, "layer", i);
        if (i > 0)
            esp_choose_inputs(b, "inputs", sources, (uint64_t)i, 0, (uint64_t)i, chosen);
        esp_choose_one(b, "op", ten, 2);
        esp_scope_end(b);
    }
    return esp_classifier(b, esp_input(b));
}

// A layer ought to take those before it whose operation is `b`, and no other. The share of wrong decisions.
static double wrong(const struct arch *arch)
{
    const esp_arch *handle = arch_handle((struct arch *)(uintptr_t)arch);
    int is_b[LAYERS] = {0}, count = 0, all = 0, layer = 0;
    for (uint64_t i = 0; i < esp_arch_count(handle); i++) {
        const esp_value value = esp_arch_value(handle, i);
        if (value.kind == ESP_DECISION_ONE) {
            is_b[layer++] = value.as.index == 1;
            continue;
        }
        int taken[LAYERS] = {0};
        for (uint32_t k = 0; k < value.count; k++)
            taken[value.as.indices[k]] = 1;
        for (int k = 0; k < layer; k++, all++)
            count += taken[k] != is_b[k];
    }
    return (double)count / all;
}

Test(reinforce, skip_connections_are_learnt)
{
    static const char *const modes_of_subsets[] = {"", "subsets = logits\n", "share = yes\n"};
    for (int mode = 0; mode < 3; mode++) {
        struct strategy_lab lab;
        esp_space_type type = strategy_lab_space(build_skips);
        char strategy[128];
        double first = 0, last = 0;
        snprintf(strategy, sizeof strategy, "learning_rate = 0.01\npower = 1\n%s",
                 modes_of_subsets[mode]);
        open_lab(&lab, strategy, &type);
        for (uint64_t i = 0; i < 2000; i++) {
            cr_assert_eq(strategy_lab_ask(&lab), ANSWER_TRIAL);
            double value = wrong(lab.archs[i]);
            strategy_lab_tell(&lab, i, &value, 0.0);
            first += i < 100 ? value / 100 : 0;
            last += i >= 1900 ? value / 100 : 0;
        }
        cr_expect_float_eq(first, 0.5, 0.1, "%g are wrong at first", first);
        cr_expect_leq(last, 0.1, "mode %d: %g are wrong", mode, last);
        strategy_lab_close(&lab);
    }
}

// ---- Outcomes ---------------------------------------------------------------------------------------------

// All the same, all failed, as large as numbers are: it goes on, by any rule.
Test(reinforce, outcomes_that_say_nothing)
{
    static const char *const rules[] = {
        TABLE "optimizer = sgd\nlearning_rate = 10\n",
        "optimizer = sgd\nlearning_rate = 10\nbatch = 1\nunits = 8\n",
        "learning_rate = 10\nbatch = 1\nunits = 8\npower = 10\n"};
    for (int rule = 0; rule < 3; rule++) {
        char ini[512];
        snprintf(ini, sizeof ini,
                 "[space]\nplugin = nasbench201\n[strategy]\nplugin = reinforce\n%s", rules[rule]);
        strategy_lab_say_nothing(ini, 120);
    }
}

// What fails is left alone, and so is what breaks a constraint.
Test(reinforce, what_fails_is_avoided)
{
    for (int violated = 0; violated < 2; violated++) {
        struct strategy_lab lab;
        esp_space_type type = strategy_lab_space(build_branches);
        int right = 0;
        open_lab(&lab, modes[0], &type);
        for (uint64_t i = 0; i < 300; i++) {
            cr_assert_eq(strategy_lab_ask(&lab), ANSWER_TRIAL);
            double value = branches(lab.archs[i]);
            const int bad = value < 1.0;
            right += i >= 200 && bad;
            strategy_lab_tell(&lab, i, bad && !violated ? NULL : &value, bad ? 1.0 : 0.0);
        }
        cr_expect_leq(right, 25, "%d of 100", right);
        strategy_lab_close(&lab);
    }
}

// ---- Known functions ----------------------------------------------------------------------------------------

// A reference run of 30 seeds, mean +- sd: the landscape 0.775 +- 0.017 (a table) and 0.663 +- 0.026 (LSTM), random
// search 0.618; regret of the traps 5.0 +- 1.1 and 6.0 +- 0.6, random search 7.3.
Test(reinforce, better_than_random_search)
{
    static const char *const strategies[] = {
        "plugin = reinforce\n" TABLE "learning_rate = 0.1\n",
        "plugin = reinforce\nlearning_rate = 0.01\nbatch = 4\n"};
    for (int mode = 0; mode < 2; mode++) {
        struct against_random nk = against_random_nk("nasnet", 1, strategies[mode], 400, 8);
        struct against_random traps = against_random_known("traps", strategies[mode], 300, 20);
        cr_expect_leq(nk.p, 0.01, "mode %d: %g +- %g, random search %g, p %g", mode, nk.ours, nk.sd,
                      nk.random, nk.p);
        cr_expect_leq(traps.p, 0.01, "mode %d: %g +- %g, random search %g, p %g", mode, traps.ours,
                      traps.sd, traps.random, traps.p);
    }
}
