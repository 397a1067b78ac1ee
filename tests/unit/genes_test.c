// SPDX-License-Identifier: Apache-2.0
// Genomes of NEAT: their form, their variation and their networks, by what must hold and by numbers worked
// out by hand.
#include "support/leak.h"

#include <criterion/criterion.h>
#include <espalier/support/genes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static esp_random stream(uint64_t seed)
{
    return esp_random_stream(seed, 1, 0, 0, 0);
}

static const esp_link_settings forward_links = {20, 0.0, 0.5};

// A genome after some changes of every kind, as a strategy makes them.
static void grow(esp_genes *genes, esp_markings *markings, uint64_t seed, int changes,
                 double recurrent)
{
    esp_random random = stream(seed);
    const esp_link_settings links = {20, recurrent, 0.5};
    cr_assert_eq(esp_genes_minimal(genes, 3, 2, 1.0, &random), ESP_OK);
    esp_markings_above(markings, genes);
    for (int i = 0; i < changes; i++) {
        const uint64_t kind = esp_random_below(&random, 4);
        if (kind == 0)
            cr_assert_eq(esp_genes_add_node(genes, markings, 0, &random, NULL), ESP_OK);
        else if (kind == 1)
            cr_assert_eq(esp_genes_add_link(genes, markings, &links, &random, NULL), ESP_OK);
        else if (kind == 2)
            esp_genes_change_weights(genes, 2.5, 8.0, &random);
        else
            esp_genes_toggle(genes, &random);
    }
}

static void *form_of(const esp_genes *genes, uint64_t *size)
{
    *size = esp_genes_size(genes);
    void *bytes = malloc(*size);
    cr_assert_not_null(bytes);
    esp_genes_write(genes, bytes);
    return bytes;
}

TestLeak(genes, the_form_is_read_back_and_is_one)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        esp_markings markings = {.counted = seed % 2};
        esp_genes genes, back;
        char reason[128];
        uint64_t size, again;
        grow(&genes, &markings, seed, 30, 0.3);
        void *bytes = form_of(&genes, &size);
        cr_assert_eq(esp_genes_read(&back, bytes, size, reason, sizeof reason), ESP_OK, "%s",
                     reason);
        void *second = form_of(&back, &again);
        cr_assert_eq(size, again);
        cr_assert_eq(memcmp(bytes, second, size), 0);
        // Cut anywhere it is none.
        cr_assert_eq(esp_genes_read(&genes, bytes, 0, reason, sizeof reason), ESP_ERROR_INVALID);
        free(bytes);
        free(second);
        esp_genes_free(&genes);
        esp_genes_free(&back);
        esp_markings_free(&markings);
    }
}

TestLeak(genes, what_is_no_form_is_refused_in_words)
{
    esp_markings markings = {.counted = 1};
    esp_genes genes, back;
    char reason[256];
    uint64_t size;
    grow(&genes, &markings, 3, 40, 0.2);
    unsigned char *bytes = form_of(&genes, &size);
    for (uint64_t cut = 0; cut < size; cut++)
        cr_assert_eq(esp_genes_read(&back, bytes, cut, reason, sizeof reason), ESP_ERROR_INVALID);
    esp_random random = stream(9);
    for (int i = 0; i < 20000;
         i++) { // any byte changed: refused, or a genome that is written the same
        const uint64_t place = esp_random_below(&random, size);
        const unsigned char before = bytes[place];
        bytes[place] = (unsigned char)esp_random_bits(&random);
        reason[0] = '\0';
        if (esp_genes_read(&back, bytes, size, reason, sizeof reason) == ESP_OK) {
            uint64_t again;
            void *second = form_of(&back, &again);
            cr_assert_eq(again, size);
            cr_assert_eq(memcmp(second, bytes, size), 0);
            free(second);
            esp_genes_free(&back);
        } else {
            cr_assert_neq(reason[0], '\0');
        }
        bytes[place] = before;
    }
    free(bytes);
    esp_genes_free(&genes);
    esp_markings_free(&markings);
}

// ---- Markings -----------------------------------------------------------------------------------

// Stanley and Miikkulainen 2002, section 3.2: the same structural change in two genomes of a generation has
// the same numbers, in the next generation others.
TestLeak(genes, the_same_change_has_the_same_numbers_until_they_are_cleared)
{
    esp_markings markings = {.counted = 1};
    esp_random random = stream(1);
    esp_genes genes[3];
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(esp_genes_minimal(&genes[i], 1, 1, 0, &random), ESP_OK); // one connection
        esp_markings_above(&markings, &genes[i]);
    }
    for (int i = 0; i < 3; i++) {
        if (i == 2)
            esp_markings_clear(&markings);
        cr_assert_eq(esp_genes_add_node(&genes[i], &markings, 0, &random, NULL), ESP_OK);
    }
    cr_assert_eq(genes[0].count, 3);
    cr_assert_eq(genes[0].hidden[0], genes[1].hidden[0]);
    for (int g = 0; g < 3; g++)
        cr_assert_eq(genes[0].genes[g].innovation, genes[1].genes[g].innovation);
    cr_assert_neq(genes[0].hidden[0], genes[2].hidden[0]);
    cr_assert_neq(genes[0].genes[1].innovation, genes[2].genes[1].innovation);
    // The old connection is disabled; the way in has the weight 1, the way out the old one's.
    cr_assert_eq(genes[0].genes[0].enabled, 0);
    cr_assert_eq(genes[0].genes[1].weight, 1.0);
    cr_assert_eq(genes[0].genes[2].weight, genes[0].genes[0].weight);
    for (int i = 0; i < 3; i++)
        esp_genes_free(&genes[i]);
    esp_markings_free(&markings);
}

TestLeak(genes, numbers_made_of_the_change_need_no_list)
{
    esp_random random = stream(1);
    esp_markings first = {0}, second = {0};
    esp_genes a, b;
    cr_assert_eq(esp_genes_minimal(&a, 1, 1, 0, &random), ESP_OK);
    cr_assert_eq(esp_genes_minimal(&b, 1, 1, 0, &random), ESP_OK);
    cr_assert_eq(esp_genes_add_node(&a, &first, 0, &random, NULL), ESP_OK);
    cr_assert_eq(esp_genes_add_node(&b, &second, 0, &random, NULL), ESP_OK);
    cr_assert_eq(a.hidden[0], b.hidden[0]);
    for (int g = 0; g < 3; g++)
        cr_assert_eq(a.genes[g].innovation, b.genes[g].innovation);
    // Enabled and split again, it gets a node of its own.
    for (uint64_t g = 0; g < a.count; g++)
        a.genes[g].enabled = a.genes[g].from == 0 && a.genes[g].to == 2;
    cr_assert_eq(esp_genes_add_node(&a, &first, 0, &random, NULL), ESP_OK);
    cr_assert_eq(a.hidden_count, 2);
    esp_genes_free(&a);
    esp_genes_free(&b);
    esp_markings_free(&first);
    esp_markings_free(&second);
}

// ---- Variation ----------------------------------------------------------------------------------

// Without recurrent links growth keeps a network without cycles.
TestLeak(genes, growth_forward_makes_no_cycle)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        esp_markings markings = {.counted = 1};
        esp_random random = stream(seed);
        esp_neat_network network;
        esp_genes genes;
        cr_assert_eq(esp_genes_minimal(&genes, 3, 2, 1.0, &random), ESP_OK);
        esp_markings_above(&markings, &genes);
        for (int i = 0; i < 40; i++)
            if (esp_random_below(&random, 2))
                cr_assert_eq(esp_genes_add_node(&genes, &markings, 0, &random, NULL), ESP_OK);
            else
                cr_assert_eq(esp_genes_add_link(&genes, &markings, &forward_links, &random, NULL),
                             ESP_OK);
        for (uint64_t g = 0; g < genes.count; g++) // no bias connection was split
            if (genes.genes[g].from == esp_genes_bias(&genes))
                cr_assert_eq(genes.genes[g].enabled, 1);
        cr_assert_eq(esp_neat_network_create(&network, &genes), ESP_OK);
        cr_assert_eq(network.feed_forward, 1, "seed %llu", (unsigned long long)seed);
        esp_neat_network_free(&network);
        esp_genes_free(&genes);
        esp_markings_free(&markings);
    }
}

// A link that is asked to go back does: to a node that its source depends on.
TestLeak(genes, a_recurrent_link_closes_a_cycle)
{
    const esp_link_settings back = {20, 1.0, 0.5};
    int loops = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        esp_markings markings = {.counted = 1};
        esp_random random = stream(seed);
        esp_neat_network network;
        esp_genes genes;
        uint32_t changed;
        cr_assert_eq(esp_genes_minimal(&genes, 2, 1, 0, &random), ESP_OK);
        esp_markings_above(&markings, &genes);
        cr_assert_eq(esp_genes_add_node(&genes, &markings, 0, &random, NULL), ESP_OK);
        cr_assert_eq(esp_genes_add_link(&genes, &markings, &back, &random, &changed), ESP_OK);
        cr_assert_eq(changed, 1);
        const esp_gene *gene = &genes.genes[genes.count - 1];
        cr_assert_eq(gene->recurrent, 1);
        loops += gene->from == gene->to;
        cr_assert_eq(esp_neat_network_create(&network, &genes), ESP_OK);
        cr_assert_eq(network.feed_forward, 0);
        esp_neat_network_free(&network);
        esp_genes_free(&genes);
        esp_markings_free(&markings);
    }
    // A draw is a loop with 1/2, and with 1/4 of the others; output to hidden with 1/16; the rest is drawn
    // again: 10 of 11, with four standard deviations.
    cr_assert(loops >= 79 && loops < 100, "%d", loops);
}

// The paper's figure 4, in small: matching genes of either parent, disjoint and excess ones of the fitter.
TestLeak(genes, a_child_has_the_structure_of_the_fitter)
{
    for (uint64_t seed = 0; seed < 100; seed++) {
        esp_markings markings = {.counted = 1};
        esp_random random = stream(seed + 1000);
        esp_genes a, b, child;
        grow(&a, &markings, seed, 15, 0.0);
        grow(&b, &markings, seed + 500, 15, 0.0);
        cr_assert_eq(esp_genes_cross(&child, &a, &b, 1, seed % 2, &random), ESP_OK);
        for (uint64_t i = 0; i < child.count; i++) {
            const esp_gene *gene = &child.genes[i], *in_a = NULL, *in_b = NULL;
            for (uint64_t j = 0; j < a.count; j++)
                if (a.genes[j].innovation == gene->innovation)
                    in_a = &a.genes[j];
            for (uint64_t j = 0; j < b.count; j++)
                if (b.genes[j].innovation == gene->innovation)
                    in_b = &b.genes[j];
            cr_assert_not_null(in_a);
            if (!in_b)
                cr_assert_eq(gene->weight, in_a->weight);
            else if (seed % 2)
                cr_assert_eq(gene->weight, (in_a->weight + in_b->weight) / 2);
            else
                cr_assert(gene->weight == in_a->weight || gene->weight == in_b->weight);
            if (in_a->enabled && (!in_b || in_b->enabled))
                cr_assert_eq(gene->enabled, 1);
        }
        esp_genes_free(&a);
        esp_genes_free(&b);
        esp_genes_free(&child);
        esp_markings_free(&markings);
    }
}

TestLeak(genes, a_gene_disabled_in_a_parent_stays_so_in_three_quarters)
{
    esp_random random = stream(5);
    esp_genes a, b, child;
    int disabled = 0;
    cr_assert_eq(esp_genes_minimal(&a, 1, 1, 0, &random), ESP_OK);
    cr_assert_eq(esp_genes_copy(&b, &a), ESP_OK);
    b.genes[0].enabled = 0;
    for (int i = 0; i < 4000; i++) {
        cr_assert_eq(esp_genes_cross(&child, &a, &b, 1, 1, &random), ESP_OK);
        disabled += !child.genes[0].enabled;
        esp_genes_free(&child);
    }
    // 4 standard deviations of a binomial's 4,000.
    cr_assert_float_eq(disabled / 4000.0, 0.75, 4 * sqrt(0.75 * 0.25 / 4000));
    esp_genes_free(&a);
    esp_genes_free(&b);
}

// By hand: 2 excess, 1 disjoint, weights that differ by 1 and 3.
TestLeak(genes, distance_is_the_papers)
{
    esp_genes a = {.inputs = 3, .outputs = 1}, b = {.inputs = 3, .outputs = 1};
    const esp_gene left[] = {{0, 0, 4, 1.0, 1, 0}, {1, 1, 4, -2.0, 1, 0}, {2, 2, 4, 0.5, 1, 0}};
    const esp_gene right[] = {{0, 0, 4, 2.0, 1, 0}, {1, 1, 4, 1.0, 1, 0}};
    for (int i = 0; i < 3; i++)
        cr_assert_eq(esp_genes_add(&a, &left[i]), ESP_OK);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(esp_genes_add(&b, &right[i]), ESP_OK);
    const esp_gene more[] = {{7, 4, 4, 1, 1, 1}, {9, 2, 4, 1, 1, 0}};
    cr_assert_eq(esp_genes_add(&b, &more[0]), ESP_OK);
    cr_assert_eq(esp_genes_add(&b, &more[1]), ESP_OK);
    cr_assert_float_eq(esp_genes_distance(&a, &b, 1.0, 10.0, 0.4), 2 * 1.0 + 1 * 10.0 + 0.4 * 2.0,
                       1e-12);
    cr_assert_eq(esp_genes_distance(&a, &b, 1, 10, 0.4), esp_genes_distance(&b, &a, 1, 10, 0.4));
    cr_assert_eq(esp_genes_distance(&a, &a, 1, 1, 1), 0);
    esp_genes_free(&a);
    esp_genes_free(&b);
}

// ---- Networks -----------------------------------------------------------------------------------

static double sigmoid(double x)
{
    return 1 / (1 + exp(-4.924273 * x));
}

TestLeak(genes, a_network_passes_a_signal_on_one_connection_a_pass)
{
    esp_genes genes = {.inputs = 1, .outputs = 1, .bias = 0.5};
    esp_neat_network network;
    const double one = 1.0, two = 2.0;
    cr_assert_eq(esp_genes_add_hidden(&genes, 3), ESP_OK);
    const esp_gene rows[] = {
        {0, 0, 3, 0.7, 1, 0}, {1, 3, 2, -0.4, 1, 0}, {2, 1, 2, 0.2, 1, 0}, {3, 0, 2, 9.0, 0, 0}};
    for (int i = 0; i < 4; i++)
        cr_assert_eq(esp_genes_add(&genes, &rows[i]), ESP_OK);
    cr_assert_eq(esp_neat_network_create(&network, &genes), ESP_OK);
    cr_assert_eq(network.depth, 2);
    // First pass: the bias alone has come to the output.
    cr_assert_eq(esp_neat_network_activate(&network, &one), 1);
    cr_assert_float_eq(esp_neat_network_output(&network, 0), sigmoid(0.2 * 0.5), 1e-15);
    // Second: what the hidden node made of the first input; the second is not there yet.
    cr_assert_eq(esp_neat_network_activate(&network, &two), 1);
    cr_assert_float_eq(esp_neat_network_output(&network, 0),
                       sigmoid(0.2 * 0.5 - 0.4 * sigmoid(0.7)), 1e-15);
    cr_assert_eq(esp_neat_network_activate(&network, &two), 1);
    cr_assert_float_eq(esp_neat_network_output(&network, 0),
                       sigmoid(0.2 * 0.5 - 0.4 * sigmoid(1.4)), 1e-15);
    esp_neat_network_free(&network);
    esp_genes_free(&genes);
}

TestLeak(genes, an_output_that_nothing_reaches_is_off)
{
    esp_genes genes = {.inputs = 1, .outputs = 1};
    esp_neat_network network;
    const double one = 1.0;
    const esp_gene loop = {0, 2, 2, 1.0, 1, 1};
    cr_assert_eq(esp_genes_add(&genes, &loop), ESP_OK);
    cr_assert_eq(esp_neat_network_create(&network, &genes), ESP_OK);
    cr_assert_eq(esp_neat_network_activate(&network, &one), 0);
    cr_assert_eq(esp_neat_network_output(&network, 0), 0);
    esp_neat_network_free(&network);
    esp_genes_free(&genes);
}
