// SPDX-License-Identifier: Apache-2.0
// Hierarchical evolution: edges are drawn by level, motif, node and predecessor; the start is as diverse as
// the paper says; children differ from their parents by one edge; better ones have more children.
#include "support/strategy_lab.h"

#include "../genotype.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static struct strategy_lab lab;

static void open_lab(const char *settings)
{
    char ini[512];
    snprintf(ini, sizeof ini,
             "[space]\nplugin = hierarchical\n[strategy]\nplugin = hierarchical_evolution\n%s",
             settings);
    strategy_lab_open(&lab, ini, NULL, 1, 0);
}

// Level 2: 6 motifs of 4 nodes; level 3: one of 5. An edge into node i of level 3 has 1/2 1/4 1/i, one of
// level 2 1/2 1/6 1/3 1/i.
Test(hierarchical_evolution, edges_are_drawn_by_level_motif_node_and_predecessor)
{
    enum { DRAWS = 60000 };
    static int counts[64];
    esp_random random = esp_random_stream(1, 2, 0, 0, 0);
    struct genotype genotype;
    open_lab("population = 1\n");
    strategy_lab_ask(&lab);
    cr_assert_eq(genotype_read(&genotype, arch_handle(lab.archs[0])), ESP_OK);
    cr_assert_eq(genotype.count, 6 * 6 + 10);
    cr_assert_eq(genotype.other_count, 0);
    for (int i = 0; i < DRAWS; i++)
        counts[genotype_draw(&genotype, &random) - genotype.edges]++;
    for (uint64_t e = 0; e < genotype.count; e++) {
        const struct edge *edge = &genotype.edges[e];
        const double chance = edge->level == 3 ? 0.5 / 4 / edge->to : 0.5 / 6 / 3 / edge->to;
        cr_assert_eq(edge->options, 7);
        cr_expect_float_eq((double)counts[e] / DRAWS, chance,
                           5 * sqrt(chance * (1 - chance) / DRAWS), "level %u %u-%u: %g, not %g",
                           edge->level, edge->from, edge->to, (double)counts[e] / DRAWS, chance);
    }
    genotype_free(&genotype);
    strategy_lab_close(&lab);
}

static const char *option_of(const struct arch *arch, uint64_t decision)
{
    esp_arch *handle = arch_handle((struct arch *)(uintptr_t)arch);
    return esp_arch_domain(handle, decision)->names[esp_arch_value(handle, decision).as.index];
}

Test(hierarchical_evolution, the_trivial_genotype_is_a_chain_of_identities)
{
    struct genotype genotype;
    open_lab("population = 1\ninitial_mutations = 0\n");
    strategy_lab_ask(&lab);
    cr_assert_eq(genotype_read(&genotype, arch_handle(lab.archs[0])), ESP_OK);
    for (uint64_t e = 0; e < genotype.count; e++) {
        const struct edge *edge = &genotype.edges[e];
        cr_assert_str_eq(option_of(lab.archs[0], edge->decision), edge->to != edge->from + 1
                                                                      ? "none"
                                                                  : edge->level == 2 ? "identity"
                                                                                     : "motif_0");
    }
    genotype_free(&genotype);
    strategy_lab_close(&lab);
}

// After 1,000 mutations every edge of a motif has been drawn about 14 times or more: each option stands in
// about a seventh of them. (Members need a path through the cell, which lifts what is not `none` a little.)
Test(hierarchical_evolution, a_thousand_mutations_leave_no_trace_of_the_chain)
{
    int identities = 0, nones = 0, chain = 0, edges = 0;
    open_lab("population = 40\n");
    for (int i = 0; i < 40; i++) {
        struct genotype genotype;
        strategy_lab_ask(&lab);
        cr_assert_eq(genotype_read(&genotype, arch_handle(lab.archs[i])), ESP_OK);
        for (uint64_t e = 0; e < genotype.count; e++) {
            if (genotype.edges[e].level != 2)
                continue;
            const char *option = option_of(lab.archs[i], genotype.edges[e].decision);
            const int is_chain = genotype.edges[e].to == genotype.edges[e].from + 1;
            edges++;
            nones += strcmp(option, "none") == 0;
            identities += strcmp(option, "identity") == 0;
            chain += is_chain && strcmp(option, "identity") == 0;
        }
        genotype_free(&genotype);
    }
    const double spread = 4 * sqrt(6.0 / 49 / edges); // four standard deviations
    cr_assert_float_eq((double)identities / edges, 1.0 / 7, spread, "%g",
                       (double)identities / edges);
    cr_assert_float_eq((double)nones / edges, 1.0 / 7, spread, "%g", (double)nones / edges);
    cr_assert_float_eq((double)chain / (edges / 2.0), 1.0 / 7, sqrt(2) * spread);
    for (uint64_t i = 1; i < lab.count; i++)
        cr_assert_neq(arch_hash(lab.archs[i]), arch_hash(lab.archs[0]));
    strategy_lab_close(&lab);
}

// With tournaments of all, each child is the best one's, and differs from it by one edge.
Test(hierarchical_evolution, a_child_differs_from_the_winner_by_one_edge)
{
    open_lab("population = 10\ntournament = 1\n");
    for (uint64_t i = 0; i < 10; i++) {
        const double objective = i == 6 ? -1 : 0;
        strategy_lab_ask(&lab);
        strategy_lab_tell(&lab, i, i == 2 ? NULL : &objective, 0);
    }
    for (uint64_t i = 10; i < 60; i++) { // nothing is told: it does not wait
        uint64_t count, other, different = 0;
        cr_assert_eq(strategy_lab_ask(&lab), ANSWER_TRIAL);
        const struct choice *a = arch_choices(lab.archs[6], &count);
        const struct choice *b = arch_choices(lab.archs[i], &other);
        cr_assert_eq(count, other);
        for (uint64_t d = 0; d < count; d++)
            different += !value_equal(a[d].value, b[d].value);
        cr_assert_eq(different, 1);
    }
    strategy_lab_close(&lab);
}

// A smooth hill: the mean of the later trials is above that of random ones (deviation of a mean of 300:
// about 0.003).
Test(hierarchical_evolution, it_climbs_a_smooth_hill)
{
    double first = 0, last = 0;
    strategy_lab_open(&lab,
                      "[space]\nplugin = hierarchical\n[strategy]\n"
                      "plugin = hierarchical_evolution\npopulation = 100\ninitial_mutations = 200\n"
                      "[estimator]\nplugin = nk_landscape\nk = 0\n",
                      NULL, 1, 0);
    strategy_lab_run(&lab, 700);
    for (int i = 0; i < 100; i++) {
        first += strategy_lab_fitness(&lab, lab.archs[i]) / 100;
        last += strategy_lab_fitness(&lab, lab.archs[600 + i]) / 100;
    }
    cr_assert_gt(last, first + 0.05, "%g, at first %g", last, first);
    strategy_lab_close(&lab);
}
