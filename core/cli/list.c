// SPDX-License-Identifier: Apache-2.0
// espalier list: every component that was found, where, what shadows it, and why one was refused.
#include "cli/command.h"
#include "cli/load.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const struct option list_options[] = {
    {"json", NULL, "as JSON"},
    {"plugins", "DIR", "a folder of plugins, looked at first"},
};

static const char *where(const struct component *component)
{
    return component->path[0] ? component->path : "(part of the program)";
}

static void print_component(const struct component *component)
{
    char name[96];
    snprintf(name, sizeof name, "%s/%s", component->kind ? kind_name(component->kind) : "?",
             component->id[0] ? component->id : "?");
    printf("%-36s %-10s ABI %u.%-3u %s\n", name, component->version[0] ? component->version : "-",
           component->abi_major, component->abi_minor, where(component));
    if (component->refused)
        printf("    refused: %s\n", component->refused);
    if (component->shadowed_by)
        printf("    shadowed by %s\n", where(component->shadowed_by));
}

static json_t *component_json(const struct component *component)
{
    char abi[32];
    snprintf(abi, sizeof abi, "%u.%u", component->abi_major, component->abi_minor);
    return json_pack("{s:s?, s:s, s:s, s:s, s:s, s:s?, s:s?}", "kind",
                     component->kind ? kind_name(component->kind) : NULL, "id", component->id,
                     "version", component->version, "abi", abi, "path", component->path, "refused",
                     component->refused, "shadowed_by",
                     component->shadowed_by ? component->shadowed_by->path : NULL);
}

int command_list(int argc, char **argv)
{
    struct options options;
    struct registry *registry = NULL;
    struct error error;
    error_clear(&error);
    int result = options_parse(&options, "list [KIND]", list_options, ESP_COUNT(list_options), 0, 1,
                               argc, argv);
    if (result != OPTIONS_GO_ON)
        return result;
    const char *wanted = options_argument(&options, 0);
    uint32_t kind = wanted ? kind_from_name(wanted) : 0;
    esp_status status = ESP_OK;
    if (wanted && !kind)
        status = error_set(&error, ESP_ERROR_INVALID,
                           "there is no kind '%s': expected space, strategy, estimator, dataset, "
                           "engine or executor",
                           wanted);
    if (status == ESP_OK)
        status = registry_open(&registry, options_value(&options, "plugins"), &error);
    json_t *list = json_array();
    for (uint32_t k = 0; status == ESP_OK && k <= ESP_KIND_EXECUTOR; k++)
        for (uint64_t i = 0; i < registry_count(registry); i++) {
            const struct component *component = registry_get(registry, i);
            if (component->kind != k || (kind && k != kind))
                continue;
            if (options_given(&options, "json"))
                json_array_append_new(list, component_json(component));
            else
                print_component(component);
        }
    if (status == ESP_OK && options_given(&options, "json")) {
        json_dumpf(list, stdout, JSON_INDENT(1));
        printf("\n");
    }
    json_decref(list);
    registry_destroy(registry);
    options_destroy(&options);
    return command_end(status, &error);
}
