// SPDX-License-Identifier: Apache-2.0
// The registry: every component that was found, where, and what shadows what. Shared objects are
// looked at with libelf alone (note.h), manifests are read (manifest/manifest.h); no code of a plugin
// runs before registry_find.
#ifndef LOADER_REGISTRY_H
#define LOADER_REGISTRY_H

#include "loader/description.h"
#include "loader/digest.h"

struct manifest;

// One component of one file; or a file or folder that was refused whole (then `kind` is 0, `id` is
// "" and `refused` says why). Every text is printable.
struct component {
    uint32_t kind; // ESP_KIND_*
    const char *id;
    const char *version;
    const char *path; // absolute; "" for a part of the program itself
    // Of the file, of a manifest as manifest_sha256 makes it: 64 hex digits; made at load, else NULL.
    const char *sha256;
    const char *refused;                 // the reason, or NULL
    const struct component *shadowed_by; // an earlier one of the same kind and id, or NULL
    uint32_t abi_major, abi_minor;
    const void *type; // esp_space_type, ... once loaded, its description tested; else NULL
    const struct manifest *manifest; // of which it is made; NULL: of a shared object
};

struct registry;

// Looks at the notes of all files *.so, and at all manifests, in the folders of the search path (folders.h); `folder` is
// that of --plugins, or NULL.
esp_status registry_create(struct registry **out, const char *folder, struct error *error);
// The same without looking anywhere: for a worker, which is told its files.
esp_status registry_create_empty(struct registry **out, struct error *error);
void registry_destroy(struct registry *registry); // unloads nothing

// A component that is part of the program (the executors local and inline).
esp_status registry_add_builtin(struct registry *registry, uint32_t kind, const char *id,
                                const void *type, struct error *error);

uint64_t registry_count(const struct registry *registry);
const struct component *registry_get(const struct registry *registry, uint64_t i);

// The first component that `id` names, loaded. An unknown id is an error with the nearest one. One
// that was refused is an error with the reason, whatever comes after it in the search path: another
// method of the same name is not what the user put there.
esp_status registry_find(const struct component **out, struct registry *registry, uint32_t kind,
                         const char *id, struct error *error);

// From now on no other build of the method than that of this SHA-256 (64 hex digits) is loaded or found:
// registry_find answers ESP_ERROR_REJECTED, both named, and runs nothing of it. `kind` 0: whatever kind
// the id has. ESP_ERROR_NOT_FOUND where no component has the id, or only a part of the program: it is
// noted all the same.
esp_status registry_pin(struct registry *registry, uint32_t kind, const char *id,
                        const char *sha256, struct error *error);
void registry_unpin(struct registry *registry); // all

// The component at an absolute path with an expected SHA-256: what a worker is told. A mismatch is
// refused, both named. From then on registry_find finds this one, and no other component of the file.
esp_status registry_find_file(const struct component **out, struct registry *registry,
                              uint32_t kind, const char *id, const char *path, const char *sha256,
                              struct error *error);

// The SHA-256 that a component of the file at `path` has: of a shared object the file's, of a manifest
// that of all that it is made of. As file_sha256.
esp_status component_file_sha256(char *hex, const char *path, struct error *error);

// Its path, or words for a part of the program.
const char *component_place(const struct component *component);

// "space", "strategy", ...; and back (0 = unknown).
const char *kind_name(uint32_t kind);
uint32_t kind_from_name(const char *name);

// What a loaded component's description begins with.
struct description component_description(const struct component *component);

// The table of a loaded component's ability, or NULL.
const void *component_ability(const struct component *component, const char *id);

#endif
