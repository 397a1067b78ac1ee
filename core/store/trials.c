// SPDX-License-Identifier: Apache-2.0
// Rows of trials, and the dictionary that their traces are packed against. Decisions are written in
// the order of their numbers, always before the first trace that uses them and in its transaction.
#include "store/statement.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

const char *trial_state_name(enum trial_state state)
{
    static const char *const names[] = {"",        "queued", "running", "done",
                                        "stopped", "failed", "lost",    "cancelled"};
    return names[state];
}

bool trial_state_is_outcome(enum trial_state state)
{
    return state >= TRIAL_DONE;
}

static esp_status write_decisions(struct store *store, int64_t run,
                                  const struct dictionary *dictionary, struct error *error)
{
    uint32_t count = dictionary_decision_count(dictionary);
    for (; store->decisions < count; store->decisions++) {
        sqlite3_stmt *insert = store_statement(store, STATEMENT_INSERT_DECISION, error);
        json_t *domain = domain_json(dictionary_decision_domain(dictionary, store->decisions));
        char *text = domain ? json_dumps(domain, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
        json_decref(domain);
        if (!insert || !text) {
            free(text);
            return insert ? error_memory(error) : ESP_ERROR_IO;
        }
        uint32_t path = dictionary_decision_path(dictionary, store->decisions);
        sqlite3_bind_int64(insert, 1, run);
        sqlite3_bind_int64(insert, 2, store->decisions);
        bind_text(insert, 3, dictionary_path_text(dictionary, path));
        bind_text(insert, 4, text);
        esp_status status = store_execute(store, insert, error);
        free(text);
        if (status != ESP_OK)
            return status;
    }
    return ESP_OK;
}

static char *fidelity_text(const struct trial_row *row)
{
    json_t *object = json_object();
    for (uint64_t i = 0; i < row->fidelity_count; i++)
        json_object_set_new(object, row->fidelity[i].name, json_real(row->fidelity[i].value));
    char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(object);
    return text;
}

static void bind_metrics(sqlite3_stmt *statement, int column, const struct trial_row *row)
{
    if (row->metrics)
        sqlite3_bind_blob(statement, column, row->metrics,
                          (int)(row->metric_count * sizeof(double)), SQLITE_STATIC);
    else
        sqlite3_bind_null(statement, column);
}

static void bind_told(sqlite3_stmt *statement, int column, uint64_t event)
{
    if (event)
        sqlite3_bind_int64(statement, column, (int64_t)event);
    else
        sqlite3_bind_null(statement, column);
}

esp_status store_insert_trial(struct store *store, int64_t run, const struct trial_row *row,
                              struct error *error)
{
    size_t packed_size = 0;
    char *fidelity = NULL;
    sqlite3_stmt *insert = NULL;
    esp_status status = store_begin(store, error);
    if (status == ESP_OK)
        status = write_decisions(store, run, arch_dictionary(row->arch), error);
    if (status == ESP_OK)
        status = arch_pack(row->arch, &store->packed, &store->packed_capacity, &packed_size, error);
    if (status == ESP_OK && row->fidelity_count > 0 && !(fidelity = fidelity_text(row)))
        status = error_memory(error);
    if (status == ESP_OK && !(insert = store_statement(store, STATEMENT_INSERT_TRIAL, error)))
        status = ESP_ERROR_IO;
    if (status != ESP_OK)
        goto cleanup;
    sqlite3_bind_int64(insert, 1, run);
    sqlite3_bind_int64(insert, 2, (int64_t)row->trial);
    sqlite3_bind_int64(insert, 3, row->state);
    sqlite3_bind_int64(insert, 4, (int64_t)row->asked_event);
    bind_told(insert, 5, row->told_event);
    sqlite3_bind_int64(insert, 6, store->plugin_set);
    sqlite3_bind_int64(insert, 7, (int64_t)row->lineage);
    if (row->parent >= 0)
        sqlite3_bind_int64(insert, 8, row->parent);
    sqlite3_bind_int64(insert, 9, row->mode);
    sqlite3_bind_int64(insert, 10, (int64_t)row->attempt);
    sqlite3_bind_int64(insert, 11, (int64_t)row->hash);
    sqlite3_bind_blob(insert, 12, store->packed, (int)packed_size, SQLITE_STATIC);
    bind_text(insert, 13, fidelity);
    bind_metrics(insert, 14, row);
    if (trial_state_is_outcome(row->state)) {
        sqlite3_bind_double(insert, 15, row->seconds);
        sqlite3_bind_double(insert, 16, row->elapsed);
    }
    bind_text(insert, 17, row->error);
    uint64_t genome_size;
    const void *genome = arch_genome(row->arch, &genome_size);
    if (genome)
        sqlite3_bind_blob(insert, 18, genome, (int)genome_size, SQLITE_STATIC);
    status = store_execute(store, insert, error);
cleanup:
    free(fidelity);
    return status;
}

esp_status store_update_trial(struct store *store, int64_t run, const struct trial_row *row,
                              struct error *error)
{
    esp_status status = store_begin(store, error);
    if (status != ESP_OK)
        return status;
    sqlite3_stmt *update = store_statement(store, STATEMENT_UPDATE_TRIAL, error);
    if (!update)
        return ESP_ERROR_IO;
    sqlite3_bind_int64(update, 1, run);
    sqlite3_bind_int64(update, 2, (int64_t)row->trial);
    sqlite3_bind_int64(update, 3, row->state);
    bind_told(update, 4, row->told_event);
    sqlite3_bind_int64(update, 5, (int64_t)row->attempt);
    bind_metrics(update, 6, row);
    if (trial_state_is_outcome(row->state)) {
        sqlite3_bind_double(update, 7, row->seconds);
        sqlite3_bind_double(update, 8, row->elapsed);
    }
    bind_text(update, 9, row->error);
    return store_execute(store, update, error);
}

// ---- Reading ----------------------------------------------------------------------------------

esp_status store_load_dictionary(struct store *store, int64_t run, struct dictionary *dictionary,
                                 struct error *error)
{
    sqlite3_stmt *select = store_prepare(
        store, "SELECT decision, path, domain FROM decision WHERE run = ?1 ORDER BY decision",
        error);
    if (!select)
        return ESP_ERROR_IO;
    sqlite3_bind_int64(select, 1, run);
    esp_status status = ESP_OK;
    int code = SQLITE_DONE;
    while (status == ESP_OK && (code = sqlite3_step(select)) == SQLITE_ROW) {
        const char *path = (const char *)sqlite3_column_text(select, 1);
        const char *text = (const char *)sqlite3_column_text(select, 2);
        json_t *json = path && text ? json_loads(text, 0, NULL) : NULL;
        uint32_t number = UINT32_MAX;
        status = json ? dictionary_restore(dictionary, path, json, &number, error)
                      : error_set(error, ESP_ERROR_DATA, "the domain of %s is no JSON",
                                  path ? path : "a decision");
        if (status == ESP_OK && (int64_t)number != sqlite3_column_int64(select, 0))
            status = error_set(error, ESP_ERROR_DATA, "decision %s stands twice", path);
        json_decref(json);
    }
    if (status != ESP_OK)
        error_prefix(error, "%s: the table of decisions is damaged: ", store->path);
    else if (code != SQLITE_DONE)
        status = store_fail(store, error);
    sqlite3_finalize(select);
    store->decisions = dictionary_decision_count(dictionary);
    return status;
}

static void free_fidelity(struct fidelity *list, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        free(list[i].name);
    free(list);
}

// Reads {"epochs": 3, ...}; NULL gives none.
static esp_status read_fidelity(const char *text, struct fidelity **out, uint64_t *count,
                                struct error *error)
{
    if (!text)
        return ESP_OK;
    json_t *object = json_loads(text, 0, NULL);
    size_t size = json_object_size(object);
    struct fidelity *list = calloc(size + 1, sizeof *list);
    esp_status status = ESP_OK;
    if (!json_is_object(object))
        status = error_set(error, ESP_ERROR_DATA, "its fidelity is no JSON object: %s", text);
    else if (!list)
        status = error_memory(error);
    const char *name;
    json_t *value;
    if (status == ESP_OK) {
        json_object_foreach (object, name, value) {
            list[*count].name = strdup(name);
            list[*count].value = json_number_value(value);
            if (!list[(*count)++].name)
                status = error_memory(error);
        }
    }
    json_decref(object);
    *out = list;
    return status;
}

static esp_status read_metrics(sqlite3_stmt *select, int column, double **out, struct error *error)
{
    int size = sqlite3_column_bytes(select, column);
    if (size == 0)
        return ESP_OK;
    *out = malloc((size_t)size);
    if (!*out)
        return error_memory(error);
    memcpy(*out, sqlite3_column_blob(select, column), (size_t)size);
    return ESP_OK;
}

static esp_status visit_row(sqlite3_stmt *select, struct dictionary *dictionary, trial_visitor each,
                            void *self, struct error *error)
{
    struct fidelity *fidelity = NULL;
    uint64_t fidelity_count = 0;
    double *metrics = NULL;
    struct trial_row row = {
        .trial = (uint64_t)sqlite3_column_int64(select, 0),
        .state = (enum trial_state)sqlite3_column_int(select, 1),
        .asked_event = (uint64_t)sqlite3_column_int64(select, 2),
        .told_event = (uint64_t)sqlite3_column_int64(select, 3),
        .lineage = (uint64_t)sqlite3_column_int64(select, 4),
        .parent =
            sqlite3_column_type(select, 5) == SQLITE_NULL ? -1 : sqlite3_column_int64(select, 5),
        .mode = (uint32_t)sqlite3_column_int(select, 6),
        .attempt = (uint64_t)sqlite3_column_int64(select, 7),
        .hash = (uint64_t)sqlite3_column_int64(select, 8),
        .metric_count = (uint64_t)sqlite3_column_bytes(select, 11) / sizeof(double),
        .seconds = sqlite3_column_double(select, 12),
        .elapsed = sqlite3_column_double(select, 13),
        .error = (const char *)sqlite3_column_text(select, 14),
    };
    esp_status status = ESP_OK;
    if (dictionary) {
        row.arch = arch_unpack_with_genome(
            dictionary, sqlite3_column_blob(select, 9), (size_t)sqlite3_column_bytes(select, 9),
            sqlite3_column_blob(select, 15), (size_t)sqlite3_column_bytes(select, 15), error);
        status = row.arch ? ESP_OK : ESP_ERROR_DATA;
    }
    if (row.arch && arch_hash(row.arch) != row.hash)
        status = error_set(error, ESP_ERROR_DATA, "its decisions and genome do not have its hash");
    if (status == ESP_OK)
        status = read_fidelity((const char *)sqlite3_column_text(select, 10), &fidelity,
                               &fidelity_count, error);
    if (status == ESP_OK)
        status = read_metrics(select, 11, &metrics, error);
    if (status == ESP_OK) {
        row.fidelity = fidelity;
        row.fidelity_count = fidelity_count;
        row.metrics = metrics;
        status = each(self, &row);
    } else {
        error_prefix(error, "the store is damaged: trial %llu: ", (unsigned long long)row.trial);
    }
    free_fidelity(fidelity, fidelity_count);
    free(metrics);
    arch_release(row.arch);
    return status;
}

static const char select_text[] =
    "SELECT trial, state, asked, told, lineage, parent, mode, attempt, hash, decisions, fidelity,"
    " metrics, seconds, elapsed, error, genome FROM trial"
    " WHERE run = ?1 AND trial BETWEEN ?2 AND ?3 ORDER BY trial";

static esp_status visit_range(struct store *store, int64_t run, int64_t first, int64_t last,
                              struct dictionary *dictionary, trial_visitor each, void *self,
                              struct error *error)
{
    sqlite3_stmt *select = store_prepare(store, select_text, error);
    if (!select)
        return ESP_ERROR_IO;
    sqlite3_bind_int64(select, 1, run);
    sqlite3_bind_int64(select, 2, first);
    sqlite3_bind_int64(select, 3, last);
    esp_status status = ESP_OK;
    int code = SQLITE_DONE;
    while (status == ESP_OK && (code = sqlite3_step(select)) == SQLITE_ROW)
        status = visit_row(select, dictionary, each, self, error);
    if (status == ESP_OK && code != SQLITE_DONE)
        status = store_fail(store, error);
    sqlite3_finalize(select);
    return status;
}

esp_status store_each_trial(struct store *store, int64_t run, struct dictionary *dictionary,
                            trial_visitor each, void *self, struct error *error)
{
    return visit_range(store, run, 0, INT64_MAX, dictionary, each, self, error);
}

esp_status store_one_trial(struct store *store, int64_t run, uint64_t trial,
                           struct dictionary *dictionary, trial_visitor each, void *self,
                           struct error *error)
{
    return visit_range(store, run, (int64_t)trial, (int64_t)trial, dictionary, each, self, error);
}
