// SPDX-License-Identifier: Apache-2.0
// NEAT as a strategy: its generations, told in any order, and fitness sharing by hand.
#include "support/strategy_lab.h"

#include "../population.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct strategy_lab lab;

static void open_lab(const char *settings)
{
    char ini[512];
    snprintf(ini, sizeof ini,
             "[space]\nplugin = neat\ninputs = 2\noutputs = 1\n[strategy]\nplugin = neat\n%s"
             "[estimator]\nplugin = xor\n",
             settings);
    strategy_lab_open(&lab, ini, NULL, 1, 0);
}

static uint64_t gene_count(const struct arch *arch, uint64_t *hidden)
{
    esp_genes genes;
    char reason[128];
    uint64_t size;
    const void *bytes = arch_genome(arch, &size);
    cr_assert_eq(esp_genes_read(&genes, bytes, size, reason, sizeof reason), ESP_OK);
    const uint64_t count = genes.count;
    *hidden = genes.hidden_count;
    esp_genes_free(&genes);
    return count;
}

static void tell_all(uint64_t first, uint64_t count, uint64_t step)
{
    for (uint64_t i = 0; i < count; i++) {
        const uint64_t trial = first + i * step % count;
        const double objective = -(double)(arch_hash(lab.archs[trial]) % 1000);
        strategy_lab_tell(&lab, trial, trial % 5 == 3 ? NULL : &objective, 0);
    }
}

// Starting minimally: no hidden nodes, all inputs and the bias joined to the output. Then it waits.
Test(neat_strategy, a_generation_is_asked_whole_and_bred_when_all_is_told)
{
    open_lab("population = 100\nadd_node = 0.5\n");
    for (int i = 0; i < 100; i++)
        cr_assert_eq(strategy_lab_ask(&lab), ANSWER_TRIAL);
    for (uint64_t i = 0; i < 100; i++) {
        uint64_t hidden;
        cr_assert_eq(gene_count(lab.archs[i], &hidden), 3);
        cr_assert_eq(hidden, 0);
    }
    cr_assert_eq(strategy_lab_ask(&lab), ANSWER_WAIT);
    tell_all(0, 99, 1);
    cr_assert_eq(strategy_lab_ask(&lab), ANSWER_WAIT);
    const double objective = -1;
    strategy_lab_tell(&lab, 99, &objective, 0);
    uint64_t grown = 0;
    for (uint64_t i = 100; i < 200; i++) {
        uint64_t hidden;
        cr_assert_eq(strategy_lab_ask(&lab), ANSWER_TRIAL);
        gene_count(lab.archs[i], &hidden);
        grown += hidden > 0;
    }
    // Half of the mutants, which most are.
    cr_assert(grown > 25 && grown < 60, "%d", (int)grown);
    strategy_lab_close(&lab);
}

static uint64_t digest_of(uint64_t step)
{
    uint64_t digest = 0;
    open_lab("population = 20\nadd_link = 0.3\nadd_node = 0.2\nrecurrent = 0.3\n");
    for (uint64_t generation = 0; generation < 5; generation++) {
        for (int i = 0; i < 20; i++)
            cr_assert_eq(strategy_lab_ask(&lab), ANSWER_TRIAL);
        tell_all(20 * generation, 20, step);
    }
    for (uint64_t i = 0; i < lab.count; i++)
        digest = digest * 31 + arch_hash(lab.archs[i]);
    strategy_lab_close(&lab);
    return digest;
}

// As many workers as there may be: innovation numbers too are the same.
Test(neat_strategy, the_order_of_outcomes_does_not_count)
{
    const uint64_t digest = digest_of(1);
    cr_assert_eq(digest, digest_of(7));
    cr_assert_eq(digest, digest_of(19));
}

Test(neat_strategy, a_champion_is_tried_once_more)
{
    uint64_t asked = 0;
    strategy_lab_open(&lab,
                      "[space]\nplugin = neat\ninputs = 3\noutputs = 1\nbias = 0.5\n[strategy]\n"
                      "plugin = neat\npopulation = 10\nchampion = generalise\n[estimator]\n"
                      "plugin = double_pole\nvelocities = no\n",
                      NULL, 1, 0);
    for (; asked < 10; asked++)
        cr_assert_eq(strategy_lab_ask(&lab), ANSWER_TRIAL);
    for (uint64_t i = 0; i < 10; i++) {
        const double objective = i == 4 ? -7 : -1;
        strategy_lab_tell(&lab, i, &objective, 0);
    }
    cr_assert_eq(strategy_lab_ask(&lab), ANSWER_TRIAL);
    cr_assert_eq(arch_hash(lab.archs[10]), arch_hash(lab.archs[4]));
    cr_assert_eq(strategy_lab_ask(&lab), ANSWER_WAIT);
    const double objective = -9;
    strategy_lab_tell(&lab, 10, &objective, 0);
    cr_assert_eq(strategy_lab_ask(&lab), ANSWER_TRIAL);
    strategy_lab_close(&lab);
}

// ---- Sharing, by hand ---------------------------------------------------------------------------

static const struct settings by_hand = {.population = 10,
                                        .excess = 1,
                                        .disjoint = 1,
                                        .weight_difference = 1,
                                        .threshold = 1,
                                        .survivors = 0.2,
                                        .stagnation = 15};

// Members with one gene each, whose weight puts them into a species, and these scores.
static void make_population(struct population *population, const double *weights,
                            const double *scores)
{
    memset(population, 0, sizeof *population);
    population->members = calloc(10, sizeof *population->members);
    population->generation = 1;
    for (uint64_t i = 0; i < 10; i++) {
        struct member *member = &population->members[population->count++];
        const esp_gene gene = {0, 0, 2, weights[i], 1, 0};
        member->genes.inputs = member->genes.outputs = 1;
        cr_assert_eq(esp_genes_add(&member->genes, &gene), ESP_OK);
        member->told = 1;
        member->score = scores[i];
        cr_assert_eq(species_place(population, &by_hand, i, &member->genes), ESP_OK);
    }
}

// Four members of fitness 4, six of fitness 1: each species' sum of shared fitness is that of one member,
// so of ten offspring eight and two, but that one lost in rounding goes to either. The paper's equation 2.
Test(neat_strategy, species_share_their_fitness)
{
    static const double weights[10] = {0, 5, 0.1, 5.1, 0.2, 5, 5.2, 0.3, 5, 5.3};
    static const double scores[10] = {4, 1, 4, 1, 4, 1, 1, 4, 1, 1};
    struct population population;
    uint64_t *ranking = NULL;
    make_population(&population, weights, scores);
    cr_assert_eq(population.species_count, 2);
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

// A stagnant species' fitness counts a hundredth: 0.04 against 1.
Test(neat_strategy, a_stagnant_species_dies_out)
{
    static const double weights[10] = {0, 5, 0.1, 5.1, 0.2, 5, 5.2, 0.3, 5, 5.3};
    static const double scores[10] = {4, 1, 4, 1, 4, 1, 1, 4, 1, 1};
    struct population population;
    uint64_t *ranking = NULL;
    make_population(&population, weights, scores);
    population.species[0].age = 16;
    population.species[0].improved = 1;
    population.species[0].has_record = 1;
    population.species[0].record = 4;
    cr_assert_eq(species_share(&population, &by_hand, &ranking), ESP_OK);
    cr_assert_eq(population.species[0].offspring, 0);
    cr_assert_eq(population.species[1].offspring, 10);
    free(ranking);
    population_free(&population);
}

Test(neat_strategy, equal_failed_negative_and_extreme_scores_are_shared_out)
{
    static const double weights[10] = {0, 5, 0.1, 5.1, 0.2, 5, 5.2, 0.3, 5, 5.3};
    static const double rows[4][10] = {
        {0},
        {-3, -3, -3, -3, -3, -3, -3, -3, -3, -3},
        {1.7e308, -1.7e308, 1.7e308, -1.7e308, 1, 2, 3, 4, 5, 6},
        {-5, -1, -5, -1, -5, -1, -1, -5, -1, -1},
    };
    for (int row = 0; row < 5; row++) {
        struct population population;
        uint64_t *ranking = NULL, total = 0;
        make_population(&population, weights, rows[row % 4]);
        for (uint64_t i = 0; row == 4 && i < 10; i++)
            population.members[i].failed = 1;
        cr_assert_eq(species_share(&population, &by_hand, &ranking), ESP_OK);
        for (uint64_t s = 0; s < population.species_count; s++)
            total += population.species[s].offspring;
        cr_assert_eq(total, 10);
        if (row == 3) // the better ones have all
            cr_assert_eq(population.species[1].offspring, 10);
        free(ranking);
        population_free(&population);
    }
}
