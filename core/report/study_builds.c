// SPDX-License-Identifier: Apache-2.0
// Runs that were made with other builds of the same plugin: what differs between them may be the plugin's
// doing. See study.h.
#include "report/study.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Digits of a SHA-256 that are shown.
#define SHOWN 12

// {"space/chain": {"<sha256>": true, ...}} of the runs of a method; UINT64_MAX: of all. NULL: out of memory.
static json_t *builds_of(const struct study *study, uint64_t method)
{
    json_t *all = json_object(), *plugin;
    size_t j;
    bool whole = all;
    for (uint64_t i = 0; whole && i < study->run_count; i++) {
        const struct study_run *run = &study->runs[i];
        if (method != UINT64_MAX && run->method != method)
            continue;
        json_array_foreach (run->plugins, j, plugin) {
            const char *sha256 = json_string_value(json_object_get(plugin, "sha256"));
            char name[256];
            if (!sha256 || !sha256[0]) // part of the program
                continue;
            snprintf(name, sizeof name, "%s/%s", json_string_value(json_object_get(plugin, "kind")),
                     json_string_value(json_object_get(plugin, "id")));
            if (!json_object_get(all, name))
                whole = whole && json_object_set_new(all, name, json_object()) == 0;
            whole =
                whole && json_object_set_new(json_object_get(all, name), sha256, json_true()) == 0;
        }
    }
    if (whole)
        return all;
    json_decref(all);
    return NULL;
}

// "0123456789ab, cdef01234567"
static char *list_builds(json_t *builds)
{
    char *text = NULL;
    const char *sha256;
    json_t *value;
    json_object_foreach (builds, sha256, value) {
        char *longer = NULL;
        int length =
            asprintf(&longer, "%s%s%.*s", text ? text : "", text ? ", " : "", SHOWN, sha256);
        free(text);
        if (length < 0)
            return NULL;
        text = longer;
    }
    return text;
}

static esp_status add(const struct study *study, json_t *const *by_method, const char *name,
                      struct study_difference **list, uint64_t *count, struct error *error)
{
    struct study_difference *grown = realloc(*list, (*count + 1) * sizeof *grown);
    if (!grown)
        return error_memory(error);
    *list = grown;
    struct study_difference *difference = &grown[*count];
    *difference = (struct study_difference){
        .values = calloc(study->method_count + 1, sizeof *difference->values)};
    if (!difference->values)
        return error_memory(error);
    (*count)++;
    if (asprintf(&difference->key, "build of %s (SHA-256)", name) < 0) {
        difference->key = NULL;
        return error_memory(error);
    }
    for (uint64_t i = 0; i < study->method_count; i++) {
        json_t *builds = json_object_get(by_method[i], name);
        if (builds && !(difference->values[i] = list_builds(builds)))
            return error_memory(error);
    }
    return ESP_OK;
}

esp_status study_add_builds(const struct study *study, struct study_difference **list,
                            uint64_t *count, struct error *error)
{
    json_t *all = builds_of(study, UINT64_MAX), *builds;
    json_t **by_method = calloc(study->method_count + 1, sizeof(json_t *));
    esp_status status = all && by_method ? ESP_OK : error_memory(error);
    for (uint64_t i = 0; status == ESP_OK && i < study->method_count; i++)
        if (!(by_method[i] = builds_of(study, i)))
            status = error_memory(error);
    const char *name;
    json_object_foreach (all, name, builds)
        if (status == ESP_OK && json_object_size(builds) > 1)
            status = add(study, by_method, name, list, count, error);
    for (uint64_t i = 0; by_method && i < study->method_count; i++)
        json_decref(by_method[i]);
    free(by_method);
    json_decref(all);
    return status;
}
