// SPDX-License-Identifier: Apache-2.0
// A generation of NEAT: its members, its species, and the next one.
#ifndef NEAT_POPULATION_H
#define NEAT_POPULATION_H

#include <espalier/espalier.h>
#include <espalier/support/genes.h>

struct settings {
    uint64_t population;
    double excess, disjoint, weight_difference, threshold;
    double add_node, add_link, weight_mutation, weight_power, weight_limit;
    uint32_t weights_as_paper, split_bias;
    double toggle, reenable;
    esp_link_settings links;
    double survivors, mutate_only, interspecies, averaging, mate_only;
    int64_t stagnation;
};

struct member {
    esp_genes genes;
    esp_arch *arch; // from when it is asked; or whose decisions it takes (`like`)
    esp_arch *like;
    uint32_t vary_decisions;
    uint32_t told;   // an outcome is in
    uint32_t failed; // without objectives, or infeasible
    uint64_t trial;
    double score;    // larger is better, as told
    double fitness;  // not negative, shared
    double expected; // offspring
};

struct species {
    esp_genes representative; // the champion of the generation before
    uint64_t *members;        // by score, the best first, once ranked
    uint64_t count, capacity;
    int64_t age, improved; // generations; the age of its last record
    double record;         // its best score ever
    uint32_t has_record, is_new, checked, penalised;
    uint64_t parents; // the first so many members breed
    uint64_t offspring;
    uint64_t clones; // of those, offspring of the champion alone
};

struct population {
    struct member *members;
    uint64_t count; // 0: nothing was made yet
    struct species *species;
    uint64_t species_count, species_capacity;
    uint64_t generation; // the first is 1
    double record;
    uint32_t has_record;
    int64_t unchanged; // generations without a record
    esp_markings markings;
};

void population_free(struct population *population);
void member_free(struct member *member);

// species.c: puts members into species; ESP_ERROR_MEMORY.
esp_status species_place(struct population *population, const struct settings *settings,
                         uint64_t member, const esp_genes *genes);
// Fitness, sharing, stagnation: how many offspring each species has. All members are told.
esp_status species_share(struct population *population, const struct settings *settings,
                         uint64_t **ranking);
// Takes over the members of the next generation, whose species are known by `place`.
esp_status species_turn(struct population *population, const struct settings *settings,
                        struct member *next);

// offspring.c: the members of the next generation (`settings->population` of them).
esp_status offspring_make(struct population *population, const struct settings *settings,
                          esp_random *random, struct member **out);

#endif
