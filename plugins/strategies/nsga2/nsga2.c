// SPDX-License-Identifier: Apache-2.0
// NSGA-II (Deb, Pratap, Agarwal and Meyarivan 2002, "A fast and elitist multiobjective genetic algorithm:
// NSGA-II"): generations of as many children as parents; of both together the best fronts survive, and
// of the last front that fits the least crowded. Constraints by feasibility first.
//
// A generation is bred when the one before is told whole, whatever the number of workers: what is open
// at its end is waited for. Failed trials are told and survive nothing.
#include "children.h"
#include "ranking.h"

#include <stdlib.h>

// How often a child is tried for one that was not seen, before a random member is taken.
#define UNSEEN_TRIES 100

struct nsga2 {
    uint64_t population;
    double crossover_rate;
    struct variation variation;
    int64_t repeat;
    // The parents, ranked, then the children that were told.
    struct individual *individuals;
    uint64_t parents, count, capacity;
    uint64_t asked, told; // of this generation
    uint64_t numbers;     // of individuals ever
};

static const esp_param nsga2_params[] = {
    ESP_PARAM_INT("population", 100, 2, 1000000, "architectures",
                  "parents, and children of each generation"),
    ESP_PARAM_REAL("crossover_rate", 0.9, 0.0, 1.0, "", "share of children with two parents"),
    ESP_PARAM_REAL("crossover_eta", 20.0, 0.0, 1000.0, "",
                   "distribution index of crossover: the larger, the nearer to a parent"),
    ESP_PARAM_REAL("mutation_rate", 0.0, 0.0, 1.0, "",
                   "chance of each decision; 0: one over their number"),
    ESP_PARAM_REAL("mutation_eta", 20.0, 0.0, 1000.0, "",
                   "distribution index of mutation: the larger, the smaller its steps"),
    ESP_PARAM_BOOL("repeat", 1, "an architecture may be tried again"),
};

static void forget(struct individual *individual)
{
    esp_arch_release(individual->arch);
    free(individual->objectives);
}

static void nsga2_destroy(void *context)
{
    struct nsga2 *self = context;
    for (uint64_t i = 0; i < self->count; i++)
        forget(&self->individuals[i]);
    free(self->individuals);
    free(self);
}

static esp_status nsga2_create(esp_create *create, esp_search *search, void **out)
{
    struct nsga2 *self = calloc(1, sizeof *self);
    if (!self)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    self->population = (uint64_t)esp_param_int(create, "population");
    self->crossover_rate = esp_param_real(create, "crossover_rate");
    self->variation.crossover_eta = esp_param_real(create, "crossover_eta");
    self->variation.mutation_eta = esp_param_real(create, "mutation_eta");
    self->variation.mutation_rate = esp_param_real(create, "mutation_rate");
    self->repeat = esp_param_int(create, "repeat");
    uint64_t budget = esp_search_trial_budget(search);
    if (budget > 0 && self->population >= budget)
        esp_log(create, ESP_LOG_WARNING,
                "population %llu is not smaller than the budget of %llu trials: all of them will "
                "be random",
                (unsigned long long)self->population, (unsigned long long)budget);
    *out = self;
    return ESP_OK;
}

// ---- Children ---------------------------------------------------------------------------------------

// The better one of two different parents; the first where neither is.
static const struct individual *tournament(const struct nsga2 *self, esp_random *random)
{
    const uint64_t count = self->parents;
    uint64_t i = esp_random_below(random, count), j = i;
    if (count > 1)
        j = (i + 1 + esp_random_below(random, count - 1)) % count;
    const struct individual *a = &self->individuals[i], *b = &self->individuals[j];
    return individual_better(b, a) ? b : a;
}

static esp_status breed(const struct nsga2 *self, esp_search *search, esp_random *random,
                        esp_arch **out)
{
    for (int i = 0; i < UNSEEN_TRIES; i++) {
        const esp_arch *a = tournament(self, random)->arch, *b = NULL;
        if (esp_random_real(random) < self->crossover_rate)
            b = tournament(self, random)->arch;
        esp_status status = child_make(&self->variation, search, a, b, random, out);
        if (status != ESP_OK || self->repeat || !esp_search_seen(search, *out))
            return status;
        esp_arch_release(*out);
        *out = NULL;
    }
    return esp_search_sample_unseen(search, random, out);
}

static esp_status nsga2_ask(void *context, esp_search *search, esp_ask *ask)
{
    struct nsga2 *self = context;
    esp_random *random = esp_search_random(search);
    esp_arch *arch = NULL;
    esp_status status;
    if (self->asked == self->population)
        return esp_ask_wait(ask);
    if (self->parents > 0)
        status = breed(self, search, random, &arch);
    else if (self->repeat)
        status = esp_search_sample(search, random, &arch);
    else
        status = esp_search_sample_unseen(search, random, &arch);
    if (status != ESP_OK)
        return status;
    if (!arch)
        return esp_ask_done(ask, "exhausted");
    self->asked++;
    status = esp_ask_trial(ask, arch);
    esp_arch_release(arch);
    return status;
}

// ---- Survival ---------------------------------------------------------------------------------------

static esp_status join(struct nsga2 *self, esp_search *search, const esp_outcome *outcome)
{
    if (self->count == self->capacity) {
        uint64_t capacity = self->capacity ? 2 * self->capacity : 64;
        struct individual *grown = realloc(self->individuals, capacity * sizeof *grown);
        if (!grown)
            return esp_fail(search, ESP_ERROR_MEMORY, "out of memory");
        self->individuals = grown;
        self->capacity = capacity;
    }
    double *objectives = malloc(outcome->objective_count * sizeof *objectives);
    if (!objectives)
        return esp_fail(search, ESP_ERROR_MEMORY, "out of memory");
    memcpy(objectives, outcome->objectives, outcome->objective_count * sizeof *objectives);
    self->individuals[self->count++] =
        (struct individual){.arch = esp_arch_retain(outcome->arch),
                            .objectives = objectives,
                            .objective_count = outcome->objective_count,
                            .violation = outcome->violation,
                            .number = self->numbers++};
    return ESP_OK;
}

static esp_status nsga2_tell(void *context, esp_search *search, const esp_outcome *outcome)
{
    struct nsga2 *self = context;
    if (outcome->objective_count > 0) {
        esp_status status = join(self, search, outcome);
        if (status != ESP_OK)
            return status;
    }
    // One of [start] joins the generation and takes nobody's place.
    self->told += outcome->asked != 0;
    if (self->told < self->population)
        return ESP_OK;
    if (!individuals_rank(self->individuals, self->count))
        return esp_fail(search, ESP_ERROR_MEMORY, "out of memory");
    while (self->count > self->population)
        forget(&self->individuals[--self->count]);
    self->parents = self->count;
    self->asked = self->told = 0;
    return ESP_OK;
}

static void nsga2_describe(esp_strategy_type *out)
{
    out->summary = "NSGA-II: fronts and crowding, for several objectives";
    out->source = "Deb et al. 2002";
    ESP_SET_PARAMS(out, nsga2_params);
    out->takes =
        ESP_STRATEGY_REAL | ESP_STRATEGY_INT | ESP_STRATEGY_SUBSET | ESP_STRATEGY_MANY_OBJECTIVES;
    out->create = nsga2_create;
    out->destroy = nsga2_destroy;
    out->ask = nsga2_ask;
    out->tell = nsga2_tell;
}

ESP_PLUGIN("0.1.0", ESP_STRATEGY("nsga2", nsga2_describe))
