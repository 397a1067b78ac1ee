// SPDX-License-Identifier: Apache-2.0
// See strategy_lab.h.
#include "support/strategy_lab.h"

#include "loader/instance.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void strategy_lab_open(struct strategy_lab *lab, const char *ini, const esp_space_type *space,
                       uint64_t objectives, uint64_t trial_budget)
{
    char *text = NULL;
    *lab = (struct strategy_lab){0};
    if (asprintf(&text, "%s\n%s[objective]\nmaximize = fitness\n", ini,
                 strstr(ini, "[estimator]") ? "" : "[estimator]\nplugin = nk_landscape\n") < 0)
        abort();
    if (space)
        session_lab_open_space(&lab->lab, text, space);
    else
        session_lab_open(&lab->lab, text, NULL);
    free(text);
    error_clear(&lab->error);
    const struct experiment *experiment = lab->lab.experiment;
    const struct component *component = experiment->strategy.component;
    lab->type = component->type;
    lab->builder = session_builder(lab->lab.session);
    esp_status status = search_create(&lab->search, lab->lab.session, objectives, trial_budget,
                                      (lab->type->takes & ESP_STRATEGY_PARENTS) != 0, &lab->error);
    if (status == ESP_OK)
        status = instance_create(&lab->strategy, component, &experiment->strategy.parameters,
                                 session_task(lab->lab.session), experiment->seed,
                                 search_handle(lab->search), &lab->error);
    cr_assert_eq(status, ESP_OK, "%s", lab->error.message);
}

static esp_status create_nothing(esp_create *create, void **out)
{
    (void)create;
    *out = NULL;
    return ESP_OK;
}

static void destroy_nothing(void *self)
{
    (void)self;
}

esp_space_type strategy_lab_space(esp_status (*build)(void *self, esp_builder *b))
{
    return (esp_space_type){.struct_size = sizeof(esp_space_type),
                            .summary = "of a test",
                            .create = create_nothing,
                            .destroy = destroy_nothing,
                            .build = build};
}

void strategy_lab_say_nothing(const char *ini, uint64_t trials)
{
    enum { SAME, HUGE_ONES, FAILED, VIOLATED, KINDS };
    for (int kind = 0; kind < KINDS; kind++) {
        struct strategy_lab lab;
        strategy_lab_open(&lab, ini, NULL, 1, 0);
        for (uint64_t i = 0; i < trials; i++) {
            double objective = kind == SAME ? 0.5 : i % 2 ? 1.7e308 : -1.7e308;
            cr_assert_eq(strategy_lab_ask(&lab), ANSWER_TRIAL);
            strategy_lab_tell(&lab, i, kind == FAILED ? NULL : &objective,
                              kind == VIOLATED ? 1.0 : 0.0);
        }
        strategy_lab_close(&lab);
    }
}

void strategy_lab_close(struct strategy_lab *lab)
{
    instance_destroy(lab->strategy);
    search_destroy(lab->search);
    for (uint64_t i = 0; i < lab->count; i++)
        arch_release(lab->archs[i]);
    free(lab->archs);
    session_lab_close(&lab->lab);
}

static void add(struct strategy_lab *lab, struct arch *arch)
{
    if (lab->count == lab->capacity) {
        lab->capacity = lab->capacity ? 2 * lab->capacity : 64;
        lab->archs = realloc(lab->archs, lab->capacity * sizeof(struct arch *));
        cr_assert_not_null(lab->archs);
    }
    lab->archs[lab->count++] = arch;
    cr_assert_eq(search_mark_seen(lab->search, arch, &lab->error), ESP_OK, "%s",
                 lab->error.message);
}

static esp_status do_ask(struct strategy_lab *lab, enum answer *answer)
{
    struct ask ask;
    ask_begin(&ask, lab->search, lab->count);
    search_begin(lab->search, "ask", lab->count);
    esp_status status =
        lab->type->ask(lab->strategy->self, search_handle(lab->search), &ask.handle);
    if (status == ESP_OK)
        status = search_error(lab->search)->status;
    *answer = ask.answer;
    if (status == ESP_OK && ask.answer == ANSWER_DONE)
        snprintf(lab->reason, sizeof lab->reason, "%s", ask.reason);
    if (status == ESP_OK && ask.answer == ANSWER_TRIAL) {
        add(lab, ask.arch);
        ask.arch = NULL;
    }
    ask_end(&ask);
    return status;
}

enum answer strategy_lab_ask(struct strategy_lab *lab)
{
    enum answer answer;
    cr_assert_eq(do_ask(lab, &answer), ESP_OK, "ask: %s", search_error(lab->search)->message);
    cr_assert_neq(answer, ANSWER_NONE, "ask gave no answer");
    return answer;
}

const char *strategy_lab_ask_fails(struct strategy_lab *lab)
{
    enum answer answer;
    cr_assert_neq(do_ask(lab, &answer), ESP_OK, "the ask did not fail");
    return search_error(lab->search)->message;
}

static void tell(struct strategy_lab *lab, uint64_t trial, uint32_t asked, const double *objectives,
                 double violation)
{
    esp_outcome outcome = {.struct_size = sizeof outcome,
                           .trial = trial,
                           .status = objectives ? ESP_OUTCOME_DONE : ESP_OUTCOME_FAILED,
                           .asked = asked,
                           .arch = arch_handle(lab->archs[trial]),
                           .objectives = objectives,
                           .violation = violation,
                           .parent = -1,
                           .reached_stride = sizeof(esp_fidelity)};
    if (objectives)
        outcome.objective_count = esp_search_objective_count(search_handle(lab->search));
    search_begin(lab->search, "tell", trial);
    esp_status status = lab->type->tell(lab->strategy->self, search_handle(lab->search), &outcome);
    if (status == ESP_OK)
        status = search_error(lab->search)->status;
    cr_assert_eq(status, ESP_OK, "tell: %s", search_error(lab->search)->message);
}

void strategy_lab_tell(struct strategy_lab *lab, uint64_t trial, const double *objectives,
                       double violation)
{
    tell(lab, trial, 1, objectives, violation);
}

void strategy_lab_give(struct strategy_lab *lab, struct arch *arch, const double *objectives)
{
    add(lab, arch_retain(arch));
    tell(lab, lab->count - 1, 0, objectives, 0.0);
}

double strategy_lab_fitness(struct strategy_lab *lab, struct arch *arch)
{
    double fitness;
    esp_status status =
        session_evaluate_cheap(lab->lab.session, arch, 0, NULL, 0, &fitness, &lab->error);
    cr_assert_eq(status, ESP_OK, "%s", lab->error.message);
    return fitness;
}

enum answer strategy_lab_run(struct strategy_lab *lab, uint64_t trials)
{
    while (lab->count < trials) {
        enum answer answer = strategy_lab_ask(lab);
        cr_assert_neq(answer, ANSWER_WAIT, "it waits, and no trial is open");
        if (answer == ANSWER_DONE)
            return answer;
        double objective = 1.0 - strategy_lab_fitness(lab, lab->archs[lab->count - 1]);
        strategy_lab_tell(lab, lab->count - 1, &objective, 0.0);
    }
    return ANSWER_TRIAL;
}
