// SPDX-License-Identifier: Apache-2.0
// The layout of the store. A migration is appended, never changed: stores of all earlier programs
// must stay readable.
#include "store/schema.h"

#include "store/store.h"

static const char *const migrations[] = {
    // 1: runs, their plugins, metrics and dictionary; trials; final trainings.
    "CREATE TABLE run ("
    "  run INTEGER PRIMARY KEY,"
    "  name TEXT NOT NULL,"
    "  seed INTEGER NOT NULL," // u64, as the i64 of the same bits
    "  config TEXT NOT NULL,"
    "  state INTEGER NOT NULL,"
    "  reason TEXT,"
    "  message TEXT,"
    "  space TEXT NOT NULL,"
    "  objectives TEXT NOT NULL," // JSON
    "  data_sha256 TEXT,"
    "  provenance TEXT NOT NULL,"
    "  elapsed REAL NOT NULL,"
    "  plugin_set INTEGER NOT NULL,"
    "  finals_done INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE plugin ("
    "  plugin_set INTEGER NOT NULL,"
    "  kind INTEGER NOT NULL,"
    "  id TEXT NOT NULL,"
    "  version TEXT NOT NULL,"
    "  sha256 TEXT NOT NULL,"
    "  path TEXT NOT NULL,"
    "  PRIMARY KEY (plugin_set, kind, id)) WITHOUT ROWID;"
    "CREATE TABLE metric ("
    "  run INTEGER NOT NULL,"
    "  position INTEGER NOT NULL,"
    "  name TEXT NOT NULL,"
    "  unit TEXT NOT NULL,"
    "  flags INTEGER NOT NULL,"
    "  better INTEGER NOT NULL,"
    "  PRIMARY KEY (run, position)) WITHOUT ROWID;"
    "CREATE TABLE decision ("
    "  run INTEGER NOT NULL,"
    "  decision INTEGER NOT NULL," // the number that packed traces use
    "  path TEXT NOT NULL,"
    "  domain TEXT NOT NULL," // JSON
    "  PRIMARY KEY (run, decision)) WITHOUT ROWID;"
    "CREATE TABLE trial ("
    "  run INTEGER NOT NULL,"
    "  trial INTEGER NOT NULL,"
    "  state INTEGER NOT NULL,"
    "  asked INTEGER NOT NULL,"
    "  told INTEGER,"
    "  plugin_set INTEGER NOT NULL,"
    "  lineage INTEGER NOT NULL,"
    "  parent INTEGER,"
    "  mode INTEGER NOT NULL,"
    "  attempt INTEGER NOT NULL,"
    "  hash INTEGER NOT NULL,"
    "  decisions BLOB NOT NULL,"
    "  genome BLOB,"
    "  fidelity TEXT," // JSON object
    "  metrics BLOB,"  // binary64, little-endian, in the order of `metric`
    "  seconds REAL,"
    "  elapsed REAL,"
    "  error TEXT,"
    "  PRIMARY KEY (run, trial)) WITHOUT ROWID;"
    "CREATE TABLE final ("
    "  run INTEGER NOT NULL,"
    "  final INTEGER NOT NULL,"
    "  trial INTEGER NOT NULL,"
    "  seed INTEGER NOT NULL,"
    "  state INTEGER NOT NULL,"
    "  metrics TEXT," // JSON object
    "  seconds REAL,"
    "  error TEXT,"
    "  test_read INTEGER NOT NULL,"
    "  folder TEXT NOT NULL,"
    "  PRIMARY KEY (run, final)) WITHOUT ROWID;",
    // 2: what a sweep's store calls its runs.
    "ALTER TABLE run ADD COLUMN label TEXT;"
    "CREATE UNIQUE INDEX run_label ON run (label);",
};

_Static_assert(sizeof migrations / sizeof migrations[0] == STORE_VERSION,
               "a migration for each version");

static esp_status user_version(sqlite3 *database, int *out, struct error *error)
{
    sqlite3_stmt *statement = NULL;
    esp_status status = ESP_OK;
    if (sqlite3_prepare_v2(database, "PRAGMA user_version", -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW)
        status = error_set(error, ESP_ERROR_IO, "%s", sqlite3_errmsg(database));
    else
        *out = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return status;
}

static esp_status apply(sqlite3 *database, int version, struct error *error)
{
    char *text = sqlite3_mprintf("BEGIN IMMEDIATE; %s PRAGMA user_version = %d; COMMIT;",
                                 migrations[version], version + 1);
    if (!text)
        return error_memory(error);
    esp_status status = ESP_OK;
    if (sqlite3_exec(database, text, NULL, NULL, NULL) != SQLITE_OK) {
        status = error_set(error, ESP_ERROR_IO, "%s", sqlite3_errmsg(database));
        sqlite3_exec(database, "ROLLBACK", NULL, NULL, NULL);
    }
    sqlite3_free(text);
    return status;
}

esp_status schema_migrate(sqlite3 *database, const char *path, bool write, struct error *error)
{
    int version = 0;
    esp_status status = user_version(database, &version, error);
    if (status == ESP_OK && version > STORE_VERSION)
        return error_set(error, ESP_ERROR_INVALID,
                         "%s: the store has version %d, and this program reads versions up to %d; "
                         "use the program that wrote it, or a newer one",
                         path, version, STORE_VERSION);
    if (status == ESP_OK && version < 1 && !write)
        return error_set(error, ESP_ERROR_INVALID, "%s: this is no store of Espalier", path);
    for (; status == ESP_OK && write && version < STORE_VERSION; version++)
        status = apply(database, version, error);
    if (status != ESP_OK)
        error_prefix(error, "%s: ", path);
    return status;
}
