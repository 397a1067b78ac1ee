// SPDX-License-Identifier: Apache-2.0
// Opening and closing the store, transactions and prepared statements. Rows of runs are runs.c's,
// of trials trials.c's.
#include "store/store.h"

#include "error/fault.h"
#include "store/schema.h"
#include "store/statement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

// An open group is committed at this age at the latest: what a kill can cost a cheap search.
static const double group_seconds = 0.1;

static const char *const statement_texts[STATEMENT_COUNT] = {
    [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
    [STATEMENT_COMMIT] = "COMMIT",
    [STATEMENT_INSERT_TRIAL] =
        ("INSERT INTO trial (run, trial, state, asked, told, plugin_set, lineage, parent, mode,"
         " attempt, hash, decisions, fidelity, metrics, seconds, elapsed, error, genome)"
         " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,"
         " ?18)"),
    [STATEMENT_UPDATE_TRIAL] =
        ("UPDATE trial SET state = ?3, told = ?4, attempt = ?5, metrics = ?6, seconds = ?7,"
         " elapsed = ?8, error = ?9 WHERE run = ?1 AND trial = ?2"),
    [STATEMENT_INSERT_DECISION] =
        "INSERT INTO decision (run, decision, path, domain) VALUES (?1, ?2, ?3, ?4)",
};

static double monotonic_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

esp_status store_fail(struct store *store, struct error *error)
{
    return error_set(error, ESP_ERROR_IO, "%s: %s", store->path, sqlite3_errmsg(store->database));
}

static esp_status configure(struct store *store, enum store_access access, struct error *error)
{
    sqlite3_busy_timeout(store->database, 10000);
#define WRITER "PRAGMA journal_mode = WAL; PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;"
    static const char *const texts[] = {
        [STORE_READ] = "PRAGMA query_only = 1;",
        [STORE_WRITE] = "PRAGMA synchronous = NORMAL;" WRITER,
        [STORE_WRITE_UNSYNCED] = "PRAGMA synchronous = OFF;" WRITER,
    };
    const char *text = texts[access];
    if (sqlite3_exec(store->database, text, NULL, NULL, NULL) != SQLITE_OK)
        return store_fail(store, error);
    return schema_migrate(store->database, store->path, access != STORE_READ, error);
}

esp_status store_open(struct store **out, const char *folder, enum store_access access,
                      struct error *error)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store || asprintf(&store->path, "%s/espalier.db", folder) < 0) {
        free(store);
        return error_memory(error);
    }
    esp_status status = ESP_OK;
    struct stat found;
    if (access == STORE_READ && stat(store->path, &found) != 0) {
        status =
            error_set(error, ESP_ERROR_NOT_FOUND,
                      "%s: there is no such file; is this the out folder of a run?", store->path);
        goto cleanup;
    }
    // Readers open for writing too where they may: a WAL database that was not closed needs it. One
    // thread uses the connection: no mutex.
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                (access != STORE_READ ? SQLITE_OPEN_CREATE : 0);
    int code = sqlite3_open_v2(store->path, &store->database, flags, NULL);
    if (code != SQLITE_OK && access == STORE_READ) {
        sqlite3_close(store->database);
        store->database = NULL;
        code = sqlite3_open_v2(store->path, &store->database,
                               SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    }
    status = code == SQLITE_OK ? configure(store, access, error) : store_fail(store, error);
cleanup:
    if (status != ESP_OK) {
        store_close(store);
        return status;
    }
    *out = store;
    return ESP_OK;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    if (store->open)
        store_commit(store, NULL);
    for (int i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(store->statements[i]);
    sqlite3_close(store->database);
    free(store->packed);
    free(store->label);
    free(store->path);
    free(store);
}

sqlite3_stmt *store_prepare(struct store *store, const char *text, struct error *error)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(store->database, text, -1, &statement, NULL) == SQLITE_OK)
        return statement;
    store_fail(store, error);
    return NULL;
}

sqlite3_stmt *store_statement(struct store *store, enum statement_id id, struct error *error)
{
    if (store->statements[id])
        return store->statements[id];
    if (sqlite3_prepare_v3(store->database, statement_texts[id], -1, SQLITE_PREPARE_PERSISTENT,
                           &store->statements[id], NULL) != SQLITE_OK)
        store_fail(store, error);
    return store->statements[id];
}

esp_status store_execute(struct store *store, sqlite3_stmt *statement, struct error *error)
{
    int code = sqlite3_step(statement);
    esp_status status = code == SQLITE_DONE ? ESP_OK : store_fail(store, error);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return status;
}

esp_status store_begin(struct store *store, struct error *error)
{
    if (store->open)
        return ESP_OK;
    sqlite3_stmt *begin = store_statement(store, STATEMENT_BEGIN, error);
    esp_status status = begin ? store_execute(store, begin, error) : ESP_ERROR_IO;
    if (status == ESP_OK) {
        store->open = true;
        store->opened = monotonic_seconds();
    }
    return status;
}

esp_status store_commit(struct store *store, struct error *error)
{
    if (!store->open)
        return ESP_OK;
    fault_point("commit-before");
    sqlite3_stmt *commit = store_statement(store, STATEMENT_COMMIT, error);
    esp_status status = commit ? store_execute(store, commit, error) : ESP_ERROR_IO;
    if (status != ESP_OK && !sqlite3_get_autocommit(store->database))
        sqlite3_exec(store->database, "ROLLBACK", NULL, NULL, NULL);
    store->open = false;
    fault_point("commit-after");
    return status;
}

esp_status store_tick(struct store *store, double now, struct error *error)
{
    if (store->open && now - store->opened >= group_seconds)
        return store_commit(store, error);
    return ESP_OK;
}

void bind_text(sqlite3_stmt *statement, int column, const char *text)
{
    if (text)
        sqlite3_bind_text(statement, column, text, -1, SQLITE_STATIC);
    else
        sqlite3_bind_null(statement, column);
}

char *column_text(sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);
    return text ? strdup((const char *)text) : NULL;
}
