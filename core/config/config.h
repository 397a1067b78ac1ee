// SPDX-License-Identifier: Apache-2.0
// The INI file as text: sections, keys and values, each with the file and line where it stands.
// Types and meaning are parameters.c's and experiment.c's.
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "error/error.h"

struct config_entry {
    const char *section;
    const char *key;
    const char *value;
    const char *file; // as given by the user; "--set" for an override
    int line;         // 0 for an override
};

struct config;

// Reads `path` with its includes (relative to the including file; a later value of the same key in
// the including file wins), then applies `sets`, each "section.key=value". Refuses lines that inih
// would cut or join, a key given twice in one file, and text outside a section (but `include`).
esp_status config_load(struct config **out, const char *path, const char *const *sets,
                       uint64_t set_count, struct error *error);
// The same from text; `name` stands for the file in messages, `folder` for relative paths.
esp_status config_parse(struct config **out, const char *text, const char *name, const char *folder,
                        struct error *error);
void config_destroy(struct config *config);

uint64_t config_count(const struct config *config);
const struct config_entry *config_get(const struct config *config, uint64_t i);
// NULL where it is not said.
const struct config_entry *config_find(const struct config *config, const char *section,
                                       const char *key);
bool config_has_section(const struct config *config, const char *section);
// The sections in the order of meeting, empty ones too.
uint64_t config_section_count(const struct config *config);
const char *config_section(const struct config *config, uint64_t i);
// Sets or replaces an entry (a default, an option of the command line).
esp_status config_set(struct config *config, const char *section, const char *key,
                      const char *value, struct error *error);

// "section.key=value", as --set gives it.
esp_status config_apply(struct config *config, const char *text, struct error *error);

// The folder that relative paths start at: of the file that the entry stands in.
const char *config_folder(const struct config *config, const struct config_entry *entry);

// "file:line: [section] key: <message>". Answers `status`.
ESP_PRINTF(4, 5)
esp_status config_fail(struct error *error, esp_status status, const struct config_entry *entry,
                       const char *format, ...);

#endif
