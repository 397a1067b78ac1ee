// SPDX-License-Identifier: Apache-2.0
// Species: who belongs to which, explicit fitness sharing, stagnation, and how many offspring each has. The
// rules are those of the authors' program 1.2.1, which the paper's figures came from.
#include "population.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PENALTY 0.01     // what is left of a stagnant species' fitness
#define PENALTY_EVERY 30 // generations after which one old species is penalised
#define PENALTY_AGE 20
#define RECORD_PATIENCE 5 // beyond `stagnation`: then only the two best species breed

void member_free(struct member *member)
{
    esp_genes_free(&member->genes);
    esp_arch_release(member->arch);
    esp_arch_release(member->like);
    memset(member, 0, sizeof *member);
}

static void species_free(struct species *species)
{
    esp_genes_free(&species->representative);
    free(species->members);
}

void population_free(struct population *population)
{
    for (uint64_t i = 0; i < population->count; i++)
        member_free(&population->members[i]);
    for (uint64_t i = 0; i < population->species_count; i++)
        species_free(&population->species[i]);
    free(population->members);
    free(population->species);
    esp_markings_free(&population->markings);
    memset(population, 0, sizeof *population);
}

// ---- Belonging ----------------------------------------------------------------------------------

static esp_status join(struct species *species, uint64_t member)
{
    if (species->count == species->capacity) {
        uint64_t capacity = species->capacity ? 2 * species->capacity : 8;
        uint64_t *grown = realloc(species->members, (size_t)capacity * sizeof *grown);
        if (!grown)
            return ESP_ERROR_MEMORY;
        species->members = grown;
        species->capacity = capacity;
    }
    species->members[species->count++] = member;
    return ESP_OK;
}

static esp_status found_species(struct population *population, const esp_genes *genes)
{
    if (population->species_count == population->species_capacity) {
        uint64_t capacity = population->species_capacity ? 2 * population->species_capacity : 16;
        struct species *grown = realloc(population->species, (size_t)capacity * sizeof *grown);
        if (!grown)
            return ESP_ERROR_MEMORY;
        population->species = grown;
        population->species_capacity = capacity;
    }
    struct species *species = &population->species[population->species_count];
    memset(species, 0, sizeof *species);
    species->age = 1;
    species->is_new = 1;
    if (esp_genes_copy(&species->representative, genes) != ESP_OK)
        return ESP_ERROR_MEMORY;
    population->species_count++;
    return ESP_OK;
}

esp_status species_place(struct population *population, const struct settings *settings,
                         uint64_t member, const esp_genes *genes)
{
    uint64_t s = 0;
    for (; s < population->species_count; s++)
        if (esp_genes_distance(genes, &population->species[s].representative, settings->excess,
                               settings->disjoint,
                               settings->weight_difference) < settings->threshold)
            break;
    if (s == population->species_count && found_species(population, genes) != ESP_OK)
        return ESP_ERROR_MEMORY;
    return join(&population->species[s], member);
}

// ---- Fitness ------------------------------------------------------------------------------------

// Scores become fitness of 0 to 2: over the largest size there is, and where some are negative counted
// from the least. Only ratios matter. Who failed has none.
static void fitness_from_scores(struct population *population)
{
    double largest = 0, least = 0;
    for (uint64_t i = 0; i < population->count; i++)
        if (!population->members[i].failed)
            largest = fmax(largest, fabs(population->members[i].score));
    for (uint64_t i = 0; i < population->count; i++) {
        struct member *member = &population->members[i];
        member->fitness = member->failed || largest == 0 ? 0 : member->score / largest;
        least = fmin(least, member->fitness);
    }
    for (uint64_t i = 0; i < population->count; i++)
        if (!population->members[i].failed)
            population->members[i].fitness -= least;
}

static int is_better(const struct member *a, const struct member *b)
{
    if (a->failed != b->failed)
        return b->failed != 0;
    return !a->failed && a->score > b->score;
}

// Insertion: species are small, and equal members keep their order.
static void rank_members(const struct population *population, struct species *species)
{
    for (uint64_t i = 1; i < species->count; i++) {
        uint64_t member = species->members[i], at = i;
        for (; at > 0 && is_better(&population->members[member],
                                   &population->members[species->members[at - 1]]);
             at--)
            species->members[at] = species->members[at - 1];
        species->members[at] = member;
    }
}

static const struct member *champion(const struct population *population,
                                     const struct species *species)
{
    return &population->members[species->members[0]];
}

// Species by their champions, the best first.
static void rank_species(const struct population *population, uint64_t *ranking)
{
    for (uint64_t i = 0; i < population->species_count; i++) {
        uint64_t at = i;
        for (; at > 0 && is_better(champion(population, &population->species[i]),
                                   champion(population, &population->species[ranking[at - 1]]));
             at--)
            ranking[at] = ranking[at - 1];
        ranking[at] = i;
    }
}

static void penalise_an_old_one(struct population *population, const uint64_t *ranking)
{
    if (population->generation % PENALTY_EVERY != 0)
        return;
    for (uint64_t i = population->species_count; i-- > 0;) {
        struct species *species = &population->species[ranking[i]];
        if (species->age >= PENALTY_AGE) {
            species->penalised = 1;
            return;
        }
    }
}

static void share_fitness(struct population *population, const struct settings *settings,
                          struct species *species)
{
    const struct member *best = champion(population, species);
    const int64_t behind = species->age - species->improved + 1 - settings->stagnation;
    const double factor =
        (behind >= 0 || species->penalised ? PENALTY : 1.0) / (double)species->count;
    for (uint64_t i = 0; i < species->count; i++)
        population->members[species->members[i]].fitness *= factor;
    if (!best->failed && (!species->has_record || best->score > species->record)) {
        species->has_record = 1;
        species->record = best->score;
        species->improved = species->age;
        species->checked = 0;
    }
    species->penalised = 0;
    species->parents = (uint64_t)floor(settings->survivors * (double)species->count + 1.0);
    if (species->parents > species->count)
        species->parents = species->count;
}

// Whole numbers of offspring; fractions are carried from one species to the next.
static void count_offspring(struct population *population, const struct settings *settings)
{
    double sum = 0, carried = 0;
    uint64_t total = 0;
    struct species *most = NULL;
    for (uint64_t i = 0; i < population->count; i++)
        sum += population->members[i].fitness;
    const double scale = (double)settings->population / (double)population->count;
    const double mean = sum / (double)population->count;
    for (uint64_t s = 0; s < population->species_count; s++) {
        struct species *species = &population->species[s];
        double expected = 0;
        for (uint64_t i = 0; i < species->count; i++)
            expected +=
                mean > 0 ? scale * population->members[species->members[i]].fitness / mean : scale;
        double whole = floor(expected + carried);
        carried += expected - whole;
        species->offspring = whole > 0 ? (uint64_t)whole : 0;
        species->clones = 0;
        if (species->offspring > settings->population - total)
            species->offspring = settings->population - total;
        total += species->offspring;
        if (!most || species->offspring > most->offspring)
            most = species;
    }
    most->offspring += settings->population - total;
}

static void record_or_narrow(struct population *population, const struct settings *settings,
                             const uint64_t *ranking)
{
    struct species *first = &population->species[ranking[0]];
    const struct member *best = champion(population, first);
    if (!best->failed && (!population->has_record || best->score > population->record)) {
        population->has_record = 1;
        population->record = best->score;
        population->unchanged = 0;
        return;
    }
    if (++population->unchanged < settings->stagnation + RECORD_PATIENCE)
        return;
    population->unchanged = 0;
    for (uint64_t s = 0; s < population->species_count; s++)
        population->species[s].offspring = 0;
    struct species *second =
        population->species_count > 1 ? &population->species[ranking[1]] : NULL;
    first->offspring = first->clones = second ? settings->population / 2 : settings->population;
    first->improved = first->age;
    if (second) {
        second->offspring = second->clones = settings->population - first->offspring;
        second->improved = second->age;
    }
}

esp_status species_share(struct population *population, const struct settings *settings,
                         uint64_t **ranking)
{
    *ranking = malloc((size_t)population->species_count * sizeof **ranking);
    if (!*ranking)
        return ESP_ERROR_MEMORY;
    fitness_from_scores(population);
    for (uint64_t s = 0; s < population->species_count; s++)
        rank_members(population, &population->species[s]);
    rank_species(population, *ranking);
    penalise_an_old_one(population, *ranking);
    for (uint64_t s = 0; s < population->species_count; s++)
        share_fitness(population, settings, &population->species[s]);
    count_offspring(population, settings);
    record_or_narrow(population, settings, *ranking);
    return ESP_OK;
}

// ---- The next generation ------------------------------------------------------------------------

esp_status species_turn(struct population *population, const struct settings *settings,
                        struct member *next)
{
    for (uint64_t s = 0; s < population->species_count; s++) {
        struct species *species = &population->species[s];
        esp_genes genes;
        if (esp_genes_copy(&genes, &champion(population, species)->genes) != ESP_OK)
            return ESP_ERROR_MEMORY;
        esp_genes_free(&species->representative);
        species->representative = genes;
    }
    for (uint64_t s = 0; s < population->species_count; s++)
        population->species[s].count = 0;
    for (uint64_t i = 0; i < settings->population; i++) {
        esp_status status = species_place(population, settings, i, &next[i].genes);
        if (status != ESP_OK)
            return status;
    }
    uint64_t kept = 0;
    for (uint64_t s = 0; s < population->species_count; s++) {
        struct species *species = &population->species[s];
        if (species->count == 0) {
            species_free(species);
            continue;
        }
        species->age += !species->is_new;
        species->is_new = 0;
        population->species[kept++] = *species;
    }
    population->species_count = kept;
    for (uint64_t i = 0; i < population->count; i++)
        member_free(&population->members[i]);
    free(population->members);
    population->members = next;
    population->count = settings->population;
    population->generation++;
    esp_markings_clear(&population->markings);
    return ESP_OK;
}
