// SPDX-License-Identifier: Apache-2.0
// INI files. Law: what was read, written out and read again is the same.
#include "fuzz.h"

#include "config/config.h"
#include "config/entries.h"

#include <string.h>

// The entries as a file; NULL where one does not fit on a line.
static char *written(const struct config *config)
{
    char *text = NULL;
    size_t size = 0;
    bool fits = true;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        abort();
    for (uint64_t s = 0; s < config_section_count(config); s++) {
        const char *section = config_section(config, s);
        fprintf(file, "[%s]\n", section);
        for (uint64_t i = 0; i < config_count(config); i++) {
            const struct config_entry *entry = config_get(config, i);
            if (strcmp(entry->section, section) == 0 &&
                fprintf(file, "%s = %s\n", entry->key, entry->value) > LONGEST_LINE)
                fits = false;
        }
    }
    fclose(file);
    if (fits)
        return text;
    free(text);
    return NULL;
}

static void check_same(const struct config *a, const struct config *b)
{
    FUZZ_LAW(config_count(a) == config_count(b), "%d and %d entries", (int)config_count(a),
             (int)config_count(b));
    FUZZ_LAW(config_section_count(a) == config_section_count(b), "sections");
    for (uint64_t i = 0; i < config_count(a); i++) {
        const struct config_entry *entry = config_get(a, i);
        const struct config_entry *other = config_find(b, entry->section, entry->key);
        FUZZ_LAW(other != NULL, "[%s] %s", entry->section, entry->key);
        FUZZ_LAW(strcmp(entry->value, other->value) == 0, "[%s] %s: '%s', '%s'", entry->section,
                 entry->key, entry->value, other->value);
    }
}

static void run(const uint8_t *bytes, size_t size)
{
    struct error error;
    struct config *config = NULL, *again = NULL;
    char *text = fuzz_text(bytes, size);
    error_clear(&error);
    esp_status status = config_parse(&config, text, "fuzz.ini", fuzz_folder(), &error);
    fuzz_refused(status, &error);
    char *second = status == ESP_OK ? written(config) : NULL;
    if (second) {
        status = config_parse(&again, second, "again.ini", fuzz_folder(), &error);
        FUZZ_LAW(status == ESP_OK, "%s: %s", error.message, second);
        check_same(config, again);
        config_destroy(again);
    }
    if (config)
        config_destroy(config);
    free(second);
    free(text);
}

const struct fuzz_target fuzz_ini = {"ini", NULL, run};
