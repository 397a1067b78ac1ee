// SPDX-License-Identifier: Apache-2.0
// Random search: every trial is a random member of the space, drawn without looking at any outcome.
// With `repeat = no` no architecture is tried twice, and a finite space is exhausted at its end.
#include <espalier/espalier.h>

#include <stdlib.h>

struct random_search {
    int64_t repeat;
};

static const esp_param random_params[] = {
    ESP_PARAM_BOOL("repeat", 1, "an architecture may be tried again"),
};

static esp_status random_create(esp_create *create, esp_search *search, void **out)
{
    (void)search;
    struct random_search *self = calloc(1, sizeof *self);
    if (!self)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    self->repeat = esp_param_int(create, "repeat");
    *out = self;
    return ESP_OK;
}

static void random_destroy(void *self)
{
    free(self);
}

static esp_status random_ask(void *self, esp_search *search, esp_ask *ask)
{
    const struct random_search *random = self;
    esp_arch *arch = NULL;
    esp_status status = random->repeat
                            ? esp_search_sample(search, esp_search_random(search), &arch)
                            : esp_search_sample_unseen(search, esp_search_random(search), &arch);
    if (status != ESP_OK)
        return status;
    if (!arch)
        return esp_ask_done(ask, "exhausted");
    status = esp_ask_trial(ask, arch);
    esp_arch_release(arch);
    return status;
}

static esp_status random_tell(void *self, esp_search *search, const esp_outcome *outcome)
{
    (void)self;
    (void)search;
    (void)outcome;
    return ESP_OK;
}

static void random_describe(esp_strategy_type *out)
{
    out->summary = "random search";
    out->source = "Bergstra and Bengio 2012; Li and Talwalkar 2020";
    ESP_SET_PARAMS(out, random_params);
    out->takes = ESP_STRATEGY_REAL | ESP_STRATEGY_INT | ESP_STRATEGY_SUBSET |
                 ESP_STRATEGY_MANY_OBJECTIVES | ESP_STRATEGY_GENOME;
    out->create = random_create;
    out->destroy = random_destroy;
    out->ask = random_ask;
    out->tell = random_tell;
}

ESP_PLUGIN("0.1.0", ESP_STRATEGY("random", random_describe))
