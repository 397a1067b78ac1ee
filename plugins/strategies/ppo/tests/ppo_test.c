// SPDX-License-Identifier: Apache-2.0
// PPO as a strategy: nothing is learnt before a minibatch is told, late and reordered tells, what the clip keeps
// from moving, conditional decisions, outcomes that say nothing, better than random search.
#include "support/against_random.h"
#include "support/strategy_lab.h"

#include <criterion/criterion.h>
#include <espalier/builder.h>
#include <math.h>
#include <stdio.h>

static const char *const ten[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};

static esp_status build_coin(void *self, esp_builder *b)
{
    (void)self;
    esp_choose_one(b, "coin", ten, 2);
    return esp_classifier(b, esp_input(b));
}

static esp_status build_branches(void *self, esp_builder *b)
{
    (void)self;
    if (esp_choose_one(b, "branch", ten, 2) == 0)
        esp_choose_one(b, "left", ten, 10);
    else
        esp_choose_real(b, "right", 0.0, 1.0);
    return esp_classifier(b, esp_input(b));
}

static void open_lab(struct strategy_lab *lab, const char *strategy,
                     esp_status (*build)(void *, esp_builder *))
{
    static esp_space_type type;
    char ini[512];
    type = strategy_lab_space(build);
    snprintf(ini, sizeof ini, "[space]\nplugin = %s\n[strategy]\nplugin = ppo\n%s",
             build ? "sketch" : "nasbench201", strategy);
    strategy_lab_open(lab, ini, build ? &type : NULL, 1, 0);
}

static uint64_t side_of(const struct strategy_lab *lab, uint64_t trial)
{
    return esp_arch_value(arch_handle(lab->archs[trial]), 0).as.index;
}

// ---- Minibatches ----------------------------------------------------------------------------------------

// Whatever is told before a minibatch is whole, the same is asked for; after it not.
Test(ppo, it_learns_from_whole_minibatches)
{
    enum { BATCH = 10, TRIALS = 120 };
    struct strategy_lab labs[2];
    int same = 1, later = 1;
    for (int i = 0; i < 2; i++) {
        open_lab(&labs[i], "batch = 10\nunits = 8\nlearning_rate = 0.05\n", NULL);
        for (uint64_t trial = 0; trial < TRIALS; trial++) {
            double objective = (i ? -1.0 : 1.0) * (double)(trial % 3);
            cr_assert_eq(strategy_lab_ask(&labs[i]), ANSWER_TRIAL);
            strategy_lab_tell(&labs[i], trial, &objective, 0.0);
        }
    }
    for (uint64_t trial = 0; trial < TRIALS; trial++) {
        const int equal = arch_hash(labs[0].archs[trial]) == arch_hash(labs[1].archs[trial]);
        if (trial < BATCH)
            same &= equal;
        else
            later &= equal;
    }
    cr_expect(same && !later);
    strategy_lab_close(&labs[0]);
    strategy_lab_close(&labs[1]);
}

// Two coins of which one pays. With hundreds of trials open, told in any order, it is still learnt; trials from
// before the policy moved are weighed by their own probabilities.
Test(ppo, late_tells_are_learnt_from)
{
    enum { TRIALS = 1500, LATE = 200 };
    struct strategy_lab lab;
    esp_random random = esp_random_stream(3, 1, 0, 0, 0);
    uint64_t open[LATE], count = 0, heads = 0;
    open_lab(&lab, "units = 8\nlearning_rate = 0.02\n", build_coin);
    for (uint64_t i = 0; i < TRIALS; i++) {
        cr_assert_eq(strategy_lab_ask(&lab), ANSWER_TRIAL);
        heads += i + 100 >= TRIALS && side_of(&lab, i) == 1;
        open[count++] = i;
        if (count < LATE)
            continue;
        const uint64_t at = esp_random_below(&random, count), trial = open[at];
        double objective = side_of(&lab, trial) == 1 ? 0.0 : 1.0;
        open[at] = open[--count];
        strategy_lab_tell(&lab, trial, &objective, 0.0);
    }
    cr_expect_geq(heads, 90, "%lu of 100", (unsigned long)heads);
    strategy_lab_close(&lab);
}

// Many epochs on one minibatch: with a narrow clip the policy stays near, with a wide one it leaves.
Test(ppo, the_clip_keeps_the_policy_near)
{
    static const char *const clips[] = {"clip = 0.05\n", "clip = 1000\n"};
    uint64_t heads[2] = {0};
    for (int i = 0; i < 2; i++) {
        struct strategy_lab lab;
        char strategy[128];
        snprintf(strategy, sizeof strategy,
                 "units = 8\nlearning_rate = 0.02\nepochs = 100\nbatch = 20\nentropy = 0\n%s",
                 clips[i]);
        open_lab(&lab, strategy, build_coin);
        for (uint64_t trial = 0; trial < 220; trial++) {
            cr_assert_eq(strategy_lab_ask(&lab), ANSWER_TRIAL);
            heads[i] += trial >= 20 && side_of(&lab, trial) == 1;
            double objective = side_of(&lab, trial) == 1 ? 0.0 : 1.0;
            if (trial < 20) // one minibatch; what follows stays open
                strategy_lab_tell(&lab, trial, &objective, 0.0);
        }
        strategy_lab_close(&lab);
    }
    cr_expect_leq(heads[0], 140, "%lu of 200 with a narrow clip", (unsigned long)heads[0]);
    cr_expect_geq(heads[1], 180, "%lu of 200 without", (unsigned long)heads[1]);
}

// ---- Spaces ---------------------------------------------------------------------------------------------

// The best lies at right = 0.3.
static double branches(const struct arch *arch)
{
    const esp_arch *handle = arch_handle((struct arch *)(uintptr_t)arch);
    esp_value second = esp_arch_value(handle, 1);
    if (esp_arch_value(handle, 0).as.index == 0)
        return 1.0 + 0.5 * (second.as.index != 7);
    return fabs(second.as.real - 0.3);
}

Test(ppo, conditional_decisions_and_failed_trials)
{
    for (int kind = 0; kind < 3; kind++) { // as it is; the right fails; it breaks a constraint
        struct strategy_lab lab;
        int right = 0, near = 0;
        open_lab(&lab, "units = 16\nlearning_rate = 0.02\n", build_branches);
        for (uint64_t i = 0; i < 800; i++) {
            cr_assert_eq(strategy_lab_ask(&lab), ANSWER_TRIAL);
            double value = branches(lab.archs[i]);
            const int bad = kind > 0 && value < 1.0;
            right += i >= 700 && value < 1.0;
            near += i >= 700 && value < 0.15;
            strategy_lab_tell(&lab, i, bad && kind == 1 ? NULL : &value, bad ? 1.0 : 0.0);
        }
        if (kind > 0)
            cr_expect_leq(right, 20, "kind %d: %d of 100", kind, right);
        else // random search has 50 and 15
            cr_expect(right >= 85 && near >= 40, "%d, %d of 100", right, near);
        strategy_lab_close(&lab);
    }
}

Test(ppo, outcomes_that_say_nothing)
{
    static const char *const rules[] = {
        "units = 8\nbatch = 3\noptimizer = sgd\nlearning_rate = 10\nclip = 1000000\n",
        "units = 8\nbatch = 1\nlearning_rate = 10\npower = 10\nentropy = 1000000\n"};
    for (int rule = 0; rule < 2; rule++) {
        char ini[512];
        snprintf(ini, sizeof ini, "[space]\nplugin = nasbench201\n[strategy]\nplugin = ppo\n%s",
                 rules[rule]);
        strategy_lab_say_nothing(ini, 120);
    }
}

// A reference run of 30 seeds, mean +- sd: the landscape 0.742 +- 0.025, random search 0.618; regret of the traps
// 5.2 +- 0.9, random search 7.3.
Test(ppo, better_than_random_search)
{
    static const char strategy[] = "plugin = ppo\nunits = 30\nlearning_rate = 0.01\n";
    struct against_random nk = against_random_nk("nasnet", 1, strategy, 400, 8);
    struct against_random traps = against_random_known("traps", strategy, 300, 15);
    cr_expect_leq(nk.p, 0.01, "%g +- %g, random search %g, p %g", nk.ours, nk.sd, nk.random, nk.p);
    cr_expect_leq(traps.p, 0.01, "%g +- %g, random search %g, p %g", traps.ours, traps.sd,
                  traps.random, traps.p);
}
