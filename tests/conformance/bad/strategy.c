// SPDX-License-Identifier: Apache-2.0
// A strategy that breaks one clause of the contract: BAD says which. Otherwise random members.
#include <espalier/espalier.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

struct strategy {
    uint64_t asked, told, open, failures, waits;
    double last;
};

static uint64_t shared; // what instances must not have in common

static esp_status create(esp_create *c, esp_search *search, void **out)
{
    struct strategy *self = (struct strategy *)calloc(1, sizeof *self);
    (void)search;
    if (!self)
        return esp_fail(c, ESP_ERROR_MEMORY, "out of memory");
    *out = self;
    return ESP_OK;
}

static esp_status ask(void *handle, esp_search *search, esp_ask *question)
{
    struct strategy *self = (struct strategy *)handle;
    esp_random *random = esp_search_random(search);
    esp_arch *arch = NULL;
    if (BAD_objectives && esp_search_objective_count(search) > 1)
        return esp_fail(question, ESP_ERROR, "two are too many");
    if (BAD_budget && self->asked >= esp_search_trial_budget(search) && self->asked > 0)
        return esp_fail(question, ESP_ERROR, "the budget is over");
    if (BAD_wait) {
        if (self->open >= 3) {
            self->waits++;
            return esp_ask_wait(question);
        }
        for (uint64_t i = 0; i < self->waits; i++)
            esp_random_bits(random);
    }
    if (BAD_same)
        for (int i = (int)getpid() % 64; i >= 0; i--)
            esp_random_bits(random);
    if (BAD_instances)
        for (uint64_t i = 0; i < shared % 16; i++)
            esp_random_bits(random);
#if BAD_memory
    volatile char *memory = (volatile char *)malloc(16);
    memory[0] = 1;
    free((void *)(uintptr_t)memory);
#endif
    esp_status status = esp_search_sample(search, random, &arch);
    if (BAD_mixed)
        for (uint64_t i = 0; status == ESP_OK && i < esp_arch_count(arch); i++)
            if (esp_arch_domain(arch, i)->kind == ESP_DECISION_REAL)
                status = esp_fail(question, ESP_ERROR, "what is a real?");
    if (BAD_tiny && status == ESP_OK)
        for (int i = 0; status == ESP_OK && esp_search_seen(search, arch); i++) {
            esp_arch_release(arch);
            arch = NULL; // for ever, on a space that was tried whole
            status = esp_search_sample(search, random, &arch);
        }
    if (status == ESP_OK)
        status = esp_ask_trial(question, arch);
    if (BAD_serves && status == ESP_OK)
        status = esp_ask_wait(question);
    esp_arch_release(arch);
    self->asked++;
    self->open++;
    shared++;
    return status;
}

static esp_status tell(void *handle, esp_search *search, const esp_outcome *outcome)
{
    struct strategy *self = (struct strategy *)handle;
    const esp_handle *words = &search->base;
    bool carries = outcome->objectives != NULL;
    self->open -= outcome->asked;
    self->failures += outcome->status == ESP_OUTCOME_FAILED;
    if (BAD_failed && !carries && self->told == 0)
        self->last = outcome->objectives[0];
    if (BAD_failed_later && outcome->status == ESP_OUTCOME_FAILED && self->told > 10)
        self->last = outcome->objectives[0];
    if (BAD_lost && outcome->status == ESP_OUTCOME_LOST)
        return esp_fail_handle(words, ESP_ERROR, "lost?");
    if (BAD_cancelled && outcome->status == ESP_OUTCOME_CANCELLED)
        return esp_fail_handle(words, ESP_ERROR, "cancelled?");
    if (BAD_stopped && outcome->status == ESP_OUTCOME_STOPPED)
        return esp_fail_handle(words, ESP_ERROR, "stopped?");
    if (BAD_open && outcome->trial != self->told)
        return esp_fail_handle(words, ESP_ERROR, "not in this order");
    if (BAD_given && !outcome->asked)
        return esp_fail_handle(words, ESP_ERROR, "I did not ask");
    if (BAD_equal && carries && self->told > 0 && outcome->objectives[0] == self->last)
        return esp_fail_handle(words, ESP_ERROR, "division by zero");
    if (BAD_extremes && carries && outcome->objectives[0] * 2 > 1.7e308)
        return esp_fail_handle(words, ESP_ERROR, "overflow");
    if (carries)
        self->last = outcome->objectives[0];
    self->told++;
    return ESP_OK;
}

static void describe(esp_strategy_type *out)
{
    out->summary = "wrong";
    out->takes =
        ESP_STRATEGY_REAL | ESP_STRATEGY_INT | ESP_STRATEGY_SUBSET | ESP_STRATEGY_MANY_OBJECTIVES;
    out->create = create;
    out->destroy = free;
    out->ask = ask;
    out->tell = tell;
}

ESP_PLUGIN("1.0.0", ESP_STRATEGY("bad", describe))
