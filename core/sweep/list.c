// SPDX-License-Identifier: Apache-2.0
// A sweep read back from its folder; see list.h.
#include "sweep/list.h"

#include "store/store.h"
#include "sweep/sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool exists(const char *folder, const char *name)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        return false;
    bool found = access(path, F_OK) == 0;
    free(path);
    return found;
}

bool sweep_is_folder(const char *folder)
{
    return exists(folder, SWEEP_INDEX);
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static esp_status add_entry(struct sweep_list *list, const char *folder, const json_t *run,
                            struct error *error)
{
    struct sweep_entry *entry = &list->entries[list->count];
    const char *place = text_of(run, "folder");
    entry->name = text_of(run, "name");
    entry->settings = json_object_get(run, "settings");
    entry->state = text_of(run, "state");
    entry->error = text_of(run, "error");
    if (!place || !entry->name || !entry->state || !json_is_object(entry->settings))
        return error_set(error, ESP_ERROR_DATA, "%s/%s: run %llu is not complete", folder,
                         SWEEP_INDEX, (unsigned long long)list->count);
    if (asprintf(&entry->folder, "%s/%s", folder, place) < 0) {
        entry->folder = NULL;
        return error_memory(error);
    }
    entry->has_store = store_finds_run(entry->folder);
    list->count++;
    return ESP_OK;
}

esp_status sweep_list_load(struct sweep_list *out, const char *folder, struct error *error)
{
    char *path = NULL;
    json_error_t words;
    memset(out, 0, sizeof *out);
    if (asprintf(&path, "%s/%s", folder, SWEEP_INDEX) < 0)
        return error_memory(error);
    esp_status status = ESP_OK;
    out->index = json_load_file(path, 0, &words);
    out->name = text_of(out->index, "name");
    const json_t *runs = json_object_get(out->index, "runs");
    json_int_t version = json_integer_value(json_object_get(out->index, "version"));
    if (!out->index)
        status = error_set(error, ESP_ERROR_DATA, "%s: line %d: %s", path, words.line, words.text);
    else if (version > SWEEP_INDEX_VERSION)
        status = error_set(error, ESP_ERROR_INVALID,
                           "%s: it has version %lld, and this program reads version %d", path,
                           (long long)version, SWEEP_INDEX_VERSION);
    else if (!out->name || !json_is_array(runs))
        status = error_set(error, ESP_ERROR_DATA, "%s: it is no index of a sweep", path);
    if (status == ESP_OK &&
        !(out->entries = calloc(json_array_size(runs) + 1, sizeof *out->entries)))
        status = error_memory(error);
    for (size_t i = 0; status == ESP_OK && i < json_array_size(runs); i++)
        status = add_entry(out, folder, json_array_get(runs, i), error);
    free(path);
    if (status != ESP_OK)
        sweep_list_destroy(out);
    return status;
}

void sweep_list_destroy(struct sweep_list *list)
{
    for (uint64_t i = 0; i < list->count; i++)
        free(list->entries[i].folder);
    free(list->entries);
    json_decref(list->index);
    memset(list, 0, sizeof *list);
}
