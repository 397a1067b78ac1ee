// SPDX-License-Identifier: Apache-2.0
// The offspring of a generation: champions copied, mutated copies, children of two.
#include "population.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CHAMPION_OF 5 // a species with more offspring keeps its champion
#define STRANGER_DRAWS 5
#define CLONES_WEIGHTS                                                                             \
    0.8 // of a champion's clones, whose weights change; of the others a link is added

struct brood {
    struct population *population;
    const struct settings *settings;
    const uint64_t *ranking; // of species, the best first
    esp_random *random;
};

static void change_weights(const struct brood *brood, esp_genes *genes)
{
    const struct settings *settings = brood->settings;
    if (settings->weights_as_paper)
        esp_genes_change_weights_plainly(genes, settings->weight_power, settings->weight_limit,
                                         brood->random);
    else
        esp_genes_change_weights(genes, settings->weight_power, settings->weight_limit,
                                 brood->random);
}

// One structural change, else the others, each by its own chance.
static esp_status mutate(const struct brood *brood, struct member *child)
{
    const struct settings *settings = brood->settings;
    esp_random *random = brood->random;
    esp_markings *markings = &brood->population->markings;
    child->vary_decisions = 1;
    if (esp_random_real(random) < settings->add_node)
        return esp_genes_add_node(&child->genes, markings, settings->split_bias, random, NULL);
    if (esp_random_real(random) < settings->add_link)
        return esp_genes_add_link(&child->genes, markings, &settings->links, random, NULL);
    if (esp_random_real(random) < settings->weight_mutation)
        change_weights(brood, &child->genes);
    if (esp_random_real(random) < settings->toggle)
        esp_genes_toggle(&child->genes, random);
    if (esp_random_real(random) < settings->reenable)
        esp_genes_reenable(&child->genes);
    return ESP_OK;
}

static esp_status copy(const struct member *parent, struct member *child)
{
    child->like = esp_arch_retain(parent->arch);
    return esp_genes_copy(&child->genes, &parent->genes);
}

static struct member *draw_parent(const struct brood *brood, const struct species *species)
{
    return &brood->population
                ->members[species->members[esp_random_below(brood->random, species->parents)]];
}

// Another species' champion, mostly that of a good one: its rank is half-normal with a fourth of them as
// deviation. Where so many draws give the own species only, it is the own champion.
static struct member *draw_stranger(const struct brood *brood, const struct species *own)
{
    const uint64_t last = brood->population->species_count - 1;
    const struct species *species = own;
    for (int i = 0; i < STRANGER_DRAWS && species == own; i++) {
        double share = fmin(fabs(esp_random_normal(brood->random)) / 4.0, 1.0);
        uint64_t rank = (uint64_t)floor(share * (double)last + 0.5);
        species = &brood->population->species[brood->ranking[rank]];
    }
    return &brood->population->members[species->members[0]];
}

static int is_fitter(const struct member *a, const struct member *b)
{
    if (a->failed != b->failed)
        return b->failed != 0;
    if (!a->failed && a->score != b->score)
        return a->score > b->score;
    return a->genes.count < b->genes.count;
}

static esp_status breed(const struct brood *brood, const struct species *species,
                        struct member *child)
{
    const struct settings *settings = brood->settings;
    esp_random *random = brood->random;
    const struct member *a = draw_parent(brood, species), *b;
    if (esp_random_real(random) < settings->interspecies)
        b = draw_stranger(brood, species);
    else
        b = draw_parent(brood, species);
    const uint32_t average = esp_random_real(random) < settings->averaging;
    child->like = esp_arch_retain(esp_random_real(random) < 0.5 ? a->arch : b->arch);
    esp_status status = esp_genes_cross(&child->genes, &a->genes, &b->genes,
                                        (uint32_t)is_fitter(a, b), average, random);
    if (status != ESP_OK)
        return status;
    const int alike =
        a == b || esp_genes_distance(&a->genes, &b->genes, settings->excess, settings->disjoint,
                                     settings->weight_difference) == 0;
    if (esp_random_real(random) >= settings->mate_only || alike)
        return mutate(brood, child);
    return ESP_OK;
}

// Offspring of the champion alone, when nothing better was found for long.
static esp_status clone_champion(const struct brood *brood, const struct species *species,
                                 uint32_t exact, struct member *child)
{
    const struct settings *settings = brood->settings;
    esp_status status = copy(&brood->population->members[species->members[0]], child);
    if (status != ESP_OK || exact)
        return status;
    if (settings->add_link == 0 || esp_random_real(brood->random) < CLONES_WEIGHTS) {
        change_weights(brood, &child->genes);
        return ESP_OK;
    }
    return esp_genes_add_link(&child->genes, &brood->population->markings, &settings->links,
                              brood->random, NULL);
}

static esp_status make_one(const struct brood *brood, const struct species *species, uint64_t i,
                           struct member *child)
{
    if (i < species->clones)
        return clone_champion(brood, species, i + 1 == species->clones, child);
    if (i == 0 && species->offspring > CHAMPION_OF)
        return copy(&brood->population->members[species->members[0]], child);
    // A lone parent has nobody to breed with, not even a stranger: so the authors' program has it.
    if (species->parents > 1 && esp_random_real(brood->random) >= brood->settings->mutate_only)
        return breed(brood, species, child);
    esp_status status = copy(draw_parent(brood, species), child);
    return status == ESP_OK ? mutate(brood, child) : status;
}

esp_status offspring_make(struct population *population, const struct settings *settings,
                          esp_random *random, struct member **out)
{
    struct brood brood = {population, settings, NULL, random};
    uint64_t *ranking = NULL, made = 0;
    *out = NULL;
    struct member *next = calloc((size_t)settings->population, sizeof *next);
    esp_status status = next ? species_share(population, settings, &ranking) : ESP_ERROR_MEMORY;
    brood.ranking = ranking;
    for (uint64_t s = 0; status == ESP_OK && s < population->species_count; s++) {
        const struct species *species = &population->species[s];
        for (uint64_t i = 0; status == ESP_OK && i < species->offspring; i++)
            status = make_one(&brood, species, i, &next[made++]);
    }
    free(ranking);
    if (status == ESP_OK) {
        *out = next;
        return ESP_OK;
    }
    for (uint64_t i = 0; next && i < settings->population; i++)
        member_free(&next[i]);
    free(next);
    return status;
}
