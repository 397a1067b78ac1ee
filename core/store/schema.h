// SPDX-License-Identifier: Apache-2.0
// The layout of the store and its migrations.
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include "error/error.h"

#include <sqlite3.h>

// Brings an open database to STORE_VERSION, one migration after another, each in a transaction.
// `path` is for messages. A newer database is refused. Without `write` an older one is left as it is:
// what later migrations added is not asked for then.
esp_status schema_migrate(sqlite3 *database, const char *path, bool write, struct error *error);

#endif
