// SPDX-License-Identifier: Apache-2.0
// What varies genomes. Probabilities that Stanley and Miikkulainen's program has as constants, and no
// parameter of the paper, stand here with their names.
#include "markings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double uniform(esp_random *random, double power)
{
    return power * (2.0 * esp_random_real(random) - 1.0);
}

static double clamp(double value, double limit)
{
    return (value > limit ? limit : value < -limit ? -limit : value) + 0.0;
}

esp_status esp_genes_minimal(esp_genes *out, uint32_t inputs, uint32_t outputs, double bias,
                             esp_random *random)
{
    memset(out, 0, sizeof *out);
    out->inputs = inputs;
    out->outputs = outputs;
    out->bias = bias;
    uint64_t innovation = 0;
    for (uint32_t o = 0; o < outputs; o++)
        for (uint64_t i = 0; i < (uint64_t)inputs + (bias != 0); i++) {
            const esp_gene gene = {innovation++,         i, esp_genes_output(out, o),
                                   uniform(random, 1.0), 1, 0};
            esp_status status = esp_genes_add(out, &gene);
            if (status != ESP_OK) {
                esp_genes_free(out);
                return status;
            }
        }
    return ESP_OK;
}

// ---- Weights ------------------------------------------------------------------------------------

#define TAIL_FROM 10 // genes, from which on the youngest fifth has chances of its own
#define TAIL_SHARE 0.8

void esp_genes_change_weights(esp_genes *genes, double power, double limit, esp_random *random)
{
    const int severe = esp_random_real(random) < 0.5;
    for (uint64_t i = 0; i < genes->count; i++) {
        double perturbed = 1.0, replaced = 0.0;
        if (severe) {
            perturbed = 0.7;
            replaced = 0.2;
        } else if (genes->count >= TAIL_FROM && (double)i > TAIL_SHARE * (double)genes->count) {
            perturbed = 0.5;
            replaced = 0.2;
        }
        double choice = esp_random_real(random), change = uniform(random, power);
        if (choice < perturbed)
            genes->genes[i].weight = clamp(genes->genes[i].weight + change, limit);
        else if (choice < perturbed + replaced)
            genes->genes[i].weight = clamp(change, limit);
    }
}

void esp_genes_change_weights_plainly(esp_genes *genes, double power, double limit,
                                      esp_random *random)
{
    for (uint64_t i = 0; i < genes->count; i++) {
        double choice = esp_random_real(random), change = uniform(random, power);
        genes->genes[i].weight =
            clamp(choice < 0.9 ? genes->genes[i].weight + change : change, limit);
    }
}

// ---- Structure ----------------------------------------------------------------------------------

// Node `i` of all of them; inputs and bias stand first, `sensors` of them.
static uint64_t sensors_of(const esp_genes *genes)
{
    return (uint64_t)genes->inputs + (genes->bias != 0);
}

static uint64_t node_at(const esp_genes *genes, uint64_t i)
{
    const uint64_t sensors = sensors_of(genes);
    if (i < sensors)
        return i;
    i -= sensors;
    return i < genes->outputs ? esp_genes_output(genes, (uint32_t)i)
                              : genes->hidden[i - genes->outputs];
}

// The place of an output or a hidden node among those.
static uint64_t place_of(const esp_genes *genes, uint64_t node)
{
    if (node < esp_genes_first_hidden(genes))
        return node - genes->inputs - 1;
    return genes->outputs + esp_genes_hidden_place(genes, node);
}

// Is there a way of enabled genes from `start` to `goal`? `*out` 1 or 0.
static esp_status is_way(const esp_genes *genes, uint64_t start, uint64_t goal, uint32_t *out)
{
    const uint64_t count = genes->outputs + genes->hidden_count;
    *out = start == goal;
    if (*out || start <= genes->inputs)
        return ESP_OK;
    unsigned char *reached = calloc((size_t)count, 1);
    uint64_t *stack = malloc((size_t)count * sizeof *stack), height = 0;
    esp_status status = reached && stack ? ESP_OK : ESP_ERROR_MEMORY;
    if (status == ESP_OK) {
        stack[height++] = start;
        reached[place_of(genes, start)] = 1;
    }
    while (status == ESP_OK && height > 0 && !*out) {
        const uint64_t node = stack[--height];
        for (uint64_t i = 0; i < genes->count; i++) {
            const esp_gene *gene = &genes->genes[i];
            if (!gene->enabled || gene->recurrent || gene->from != node ||
                reached[place_of(genes, gene->to)])
                continue;
            *out |= gene->to == goal;
            reached[place_of(genes, gene->to)] = 1;
            stack[height++] = gene->to;
        }
    }
    free(reached);
    free(stack);
    return status;
}

// Whether a link goes back: from an output, or to a node that its source depends on.
static esp_status goes_back(const esp_genes *genes, uint64_t from, uint64_t to, uint32_t *out)
{
    if (from > genes->inputs && from < esp_genes_first_hidden(genes)) {
        *out = 1;
        return ESP_OK;
    }
    return is_way(genes, to, from, out);
}

esp_status esp_genes_add_link(esp_genes *genes, esp_markings *markings,
                              const esp_link_settings *settings, esp_random *random,
                              uint32_t *changed)
{
    const uint64_t sensors = sensors_of(genes);
    const uint64_t targets = genes->outputs + genes->hidden_count;
    const uint32_t recurrent = esp_random_real(random) < settings->recurrent;
    if (changed)
        *changed = 0;
    for (uint64_t i = 0; i < settings->tries; i++) {
        uint64_t to = node_at(genes, sensors + esp_random_below(random, targets)), from = to;
        if (!recurrent || esp_random_real(random) >= settings->loop)
            from = node_at(genes, esp_random_below(random, sensors + targets));
        uint32_t back;
        esp_status status = goes_back(genes, from, to, &back);
        if (status != ESP_OK)
            return status;
        if (back != recurrent || esp_genes_find(genes, from, to, recurrent))
            continue;
        esp_gene gene = {0, from, to, uniform(random, 1.0), 1, recurrent};
        status = markings_link(markings, from, to, recurrent, &gene.weight, &gene.innovation);
        if (status == ESP_OK)
            status = esp_genes_add(genes, &gene);
        if (changed)
            *changed = status == ESP_OK;
        return status;
    }
    return ESP_OK;
}

esp_status esp_genes_add_node(esp_genes *genes, esp_markings *markings, uint32_t split_bias,
                              esp_random *random, uint32_t *changed)
{
    uint64_t count = 0, place = 0;
    if (changed)
        *changed = 0;
    for (uint64_t i = 0; i < genes->count; i++)
        count += genes->genes[i].enabled && (split_bias || genes->genes[i].from != genes->inputs);
    if (count == 0 || genes->hidden_count >= ESP_GENES_MOST_HIDDEN)
        return ESP_OK;
    uint64_t left = esp_random_below(random, count);
    while (!genes->genes[place].enabled ||
           (!split_bias && genes->genes[place].from == genes->inputs) || left-- > 0)
        place++;
    const esp_gene old = genes->genes[place];
    struct esp_marking marking;
    esp_status status = markings_split(markings, genes, &old, &marking);
    if (status != ESP_OK)
        return status;
    const esp_gene first = {marking.innovation, old.from, marking.node, 1.0, 1, 0};
    const esp_gene second = {marking.second, marking.node, old.to, old.weight, 1, old.recurrent};
    genes->genes[place].enabled = 0;
    status = esp_genes_add_hidden(genes, marking.node);
    if (status == ESP_OK)
        status = esp_genes_add(genes, &first);
    if (status == ESP_OK)
        status = esp_genes_add(genes, &second);
    if (changed)
        *changed = status == ESP_OK;
    return status;
}

void esp_genes_toggle(esp_genes *genes, esp_random *random)
{
    if (genes->count == 0)
        return;
    esp_gene *gene = &genes->genes[esp_random_below(random, genes->count)];
    uint32_t another = 0;
    for (uint64_t i = 0; i < genes->count; i++)
        another |= genes->genes[i].enabled && genes->genes[i].from == gene->from &&
                   &genes->genes[i] != gene;
    if (!gene->enabled)
        gene->enabled = 1;
    else if (another)
        gene->enabled = 0;
}

void esp_genes_reenable(esp_genes *genes)
{
    for (uint64_t i = 0; i < genes->count; i++)
        if (!genes->genes[i].enabled) {
            genes->genes[i].enabled = 1;
            return;
        }
}

// ---- Crossover and distance ---------------------------------------------------------------------

#define DISABLED_STAYS 0.75

// Unless a gene between the same nodes, or back, is there already.
static esp_status inherit(esp_genes *out, const esp_gene *gene)
{
    for (uint64_t i = 0; i < out->count; i++) {
        const esp_gene *other = &out->genes[i];
        if ((other->from == gene->from && other->to == gene->to &&
             other->recurrent == gene->recurrent) ||
            (other->from == gene->to && other->to == gene->from && !other->recurrent &&
             !gene->recurrent))
            return ESP_OK;
    }
    const uint64_t ends[2] = {gene->from, gene->to};
    for (int i = 0; i < 2; i++)
        if (ends[i] >= esp_genes_first_hidden(out) && !esp_genes_has_node(out, ends[i])) {
            esp_status status = esp_genes_add_hidden(out, ends[i]);
            if (status != ESP_OK)
                return status;
        }
    return esp_genes_add(out, gene);
}

static esp_gene match(const esp_gene *a, const esp_gene *b, uint32_t average, esp_random *random)
{
    const uint32_t first = esp_random_real(random) < 0.5;
    esp_gene gene = first ? *a : *b;
    if (average) {
        gene.weight = (a->weight + b->weight) / 2.0 + 0.0;
        gene.enabled = 1;
    }
    if ((!a->enabled || !b->enabled) && esp_random_real(random) < DISABLED_STAYS)
        gene.enabled = 0;
    return gene;
}

esp_status esp_genes_cross(esp_genes *out, const esp_genes *a, const esp_genes *b,
                           uint32_t a_is_fitter, uint32_t average, esp_random *random)
{
    esp_status status = ESP_OK;
    memset(out, 0, sizeof *out);
    out->inputs = a->inputs;
    out->outputs = a->outputs;
    out->bias = a->bias;
    if (b->inputs != a->inputs || b->outputs != a->outputs || b->bias != a->bias)
        return ESP_ERROR_INVALID;
    for (uint64_t i = 0, j = 0; status == ESP_OK && (i < a->count || j < b->count);) {
        const esp_gene *left = i < a->count ? &a->genes[i] : NULL;
        const esp_gene *right = j < b->count ? &b->genes[j] : NULL;
        if (left && right && left->innovation == right->innovation) {
            const esp_gene gene = match(left, right, average, random);
            status = inherit(out, &gene);
            i++, j++;
        } else if (left && (!right || left->innovation < right->innovation)) {
            if (a_is_fitter)
                status = inherit(out, left);
            i++;
        } else {
            if (!a_is_fitter)
                status = inherit(out, right);
            j++;
        }
    }
    if (status != ESP_OK)
        esp_genes_free(out);
    return status;
}

double esp_genes_distance(const esp_genes *a, const esp_genes *b, double excess, double disjoint,
                          double weight)
{
    uint64_t i = 0, j = 0, matching = 0, apart = 0;
    double difference = 0;
    while (i < a->count && j < b->count) {
        const esp_gene *left = &a->genes[i], *right = &b->genes[j];
        if (left->innovation == right->innovation) {
            difference += fabs(left->weight - right->weight);
            matching++, i++, j++;
        } else {
            apart++;
            if (left->innovation < right->innovation)
                i++;
            else
                j++;
        }
    }
    uint64_t beyond = a->count - i + (b->count - j);
    return excess * (double)beyond + disjoint * (double)apart +
           weight * (matching ? difference / (double)matching : 0.0);
}
