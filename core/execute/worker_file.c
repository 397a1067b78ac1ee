// SPDX-License-Identifier: Apache-2.0
// worker.json: all that a worker needs besides specifications.
#include "execute/execute.h"

#include "execute/worker_file.h"

#include <espalier/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

// How long workers of a coordinator that was killed are waited for: looks, and nanoseconds between.
#define MOST_LOOKS 500
#define LOOK_NANOSECONDS 10000000

// ---- The lock ---------------------------------------------------------------------------------

esp_status worker_file_lock(int *out, const char *run_folder, struct error *error)
{
    char *path = NULL;
    esp_status status = ESP_OK;
    if (asprintf(&path, "%s/worker.json", run_folder) < 0)
        return error_memory(error);
    *out = open(path, O_RDONLY | O_CLOEXEC);
    if (*out < 0 || flock(*out, LOCK_SH) != 0)
        status = error_system(error, path, "lock", errno);
    free(path);
    return status;
}

static esp_status wait_for_earlier_workers(const char *path, struct error *error)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return ESP_OK;
    int code = -1;
    for (int look = 0; look < MOST_LOOKS; look++) {
        code = flock(file, LOCK_EX | LOCK_NB);
        if (code == 0 || errno != EWOULDBLOCK)
            break;
        nanosleep(&(struct timespec){0, LOOK_NANOSECONDS}, NULL);
    }
    esp_status status = ESP_OK;
    if (code != 0 && errno == EWOULDBLOCK)
        status = error_set(error, ESP_ERROR_INVALID,
                           "%s: a worker of an earlier run, or a process that it started, is still "
                           "going: it holds a lock on this file",
                           path);
    close(file);
    return status;
}

// ---- The file ---------------------------------------------------------------------------------

static json_t *plugin_rows(const struct experiment *experiment)
{
    const struct part *const parts[] = {&experiment->space,     &experiment->strategy,
                                        &experiment->estimator, &experiment->dataset,
                                        &experiment->engine,    &experiment->base};
    json_t *rows = json_array();
    for (size_t i = 0; i < ESP_COUNT(parts); i++) {
        const struct component *component = parts[i]->component;
        if (!component)
            continue;
        json_t *row = json_pack("{s:s, s:s, s:s, s:s}", "kind", kind_name(component->kind), "id",
                                component->id, "path", component->path, "sha256",
                                component->sha256 ? component->sha256 : "");
        if (json_array_append_new(rows, row) != 0) {
            json_decref(rows);
            return NULL;
        }
    }
    return rows;
}

esp_status worker_file_write(const char *run_folder, const struct experiment *experiment,
                             struct error *error)
{
    char *text = experiment_text(experiment, false, error), *path = NULL, *aside = NULL;
    json_t *plugins = NULL, *whole = NULL;
    esp_status status = text ? ESP_OK : error->status;
    if (status != ESP_OK)
        goto cleanup;
    plugins = plugin_rows(experiment);
    whole = json_pack("{s:s, s:s, s:O}", "espalier", ESPALIER_VERSION, "config", text, "plugins",
                      plugins);
    if (!whole || asprintf(&path, "%s/worker.json", run_folder) < 0 ||
        asprintf(&aside, "%s/.worker.json.new", run_folder) < 0) {
        status = error_memory(error);
        goto cleanup;
    }
    status = wait_for_earlier_workers(path, error);
    if (status == ESP_OK &&
        (json_dump_file(whole, aside, JSON_INDENT(1)) != 0 || rename(aside, path) != 0))
        status = error_system(error, path, "write", errno);
cleanup:
    json_decref(plugins);
    json_decref(whole);
    free(text);
    free(path);
    free(aside);
    return status;
}

esp_status worker_file_read(struct experiment **out, struct registry *registry,
                            const char *run_folder, struct error *error)
{
    char *path = NULL;
    json_error_t reason;
    if (asprintf(&path, "%s/worker.json", run_folder) < 0)
        return error_memory(error);
    json_t *whole = json_load_file(path, 0, &reason);
    const char *text = json_string_value(json_object_get(whole, "config"));
    const char *version = json_string_value(json_object_get(whole, "espalier"));
    esp_status status = ESP_OK;
    struct config *config = NULL;
    if (!text || !version)
        status = error_set(error, ESP_ERROR_DATA, "%s: %s", path,
                           whole ? "it is no file for workers" : reason.text);
    else if (strcmp(version, ESPALIER_VERSION) != 0)
        status = error_set(error, ESP_ERROR_INVALID,
                           "%s: the run is of espalier %s, and this program is %s", path, version,
                           ESPALIER_VERSION);
    size_t i;
    json_t *row;
    json_array_foreach (json_object_get(whole, "plugins"), i, row) {
        const struct component *component;
        const char *kind = json_string_value(json_object_get(row, "kind"));
        const char *id = json_string_value(json_object_get(row, "id"));
        const char *file = json_string_value(json_object_get(row, "path"));
        const char *sha256 = json_string_value(json_object_get(row, "sha256"));
        if (status != ESP_OK)
            break;
        if (!kind || !id || !file || !sha256)
            status = error_set(error, ESP_ERROR_DATA, "%s: a plugin's row is malformed", path);
        else
            status = registry_find_file(&component, registry, kind_from_name(kind), id, file,
                                        sha256, error);
    }
    if (status == ESP_OK)
        status = config_parse(&config, text, path, run_folder, error);
    if (status == ESP_OK)
        status = experiment_create(out, config, registry, error);
    json_decref(whole);
    free(path);
    return status;
}
