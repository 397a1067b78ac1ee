// SPDX-License-Identifier: Apache-2.0
// Regularized (aging) evolution, Real, Aggarwal, Huang and Le 2019, "Regularized evolution for image
// classifier architecture search", algorithm 1: a population of random members; then, again and
// again, the best of a random sample of it is mutated in one decision, the child joins, and the
// oldest dies. The sample is drawn with replacement, as in the paper's listing. A preset of
// ../evolution.
#include "../evolution/evolve.h"

static const esp_param evolution_params[] = {
    ESP_PARAM_INT("population", 100, 1, 1000000, "architectures", "size of the population, P"),
    ESP_PARAM_INT("tournament", 25, 1, 1000000, "architectures",
                  "size of the sample that a parent is the best of, S"),
    ESP_PARAM_BOOL("repeat", 1, "an architecture may be tried again"),
};

static esp_status evolution_create(esp_create *create, esp_search *search, void **out)
{
    struct settings settings = {
        .population = (uint64_t)esp_param_int(create, "population"),
        .selection = SELECT_TOURNAMENT,
        .tournament = (uint64_t)esp_param_int(create, "tournament"),
        .removal = REMOVE_OLDEST,
        .mutation = MUTATE_ONE,
        .repeat = esp_param_int(create, "repeat"),
    };
    return evolve_create(create, search, &settings, out);
}

static void evolution_describe(esp_strategy_type *out)
{
    out->summary = "aging evolution: the best of a sample is mutated, the oldest dies";
    out->source = "Real et al. 2019";
    ESP_SET_PARAMS(out, evolution_params);
    out->takes = ESP_STRATEGY_REAL | ESP_STRATEGY_INT | ESP_STRATEGY_SUBSET | ESP_STRATEGY_GENOME;
    out->create = evolution_create;
    out->destroy = evolve_destroy;
    out->ask = evolve_ask;
    out->tell = evolve_tell;
}

ESP_PLUGIN("0.1.0", ESP_STRATEGY("regularized_evolution", evolution_describe))
