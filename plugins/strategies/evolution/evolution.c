// SPDX-License-Identifier: Apache-2.0
// Evolution with its parts to choose: selection, removal, crossover, mutation, elitism. The textbook's
// genetic algorithm in steady state (Eiben and Smith 2015, "Introduction to evolutionary computing");
// the defaults are regularized evolution (Real et al. 2019).
#include "evolve.h"

static const char *const selections[] = {"tournament", "truncation", "roulette"};
static const char *const removals[] = {"oldest", "worst", "none"};
static const char *const crossovers[] = {"uniform", "one_point", "scope"};
static const char *const mutations[] = {"one", "rate", "subtree"};

static const esp_param evolution_params[] = {
    ESP_PARAM_INT("population", 100, 1, 1000000, "architectures", "size of the population"),
    ESP_PARAM_CHOICE("selection", "tournament", selections, "how parents are chosen"),
    ESP_PARAM_INT("tournament", 25, 1, 1000000, "architectures",
                  "size of the sample that a parent is the best of"),
    ESP_PARAM_REAL("truncation", 0.2, 0.0, 1.0, "",
                   "share of the population, the best, that parents are drawn from"),
    ESP_PARAM_CHOICE("removal", "oldest", removals,
                     "who leaves when a child joins; none: the population grows"),
    ESP_PARAM_INT("elitism", 0, 0, 1000000, "architectures",
                  "the best so many never leave, however old"),
    ESP_PARAM_CHOICE("crossover", "uniform", crossovers,
                     "uniform: each decision of either parent; one_point: the first decisions of "
                     "one, the others of the other; scope: all below one scope of the other"),
    ESP_PARAM_REAL("crossover_rate", 0.0, 0.0, 1.0, "", "share of children with two parents"),
    ESP_PARAM_REAL("crossed_mutation", 1.0, 0.0, 1.0, "",
                   "chance that a child of two parents is mutated, too"),
    ESP_PARAM_CHOICE("mutation", "one", mutations,
                     "one: one decision; rate: each by chance, at least one; subtree: all below "
                     "one scope is drawn anew"),
    ESP_PARAM_REAL("mutation_rate", 0.1, 1e-6, 1.0, "", "the chance of each, with mutation = rate"),
    ESP_PARAM_BOOL("repeat", 1, "an architecture may be tried again"),
};

static esp_status evolution_create(esp_create *create, esp_search *search, void **out)
{
    struct settings settings = {
        .population = (uint64_t)esp_param_int(create, "population"),
        .selection = esp_param_int(create, "selection"),
        .tournament = (uint64_t)esp_param_int(create, "tournament"),
        .truncation = esp_param_real(create, "truncation"),
        .removal = esp_param_int(create, "removal"),
        .elitism = (uint64_t)esp_param_int(create, "elitism"),
        .crossover = esp_param_int(create, "crossover"),
        .crossover_rate = esp_param_real(create, "crossover_rate"),
        .crossed_mutation = esp_param_real(create, "crossed_mutation"),
        .mutation = esp_param_int(create, "mutation"),
        .mutation_rate = esp_param_real(create, "mutation_rate"),
        .repeat = esp_param_int(create, "repeat"),
    };
    if (settings.elitism >= settings.population)
        return esp_fail(create, ESP_ERROR_INVALID,
                        "elitism %llu leaves nobody who may go: expected less than population %llu",
                        (unsigned long long)settings.elitism,
                        (unsigned long long)settings.population);
    return evolve_create(create, search, &settings, out);
}

static void evolution_describe(esp_strategy_type *out)
{
    out->summary = "evolution: selection, removal, crossover and mutation to choose";
    out->source = "Eiben and Smith 2015; Real et al. 2019";
    ESP_SET_PARAMS(out, evolution_params);
    out->takes = ESP_STRATEGY_REAL | ESP_STRATEGY_INT | ESP_STRATEGY_SUBSET | ESP_STRATEGY_GENOME;
    out->create = evolution_create;
    out->destroy = evolve_destroy;
    out->ask = evolve_ask;
    out->tell = evolve_tell;
}

ESP_PLUGIN("0.1.0", ESP_STRATEGY("evolution", evolution_describe))
