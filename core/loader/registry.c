// SPDX-License-Identifier: Apache-2.0
// The registry of components; see registry.h. Order is precedence: a component is shadowed by an
// earlier one of its kind and id that is not refused.
#include "loader/registry.h"

#include "loader/library.h"
#include "loader/note.h"
#include "text/nearest.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The host's own memory of a component.
struct entry {
    struct component component;
    char *id, *version, *path, *refused;
    char sha256[SHA256_HEX_SIZE];
};

struct registry {
    struct entry **entries;
    uint64_t count, capacity;
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

static struct entry *add_entry(struct registry *registry, uint32_t kind, const char *id,
                               const char *version, const char *path, struct error *error)
{
    if (registry->count == registry->capacity) {
        uint64_t capacity = registry->capacity ? 2 * registry->capacity : 32;
        struct entry **grown = realloc(registry->entries, capacity * sizeof(struct entry *));
        if (!grown) {
            error_memory(error);
            return NULL;
        }
        registry->entries = grown;
        registry->capacity = capacity;
    }
    struct entry *entry = calloc(1, sizeof *entry);
    if (!entry || !(entry->id = strdup(id)) || !(entry->version = strdup(version)) ||
        !(entry->path = strdup(path))) {
        error_memory(error);
        if (entry) {
            free(entry->id);
            free(entry->version);
        }
        free(entry);
        return NULL;
    }
    entry->component = (struct component){
        .kind = kind, .id = entry->id, .version = entry->version, .path = entry->path};
    for (uint64_t i = 0; id[0] && i < registry->count; i++) {
        const struct component *earlier = &registry->entries[i]->component;
        if (earlier->kind == kind && strcmp(earlier->id, id) == 0 && !earlier->refused &&
            !earlier->shadowed_by) {
            entry->component.shadowed_by = earlier;
            break;
        }
    }
    registry->entries[registry->count++] = entry;
    return entry;
}

static esp_status refuse(struct entry *entry, const char *reason, struct error *error)
{
    entry->refused = strdup(reason);
    entry->component.refused = entry->refused;
    return entry->refused ? ESP_OK : error_memory(error);
}

static esp_status add_file(struct registry *registry, const char *path, struct error *error)
{
    struct note note;
    struct error reason;
    error_clear(&reason);
    esp_status status = note_read(&note, path, &reason);
    if (status != ESP_OK) {
        struct entry *entry = add_entry(registry, 0, "", "", path, error);
        return entry ? refuse(entry, reason.message, error) : ESP_ERROR_MEMORY;
    }
    note_check(&note, &reason);
    if (note.count == 0) { // another major: its components cannot be read
        struct entry *entry = add_entry(registry, 0, "", note.version, path, error);
        if (!entry)
            return ESP_ERROR_MEMORY;
        entry->component.abi_major = note.abi_major;
        entry->component.abi_minor = note.abi_minor;
        return refuse(entry, reason.message, error);
    }
    for (uint32_t i = 0; i < note.count; i++) {
        struct entry *entry = add_entry(registry, note.components[i].kind, note.components[i].id,
                                        note.version, path, error);
        if (!entry)
            return ESP_ERROR_MEMORY;
        entry->component.abi_major = note.abi_major;
        entry->component.abi_minor = note.abi_minor;
        if (reason.status != ESP_OK && refuse(entry, reason.message, error) != ESP_OK)
            return ESP_ERROR_MEMORY;
    }
    return ESP_OK;
}

static int is_library(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 3 && strcmp(entry->d_name + length - 3, ".so") == 0;
}

static esp_status scan_folder(struct registry *registry, const char *folder, struct error *error)
{
    struct dirent **names = NULL;
    char *absolute = realpath(folder, NULL);
    int count = absolute ? scandir(absolute, &names, is_library, alphasort) : -1;
    esp_status status = ESP_OK;
    for (int i = 0; i < count; i++) {
        char *path = NULL;
        if (status == ESP_OK && asprintf(&path, "%s/%s", absolute, names[i]->d_name) < 0)
            status = error_memory(error);
        if (status == ESP_OK)
            status = add_file(registry, path, error);
        free(path);
        free(names[i]);
    }
    free(names);
    free(absolute);
    return status;
}

// Scans a colon-separated list of folders.
static esp_status scan_list(struct registry *registry, const char *list, struct error *error)
{
    char *copy = strdup(list), *rest = copy, *folder;
    esp_status status = copy ? ESP_OK : error_memory(error);
    while (status == ESP_OK && (folder = strsep(&rest, ":")))
        if (*folder)
            status = scan_folder(registry, folder, error);
    free(copy);
    return status;
}

// Beside the program: bin/../lib/espalier/plugins, built and installed alike.
static esp_status scan_own(struct registry *registry, struct error *error)
{
    char program[4096], *folder = NULL;
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0)
        return ESP_OK;
    program[length] = '\0';
    char *slash = strrchr(program, '/');
    if (slash)
        *slash = '\0';
    if (asprintf(&folder, "%s/../lib/espalier/plugins", program) < 0)
        return error_memory(error);
    esp_status status = scan_folder(registry, folder, error);
    free(folder);
    return status;
}

static esp_status scan_all(struct registry *registry, const char *folder, struct error *error)
{
    esp_status status = ESP_OK;
    const char *list = getenv("ESPALIER_PLUGINS"), *home = getenv("HOME");
    if (folder && access(folder, R_OK | X_OK) != 0)
        return error_set(error, ESP_ERROR_INVALID, "--plugins: %s: %s", folder, strerror(errno));
    if (folder)
        status = scan_folder(registry, folder, error);
    if (status == ESP_OK && list)
        status = scan_list(registry, list, error);
    if (status == ESP_OK && home) {
        char *own = NULL;
        status = asprintf(&own, "%s/.local/lib/espalier/plugins", home) < 0
                     ? error_memory(error)
                     : scan_folder(registry, own, error);
        free(own);
    }
    return status == ESP_OK ? scan_own(registry, error) : status;
}

esp_status registry_create_empty(struct registry **out, struct error *error)
{
    library_prepare_environment();
    *out = calloc(1, sizeof **out);
    return *out ? ESP_OK : error_memory(error);
}

esp_status registry_create(struct registry **out, const char *folder, struct error *error)
{
    esp_status status = registry_create_empty(out, error);
    if (status != ESP_OK)
        return status;
    status = scan_all(*out, folder, error);
    if (status != ESP_OK) {
        registry_destroy(*out);
        *out = NULL;
    }
    return status;
}

void registry_destroy(struct registry *registry)
{
    for (uint64_t i = 0; registry && i < registry->count; i++) {
        struct entry *entry = registry->entries[i];
        free(entry->id);
        free(entry->version);
        free(entry->path);
        free(entry->refused);
        free(entry);
    }
    if (registry)
        free(registry->entries);
    free(registry);
}

esp_status registry_add_builtin(struct registry *registry, uint32_t kind, const char *id,
                                const void *type, struct error *error)
{
    esp_status status = library_check(type, kind, id, error);
    struct entry *entry =
        status == ESP_OK ? add_entry(registry, kind, id, ESPALIER_VERSION, "", error) : NULL;
    if (!entry)
        return error->status;
    entry->component.abi_major = ESP_ABI_MAJOR;
    entry->component.abi_minor = ESP_ABI_MINOR;
    entry->component.type = type;
    return ESP_OK;
}

uint64_t registry_count(const struct registry *registry)
{
    return registry->count;
}

const struct component *registry_get(const struct registry *registry, uint64_t i)
{
    return &registry->entries[i]->component;
}

static esp_status load_entry(struct entry *entry, struct error *error)
{
    if (entry->component.type)
        return ESP_OK;
    const void *type = NULL;
    esp_status status = library_load(&type, entry->path, entry->component.kind, entry->id, error);
    if (status == ESP_OK)
        status = file_sha256(entry->sha256, entry->path, error);
    if (status != ESP_OK) {
        error_prefix(error, "%s: ", entry->path);
        return status;
    }
    entry->component.sha256 = entry->sha256;
    entry->component.type = type;
    return ESP_OK;
}

static esp_status not_found(const struct registry *registry, uint32_t kind, const char *id,
                            struct error *error)
{
    const char *names[256];
    uint64_t count = 0;
    for (uint64_t i = 0; i < registry->count && count < 256; i++) {
        const struct component *component = &registry->entries[i]->component;
        if (component->kind == kind && !component->refused && !component->shadowed_by)
            names[count++] = component->id;
    }
    const char *nearest = text_nearest(id, names, count);
    if (nearest)
        return error_set(error, ESP_ERROR_INVALID,
                         "there is no %s '%s'; did you mean '%s'? (`espalier list %s` shows all)",
                         kind_name(kind), id, nearest, kind_name(kind));
    return error_set(error, ESP_ERROR_INVALID, "there is no %s '%s' (`espalier list %s` shows all)",
                     kind_name(kind), id, kind_name(kind));
}

esp_status registry_find(const struct component **out, struct registry *registry, uint32_t kind,
                         const char *id, struct error *error)
{
    const struct entry *refused = NULL;
    for (uint64_t i = 0; i < registry->count; i++) {
        struct entry *entry = registry->entries[i];
        if (entry->component.kind != kind || strcmp(entry->id, id) != 0)
            continue;
        if (entry->component.refused) {
            refused = refused ? refused : entry;
            continue;
        }
        esp_status status = load_entry(entry, error);
        *out = &entry->component;
        return status;
    }
    if (refused)
        return error_set(error, ESP_ERROR_INVALID, "the %s '%s' was refused: %s: %s",
                         kind_name(kind), id, refused->path, refused->refused);
    return not_found(registry, kind, id, error);
}

esp_status registry_find_file(const struct component **out, struct registry *registry,
                              uint32_t kind, const char *id, const char *path, const char *sha256,
                              struct error *error)
{
    char found[SHA256_HEX_SIZE];
    if (path[0] == '\0') // a part of the program itself
        return registry_find(out, registry, kind, id, error);
    esp_status status = file_sha256(found, path, error);
    if (status == ESP_OK && strcmp(found, sha256) != 0)
        status = error_set(error, ESP_ERROR_INVALID,
                           "%s: it is not the file that the run began with: SHA-256 %s, was %s",
                           path, found, sha256);
    for (uint64_t i = 0; status == ESP_OK && i < registry->count; i++) {
        struct entry *entry = registry->entries[i];
        if (entry->component.kind == kind && strcmp(entry->id, id) == 0 &&
            strcmp(entry->path, path) == 0) {
            *out = &entry->component;
            return load_entry(entry, error);
        }
    }
    uint64_t before = registry->count;
    if (status == ESP_OK)
        status = add_file(registry, path, error);
    for (uint64_t i = before; status == ESP_OK && i < registry->count; i++) {
        struct entry *entry = registry->entries[i];
        entry->component.shadowed_by = NULL; // it was asked for by its path
        if (entry->component.refused)
            return error_set(error, ESP_ERROR_INVALID, "%s: %s", path, entry->component.refused);
        if (entry->component.kind == kind && strcmp(entry->id, id) == 0) {
            *out = &entry->component;
            return load_entry(entry, error);
        }
    }
    return status != ESP_OK ? status
                            : error_set(error, ESP_ERROR_INVALID, "%s: it has no %s '%s'", path,
                                        kind_name(kind), id);
}

// The first members of all descriptions are the same but for their types' names.
struct description component_description(const struct component *component)
{
    const esp_space_type *type = component->type;
    return (struct description){type->summary, type->source, type->params, type->param_count,
                                type->param_stride};
}

_Static_assert(
    offsetof(esp_strategy_type, param_stride) == offsetof(esp_space_type, param_stride) &&
        offsetof(esp_estimator_type, param_stride) == offsetof(esp_space_type, param_stride) &&
        offsetof(esp_dataset_type, param_stride) == offsetof(esp_space_type, param_stride) &&
        offsetof(esp_engine_type, param_stride) == offsetof(esp_space_type, param_stride) &&
        offsetof(esp_executor_type, param_stride) == offsetof(esp_space_type, param_stride),
    "descriptions begin alike");

const void *component_ability(const struct component *component, const char *id)
{
    const void *(*ability)(const char *) = NULL;
    switch (component->kind) {
    case ESP_KIND_SPACE:
        ability = ((const esp_space_type *)component->type)->ability;
        break;
    case ESP_KIND_STRATEGY:
        ability = ((const esp_strategy_type *)component->type)->ability;
        break;
    case ESP_KIND_ESTIMATOR:
        ability = ((const esp_estimator_type *)component->type)->ability;
        break;
    case ESP_KIND_DATASET:
        ability = ((const esp_dataset_type *)component->type)->ability;
        break;
    case ESP_KIND_ENGINE:
        ability = ((const esp_engine_type *)component->type)->ability;
        break;
    default:
        ability = ((const esp_executor_type *)component->type)->ability;
        break;
    }
    return ability ? ability(id) : NULL;
}
