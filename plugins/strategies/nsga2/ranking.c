// SPDX-License-Identifier: Apache-2.0
// Fronts and crowding; see ranking.h. The fronts are those of the paper's fast non-dominated sort, found
// by sequential insertion in lexicographic order (Zhang, Tian, Cheng and Jin 2015, "An efficient approach
// to nondominated sorting for evolutionary multiobjective optimization"): no quadratic memory, and with
// two objectives O(n log n), for there the last one of a front tells whether the front dominates.
#include "ranking.h"

#include <math.h>
#include <stdlib.h>

#define NOBODY UINT32_MAX

int individual_dominates(const struct individual *a, const struct individual *b)
{
    int better = 0;
    if (a->violation > 0 || b->violation > 0)
        return a->violation < b->violation;
    for (uint64_t i = 0; i < a->objective_count; i++) {
        if (a->objectives[i] > b->objectives[i])
            return 0;
        better |= a->objectives[i] < b->objectives[i];
    }
    return better;
}

int individual_better(const struct individual *a, const struct individual *b)
{
    if (a->rank != b->rank)
        return a->rank < b->rank;
    return a->crowding > b->crowding;
}

static int by_number(const struct individual *a, const struct individual *b)
{
    return (a->number > b->number) - (a->number < b->number);
}

// What dominates stands before what it dominates.
static int lexicographic(const void *x, const void *y)
{
    const struct individual *a = x, *b = y;
    if (a->violation != b->violation)
        return a->violation < b->violation ? -1 : 1;
    for (uint64_t i = 0; i < a->objective_count; i++)
        if (a->objectives[i] != b->objectives[i])
            return a->objectives[i] < b->objectives[i] ? -1 : 1;
    return by_number(a, b);
}

// Fronts as chains from the last member that joined to the first.
struct fronts {
    uint32_t *last;     // of each front
    uint32_t *previous; // of each individual
    uint32_t count;
};

static int front_dominates(const struct fronts *fronts, uint32_t front,
                           const struct individual *individuals, uint64_t i)
{
    const int last_tells = individuals[i].objective_count <= 2;
    for (uint32_t j = fronts->last[front]; j != NOBODY; j = fronts->previous[j]) {
        if (individual_dominates(&individuals[j], &individuals[i]))
            return 1;
        if (last_tells)
            return 0;
    }
    return 0;
}

// The first front that does not dominate: what a front does not dominate no later one does.
static uint32_t find_front(const struct fronts *fronts, const struct individual *individuals,
                           uint64_t i)
{
    uint32_t low = 0, high = fronts->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (front_dominates(fronts, middle, individuals, i))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int find_ranks(struct individual *individuals, uint64_t count)
{
    struct fronts fronts = {calloc(count + 1, sizeof(uint32_t)),
                            calloc(count + 1, sizeof(uint32_t)), 0};
    const int there = fronts.last && fronts.previous;
    qsort(individuals, count, sizeof *individuals, lexicographic);
    for (uint64_t i = 0; there && i < count; i++) {
        uint32_t front = find_front(&fronts, individuals, i);
        fronts.previous[i] = front == fronts.count ? NOBODY : fronts.last[front];
        fronts.count += front == fronts.count;
        fronts.last[front] = (uint32_t)i;
        individuals[i].rank = front;
    }
    free(fronts.last);
    free(fronts.previous);
    return there;
}

// ---- Crowding ---------------------------------------------------------------------------------------

struct place {
    double value;
    struct individual *individual;
};

static int by_value(const void *x, const void *y)
{
    const struct place *a = x, *b = y;
    if (a->value != b->value)
        return a->value < b->value ? -1 : 1;
    return by_number(a->individual, b->individual);
}

// Halves, for a difference may overflow.
static void crowd_front(struct individual *front, uint64_t count, struct place *places)
{
    for (uint64_t i = 0; i < count; i++)
        front[i].crowding = 0;
    for (uint64_t m = 0; m < front[0].objective_count; m++) {
        for (uint64_t i = 0; i < count; i++)
            places[i] = (struct place){front[i].objectives[m], &front[i]};
        qsort(places, count, sizeof *places, by_value);
        double span = places[count - 1].value / 2 - places[0].value / 2;
        places[0].individual->crowding = places[count - 1].individual->crowding = INFINITY;
        for (uint64_t i = 1; i + 1 < count && span > 0; i++)
            places[i].individual->crowding +=
                (places[i + 1].value / 2 - places[i - 1].value / 2) / span;
    }
}

static int by_rank(const void *x, const void *y)
{
    const struct individual *a = x, *b = y;
    return a->rank != b->rank ? (a->rank < b->rank ? -1 : 1) : by_number(a, b);
}

static int by_crowd(const void *x, const void *y)
{
    const struct individual *a = x, *b = y;
    if (individual_better(a, b) || individual_better(b, a))
        return individual_better(a, b) ? -1 : 1;
    return by_number(a, b);
}

int individuals_rank(struct individual *individuals, uint64_t count)
{
    if (count == 0)
        return 1;
    struct place *places = calloc(count, sizeof *places);
    if (!places || !find_ranks(individuals, count)) {
        free(places);
        return 0;
    }
    qsort(individuals, count, sizeof *individuals, by_rank);
    for (uint64_t from = 0, to; from < count; from = to) {
        for (to = from; to < count && individuals[to].rank == individuals[from].rank;)
            to++;
        crowd_front(individuals + from, to - from, places);
    }
    free(places);
    qsort(individuals, count, sizeof *individuals, by_crowd);
    return 1;
}
