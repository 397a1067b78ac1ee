// SPDX-License-Identifier: Apache-2.0
// Known outcomes; see outcomes.h.
#include "outcomes.h"

#include <stdlib.h>

static uint64_t place_of(const struct outcomes *outcomes, uint64_t hash)
{
    uint64_t i = hash & (outcomes->capacity - 1);
    while (outcomes->places[i].state != OUTCOME_NONE && outcomes->places[i].hash != hash)
        i = (i + 1) & (outcomes->capacity - 1);
    return i;
}

const struct outcome *outcomes_find(const struct outcomes *outcomes, uint64_t hash)
{
    if (outcomes->capacity == 0)
        return NULL;
    const struct outcome *found = &outcomes->places[place_of(outcomes, hash)];
    return found->state == OUTCOME_NONE ? NULL : found;
}

static int grow(struct outcomes *outcomes)
{
    struct outcomes grown = {NULL, outcomes->count,
                             outcomes->capacity ? 2 * outcomes->capacity : 256};
    grown.places = calloc(grown.capacity, sizeof *grown.places);
    if (!grown.places)
        return 0;
    for (uint64_t i = 0; i < outcomes->capacity; i++)
        if (outcomes->places[i].state != OUTCOME_NONE)
            grown.places[place_of(&grown, outcomes->places[i].hash)] = outcomes->places[i];
    free(outcomes->places);
    *outcomes = grown;
    return 1;
}

int outcomes_put(struct outcomes *outcomes, const struct outcome *outcome)
{
    if (2 * (outcomes->count + 1) > outcomes->capacity && !grow(outcomes))
        return 0;
    struct outcome *place = &outcomes->places[place_of(outcomes, outcome->hash)];
    outcomes->count += place->state == OUTCOME_NONE;
    *place = *outcome;
    return 1;
}

void outcomes_free(struct outcomes *outcomes)
{
    free(outcomes->places);
}

int outcome_better(const struct outcome *a, const struct outcome *b)
{
    if (a->state != OUTCOME_KNOWN || b->state != OUTCOME_KNOWN)
        return a->state == OUTCOME_KNOWN && b->state != OUTCOME_KNOWN;
    if (a->violation != b->violation)
        return a->violation < b->violation;
    return a->objective < b->objective;
}
