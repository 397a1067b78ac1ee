// SPDX-License-Identifier: Apache-2.0
// NEAT as a strategy: its generations, told in any order. Species by hand are in species_test.c.
#include "support/strategy_lab.h"

#include <criterion/criterion.h>
#include <espalier/support/genes.h>
#include <stdio.h>

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

// How many of the second generation of one species are its champion, unchanged; all others are mutated.
static uint64_t champions_kept(uint64_t population)
{
    char settings[256];
    uint64_t kept = 0;
    snprintf(settings, sizeof settings,
             "population = %d\nthreshold = 1e6\nmutate_only = 1\nweights = paper\n"
             "weight_mutation = 1\nadd_node = 0\nadd_link = 0\n",
             (int)population);
    open_lab(settings);
    for (uint64_t i = 0; i < population; i++)
        cr_assert_eq(strategy_lab_ask(&lab), ANSWER_TRIAL);
    for (uint64_t i = 0; i < population; i++) {
        const double objective = i == 3 ? -7 : -6;
        strategy_lab_tell(&lab, i, &objective, 0);
    }
    for (uint64_t i = population; i < 2 * population; i++) {
        cr_assert_eq(strategy_lab_ask(&lab), ANSWER_TRIAL);
        kept += arch_hash(lab.archs[i]) == arch_hash(lab.archs[3]);
        for (uint64_t old = 0; old < population; old++)
            cr_assert(old == 3 || arch_hash(lab.archs[i]) != arch_hash(lab.archs[old]));
    }
    strategy_lab_close(&lab);
    return kept;
}

// The paper's settings keep the champion of a species of more than five. The authors' program counts
// offspring, not members; where there is one species they are as many.
Test(neat_strategy, the_champion_of_more_than_five_is_kept)
{
    cr_assert_eq(champions_kept(5), 0);
    cr_assert_eq(champions_kept(6), 1);
    cr_assert_eq(champions_kept(30), 1);
}
