// SPDX-License-Identifier: Apache-2.0
// An architecture's JSON, written and read. Reading gives a list of (path, value): what they mean
// only a pass of the space can tell, which is core/builder/read.c.
#include "arch/arch.h"
#include "arch/domain.h"
#include "text/nearest.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

// Base64 (RFC 4648, with padding), or null where there is none. NULL: out of memory.
static json_t *genome_json(const struct arch *arch)
{
    uint64_t size;
    const void *genome = arch_genome(arch, &size);
    if (size == 0)
        return json_null();
    size_t room = sodium_base64_encoded_len(size, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(room);
    if (!text)
        return NULL;
    sodium_bin2base64(text, room, genome, size, sodium_base64_VARIANT_ORIGINAL);
    json_t *json = json_string(text);
    free(text);
    return json;
}

json_t *arch_json(const struct arch *arch, const char *space)
{
    uint64_t count;
    const struct choice *choices = arch_choices(arch, &count);
    const struct dictionary *dictionary = arch_dictionary(arch);
    json_t *decisions = json_array();
    for (uint64_t i = 0; decisions && i < count; i++) {
        uint32_t decision = choices[i].decision;
        const esp_domain *domain = dictionary_decision_domain(dictionary, decision);
        const char *path =
            dictionary_path_text(dictionary, dictionary_decision_path(dictionary, decision));
        json_t *pair = json_pack("[s, o]", path, value_json(domain, choices[i].value));
        if (json_array_append_new(decisions, pair) != 0) {
            json_decref(decisions);
            decisions = NULL;
        }
    }
    return json_pack("{s:s, s:o, s:o}", "space", space, "decisions", decisions, "genome",
                     genome_json(arch));
}

// ---- Reading the list ---------------------------------------------------------------------------

static esp_status read_pair(struct written_choice *out, const json_t *pair, size_t i,
                            struct error *error)
{
    const char *path = json_string_value(json_array_get(pair, 0));
    json_t *value = json_array_get(pair, 1);
    if (!path || !value || json_array_size(pair) != 2)
        return error_set(error, ESP_ERROR_INVALID,
                         "decision %zu of the architecture is no list of a path and a value", i);
    out->path = strdup(path);
    if (!out->path)
        return error_memory(error);
    out->value = json_incref(value);
    return ESP_OK;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

esp_status written_arch_check(const struct written_arch *written, struct error *error)
{
    const char **paths = calloc(written->count + 1, sizeof *paths);
    if (!paths)
        return error_memory(error);
    for (uint64_t i = 0; i < written->count; i++)
        paths[i] = written->choices[i].path;
    qsort(paths, written->count, sizeof *paths, compare_paths);
    esp_status status = ESP_OK;
    for (uint64_t i = 1; i < written->count && status == ESP_OK; i++)
        if (strcmp(paths[i - 1], paths[i]) == 0)
            status = error_set(error, ESP_ERROR_INVALID,
                               "decision %s stands twice in the architecture", paths[i]);
    free(paths);
    return status;
}

static esp_status read_genome(struct written_arch *out, const json_t *json, struct error *error)
{
    const char *text = json_string_value(json);
    size_t length = text ? strlen(text) : 0, size = 0;
    out->genome = malloc(length + 1);
    if (!out->genome)
        return error_memory(error);
    if (length == 0 || sodium_base642bin(out->genome, length, text, length, NULL, &size, NULL,
                                         sodium_base64_VARIANT_ORIGINAL) != 0)
        return error_set(error, ESP_ERROR_INVALID,
                         "the architecture's genome is no text in base64: expected null or one");
    out->genome_size = size;
    return ESP_OK;
}

esp_status written_arch_parse(struct written_arch *out, const json_t *json, struct error *error)
{
    const json_t *decisions = json_object_get(json, "decisions");
    const json_t *genome = json_object_get(json, "genome");
    esp_status status = ESP_OK;
    *out = (struct written_arch){0};
    if (!json_is_array(decisions))
        return error_set(error, ESP_ERROR_INVALID,
                         "the architecture is no JSON object with a list of decisions: expected "
                         "{\"decisions\": [[path, value], ...]}");
    size_t count = json_array_size(decisions);
    out->choices = calloc(count + 1, sizeof *out->choices);
    if (!out->choices)
        return error_memory(error);
    while (out->count < count && status == ESP_OK) {
        status = read_pair(&out->choices[out->count], json_array_get(decisions, out->count),
                           out->count, error);
        out->count++;
    }
    if (status == ESP_OK && genome && !json_is_null(genome))
        status = read_genome(out, genome, error);
    if (status == ESP_OK)
        status = written_arch_check(out, error);
    if (status != ESP_OK)
        written_arch_destroy(out);
    return status;
}

void written_arch_destroy(struct written_arch *written)
{
    for (uint64_t i = 0; i < written->count; i++) {
        free(written->choices[i].path);
        json_decref(written->choices[i].value);
    }
    free(written->choices);
    free(written->genome);
    *written = (struct written_arch){0};
}

// ---- Reading a value ----------------------------------------------------------------------------

// The option with this name, or the domain's count.
static uint64_t find_option(const esp_domain *domain, const char *name)
{
    for (uint64_t i = 0; i < domain->count; i++)
        if (strcmp(domain->names[i], name) == 0)
            return i;
    return domain->count;
}

// Options are written as their names; those that are decimals also as numbers.
static uint64_t read_option(const esp_domain *domain, const json_t *json)
{
    char text[32];
    if (json_is_integer(json)) {
        snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(json));
        return find_option(domain, text);
    }
    return json_is_string(json) ? find_option(domain, json_string_value(json)) : domain->count;
}

// A list of indices or of names, in any order.
static bool read_subset(esp_value *out, const json_t *json, const esp_domain *domain,
                        uint32_t *indices)
{
    uint32_t count = 0;
    if (!json_is_array(json) || json_array_size(json) > domain->count)
        return false;
    for (size_t i = 0; i < json_array_size(json); i++) {
        const json_t *member = json_array_get(json, i);
        uint64_t option = domain->count;
        if (!json_is_integer(member))
            option = read_option(domain, member);
        else if (json_integer_value(member) >= 0)
            option = (uint64_t)json_integer_value(member);
        if (option >= domain->count)
            return false;
        uint32_t at = count++; // insertion keeps them ascending
        for (; at > 0 && indices[at - 1] > option; at--)
            indices[at] = indices[at - 1];
        indices[at] = (uint32_t)option;
    }
    *out = esp_value_subset(indices, count);
    return true;
}

static bool read_value(esp_value *out, const json_t *json, const esp_domain *domain,
                       uint32_t *indices)
{
    switch (domain->kind) {
    case ESP_DECISION_ONE:
        *out = esp_value_one(read_option(domain, json));
        return true;
    case ESP_DECISION_INT:
        *out = esp_value_int(json_integer_value(json));
        return json_is_integer(json);
    case ESP_DECISION_REAL:
        *out = esp_value_real(json_number_value(json) + 0.0);
        return json_is_number(json);
    default:
        return read_subset(out, json, domain, indices);
    }
}

esp_status written_value(esp_value *out, const json_t *json, const esp_domain *domain,
                         uint32_t *indices, const char *path, struct error *error)
{
    if (read_value(out, json, domain, indices) && value_in_domain(domain, *out))
        return ESP_OK;
    char expected[512], nearest[128] = "";
    domain_text(expected, sizeof expected, domain);
    if (domain->kind == ESP_DECISION_ONE && json_is_string(json)) {
        const char *near = text_nearest(json_string_value(json), domain->names, domain->count);
        if (near)
            snprintf(nearest, sizeof nearest, "; the nearest is %s", near);
    }
    char *text = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);
    error_set(error, ESP_ERROR_INVALID, "decision %s: %.200s is not %s%s", path,
              text ? text : "the value", expected, nearest);
    free(text);
    return ESP_ERROR_INVALID;
}
