// SPDX-License-Identifier: Apache-2.0
// Evolution as a strategy, for all settings of it: what the plugins `evolution` and
// `regularized_evolution` share.
#ifndef EVOLUTION_EVOLVE_H
#define EVOLUTION_EVOLVE_H

#include "population.h"
#include "variation.h"

struct settings {
    uint64_t population;
    int64_t selection; // SELECT_*
    uint64_t tournament;
    double truncation;
    int64_t removal; // REMOVE_*
    uint64_t elitism;
    int64_t crossover; // CROSS_*
    double crossover_rate;
    double crossed_mutation;
    int64_t mutation; // MUTATE_*
    double mutation_rate;
    int64_t repeat;
};

// The functions of an esp_strategy_type, but for create, which ends in evolve_create.
esp_status evolve_create(esp_create *create, esp_search *search, const struct settings *settings,
                         void **out);
void evolve_destroy(void *self);
esp_status evolve_ask(void *self, esp_search *search, esp_ask *ask);
esp_status evolve_tell(void *self, esp_search *search, const esp_outcome *outcome);

#endif
