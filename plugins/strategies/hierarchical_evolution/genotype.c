// SPDX-License-Identifier: Apache-2.0
// See genotype.h.
#include "genotype.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_edge(struct edge *out, const char *path)
{
    int end = 0;
    memset(out, 0, sizeof *out);
    return sscanf(path, "level%u-motif%u/%u-%u%n", &out->level, &out->motif, &out->from, &out->to,
                  &end) == 4 &&
           path[end] == '\0' && out->from < out->to;
}

static int compare(const void *left, const void *right)
{
    const struct edge *a = left, *b = right;
    if (a->level != b->level)
        return a->level < b->level ? -1 : 1;
    if (a->motif != b->motif)
        return a->motif < b->motif ? -1 : 1;
    if (a->to != b->to)
        return a->to < b->to ? -1 : 1;
    return a->from < b->from ? -1 : a->from > b->from;
}

esp_status genotype_read(struct genotype *out, const esp_arch *arch)
{
    const uint64_t count = esp_arch_count(arch);
    memset(out, 0, sizeof *out);
    out->edges = malloc((size_t)(count + 1) * sizeof *out->edges);
    out->others = malloc((size_t)(count + 1) * sizeof *out->others);
    if (!out->edges || !out->others) {
        genotype_free(out);
        return ESP_ERROR_MEMORY;
    }
    for (uint64_t i = 0; i < count; i++) {
        struct edge edge;
        const esp_domain *domain = esp_arch_domain(arch, i);
        if (domain->kind == ESP_DECISION_ONE && read_edge(&edge, esp_arch_path(arch, i))) {
            edge.decision = i;
            edge.options = domain->count;
            out->edges[out->count++] = edge;
        } else {
            out->others[out->other_count++] = i;
        }
    }
    if (out->count == 0) {
        genotype_free(out);
        return ESP_ERROR_UNSUPPORTED;
    }
    qsort(out->edges, (size_t)out->count, sizeof *out->edges, compare);
    return ESP_OK;
}

void genotype_free(struct genotype *genotype)
{
    free(genotype->edges);
    free(genotype->others);
    memset(genotype, 0, sizeof *genotype);
}

// Of the edges from `first` to `end`, sorted so that equal keys stand together, one group, each equally
// likely: narrows the range to it.
static void draw_group(const struct genotype *genotype, uint64_t *first, uint64_t *end,
                       size_t member, esp_random *random)
{
    uint64_t groups = 0, at = *first, wanted;
    uint32_t key = 0, next;
    for (uint64_t i = *first; i < *end; i++) {
        memcpy(&next, (const char *)&genotype->edges[i] + member, sizeof next);
        groups += i == *first || next != key;
        key = next;
    }
    wanted = esp_random_below(random, groups);
    for (uint64_t group = 0; group <= wanted; group++) {
        *first = at;
        memcpy(&key, (const char *)&genotype->edges[at] + member, sizeof key);
        for (next = key; at < *end && next == key; at++) {
            if (at + 1 < *end)
                memcpy(&next, (const char *)&genotype->edges[at + 1] + member, sizeof next);
        }
    }
    *end = at;
}

const struct edge *genotype_draw(const struct genotype *genotype, esp_random *random)
{
    uint64_t first = 0, end = genotype->count;
    draw_group(genotype, &first, &end, offsetof(struct edge, level), random);
    draw_group(genotype, &first, &end, offsetof(struct edge, motif), random);
    draw_group(genotype, &first, &end, offsetof(struct edge, to), random);
    return &genotype->edges[first + esp_random_below(random, end - first)];
}
