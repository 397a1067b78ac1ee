// SPDX-License-Identifier: Apache-2.0
// espalier inspect FILE: what the note of a shared object says, or a manifest; no code of it runs.
#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "loader/note.h"
#include "loader/registry.h"
#include "manifest/manifest.h"
#include "text/printable.h"

#include <stdio.h>
#include <string.h>

static const struct option inspect_options[] = {
    {"json", NULL, "as JSON"},
};

static esp_status print_json(const char *path, const struct note *note, const char *refused,
                             struct error *error)
{
    char abi[32], needs[32];
    json_t *components = json_array();
    bool whole = components != NULL;
    snprintf(abi, sizeof abi, "%u.%u", note->abi_major, note->abi_minor);
    snprintf(needs, sizeof needs, "%u.%u", note->abi_major, note->minor_needed);
    for (uint32_t i = 0; whole && i < note->count; i++)
        whole = json_array_append_new(components, json_pack("{s:s, s:s}", "kind",
                                                            kind_name(note->components[i].kind),
                                                            "id", note->components[i].id)) == 0;
    if (!whole) {
        json_decref(components);
        return error_memory(error);
    }
    return output_json(json_pack("{s:s, s:s, s:s, s:s, s:o, s:s?}", "path", path, "version",
                                 note->version, "abi", abi, "needs", needs, "components",
                                 components, "refused", refused),
                       error);
}

static esp_status print_words(const char *path, const struct note *note, const char *refused,
                              struct error *error)
{
    printf("%s\n  version %s, made for ABI %u.%u, needs a host of ABI %u.%u\n", path, note->version,
           note->abi_major, note->abi_minor, note->abi_major, note->minor_needed);
    for (uint32_t i = 0; i < note->count; i++)
        printf("  %s/%s\n", kind_name(note->components[i].kind), note->components[i].id);
    if (refused)
        printf("  refused: %s\n", refused);
    else
        printf("  its ABI fits this host\n");
    return output_flush(error);
}

// ---- A manifest ---------------------------------------------------------------------------------

static json_t *texts_json(const char *const *texts)
{
    json_t *list = json_array();
    for (; list && texts && *texts; texts++)
        json_array_append_new(list, json_string(*texts));
    return list;
}

static json_t *files_json(const struct manifest *manifest)
{
    json_t *list = json_array();
    for (uint64_t i = 0; list && i < manifest->file_count; i++)
        json_array_append_new(list, json_string(manifest->files[i].name));
    return list;
}

static void print_manifest(const struct manifest *manifest, const char *sha256)
{
    printf("%s\n  version %s, a manifest, by `%s`\n  %s/%s\n", manifest->path, manifest->version,
           manifest->way->key, kind_name(manifest->kind), manifest->id);
    if (manifest->command) {
        printf("  runs");
        for (const char *const *word = manifest->command; *word; word++)
            printf(strchr(*word, ' ') ? " \"%s\"" : " %s", *word);
        printf("\n");
    }
    for (uint64_t i = 0; i < manifest->file_count; i++)
        printf("  made of %s\n", manifest->files[i].name);
    printf("  SHA-256 %s\n", sha256);
}

static esp_status inspect_manifest(const char *path, bool as_json, struct error *error)
{
    struct manifest *manifest = NULL;
    char sha256[SHA256_HEX_SIZE];
    esp_status status = manifest_read(&manifest, path, error);
    if (status == ESP_OK)
        status = manifest_sha256(sha256, manifest, error);
    if (status != ESP_OK)
        status = ESP_ERROR_INVALID;
    else if (as_json)
        status =
            output_json(json_pack("{s:s, s:s, s:s, s:[{s:s, s:s}], s:o, s:o, s:s}", "path", path,
                                  "version", manifest->version, "way", manifest->way->key,
                                  "components", "kind", kind_name(manifest->kind), "id",
                                  manifest->id, "command", texts_json(manifest->command), "files",
                                  files_json(manifest), "sha256", sha256),
                        error);
    else
        print_manifest(manifest, sha256);
    manifest_release(manifest);
    return status == ESP_OK ? output_flush(error) : status;
}

// ---- The command --------------------------------------------------------------------------------

int command_inspect(int argc, char **argv)
{
    struct options options;
    struct note note;
    struct error error, verdict;
    error_clear(&error);
    error_clear(&verdict);
    int result = options_parse(&options, "inspect FILE", inspect_options,
                               ESP_COUNT(inspect_options), 1, 1, argc, argv);
    if (result != OPTIONS_GO_ON)
        return result;
    const char *path = options_argument(&options, 0);
    esp_status status = ESP_OK;
    if (!text_printable(path))
        status = error_set(&error, ESP_ERROR_INVALID, "its path is no printable UTF-8");
    else if (manifest_is(path)) {
        status = inspect_manifest(path, options_given(&options, "json"), &error);
        options_destroy(&options);
        return command_end(status, &error);
    } else
        status = note_read(&note, path, &error);
    if (status != ESP_OK) {
        error_prefix(&error, "%s: ", path);
        return command_end(ESP_ERROR_INVALID, &error);
    }
    const char *refused = note_check(&note, &verdict) == ESP_OK ? NULL : verdict.message;
    status = options_given(&options, "json") ? print_json(path, &note, refused, &error)
                                             : print_words(path, &note, refused, &error);
    options_destroy(&options);
    return command_end(status, &error);
}
