// SPDX-License-Identifier: Apache-2.0
// Finds the runs at a path: a run folder, a CSV, a sweep (the runs that its index lists, those that have
// no store yet too), or any folder, whose subfolders are looked through.
#include "report/study.h"

#include "sweep/list.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// Folders below folders below ...
#define DEEPEST 16

// The real path; of a run that only its sweep's store has, which has no folder, that of the sweep's with
// what follows. Owner: the caller (free). NULL: neither is there.
static char *real_place(const char *path)
{
    char *real = realpath(path, NULL), *copy = NULL;
    const char *runs = NULL;
    for (const char *next = path; !real && (next = strstr(next, "/runs/")); next++)
        runs = next;
    if (runs && (copy = strndup(path, (size_t)(runs - path)))) {
        char *sweep = realpath(copy, NULL);
        if (sweep && asprintf(&real, "%s%s", sweep, runs) < 0)
            real = NULL;
        free(sweep);
    }
    free(copy);
    return real;
}

// Whether the path was read before; else it is noted.
static esp_status note(struct study *study, const char *path, bool *before, struct error *error)
{
    char *real = real_place(path);
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

// A run that has no row in a store yet: it never began, or ended before it did.
static esp_status add_without_row(struct study *study, const char *path, const char *name,
                                  const char *state, const char *reason, struct error *error)
{
    struct study_run run = {.source = strdup(path),
                            .name = strdup(name),
                            .state = strdup(state),
                            .reason = reason ? strdup(reason) : NULL,
                            .cost = NAN};
    study->found++;
    if (!run.source || !run.name || !run.state || (reason && !run.reason)) {
        study_run_destroy(&run);
        return error_memory(error);
    }
    return study_enter(study, &run, NULL, NULL, NULL, error);
}

// The store may have been made and the run not yet written.
static esp_status add_run_folder(struct study *study, const char *path, const char *name,
                                 const char *state, const char *reason, struct error *error)
{
    struct error words;
    error_clear(&words);
    esp_status status = add_once(study, path, true, &words);
    if (status == ESP_ERROR_NOT_FOUND || strstr(words.message, "no store of Espalier"))
        return add_without_row(study, path, name, state, reason, error);
    if (status != ESP_OK)
        return error_set(error, status, "%s", words.message);
    return ESP_OK;
}

// The store has the truth, but for a failure that only the sweep knows of.
static esp_status add_listed(struct study *study, const struct sweep_entry *entry,
                             struct error *error)
{
    uint64_t before = study->run_count;
    if (!entry->has_store)
        return add_without_row(study, entry->folder, entry->name, entry->state, entry->error,
                               error);
    esp_status status =
        add_run_folder(study, entry->folder, entry->name, entry->state, entry->error, error);
    if (status != ESP_OK || study->run_count == before || strcmp(entry->state, "failed") != 0)
        return status;
    struct study_run *run = &study->runs[before];
    char *state = strdup("failed"), *reason = entry->error ? strdup(entry->error) : NULL;
    if (!state || (entry->error && !reason)) {
        free(state);
        free(reason);
        return error_memory(error);
    }
    free(run->state);
    run->state = state;
    run->complete = false;
    if (reason) {
        free(run->reason);
        run->reason = reason;
    }
    return ESP_OK;
}

static esp_status add_sweep(struct study *study, const char *folder, struct error *error)
{
    struct sweep_list list;
    esp_status status = sweep_list_load(&list, folder, error);
    if (status != ESP_OK)
        return status;
    study->found++;
    for (uint64_t i = 0; status == ESP_OK && i < list.count; i++)
        status = add_listed(study, &list.entries[i], error);
    sweep_list_destroy(&list);
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
    if (sweep_is_folder(folder))
        return add_sweep(study, folder, error);
    if (study_is_run(folder))
        return add_run_folder(study, folder, folder, "empty", "its store has no run yet", error);
    return depth < DEEPEST ? add_below(study, folder, depth, error) : ESP_OK;
}

esp_status study_add(struct study *study, const char *path, struct error *error)
{
    struct stat found;
    uint64_t before = study->found;
    bool there = stat(path, &found) == 0;
    if (!there && !study_is_run(path)) {
        error_system(error, path, "read it", errno);
        return error->status = ESP_ERROR_NOT_FOUND;
    }
    if (there && !S_ISDIR(found.st_mode))
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
