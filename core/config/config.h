// SPDX-License-Identifier: Apache-2.0
// The INI file as text: sections, keys and values, each with the file and line where it stands.
// Reading is reader.c's; types and meaning are parameters.c's and experiment.c's.
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "error/error.h"

struct config_entry {
    const char *section;
    const char *key;
    const char *value;
    const char *file; // as given by the user; "command line" for an override
    int line;         // 0 for an override
};

struct config;

// Reads `path` with its includes (relative to the including file, which wins over what it includes;
// of two includes the later wins), then applies `sets`, each "section.key=value". Refuses lines that
// inih would cut or join, a key given twice in one file, text outside a section (but `include`), and
// includes that go in a circle. A line that ends in a backslash goes on at the next one, which is
// indented; the blanks around the break are no part of the value. A tab counts as a blank.
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
// The sections in the order of meeting, empty ones too; "" where keys stand before all sections.
uint64_t config_section_count(const struct config *config);
const char *config_section(const struct config *config, uint64_t i);
// Sets or replaces an entry: an option of the command line. The value must be one that a line of the
// INI could hold.
esp_status config_set(struct config *config, const char *section, const char *key,
                      const char *value, struct error *error);

// The dot of "section.key" between the two: the last one; in [fix] the first; behind "sweep." the one
// before an axis, which is itself a "section.key". NULL where a name is missing.
const char *config_dot(const char *place);
// "section.key=value", as --set gives it.
esp_status config_apply(struct config *config, const char *text, struct error *error);

// A copy that can be changed: entries keep their places.
esp_status config_copy(struct config **out, const struct config *from, struct error *error);
// Takes a section out, with its keys.
void config_drop_section(struct config *config, const char *section);
// Sets or replaces an entry that another one says, of whatever section: messages about it name the
// place of `origin`, and relative paths start at `folder`, its own.
esp_status config_place(struct config *config, const char *section, const char *key,
                        const char *value, const struct config_entry *origin, const char *folder,
                        struct error *error);

// The folder that relative paths start at: of the file that the entry stands in.
const char *config_folder(const struct config *config, const struct config_entry *entry);

// "file:line: [section] key: <message>". Answers `status`.
ESP_PRINTF(4, 5)
esp_status config_fail(struct error *error, esp_status status, const struct config_entry *entry,
                       const char *format, ...);
// "file:line: [section]: <message>", of the line where the section begins; "file: [section]: ..."
// where it does not stand. Answers ESP_ERROR_INVALID.
ESP_PRINTF(4, 5)
esp_status config_fail_section(struct error *error, const struct config *config,
                               const char *section, const char *format, ...);

#endif
