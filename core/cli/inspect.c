// SPDX-License-Identifier: Apache-2.0
// espalier inspect FILE.so: what the note of a file says; no code of it runs.
#include "cli/command.h"
#include "cli/options.h"
#include "loader/note.h"
#include "loader/registry.h"

#include <jansson.h>
#include <stdio.h>

static const struct option inspect_options[] = {
    {"json", NULL, "as JSON"},
};

static void print_json(const struct note *note, const struct error *verdict)
{
    char abi[32], needs[32];
    json_t *components = json_array();
    snprintf(abi, sizeof abi, "%u.%u", note->abi_major, note->abi_minor);
    snprintf(needs, sizeof needs, "%u.%u", note->abi_major, note->minor_needed);
    for (uint32_t i = 0; i < note->count; i++)
        json_array_append_new(components,
                              json_pack("{s:s, s:s}", "kind", kind_name(note->components[i].kind),
                                        "id", note->components[i].id));
    json_t *json = json_pack("{s:s, s:s, s:s, s:o, s:s?}", "abi", abi, "needs", needs, "version",
                             note->version, "components", components, "refused",
                             verdict->status == ESP_OK ? NULL : verdict->message);
    json_dumpf(json, stdout, JSON_INDENT(1));
    printf("\n");
    json_decref(json);
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
    esp_status status = note_read(&note, path, &error);
    if (status != ESP_OK) {
        error_prefix(&error, "%s: ", path);
        return command_end(ESP_ERROR_INVALID, &error);
    }
    note_check(&note, &verdict);
    if (options_given(&options, "json")) {
        print_json(&note, &verdict);
    } else {
        printf("%s\n  version %s, made for ABI %u.%u, needs a host of ABI %u.%u\n", path,
               note.version, note.abi_major, note.abi_minor, note.abi_major, note.minor_needed);
        for (uint32_t i = 0; i < note.count; i++)
            printf("  %s/%s\n", kind_name(note.components[i].kind), note.components[i].id);
        printf(verdict.status == ESP_OK ? "  this host loads it\n" : "  refused: %s\n",
               verdict.message);
    }
    options_destroy(&options);
    return EXIT_DONE;
}
