// SPDX-License-Identifier: Apache-2.0
// espalier describe KIND/ID: what a plugin is, and its parameters; with --all the page of all
// sections and plugins that docs/configuration.md is.
#include "cli/command.h"
#include "cli/load.h"
#include "config/document.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option describe_options[] = {
    {"json", NULL, "as JSON"},
    {"markdown", NULL, "as a table of Markdown"},
    {"all", NULL, "every section of the INI and every plugin, as Markdown"},
    {"plugins", "DIR", "a folder of plugins, looked at first"},
};

static json_t *param_json(const esp_param *row)
{
    char *values = param_default_text(row), *range = param_range_text(row);
    json_t *json = json_pack("{s:s, s:s, s:s?, s:s?, s:s, s:s, s:b}", "name", row->name, "type",
                             param_type_name(row->type), "range", range, "default", values, "unit",
                             row->unit ? row->unit : "", "help", row->help ? row->help : "", "log",
                             (row->flags & ESP_PARAM_LOG) != 0);
    free(values);
    free(range);
    return json;
}

static void print_json(const struct component *component)
{
    struct description description = component_description(component);
    json_t *params = json_array();
    const char *row = (const char *)description.params;
    for (uint64_t i = 0; i < description.param_count; i++, row += description.param_stride)
        json_array_append_new(params, param_json((const esp_param *)(const void *)row));
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s?, s:o}", "kind", kind_name(component->kind), "id",
                  component->id, "version", component->version, "path", component->path, "summary",
                  description.summary, "source", description.source, "parameters", params);
    json_dumpf(json, stdout, JSON_INDENT(1));
    printf("\n");
    json_decref(json);
}

static void print_words(const struct component *component)
{
    struct description description = component_description(component);
    printf("%s/%s %s: %s\n", kind_name(component->kind), component->id, component->version,
           description.summary ? description.summary : "");
    if (description.source)
        printf("  after %s\n", description.source);
    printf("  %s\n", component->path[0] ? component->path : "(part of the program)");
    const char *row = (const char *)description.params;
    for (uint64_t i = 0; i < description.param_count; i++, row += description.param_stride) {
        const esp_param *param = (const esp_param *)(const void *)row;
        char *values = param_default_text(param), *range = param_range_text(param);
        printf("  %-20s %s\n%-22s %s; %s%s%s\n", param->name, param->help ? param->help : "", "",
               range ? range : "", values ? "default " : "required", values ? values : "",
               param->unit && param->unit[0] ? "" : "");
        free(values);
        free(range);
    }
}

// Finds the component that "kind/id" names.
static esp_status find_component(const struct component **out, struct registry *registry,
                                 const char *name, struct error *error)
{
    const char *slash = strchr(name, '/');
    char kind[32] = "";
    if (slash && (size_t)(slash - name) < sizeof kind)
        memcpy(kind, name, (size_t)(slash - name));
    if (!kind_from_name(kind))
        return error_set(error, ESP_ERROR_INVALID,
                         "expected KIND/ID, for example space/chain, got '%s'", name);
    return registry_find(out, registry, kind_from_name(kind), slash + 1, error);
}

int command_describe(int argc, char **argv)
{
    struct options options;
    struct registry *registry = NULL;
    const struct component *component = NULL;
    struct error error;
    char *text = NULL;
    error_clear(&error);
    int result = options_parse(&options, "describe KIND/ID", describe_options,
                               ESP_COUNT(describe_options), 0, 1, argc, argv);
    if (result != OPTIONS_GO_ON)
        return result;
    const char *name = options_argument(&options, 0);
    bool all = options_given(&options, "all");
    esp_status status = ESP_OK;
    if (!name && !all)
        status = error_set(&error, ESP_ERROR_INVALID, "expected KIND/ID, for example space/chain");
    if (status == ESP_OK)
        status = registry_open(&registry, options_value(&options, "plugins"), &error);
    if (status == ESP_OK && !all)
        status = find_component(&component, registry, name, &error);
    if (status == ESP_OK && all)
        text = configuration_document(registry);
    else if (status == ESP_OK && options_given(&options, "markdown"))
        text = component_document(component);
    else if (status == ESP_OK && options_given(&options, "json"))
        print_json(component);
    else if (status == ESP_OK)
        print_words(component);
    if (text)
        fputs(text, stdout);
    free(text);
    registry_destroy(registry);
    options_destroy(&options);
    return command_end(status, &error);
}
