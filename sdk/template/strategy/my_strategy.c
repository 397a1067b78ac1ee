// SPDX-License-Identifier: Apache-2.0
// my_strategy: hill climbing with restarts. It tries neighbours of the best architecture so far, and
// begins anew at a random one after `patience` trials without a gain. Nothing is tried twice.
//
// The host asks for a trial and tells its outcome, one call at a time; several trials may be open, so
// that outcomes come later than the next asks. A run that is resumed makes the strategy anew and
// repeats its asks and tells: what it does may depend on its parameters, on the stream of the call
// (esp_search_random) and on what it was told, and on nothing else.
#include <espalier/espalier.h>

#include <stdbool.h>
#include <stdlib.h>

// How many neighbours are drawn in search of one that was not tried.
#define DRAWS 50

struct climber {
    uint64_t patience;
    uint64_t without_gain; // trials told since the last gain
    esp_arch *best;        // a reference of its own; NULL: it begins anew
    double violation;      // of the best: how far beyond the constraints, 0 where it meets them
    double objective;      // of the best; less is better
};

// The host reads the INI against this table: `espalier describe strategy/my_strategy` prints it.
static const esp_param climber_params[] = {
    ESP_PARAM_INT("patience", 50, 1, 1000000, "trials",
                  "trials without a gain before it begins anew"),
};

static esp_status climber_create(esp_create *create, esp_search *search, void **out)
{
    (void)search;
    struct climber *climber = calloc(1, sizeof *climber);
    if (!climber)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    climber->patience = (uint64_t)esp_param_int(create, "patience");
    *out = climber;
    return ESP_OK;
}

static void climber_destroy(void *self)
{
    struct climber *climber = self;
    esp_arch_release(climber->best);
    free(climber);
}

// A neighbour of the best that no trial has: another value for one decision. NULL in `*out` where the
// draws found none.
static esp_status draw_neighbour(const struct climber *climber, esp_search *search, esp_arch **out)
{
    esp_random *random = esp_search_random(search);
    for (int i = 0; i < DRAWS; i++) {
        esp_arch *arch = NULL;
        esp_status status = esp_search_mutate(search, climber->best, 0, random, &arch);
        if (status != ESP_OK)
            return status;
        if (!esp_search_seen(search, arch)) {
            *out = arch;
            return ESP_OK;
        }
        esp_arch_release(arch);
    }
    return ESP_OK;
}

static esp_status climber_ask(void *self, esp_search *search, esp_ask *ask)
{
    const struct climber *climber = self;
    esp_arch *arch = NULL;
    esp_status status = ESP_OK;
    // An architecture without decisions has no neighbours.
    if (climber->best && esp_arch_count(climber->best) > 0)
        status = draw_neighbour(climber, search, &arch);
    if (status == ESP_OK && !arch) // NULL again: every member of the space was tried
        status = esp_search_sample_unseen(search, esp_search_random(search), &arch);
    if (status == ESP_OK)
        status = arch ? esp_ask_trial(ask, arch) : esp_ask_done(ask, "exhausted");
    esp_arch_release(arch); // the host took a reference of its own
    return status;
}

// Whoever violates the constraints less is better; of equals, whoever has the smaller objective.
static bool is_better(const struct climber *climber, const esp_outcome *outcome)
{
    if (!climber->best)
        return true;
    if (outcome->violation != climber->violation)
        return outcome->violation < climber->violation;
    return outcome->objectives[0] < climber->objective;
}

static esp_status climber_tell(void *self, esp_search *search, const esp_outcome *outcome)
{
    struct climber *climber = self;
    (void)search;
    if (!outcome->objectives) // it failed or was lost: there is nothing to learn
        return ESP_OK;
    if (is_better(climber, outcome)) {
        esp_arch_release(climber->best);
        climber->best = esp_arch_retain(outcome->arch);
        climber->violation = outcome->violation;
        climber->objective = outcome->objectives[0];
        climber->without_gain = 0;
    } else if (++climber->without_gain >= climber->patience) {
        esp_arch_release(climber->best);
        climber->best = NULL;
        climber->without_gain = 0;
    }
    return ESP_OK;
}

static void climber_describe(esp_strategy_type *out)
{
    out->summary = "hill climbing with restarts";
    ESP_SET_PARAMS(out, climber_params);
    // It leaves values to the host, and so takes decisions of every kind.
    out->takes = ESP_STRATEGY_REAL | ESP_STRATEGY_INT | ESP_STRATEGY_SUBSET;
    out->create = climber_create;
    out->destroy = climber_destroy;
    out->ask = climber_ask;
    out->tell = climber_tell;
}

ESP_PLUGIN("0.1.0", ESP_STRATEGY("my_strategy", climber_describe))
