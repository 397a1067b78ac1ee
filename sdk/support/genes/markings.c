// SPDX-License-Identifier: Apache-2.0
// See markings.h.
#include "markings.h"

#include <stdlib.h>
#include <string.h>

void esp_markings_free(esp_markings *markings)
{
    free(markings->list);
    memset(markings, 0, sizeof *markings);
}

void esp_markings_clear(esp_markings *markings)
{
    markings->count = 0;
}

void esp_markings_above(esp_markings *markings, const esp_genes *genes)
{
    uint64_t node = esp_genes_first_hidden(genes);
    if (genes->hidden_count > 0)
        node = genes->hidden[genes->hidden_count - 1] + 1;
    if (markings->next_node < node)
        markings->next_node = node;
    if (genes->count > 0 && markings->next_innovation <= genes->genes[genes->count - 1].innovation)
        markings->next_innovation = genes->genes[genes->count - 1].innovation + 1;
}

// A number made of others; its highest bit is set, so that it is above all that are counted.
static uint64_t made_of(uint64_t a, uint64_t b, uint64_t c)
{
    const uint64_t parts[3] = {a, b, c};
    uint64_t hash = UINT64_C(0x9E3779B97F4A7C15), low;
    for (int i = 0; i < 3; i++) {
        hash ^= parts[i] + UINT64_C(0xD6E8FEB86659FD93);
        hash = esp_random_multiply_high(hash, UINT64_C(0xD2E7470EE14C6C93), &low) ^ low;
    }
    return hash | UINT64_C(1) << 63;
}

static struct esp_marking *find(const esp_markings *markings, uint64_t from, uint64_t to,
                                uint64_t recurrent, uint64_t split)
{
    for (uint64_t i = 0; i < markings->count; i++) {
        struct esp_marking *marking = &markings->list[i];
        if (marking->from == from && marking->to == to && marking->recurrent == recurrent &&
            marking->split == split)
            return marking;
    }
    return NULL;
}

static esp_status append(esp_markings *markings, const struct esp_marking *marking)
{
    if (markings->count == markings->capacity) {
        uint64_t capacity = markings->capacity ? 2 * markings->capacity : 64;
        struct esp_marking *grown = realloc(markings->list, (size_t)capacity * sizeof *grown);
        if (!grown)
            return ESP_ERROR_MEMORY;
        markings->list = grown;
        markings->capacity = capacity;
    }
    markings->list[markings->count++] = *marking;
    return ESP_OK;
}

esp_status markings_link(esp_markings *markings, uint64_t from, uint64_t to, uint32_t recurrent,
                         double *weight, uint64_t *innovation)
{
    if (!markings->counted) {
        *innovation = made_of(from, to, recurrent);
        return ESP_OK;
    }
    const struct esp_marking *known = find(markings, from, to, recurrent, 0);
    if (known) {
        *weight = known->weight;
        *innovation = known->innovation;
        return ESP_OK;
    }
    struct esp_marking marking = {from, to, recurrent, 0, 0, markings->next_innovation, 0, *weight};
    *innovation = markings->next_innovation++;
    return append(markings, &marking);
}

esp_status markings_split(esp_markings *markings, const esp_genes *genes, const esp_gene *gene,
                          struct esp_marking *out)
{
    memset(out, 0, sizeof *out);
    if (!markings->counted) {
        // Split again, the same connection gets a node of another number.
        for (uint64_t again = 0;; again++) {
            out->node = made_of(gene->innovation, again, 2);
            if (!esp_genes_has_node(genes, out->node))
                break;
        }
        out->innovation = made_of(gene->from, out->node, 0);
        out->second = made_of(out->node, gene->to, gene->recurrent);
        return ESP_OK;
    }
    const struct esp_marking *known =
        find(markings, gene->from, gene->to, gene->recurrent, gene->innovation + 1);
    if (known && !esp_genes_has_node(genes, known->node)) {
        *out = *known;
        return ESP_OK;
    }
    out->from = gene->from;
    out->to = gene->to;
    out->recurrent = gene->recurrent;
    out->split = gene->innovation + 1;
    out->node = markings->next_node++;
    out->innovation = markings->next_innovation++;
    out->second = markings->next_innovation++;
    return append(markings, out);
}
