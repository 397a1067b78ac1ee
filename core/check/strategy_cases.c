// SPDX-License-Identifier: Apache-2.0
// Cases of strategies: what they are asked and told, in every order that a run has.
#include "check/allocations.h"
#include "check/dialogue.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#define TRIALS 60
#define OPEN 8 // trials at once: the usual lookahead

// ---- Answers ------------------------------------------------------------------------------------

static void serves(struct check *check, const char *space, uint64_t objectives)
{
    struct dialogue dialogue;
    dialogue_open(&dialogue, check, space, objectives, TRIALS);
    dialogue_run(&dialogue, TRIALS);
    if (dialogue.count == 0)
        check_fail(check, "it asks for no trial at all: %s", dialogue.reason);
}

static void serves_layers(struct check *check)
{
    serves(check, "", 1);
}

static void serves_mixed(struct check *check)
{
    serves(check, "members = mixed\n", 1);
}

static void serves_two_objectives(struct check *check)
{
    serves(check, "", 2);
}

// Two members: it repeats them, or is done; it never fails and never loops.
static void serves_tiny(struct check *check)
{
    struct dialogue dialogue;
    dialogue_open(&dialogue, check, "members = tiny\n", 1, 0);
    enum answer answer = dialogue_run(&dialogue, TRIALS);
    if (answer == ANSWER_DONE && dialogue.count < 1)
        check_fail(check, "of two members it asks for none: %s", dialogue.reason);
    if (answer == ANSWER_DONE && !dialogue.reason[0])
        check_fail(check, "it is done after %llu trials and gives no reason",
                   (unsigned long long)dialogue.count);
}

// Beyond the budget that it was told: the host would not ask, and a resume with a larger one does.
static void outlives_its_budget(struct check *check)
{
    struct dialogue dialogue;
    dialogue_open(&dialogue, check, "", 1, TRIALS / 4);
    dialogue_run(&dialogue, TRIALS);
}

// ---- Outcomes -----------------------------------------------------------------------------------

static void bears(struct check *check, uint32_t status, double first, double second, uint64_t from)
{
    struct dialogue dialogue;
    dialogue_open(&dialogue, check, "", 1, TRIALS);
    while (dialogue.count < TRIALS) {
        enum answer answer = dialogue_ask(&dialogue);
        if (answer == ANSWER_DONE)
            return;
        if (answer == ANSWER_WAIT)
            check_fail(check, "it waits after %llu trials, and none is open",
                       (unsigned long long)dialogue.count);
        uint64_t trial = dialogue.count - 1;
        double objective = trial % 2 ? first : second;
        if (trial < from)
            dialogue_tell_done(&dialogue, trial);
        else
            dialogue_tell(&dialogue, trial, status,
                          status == ESP_OUTCOME_DONE || status == ESP_OUTCOME_STOPPED ? &objective
                                                                                      : NULL);
    }
}

static void bears_failed(struct check *check)
{
    bears(check, ESP_OUTCOME_FAILED, 0, 0, 0);
}

static void bears_failed_later(struct check *check)
{
    bears(check, ESP_OUTCOME_FAILED, 0, 0, TRIALS / 2);
}

static void bears_lost(struct check *check)
{
    bears(check, ESP_OUTCOME_LOST, 0, 0, 5);
}

static void bears_cancelled(struct check *check)
{
    bears(check, ESP_OUTCOME_CANCELLED, 0, 0, 5);
}

static void bears_stopped(struct check *check)
{
    bears(check, ESP_OUTCOME_STOPPED, 0.5, 0.7, 0);
}

static void bears_equal(struct check *check)
{
    bears(check, ESP_OUTCOME_DONE, 0.25, 0.25, 0);
}

static void bears_extremes(struct check *check)
{
    bears(check, ESP_OUTCOME_DONE, 1.7e308, -1.7e308, 0);
}

// ---- Order --------------------------------------------------------------------------------------

// Trials open at once; the one that is told is drawn. More asks than answers: WAIT must change nothing.
static void converse(struct dialogue *dialogue, bool insist)
{
    uint64_t open[OPEN], count = 0, told = 0;
    while (dialogue->count < TRIALS) {
        esp_random random = esp_random_stream(dialogue->check->seed, 9, told, 0, 0);
        enum answer answer = ANSWER_TRIAL;
        while (count < OPEN && dialogue->count < TRIALS && answer == ANSWER_TRIAL) {
            answer = dialogue_ask(dialogue);
            if (answer == ANSWER_TRIAL)
                open[count++] = dialogue->count - 1;
        }
        for (int i = 0; insist && answer == ANSWER_WAIT && i < 3; i++)
            if (dialogue_ask(dialogue) != ANSWER_WAIT)
                check_fail(dialogue->check,
                           "it waited, and answered otherwise when asked again before any outcome");
        if (count == 0 && answer == ANSWER_DONE)
            return;
        if (count == 0)
            check_fail(dialogue->check, "it waits, and no trial is open");
        uint64_t place = esp_random_below(&random, count);
        uint64_t trial = open[place];
        memmove(open + place, open + place + 1, (count - place - 1) * sizeof open[0]);
        count--;
        told++;
        dialogue_tell_done(dialogue, trial);
    }
}

static void serves_many_open(struct check *check)
{
    struct dialogue dialogue;
    dialogue_open(&dialogue, check, "", 1, TRIALS);
    converse(&dialogue, false);
}

static void wait_changes_nothing(struct check *check)
{
    struct dialogue once, insisting;
    dialogue_open(&once, check, "", 1, TRIALS);
    converse(&once, false);
    dialogue_open(&insisting, check, "", 1, TRIALS);
    converse(&insisting, true);
    if (dialogue_digest(&once) != dialogue_digest(&insisting))
        check_fail(check, "asked again while it waits, it asks for other trials afterwards");
}

static void takes_given(struct check *check)
{
    struct dialogue dialogue;
    dialogue_open(&dialogue, check, "", 1, TRIALS);
    for (uint64_t i = 0; i < 5; i++) {
        double objective = 0.1 * (double)i;
        struct arch *arch = stage_sample(&dialogue.stage, check, i);
        dialogue_give(&dialogue, arch, &objective);
        arch_release(arch);
    }
    dialogue_run(&dialogue, TRIALS);
}

// ---- The same again -----------------------------------------------------------------------------

static void need_repeatable(const struct check *check, const struct dialogue *dialogue)
{
    if (dialogue->type->takes & ESP_STRATEGY_NOT_REPEATABLE)
        check_skip(check, "it declares that it does not repeat itself");
}

static void write_digest(const struct check *check, void *self, int descriptor)
{
    struct dialogue dialogue;
    (void)self;
    dialogue_open(&dialogue, check, "", 1, TRIALS);
    converse(&dialogue, false);
    uint64_t digest = dialogue_digest(&dialogue);
    if (write(descriptor, &digest, sizeof digest) != (ssize_t)sizeof digest)
        _exit(1);
}

static void same_seed_same_asks(struct check *check)
{
    struct dialogue first, second;
    dialogue_open(&first, check, "", 1, TRIALS);
    need_repeatable(check, &first);
    converse(&first, false);
    uint64_t digest = dialogue_digest(&first);
    dialogue_open(&second, check, "", 1, TRIALS);
    converse(&second, false);
    if (dialogue_digest(&second) != digest)
        check_fail(check, "a second instance, told the same, asks for other trials");
    struct check_child child = check_fork(check, write_digest, NULL);
    if (child.size != sizeof digest || memcmp(child.bytes, &digest, sizeof digest) != 0)
        check_fail(check, "in another process, told the same, it asks for other trials");
}

// A step of one, a step of the other: each as if it were alone.
static void instances_do_not_mix(struct check *check)
{
    static struct dialogue alone, a, b;
    dialogue_open(&alone, check, "", 1, TRIALS);
    need_repeatable(check, &alone);
    dialogue_run(&alone, TRIALS);
    dialogue_open(&a, check, "", 1, TRIALS);
    dialogue_open(&b, check, "", 1, TRIALS);
    for (uint64_t i = 1; i <= alone.count; i++) {
        dialogue_run(&a, i);
        dialogue_run(&b, i);
    }
    if (dialogue_digest(&a) != dialogue_digest(&alone) ||
        dialogue_digest(&b) != dialogue_digest(&alone))
        check_fail(check, "beside another instance it asks for other trials than alone");
}

// ---- Memory -------------------------------------------------------------------------------------

static void ask_and_tell(const struct check *check, void *self)
{
    struct dialogue *dialogue = self;
    dialogue->check = check;
    dialogue_run(dialogue, TRIALS / 2);
}

static void survives_shortage(struct check *check)
{
    static struct dialogue dialogue;
    dialogue_open(&dialogue, check, "", 1, TRIALS);
    allocations_survive(check, ask_and_tell, &dialogue, "asks and tells");
}

static const struct check_case cases[] = {
    {"strategy/serves", "strategy.h 2.1",
     "asked and told in turn, it answers each ask with one of trial, wait and done", CHECK_STRATEGY,
     0, serves_layers},
    {"strategy/mixed", "strategy.h 1.1",
     "it serves the kinds of decisions that it declares: real, integer, k-of-n, conditional",
     CHECK_STRATEGY, 0, serves_mixed},
    {"strategy/objectives", "strategy.h 1.2", "it serves two objectives where it declares so",
     CHECK_STRATEGY, 0, serves_two_objectives},
    {"strategy/tiny", "strategy.h 2.4", "on a space of two members it repeats, or is done",
     CHECK_STRATEGY, 0, serves_tiny},
    {"strategy/budget", "strategy.h 2.5",
     "asked beyond the budget that it knew, it goes on or is done", CHECK_STRATEGY, 0,
     outlives_its_budget},
    {"strategy/failed", "strategy.h 3.2", "it bears that every trial fails", CHECK_STRATEGY, 0,
     bears_failed},
    {"strategy/failed_later", "strategy.h 3.2", "it bears that trials begin to fail",
     CHECK_STRATEGY, 0, bears_failed_later},
    {"strategy/lost", "strategy.h 3.2", "it bears trials that are lost", CHECK_STRATEGY, 0,
     bears_lost},
    {"strategy/cancelled", "strategy.h 3.2", "it bears trials that are cancelled", CHECK_STRATEGY,
     0, bears_cancelled},
    {"strategy/stopped", "strategy.h 3.1", "it takes trials that were stopped early",
     CHECK_STRATEGY, 0, bears_stopped},
    {"strategy/equal", "strategy.h 3.3", "it bears objectives that are the same for all",
     CHECK_STRATEGY, 0, bears_equal},
    {"strategy/extremes", "strategy.h 3.3", "it bears the largest and the least finite objectives",
     CHECK_STRATEGY, 0, bears_extremes},
    {"strategy/open", "strategy.h 2.2", "it serves several trials open at once, told in any order",
     CHECK_STRATEGY, 0, serves_many_open},
    {"strategy/wait", "strategy.h 2.3", "to be asked again while it waits changes nothing",
     CHECK_STRATEGY, 0, wait_changes_nothing},
    {"strategy/given", "strategy.h 3.4", "it takes outcomes that it did not ask for",
     CHECK_STRATEGY, 0, takes_given},
    {"strategy/same", "strategy.h 4.1",
     "told the same, it asks for the same trials: twice, and in another process", CHECK_STRATEGY,
     60, same_seed_same_asks},
    {"strategy/instances", "strategy.h 4.2", "instances do not disturb each other", CHECK_STRATEGY,
     60, instances_do_not_mix},
    {"strategy/memory", "strategy.h 5", "asks and tells bear that any allocation fails",
     CHECK_STRATEGY, 60, survives_shortage},
};

const struct check_family check_strategy_cases = {cases, ESP_COUNT(cases)};
