// SPDX-License-Identifier: Apache-2.0
// A mixture over one axis: the observations in the order of time, and in the order of their values,
// from which each bandwidth follows. The sum over very many is settled.c.
#include "settled.h"

#include <stdlib.h>
#include <string.h>

#define PRIOR_ORDER UINT64_MAX

struct entry {
    uint64_t order;
    double value;
    struct kernel kernel; // CONTINUOUS
};

struct place {
    double value;
    uint64_t order;
};

struct esp_parzen {
    esp_parzen_axis axis;
    double prior_weight;
    struct kernel prior;
    struct entry *entries; // by order
    uint64_t count, capacity;
    struct place *places;    // CONTINUOUS: all and the prior, by value, then by order
    struct settled *settled; // of the entries before the newest PARZEN_FLAT; NULL: few
};

esp_status esp_parzen_create(esp_parzen **out, const esp_parzen_axis *axis, double prior_weight)
{
    esp_parzen *parzen = calloc(1, sizeof *parzen);
    if (!parzen)
        return ESP_ERROR_MEMORY;
    parzen->axis = *axis;
    parzen->prior_weight = prior_weight;
    parzen->prior = kernel_prior(axis);
    parzen->capacity = 32;
    parzen->entries = calloc(parzen->capacity, sizeof *parzen->entries);
    parzen->places = calloc(parzen->capacity + 1, sizeof *parzen->places);
    if (!parzen->entries || !parzen->places) {
        esp_parzen_destroy(parzen);
        return ESP_ERROR_MEMORY;
    }
    parzen->places[0] = (struct place){0.5, PRIOR_ORDER};
    *out = parzen;
    return ESP_OK;
}

void esp_parzen_destroy(esp_parzen *parzen)
{
    if (!parzen)
        return;
    settled_destroy(parzen->settled);
    free(parzen->entries);
    free(parzen->places);
    free(parzen);
}

uint64_t esp_parzen_count(const esp_parzen *parzen)
{
    return parzen->count;
}

// ---- Finding --------------------------------------------------------------------------------------

// The first entry of at least this order.
static uint64_t entry_index(const esp_parzen *parzen, uint64_t order)
{
    uint64_t low = 0, high = parzen->count;
    if (high > 0 && parzen->entries[high - 1].order < order)
        return high;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (parzen->entries[middle].order < order)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// The first of `count` places that is not before (value, order).
static uint64_t place_index(const esp_parzen *parzen, uint64_t count, double value, uint64_t order)
{
    uint64_t low = 0, high = count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        const struct place *place = &parzen->places[middle];
        if (place->value < value || (place->value == value && place->order < order))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// ---- Bandwidths -----------------------------------------------------------------------------------

static uint64_t settled_count(const esp_parzen *parzen)
{
    return parzen->settled ? parzen->count - PARZEN_FLAT : 0;
}

static void settle(esp_parzen *parzen, uint64_t entry, double sign)
{
    const struct entry *it = &parzen->entries[entry];
    settled_add(parzen->settled, it->value, &it->kernel, it->order, sign);
}

// The larger distance to a neighbour, the prior among them; at either end to the one that there is.
static double bandwidth(const esp_parzen *parzen, uint64_t place)
{
    const uint64_t last = parzen->count;
    const struct place *at = &parzen->places[place];
    double left = place > 0 ? at->value - at[-1].value : 0.0;
    double right = place < last ? at[1].value - at->value : 0.0;
    double least = 1.0 / fmin(100.0, (double)parzen->count + 2.0);
    return fmin(1.0, fmax(least, fmax(left, right)));
}

static void refresh(esp_parzen *parzen, uint64_t place)
{
    if (place > parzen->count || parzen->places[place].order == PRIOR_ORDER)
        return;
    uint64_t index = entry_index(parzen, parzen->places[place].order);
    struct entry *entry = &parzen->entries[index];
    double sigma = bandwidth(parzen, place);
    if (sigma == entry->kernel.sigma)
        return;
    int in_table = index < settled_count(parzen);
    if (in_table)
        settle(parzen, index, -1.0);
    entry->kernel = kernel_make(&parzen->axis, entry->value, sigma);
    if (in_table)
        settle(parzen, index, 1.0);
}

// After a change at `place`. The least bandwidth changes for all while they are few.
static void refresh_around(esp_parzen *parzen, uint64_t place)
{
    if (parzen->count <= 100) {
        for (uint64_t i = 0; i <= parzen->count; i++)
            refresh(parzen, i);
        return;
    }
    for (uint64_t i = place > 0 ? place - 1 : 0; i <= place + 1; i++)
        refresh(parzen, i);
}

// ---- Coming and going -----------------------------------------------------------------------------

// Begins, or drops, the table as the number of observations has it.
static esp_status keep_table(esp_parzen *parzen)
{
    if ((parzen->count > ESP_PARZEN_EXACT) == (parzen->settled != NULL))
        return ESP_OK;
    if (parzen->settled) {
        settled_destroy(parzen->settled);
        parzen->settled = NULL;
        return ESP_OK;
    }
    if (!settled_create(&parzen->settled, &parzen->axis))
        return ESP_ERROR_MEMORY;
    for (uint64_t i = 0; i < settled_count(parzen); i++)
        settle(parzen, i, 1.0);
    return ESP_OK;
}

static int reserve(esp_parzen *parzen)
{
    if (parzen->count < parzen->capacity)
        return 1;
    uint64_t capacity = 2 * parzen->capacity;
    struct entry *entries = realloc(parzen->entries, capacity * sizeof *entries);
    if (!entries)
        return 0;
    parzen->entries = entries;
    struct place *places = realloc(parzen->places, (capacity + 1) * sizeof *places);
    if (!places)
        return 0;
    parzen->places = places;
    parzen->capacity = capacity;
    return 1;
}

esp_status esp_parzen_add(esp_parzen *parzen, double value, uint64_t order)
{
    if (!reserve(parzen))
        return ESP_ERROR_MEMORY;
    uint64_t index = entry_index(parzen, order), before = settled_count(parzen);
    memmove(&parzen->entries[index + 1], &parzen->entries[index],
            (parzen->count - index) * sizeof *parzen->entries);
    parzen->entries[index] = (struct entry){order, value, {value, 0.0, 0.0, 0.0}};
    if (parzen->axis.kind == ESP_PARZEN_CONTINUOUS) // the widest, until its neighbours are known
        parzen->entries[index].kernel = kernel_make(&parzen->axis, value, 1.0);
    parzen->count++;
    // One more is settled: this one, or the oldest of those that were not.
    if (parzen->settled)
        settle(parzen, index < before ? index : before, 1.0);
    if (parzen->axis.kind == ESP_PARZEN_CONTINUOUS) {
        uint64_t place = place_index(parzen, parzen->count, value, order);
        memmove(&parzen->places[place + 1], &parzen->places[place],
                (parzen->count - place) * sizeof *parzen->places);
        parzen->places[place] = (struct place){value, order};
        refresh_around(parzen, place);
    }
    return keep_table(parzen);
}

esp_status esp_parzen_remove(esp_parzen *parzen, uint64_t order)
{
    uint64_t index = entry_index(parzen, order), before = settled_count(parzen);
    if (index >= parzen->count)
        return ESP_ERROR_MISUSE;
    double value = parzen->entries[index].value;
    if (parzen->settled)
        settle(parzen, index < before ? index : before - 1, -1.0);
    parzen->count--;
    memmove(&parzen->entries[index], &parzen->entries[index + 1],
            (parzen->count - index) * sizeof *parzen->entries);
    if (parzen->axis.kind == ESP_PARZEN_CONTINUOUS) {
        uint64_t place = place_index(parzen, parzen->count + 2, value, order);
        for (uint64_t i = place; i <= parzen->count; i++)
            parzen->places[i] = parzen->places[i + 1];
        refresh_around(parzen, place);
    }
    return keep_table(parzen);
}

// ---- The mixture ----------------------------------------------------------------------------------

// The weight of a settled entry is a + b x order: linear from 1/n at the first to 1 at the newest.
static void settled_weights(const esp_parzen *parzen, double *a, double *b)
{
    const double first = (double)parzen->entries[0].order;
    const double last = (double)parzen->entries[settled_count(parzen) - 1].order;
    const double least = 1.0 / (double)parzen->count;
    *b = (1.0 - least) / (last - first);
    *a = least - *b * first;
}

static double entry_weight(const esp_parzen *parzen, uint64_t index)
{
    double a, b;
    if (index >= settled_count(parzen))
        return parzen->settled ? 1.0 : age_weight(index, parzen->count);
    settled_weights(parzen, &a, &b);
    return a + b * (double)parzen->entries[index].order;
}

// The sum of all weights but the prior's.
static double weight_sum(const esp_parzen *parzen)
{
    double a, b, sum = 0.0;
    for (uint64_t i = settled_count(parzen); i < parzen->count; i++)
        sum += entry_weight(parzen, i);
    if (!parzen->settled)
        return sum;
    settled_weights(parzen, &a, &b);
    return sum + a * parzen->settled->count + b * parzen->settled->orders;
}

// What the prior adds to each choice of a component.
static double choice_share(const esp_parzen *parzen)
{
    return parzen->prior_weight / ((double)parzen->count + 1.0);
}

double esp_parzen_log_density(const esp_parzen *parzen, double value)
{
    const int choice = parzen->axis.kind == ESP_PARZEN_CHOICE;
    double a, b, sum = 0.0;
    for (uint64_t i = settled_count(parzen); i < parzen->count; i++) {
        const struct entry *entry = &parzen->entries[i];
        double at =
            choice ? entry->value == value : kernel_at(&entry->kernel, parzen->axis.steps, value);
        sum += entry_weight(parzen, i) * at;
    }
    if (parzen->settled) {
        settled_weights(parzen, &a, &b);
        sum += fmax(0.0, settled_at(parzen->settled, a, b, value));
    }
    double weights = weight_sum(parzen), prior;
    if (choice) {
        double share = choice_share(parzen), choices = (double)parzen->axis.choices;
        sum = (sum + weights * share) / (1.0 + choices * share);
        prior = 1.0 / choices;
    } else {
        prior = kernel_at(&parzen->prior, parzen->axis.steps, value);
    }
    return log((sum + parzen->prior_weight * prior) / (weights + parzen->prior_weight));
}

static double sample_choice(const esp_parzen *parzen, const struct entry *entry, esp_random *random)
{
    double share = choice_share(parzen);
    double place = esp_random_real(random) * (1.0 + (double)parzen->axis.choices * share);
    if (entry && place < 1.0)
        return entry->value;
    return (double)esp_random_below(random, parzen->axis.choices);
}

double esp_parzen_sample(const esp_parzen *parzen, esp_random *random)
{
    double weights = weight_sum(parzen);
    double place = esp_random_real(random) * (weights + parzen->prior_weight);
    const struct entry *entry = NULL;
    for (uint64_t i = 0; i < parzen->count && !entry; i++) {
        place -= entry_weight(parzen, i);
        if (place < 0.0)
            entry = &parzen->entries[i];
    }
    if (parzen->axis.kind == ESP_PARZEN_CHOICE)
        return sample_choice(parzen, entry, random);
    return kernel_sample(entry ? &entry->kernel : &parzen->prior, parzen->axis.steps, random);
}
