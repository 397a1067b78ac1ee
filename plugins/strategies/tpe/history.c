// SPDX-License-Identifier: Apache-2.0
// Records, and the border between good and bad; see history.h.
#include "history.h"

#include <stdlib.h>

// Room for one more of `size` bytes each; 0: out of memory.
static int reserve(void *array, uint64_t *capacity, uint64_t count, size_t size)
{
    void *at;
    if (count < *capacity)
        return 1;
    uint64_t grown = *capacity ? 2 * *capacity : 64;
    while (grown <= count)
        grown *= 2;
    memcpy(&at, array, sizeof at); // a pointer of any type
    at = realloc(at, grown * size);
    if (!at)
        return 0;
    memcpy(array, &at, sizeof at);
    *capacity = grown;
    return 1;
}

esp_status history_create(struct history *history, const struct rule *rule)
{
    *history = (struct history){.rule = *rule};
    history->good = calloc(rule->most + 1, sizeof *history->good);
    if (!history->good)
        return ESP_ERROR_MEMORY;
    return rule->joint ? esp_parzen_joint_create(&history->joint, rule->prior_weight) : ESP_OK;
}

void history_free(struct history *history)
{
    for (uint64_t i = 0; i < history->record_count; i++)
        free(history->records[i].axes);
    for (uint64_t i = 0; i < history->axis_count && !history->joint; i++) {
        esp_parzen_destroy(history->good_axes[i]);
        esp_parzen_destroy(history->bad_axes[i]);
    }
    esp_parzen_joint_destroy(history->joint);
    free(history->good_axes);
    free(history->bad_axes);
    free(history->records);
    free(history->good);
    free(history->heap);
    free(history->open);
    dimensions_free(&history->dimensions);
}

// ---- Axes -----------------------------------------------------------------------------------------

static esp_status add_axis(struct history *history, const esp_parzen_axis *axis)
{
    const uint64_t i = history->axis_count;
    uint64_t capacity = history->axis_capacity;
    if (history->joint) {
        esp_status status = esp_parzen_joint_add_axis(history->joint, axis);
        history->axis_count += status == ESP_OK;
        return status;
    }
    if (!reserve(&history->bad_axes, &capacity, i, sizeof(esp_parzen *)) ||
        !reserve(&history->good_axes, &history->axis_capacity, i, sizeof(esp_parzen *)))
        return ESP_ERROR_MEMORY;
    esp_status status = esp_parzen_create(&history->good_axes[i], axis, history->rule.prior_weight);
    if (status != ESP_OK)
        return status;
    status = esp_parzen_create(&history->bad_axes[i], axis, history->rule.prior_weight);
    if (status == ESP_OK)
        history->axis_count++;
    else
        esp_parzen_destroy(history->good_axes[i]);
    return status;
}

esp_status history_meet_axes(struct history *history)
{
    const struct dimensions *dimensions = &history->dimensions;
    // Dimensions are met in the order of their axes: the first one without estimators is near the end.
    uint64_t d = dimensions->count;
    while (d > 0 && dimensions->all[d - 1].first_axis >= history->axis_count)
        d--;
    for (; d < dimensions->count; d++)
        for (uint64_t i = 0; i < dimensions->all[d].axis_count; i++) {
            esp_parzen_axis axis = dimension_axis(&dimensions->all[d], i);
            axis.flags = history->rule.equal_height ? ESP_PARZEN_EQUAL_HEIGHT : 0;
            if (dimensions->all[d].first_axis + i < history->axis_count)
                continue;
            esp_status status = add_axis(history, &axis);
            if (status != ESP_OK)
                return status;
        }
    return ESP_OK;
}

// ---- Records --------------------------------------------------------------------------------------

static esp_status write_numbers(struct history *history, struct record *record,
                                const esp_arch *arch)
{
    const uint64_t decisions = esp_arch_count(arch);
    uint64_t from = 0, count = 0;
    for (uint64_t i = 0; i < decisions; i++) {
        const struct dimension *dimension = dimensions_find(
            &history->dimensions, esp_arch_path(arch, i), esp_arch_domain(arch, i), &from);
        if (!dimension)
            return ESP_ERROR_MEMORY;
        count += dimension->axis_count;
    }
    record->axes = malloc((count + 1) * (sizeof *record->axes + sizeof *record->numbers));
    if (!record->axes)
        return ESP_ERROR_MEMORY;
    record->numbers = (double *)(void *)(record->axes + count);
    from = 0;
    for (uint64_t i = 0; i < decisions; i++) {
        const struct dimension *dimension = dimensions_find(
            &history->dimensions, esp_arch_path(arch, i), esp_arch_domain(arch, i), &from);
        dimension_encode(dimension, esp_arch_value(arch, i), record->numbers + record->count);
        for (uint64_t k = 0; k < dimension->axis_count; k++)
            record->axes[record->count++] = dimension->first_axis + k;
    }
    return history_meet_axes(history);
}

// The record of a trial, made where it is new.
static esp_status record_of(struct history *history, uint64_t number, const esp_arch *arch,
                            struct record **out)
{
    while (history->record_count <= number) {
        if (!reserve(&history->records, &history->record_capacity, history->record_count,
                     sizeof(struct record)))
            return ESP_ERROR_MEMORY;
        history->records[history->record_count++] = (struct record){.place = PLACE_NONE};
        esp_status status = history->joint ? esp_parzen_joint_add_row(history->joint) : ESP_OK;
        if (status != ESP_OK)
            return status;
    }
    struct record *record = *out = &history->records[number];
    if (record->place != PLACE_NONE)
        return ESP_OK;
    esp_status status = write_numbers(history, record, arch);
    if (status != ESP_OK)
        return status;
    record->place = PLACE_OPEN;
    for (uint64_t i = 0; i < record->count && history->joint; i++)
        esp_parzen_joint_set(history->joint, number, record->axes[i], record->numbers[i]);
    return ESP_OK;
}

// ---- Good and bad ---------------------------------------------------------------------------------

// Moves a record, and with it its part in the estimators of single axes.
static esp_status move(struct history *history, uint64_t number, enum place place)
{
    struct record *record = &history->records[number];
    const int was_bad = record->place == PLACE_BAD || record->place == PLACE_LIED;
    const int was_good = record->place == PLACE_GOOD;
    const int is_bad = place == PLACE_BAD || place == PLACE_LIED;
    record->place = place;
    for (uint64_t i = 0; i < record->count && !history->joint; i++) {
        esp_parzen *good = history->good_axes[record->axes[i]];
        esp_parzen *bad = history->bad_axes[record->axes[i]];
        esp_status status = ESP_OK;
        if (was_bad && !is_bad)
            status = esp_parzen_remove(bad, number);
        if (was_good)
            status = esp_parzen_remove(good, number);
        if (status == ESP_OK && is_bad && !was_bad)
            status = esp_parzen_add(bad, record->numbers[i], number);
        if (status == ESP_OK && place == PLACE_GOOD)
            status = esp_parzen_add(good, record->numbers[i], number);
        if (status != ESP_OK)
            return status;
    }
    return ESP_OK;
}

// Feasible ones first, then the lesser violation, then the objective, then the older.
static int better(const struct history *history, uint64_t a, uint64_t b)
{
    const struct record *x = &history->records[a], *y = &history->records[b];
    if (x->violation != y->violation)
        return x->violation < y->violation;
    if (x->objective != y->objective)
        return x->objective < y->objective;
    return a < b;
}

static void swap(uint64_t *a, uint64_t *b)
{
    uint64_t held = *a;
    *a = *b;
    *b = held;
}

static esp_status heap_push(struct history *history, uint64_t number)
{
    if (!reserve(&history->heap, &history->heap_capacity, history->heap_count, sizeof(uint64_t)))
        return ESP_ERROR_MEMORY;
    uint64_t *heap = history->heap, i = history->heap_count++;
    heap[i] = number;
    for (; i > 0 && better(history, heap[i], heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&heap[i], &heap[(i - 1) / 2]);
    return ESP_OK;
}

static uint64_t heap_pop(struct history *history)
{
    uint64_t *heap = history->heap, top = heap[0], i = 0;
    heap[0] = heap[--history->heap_count];
    for (;;) {
        uint64_t left = 2 * i + 1, best = i;
        if (left < history->heap_count && better(history, heap[left], heap[best]))
            best = left;
        if (left + 1 < history->heap_count && better(history, heap[left + 1], heap[best]))
            best = left + 1;
        if (best == i)
            return top;
        swap(&heap[i], &heap[best]);
        i = best;
    }
}

static uint64_t good_wanted(const struct history *history)
{
    double n = (double)history->known;
    double wanted = ceil(history->rule.gamma * (history->rule.rule == RULE_SQRT ? sqrt(n) : n));
    uint64_t most = history->rule.most < history->known ? history->rule.most : history->known;
    return wanted < (double)most ? (uint64_t)wanted : most;
}

static esp_status make_good(struct history *history, uint64_t number)
{
    uint64_t i = history->good_count++;
    for (; i > 0 && better(history, number, history->good[i - 1]); i--)
        history->good[i] = history->good[i - 1];
    history->good[i] = number;
    return move(history, number, PLACE_GOOD);
}

static esp_status rank(struct history *history, uint64_t number)
{
    esp_status status = heap_push(history, number);
    while (status == ESP_OK && history->good_count < good_wanted(history))
        status = make_good(history, heap_pop(history));
    if (status == ESP_OK && history->heap_count > 0 && history->good_count > 0 &&
        better(history, history->heap[0], history->good[history->good_count - 1])) {
        uint64_t worst = history->good[--history->good_count];
        status = make_good(history, heap_pop(history));
        if (status == ESP_OK)
            status = heap_push(history, worst);
        if (status == ESP_OK)
            status = move(history, worst, PLACE_BAD);
    }
    if (status == ESP_OK && history->records[number].place != PLACE_GOOD)
        status = move(history, number, PLACE_BAD);
    return status;
}

// ---- Asked and told -------------------------------------------------------------------------------

esp_status history_asked(struct history *history, uint64_t number, const esp_arch *arch)
{
    struct record *record = NULL;
    esp_status status = record_of(history, number, arch, &record);
    if (status == ESP_OK &&
        !reserve(&history->open, &history->open_capacity, history->open_count, sizeof(uint64_t)))
        status = ESP_ERROR_MEMORY;
    if (status == ESP_OK)
        history->open[history->open_count++] = number;
    return status;
}

esp_status history_lie(struct history *history)
{
    esp_status status = ESP_OK;
    for (uint64_t i = 0; i < history->open_count && status == ESP_OK; i++)
        if (history->records[history->open[i]].place == PLACE_OPEN)
            status = move(history, history->open[i], PLACE_LIED);
    return status;
}

esp_status history_told(struct history *history, uint64_t number, const esp_arch *arch,
                        const double *objective, double violation)
{
    struct record *record = NULL;
    esp_status status = record_of(history, number, arch, &record);
    for (uint64_t i = 0; i < history->open_count; i++)
        if (history->open[i] == number) {
            history->open[i] = history->open[--history->open_count];
            break;
        }
    if (status != ESP_OK || record->place == PLACE_BAD || record->place == PLACE_GOOD)
        return status;
    if (!objective)
        return move(history, number, PLACE_BAD);
    record->objective = *objective;
    record->violation = violation;
    history->known++;
    return rank(history, number);
}
