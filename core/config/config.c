// SPDX-License-Identifier: Apache-2.0
// Reading INI files with inih. inih reports no lines, cuts long ones and joins indented ones to the
// value before; so its reader is ours: it counts lines and refuses what would be cut or joined.
#include "config/config.h"

#include <errno.h>
#include <ini.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// inih's limits: a line with its end, and a section's name.
#define LONGEST_LINE 198
#define LONGEST_NAME 49
#define DEEPEST_INCLUDE 16

struct stored {
    struct config_entry entry;
    char *folder;
};

struct config {
    struct stored *items;
    uint64_t count;
    char **sections; // in the order of meeting
    uint64_t section_count;
};

// One text that is being read.
struct reading {
    struct config *config;
    const char *name, *folder;
    const char *next; // what is left of the text
    int line;
    int depth;
    uint64_t first; // entries from here on are of this file
    char section[LONGEST_NAME + 1];
    struct error *error;
};

static esp_status read_file(struct config *config, const char *path, int depth,
                            struct error *error);

// ---- Entries ----------------------------------------------------------------------------------

static void free_stored(struct stored *item)
{
    free((char *)(uintptr_t)item->entry.section);
    free((char *)(uintptr_t)item->entry.key);
    free((char *)(uintptr_t)item->entry.value);
    free((char *)(uintptr_t)item->entry.file);
    free(item->folder);
}

static struct stored *find_stored(const struct config *config, const char *section, const char *key)
{
    for (uint64_t i = 0; i < config->count; i++)
        if (strcmp(config->items[i].entry.section, section) == 0 &&
            strcmp(config->items[i].entry.key, key) == 0)
            return &config->items[i];
    return NULL;
}

static esp_status add_section(struct config *config, const char *section, struct error *error)
{
    if (config_has_section(config, section))
        return ESP_OK;
    char **grown =
        realloc(config->sections, (config->section_count + 1) * sizeof *config->sections);
    char *copy = strdup(section);
    if (grown)
        config->sections = grown;
    if (!grown || !copy) {
        free(copy);
        return error_memory(error);
    }
    config->sections[config->section_count++] = copy;
    return ESP_OK;
}

static esp_status store(struct config *config, const char *section, const char *key,
                        const char *value, const char *file, int line, const char *folder,
                        struct error *error)
{
    struct stored made = {
        .entry = {strdup(section), strdup(key), strdup(value), strdup(file), line},
        .folder = strdup(folder),
    };
    if (!made.entry.section || !made.entry.key || !made.entry.value || !made.entry.file ||
        !made.folder) {
        free_stored(&made);
        return error_memory(error);
    }
    struct stored *old = find_stored(config, section, key);
    if (old) {
        free_stored(old);
        *old = made;
        return ESP_OK;
    }
    struct stored *grown = realloc(config->items, (config->count + 1) * sizeof *grown);
    if (!grown) {
        free_stored(&made);
        return error_memory(error);
    }
    config->items = grown;
    config->items[config->count++] = made;
    return add_section(config, section, error);
}

// ---- Reading ----------------------------------------------------------------------------------

static void refuse(struct reading *reading, const char *what)
{
    error_set(reading->error, ESP_ERROR_INVALID, "%s:%d: %s", reading->name, reading->line, what);
}

// What is wrong with a line, or NULL.
static const char *line_fault(struct reading *reading, const char *line, size_t length)
{
    static char words[160];
    size_t blank = strspn(line, " \t");
    blank = blank > length ? length : blank;
    if (blank == length || line[blank] == '\r' || line[blank] == ';' || line[blank] == '#')
        return NULL;
    if (length > LONGEST_LINE) {
        snprintf(words, sizeof words, "the line has %zu bytes, and at most %d are read", length,
                 LONGEST_LINE);
        return words;
    }
    if (memchr(line, '\0', length))
        return "the line holds a zero byte";
    if (blank > 0)
        return "the line is indented, and would be joined to the value before; begin it at the "
               "left";
    if (line[0] == '[') {
        const char *end = memchr(line, ']', length);
        if (end && end - line - 1 > LONGEST_NAME)
            return "the section's name is longer than 49 bytes";
        if (!end)
            return "expected ']' at the end of the section's name";
        snprintf(reading->section, sizeof reading->section, "%.*s", (int)(end - line - 1),
                 line + 1);
        return add_section(reading->config, reading->section, reading->error) == ESP_OK
                   ? NULL
                   : "out of memory";
    }
    size_t separator = strcspn(line, "=:");
    if (separator >= length || line[separator] != '=')
        return "expected 'key = value' or '[section]'";
    if (separator > LONGEST_NAME)
        return "the key is longer than 49 bytes";
    return NULL;
}

// inih's reader: the next line into `buffer` of `size`, as fgets.
static char *read_line(char *buffer, int size, void *self)
{
    struct reading *reading = self;
    if (*reading->next == '\0' || reading->error->status != ESP_OK)
        return NULL;
    size_t length = strcspn(reading->next, "\n");
    reading->line++;
    const char *fault = line_fault(reading, reading->next, length);
    if (fault) {
        refuse(reading, fault);
        return NULL;
    }
    size_t kept = length < (size_t)size - 2 ? length : (size_t)size - 2; // a comment may be cut
    memcpy(buffer, reading->next, kept);
    buffer[kept] = '\n';
    buffer[kept + 1] = '\0';
    reading->next += length + (reading->next[length] == '\n');
    return buffer;
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
}

static esp_status include(struct reading *reading, const char *value)
{
    char *path = NULL;
    if (value[0] == '/')
        path = strdup(value);
    else if (asprintf(&path, "%s/%s", reading->folder, value) < 0)
        path = NULL;
    if (!path)
        return error_memory(reading->error);
    esp_status status = ESP_OK;
    if (reading->depth >= DEEPEST_INCLUDE)
        refuse(reading, "includes go in a circle");
    else
        status = read_file(reading->config, path, reading->depth + 1, reading->error);
    if (status != ESP_OK && strstr(reading->error->message, "cannot be read"))
        error_prefix(reading->error, "%s:%d: include: ", reading->name, reading->line);
    reading->first = reading->config->count;
    free(path);
    return reading->error->status;
}

// inih's handler: one key.
static int take_key(void *self, const char *section, const char *key, const char *value)
{
    struct reading *reading = self;
    if (reading->error->status != ESP_OK)
        return 0;
    if (section[0] == '\0' && strcmp(key, "include") == 0)
        return include(reading, value) == ESP_OK;
    if (section[0] == '\0') {
        refuse(reading, "the key stands before any [section]; only 'include = FILE' may");
        return 0;
    }
    struct stored *old = find_stored(reading->config, section, key);
    if (old && old - reading->config->items >= (ptrdiff_t)reading->first) {
        error_set(reading->error, ESP_ERROR_INVALID,
                  "%s:%d: [%s] %s: it stands twice; first at line %d", reading->name, reading->line,
                  section, key, old->entry.line);
        return 0;
    }
    return store(reading->config, section, key, value, reading->name, reading->line,
                 reading->folder, reading->error) == ESP_OK;
}

static esp_status read_text(struct config *config, const char *text, const char *name,
                            const char *folder, int depth, struct error *error)
{
    struct reading reading = {.config = config,
                              .name = name,
                              .folder = folder,
                              .next = text,
                              .depth = depth,
                              .first = config->count,
                              .error = error};
    int code = ini_parse_stream(read_line, &reading, take_key, &reading);
    if (code != 0 && error->status == ESP_OK)
        error_set(error, ESP_ERROR_INVALID, "%s:%d: expected 'key = value' or '[section]'", name,
                  code);
    return error->status;
}

static char *whole_file(const char *path, struct error *error)
{
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t used = 0;
    if (!file) {
        error_set(error, ESP_ERROR_INVALID, "%s: cannot be read: %s", path, strerror(errno));
        return NULL;
    }
    for (size_t count = 1; count > 0 && error->status == ESP_OK;) {
        char *grown = realloc(text, used + 65537);
        if (!grown) {
            error_memory(error);
            break;
        }
        text = grown;
        count = fread(text + used, 1, 65536, file);
        used += count;
        text[used] = '\0';
    }
    if (ferror(file))
        error_set(error, ESP_ERROR_INVALID, "%s: cannot be read: %s", path, strerror(errno));
    else if (error->status == ESP_OK && strlen(text) != used)
        error_set(error, ESP_ERROR_INVALID, "%s: it holds zero bytes; it is no INI file", path);
    fclose(file);
    return text;
}

static esp_status read_file(struct config *config, const char *path, int depth, struct error *error)
{
    char *text = whole_file(path, error);
    char *folder = folder_of(path);
    if (!folder)
        error_memory(error);
    if (error->status == ESP_OK)
        read_text(config, text, path, folder, depth, error);
    free(text);
    free(folder);
    return error->status;
}

esp_status config_apply(struct config *config, const char *text, struct error *error)
{
    const char *dot = strchr(text, '.'), *equals = strchr(text, '=');
    if (!dot || !equals || dot > equals || dot == text || equals == dot + 1)
        return error_set(error, ESP_ERROR_INVALID, "--set: expected section.key=value, got '%s'",
                         text);
    char *section = strndup(text, (size_t)(dot - text));
    char *key = strndup(dot + 1, (size_t)(equals - dot - 1));
    esp_status status =
        section && key ? config_set(config, section, key, equals + 1, error) : error_memory(error);
    free(section);
    free(key);
    return status;
}

esp_status config_load(struct config **out, const char *path, const char *const *sets,
                       uint64_t set_count, struct error *error)
{
    struct config *config = calloc(1, sizeof *config);
    if (!config)
        return error_memory(error);
    esp_status status = read_file(config, path, 0, error);
    for (uint64_t i = 0; status == ESP_OK && i < set_count; i++)
        status = config_apply(config, sets[i], error);
    if (status != ESP_OK) {
        config_destroy(config);
        return status;
    }
    *out = config;
    return ESP_OK;
}

esp_status config_parse(struct config **out, const char *text, const char *name, const char *folder,
                        struct error *error)
{
    struct config *config = calloc(1, sizeof *config);
    if (!config)
        return error_memory(error);
    esp_status status = read_text(config, text, name, folder, 0, error);
    if (status != ESP_OK) {
        config_destroy(config);
        return status;
    }
    *out = config;
    return ESP_OK;
}

void config_destroy(struct config *config)
{
    if (!config)
        return;
    for (uint64_t i = 0; i < config->count; i++)
        free_stored(&config->items[i]);
    for (uint64_t i = 0; i < config->section_count; i++)
        free(config->sections[i]);
    free(config->sections);
    free(config->items);
    free(config);
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
    const struct stored *found = find_stored(config, section, key);
    return found ? &found->entry : NULL;
}

bool config_has_section(const struct config *config, const char *section)
{
    for (uint64_t i = 0; i < config->section_count; i++)
        if (strcmp(config->sections[i], section) == 0)
            return true;
    return false;
}

uint64_t config_section_count(const struct config *config)
{
    return config->section_count;
}

const char *config_section(const struct config *config, uint64_t i)
{
    return config->sections[i];
}

esp_status config_set(struct config *config, const char *section, const char *key,
                      const char *value, struct error *error)
{
    return store(config, section, key, value, "--set", 0, ".", error);
}

const char *config_folder(const struct config *config, const struct config_entry *entry)
{
    for (uint64_t i = 0; i < config->count; i++)
        if (&config->items[i].entry == entry)
            return config->items[i].folder;
    return ".";
}

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
