// SPDX-License-Identifier: Apache-2.0
// Reading a manifest; see manifest.h. Its tables are tables.c's.
#include "manifest/manifest.h"

#include "config/list.h"
#include "config/value.h"
#include "loader/description.h"
#include "loader/registry.h"
#include "text/nearest.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// No manifest that a person wrote is larger.
#define MOST_BYTES (1 << 20)

static const struct manifest_way *const ways[] = {&process_way, &library_way};

// ---- The keys of [plugin] -----------------------------------------------------------------------

static const char *const kind_choices[] = {"strategy", "estimator"};
static const char *const take_choices[] = {"real",           "int",    "subset", "many_objectives",
                                           "not_repeatable", "parents"};
static const uint32_t take_bits[] = {ESP_STRATEGY_REAL,           ESP_STRATEGY_INT,
                                     ESP_STRATEGY_SUBSET,         ESP_STRATEGY_MANY_OBJECTIVES,
                                     ESP_STRATEGY_NOT_REPEATABLE, ESP_STRATEGY_PARENTS};
_Static_assert(ESP_COUNT(take_choices) == ESP_COUNT(take_bits), "a bit each");

// clang-format off
#define REQUIRED_ROW(name, type, choices, count, help)                                             \
    ESP_PARAM_ROW_(name, help, "", type, ESP_PARAM_REQUIRED, 0, 0, 0, 0, 0, 0, NULL, choices, count)
// clang-format on

static const esp_param common_rows[] = {
    REQUIRED_ROW("kind", ESP_PARAM_TYPE_CHOICE, kind_choices, ESP_COUNT(kind_choices),
                 "what it is"),
    REQUIRED_ROW("id", ESP_PARAM_TYPE_TEXT, NULL, 0, "what a configuration calls it"),
    REQUIRED_ROW("version", ESP_PARAM_TYPE_TEXT, NULL, 0, "its version"),
    REQUIRED_ROW("summary", ESP_PARAM_TYPE_TEXT, NULL, 0, "what it does, in a few words"),
    ESP_PARAM_TEXT("source", "", "the paper it comes from"),
    ESP_PARAM_TEXT("files", "", "other files that it is made of, beside the manifest"),
};

static const esp_param strategy_rows[] = {
    ESP_PARAM_NAMES("takes", "", take_choices, "what it can serve besides options"),
};

static const esp_param estimator_rows[] = {
    ESP_PARAM_TEXT("fidelities", "", "which of its parameters are dimensions of fidelity"),
};

static uint64_t add_rows(esp_param *rows, uint64_t count, const esp_param *more,
                         uint64_t more_count)
{
    memcpy(rows + count, more, more_count * sizeof *more);
    return count + more_count;
}

// The rows of all manifests, of the kind (0: of all kinds) and of the way (NULL: of all ways).
static uint64_t collect_rows(esp_param *rows, uint32_t kind, const struct manifest_way *way)
{
    uint64_t count = add_rows(rows, 0, common_rows, ESP_COUNT(common_rows));
    if (kind != ESP_KIND_ESTIMATOR)
        count = add_rows(rows, count, strategy_rows, ESP_COUNT(strategy_rows));
    if (kind != ESP_KIND_STRATEGY)
        count = add_rows(rows, count, estimator_rows, ESP_COUNT(estimator_rows));
    for (size_t i = 0; i < ESP_COUNT(ways); i++)
        if (!way || way == ways[i])
            count = add_rows(rows, count, ways[i]->rows, ways[i]->row_count);
    return count;
}

static uint64_t most_rows(void)
{
    uint64_t count = ESP_COUNT(common_rows) + ESP_COUNT(strategy_rows) + ESP_COUNT(estimator_rows);
    for (size_t i = 0; i < ESP_COUNT(ways); i++)
        count += ways[i]->row_count;
    return count;
}

// ---- Small things -------------------------------------------------------------------------------

bool manifest_is(const char *path)
{
    size_t length = strlen(path), suffix = strlen(MANIFEST_SUFFIX);
    return length > suffix && strcmp(path + length - suffix, MANIFEST_SUFFIX) == 0 &&
           path[length - suffix - 1] != '/';
}

const char *manifest_text(struct manifest *manifest, const char *text)
{
    return arena_text(&manifest->arena, text, strlen(text));
}

const struct config_entry *manifest_entry(const struct manifest *manifest, const char *key)
{
    return config_find(manifest->config, "plugin", key);
}

struct manifest *manifest_retain(struct manifest *manifest)
{
    manifest->references++;
    return manifest;
}

void manifest_release(struct manifest *manifest)
{
    if (!manifest || --manifest->references > 0)
        return;
    if (manifest->destroy_own)
        manifest->destroy_own(manifest->own);
    parameters_destroy(&manifest->plugin);
    config_destroy(manifest->config);
    free(manifest->rows);
    free(manifest->params);
    free(manifest->metrics);
    free(manifest->fidelities);
    free(manifest->files);
    arena_free(&manifest->arena);
    free(manifest);
}

esp_status manifest_add_file(struct manifest *manifest, const char *name, const char *path,
                             struct error *error)
{
    for (uint64_t i = 0; i < manifest->file_count; i++)
        if (strcmp(manifest->files[i].name, name) == 0)
            return ESP_OK;
    if (!array_reserve(&manifest->files, &manifest->file_capacity, manifest->file_count + 1,
                       sizeof *manifest->files))
        return error_memory(error);
    struct manifest_file file = {manifest_text(manifest, name), manifest_text(manifest, path)};
    if (!file.name || !file.path)
        return error_memory(error);
    manifest->files[manifest->file_count++] = file;
    return ESP_OK;
}

// ---- Its parts ----------------------------------------------------------------------------------

static esp_status choose_way(struct manifest *manifest, struct error *error)
{
    const struct config_entry *first = NULL;
    char keys[128] = "";
    for (size_t i = 0; i < ESP_COUNT(ways); i++) {
        const struct config_entry *entry = manifest_entry(manifest, ways[i]->key);
        size_t used = strlen(keys);
        snprintf(keys + used, sizeof keys - used, "%s%s", i ? " or " : "", ways[i]->key);
        if (entry && first)
            return config_fail(error, ESP_ERROR_INVALID, entry,
                               "it has a %s already: one of the two does the work", first->key);
        if (entry) {
            first = entry;
            manifest->way = ways[i];
        }
    }
    if (first)
        return ESP_OK;
    // A mistyped key is more likely than none.
    struct parameters all = {0};
    esp_param *rows = calloc(most_rows(), sizeof *rows);
    if (!rows)
        return error_memory(error);
    uint64_t count = collect_rows(rows, 0, NULL);
    esp_status status = parameters_resolve(&all, rows, count, sizeof *rows, manifest->config,
                                           "plugin", NULL, false, error);
    if (status == ESP_OK)
        status = config_fail_section(error, manifest->config, "plugin",
                                     "%s must be said: what does the work", keys);
    parameters_destroy(&all);
    free(rows);
    return status;
}

static esp_status read_kind(struct manifest *manifest, struct error *error)
{
    const struct config_entry *entry = manifest_entry(manifest, "kind");
    uint32_t kind = entry ? kind_from_name(entry->value) : 0;
    if (kind != ESP_KIND_STRATEGY && kind != ESP_KIND_ESTIMATOR)
        kind = 0; // read_plugin says what is wrong with it
    manifest->kind = kind;
    if (kind && !(manifest->way->kinds & (1u << kind)))
        return config_fail(error, ESP_ERROR_INVALID, entry, "no %s can be made by `%s`",
                           entry->value, manifest->way->key);
    return ESP_OK;
}

static esp_status read_id(struct manifest *manifest, struct error *error)
{
    const struct config_entry *entry = manifest_entry(manifest, "id");
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    if (!entry)
        return ESP_OK; // read_plugin's to say
    if (entry->value[0] < 'a' || entry->value[0] > 'z' ||
        entry->value[strspn(entry->value, letters)] != '\0' ||
        strlen(entry->value) >= ESP_NOTE_ID_SIZE)
        return config_fail(error, ESP_ERROR_INVALID, entry,
                           "expected [a-z][a-z0-9_]*, at most %d bytes, got '%s'",
                           ESP_NOTE_ID_SIZE - 1, entry->value);
    manifest->id = manifest_text(manifest, entry->value);
    return manifest->id ? ESP_OK : error_memory(error);
}

static esp_status read_version(struct manifest *manifest, struct error *error)
{
    const struct config_entry *entry = manifest_entry(manifest, "version");
    if (!entry)
        return ESP_OK; // read_plugin's to say
    if (entry->value[0] == '\0' || strlen(entry->value) >= ESP_NOTE_VERSION_SIZE)
        return config_fail(error, ESP_ERROR_INVALID, entry, "expected 1 to %d bytes",
                           ESP_NOTE_VERSION_SIZE - 1);
    manifest->version = manifest_text(manifest, entry->value);
    return manifest->version ? ESP_OK : error_memory(error);
}

static esp_status read_plugin(struct manifest *manifest, struct error *error)
{
    manifest->rows = calloc(most_rows(), sizeof *manifest->rows);
    if (!manifest->rows)
        return error_memory(error);
    uint64_t count = collect_rows(manifest->rows, manifest->kind, manifest->way);
    esp_status status =
        parameters_resolve(&manifest->plugin, manifest->rows, count, sizeof *manifest->rows,
                           manifest->config, "plugin", NULL, false, error);
    if (status != ESP_OK)
        return status;
    manifest->summary = parameters_find(&manifest->plugin, "summary")->text;
    const char *source = parameters_find(&manifest->plugin, "source")->text;
    manifest->source = source[0] ? source : NULL;
    return manifest->summary[0]
               ? ESP_OK
               : config_fail(error, ESP_ERROR_INVALID, manifest_entry(manifest, "summary"),
                             "expected a few words");
}

static esp_status read_files(struct manifest *manifest, struct error *error)
{
    uint64_t count = 0;
    char **names = list_split(parameters_find(&manifest->plugin, "files")->text, &count);
    esp_status status = names ? ESP_OK : error_memory(error);
    for (uint64_t i = 0; status == ESP_OK && i < count; i++) {
        struct stat file;
        char *path = path_absolute(manifest->folder, names[i]);
        if (!path)
            status = error_memory(error);
        else if (stat(path, &file) != 0 || !S_ISREG(file.st_mode))
            status = config_fail(error, ESP_ERROR_INVALID, manifest_entry(manifest, "files"),
                                 "there is no file '%s' beside it", names[i]);
        else
            status = manifest_add_file(manifest, names[i], path, error);
        free(path);
    }
    free(names);
    return status;
}

// ---- Sections -----------------------------------------------------------------------------------

// Is `section` of the form `pattern`, "parameter.*" or a name?
static bool section_fits(const char *section, const char *pattern)
{
    size_t length = strlen(pattern);
    if (pattern[length - 1] != '*')
        return strcmp(section, pattern) == 0;
    return strncmp(section, pattern, length - 1) == 0 && section[length - 1] != '\0';
}

static esp_status check_sections(const struct manifest *manifest, struct error *error)
{
    const char *known[16] = {"plugin", "parameter.*", "metric.*"};
    uint64_t count = manifest->kind == ESP_KIND_STRATEGY ? 2 : 3;
    for (const char *const *own = manifest->way->sections; own && *own; own++)
        known[count++] = *own;
    for (uint64_t i = 0; i < config_section_count(manifest->config); i++) {
        const char *section = config_section(manifest->config, i);
        uint64_t k = 0;
        while (k < count && !section_fits(section, known[k]))
            k++;
        if (k < count)
            continue;
        char list[256], word[64];
        snprintf(word, sizeof word, "%.*s", (int)strcspn(section, "."), section);
        for (k = 0; k < count; k++) {
            // A beginning alone is compared: "[parametr.x]" means "parameter.*".
            char begin[64];
            snprintf(begin, sizeof begin, "%.*s", (int)strcspn(known[k], "."), known[k]);
            const char *one = begin;
            if (text_nearest(word, &one, 1))
                return config_fail_section(error, manifest->config, section,
                                           "there is no such section; did you mean '[%s]'?",
                                           known[k]);
        }
        list_join(list, sizeof list, known, count);
        return config_fail_section(error, manifest->config, section,
                                   "there is no such section; there are: %s", list);
    }
    return ESP_OK;
}

// What is included would be no part of the digest.
static esp_status check_includes(const struct manifest *manifest, struct error *error)
{
    for (uint64_t i = 0; i < config_count(manifest->config); i++) {
        const struct config_entry *entry = config_get(manifest->config, i);
        if (strcmp(entry->file, manifest->path) != 0)
            return config_fail(error, ESP_ERROR_INVALID, entry,
                               "a manifest includes no other file");
    }
    return ESP_OK;
}

// ---- All of it ----------------------------------------------------------------------------------

static void begin_type(struct manifest *manifest)
{
    uint64_t sizes[] = {[ESP_KIND_STRATEGY] = sizeof(esp_strategy_type),
                        [ESP_KIND_ESTIMATOR] = sizeof(esp_estimator_type)};
    // Descriptions begin alike (description.c).
    esp_strategy_type *type = &manifest->type.strategy;
    type->struct_size = sizes[manifest->kind];
    type->summary = manifest->summary;
    type->source = manifest->source;
    type->params = manifest->params;
    type->param_count = manifest->param_count;
    type->param_stride = sizeof *manifest->params;
    if (manifest->kind != ESP_KIND_STRATEGY)
        return;
    const struct parameter *takes = parameters_find(&manifest->plugin, "takes");
    for (uint64_t i = 0; i < takes->count; i++)
        for (size_t k = 0; k < ESP_COUNT(take_choices); k++)
            if (strcmp(takes->names[i], take_choices[k]) == 0)
                type->takes |= take_bits[k];
}

static esp_status read_whole(struct manifest *manifest, struct error *error)
{
    struct stat file;
    if (stat(manifest->path, &file) != 0)
        return error_system(error, manifest->path, "be read", errno);
    if (!S_ISREG(file.st_mode) || file.st_size > MOST_BYTES)
        return error_set(error, ESP_ERROR_INVALID,
                         "%s: a manifest is a regular file of at most %d bytes", manifest->path,
                         MOST_BYTES);
    esp_status status = config_load(&manifest->config, manifest->path, NULL, 0, error);
    if (status == ESP_OK)
        status = choose_way(manifest, error);
    if (status == ESP_OK)
        status = read_kind(manifest, error);
    if (status == ESP_OK)
        status = read_id(manifest, error);
    if (status == ESP_OK)
        status = read_version(manifest, error);
    if (status == ESP_OK)
        status = check_includes(manifest, error);
    if (status == ESP_OK)
        status = read_plugin(manifest, error); // all that must be said was: kind, id, version
    if (status == ESP_OK)
        status = check_sections(manifest, error);
    if (status == ESP_OK)
        status = manifest_read_tables(manifest, error);
    if (status == ESP_OK)
        status = read_files(manifest, error);
    if (status != ESP_OK)
        return status;
    begin_type(manifest);
    status = manifest->way->read(manifest, error);
    if (status != ESP_OK)
        return status;
    status = description_check(&manifest->type, manifest->kind, manifest->id, error);
    if (status != ESP_OK)
        error_prefix(error, "%s: ", manifest->path);
    return status;
}

esp_status manifest_read(struct manifest **out, const char *path, struct error *error)
{
    struct manifest *manifest = calloc(1, sizeof *manifest);
    const char *slash = strrchr(path, '/');
    *out = NULL;
    if (!manifest)
        return error_memory(error);
    manifest->references = 1;
    manifest->id = manifest->version = "";
    manifest->path = manifest_text(manifest, path);
    manifest->folder =
        slash ? arena_text(&manifest->arena, path, (size_t)(slash - path) + (slash == path)) : ".";
    if (!manifest->path || !manifest->folder) {
        manifest_release(manifest);
        return error_memory(error);
    }
    *out = manifest;
    return read_whole(manifest, error);
}

// ---- Its digest ---------------------------------------------------------------------------------

static esp_status add_line(crypto_hash_sha256_state *state, const char *name, const char *path,
                           struct error *error)
{
    char hex[SHA256_HEX_SIZE];
    esp_status status = file_sha256(hex, path, error);
    if (status != ESP_OK)
        return status;
    crypto_hash_sha256_update(state, (const unsigned char *)hex, SHA256_HEX_SIZE - 1);
    crypto_hash_sha256_update(state, (const unsigned char *)"  ", 2);
    crypto_hash_sha256_update(state, (const unsigned char *)name, strlen(name));
    crypto_hash_sha256_update(state, (const unsigned char *)"\n", 1);
    return ESP_OK;
}

esp_status manifest_sha256(char *hex, const struct manifest *manifest, struct error *error)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    const char *slash = strrchr(manifest->path, '/');
    crypto_hash_sha256_init(&state);
    esp_status status = add_line(&state, slash ? slash + 1 : manifest->path, manifest->path, error);
    for (uint64_t i = 0; status == ESP_OK && i < manifest->file_count; i++)
        status = add_line(&state, manifest->files[i].name, manifest->files[i].path, error);
    if (status != ESP_OK)
        return status;
    crypto_hash_sha256_final(&state, digest);
    sodium_bin2hex(hex, SHA256_HEX_SIZE, digest, sizeof digest);
    return ESP_OK;
}
