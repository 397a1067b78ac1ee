// SPDX-License-Identifier: Apache-2.0
// espalier describe KIND/ID: what a plugin is, and its parameters; with --all the page of all
// sections and plugins that docs/configuration.md is.
#include "cli/command.h"
#include "cli/load.h"
#include "cli/output.h"
#include "config/document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option describe_options[] = {
    {"json", NULL, "as JSON"},
    {"markdown", NULL, "as a table of Markdown"},
    {"all", NULL, "every section of the INI and every plugin, as Markdown"},
    {"plugins", "DIR", "a folder of plugins, looked at first"},
};

// The default as a value: a number, a truth, a text; NULL (JSON's null) where there is none.
static json_t *default_json(const esp_param *row)
{
    if (!(row->flags & ESP_PARAM_HAS_DEFAULT))
        return json_null();
    switch (row->type) {
    case ESP_PARAM_TYPE_INT:
        return json_integer(row->int_default);
    case ESP_PARAM_TYPE_REAL:
        return json_real(row->real_default);
    case ESP_PARAM_TYPE_BOOL:
        return json_boolean(row->int_default);
    default:
        return json_string(row->text_default);
    }
}

static bool add_range(json_t *json, const esp_param *row)
{
    bool whole = row->type == ESP_PARAM_TYPE_INT || row->type == ESP_PARAM_TYPE_INTS;
    if (whole || row->type == ESP_PARAM_TYPE_REAL)
        return json_object_set_new(json, "min",
                                   whole ? json_integer(row->int_min) : json_real(row->real_min)) ==
                   0 &&
               json_object_set_new(
                   json, "max", whole ? json_integer(row->int_max) : json_real(row->real_max)) == 0;
    if (row->type != ESP_PARAM_TYPE_CHOICE && row->type != ESP_PARAM_TYPE_NAMES)
        return true;
    json_t *choices = json_array();
    bool whole_list = choices != NULL;
    for (uint64_t i = 0; whole_list && i < row->choice_count; i++)
        whole_list = json_array_append_new(choices, json_string(row->choices[i])) == 0;
    return json_object_set_new(json, "choices", choices) == 0 && whole_list;
}

static json_t *param_json(const esp_param *row)
{
    json_t *json =
        json_pack("{s:s, s:s, s:o, s:b, s:b, s:s, s:s}", "name", row->name, "type",
                  param_type_name(row->type), "default", default_json(row), "required",
                  (row->flags & ESP_PARAM_REQUIRED) != 0, "log", (row->flags & ESP_PARAM_LOG) != 0,
                  "unit", row->unit ? row->unit : "", "help", row->help ? row->help : "");
    if (json && !add_range(json, row)) {
        json_decref(json);
        return NULL;
    }
    return json;
}

static esp_status print_json(const struct component *component, struct error *error)
{
    struct description description = component_description(component);
    char abi[32];
    json_t *params = json_array();
    bool whole = params != NULL;
    for (uint64_t i = 0; whole && i < description.param_count; i++)
        whole = json_array_append_new(params, param_json(description_param(&description, i))) == 0;
    if (!whole) {
        json_decref(params);
        return error_memory(error);
    }
    snprintf(abi, sizeof abi, "%u.%u", component->abi_major, component->abi_minor);
    return output_json(
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:o}", "kind",
                  kind_name(component->kind), "id", component->id, "version", component->version,
                  "abi", abi, "path", component->path, "sha256", component->sha256, "summary",
                  description.summary, "source", description.source, "notation",
                  description_notation(component->type, component->kind), "parameters", params),
        error);
}

static void print_param(const esp_param *row)
{
    char *standard = param_default_text(row), *range = param_range_text(row);
    printf("\n  %s: %s\n    %s", row->name, row->help ? row->help : "", param_type_name(row->type));
    if (range && range[0])
        printf(", %s", range);
    if (row->unit && row->unit[0])
        printf(" %s", row->unit);
    printf("%s; ", row->flags & ESP_PARAM_LOG ? ", logarithmic" : "");
    if (!standard)
        printf("required\n");
    else
        printf("default %s\n", standard[0] ? standard : "empty");
    free(standard);
    free(range);
}

static void print_words(const struct component *component)
{
    struct description description = component_description(component);
    printf("%s/%s %s: %s\n", kind_name(component->kind), component->id, component->version,
           description.summary ? description.summary : "");
    if (description.source)
        printf("  after %s\n", description.source);
    printf("  %s\n", component_place(component));
    const char *notation = description_notation(component->type, component->kind);
    if (notation)
        printf("  notation %s\n", notation);
    if (description.param_count == 0)
        printf("  no parameters\n");
    for (uint64_t i = 0; i < description.param_count; i++)
        print_param(description_param(&description, i));
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
    bool as_text = all || options_given(&options, "markdown");
    esp_status status = ESP_OK;
    if (!name && !all)
        status = error_set(&error, ESP_ERROR_INVALID,
                           "describe what? expected KIND/ID, for example space/chain");
    if (status == ESP_OK)
        status = registry_open(&registry, options_value(&options, "plugins"), &error);
    if (status == ESP_OK && !all)
        status = find_component(&component, registry, name, &error);
    if (status == ESP_OK && all)
        text = configuration_document(registry);
    else if (status == ESP_OK && as_text)
        text = component_document(component);
    else if (status == ESP_OK && options_given(&options, "json"))
        status = print_json(component, &error);
    else if (status == ESP_OK)
        print_words(component);
    if (status == ESP_OK && as_text && !text)
        status = error_memory(&error);
    if (text)
        fputs(text, stdout);
    if (status == ESP_OK)
        status = output_flush(&error);
    free(text);
    registry_destroy(registry);
    options_destroy(&options);
    return command_end(status, &error);
}
