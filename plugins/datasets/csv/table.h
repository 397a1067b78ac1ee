// SPDX-License-Identifier: Apache-2.0
// A table in a text file, by RFC 4180: a header, then records of as many fields. What the fields
// mean is columns.h's.
//
// Read here and not said there: lines may end in LF alone, a byte order mark and empty lines at the
// end are skipped, blanks around a field without quotes do not count.
#ifndef TABLE_H
#define TABLE_H

#include <espalier/handle.h>

struct cell {
    const char *text; // without its quotes, ended by 0
    uint64_t line;    // of the file, from 1: where the cell begins
};

// Begins as all zero.
struct table {
    char *path, *text;
    uint64_t columns, rows;
    struct cell *cells; // [1 + rows, columns]: the header first
};

esp_status table_read(struct table *out, const char *path, char separator,
                      const esp_handle *handle);
void table_free(struct table *table);

// The name of a column.
const char *table_name(const struct table *table, uint64_t column);
// A cell of a row, from 0.
const struct cell *table_cell(const struct table *table, uint64_t row, uint64_t column);

#endif
