// SPDX-License-Identifier: Apache-2.0
// The least of isomorphic cells; see isomorphic.h. Nodes are placed one after the other: the least of
// those whose sources are placed; where several are equal, each is tried.
#include "isomorphic.h"

#include <string.h>

struct search {
    const struct isomorphic_node *nodes;
    uint64_t count;
    int64_t place[ISOMORPHIC_MOST]; // of a node in the new order, or -1
    struct isomorphic_node trial[ISOMORPHIC_MOST], best[ISOMORPHIC_MOST];
    int found;
};

static int compare_numbers(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

static int compare(const struct isomorphic_node *a, const struct isomorphic_node *b)
{
    int order = 0;
    for (int h = 0; h < 2 && !order; h++) {
        order = compare_numbers(a->source[h], b->source[h]);
        if (!order)
            order = compare_numbers(a->op[h], b->op[h]);
    }
    return order ? order : compare_numbers(a->label, b->label);
}

// The node with its sources in the new order, the lesser half first. False: a source is not placed.
static int renamed(const struct search *search, uint64_t i, struct isomorphic_node *out)
{
    *out = search->nodes[i];
    for (int h = 0; h < 2; h++) {
        if (out->source[h] < 2)
            continue;
        int64_t place = search->place[out->source[h] - 2];
        if (place < 0)
            return 0;
        out->source[h] = 2 + (uint32_t)place;
    }
    int order = compare_numbers(out->source[0], out->source[1]);
    if (order > 0 || (order == 0 && out->op[0] > out->op[1])) {
        struct isomorphic_node swapped = *out;
        for (int h = 0; h < 2; h++) {
            out->source[h] = swapped.source[1 - h];
            out->op[h] = swapped.op[1 - h];
        }
    }
    return 1;
}

static void keep_least(struct search *search)
{
    int order = search->found ? 0 : -1;
    for (uint64_t i = 0; i < search->count && order == 0; i++)
        order = compare(&search->trial[i], &search->best[i]);
    if (order < 0)
        memcpy(search->best, search->trial, sizeof search->best);
    search->found = 1;
}

static void place_from(struct search *search, uint64_t at)
{
    struct isomorphic_node candidates[ISOMORPHIC_MOST];
    int ready[ISOMORPHIC_MOST] = {0};
    const struct isomorphic_node *least = NULL;
    if (at == search->count) {
        keep_least(search);
        return;
    }
    for (uint64_t i = 0; i < search->count; i++) {
        ready[i] = search->place[i] < 0 && renamed(search, i, &candidates[i]);
        if (ready[i] && (!least || compare(&candidates[i], least) < 0))
            least = &candidates[i];
    }
    for (uint64_t i = 0; i < search->count; i++) {
        if (!ready[i] || compare(&candidates[i], least) != 0)
            continue;
        search->trial[at] = candidates[i];
        search->place[i] = (int64_t)at;
        place_from(search, at + 1);
        search->place[i] = -1;
    }
}

void isomorphic_least(struct isomorphic_node *nodes, uint64_t count)
{
    struct search search = {.nodes = nodes, .count = count};
    for (uint64_t i = 0; i < ISOMORPHIC_MOST; i++)
        search.place[i] = -1;
    place_from(&search, 0);
    if (search.found)
        memcpy(nodes, search.best, (size_t)count * sizeof *nodes);
}
