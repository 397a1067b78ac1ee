// SPDX-License-Identifier: Apache-2.0
// A manifest, NAME.plugin.ini: it makes a component of something that was not written for Espalier. It
// says what a shared object's note and description say - kind, id, version, parameters, metrics - and
// by its way (`command`, `library`) what does the work. It is read at discovery, and nothing of what it
// names is run then. docs/process-plugins.md is its manual.
#ifndef MANIFEST_MANIFEST_H
#define MANIFEST_MANIFEST_H

#include "arch/memory.h"
#include "config/parameters.h"
#include "loader/digest.h"

#include <espalier/plugin.h>

#define MANIFEST_SUFFIX ".plugin.ini"

// A file of which the component is made, besides the manifest.
struct manifest_file {
    const char *name; // as the manifest writes it: what the digest is over
    const char *path; // absolute
};

// All of it but `type` is settled by manifest_read. Texts live in `arena`.
struct manifest {
    const char *path, *folder; // absolute
    const struct manifest_way *way;
    uint32_t kind;       // 0 while it is not known
    const char *id;      // "" likewise
    const char *version; // likewise
    const char *summary, *source;
    struct config *config;    // for messages, and for what the way reads
    struct parameters plugin; // [plugin], against the rows of all manifests, its kind and its way
    esp_param *params;        // [parameter.NAME], in the order of the file
    uint64_t param_count;
    esp_metric *metrics; // an estimator's [metric.NAME]
    uint64_t metric_count;
    esp_fidelity_range *fidelities; // those of its parameters that `fidelities` names
    uint64_t fidelity_count;
    struct manifest_file *files;
    uint64_t file_count;
    const char *const *command; // of a process: words, NULL-terminated, the first one a path or a
                                // program's name; NULL where there is no process
    union {
        esp_strategy_type strategy;
        esp_estimator_type estimator;
    } type;    // the description; its functions are the way's
    void *own; // the way's: what it has read besides, and how it goes; or NULL
    void (*destroy_own)(void *own);
    uint64_t references;
    struct arena arena;
    esp_param *rows; // the table of [plugin]; owner: the manifest
    size_t param_capacity, metric_capacity, file_capacity;
};

// One way to do the work: the key of [plugin] that chooses it, and what it adds to the manifest.
struct manifest_way {
    const char *key;       // "command"
    uint32_t kinds;        // bits, 1 << ESP_KIND_*
    const esp_param *rows; // its keys in [plugin], `key` among them
    uint64_t row_count;
    const char *const *sections; // its own sections, NULL-terminated; "symbol.*" is any with that
                                 // beginning; or NULL
    // Reads what is its own, notes the files (manifest_add_file), and sets the functions of `type`: of
    // an estimator and a strategy create to tell or evaluate. Runs nothing. Messages name file and line.
    esp_status (*read)(struct manifest *manifest, struct error *error);
};

extern const struct manifest_way process_way; // process_plugin/
extern const struct manifest_way library_way; // foreign/

// By its name alone.
bool manifest_is(const char *path);

// Reads and tests the file. On failure `*out` may still be there, with what is known of kind, id and
// version, so that it shadows what it was meant to; else NULL. Messages begin with the path and line.
esp_status manifest_read(struct manifest **out, const char *path, struct error *error);
struct manifest *manifest_retain(struct manifest *manifest);
void manifest_release(struct manifest *manifest); // NULL is allowed

// What [plugin] says under `key`, or NULL.
const struct config_entry *manifest_entry(const struct manifest *manifest, const char *key);
// Notes a file that belongs to the component; both are copied. One that stands twice counts once.
esp_status manifest_add_file(struct manifest *manifest, const char *name, const char *path,
                             struct error *error);
// A copy that lives as long as the manifest, or NULL.
const char *manifest_text(struct manifest *manifest, const char *text);

// The SHA-256 of the lines "HEX  NAME" of the manifest and its files, as sha256sum prints them, in the
// order in which they are named: what a run remembers of the component.
esp_status manifest_sha256(char *hex, const struct manifest *manifest, struct error *error);

// ---- Its parts, for manifest.c --------------------------------------------------------------------

// Reads [parameter.*] and [metric.*], and which parameters are fidelities.
esp_status manifest_read_tables(struct manifest *manifest, struct error *error);

#endif
