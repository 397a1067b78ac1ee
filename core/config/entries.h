// SPDX-License-Identifier: Apache-2.0
// How config.c keeps what reader.c reads. Private to the two.
#ifndef CONFIG_ENTRIES_H
#define CONFIG_ENTRIES_H

#include "config/config.h"

// The longest line with its backslash that inih does not cut: its buffer of 200 holds '\n' and '\0'
// besides.
#define LONGEST_LINE 198

// Where an entry comes from.
struct source {
    uint32_t number;    // of the reading, from 1 on; 0 for an override
    const char *name;   // for messages
    const char *folder; // relative paths start there
};

struct stored {
    struct config_entry entry;
    char *folder;
    uint32_t source; // its number
};

struct config {
    char *name; // the main file
    struct stored *items;
    uint64_t count;
    struct config_section {
        char *name, *file;
        int line;
    } * sections; // in the order of meeting
    uint64_t section_count;
    uint32_t sources; // how many were read
};

struct stored *config_find_stored(const struct config *config, const char *section,
                                  const char *key);
esp_status config_add_section(struct config *config, const char *section, const char *file,
                              int line, struct error *error);
// Sets or replaces.
esp_status config_store(struct config *config, const struct config_entry *entry,
                        const struct source *source, struct error *error);

// Why no line of an INI can hold this value, or NULL.
const char *value_fault(const char *value);

#endif
