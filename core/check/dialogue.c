// SPDX-License-Identifier: Apache-2.0
// See dialogue.h.
#include "check/dialogue.h"

#include <string.h>
#include <xxhash.h>

#define MOST_OBJECTIVES 2

// What a space of the stand-in's draws.
static uint32_t kinds_of(const char *space)
{
    return strstr(space, "mixed")  ? ESP_STRATEGY_REAL | ESP_STRATEGY_INT | ESP_STRATEGY_SUBSET
           : strstr(space, "tiny") ? 0
                                   : ESP_STRATEGY_INT;
}

void dialogue_open(struct dialogue *dialogue, const struct check *check, const char *space,
                   uint64_t objectives, uint64_t trial_budget)
{
    memset(dialogue, 0, sizeof *dialogue);
    dialogue->check = check;
    dialogue->objectives = objectives;
    stage_open_with(&dialogue->stage, check, space);
    dialogue->type = stage_part(&dialogue->stage, check)->component->type;
    uint32_t lacks = kinds_of(space) & ~dialogue->type->takes;
    if (lacks)
        check_skip(check, "by what it declares it takes no %s decisions",
                   lacks & ESP_STRATEGY_REAL  ? "real"
                   : lacks & ESP_STRATEGY_INT ? "integer"
                                              : "k-of-n");
    if (objectives > 1 && !(dialogue->type->takes & ESP_STRATEGY_MANY_OBJECTIVES))
        check_skip(check, "by what it declares it takes one objective");
    stage_search(&dialogue->stage, check, objectives, trial_budget);
    check_need(
        check,
        stage_create(&dialogue->stage, check, NULL, &dialogue->strategy, &dialogue->stage.error),
        &dialogue->stage.error, "to create it");
}

static void add(struct dialogue *dialogue, struct arch *arch)
{
    if (dialogue->count == DIALOGUE_MOST)
        check_skip(dialogue->check, "the case asks for too many trials");
    dialogue->archs[dialogue->count++] = arch;
    check_need(dialogue->check,
               search_mark_seen(dialogue->stage.search, arch, &dialogue->stage.error),
               &dialogue->stage.error, "to mark a trial as asked");
}

enum answer dialogue_ask(struct dialogue *dialogue)
{
    struct search *search = dialogue->stage.search;
    struct ask ask;
    ask_begin(&ask, search, dialogue->count);
    search_begin(search, "ask", dialogue->count);
    esp_status status =
        dialogue->type->ask(dialogue->strategy->self, search_handle(search), &ask.handle);
    if (status == ESP_OK)
        status = search_error(search)->status;
    check_need(dialogue->check, status, search_error(search), "an ask");
    enum answer answer = ask.answer;
    if (answer == ANSWER_NONE)
        check_fail(dialogue->check, "an ask after %llu trials gave no answer",
                   (unsigned long long)dialogue->count);
    if (answer == ANSWER_DONE)
        snprintf(dialogue->reason, sizeof dialogue->reason, "%s", ask.reason);
    if (answer == ANSWER_TRIAL) {
        add(dialogue, ask.arch);
        ask.arch = NULL;
    }
    ask_end(&ask);
    return answer;
}

static void tell(struct dialogue *dialogue, uint64_t trial, uint32_t asked, uint32_t status,
                 const double *objectives)
{
    struct search *search = dialogue->stage.search;
    esp_outcome outcome = {.struct_size = sizeof outcome,
                           .trial = trial,
                           .status = status,
                           .asked = asked,
                           .arch = arch_handle(dialogue->archs[trial]),
                           .objectives = objectives,
                           .objective_count = objectives ? dialogue->objectives : 0,
                           .parent = -1,
                           .reached_stride = sizeof(esp_fidelity)};
    search_begin(search, "tell", trial);
    esp_status answered =
        dialogue->type->tell(dialogue->strategy->self, search_handle(search), &outcome);
    if (answered == ESP_OK)
        answered = search_error(search)->status;
    check_need(dialogue->check, answered, search_error(search), "a tell");
}

void dialogue_tell(struct dialogue *dialogue, uint64_t trial, uint32_t status,
                   const double *objectives)
{
    tell(dialogue, trial, 1, status, objectives);
}

void dialogue_give(struct dialogue *dialogue, struct arch *arch, const double *objectives)
{
    add(dialogue, arch_retain(arch));
    tell(dialogue, dialogue->count - 1, 0, ESP_OUTCOME_DONE, objectives);
}

void dialogue_tell_done(struct dialogue *dialogue, uint64_t trial)
{
    uint64_t hash = arch_hash(dialogue->archs[trial]);
    double objectives[MOST_OBJECTIVES] = {(double)(hash >> 11) * 0x1.0p-53,
                                          (double)(hash & 0xffff)};
    dialogue_tell(dialogue, trial, ESP_OUTCOME_DONE, objectives);
}

enum answer dialogue_run(struct dialogue *dialogue, uint64_t trials)
{
    while (dialogue->count < trials) {
        enum answer answer = dialogue_ask(dialogue);
        if (answer == ANSWER_WAIT)
            check_fail(dialogue->check, "it waits after %llu trials, and none is open",
                       (unsigned long long)dialogue->count);
        if (answer == ANSWER_DONE)
            return answer;
        dialogue_tell_done(dialogue, dialogue->count - 1);
    }
    return ANSWER_TRIAL;
}

uint64_t dialogue_digest(const struct dialogue *dialogue)
{
    uint64_t hashes[DIALOGUE_MOST];
    for (uint64_t i = 0; i < dialogue->count; i++)
        hashes[i] = arch_hash(dialogue->archs[i]);
    return XXH3_64bits(hashes, dialogue->count * sizeof hashes[0]);
}
