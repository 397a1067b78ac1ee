// SPDX-License-Identifier: Apache-2.0
// Domains as JSON and back, values as JSON. Values are read back by written.c, which is told the
// domain.
//   {"kind": "one", "options": ["16", "32"], "ordered": true}
//   {"kind": "int", "min": 1, "max": 6}              {"kind": "real", ..., "log": true}
//   {"kind": "subset", "options": ["a", "b", "c"], "least": 1, "most": 2}
#include "arch/arch.h"
#include "arch/domain.h"

#include <stdlib.h>
#include <string.h>

json_t *value_json(const esp_domain *domain, esp_value value)
{
    if (!value_in_domain(domain, value))
        return NULL;
    switch (value.kind) {
    case ESP_DECISION_ONE:
        return json_string(domain->names[value.as.index]);
    case ESP_DECISION_INT:
        return json_integer(value.as.integer);
    case ESP_DECISION_REAL:
        return json_real(value.as.real);
    default:
        break;
    }
    json_t *list = json_array();
    for (uint32_t i = 0; list && i < value.count; i++)
        if (json_array_append_new(list, json_integer(value.as.indices[i])) != 0) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

static json_t *options_json(const esp_domain *domain)
{
    json_t *list = json_array();
    for (uint64_t i = 0; list && i < domain->count; i++)
        if (json_array_append_new(list, json_string(domain->names[i])) != 0) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

static bool add_flag(json_t *json, const char *name, uint32_t flag)
{
    return !flag || json_object_set_new(json, name, json_true()) == 0;
}

json_t *domain_json(const esp_domain *domain)
{
    json_t *json = NULL;
    switch (domain->kind) {
    case ESP_DECISION_ONE:
        json = json_pack("{s:s, s:o}", "kind", "one", "options", options_json(domain));
        break;
    case ESP_DECISION_INT:
        json = json_pack("{s:s, s:I, s:I}", "kind", "int", "min", (json_int_t)domain->int_min,
                         "max", (json_int_t)domain->int_max);
        break;
    case ESP_DECISION_REAL:
        json = json_pack("{s:s, s:f, s:f}", "kind", "real", "min", domain->real_min, "max",
                         domain->real_max);
        break;
    case ESP_DECISION_SUBSET:
        json = json_pack("{s:s, s:o, s:I, s:I}", "kind", "subset", "options", options_json(domain),
                         "least", (json_int_t)domain->least, "most", (json_int_t)domain->most);
        break;
    default:
        break;
    }
    if (json && (!add_flag(json, "log", domain->flags & ESP_DOMAIN_LOG) ||
                 !add_flag(json, "ordered", domain->flags & ESP_DOMAIN_ORDERED))) {
        json_decref(json);
        json = NULL;
    }
    return json;
}

static bool read_integer(const json_t *json, const char *name, int64_t *out)
{
    const json_t *value = json_object_get(json, name);
    *out = json_integer_value(value);
    return json_is_integer(value);
}

static bool read_number(const json_t *json, const char *name, double *out)
{
    const json_t *value = json_object_get(json, name);
    *out = json_number_value(value);
    return json_is_number(value);
}

static bool read_bounds(const json_t *json, uint64_t *least, uint64_t *most)
{
    int64_t low, high;
    if (!read_integer(json, "least", &low) || !read_integer(json, "most", &high) || low < 0 ||
        high < 0)
        return false;
    *least = (uint64_t)low;
    *most = (uint64_t)high;
    return true;
}

// Fills `domain` but its names.
static bool read_domain(esp_domain *domain, const json_t *json)
{
    const char *kind = json_string_value(json_object_get(json, "kind"));
    domain->flags = (json_is_true(json_object_get(json, "log")) ? ESP_DOMAIN_LOG : 0u) |
                    (json_is_true(json_object_get(json, "ordered")) ? ESP_DOMAIN_ORDERED : 0u);
    domain->count = json_array_size(json_object_get(json, "options"));
    if (!kind)
        return false;
    if (strcmp(kind, "one") == 0) {
        domain->kind = ESP_DECISION_ONE;
        return true;
    }
    if (strcmp(kind, "int") == 0) {
        domain->kind = ESP_DECISION_INT;
        return read_integer(json, "min", &domain->int_min) &&
               read_integer(json, "max", &domain->int_max);
    }
    if (strcmp(kind, "real") == 0) {
        domain->kind = ESP_DECISION_REAL;
        return read_number(json, "min", &domain->real_min) &&
               read_number(json, "max", &domain->real_max);
    }
    domain->kind = ESP_DECISION_SUBSET;
    return strcmp(kind, "subset") == 0 && read_bounds(json, &domain->least, &domain->most);
}

esp_status dictionary_restore(struct dictionary *dictionary, const char *path, const json_t *domain,
                              uint32_t *decision, struct error *error)
{
    esp_domain read = {.struct_size = sizeof read};
    if (!read_domain(&read, domain))
        return error_set(error, ESP_ERROR_DATA, "decision %s: what was stored is no domain", path);
    const char **names = calloc(read.count + 1, sizeof *names);
    if (!names)
        return error_memory(error);
    const json_t *options = json_object_get(domain, "options");
    for (uint64_t i = 0; i < read.count; i++)
        names[i] = json_string_value(json_array_get(options, i));
    read.names = names;
    esp_status status = domain_check(&read, path, error);
    if (status == ESP_OK) {
        uint32_t number = dictionary_path(dictionary, path, strlen(path));
        *decision = number == DICTIONARY_NONE ? DICTIONARY_NONE
                                              : dictionary_decision(dictionary, number, &read);
        if (*decision == DICTIONARY_NONE)
            status = error_memory(error);
    }
    free(names);
    return status;
}
