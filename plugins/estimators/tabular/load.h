// SPDX-License-Identifier: Apache-2.0
// From the CSV file to the block of a table: every row tested, every key parsed by the host.
#ifndef TABULAR_LOAD_H
#define TABULAR_LOAD_H

#include "csv.h"
#include "table.h"

// `csv` stands at its beginning. Owner of `*out`: the caller (free); it is not sealed yet.
esp_status load_table(struct table_header **out, struct csv *csv, const struct mapping *mapping);

#endif
