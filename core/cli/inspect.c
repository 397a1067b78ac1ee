// SPDX-License-Identifier: Apache-2.0
// espalier inspect FILE.so: what the note of a file says; no code of it runs.
#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "loader/note.h"
#include "loader/registry.h"
#include "text/printable.h"

#include <stdio.h>

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

int command_inspect(int argc, char **argv)
{
    struct options options;
    struct note note;
    struct error error, verdict;
    error_clear(&error);
    error_clear(&verdict);
    int result = options_parse(&options, "inspect FILE.so", inspect_options,
                               ESP_COUNT(inspect_options), 1, 1, argc, argv);
    if (result != OPTIONS_GO_ON)
        return result;
    const char *path = options_argument(&options, 0);
    esp_status status = ESP_OK;
    if (!text_printable(path))
        status = error_set(&error, ESP_ERROR_INVALID, "its path is no printable UTF-8");
    else
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
