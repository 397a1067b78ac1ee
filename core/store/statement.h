// SPDX-License-Identifier: Apache-2.0
// What the files of the store share: the open database with its prepared statements, and the
// reading and writing of columns.
#ifndef STORE_STATEMENT_H
#define STORE_STATEMENT_H

#include "store/store.h"

#include <sqlite3.h>

enum statement_id {
    STATEMENT_BEGIN,
    STATEMENT_COMMIT,
    STATEMENT_INSERT_TRIAL,
    STATEMENT_UPDATE_TRIAL,
    STATEMENT_INSERT_DECISION,
    STATEMENT_COUNT
};

struct store {
    sqlite3 *database;
    char *path;
    char *label;                               // of the run that is asked for; NULL: the first
    sqlite3_stmt *statements[STATEMENT_COUNT]; // prepared at first use, kept
    bool open;                                 // a transaction is
    double opened;                             // when it began, seconds of the monotonic clock
    uint32_t decisions;                        // how many of the dictionary are written
    int64_t plugin_set;                        // of the run that is written
    void *packed;                              // room for a packed trace
    size_t packed_capacity;
};

// The kept statement, ready for binding; NULL with the reason in `error`.
sqlite3_stmt *store_statement(struct store *store, enum statement_id id, struct error *error);
// Prepares one that the caller finalises.
sqlite3_stmt *store_prepare(struct store *store, const char *text, struct error *error);
// SQLite's reason with the path, as an ESP_ERROR_IO.
esp_status store_fail(struct store *store, struct error *error);
// Opens a transaction where none is.
esp_status store_begin(struct store *store, struct error *error);
// Steps a statement that gives no row, and resets it.
esp_status store_execute(struct store *store, sqlite3_stmt *statement, struct error *error);

// NULL binds as NULL. The text lives until the statement is executed.
void bind_text(sqlite3_stmt *statement, int column, const char *text);
// A copy of a text column; NULL for NULL (and when out of memory).
char *column_text(sqlite3_stmt *statement, int column);

#endif
