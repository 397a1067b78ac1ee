// SPDX-License-Identifier: Apache-2.0
// The registry of components; see registry.h. Order is precedence: a component is shadowed by an
// earlier one of its kind and id, be that refused or not.
#include "loader/registry.h"

#include "loader/folders.h"
#include "loader/library.h"
#include "loader/note.h"
#include "loader/trust.h"
#include "manifest/manifest.h"
#include "text/nearest.h"
#include "text/printable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The host's own memory of a component.
struct entry {
    struct component component;
    char *id, *version, *path, *refused;
    char sha256[SHA256_HEX_SIZE];
    struct manifest *manifest; // one reference, or NULL
};

// The one build of a method that may be loaded.
struct pin {
    uint32_t kind; // 0: any
    char id[ESP_NOTE_ID_SIZE];
    char sha256[SHA256_HEX_SIZE];
};

struct registry {
    struct entry **entries;
    uint64_t count, capacity;
    struct pin *pins;
    uint64_t pin_count;
};

static const char *const kind_names[] = {NULL,      "space",  "strategy", "estimator",
                                         "dataset", "engine", "executor"};

const char *kind_name(uint32_t kind)
{
    return kind < ESP_COUNT(kind_names) ? kind_names[kind] : NULL;
}

uint32_t kind_from_name(const char *name)
{
    for (uint32_t i = 1; i < ESP_COUNT(kind_names); i++)
        if (strcmp(kind_names[i], name) == 0)
            return i;
    return 0;
}

// ---- Entries ----------------------------------------------------------------------------------

static void destroy_entry(struct entry *entry)
{
    free(entry->id);
    free(entry->version);
    free(entry->path);
    free(entry->refused);
    manifest_release(entry->manifest);
    free(entry);
}

// Of a manifest it takes a reference of its own.
static struct entry *create_entry(const struct component *component, struct manifest *manifest)
{
    struct entry *entry = calloc(1, sizeof *entry);
    if (!entry)
        return NULL;
    entry->id = strdup(component->id);
    entry->version = strdup(component->version);
    entry->path = strdup(component->path);
    entry->refused = component->refused ? strdup(component->refused) : NULL;
    if (!entry->id || !entry->version || !entry->path || (component->refused && !entry->refused)) {
        destroy_entry(entry);
        return NULL;
    }
    text_make_printable(entry->path); // one that was not is refused
    if (entry->refused)
        text_make_printable(entry->refused);
    entry->component = *component;
    entry->component.id = entry->id;
    entry->component.version = entry->version;
    entry->component.path = entry->path;
    entry->component.refused = entry->refused;
    entry->manifest = manifest ? manifest_retain(manifest) : NULL;
    entry->component.manifest = manifest;
    return entry;
}

static struct entry *first_entry(const struct registry *registry, uint32_t kind, const char *id)
{
    for (uint64_t i = 0; i < registry->count; i++) {
        struct entry *entry = registry->entries[i];
        if (entry->component.kind == kind && strcmp(entry->id, id) == 0)
            return entry;
    }
    return NULL;
}

// Copies the component's texts. `manifest`: that of which it is made, or NULL.
static esp_status add_entry(struct registry *registry, const struct component *component,
                            struct manifest *manifest, struct error *error)
{
    if (registry->count == registry->capacity) {
        uint64_t capacity = registry->capacity ? 2 * registry->capacity : 32;
        struct entry **grown = realloc(registry->entries, capacity * sizeof(struct entry *));
        if (!grown)
            return error_memory(error);
        registry->entries = grown;
        registry->capacity = capacity;
    }
    struct entry *entry = create_entry(component, manifest);
    if (!entry)
        return error_memory(error);
    const struct entry *first =
        component->kind ? first_entry(registry, component->kind, component->id) : NULL;
    entry->component.shadowed_by = first ? &first->component : NULL;
    registry->entries[registry->count++] = entry;
    return ESP_OK;
}

const char *component_place(const struct component *component)
{
    return component->path[0] ? component->path : "(part of the program)";
}

// ---- Looking at files -------------------------------------------------------------------------

static esp_status add_refused(struct registry *registry, const char *path, const char *reason,
                              struct error *error)
{
    struct component component = {.id = "", .version = "", .path = path, .refused = reason};
    return add_entry(registry, &component, NULL, error);
}

// Who can write a file that it is made of, or a folder on the way there, decides what is run.
static esp_status trust_manifest(const struct manifest *manifest, const char *path,
                                 struct error *error)
{
    esp_status status = trust_path(path, error);
    for (uint64_t i = 0; status == ESP_OK && i < manifest->file_count; i++)
        status = trust_path(manifest->files[i].path, error);
    return status;
}

// The component of a manifest, refused or not.
static esp_status add_manifest(struct registry *registry, const char *path, struct error *error)
{
    struct manifest *manifest = NULL;
    struct error reason;
    error_clear(&reason);
    esp_status status = manifest_read(&manifest, path, &reason);
    if (status == ESP_ERROR_MEMORY || !manifest) {
        manifest_release(manifest);
        return error_memory(error);
    }
    if (status == ESP_OK)
        status = trust_manifest(manifest, path, &reason);
    struct component component = {.kind = manifest->id[0] ? manifest->kind : 0,
                                  .id = manifest->kind ? manifest->id : "",
                                  .version = manifest->version,
                                  .path = path,
                                  .refused = status == ESP_OK ? NULL : reason.message,
                                  .abi_major = ESP_ABI_MAJOR,
                                  .abi_minor = ESP_ABI_MINOR};
    status = add_entry(registry, &component, manifest, error);
    manifest_release(manifest);
    return status;
}

// The components of a file, or the file as refused.
static esp_status add_file(struct registry *registry, const char *path, struct error *error)
{
    struct note note;
    struct error reason;
    error_clear(&reason);
    if (!text_printable(path))
        return add_refused(registry, path, "its path is no printable UTF-8", error);
    if (manifest_is(path))
        return add_manifest(registry, path, error);
    if (note_read(&note, path, &reason) != ESP_OK)
        return add_refused(registry, path, reason.message, error);
    if (trust_path(path, &reason) == ESP_OK)
        note_check(&note, &reason);
    struct component component = {.id = "",
                                  .version = note.version,
                                  .path = path,
                                  .refused = reason.status == ESP_OK ? NULL : reason.message,
                                  .abi_major = note.abi_major,
                                  .abi_minor = note.abi_minor};
    if (note.count == 0)
        return add_entry(registry, &component, NULL, error);
    esp_status status = ESP_OK;
    for (uint32_t i = 0; status == ESP_OK && i < note.count; i++) {
        component.kind = note.components[i].kind;
        component.id = note.components[i].id;
        status = add_entry(registry, &component, NULL, error);
    }
    return status;
}

// Is the file one of those that a manifest names: a library that it makes a plugin of?
static bool belongs_to_manifest(const struct registry *registry, const char *path)
{
    for (uint64_t i = 0; i < registry->count; i++) {
        const struct manifest *manifest = registry->entries[i]->manifest;
        for (uint64_t k = 0; manifest && k < manifest->file_count; k++)
            if (strcmp(manifest->files[k].path, path) == 0)
                return true;
    }
    return false;
}

// Libraries without a note, of which manifests beside them make plugins, are not refused: they are no
// plugins of their own.
static void forget_libraries(struct registry *registry, uint64_t first)
{
    uint64_t kept = first;
    for (uint64_t i = first; i < registry->count; i++) {
        struct entry *entry = registry->entries[i];
        if (entry->component.kind == 0 && !entry->manifest &&
            belongs_to_manifest(registry, entry->path))
            destroy_entry(entry);
        else
            registry->entries[kept++] = entry;
    }
    registry->count = kept;
}

static esp_status add_folder(struct registry *registry, struct folder *folder, struct error *error)
{
    char **files = NULL;
    uint64_t first = registry->count;
    esp_status status = folder_files(&files, folder, error);
    if (status == ESP_OK && folder->refused)
        status = add_refused(registry, folder->path, folder->refused, error);
    for (char **file = files; status == ESP_OK && *file; file++)
        status = add_file(registry, *file, error);
    forget_libraries(registry, first);
    folder_files_destroy(files);
    return status;
}

esp_status registry_create_empty(struct registry **out, struct error *error)
{
    library_prepare_environment();
    *out = calloc(1, sizeof **out);
    return *out ? ESP_OK : error_memory(error);
}

esp_status registry_create(struct registry **out, const char *folder, struct error *error)
{
    struct folders folders;
    *out = NULL;
    esp_status status = folders_find(&folders, folder, error);
    if (status != ESP_OK)
        return status;
    status = registry_create_empty(out, error);
    for (uint64_t i = 0; status == ESP_OK && i < folders.count; i++)
        status = add_folder(*out, &folders.items[i], error);
    folders_destroy(&folders);
    if (status != ESP_OK) {
        registry_destroy(*out);
        *out = NULL;
    }
    return status;
}

void registry_destroy(struct registry *registry)
{
    if (!registry)
        return;
    for (uint64_t i = 0; i < registry->count; i++)
        destroy_entry(registry->entries[i]);
    free(registry->entries);
    free(registry->pins);
    free(registry);
}

esp_status registry_add_builtin(struct registry *registry, uint32_t kind, const char *id,
                                const void *type, struct error *error)
{
    struct component component = {.kind = kind,
                                  .id = id,
                                  .version = ESPALIER_VERSION,
                                  .path = "",
                                  .abi_major = ESP_ABI_MAJOR,
                                  .abi_minor = ESP_ABI_MINOR,
                                  .type = type};
    esp_status status = description_check(type, kind, id, error);
    return status == ESP_OK ? add_entry(registry, &component, NULL, error) : status;
}

uint64_t registry_count(const struct registry *registry)
{
    return registry->count;
}

const struct component *registry_get(const struct registry *registry, uint64_t i)
{
    return &registry->entries[i]->component;
}

// ---- Finding and loading ----------------------------------------------------------------------

static esp_status digest_entry(struct entry *entry, struct error *error)
{
    if (entry->component.sha256 || !entry->path[0])
        return ESP_OK;
    esp_status status = entry->manifest ? manifest_sha256(entry->sha256, entry->manifest, error)
                                        : file_sha256(entry->sha256, entry->path, error);
    if (status == ESP_OK)
        entry->component.sha256 = entry->sha256;
    return status;
}

static esp_status check_pins(const struct registry *registry, const struct entry *entry,
                             struct error *error)
{
    const struct component *component = &entry->component;
    for (uint64_t i = 0; i < registry->pin_count; i++) {
        const struct pin *pin = &registry->pins[i];
        if ((pin->kind && pin->kind != component->kind) || strcmp(pin->id, component->id) != 0 ||
            !component->sha256 || strcmp(pin->sha256, component->sha256) == 0)
            continue;
        return error_set(error, ESP_ERROR_REJECTED,
                         "the %s '%s' is another build than [plugins] pin says: %s has SHA-256 %s, "
                         "the pin says %s",
                         kind_name(component->kind), component->id, component->path,
                         component->sha256, pin->sha256);
    }
    return ESP_OK;
}

static esp_status load_entry(const struct registry *registry, struct entry *entry,
                             struct error *error)
{
    const void *type = NULL;
    esp_status status = digest_entry(entry, error);
    if (status == ESP_OK)
        status = check_pins(registry, entry, error);
    if (status != ESP_OK || entry->component.type)
        return status;
    if (entry->manifest)
        type = &entry->manifest->type;
    else
        status = library_load(&type, entry->path, entry->component.kind, entry->id, error);
    if (status != ESP_OK)
        error_prefix(error, "%s: ", entry->path);
    else
        entry->component.type = type;
    return status;
}

esp_status registry_pin(struct registry *registry, uint32_t kind, const char *id,
                        const char *sha256, struct error *error)
{
    struct pin *grown = realloc(registry->pins, (registry->pin_count + 1) * sizeof *grown);
    bool found = false;
    if (!grown)
        return error_memory(error);
    registry->pins = grown;
    struct pin *pin = &grown[registry->pin_count++];
    pin->kind = kind;
    snprintf(pin->id, sizeof pin->id, "%s", id);
    snprintf(pin->sha256, sizeof pin->sha256, "%s", sha256);
    for (uint64_t i = 0; i < registry->count; i++) {
        const struct component *component = &registry->entries[i]->component;
        found |= component->kind && (!kind || component->kind == kind) &&
                 strcmp(component->id, id) == 0 && component->path[0];
    }
    return found ? ESP_OK
                 : error_set(error, ESP_ERROR_NOT_FOUND, "there is no plugin '%s'%s%s", id,
                             kind ? " of the kind " : "", kind ? kind_name(kind) : "");
}

void registry_unpin(struct registry *registry)
{
    registry->pin_count = 0;
}

// Does the reason name the place? A manifest's does, with its line.
static bool names_its_path(const struct entry *entry)
{
    size_t length = strlen(entry->path);
    return strncmp(entry->refused, entry->path, length) == 0 && entry->refused[length] == ':';
}

// "PATH: REASON"
static const char *reason_of(char words[ERROR_MESSAGE_SIZE], const struct entry *entry)
{
    if (names_its_path(entry))
        return entry->refused;
    snprintf(words, ERROR_MESSAGE_SIZE, "%s: %s", entry->path, entry->refused);
    return words;
}

// Is `id` the name of the file?
static bool named_after(const char *path, const char *id)
{
    const char *name = strrchr(path, '/');
    size_t length = strlen(id);
    return name && strncmp(name + 1, id, length) == 0 &&
           (strcmp(name + 1 + length, ".so") == 0 ||
            strcmp(name + 1 + length, MANIFEST_SUFFIX) == 0);
}

// A file that was refused whole and, by its name, is the one that was meant; else how many were.
static void refused_words(char *words, size_t size, const struct registry *registry, const char *id)
{
    uint64_t count = 0;
    words[0] = '\0';
    for (uint64_t i = 0; i < registry->count; i++) {
        const struct entry *entry = registry->entries[i];
        if (entry->component.kind != 0)
            continue;
        count++;
        if (named_after(entry->path, id)) {
            if (names_its_path(entry))
                snprintf(words, size, "; it was refused: %s", entry->refused);
            else
                snprintf(words, size, "; %s was refused: %s", entry->path, entry->refused);
            return;
        }
    }
    if (count > 0)
        snprintf(words, size, "; refused: %llu %s", (unsigned long long)count,
                 count == 1 ? "file" : "files");
}

static esp_status not_found(const struct registry *registry, uint32_t kind, const char *id,
                            struct error *error)
{
    const char **names = calloc(registry->count + 1, sizeof *names);
    char refused[512];
    uint64_t count = 0;
    if (!names)
        return error_memory(error);
    for (uint64_t i = 0; i < registry->count; i++)
        if (registry->entries[i]->component.kind == kind)
            names[count++] = registry->entries[i]->id;
    const char *nearest = text_nearest(id, names, count);
    refused_words(refused, sizeof refused, registry, id);
    error_set(error, ESP_ERROR_INVALID,
              "there is no %s '%s'%s%s%s (`espalier list %s` shows all)%s", kind_name(kind), id,
              nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "",
              kind_name(kind), refused);
    free(names);
    return ESP_ERROR_INVALID;
}

static esp_status was_refused(const struct registry *registry, const struct entry *entry,
                              struct error *error)
{
    const struct component *other = NULL;
    char reason[ERROR_MESSAGE_SIZE];
    for (uint64_t i = 0; !other && i < registry->count; i++)
        if (registry->entries[i]->component.shadowed_by == &entry->component)
            other = &registry->entries[i]->component;
    return error_set(error, ESP_ERROR_INVALID, "the %s '%s' was refused: %s%s%s%s",
                     kind_name(entry->component.kind), entry->id, reason_of(reason, entry),
                     other ? "; it shadows that of " : "", other ? component_place(other) : "",
                     other ? ", so mend it or remove it" : "");
}

esp_status registry_find(const struct component **out, struct registry *registry, uint32_t kind,
                         const char *id, struct error *error)
{
    struct entry *entry = first_entry(registry, kind, id);
    *out = NULL;
    if (!entry)
        return not_found(registry, kind, id, error);
    if (entry->refused)
        return was_refused(registry, entry, error);
    esp_status status = load_entry(registry, entry, error);
    if (status == ESP_OK)
        *out = &entry->component;
    return status;
}

// Looks at the file and takes the one component, at the front of all.
static esp_status add_from_file(struct entry **out, struct registry *registry, uint32_t kind,
                                const char *id, const char *path, struct error *error)
{
    struct registry file = {0};
    char reason[ERROR_MESSAGE_SIZE];
    esp_status status = add_file(&file, path, error);
    struct entry *entry = status == ESP_OK ? first_entry(&file, kind, id) : NULL;
    if (status == ESP_OK && file.entries[0]->refused)
        status = error_set(error, ESP_ERROR_INVALID, "%s", reason_of(reason, file.entries[0]));
    else if (status == ESP_OK && !entry)
        status =
            error_set(error, ESP_ERROR_INVALID, "%s: it has no %s '%s'", path, kind_name(kind), id);
    else if (status == ESP_OK)
        status = add_entry(registry, &entry->component, entry->manifest, error);
    for (uint64_t i = 0; i < file.count; i++)
        destroy_entry(file.entries[i]);
    free(file.entries);
    if (status != ESP_OK)
        return status;
    *out = registry->entries[registry->count - 1];
    (*out)->component.shadowed_by = NULL;
    memmove(registry->entries + 1, registry->entries,
            (registry->count - 1) * sizeof(struct entry *));
    registry->entries[0] = *out;
    return ESP_OK;
}

esp_status registry_find_file(const struct component **out, struct registry *registry,
                              uint32_t kind, const char *id, const char *path, const char *sha256,
                              struct error *error)
{
    char found[SHA256_HEX_SIZE];
    *out = NULL;
    if (path[0] == '\0') // a part of the program itself
        return registry_find(out, registry, kind, id, error);
    esp_status status = component_file_sha256(found, path, error);
    if (status == ESP_OK && strcmp(found, sha256) != 0)
        status = error_set(error, ESP_ERROR_INVALID,
                           "%s: it is not the file that the run began with: SHA-256 %s, was %s",
                           path, found, sha256);
    struct entry *entry = NULL;
    if (status == ESP_OK)
        status = add_from_file(&entry, registry, kind, id, path, error);
    if (status != ESP_OK)
        return status;
    memcpy(entry->sha256, found, sizeof found);
    entry->component.sha256 = entry->sha256;
    status = load_entry(registry, entry, error);
    if (status == ESP_OK)
        *out = &entry->component;
    return status;
}

esp_status component_file_sha256(char *hex, const char *path, struct error *error)
{
    struct manifest *manifest = NULL;
    if (!manifest_is(path))
        return file_sha256(hex, path, error);
    esp_status status = manifest_read(&manifest, path, error);
    if (status == ESP_OK)
        status = manifest_sha256(hex, manifest, error);
    manifest_release(manifest);
    return status;
}

struct description component_description(const struct component *component)
{
    return description_of(component->type);
}

const void *component_ability(const struct component *component, const char *id)
{
    return description_ability(component->type, component->kind, id);
}
