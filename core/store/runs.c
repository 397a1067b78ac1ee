// SPDX-License-Identifier: Apache-2.0
// Rows of runs with their metrics and plugins, and of final trainings.
#include "loader/registry.h"
#include "store/statement.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

const char *run_state_name(enum run_state state)
{
    static const char *const names[] = {"", "running", "done", "interrupted", "failed"};
    return names[state];
}

void run_row_destroy(struct run_row *row)
{
    free(row->name);
    free(row->config);
    free(row->reason);
    free(row->message);
    free(row->space);
    free(row->objectives);
    free(row->data_sha256);
    free(row->provenance);
    memset(row, 0, sizeof *row);
}

static esp_status add_plugins(struct store *store, int64_t plugin_set,
                              const struct plugin_row *plugins, uint64_t count, struct error *error)
{
    sqlite3_stmt *insert =
        store_prepare(store,
                      "INSERT INTO plugin (plugin_set, kind, id, version, sha256, path)"
                      " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                      error);
    esp_status status = insert ? ESP_OK : ESP_ERROR_IO;
    for (uint64_t i = 0; status == ESP_OK && i < count; i++) {
        sqlite3_bind_int64(insert, 1, plugin_set);
        sqlite3_bind_int64(insert, 2, plugins[i].kind);
        bind_text(insert, 3, plugins[i].id);
        bind_text(insert, 4, plugins[i].version);
        bind_text(insert, 5, plugins[i].sha256);
        bind_text(insert, 6, plugins[i].path);
        status = store_execute(store, insert, error);
    }
    sqlite3_finalize(insert);
    return status;
}

static esp_status add_metrics(struct store *store, int64_t run, const struct metric_row *metrics,
                              uint64_t count, struct error *error)
{
    sqlite3_stmt *insert =
        store_prepare(store,
                      "INSERT INTO metric (run, position, name, unit, flags, better)"
                      " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                      error);
    esp_status status = insert ? ESP_OK : ESP_ERROR_IO;
    for (uint64_t i = 0; status == ESP_OK && i < count; i++) {
        sqlite3_bind_int64(insert, 1, run);
        sqlite3_bind_int64(insert, 2, (int64_t)i);
        bind_text(insert, 3, metrics[i].name);
        bind_text(insert, 4, metrics[i].unit);
        sqlite3_bind_int64(insert, 5, metrics[i].flags);
        sqlite3_bind_int64(insert, 6, metrics[i].better);
        status = store_execute(store, insert, error);
    }
    sqlite3_finalize(insert);
    return status;
}

static esp_status next_plugin_set(struct store *store, int64_t *out, struct error *error)
{
    sqlite3_stmt *select =
        store_prepare(store, "SELECT coalesce(max(plugin_set), 0) + 1 FROM plugin", error);
    if (!select)
        return ESP_ERROR_IO;
    esp_status status = ESP_OK;
    if (sqlite3_step(select) == SQLITE_ROW)
        *out = sqlite3_column_int64(select, 0);
    else
        status = store_fail(store, error);
    sqlite3_finalize(select);
    return status;
}

esp_status store_add_run(struct store *store, struct run_row *row, const struct metric_row *metrics,
                         uint64_t metric_count, const struct plugin_row *plugins,
                         uint64_t plugin_count, struct error *error)
{
    esp_status status = store_begin(store, error);
    if (status == ESP_OK)
        status = next_plugin_set(store, &row->plugin_set, error);
    if (status != ESP_OK)
        return status;
    store->plugin_set = row->plugin_set;
    sqlite3_stmt *insert =
        store_prepare(store,
                      "INSERT INTO run (name, seed, config, state, reason, message, space,"
                      " data_sha256, provenance, elapsed, plugin_set, objectives)"
                      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                      error);
    if (!insert)
        return ESP_ERROR_IO;
    bind_text(insert, 1, row->name);
    sqlite3_bind_int64(insert, 2, (int64_t)row->seed);
    bind_text(insert, 3, row->config);
    sqlite3_bind_int64(insert, 4, row->state);
    bind_text(insert, 5, row->reason);
    bind_text(insert, 6, row->message);
    bind_text(insert, 7, row->space);
    bind_text(insert, 8, row->data_sha256);
    bind_text(insert, 9, row->provenance);
    sqlite3_bind_double(insert, 10, row->elapsed);
    sqlite3_bind_int64(insert, 11, row->plugin_set);
    bind_text(insert, 12, row->objectives);
    status = store_execute(store, insert, error);
    sqlite3_finalize(insert);
    row->run = sqlite3_last_insert_rowid(store->database);
    if (status == ESP_OK)
        status = add_plugins(store, row->plugin_set, plugins, plugin_count, error);
    if (status == ESP_OK)
        status = add_metrics(store, row->run, metrics, metric_count, error);
    return status;
}

esp_status store_set_run(struct store *store, const struct run_row *row, struct error *error)
{
    esp_status status = store_begin(store, error);
    if (status != ESP_OK)
        return status;
    sqlite3_stmt *update =
        store_prepare(store,
                      "UPDATE run SET config = ?2, state = ?3, reason = ?4, message = ?5,"
                      " elapsed = ?6, finals_done = ?7 WHERE run = ?1",
                      error);
    if (!update)
        return ESP_ERROR_IO;
    sqlite3_bind_int64(update, 1, row->run);
    bind_text(update, 2, row->config);
    sqlite3_bind_int64(update, 3, row->state);
    bind_text(update, 4, row->reason);
    bind_text(update, 5, row->message);
    sqlite3_bind_double(update, 6, row->elapsed);
    sqlite3_bind_int(update, 7, row->finals_done ? 1 : 0);
    status = store_execute(store, update, error);
    sqlite3_finalize(update);
    return status;
}

#define RUN_COLUMNS                                                                                \
    "SELECT run, name, seed, config, state, reason, message, space, data_sha256,"                  \
    " provenance, elapsed, plugin_set, finals_done, objectives FROM run"

static esp_status get_run(struct store *store, const char *label, struct run_row *out,
                          struct error *error)
{
    memset(out, 0, sizeof *out);
    sqlite3_stmt *select = store_prepare(
        store, label ? RUN_COLUMNS " WHERE label = ?1" : RUN_COLUMNS " ORDER BY run LIMIT 1",
        error);
    if (!select)
        return ESP_ERROR_IO;
    if (label)
        bind_text(select, 1, label);
    int code = sqlite3_step(select);
    esp_status status = ESP_OK;
    if (code == SQLITE_ROW) {
        out->run = sqlite3_column_int64(select, 0);
        out->name = column_text(select, 1);
        out->seed = (uint64_t)sqlite3_column_int64(select, 2);
        out->config = column_text(select, 3);
        out->state = (enum run_state)sqlite3_column_int(select, 4);
        out->reason = column_text(select, 5);
        out->message = column_text(select, 6);
        out->space = column_text(select, 7);
        out->data_sha256 = column_text(select, 8);
        out->provenance = column_text(select, 9);
        out->elapsed = sqlite3_column_double(select, 10);
        out->plugin_set = store->plugin_set = sqlite3_column_int64(select, 11);
        out->finals_done = sqlite3_column_int(select, 12) != 0;
        out->objectives = column_text(select, 13);
        if (!out->name || !out->config || !out->space || !out->provenance || !out->objectives)
            status = error_memory(error);
    } else if (code == SQLITE_DONE) {
        status = error_set(error, ESP_ERROR_NOT_FOUND, "%s: it holds no run yet", store->path);
    } else {
        status = store_fail(store, error);
    }
    sqlite3_finalize(select);
    return status;
}

esp_status store_get_run(struct store *store, struct run_row *out, struct error *error)
{
    return get_run(store, store->label, out, error);
}

esp_status store_get_labelled(struct store *store, const char *label, struct run_row *out,
                              struct error *error)
{
    return get_run(store, label, out, error);
}

void metric_rows_destroy(struct metric_row *rows, uint64_t count)
{
    for (uint64_t i = 0; rows && i < count; i++) {
        free(rows[i].name);
        free(rows[i].unit);
    }
    free(rows);
}

esp_status store_get_metrics(struct store *store, int64_t run, struct metric_row **out,
                             uint64_t *count, struct error *error)
{
    *out = NULL;
    *count = 0;
    sqlite3_stmt *select = store_prepare(
        store, "SELECT name, unit, flags, better FROM metric WHERE run = ?1 ORDER BY position",
        error);
    if (!select)
        return ESP_ERROR_IO;
    sqlite3_bind_int64(select, 1, run);
    esp_status status = ESP_OK;
    int code = SQLITE_DONE;
    while (status == ESP_OK && (code = sqlite3_step(select)) == SQLITE_ROW) {
        struct metric_row *grown = realloc(*out, (*count + 1) * sizeof **out);
        if (!grown) {
            status = error_memory(error);
            break;
        }
        *out = grown;
        struct metric_row *row = &grown[(*count)++];
        row->name = column_text(select, 0);
        row->unit = column_text(select, 1);
        row->flags = (uint32_t)sqlite3_column_int64(select, 2);
        row->better = (uint32_t)sqlite3_column_int64(select, 3);
        if (!row->name || !row->unit)
            status = error_memory(error);
    }
    if (status == ESP_OK && code != SQLITE_DONE)
        status = store_fail(store, error);
    sqlite3_finalize(select);
    return status;
}

esp_status store_get_plugins(struct store *store, int64_t plugin_set, json_t **out,
                             struct error *error)
{
    sqlite3_stmt *select =
        store_prepare(store,
                      "SELECT kind, id, version, sha256, path FROM plugin WHERE plugin_set = ?1"
                      " ORDER BY kind, id",
                      error);
    if (!select)
        return ESP_ERROR_IO;
    sqlite3_bind_int64(select, 1, plugin_set);
    json_t *list = json_array();
    while (sqlite3_step(select) == SQLITE_ROW)
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s, s:s, s:s}", "kind",
                                        kind_name((uint32_t)sqlite3_column_int64(select, 0)), "id",
                                        (const char *)sqlite3_column_text(select, 1), "version",
                                        (const char *)sqlite3_column_text(select, 2), "sha256",
                                        (const char *)sqlite3_column_text(select, 3), "path",
                                        (const char *)sqlite3_column_text(select, 4)));
    sqlite3_finalize(select);
    *out = list;
    return list ? ESP_OK : error_memory(error);
}

// ---- Final trainings --------------------------------------------------------------------------

void final_row_destroy(struct final_row *row)
{
    free(row->metrics);
    free(row->error);
    free(row->folder);
    memset(row, 0, sizeof *row);
}

esp_status store_put_final(struct store *store, int64_t run, const struct final_row *row,
                           struct error *error)
{
    esp_status status = store_begin(store, error);
    if (status != ESP_OK)
        return status;
    sqlite3_stmt *insert =
        store_prepare(store,
                      "INSERT OR REPLACE INTO final (run, final, trial, seed, state, metrics,"
                      " seconds, error, test_read, folder)"
                      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                      error);
    if (!insert)
        return ESP_ERROR_IO;
    sqlite3_bind_int64(insert, 1, run);
    sqlite3_bind_int64(insert, 2, (int64_t)row->final);
    sqlite3_bind_int64(insert, 3, (int64_t)row->trial);
    sqlite3_bind_int64(insert, 4, (int64_t)row->seed);
    sqlite3_bind_int64(insert, 5, row->state);
    bind_text(insert, 6, row->metrics);
    sqlite3_bind_double(insert, 7, row->seconds);
    bind_text(insert, 8, row->error);
    sqlite3_bind_int(insert, 9, row->test_read ? 1 : 0);
    bind_text(insert, 10, row->folder);
    status = store_execute(store, insert, error);
    sqlite3_finalize(insert);
    return status;
}

esp_status store_each_final(struct store *store, int64_t run, final_visitor each, void *self,
                            struct error *error)
{
    sqlite3_stmt *select =
        store_prepare(store,
                      "SELECT final, trial, seed, state, metrics, seconds, error, test_read, folder"
                      " FROM final WHERE run = ?1 ORDER BY final",
                      error);
    if (!select)
        return ESP_ERROR_IO;
    sqlite3_bind_int64(select, 1, run);
    esp_status status = ESP_OK;
    int code = SQLITE_DONE;
    while (status == ESP_OK && (code = sqlite3_step(select)) == SQLITE_ROW) {
        struct final_row row = {
            .final = (uint64_t)sqlite3_column_int64(select, 0),
            .trial = (uint64_t)sqlite3_column_int64(select, 1),
            .seed = (uint64_t)sqlite3_column_int64(select, 2),
            .state = (enum trial_state)sqlite3_column_int(select, 3),
            .metrics = column_text(select, 4),
            .seconds = sqlite3_column_double(select, 5),
            .error = column_text(select, 6),
            .test_read = sqlite3_column_int(select, 7) != 0,
            .folder = column_text(select, 8),
        };
        status = each(self, &row);
        final_row_destroy(&row);
    }
    if (status == ESP_OK && code != SQLITE_DONE)
        status = store_fail(store, error);
    sqlite3_finalize(select);
    return status;
}
