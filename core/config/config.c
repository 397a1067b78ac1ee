// SPDX-License-Identifier: Apache-2.0
// Entries with the places where they stand; see config.h. Reading files is reader.c's.
#include "config/config.h"

#include "config/entries.h"
#include "config/list.h"
#include "config/sections.h"
#include "text/printable.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char command_line[] = "command line";

static void free_stored(struct stored *item)
{
    free((char *)(uintptr_t)item->entry.section);
    free((char *)(uintptr_t)item->entry.key);
    free((char *)(uintptr_t)item->entry.value);
    free((char *)(uintptr_t)item->entry.file);
    free(item->folder);
}

void config_destroy(struct config *config)
{
    if (!config)
        return;
    for (uint64_t i = 0; i < config->count; i++)
        free_stored(&config->items[i]);
    for (uint64_t i = 0; i < config->section_count; i++) {
        free(config->sections[i].name);
        free(config->sections[i].file);
    }
    free(config->sections);
    free(config->items);
    free(config->name);
    free(config);
}

// ---- Storing ----------------------------------------------------------------------------------

struct stored *config_find_stored(const struct config *config, const char *section, const char *key)
{
    for (uint64_t i = 0; i < config->count; i++)
        if (strcmp(config->items[i].entry.section, section) == 0 &&
            strcmp(config->items[i].entry.key, key) == 0)
            return &config->items[i];
    return NULL;
}

static const struct config_section *find_section(const struct config *config, const char *name)
{
    for (uint64_t i = 0; i < config->section_count; i++)
        if (strcmp(config->sections[i].name, name) == 0)
            return &config->sections[i];
    return NULL;
}

esp_status config_add_section(struct config *config, const char *section, const char *file,
                              int line, struct error *error)
{
    if (find_section(config, section))
        return ESP_OK;
    struct config_section *grown =
        realloc(config->sections, (config->section_count + 1) * sizeof *grown);
    if (!grown)
        return error_memory(error);
    config->sections = grown;
    struct config_section made = {strdup(section), strdup(file), line};
    if (!made.name || !made.file) {
        free(made.name);
        free(made.file);
        return error_memory(error);
    }
    grown[config->section_count++] = made;
    return ESP_OK;
}

esp_status config_store(struct config *config, const struct config_entry *entry,
                        const struct source *source, struct error *error)
{
    struct stored made = {
        .entry = {strdup(entry->section), strdup(entry->key), strdup(entry->value),
                  strdup(entry->file), entry->line},
        .folder = strdup(source->folder),
        .source = source->number,
    };
    struct stored *place = config_find_stored(config, entry->section, entry->key);
    bool complete =
        made.entry.section && made.entry.key && made.entry.value && made.entry.file && made.folder;
    if (complete && !place) {
        struct stored *grown = realloc(config->items, (config->count + 1) * sizeof *grown);
        complete = grown != NULL;
        if (grown) {
            config->items = grown;
            place = &grown[config->count++];
            *place = (struct stored){0};
        }
    }
    if (!complete) {
        free_stored(&made);
        return error_memory(error);
    }
    free_stored(place);
    *place = made;
    return config_add_section(config, entry->section, entry->file, entry->line, error);
}

const char *value_fault(const char *value)
{
    size_t length = strlen(value);
    if (!text_printable(value))
        return "it holds a control character, or is no UTF-8";
    if (value[0] == ';')
        return "a value that begins with ';' would be read as a comment";
    for (const char *c = value; *c; c++)
        if (c > value && *c == ';' && isspace((unsigned char)c[-1]))
            return "what follows ' ;' would be read as a comment";
    if (length > 0 &&
        (isspace((unsigned char)value[0]) || isspace((unsigned char)value[length - 1])))
        return "the blanks at its ends would be lost";
    return length > 0 && value[length - 1] == '\\'
               ? "a backslash at the end would join it with the line below"
               : NULL;
}

// Why no line can begin with this key, or NULL.
static const char *key_fault(const char *key)
{
    if (value_fault(key))
        return value_fault(key);
    return key[0] == '[' || key[0] == '#' || strpbrk(key, ":=") ? "no key holds ':' or '=', or "
                                                                  "begins with '[' or '#'"
                                                                : NULL;
}

esp_status config_set(struct config *config, const char *section, const char *key,
                      const char *value, struct error *error)
{
    static const struct source source = {.name = command_line, .folder = "."};
    struct config_entry entry = {section, key, NULL, command_line, 0};
    char *copy = strdup(value);
    if (!copy)
        return error_memory(error);
    entry.value = text_trim(copy);
    const char *fault = value_fault(entry.value);
    if (!fault)
        fault = key_fault(key);
    esp_status status = fault ? config_fail(error, ESP_ERROR_INVALID, &entry, "%s", fault)
                              : config_store(config, &entry, &source, error);
    free(copy);
    return status;
}

static bool is_section(const char *name, size_t length)
{
    for (int i = 0; i < SECTION_COUNT; i++)
        if (strlen(sections[i].name) == length && strncmp(sections[i].name, name, length) == 0)
            return true;
    return false;
}

const char *config_dot(const char *place)
{
    // Sections of wrapped plugins have dots (estimator.train.epochs); so have paths in [fix].
    const char *dot = strrchr(place, '.');
    if (strncmp(place, "fix.", 4) == 0) {
        dot = place + 3;
    } else if (strncmp(place, "sweep.", 6) == 0) {
        size_t length = strcspn(place + 6, ".");
        dot = is_section(place + 6, length) || place[6 + length] == '\0' ? place + 5
                                                                         : place + 6 + length;
    }
    return dot && dot > place && dot[1] ? dot : NULL;
}

esp_status config_apply(struct config *config, const char *text, struct error *error)
{
    const char *equals = strchr(text, '=');
    char *place = equals ? strndup(text, (size_t)(equals - text)) : NULL;
    if (equals && !place)
        return error_memory(error);
    char *section = place ? text_trim(place) : NULL;
    const char *dot = section ? config_dot(section) : NULL;
    esp_status status;
    if (!dot) {
        status = error_set(error, ESP_ERROR_INVALID, "--set: expected section.key=value, got '%s'",
                           text);
    } else {
        section[dot - section] = '\0';
        status = config_set(config, section, dot + 1, equals + 1, error);
    }
    free(place);
    return status;
}

// ---- Deriving ---------------------------------------------------------------------------------

esp_status config_copy(struct config **out, const struct config *from, struct error *error)
{
    struct config *config = calloc(1, sizeof *config);
    esp_status status = ESP_OK;
    if (config)
        config->name = strdup(from->name);
    if (!config || !config->name)
        status = error_memory(error);
    for (uint64_t i = 0; status == ESP_OK && i < from->section_count; i++) {
        const struct config_section *section = &from->sections[i];
        status = config_add_section(config, section->name, section->file, section->line, error);
    }
    for (uint64_t i = 0; status == ESP_OK && i < from->count; i++) {
        const struct stored *item = &from->items[i];
        struct source source = {item->source, item->entry.file, item->folder};
        status = config_store(config, &item->entry, &source, error);
    }
    if (status != ESP_OK)
        config_destroy(config);
    else
        *out = config;
    return status;
}

void config_drop_section(struct config *config, const char *section)
{
    uint64_t kept = 0;
    for (uint64_t i = 0; i < config->count; i++)
        if (strcmp(config->items[i].entry.section, section) == 0)
            free_stored(&config->items[i]);
        else
            config->items[kept++] = config->items[i];
    config->count = kept;
    kept = 0;
    for (uint64_t i = 0; i < config->section_count; i++)
        if (strcmp(config->sections[i].name, section) == 0) {
            free(config->sections[i].name);
            free(config->sections[i].file);
        } else {
            config->sections[kept++] = config->sections[i];
        }
    config->section_count = kept;
}

esp_status config_place(struct config *config, const char *section, const char *key,
                        const char *value, const struct config_entry *origin, const char *folder,
                        struct error *error)
{
    struct config_entry entry = {section, key, value, origin->file, origin->line};
    struct source source = {0, origin->file, folder};
    return config_store(config, &entry, &source, error);
}

// ---- Asking -----------------------------------------------------------------------------------

uint64_t config_count(const struct config *config)
{
    return config->count;
}

const struct config_entry *config_get(const struct config *config, uint64_t i)
{
    return &config->items[i].entry;
}

const struct config_entry *config_find(const struct config *config, const char *section,
                                       const char *key)
{
    const struct stored *found = config_find_stored(config, section, key);
    return found ? &found->entry : NULL;
}

bool config_has_section(const struct config *config, const char *section)
{
    return find_section(config, section) != NULL;
}

uint64_t config_section_count(const struct config *config)
{
    return config->section_count;
}

const char *config_section(const struct config *config, uint64_t i)
{
    return config->sections[i].name;
}

const char *config_folder(const struct config *config, const struct config_entry *entry)
{
    const struct stored *found = config_find_stored(config, entry->section, entry->key);
    return found ? found->folder : ".";
}

// ---- Errors -----------------------------------------------------------------------------------

esp_status config_fail(struct error *error, esp_status status, const struct config_entry *entry,
                       const char *format, ...)
{
    char message[ERROR_MESSAGE_SIZE];
    va_list list;
    va_start(list, format);
    int length = vsnprintf(message, sizeof message, format, list);
    va_end(list);
    if (length < 0)
        message[0] = '\0';
    if (!entry)
        return error_set(error, status, "%s", message);
    if (entry->line == 0)
        return error_set(error, status, "%s: [%s] %s: %s", entry->file, entry->section, entry->key,
                         message);
    return error_set(error, status, "%s:%d: [%s] %s: %s", entry->file, entry->line, entry->section,
                     entry->key, message);
}

esp_status config_fail_section(struct error *error, const struct config *config,
                               const char *section, const char *format, ...)
{
    char message[ERROR_MESSAGE_SIZE];
    const struct config_section *found = find_section(config, section);
    va_list list;
    va_start(list, format);
    int length = vsnprintf(message, sizeof message, format, list);
    va_end(list);
    if (length < 0)
        message[0] = '\0';
    if (found && found->line > 0)
        return error_set(error, ESP_ERROR_INVALID, "%s:%d: [%s]: %s", found->file, found->line,
                         section, message);
    return error_set(error, ESP_ERROR_INVALID, "%s: [%s]: %s", found ? found->file : config->name,
                     section, message);
}
