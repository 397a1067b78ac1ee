// SPDX-License-Identifier: Apache-2.0
// Reading the axes of a sweep; see axes.h. Crossing them is expand.c's.
#include "sweep/axes.h"

#include "config/list.h"
#include "config/sections.h"

#include <stdlib.h>
#include <string.h>

#define SECTION "sweep"
#define GROUP_PREFIX "sweep."

void axes_destroy(struct axes *axes)
{
    for (uint64_t i = 0; i < axes->group_count; i++) {
        struct axis_group *group = &axes->groups[i];
        for (uint64_t j = 0; j < group->condition_count; j++) {
            free(group->conditions[j].section);
            free(group->conditions[j].key);
            free(group->conditions[j].value);
        }
        free(group->conditions);
    }
    for (uint64_t i = 0; i < axes->count; i++) {
        free(axes->axes[i].section);
        free(axes->axes[i].key);
        values_destroy(axes->axes[i].values, axes->axes[i].value_count);
    }
    free(axes->groups);
    free(axes->axes);
    memset(axes, 0, sizeof *axes);
}

// "section.key" in two texts. false: it is none, or memory is missing, which `error` says.
static bool split_key(const char *place, char **section, char **key, struct error *error)
{
    const char *dot = config_dot(place);
    if (!dot)
        return false;
    *section = strndup(place, (size_t)(dot - place));
    *key = strdup(dot + 1);
    if (!*section || !*key)
        error_memory(error);
    return *section && *key;
}

// ---- Conditions -------------------------------------------------------------------------------

static esp_status read_condition(struct condition *out, char *text, struct error *error)
{
    char *sign = strstr(text, "==");
    char *other = strstr(text, "!=");
    out->equal = sign && (!other || sign < other);
    sign = out->equal ? sign : other;
    if (sign)
        *sign = '\0';
    if (sign && split_key(text_trim(text), &out->section, &out->key, error)) {
        out->value = strdup(text_trim(sign + 2));
        return out->value ? ESP_OK : error_memory(error);
    }
    return error_set(error, ESP_ERROR_INVALID,
                     "expected 'section.key == value' or 'section.key != value', several joined by "
                     "'and'");
}

static esp_status read_when(struct axis_group *group, const struct config_entry *entry,
                            struct error *error)
{
    static const char joint[] = " and ";
    struct error words;
    error_clear(&words);
    group->when = entry;
    char *text = strdup(entry->value), *next = text;
    esp_status status = text ? ESP_OK : error_memory(&words);
    while (status == ESP_OK && next) {
        char *part = next;
        next = strstr(part, joint);
        if (next) {
            *next = '\0';
            next += strlen(joint);
        }
        struct condition *grown =
            realloc(group->conditions, (group->condition_count + 1) * sizeof *grown);
        if (!grown) {
            status = error_memory(&words);
            break;
        }
        group->conditions = grown;
        grown[group->condition_count] = (struct condition){0};
        status = read_condition(&grown[group->condition_count++], part, &words);
    }
    free(text);
    return status == ESP_OK ? ESP_OK : config_fail(error, status, entry, "%s", words.message);
}

// ---- Axes -------------------------------------------------------------------------------------

static esp_status check_key(const struct axis *axis, struct error *error)
{
    static const struct {
        const char *section, *key, *why;
    } refused[] = {
        {"run", "out", "every run of a sweep has a folder of its own"},
        {"run", "workers", "the runs of a sweep share one pool of workers"},
        {"experiment", "name", "it is the sweep's, and the same for every run"},
    };
    for (size_t i = 0; i < ESP_COUNT(refused); i++)
        if (strcmp(axis->section, refused[i].section) == 0 &&
            strcmp(axis->key, refused[i].key) == 0)
            return config_fail(error, ESP_ERROR_INVALID, axis->entry, "it can be no axis: %s",
                               refused[i].why);
    if (strcmp(axis->section, SECTION) == 0 ||
        strncmp(axis->section, GROUP_PREFIX, strlen(GROUP_PREFIX)) == 0)
        return config_fail(error, ESP_ERROR_INVALID, axis->entry,
                           "it can be no axis: a run has no such section");
    return ESP_OK;
}

static esp_status add_axis(struct axes *axes, uint64_t group, const struct config_entry *entry,
                           struct error *error)
{
    struct axis *grown = realloc(axes->axes, (axes->count + 1) * sizeof *grown);
    if (!grown)
        return error_memory(error);
    axes->axes = grown;
    struct axis *axis = &grown[axes->count++];
    *axis = (struct axis){.group = group, .entry = entry};
    struct error words;
    error_clear(&words);
    if (!split_key(entry->key, &axis->section, &axis->key, &words))
        return config_fail(error, ESP_ERROR_INVALID, entry, "%s",
                           words.message[0] ? words.message : "expected section.key = values");
    axis->values = values_read(entry->value, &axis->value_count, &words);
    if (!axis->values)
        return config_fail(error, words.status, entry, "%s", words.message);
    return check_key(axis, error);
}

static esp_status read_group(struct axes *axes, const char *section, struct error *error)
{
    struct axis_group *grown = realloc(axes->groups, (axes->group_count + 1) * sizeof *grown);
    if (!grown)
        return error_memory(error);
    axes->groups = grown;
    uint64_t group = axes->group_count++, axes_before = axes->count;
    grown[group] = (struct axis_group){0};
    bool conditional = strcmp(section, SECTION) != 0;
    const struct config_entry *when = config_find(axes->config, section, "when");
    if (when && !conditional)
        return config_fail(error, ESP_ERROR_INVALID, when,
                           "axes with a condition stand in a section of their own, [sweep.NAME]");
    esp_status status = when ? read_when(&axes->groups[group], when, error) : ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < config_count(axes->config); i++) {
        const struct config_entry *entry = config_get(axes->config, i);
        if (strcmp(entry->section, section) == 0 && entry != when)
            status = add_axis(axes, group, entry, error);
    }
    if (status == ESP_OK && conditional && !when)
        return config_fail_section(error, axes->config, section,
                                   "it says no condition: when = section.key == value");
    if (status == ESP_OK && conditional && axes->count == axes_before)
        return config_fail_section(error, axes->config, section, "it has a condition, but no axis");
    return status;
}

// --set sweep.strategy.population would be read as an axis of [sweep].
static esp_status check_group_name(const struct config *config, const char *section,
                                   struct error *error)
{
    const char *name = section + strlen(GROUP_PREFIX);
    for (int i = 0; i < SECTION_COUNT; i++)
        if (strcmp(sections[i].name, name) == 0)
            return config_fail_section(error, config, section,
                                       "the name is to be none of a section; call it otherwise");
    return name[0] && !strchr(name, '.') ? ESP_OK
                                         : config_fail_section(error, config, section,
                                                               "expected [sweep.NAME], NAME "
                                                               "without a dot");
}

esp_status axes_read(struct axes *out, const struct config *config, struct error *error)
{
    memset(out, 0, sizeof *out);
    out->config = config;
    esp_status status = read_group(out, SECTION, error);
    for (uint64_t i = 0; status == ESP_OK && i < config_section_count(config); i++) {
        const char *section = config_section(config, i);
        if (strncmp(section, GROUP_PREFIX, strlen(GROUP_PREFIX)) != 0)
            continue;
        status = check_group_name(config, section, error);
        if (status == ESP_OK)
            status = read_group(out, section, error);
    }
    if (status == ESP_OK && out->count == 0)
        status = config_fail_section(error, config, SECTION,
                                     "it names no keys, as experiment.seed = 1..10 would; "
                                     "`espalier run` makes a single run");
    if (status != ESP_OK)
        axes_destroy(out);
    return status;
}
