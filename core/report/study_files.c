// SPDX-License-Identifier: Apache-2.0
// Finds the runs at a path: a run folder, a CSV, a sweep (the runs that its index lists, those that have
// no store yet too), or any folder, whose subfolders are looked through.
#include "report/study.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// Folders below folders below ...
#define DEEPEST 16

// Whether the path was read before; else it is noted.
static esp_status note(struct study *study, const char *path, bool *before, struct error *error)
{
    char *real = realpath(path, NULL);
    if (!real)
        return error_system(error, path, "read it", errno);
    *before = false;
    for (uint64_t i = 0; i < study->seen_count && !*before; i++)
        *before = strcmp(study->seen[i], real) == 0;
    if (*before) {
        free(real);
        return ESP_OK;
    }
    char **grown = realloc(study->seen, (study->seen_count + 1) * sizeof *grown);
    if (!grown) {
        free(real);
        return error_memory(error);
    }
    study->seen = grown;
    study->seen[study->seen_count++] = real;
    return ESP_OK;
}

static esp_status add_once(struct study *study, const char *path, bool folder, struct error *error)
{
    bool before;
    study->found++;
    esp_status status = note(study, path, &before, error);
    if (status != ESP_OK || before)
        return status;
    return folder ? study_add_run(study, path, error) : study_add_csv(study, path, error);
}

// A run that the sweep lists and that has no store: it never began, or failed before it did.
static esp_status add_without_store(struct study *study, const char *path, const json_t *entry,
                                    struct error *error)
{
    study->found++;
    const char *state = json_string_value(json_object_get(entry, "state"));
    const char *reason = json_string_value(json_object_get(entry, "error"));
    const char *name = json_string_value(json_object_get(entry, "name"));
    struct study_run run = {.source = strdup(path),
                            .name = strdup(name ? name : path),
                            .state = strdup(state ? state : "waiting"),
                            .reason = reason ? strdup(reason) : NULL,
                            .cost = NAN};
    if (!run.source || !run.name || !run.state || (reason && !run.reason)) {
        study_run_destroy(&run);
        return error_memory(error);
    }
    return study_enter(study, &run, NULL, NULL, NULL, error);
}

static esp_status add_listed(struct study *study, const char *folder, const char *index,
                             const json_t *entry, struct error *error)
{
    const char *below = json_string_value(json_object_get(entry, "folder"));
    char *path = NULL;
    if (!below)
        return error_set(error, ESP_ERROR_DATA, "%s: a run has no folder", index);
    if (asprintf(&path, "%s/%s", folder, below) < 0)
        return error_memory(error);
    esp_status status = study_is_run(path) ? add_once(study, path, true, error)
                                           : add_without_store(study, path, entry, error);
    free(path);
    return status;
}

static esp_status add_sweep(struct study *study, const char *folder, const char *index,
                            struct error *error)
{
    json_error_t fault;
    json_t *json = json_load_file(index, 0, &fault), *runs = json_object_get(json, "runs"), *entry;
    esp_status status = ESP_OK;
    size_t i;
    if (!json)
        status = error_set(error, ESP_ERROR_DATA, "%s:%d: this is no index of a sweep: %s", index,
                           fault.line, fault.text);
    else if (!json_is_array(runs))
        status = error_set(error, ESP_ERROR_DATA,
                           "%s: this is no index of a sweep: it has no list of runs", index);
    json_array_foreach (runs, i, entry)
        if (status == ESP_OK)
            status = add_listed(study, folder, index, entry, error);
    json_decref(json);
    return status;
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static esp_status add_folder(struct study *study, const char *folder, int depth,
                             struct error *error);

static esp_status add_below(struct study *study, const char *folder, int depth, struct error *error)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, visible, versionsort);
    if (count < 0)
        return error_system(error, folder, "look into it", errno);
    esp_status status = ESP_OK;
    for (int i = 0; i < count; i++) {
        char *path = NULL;
        struct stat found;
        if (status == ESP_OK && asprintf(&path, "%s/%s", folder, entries[i]->d_name) < 0)
            status = error_memory(error);
        else if (status == ESP_OK) {
            if (lstat(path, &found) == 0 && S_ISDIR(found.st_mode))
                status = add_folder(study, path, depth + 1, error);
            free(path);
        }
        free(entries[i]);
    }
    free(entries);
    return status;
}

static esp_status add_folder(struct study *study, const char *folder, int depth,
                             struct error *error)
{
    if (study_is_run(folder))
        return add_once(study, folder, true, error);
    char *index = NULL;
    struct stat found;
    if (asprintf(&index, "%s/sweep.json", folder) < 0)
        return error_memory(error);
    esp_status status = ESP_OK;
    if (stat(index, &found) == 0)
        status = add_sweep(study, folder, index, error);
    else if (depth < DEEPEST)
        status = add_below(study, folder, depth, error);
    free(index);
    return status;
}

esp_status study_add(struct study *study, const char *path, struct error *error)
{
    struct stat found;
    uint64_t before = study->found;
    if (stat(path, &found) != 0) {
        error_system(error, path, "read it", errno);
        return error->status = ESP_ERROR_NOT_FOUND;
    }
    if (!S_ISDIR(found.st_mode))
        return add_once(study, path, false, error);
    char *trimmed = strdup(path);
    if (!trimmed)
        return error_memory(error);
    for (size_t n = strlen(trimmed); n > 1 && trimmed[n - 1] == '/'; n--)
        trimmed[n - 1] = '\0';
    esp_status status = add_folder(study, trimmed, 0, error);
    free(trimmed);
    if (status == ESP_OK && study->found == before)
        return error_set(error, ESP_ERROR_NOT_FOUND,
                         "%s: no run lies here or below (a run's folder holds espalier.db)", path);
    return status;
}
