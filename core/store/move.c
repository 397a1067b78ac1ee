// SPDX-License-Identifier: Apache-2.0
// A run moved from one store to another, whole and in one transaction. Tables and columns are taken from
// the store that is read: every table with a column `run` has rows of the run, whatever later migrations
// add. Numbers of plugin sets are shifted to free ones, and the run gets a free number.
#include "store/statement.h"
#include "store/store.h"

#include "error/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The two schemas of one connection.
struct move {
    struct store *store; // of the connection; its own schema is `main`, the other `other`
    const char *from, *to;
    int64_t from_run, to_run;
    int64_t shift; // of plugin sets
    struct error *error;
};

// One number that a query answers; `fallback` where it answers none.
static esp_status ask_number(int64_t *out, const struct move *move, int64_t fallback, char *query)
{
    sqlite3_stmt *select = query ? store_prepare(move->store, query, move->error) : NULL;
    esp_status status = query ? ESP_OK : error_memory(move->error);
    sqlite3_free(query);
    if (!select)
        return status == ESP_OK ? ESP_ERROR_IO : status;
    int code = sqlite3_step(select);
    *out = code == SQLITE_ROW && sqlite3_column_type(select, 0) != SQLITE_NULL
               ? sqlite3_column_int64(select, 0)
               : fallback;
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        status = store_fail(move->store, move->error);
    sqlite3_finalize(select);
    return status;
}

static esp_status execute(const struct move *move, char *text)
{
    if (!text)
        return error_memory(move->error);
    esp_status status = sqlite3_exec(move->store->database, text, NULL, NULL, NULL) == SQLITE_OK
                            ? ESP_OK
                            : store_fail(move->store, move->error);
    sqlite3_free(text);
    return status;
}

// The columns of a table as they are written and as they are read, both with commas between. `*runs`:
// it has a column `run`. Owner: the caller (sqlite3_free).
static esp_status columns_of(char **names, char **values, bool *runs, const struct move *move,
                             const char *table)
{
    sqlite3_str *into = sqlite3_str_new(NULL), *of = sqlite3_str_new(NULL);
    char *query = sqlite3_mprintf("PRAGMA %s.table_info(%Q)", move->from, table);
    sqlite3_stmt *select = query ? store_prepare(move->store, query, move->error) : NULL;
    esp_status status = query && select ? ESP_OK : ESP_ERROR_IO;
    sqlite3_free(query);
    *runs = false;
    while (select && sqlite3_step(select) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(select, 1);
        const char *comma = sqlite3_str_length(into) > 0 ? ", " : "";
        if (strcmp(name, "label") == 0 && strcmp(table, "run") == 0)
            continue;
        sqlite3_str_appendf(into, "%s\"%w\"", comma, name);
        if (strcmp(name, "run") == 0)
            sqlite3_str_appendf(of, "%s%lld", comma, (long long)move->to_run);
        else if (strcmp(name, "plugin_set") == 0)
            sqlite3_str_appendf(of, "%splugin_set + %lld", comma, (long long)move->shift);
        else
            sqlite3_str_appendf(of, "%s\"%w\"", comma, name);
        *runs |= strcmp(name, "run") == 0;
    }
    sqlite3_finalize(select);
    *names = sqlite3_str_finish(into);
    *values = sqlite3_str_finish(of);
    return status == ESP_OK && (!*names || !*values) ? error_memory(move->error) : status;
}

#define SETS_OF_RUN                                                                                \
    "plugin_set IN (SELECT plugin_set FROM %s.run WHERE run = %lld"                                \
    " UNION SELECT plugin_set FROM %s.trial WHERE run = %lld)"

static esp_status copy_table(const struct move *move, const char *table)
{
    char *names = NULL, *values = NULL, *where = NULL;
    bool runs = false, plugins = strcmp(table, "plugin") == 0;
    esp_status status = columns_of(&names, &values, &runs, move, table);
    if (status == ESP_OK && (runs || plugins)) {
        where = runs ? sqlite3_mprintf("run = %lld", (long long)move->from_run)
                     : sqlite3_mprintf(SETS_OF_RUN, move->from, (long long)move->from_run,
                                       move->from, (long long)move->from_run);
        status = where ? execute(move,
                                 sqlite3_mprintf(
                                     "INSERT INTO %s.\"%w\" (%s) SELECT %s FROM %s.\"%w\" WHERE %s",
                                     move->to, table, names, values, move->from, table, where))
                       : error_memory(move->error);
    }
    sqlite3_free(names);
    sqlite3_free(values);
    sqlite3_free(where);
    return status;
}

// Removes what the run had in the store that is written.
static esp_status clear_table(const struct move *move, const char *table)
{
    int64_t runs = 0;
    esp_status status =
        ask_number(&runs, move, 0,
                   sqlite3_mprintf("SELECT count(*) FROM pragma_table_info(%Q, %Q) WHERE name = "
                                   "'run'",
                                   table, move->to));
    if (status != ESP_OK || runs == 0)
        return status;
    return execute(move, sqlite3_mprintf("DELETE FROM %s.\"%w\" WHERE run = %lld", move->to, table,
                                         (long long)move->to_run));
}

// Calls `each` for every table of a schema.
static esp_status each_table(const struct move *move, const char *schema,
                             esp_status (*each)(const struct move *, const char *))
{
    char *query = sqlite3_mprintf("SELECT name FROM %s.sqlite_master WHERE type = 'table'", schema);
    sqlite3_stmt *select = query ? store_prepare(move->store, query, move->error) : NULL;
    char *names[64];
    int count = 0;
    sqlite3_free(query);
    if (!select)
        return ESP_ERROR_IO;
    // Read first: a schema that is being read is not written.
    while (count < 64 && sqlite3_step(select) == SQLITE_ROW)
        names[count++] = column_text(select, 0);
    sqlite3_finalize(select);
    esp_status status = ESP_OK;
    for (int i = 0; i < count; i++) {
        if (status == ESP_OK)
            status = names[i] ? each(move, names[i]) : error_memory(move->error);
        free(names[i]);
    }
    return status;
}

// All rows of the run, from one schema to the other, in the place of those that `label` had there.
static esp_status copy(struct move *move, const char *label)
{
    int64_t free_set = 0, least_set = 0;
    esp_status status =
        ask_number(&move->to_run, move, -1,
                   sqlite3_mprintf("SELECT run FROM %s.run WHERE label IS %Q", move->to, label));
    if (status == ESP_OK && move->to_run >= 0) {
        status = execute(move, sqlite3_mprintf("DELETE FROM %s.plugin WHERE " SETS_OF_RUN, move->to,
                                               move->to, (long long)move->to_run, move->to,
                                               (long long)move->to_run));
        if (status == ESP_OK)
            status = each_table(move, move->to, clear_table);
    } else if (status == ESP_OK) {
        status =
            ask_number(&move->to_run, move, 1,
                       sqlite3_mprintf("SELECT coalesce(max(run), 0) + 1 FROM %s.run", move->to));
    }
    if (status == ESP_OK)
        status = ask_number(
            &free_set, move, 1,
            sqlite3_mprintf("SELECT coalesce(max(plugin_set), 0) + 1 FROM %s.plugin", move->to));
    if (status == ESP_OK)
        status =
            ask_number(&least_set, move, 1,
                       sqlite3_mprintf("SELECT min(plugin_set) FROM %s.plugin WHERE " SETS_OF_RUN,
                                       move->from, move->from, (long long)move->from_run,
                                       move->from, (long long)move->from_run));
    move->shift = free_set - least_set;
    if (status == ESP_OK)
        status = each_table(move, move->from, copy_table);
    if (status == ESP_OK)
        status = execute(move, sqlite3_mprintf("UPDATE %s.run SET label = %Q WHERE run = %lld",
                                               move->to, label, (long long)move->to_run));
    return status;
}

static esp_status transact(struct move *move, const char *label)
{
    esp_status status = execute(move, sqlite3_mprintf("BEGIN IMMEDIATE"));
    if (status != ESP_OK)
        return status;
    status = copy(move, label);
    fault_point("move-before");
    if (status == ESP_OK)
        status = execute(move, sqlite3_mprintf("COMMIT"));
    if (status != ESP_OK && !sqlite3_get_autocommit(move->store->database))
        sqlite3_exec(move->store->database, "ROLLBACK", NULL, NULL, NULL);
    fault_point("move-after");
    return status;
}

// With the store of `folder` as the schema `other`.
static esp_status attached(struct move *move, const char *folder, const char *label)
{
    sqlite3 *database = move->store->database;
    esp_status status = store_commit(move->store, move->error);
    if (status == ESP_OK)
        status = execute(move, sqlite3_mprintf("ATTACH '%q/espalier.db' AS other", folder));
    if (status != ESP_OK)
        return status;
    if (move->from_run < 0)
        status = ask_number(&move->from_run, move, -1,
                            sqlite3_mprintf("SELECT run FROM other.run ORDER BY run LIMIT 1"));
    if (status == ESP_OK && move->from_run < 0)
        status = error_set(move->error, ESP_ERROR_NOT_FOUND, "%s: it holds no run yet", folder);
    if (status == ESP_OK)
        status = transact(move, label);
    sqlite3_exec(database, "DETACH other", NULL, NULL, NULL);
    return status;
}

esp_status store_take_run(struct store *store, const char *folder, const char *label,
                          struct error *error)
{
    struct move move = {
        .store = store, .from = "other", .to = "main", .from_run = -1, .error = error};
    return attached(&move, folder, label);
}

esp_status store_give_run(struct store *store, const char *folder, const char *label,
                          struct error *error)
{
    struct move move = {
        .store = store, .from = "main", .to = "other", .from_run = -1, .error = error};
    struct store *fresh = NULL;
    esp_status status =
        ask_number(&move.from_run, &move, -1,
                   sqlite3_mprintf("SELECT run FROM main.run WHERE label IS %Q", label));
    if (status == ESP_OK && move.from_run < 0)
        status =
            error_set(error, ESP_ERROR_NOT_FOUND, "%s: it holds no run %s", store->path, label);
    if (status == ESP_OK)
        status = store_open(&fresh, folder, STORE_WRITE, error); // its tables
    store_close(fresh);
    return status == ESP_OK ? attached(&move, folder, NULL) : status;
}
