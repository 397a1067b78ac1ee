// SPDX-License-Identifier: Apache-2.0
// Regularized (aging) evolution, Real, Aggarwal, Huang and Le 2019, "Regularized evolution for image
// classifier architecture search", algorithm 1: a population of random members; then, again and
// again, the best of a random sample of it is mutated in one decision, the child joins, and the
// oldest dies.
//
// Where it runs with several trials open at once, a child is bred from the trials told so far: the
// paper's workers do the same. Trials that failed join no population. The sample is drawn with
// replacement, as in the paper's listing.
#include <espalier/espalier.h>

#include <stdlib.h>

// How often a mutation is tried for one that was not seen, before a random member is taken.
#define UNSEEN_TRIES 100

struct member {
    esp_arch *arch;
    double objective; // less is better
    double violation; // of the constraints; 0 = feasible
};

struct evolution {
    uint64_t population;
    uint64_t tournament;
    int64_t repeat;
    // A ring: the oldest at `oldest`, `count` of them.
    struct member *members;
    uint64_t oldest, count;
};

static const esp_param evolution_params[] = {
    ESP_PARAM_INT("population", 100, 1, 1000000, "architectures", "size of the population, P"),
    ESP_PARAM_INT("tournament", 25, 1, 1000000, "architectures",
                  "size of the sample that a parent is the best of, S"),
    ESP_PARAM_BOOL("repeat", 1, "an architecture may be tried again"),
};

static void evolution_destroy(void *self)
{
    struct evolution *evolution = self;
    for (uint64_t i = 0; i < evolution->count; i++)
        esp_arch_release(evolution->members[(evolution->oldest + i) % evolution->population].arch);
    free(evolution->members);
    free(evolution);
}

static esp_status evolution_create(esp_create *create, esp_search *search, void **out)
{
    struct evolution *evolution = calloc(1, sizeof *evolution);
    if (!evolution)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    evolution->population = (uint64_t)esp_param_int(create, "population");
    evolution->tournament = (uint64_t)esp_param_int(create, "tournament");
    evolution->repeat = esp_param_int(create, "repeat");
    evolution->members = calloc(evolution->population, sizeof *evolution->members);
    if (!evolution->members) {
        free(evolution);
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    }
    uint64_t budget = esp_search_trial_budget(search);
    if (budget > 0 && evolution->population >= budget)
        esp_log(create, ESP_LOG_WARNING,
                "population %llu is not smaller than the budget of %llu trials: all of them will "
                "be random",
                (unsigned long long)evolution->population, (unsigned long long)budget);
    *out = evolution;
    return ESP_OK;
}

// A feasible member beats one that breaks a constraint; of two that do, the smaller violation wins.
static int better(const struct member *a, const struct member *b)
{
    if (a->violation != b->violation)
        return a->violation < b->violation;
    return a->objective < b->objective;
}

static const struct member *select_parent(const struct evolution *evolution, esp_random *random)
{
    const struct member *best = NULL;
    for (uint64_t i = 0; i < evolution->tournament; i++) {
        uint64_t place = esp_random_below(random, evolution->count);
        const struct member *candidate =
            &evolution->members[(evolution->oldest + place) % evolution->population];
        if (!best || better(candidate, best))
            best = candidate;
    }
    return best;
}

static esp_status breed(const struct evolution *evolution, esp_search *search, esp_random *random,
                        esp_arch **out)
{
    const struct member *parent = select_parent(evolution, random);
    for (int i = 0; i < UNSEEN_TRIES; i++) {
        esp_status status = esp_search_mutate(search, parent->arch, 0, random, out);
        if (status != ESP_OK || evolution->repeat || !esp_search_seen(search, *out))
            return status;
        esp_arch_release(*out);
        *out = NULL;
    }
    return esp_search_sample_unseen(search, random, out);
}

static esp_status evolution_ask(void *self, esp_search *search, esp_ask *ask)
{
    struct evolution *evolution = self;
    esp_random *random = esp_search_random(search);
    esp_arch *arch = NULL;
    esp_status status;
    if (evolution->count > 0 && esp_ask_number(ask) >= evolution->population)
        status = breed(evolution, search, random, &arch);
    else if (evolution->repeat)
        status = esp_search_sample(search, random, &arch);
    else
        status = esp_search_sample_unseen(search, random, &arch);
    if (status != ESP_OK)
        return status;
    if (!arch)
        return esp_ask_done(ask, "exhausted");
    status = esp_ask_trial(ask, arch);
    esp_arch_release(arch);
    return status;
}

static esp_status evolution_tell(void *self, esp_search *search, const esp_outcome *outcome)
{
    struct evolution *evolution = self;
    (void)search;
    if (outcome->objective_count == 0)
        return ESP_OK;
    if (evolution->count == evolution->population) {
        esp_arch_release(evolution->members[evolution->oldest].arch);
        evolution->oldest = (evolution->oldest + 1) % evolution->population;
        evolution->count--;
    }
    uint64_t place = (evolution->oldest + evolution->count) % evolution->population;
    evolution->members[place].arch = esp_arch_retain(outcome->arch);
    evolution->members[place].objective = outcome->objectives[0];
    evolution->members[place].violation = outcome->violation;
    evolution->count++;
    return ESP_OK;
}

static void evolution_describe(esp_strategy_type *out)
{
    out->summary = "aging evolution: the best of a sample is mutated, the oldest dies";
    out->source = "Real et al. 2019";
    ESP_SET_PARAMS(out, evolution_params);
    out->takes = ESP_STRATEGY_REAL | ESP_STRATEGY_INT | ESP_STRATEGY_SUBSET;
    out->create = evolution_create;
    out->destroy = evolution_destroy;
    out->ask = evolution_ask;
    out->tell = evolution_tell;
}

ESP_PLUGIN("0.1.0", ESP_STRATEGY("regularized_evolution", evolution_describe))
