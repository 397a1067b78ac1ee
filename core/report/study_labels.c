// SPDX-License-Identifier: Apache-2.0
// In what the methods of a study differ: their labels, and the settings to name above a table.
#include "report/study.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A setting over all methods. A key of a plugin's section belongs to that plugin: what one plugin calls
// `population` has nothing to do with what another does.
struct setting {
    const char *section, *key, *plugin; // plugin: "" where the section has none, and for `plugin`
    const char *value;                  // the first method's
    uint64_t methods;                   // that have it
    bool differs;
};

struct settings {
    struct setting *items;
    uint64_t count, capacity;
};

static const char *plugin_of(const struct config *config, const char *section)
{
    const struct config_entry *entry = config_find(config, section, "plugin");
    return entry ? entry->value : "";
}

static struct setting *find(struct settings *settings, const struct config_entry *entry,
                            const char *plugin)
{
    for (uint64_t i = 0; i < settings->count; i++) {
        struct setting *item = &settings->items[i];
        if (strcmp(item->key, entry->key) == 0 && strcmp(item->section, entry->section) == 0 &&
            strcmp(item->plugin, plugin) == 0)
            return item;
    }
    return NULL;
}

static esp_status note(struct settings *settings, const struct config_entry *entry,
                       const char *plugin, struct error *error)
{
    struct setting *item = find(settings, entry, plugin);
    if (item) {
        item->methods++;
        item->differs = item->differs || strcmp(item->value, entry->value) != 0;
        return ESP_OK;
    }
    if (settings->count == settings->capacity) {
        uint64_t capacity = settings->capacity ? 2 * settings->capacity : 64;
        struct setting *grown = realloc(settings->items, capacity * sizeof *grown);
        if (!grown)
            return error_memory(error);
        settings->items = grown;
        settings->capacity = capacity;
    }
    settings->items[settings->count++] =
        (struct setting){entry->section, entry->key, plugin, entry->value, 1, false};
    return ESP_OK;
}

static const char *owner_of(const struct config *config, const struct config_entry *entry)
{
    return strcmp(entry->key, "plugin") == 0 ? "" : plugin_of(config, entry->section);
}

static esp_status gather(struct settings *out, const struct study *study, struct error *error)
{
    esp_status status = ESP_OK;
    *out = (struct settings){0};
    for (uint64_t i = 0; i < study->method_count; i++) {
        const struct study_method *method = &study->methods[i];
        for (uint64_t j = 0; method->config && status == ESP_OK && j < config_count(method->config);
             j++) {
            const struct config_entry *entry = config_get(method->config, j);
            if (study_counts(entry, method->data != NULL))
                status = note(out, entry, owner_of(method->config, entry), error);
        }
    }
    // A key that only some have, of those with the same plugin there: [fix], [start].
    for (uint64_t i = 0; status == ESP_OK && i < out->count; i++) {
        struct setting *item = &out->items[i];
        uint64_t could = 0;
        for (uint64_t j = 0; j < study->method_count; j++)
            could +=
                study->methods[j].config &&
                (item->plugin[0] == '\0' ||
                 strcmp(plugin_of(study->methods[j].config, item->section), item->plugin) == 0);
        item->differs = item->differs || item->methods < could;
    }
    return status;
}

// The method's value of a setting; NULL where it has none.
static const char *value_of(const struct study_method *method, const struct setting *item)
{
    const struct config_entry *entry =
        method->config ? config_find(method->config, item->section, item->key) : NULL;
    if (!entry || strcmp(owner_of(method->config, entry), item->plugin) != 0)
        return NULL;
    return entry->value;
}

static bool is_strategy(const struct setting *item)
{
    return strcmp(item->section, "strategy") == 0;
}

static bool data_differ(const struct study *study)
{
    const char *first = NULL;
    for (uint64_t i = 0; i < study->method_count; i++) {
        const char *data = study->methods[i].data;
        if (first && data && strcmp(first, data) != 0)
            return true;
        first = first ? first : data;
    }
    return false;
}

// ---- Labels -----------------------------------------------------------------------------------

static char *make_label(const struct study *study, const struct study_method *method,
                        const struct settings *settings)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return NULL;
    fputs(method->config ? plugin_of(method->config, "strategy") : method->key, file);
    for (uint64_t i = 0; i < settings->count; i++) {
        const struct setting *item = &settings->items[i];
        const char *value = item->differs ? value_of(method, item) : NULL;
        bool plugin = strcmp(item->key, "plugin") == 0;
        if (!value || (is_strategy(item) && plugin))
            continue;
        if (is_strategy(item))
            fprintf(file, " %s=%s", item->key, value);
        else if (plugin)
            fprintf(file, " %s=%s", item->section, value);
        else
            fprintf(file, " %s.%s=%s", item->section, item->key, value);
    }
    if (method->config && method->data && data_differ(study))
        fprintf(file, " data=%.8s", method->data);
    bool whole = ferror(file) == 0;
    if (fclose(file) != 0 || !whole) {
        free(text);
        return NULL;
    }
    return text;
}

static bool taken(const struct study *study, uint64_t before, const char *label)
{
    for (uint64_t i = 0; i < before; i++)
        if (strcmp(study->methods[i].label, label) == 0)
            return true;
    return false;
}

// A label that another method has already gets the file's name, or else a number.
static esp_status set_apart(struct study *study, uint64_t i, struct error *error)
{
    struct study_method *method = &study->methods[i];
    for (int number = method->file ? 1 : 2; taken(study, i, method->label); number++) {
        char *longer = NULL;
        int length = number == 1 ? asprintf(&longer, "%s (%s)", method->label, method->file)
                                 : asprintf(&longer, "%s #%d", method->label, number);
        if (length < 0)
            return error_memory(error);
        free(method->label);
        method->label = longer;
    }
    return ESP_OK;
}

esp_status study_label(struct study *study, struct error *error)
{
    struct settings settings;
    esp_status status = gather(&settings, study, error);
    for (uint64_t i = 0; status == ESP_OK && i < study->method_count; i++) {
        struct study_method *method = &study->methods[i];
        free(method->label);
        method->label = make_label(study, method, &settings);
        status = method->label ? set_apart(study, i, error) : error_memory(error);
    }
    free(settings.items);
    return status;
}

// ---- Differences ------------------------------------------------------------------------------

static esp_status add_difference(struct study_difference **list, uint64_t *count,
                                 const struct study *study, const struct setting *item,
                                 struct error *error)
{
    struct study_difference *grown = realloc(*list, (*count + 1) * sizeof *grown);
    if (!grown)
        return error_memory(error);
    *list = grown;
    struct study_difference *difference = &grown[*count];
    *difference = (struct study_difference){0};
    difference->values = calloc(study->method_count + 1, sizeof *difference->values);
    if (!difference->values)
        return error_memory(error);
    (*count)++;
    int length = item ? asprintf(&difference->key, "%s.%s", item->section, item->key)
                      : asprintf(&difference->key, "data (SHA-256)");
    if (length < 0) {
        difference->key = NULL;
        return error_memory(error);
    }
    for (uint64_t i = 0; i < study->method_count; i++) {
        const char *value = item ? value_of(&study->methods[i], item) : study->methods[i].data;
        if (value && !(difference->values[i] = strdup(value)))
            return error_memory(error);
    }
    return ESP_OK;
}

esp_status study_differences(const struct study *study, struct study_difference **out,
                             uint64_t *count, struct error *error)
{
    struct settings settings;
    *out = NULL;
    *count = 0;
    esp_status status = gather(&settings, study, error);
    for (uint64_t i = 0; status == ESP_OK && i < settings.count; i++)
        if (settings.items[i].differs && !is_strategy(&settings.items[i]))
            status = add_difference(out, count, study, &settings.items[i], error);
    if (status == ESP_OK && data_differ(study))
        status = add_difference(out, count, study, NULL, error);
    if (status == ESP_OK)
        status = study_add_builds(study, out, count, error);
    free(settings.items);
    if (status != ESP_OK) {
        study_differences_destroy(*out, *count, study);
        *out = NULL;
    }
    return status;
}

void study_differences_destroy(struct study_difference *list, uint64_t count,
                               const struct study *study)
{
    for (uint64_t i = 0; i < count; i++) {
        free(list[i].key);
        for (uint64_t j = 0; j < study->method_count; j++)
            free(list[i].values[j]);
        free(list[i].values);
    }
    free(list);
}
