// SPDX-License-Identifier: Apache-2.0
// The registry: every component that was found, where, and what shadows what. Files are looked at
// with libelf alone (note.h); no code of a plugin runs before component_load.
#ifndef LOADER_REGISTRY_H
#define LOADER_REGISTRY_H

#include "error/error.h"

#include <espalier/plugin.h>

#define SHA256_HEX_SIZE 65

// One component of one file, or a file that was refused (then `id` is "" and `refused` says why).
struct component {
    uint32_t kind; // ESP_KIND_*
    const char *id;
    const char *version;
    const char *path;    // absolute; "" for a part of the program itself
    const char *sha256;  // of the file, 64 hex digits; made at component_load, else NULL
    const char *refused; // the reason, or NULL
    const struct component *shadowed_by; // an earlier one of the same kind and id, or NULL
    uint32_t abi_major, abi_minor;
    const void *type; // esp_space_type, ... after component_load; else NULL
};

struct registry;

// Scans, in this order: `folder` (--plugins, may be NULL), $ESPALIER_PLUGINS (colon-separated),
// ~/.local/lib/espalier/plugins, and lib/espalier/plugins beside the program's bin folder.
esp_status registry_create(struct registry **out, const char *folder, struct error *error);
// The same without looking anywhere: for a worker, which is told its files.
esp_status registry_create_empty(struct registry **out, struct error *error);
void registry_destroy(struct registry *registry); // unloads nothing

// A component that is part of the program (the executors local and inline).
esp_status registry_add_builtin(struct registry *registry, uint32_t kind, const char *id,
                                const void *type, struct error *error);

uint64_t registry_count(const struct registry *registry);
const struct component *registry_get(const struct registry *registry, uint64_t i);

// The component that `id` names, unshadowed and not refused; loaded. An unknown id is an error with
// the nearest one; one that was refused is an error with the reason.
esp_status registry_find(const struct component **out, struct registry *registry, uint32_t kind,
                         const char *id, struct error *error);

// The component at an absolute path with an expected SHA-256: what a worker is told. A mismatch is
// refused, both named.
esp_status registry_find_file(const struct component **out, struct registry *registry,
                              uint32_t kind, const char *id, const char *path, const char *sha256,
                              struct error *error);

// "space", "strategy", ...; and back (0 = unknown).
const char *kind_name(uint32_t kind);
uint32_t kind_from_name(const char *name);

// The parts that all descriptions share, tested against struct_size.
struct description {
    const char *summary;
    const char *source;
    const esp_param *params;
    uint64_t param_count, param_stride;
};
struct description component_description(const struct component *component);

// The table of an ability, or NULL.
const void *component_ability(const struct component *component, const char *id);

#endif
