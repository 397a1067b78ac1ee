// SPDX-License-Identifier: Apache-2.0
// Steady-state evolution: random members first, then one child a trial; what was evaluated joins, and
// who leaves is a matter of settings. Where several trials are open at once a child is bred from those
// told so far, as the workers of Real et al. 2019 do. Failed trials join nothing.
#include "evolve.h"

#include <espalier/ext/space_genome.h>

#include <stdlib.h>

// How often a child is tried for one that was not seen, before a random member is taken.
#define UNSEEN_TRIES 100

struct evolution {
    struct settings settings;
    struct population population;
};

void evolve_destroy(void *self)
{
    struct evolution *evolution = self;
    population_free(&evolution->population);
    free(evolution);
}

esp_status evolve_create(esp_create *create, esp_search *search, const struct settings *settings,
                         void **out)
{
    const int by_decisions = settings->mutation == MUTATE_SUBTREE ||
                             (settings->crossover_rate > 0 && settings->crossover != CROSS_UNIFORM);
    if (by_decisions && esp_search_space_ability(search, ESP_SPACE_GENOME))
        return esp_fail(create, ESP_ERROR_UNSUPPORTED,
                        "crossover = one_point and scope and mutation = subtree take decisions "
                        "apart, and architectures of this space are a genome: expected crossover = "
                        "uniform, and mutation = one or rate");
    struct evolution *evolution = calloc(1, sizeof *evolution);
    if (!evolution)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    evolution->settings = *settings;
    evolution->population.is_ranked = settings->selection == SELECT_TRUNCATION ||
                                      settings->removal == REMOVE_WORST || settings->elitism > 0;
    uint64_t budget = esp_search_trial_budget(search);
    if (budget > 0 && settings->population >= budget)
        esp_log(create, ESP_LOG_WARNING,
                "population %llu is not smaller than the budget of %llu trials: all of them will "
                "be random",
                (unsigned long long)settings->population, (unsigned long long)budget);
    *out = evolution;
    return ESP_OK;
}

static const esp_arch *select_parent(const struct evolution *evolution, esp_random *random)
{
    const struct settings *settings = &evolution->settings;
    const struct population *population = &evolution->population;
    switch (settings->selection) {
    case SELECT_TRUNCATION:
        return population_truncation(population, settings->truncation, random)->arch;
    case SELECT_ROULETTE:
        return population_roulette(population, random)->arch;
    default:
        return population_tournament(population, settings->tournament, random)->arch;
    }
}

// A child of `a`, and of `b` where that is not NULL.
static esp_status make_child(const struct settings *settings, esp_search *search, const esp_arch *a,
                             const esp_arch *b, esp_random *random, esp_arch **out)
{
    esp_arch *crossed = NULL;
    if (!b)
        return variation_mutate(search, a, settings->mutation, settings->mutation_rate, random,
                                out);
    esp_status status = variation_cross(search, a, b, settings->crossover, random, &crossed);
    if (status != ESP_OK)
        return status;
    if (esp_random_real(random) >= settings->crossed_mutation) {
        *out = crossed;
        return ESP_OK;
    }
    status =
        variation_mutate(search, crossed, settings->mutation, settings->mutation_rate, random, out);
    esp_arch_release(crossed);
    return status;
}

static esp_status breed(const struct evolution *evolution, esp_search *search, esp_random *random,
                        esp_arch **out)
{
    const struct settings *settings = &evolution->settings;
    const esp_arch *a = select_parent(evolution, random), *b = NULL;
    if (settings->crossover_rate > 0 && esp_random_real(random) < settings->crossover_rate)
        b = select_parent(evolution, random);
    // Where nothing is to be decided there is nothing to vary.
    uint64_t genome = 0;
    esp_arch_genome(a, &genome);
    const int fixed = esp_arch_count(a) == 0 && genome == 0;
    for (int i = 0; i < UNSEEN_TRIES && !fixed; i++) {
        esp_status status = make_child(settings, search, a, b, random, out);
        if (status != ESP_OK || settings->repeat || !esp_search_seen(search, *out))
            return status;
        esp_arch_release(*out);
        *out = NULL;
    }
    return settings->repeat ? esp_search_sample(search, random, out)
                            : esp_search_sample_unseen(search, random, out);
}

esp_status evolve_ask(void *self, esp_search *search, esp_ask *ask)
{
    struct evolution *evolution = self;
    esp_random *random = esp_search_random(search);
    esp_arch *arch = NULL;
    esp_status status;
    if (evolution->population.count > 0 && esp_ask_number(ask) >= evolution->settings.population)
        status = breed(evolution, search, random, &arch);
    else if (evolution->settings.repeat)
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

esp_status evolve_tell(void *self, esp_search *search, const esp_outcome *outcome)
{
    struct evolution *evolution = self;
    struct population *population = &evolution->population;
    const struct settings *settings = &evolution->settings;
    if (outcome->objective_count == 0)
        return ESP_OK;
    if (!population_add(population, outcome->arch, outcome->objectives[0], outcome->violation))
        return esp_fail(search, ESP_ERROR_MEMORY, "out of memory");
    if (settings->removal == REMOVE_NONE || population->count <= settings->population)
        return ESP_OK;
    if (settings->removal == REMOVE_WORST)
        population_remove_worst(population);
    else
        population_remove_oldest(population, settings->elitism);
    return ESP_OK;
}
