// SPDX-License-Identifier: Apache-2.0
// A strategy that continues its own trials. `whole`: one trial of all epochs. `continued`: one of a
// single epoch, then twice its continuation to all of them. `inherit`: the same, from its weights.
#include <espalier/espalier.h>

#include <stdlib.h>

struct continuing {
    const char *mode;
    int64_t epochs;
    esp_arch *arch; // of trial 0
    int told;
};

static const char *const modes[] = {"whole", "continued", "inherit"};

static const esp_param params[] = {
    ESP_PARAM_CHOICE("mode", "whole", modes, "what it does"),
    ESP_PARAM_INT("epochs", 4, 2, 100, "epochs", "of a whole training"),
};

static esp_status create(esp_create *create, esp_search *search, void **out)
{
    struct continuing *self = calloc(1, sizeof *self);
    (void)search;
    if (!self)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    self->mode = esp_param_text(create, "mode");
    self->epochs = esp_param_int(create, "epochs");
    *out = self;
    return ESP_OK;
}

static void destroy(void *handle)
{
    struct continuing *self = handle;
    esp_arch_release(self->arch);
    free(self);
}

static esp_status ask(void *handle, esp_search *search, esp_ask *ask)
{
    struct continuing *self = handle;
    uint64_t number = esp_ask_number(ask);
    int whole = self->mode[0] == 'w';
    if (number > 0 && whole)
        return esp_ask_done(ask, "that was all");
    if (number > 0 && !self->told)
        return esp_ask_wait(ask);
    if (number > 2)
        return esp_ask_done(ask, "that was all");
    esp_status status = ESP_OK;
    if (!self->arch)
        status = esp_search_sample(search, esp_search_random(search), &self->arch);
    if (status == ESP_OK)
        status = esp_ask_trial(ask, self->arch);
    if (status == ESP_OK)
        status = esp_ask_fidelity(ask, "epochs", number == 0 && !whole ? 1 : (double)self->epochs);
    if (status == ESP_OK && number > 0)
        status =
            esp_ask_parent(ask, 0, self->mode[0] == 'c' ? ESP_MODE_CONTINUE : ESP_MODE_INHERIT);
    return status;
}

static esp_status tell(void *handle, esp_search *search, const esp_outcome *outcome)
{
    (void)search;
    ((struct continuing *)handle)->told |= outcome->status == ESP_OUTCOME_DONE;
    return ESP_OK;
}

static void describe(esp_strategy_type *out)
{
    out->summary = "continues its first trial";
    ESP_SET_PARAMS(out, params);
    out->takes = ESP_STRATEGY_REAL | ESP_STRATEGY_INT | ESP_STRATEGY_SUBSET | ESP_STRATEGY_PARENTS;
    out->create = create;
    out->destroy = destroy;
    out->ask = ask;
    out->tell = tell;
}

ESP_PLUGIN("1.0.0", ESP_STRATEGY("continuing", describe))
