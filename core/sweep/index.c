// SPDX-License-Identifier: Apache-2.0
// sweep.json, and what an out folder holds already; see sweep.h. The state of a run is its store's to
// say: the index is for readers, and for runs that never had a store.
#include "run/out.h"
#include "store/store.h"
#include "sweep/sweep.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// ---- Writing ----------------------------------------------------------------------------------

static json_t *axes_array(const struct sweep *sweep)
{
    json_t *list = json_array();
    for (uint64_t i = 0; i < sweep->axes.count; i++) {
        const struct axis *axis = &sweep->axes.axes[i];
        const struct config_entry *when = sweep->axes.groups[axis->group].when;
        json_t *values = json_array();
        for (uint64_t j = 0; j < axis->value_count; j++)
            json_array_append_new(values, json_string(axis->values[j]));
        json_array_append_new(list, json_pack("{s:s, s:o, s:s?}", "key", axis->entry->key, "values",
                                              values, "when", when ? when->value : NULL));
    }
    return list;
}

static json_t *run_object(const struct sweep *sweep, const struct sweep_run *run)
{
    json_t *settings = json_object();
    for (uint64_t i = 0; i < sweep->axes.count; i++)
        if (run->choices[i] != AXIS_ABSENT)
            json_object_set_new(settings, sweep->axes.axes[i].entry->key,
                                json_string(sweep_value(sweep, run, i)));
    return json_pack("{s:s, s:o, s:o, s:s, s:o, s:s?}", "name", run->name, "folder",
                     json_sprintf("runs/%s", run->name), "settings", settings, "state",
                     sweep_state_name(run->state), "seconds",
                     isfinite(run->seconds) ? json_real(run->seconds) : json_null(), "error",
                     run->error);
}

json_t *sweep_index(const struct sweep *sweep)
{
    json_t *runs = json_array();
    for (uint64_t i = 0; i < sweep->count; i++)
        if (json_array_append_new(runs, run_object(sweep, &sweep->runs[i])) != 0) {
            json_decref(runs);
            return NULL;
        }
    return json_pack("{s:i, s:s, s:o, s:o}", "version", SWEEP_INDEX_VERSION, "name", sweep->name,
                     "axes", axes_array(sweep), "runs", runs);
}

esp_status sweep_write_index(const struct sweep *sweep, struct error *error)
{
    json_t *index = sweep_index(sweep);
    char *text = index ? json_dumps(index, JSON_INDENT(1) | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(index);
    if (!text)
        return error_memory(error);
    esp_status status = out_write(sweep->out, SWEEP_INDEX, text, error);
    free(text);
    return status;
}

// ---- What is there ----------------------------------------------------------------------------

// Every key once, in their order, as "a, b".
static void append_key(char *text, size_t size, const char *key)
{
    size_t length = strlen(key);
    for (const char *found = text; (found = strstr(found, key)); found += length)
        if ((found == text || found[-1] == ' ') && (found[length] == ',' || found[length] == '\0'))
            return;
    snprintf(text + strlen(text), size - strlen(text), "%s%s", text[0] ? ", " : "", key);
}

// The folder's sweep must have this one's name and axes; their values may be others.
static esp_status compare_index(const struct sweep *sweep, const json_t *index, struct error *error)
{
    char stored[512] = "", now[512] = "";
    size_t i;
    json_t *axis;
    const char *name = json_string_value(json_object_get(index, "name"));
    json_int_t version = json_integer_value(json_object_get(index, "version"));
    if (version > SWEEP_INDEX_VERSION || !name)
        return error_set(error, ESP_ERROR_INVALID,
                         "%s/%s: this program reads version %d, and it has version %lld",
                         sweep->out, SWEEP_INDEX, SWEEP_INDEX_VERSION, (long long)version);
    json_array_foreach (json_object_get(index, "axes"), i, axis) {
        const char *key = json_string_value(json_object_get(axis, "key"));
        append_key(stored, sizeof stored, key ? key : "?");
    }
    for (i = 0; i < sweep->axes.count; i++)
        append_key(now, sizeof now, sweep->axes.axes[i].entry->key);
    if (strcmp(name, sweep->name) != 0)
        return error_set(error, ESP_ERROR_INVALID,
                         "%s holds another sweep, '%s'; --out takes another folder for '%s'",
                         sweep->out, name, sweep->name);
    if (strcmp(stored, now) != 0)
        return error_set(error, ESP_ERROR_INVALID,
                         "%s holds a sweep over %s, and this one is over %s; --out takes another "
                         "folder",
                         sweep->out, stored, now);
    return ESP_OK;
}

static json_t *read_index(const struct sweep *sweep, struct error *error)
{
    char *path = NULL;
    json_error_t words;
    if (asprintf(&path, "%s/%s", sweep->out, SWEEP_INDEX) < 0) {
        error_memory(error);
        return NULL;
    }
    json_t *index = json_load_file(path, 0, &words);
    if (!index)
        error_set(error, ESP_ERROR_INVALID, "%s: line %d: %s", path, words.line, words.text);
    free(path);
    return index;
}

// Words of the index for runs that failed: before they had a store, or with no trial completed.
static void take_failures(struct sweep *sweep, const json_t *index)
{
    json_t *runs = json_object_get(index, "runs"), *failed = json_object(), *entry;
    size_t i;
    json_array_foreach (runs, i, entry) {
        const char *state = json_string_value(json_object_get(entry, "state"));
        const char *name = json_string_value(json_object_get(entry, "name"));
        if (state && name && strcmp(state, sweep_state_name(SWEEP_FAILED)) == 0)
            json_object_set(failed, name, json_object_get(entry, "error"));
    }
    for (i = 0; i < sweep->count; i++) {
        struct sweep_run *run = &sweep->runs[i];
        const char *words = json_string_value(json_object_get(failed, run->name));
        if (!words || (run->state != SWEEP_WAITING && run->state != SWEEP_DONE))
            continue;
        run->state = SWEEP_FAILED;
        free(run->error);
        run->error = strdup(words);
    }
    json_decref(failed);
}

static esp_status take_row(const struct sweep *sweep, struct sweep_run *run,
                           const struct run_row *row, bool refuse, struct error *error)
{
    struct error words;
    error_clear(&words);
    // Data may lie elsewhere: whether it is the same is the run's to check.
    char *difference = refuse ? experiment_difference(row->config, run->text, true, &words) : NULL;
    if (words.status != ESP_OK)
        return error_set(error, words.status, "%s: %s", run->folder, words.message);
    if (difference) {
        error_set(error, ESP_ERROR_INVALID,
                  "%s holds another sweep: its run %s has other settings; --out takes another "
                  "folder\n%s",
                  sweep->out, run->name, difference);
        free(difference);
        return ESP_ERROR_INVALID;
    }
    bool done = row->state == RUN_DONE && (!run->has_finals || row->finals_done) &&
                experiment_same_section(row->config, run->text, "[budget]") &&
                experiment_same_section(row->config, run->text, "[final]");
    run->state = done ? SWEEP_DONE : row->state == RUN_FAILED ? SWEEP_FAILED : SWEEP_INTERRUPTED;
    run->seconds = row->elapsed;
    free(run->error);
    run->error = run->state == SWEEP_FAILED && row->message ? strdup(row->message) : NULL;
    return ESP_OK;
}

// The row of its own store, where there is one.
static esp_status own_row(struct run_row *row, struct sweep_run *run, struct error *error)
{
    struct store *store = NULL;
    struct error words;
    error_clear(&words);
    run->has_own_store = false;
    if (!sweep_file_exists(run->folder, "espalier.db"))
        return ESP_OK;
    esp_status status = store_open(&store, run->folder, STORE_READ, &words);
    if (status == ESP_OK)
        status = store_get_run(store, row, &words);
    run->has_own_store = status == ESP_OK;
    // Killed before the run was written: it begins anew.
    if (status == ESP_ERROR_NOT_FOUND || strstr(words.message, "no store of Espalier"))
        status = ESP_OK;
    else if (status != ESP_OK)
        *error = words;
    store_close(store);
    return status;
}

esp_status sweep_look_at(struct sweep *sweep, struct sweep_run *run, struct store *store,
                         bool refuse, struct error *error)
{
    struct run_row row = {0};
    esp_status status = own_row(&row, run, error);
    if (status == ESP_OK && store)
        status = store_holds(store, run->name, &run->is_collected, error);
    if (status == ESP_OK && !run->has_own_store && run->is_collected && store)
        status = store_get_labelled(store, run->name, &row, error);
    if (status == ESP_OK && row.config)
        status = take_row(sweep, run, &row, refuse, error);
    run_row_destroy(&row);
    return status;
}

esp_status sweep_look(struct sweep *sweep, struct error *error)
{
    json_t *index = NULL;
    struct store *store = NULL;
    esp_status status = ESP_OK;
    if (out_holds_store(sweep->out) && !sweep_file_exists(sweep->out, SWEEP_INDEX))
        return error_set(error, ESP_ERROR_INVALID,
                         "%s holds a single run; --out takes another folder for the sweep",
                         sweep->out);
    if (sweep_file_exists(sweep->out, SWEEP_INDEX)) {
        index = read_index(sweep, error);
        status = index ? compare_index(sweep, index, error) : error->status;
    }
    if (status == ESP_OK)
        status = sweep_open_store(&store, sweep, STORE_READ, error);
    for (uint64_t i = 0; status == ESP_OK && i < sweep->count; i++)
        status = sweep_look_at(sweep, &sweep->runs[i], store, true, error);
    store_close(store);
    if (status == ESP_OK && index)
        take_failures(sweep, index);
    for (uint64_t i = 0; status == ESP_OK && i < sweep->count; i++)
        if (sweep->runs[i].state == SWEEP_DONE)
            sweep_learn(sweep, &sweep->runs[i]);
    json_decref(index);
    return status;
}
