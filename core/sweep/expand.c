// SPDX-License-Identifier: Apache-2.0
// Crossing the axes of a sweep; see axes.h. A function of the axes and the file alone.
#include "sweep/axes.h"
#include "text/nearest.h"

#include <stdlib.h>
#include <string.h>

struct expansion {
    const struct axes *axes;
    int32_t *now;     // of the run that is being made, for the axes so far
    int32_t *choices; // of the runs that are made
    uint64_t count, capacity;
    bool *met; // by group: has some run met its condition?
    struct error *error;
};

static bool same_key(const struct axis *axis, const char *section, const char *key)
{
    return strcmp(axis->section, section) == 0 && strcmp(axis->key, key) == 0;
}

// The value of a key in the run that is being made, by the first `known` axes and the file. NULL: the
// file does not say it.
static const char *value_of(const struct expansion *expansion, uint64_t known, const char *section,
                            const char *key)
{
    const struct axes *axes = expansion->axes;
    for (uint64_t i = 0; i < known; i++)
        if (expansion->now[i] != AXIS_ABSENT && same_key(&axes->axes[i], section, key))
            return axes->axes[i].values[expansion->now[i]];
    const struct config_entry *entry = config_find(axes->config, section, key);
    return entry ? entry->value : NULL;
}

static bool applies(const struct expansion *expansion, uint64_t axis)
{
    const struct axis_group *group = &expansion->axes->groups[expansion->axes->axes[axis].group];
    for (uint64_t i = 0; i < group->condition_count; i++) {
        const struct condition *condition = &group->conditions[i];
        const char *value = value_of(expansion, axis, condition->section, condition->key);
        if ((value && strcmp(value, condition->value) == 0) != condition->equal)
            return false;
    }
    return true;
}

static esp_status add_run(struct expansion *expansion)
{
    const uint64_t width = expansion->axes->count;
    if (expansion->count == SWEEP_MOST_RUNS)
        return config_fail_section(expansion->error, expansion->axes->config, "sweep",
                                   "more than %d runs", SWEEP_MOST_RUNS);
    if (expansion->count == expansion->capacity) {
        uint64_t capacity = expansion->capacity ? 2 * expansion->capacity : 64;
        int32_t *grown = realloc(expansion->choices, capacity * width * sizeof *grown);
        if (!grown)
            return error_memory(expansion->error);
        expansion->choices = grown;
        expansion->capacity = capacity;
    }
    memcpy(expansion->choices + expansion->count++ * width, expansion->now,
           width * sizeof *expansion->now);
    return ESP_OK;
}

// Does the run have an axis over the same key already?
static esp_status check_alone(const struct expansion *expansion, uint64_t number)
{
    const struct axis *axes = expansion->axes->axes, *axis = &axes[number];
    for (uint64_t i = 0; i < number; i++)
        if (expansion->now[i] != AXIS_ABSENT && same_key(&axes[i], axis->section, axis->key))
            return config_fail(expansion->error, ESP_ERROR_INVALID, axis->entry,
                               "there is an axis over this key already, for the same runs, in [%s] "
                               "(%s:%d)",
                               axes[i].entry->section, axes[i].entry->file, axes[i].entry->line);
    return ESP_OK;
}

static esp_status expand_from(struct expansion *expansion, uint64_t number)
{
    const struct axes *axes = expansion->axes;
    if (number == axes->count)
        return add_run(expansion);
    const struct axis *axis = &axes->axes[number];
    expansion->now[number] = AXIS_ABSENT;
    if (!applies(expansion, number))
        return expand_from(expansion, number + 1);
    expansion->met[axis->group] = true;
    esp_status status = check_alone(expansion, number);
    for (uint64_t i = 0; status == ESP_OK && i < axis->value_count; i++) {
        expansion->now[number] = (int32_t)i;
        status = expand_from(expansion, number + 1);
    }
    return status;
}

// ---- Conditions that cannot hold --------------------------------------------------------------

// The first axis of a group. Every group but the first has one.
static uint64_t first_axis(const struct axes *axes, uint64_t group)
{
    uint64_t i = 0;
    while (i < axes->count && axes->axes[i].group != group)
        i++;
    return i;
}

// Can a condition be looked up at all?
static esp_status check_condition(const struct axes *axes, uint64_t group,
                                  const struct condition *condition, struct error *error)
{
    const struct config_entry *when = axes->groups[group].when;
    uint64_t first = first_axis(axes, group);
    if (config_find(axes->config, condition->section, condition->key))
        return ESP_OK;
    const char **names = calloc(axes->count + 1, sizeof *names);
    char *place = NULL;
    if (!names || asprintf(&place, "%s.%s", condition->section, condition->key) < 0) {
        free(names);
        return error_memory(error);
    }
    esp_status status = ESP_OK;
    bool below = false, above = false;
    for (uint64_t i = 0; i < axes->count; i++) {
        names[i] = axes->axes[i].entry->key;
        bool same = same_key(&axes->axes[i], condition->section, condition->key);
        above |= same && i < first;
        below |= same && i >= first;
    }
    const char *nearest = text_nearest(place, names, first);
    if (!above && below)
        status = config_fail(error, ESP_ERROR_INVALID, when,
                             "the axis over %s does not stand above this section", place);
    else if (!above && nearest)
        status = config_fail(error, ESP_ERROR_INVALID, when,
                             "no axis and no line of the file says %s; did you mean %s?", place,
                             nearest);
    else if (!above)
        status = config_fail(error, ESP_ERROR_INVALID, when,
                             "no axis and no line of the file says %s", place);
    free(place);
    free(names);
    return status;
}

static esp_status not_met(const struct axes *axes, const struct axis_group *group,
                          struct error *error)
{
    for (uint64_t i = 0; i < group->condition_count; i++) {
        const struct condition *condition = &group->conditions[i];
        for (uint64_t j = 0; condition->equal && j < axes->count; j++) {
            const struct axis *axis = &axes->axes[j];
            if (!same_key(axis, condition->section, condition->key))
                continue;
            const char *nearest = text_nearest(condition->value, (const char *const *)axis->values,
                                               axis->value_count);
            if (nearest && strcmp(nearest, condition->value) != 0)
                return config_fail(error, ESP_ERROR_INVALID, group->when,
                                   "no run meets the condition; did you mean %s.%s == %s?",
                                   axis->section, axis->key, nearest);
        }
    }
    return config_fail(error, ESP_ERROR_INVALID, group->when, "no run meets the condition");
}

esp_status axes_expand(int32_t **choices, uint64_t *run_count, const struct axes *axes,
                       struct error *error)
{
    struct expansion expansion = {.axes = axes, .error = error};
    expansion.now = calloc(axes->count, sizeof *expansion.now);
    expansion.met = calloc(axes->group_count, sizeof *expansion.met);
    esp_status status = expansion.now && expansion.met ? ESP_OK : error_memory(error);
    for (uint64_t i = 0; status == ESP_OK && i < axes->group_count; i++)
        for (uint64_t j = 0; status == ESP_OK && j < axes->groups[i].condition_count; j++)
            status = check_condition(axes, i, &axes->groups[i].conditions[j], error);
    if (status == ESP_OK)
        status = expand_from(&expansion, 0);
    for (uint64_t i = 1; status == ESP_OK && i < axes->group_count; i++)
        if (!expansion.met[i])
            status = not_met(axes, &axes->groups[i], error);
    free(expansion.now);
    free(expansion.met);
    if (status != ESP_OK) {
        free(expansion.choices);
        return status;
    }
    *choices = expansion.choices;
    *run_count = expansion.count;
    return ESP_OK;
}
