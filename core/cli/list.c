// SPDX-License-Identifier: Apache-2.0
// espalier list: every component that was found, where, what shadows it, and why one was refused.
#include "cli/command.h"
#include "cli/load.h"
#include "cli/output.h"
#include "text/nearest.h"

#include <stdio.h>

static const struct option list_options[] = {
    {"json", NULL, "as JSON"},
    {"plugins", "DIR", "a folder of plugins, looked at first"},
};

static void add_component(struct output_table *table, const struct component *component)
{
    output_row(table);
    if (component->kind)
        output_cell(table, "%s/%s", kind_name(component->kind), component->id);
    else
        output_cell(table, "(refused)");
    output_cell(table, "%s", component->version[0] ? component->version : "-");
    if (component->version[0])
        output_cell(table, "%u.%u", component->abi_major, component->abi_minor);
    else
        output_cell(table, "-");
    output_cell(table, "%s", component_place(component));
    if (component->refused) {
        output_row(table);
        output_cell(table, "    refused: %s", component->refused);
    }
    if (component->shadowed_by) {
        output_row(table);
        output_cell(table, "    shadowed by %s", component_place(component->shadowed_by));
    }
}

static esp_status component_json(json_t *list, const struct component *component,
                                 struct error *error)
{
    char abi[32];
    const struct component *earlier = component->shadowed_by;
    snprintf(abi, sizeof abi, "%u.%u", component->abi_major, component->abi_minor);
    bool noted = component->version[0];
    json_t *json = json_pack(
        "{s:s?, s:s?, s:s?, s:s?, s:s, s:s?, s:s?}", "kind", kind_name(component->kind), "id",
        component->kind ? component->id : NULL, "version", noted ? component->version : NULL, "abi",
        noted ? abi : NULL, "path", component->path, "refused", component->refused, "shadowed_by",
        earlier ? earlier->path : NULL);
    return json && json_array_append_new(list, json) == 0 ? ESP_OK : error_memory(error);
}

// Files that were refused whole come behind the components; `kind` 0 is all.
static esp_status list_components(const struct registry *registry, uint32_t kind, bool as_json,
                                  struct error *error)
{
    static const uint32_t order[] = {ESP_KIND_SPACE,
                                     ESP_KIND_STRATEGY,
                                     ESP_KIND_ESTIMATOR,
                                     ESP_KIND_DATASET,
                                     ESP_KIND_ENGINE,
                                     ESP_KIND_EXECUTOR,
                                     0};
    struct output_table table = {0};
    json_t *list = json_array();
    esp_status status = list ? ESP_OK : error_memory(error);
    output_row(&table);
    output_cell(&table, "plugin");
    output_cell(&table, "version");
    output_cell(&table, "ABI");
    output_cell(&table, "file");
    for (size_t k = 0; k < ESP_COUNT(order); k++)
        for (uint64_t i = 0; status == ESP_OK && i < registry_count(registry); i++) {
            const struct component *component = registry_get(registry, i);
            if (component->kind != order[k] || (kind && component->kind != kind))
                continue;
            if (as_json)
                status = component_json(list, component, error);
            else
                add_component(&table, component);
        }
    if (status == ESP_OK)
        status = as_json ? output_json(json_incref(list), error) : output_print(&table, error);
    json_decref(list);
    output_destroy(&table);
    return status;
}

// A list of one kind does not show files whose kind is not known: it says that there are some.
static void tell_of_refused(const struct registry *registry)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < registry_count(registry); i++)
        count += registry_get(registry, i)->kind == 0;
    if (count > 0)
        fprintf(stderr, "espalier: %llu %s refused, of whatever kind: `espalier list` shows all\n",
                (unsigned long long)count, count == 1 ? "file was" : "files were");
}

static esp_status read_kind(uint32_t *kind, const char *name, struct error *error)
{
    const char *names[ESP_KIND_EXECUTOR];
    *kind = name ? kind_from_name(name) : 0;
    if (!name || *kind)
        return ESP_OK;
    for (uint32_t i = 0; i < ESP_KIND_EXECUTOR; i++)
        names[i] = kind_name(i + 1);
    const char *nearest = text_nearest(name, names, ESP_KIND_EXECUTOR);
    return error_set(error, ESP_ERROR_INVALID,
                     "there is no kind '%s'%s%s%s (expected space, strategy, estimator, dataset, "
                     "engine or executor)",
                     name, nearest ? "; did you mean '" : "", nearest ? nearest : "",
                     nearest ? "'?" : "");
}

int command_list(int argc, char **argv)
{
    struct options options;
    struct registry *registry = NULL;
    struct error error;
    uint32_t kind = 0;
    error_clear(&error);
    int result = options_parse(&options, "list [KIND]", list_options, ESP_COUNT(list_options), 0, 1,
                               argc, argv);
    if (result != OPTIONS_GO_ON)
        return result;
    esp_status status = read_kind(&kind, options_argument(&options, 0), &error);
    if (status == ESP_OK)
        status = registry_open(&registry, options_value(&options, "plugins"), &error);
    if (status == ESP_OK)
        status = list_components(registry, kind, options_given(&options, "json"), &error);
    if (status == ESP_OK && kind)
        tell_of_refused(registry);
    registry_destroy(registry);
    options_destroy(&options);
    return command_end(status, &error);
}
