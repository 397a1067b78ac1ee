// SPDX-License-Identifier: Apache-2.0
// The configuration of one run of a sweep: axes over the settings of its methods over the file.
#include "loader/registry.h"
#include "sweep/sweep.h"
#include "text/nearest.h"

#include <stdlib.h>
#include <string.h>

// The kind of a section [kind.id], with `*id` behind the dot; 0 for any other section.
static uint32_t method_kind(const char *section, const char **id)
{
    const char *dot = strchr(section, '.');
    for (uint32_t kind = ESP_KIND_SPACE; dot && dot[1] && kind <= ESP_KIND_EXECUTOR; kind++) {
        const char *name = kind_name(kind);
        if (strlen(name) == (size_t)(dot - section) && strncmp(name, section, strlen(name)) == 0) {
            *id = dot + 1;
            return kind;
        }
    }
    return 0;
}

static bool is_plugin_axis(const struct axis *axis, const char *kind)
{
    return strcmp(axis->section, kind) == 0 && strcmp(axis->key, "plugin") == 0;
}

// Does some run choose this plugin? `names`: room for what it could have been.
static bool is_chosen(const struct sweep *sweep, const char *kind, const char *id,
                      const char **names, uint64_t most, uint64_t *count)
{
    const struct config_entry *entry = config_find(sweep->config, kind, "plugin");
    bool chosen = entry && strcmp(entry->value, id) == 0;
    *count = 0;
    if (entry && *count < most)
        names[(*count)++] = entry->value;
    for (uint64_t i = 0; i < sweep->axes.count; i++) {
        const struct axis *axis = &sweep->axes.axes[i];
        for (uint64_t j = 0; is_plugin_axis(axis, kind) && j < axis->value_count; j++) {
            chosen |= strcmp(axis->values[j], id) == 0;
            if (*count < most)
                names[(*count)++] = axis->values[j];
        }
    }
    return chosen;
}

#define MOST_NAMES 256

static bool is_there(const struct registry *registry, const char *id)
{
    for (uint64_t i = 0; i < registry_count(registry); i++)
        if (registry_get(registry, i)->kind == ESP_KIND_ESTIMATOR &&
            strcmp(registry_get(registry, i)->id, id) == 0)
            return true;
    return false;
}

// What is said for a method that no run has would be dropped unseen.
static esp_status check_method(const struct sweep *sweep, const char *section, const char *kind,
                               const char *id, bool *stays, struct error *error)
{
    const char *names[MOST_NAMES];
    uint64_t count = 0;
    if (is_chosen(sweep, kind, id, names, MOST_NAMES, &count))
        return ESP_OK;
    // It may be another estimator's that wraps this one: the run's to judge.
    if (kind_from_name(kind) == ESP_KIND_ESTIMATOR && is_there(sweep->registry, id)) {
        *stays = true;
        return ESP_OK;
    }
    const char *nearest = text_nearest(id, names, count);
    if (nearest)
        return config_fail_section(error, sweep->config, section,
                                   "no run has %s.plugin = %s; did you mean [%s.%s]?", kind, id,
                                   kind, nearest);
    return config_fail_section(error, sweep->config, section, "no run has %s.plugin = %s", kind,
                               id);
}

// Lays the keys of [kind.id] over those of [kind].
static esp_status lay_method(struct config *config, const struct config *from, const char *section,
                             const char *kind, struct error *error)
{
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < config_count(from); i++) {
        const struct config_entry *entry = config_get(from, i);
        if (strcmp(entry->section, section) == 0)
            status = config_place(config, kind, entry->key, entry->value, entry,
                                  config_folder(from, entry), error);
    }
    return status;
}

// Over those keys of [kind] that axes do not say.
static esp_status lay_methods(struct config *config, const struct sweep *sweep, struct error *error)
{
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < config_section_count(sweep->config); i++) {
        const char *section = config_section(sweep->config, i), *id = NULL;
        uint32_t kind = method_kind(section, &id);
        if (kind == 0)
            continue;
        const char *name = kind_name(kind);
        const struct config_entry *plugin = config_find(config, name, "plugin");
        bool stays = false;
        status = check_method(sweep, section, name, id, &stays, error);
        if (stays)
            continue;
        if (status == ESP_OK && plugin && strcmp(plugin->value, id) == 0)
            status = lay_method(config, sweep->config, section, name, error);
        config_drop_section(config, section);
    }
    return status;
}

static esp_status lay_axes(struct config *config, const struct sweep *sweep, const int32_t *choices,
                           struct error *error)
{
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < sweep->axes.count; i++) {
        const struct axis *axis = &sweep->axes.axes[i];
        if (choices[i] == AXIS_ABSENT)
            continue;
        // The key as it stands in the run's section, the place that of the axis.
        status = config_place(config, axis->section, axis->key, axis->values[choices[i]],
                              axis->entry, config_folder(sweep->config, axis->entry), error);
    }
    return status;
}

esp_status sweep_config(struct config **out, const struct sweep *sweep, const int32_t *choices,
                        struct error *error)
{
    struct config *config = NULL;
    esp_status status = config_copy(&config, sweep->config, error);
    if (status != ESP_OK)
        return status;
    for (uint64_t i = 0; i < config_section_count(sweep->config); i++) {
        const char *section = config_section(sweep->config, i);
        if (strcmp(section, "sweep") == 0 || strncmp(section, "sweep.", 6) == 0)
            config_drop_section(config, section);
    }
    // Axes first, for they choose the plugins; and again, for they go over the methods' settings.
    status = lay_axes(config, sweep, choices, error);
    if (status == ESP_OK)
        status = lay_methods(config, sweep, error);
    if (status == ESP_OK)
        status = lay_axes(config, sweep, choices, error);
    if (status != ESP_OK)
        config_destroy(config);
    else
        *out = config;
    return status;
}

const char *sweep_value(const struct sweep *sweep, const struct sweep_run *run, uint64_t axis)
{
    int32_t choice = run->choices[axis];
    return choice == AXIS_ABSENT ? NULL : sweep->axes.axes[axis].values[choice];
}
