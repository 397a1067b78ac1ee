// SPDX-License-Identifier: Apache-2.0
// Species of NEAT by hand: shared fitness, stagnation, and whose children the offspring are.
#include "population.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MEMBERS 10

static const struct settings by_hand = {.population = MEMBERS,
                                        .excess = 1,
                                        .disjoint = 1,
                                        .weight_difference = 1,
                                        .threshold = 1,
                                        .survivors = 0.2,
                                        .stagnation = 15};

// Weights that make species of two and of eight members, and of four and of six.
static const double two_and_eight[MEMBERS] = {0, 5, 5.1, 5.2, 5.3, 5.4, 0.1, 5.5, 5.6, 5.7};
static const double four_and_six[MEMBERS] = {0, 5, 0.1, 5.1, 0.2, 5, 5.2, 0.3, 5, 5.3};

// Whose references nobody counts.
static void no_reference(esp_arch *arch)
{
    (void)arch;
}

static const esp_arch_api uncounted = {
    .struct_size = sizeof(esp_arch_api), .retain = no_reference, .release = no_reference};
static esp_arch some_arch = {.api = &uncounted};

// Members with one gene each, whose weight puts them into a species, and these scores.
static void make_population(struct population *population, const double *weights,
                            const double *scores)
{
    memset(population, 0, sizeof *population);
    population->members = calloc(MEMBERS, sizeof *population->members);
    population->generation = 1;
    for (uint64_t i = 0; i < MEMBERS; i++) {
        struct member *member = &population->members[population->count++];
        const esp_gene gene = {0, 0, 2, weights[i], 1, 0};
        member->genes.inputs = member->genes.outputs = 1;
        cr_assert_eq(esp_genes_add(&member->genes, &gene), ESP_OK);
        member->arch = &some_arch;
        member->told = 1;
        member->score = scores[i];
        cr_assert_eq(species_place(population, &by_hand, i, &member->genes), ESP_OK);
    }
    cr_assert_eq(population->species_count, 2);
}

// ---- Sharing ------------------------------------------------------------------------------------

// The paper's equation 2: a species has offspring by the mean fitness of its members, however many they are.
// Binary fractions, so that the ten are shared out without a rest.
Test(neat_species, offspring_are_as_the_mean_fitness)
{
    static const struct {
        double scores[MEMBERS]; // of members 0 and 6 the small species'
        uint64_t offspring[2];
    } rows[] = {
        {{4, 1, 1, 1, 1, 1, 4, 1, 1, 1}, {8, 2}}, // 4 : 1; the sums are the same
        {{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, {5, 5}}, // the sums are 2 : 8
        {{8, 0, 0, 8, 0, 0, 0, 0, 0, 0}, {8, 2}}, // sums and champions are the same
        {{4, 8, 8, 8, 8, 0, 8, 0, 0, 0}, {6, 4}}, // the sums are 12 : 32
    };
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        struct population population;
        uint64_t *ranking = NULL;
        make_population(&population, two_and_eight, rows[row].scores);
        cr_assert_eq(population.species[0].count, 2);
        cr_assert_eq(population.species[1].count, 8);
        cr_assert_eq(species_share(&population, &by_hand, &ranking), ESP_OK);
        for (int s = 0; s < 2; s++)
            cr_assert_eq(population.species[s].offspring, rows[row].offspring[s],
                         "row %d, species %d: %d", (int)row, s,
                         (int)population.species[s].offspring);
        free(ranking);
        population_free(&population);
    }
}

// Four members of fitness 4, six of fitness 1: the means are 8 and 2 of ten, but that one lost in rounding
// goes to either.
Test(neat_species, the_best_of_a_species_are_parents)
{
    static const double scores[MEMBERS] = {4, 1, 4, 1, 4, 1, 1, 4, 1, 1};
    struct population population;
    uint64_t *ranking = NULL;
    make_population(&population, four_and_six, scores);
    cr_assert_eq(population.species[0].count, 4);
    cr_assert_eq(population.species[1].count, 6);
    cr_assert_eq(species_share(&population, &by_hand, &ranking), ESP_OK);
    cr_assert(abs((int)population.species[0].offspring - 8) <= 1);
    cr_assert_eq(population.species[0].offspring + population.species[1].offspring, 10);
    cr_assert_eq(population.species[0].parents, 1); // floor(0.2 * 4 + 1)
    cr_assert_eq(population.species[1].parents, 2); // floor(0.2 * 6 + 1)
    cr_assert_eq(ranking[0], 0);
    free(ranking);
    population_free(&population);
}

// Means of 4 and 1 again. In the 15th generation, its record's counted, a species' fitness counts a
// hundredth: 0.04 against 1, and all ten are the other's.
Test(neat_species, a_stagnant_species_dies_out)
{
    static const double scores[MEMBERS] = {4, 1, 1, 1, 1, 1, 4, 1, 1, 1};
    static const struct {
        int64_t age, improved;
        uint64_t offspring;
    } rows[] = {{14, 1, 8}, {15, 1, 0}, {16, 1, 0}, {40, 27, 8}, {40, 26, 0}};
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        struct population population;
        uint64_t *ranking = NULL;
        make_population(&population, two_and_eight, scores);
        struct species *old = &population.species[0];
        old->age = rows[row].age;
        old->improved = rows[row].improved;
        old->has_record = 1;
        old->record = 4;
        cr_assert_eq(species_share(&population, &by_hand, &ranking), ESP_OK);
        cr_assert_eq(population.species[0].offspring, rows[row].offspring, "row %d: %d", (int)row,
                     (int)population.species[0].offspring);
        cr_assert_eq(population.species[1].offspring, MEMBERS - rows[row].offspring);
        cr_assert_eq(old->improved, rows[row].improved); // its record is met, not broken
        free(ranking);
        old->record = 3.5;
        cr_assert_eq(species_share(&population, &by_hand, &ranking), ESP_OK);
        cr_assert_eq(old->improved, rows[row].age);
        free(ranking);
        population_free(&population);
    }
}

Test(neat_species, equal_failed_negative_and_extreme_scores_are_shared_out)
{
    static const double rows[4][MEMBERS] = {
        {0},
        {-3, -3, -3, -3, -3, -3, -3, -3, -3, -3},
        {1.7e308, -1.7e308, 1.7e308, -1.7e308, 1, 2, 3, 4, 5, 6},
        {-5, -1, -5, -1, -5, -1, -1, -5, -1, -1},
    };
    for (int row = 0; row < 5; row++) {
        struct population population;
        uint64_t *ranking = NULL, total = 0;
        make_population(&population, four_and_six, rows[row % 4]);
        for (uint64_t i = 0; row == 4 && i < MEMBERS; i++)
            population.members[i].failed = 1;
        cr_assert_eq(species_share(&population, &by_hand, &ranking), ESP_OK);
        for (uint64_t s = 0; s < population.species_count; s++)
            total += population.species[s].offspring;
        cr_assert_eq(total, MEMBERS);
        if (row == 3) // the better ones have all
            cr_assert_eq(population.species[1].offspring, MEMBERS);
        free(ranking);
        population_free(&population);
    }
}

// ---- Offspring ----------------------------------------------------------------------------------

static struct member *make_offspring(struct population *population, const struct settings *settings,
                                     uint64_t seed)
{
    esp_random random = esp_random_stream(seed, 1, 0, 0, 0);
    struct member *next = NULL;
    cr_assert_eq(offspring_make(population, settings, &random, &next), ESP_OK);
    return next;
}

static void free_offspring(struct member *next)
{
    for (uint64_t i = 0; i < MEMBERS; i++)
        member_free(&next[i]);
    free(next);
}

static double weight_of(const struct member *member)
{
    cr_assert_eq(member->genes.count, 1);
    return member->genes.genes[0].weight;
}

// Every child is a parent with another weight, but for the champion's copy, of more than five offspring one.
// The champions are members 6 and 3.
Test(neat_species, a_champion_is_copied_among_more_than_five_offspring)
{
    static const struct {
        double scores[MEMBERS];
        uint64_t offspring[2], copies[2];
    } rows[] = {
        {{0, 0, 0, 8, 0, 0, 8, 0, 0, 0}, {8, 2}, {1, 0}},
        {{4, 6, 6, 8, 6, 6, 8, 0, 0, 0}, {6, 4}, {1, 0}},
        {{1, 2, 2, 4, 2, 2, 3, 2, 1, 1}, {5, 5}, {0, 0}},
    };
    struct settings settings = by_hand;
    settings.survivors = settings.mutate_only = settings.weight_mutation = 1;
    settings.weights_as_paper = 1;
    settings.weight_power = 2.5;
    settings.weight_limit = 8;
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        static const int champions[2] = {6, 3};
        struct population population;
        make_population(&population, two_and_eight, rows[row].scores);
        struct member *next = make_offspring(&population, &settings, row);
        uint64_t first = 0;
        for (int s = 0; s < 2; s++) {
            uint64_t copies = 0;
            cr_assert_eq(population.species[s].offspring, rows[row].offspring[s]);
            for (uint64_t i = first; i < first + rows[row].offspring[s]; i++) {
                for (int old = 0; old < MEMBERS; old++)
                    if (weight_of(&next[i]) == two_and_eight[old]) {
                        cr_assert_eq(old, champions[s]);
                        copies++;
                    }
            }
            cr_assert_eq(copies, rows[row].copies[s], "row %d, species %d: %d", (int)row, s,
                         (int)copies);
            first += rows[row].offspring[s];
        }
        free_offspring(next);
        population_free(&population);
    }
}

// Children are their parents' mean: of parents near 0 and near 5, if of two species. The second parent is a
// stranger by chance. A draw is the best species with P(|N(0, 1)| < 2), else the other; of five draws the first
// that is not the own species counts.
Test(neat_species, a_second_parent_is_of_another_species_at_the_rate)
{
    static const double scores[MEMBERS] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    static const double rates[] = {0, 0.2, 1};
    const double far = erfc(2 / sqrt(2));
    const double other[2] = {1 - pow(1 - far, 5), 1 - pow(far, 5)};
    const int repeats = 1000, children = 5 * repeats;
    struct settings settings = by_hand;
    settings.survivors = settings.averaging = settings.mate_only = 1;
    for (int r = 0; r < 3; r++) {
        int mixed[2] = {0};
        settings.interspecies = rates[r];
        for (int repeat = 0; repeat < repeats; repeat++) {
            struct population population;
            make_population(&population, two_and_eight, scores);
            struct member *next = make_offspring(&population, &settings, (uint64_t)repeat);
            cr_assert_eq(population.species[0].offspring, 5);
            for (int i = 0; i < MEMBERS; i++) {
                const double weight = weight_of(&next[i]);
                mixed[i / 5] += weight > 1 && weight < 4;
            }
            free_offspring(next);
            population_free(&population);
        }
        for (int s = 0; s < 2; s++) {
            const double share = rates[r] * other[s];
            // 4 standard deviations of a binomial's, and what is rarer than one child.
            cr_assert_float_eq((double)mixed[s] / children, share,
                               4 * sqrt(share * (1 - share) / children) + 1.0 / children,
                               "rate %g, species %d: %d", rates[r], s, mixed[s]);
        }
    }
}

// With itself it would enable its disabled gene in a fourth of the averaging crossovers, with a stranger it would
// have another weight.
Test(neat_species, a_lone_parent_is_copied_and_mutated_only)
{
    static const double scores[MEMBERS] = {1, 1, 1, 1, 1, 1, 2, 1, 1, 1};
    struct settings settings = by_hand;
    settings.survivors = 0;
    settings.averaging = settings.mate_only = settings.interspecies = 1;
    for (uint64_t repeat = 0; repeat < 10; repeat++) {
        struct population population;
        make_population(&population, two_and_eight, scores);
        population.members[1].genes.genes[0].enabled = 0;
        population.members[6].genes.genes[0].enabled = 0;
        struct member *next = make_offspring(&population, &settings, repeat);
        const uint64_t first = population.species[0].offspring;
        cr_assert(first > 0 && first < MEMBERS);
        for (uint64_t i = 0; i < MEMBERS; i++) {
            cr_assert_eq(weight_of(&next[i]), two_and_eight[i < first ? 6 : 1]);
            cr_assert_eq(next[i].genes.genes[0].enabled, 0);
        }
        free_offspring(next);
        population_free(&population);
    }
}
