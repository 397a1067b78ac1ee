// SPDX-License-Identifier: Apache-2.0
// The tables that tests over published results read, in ../shared/data from the source folder. The
// project ships none of them: where a table is absent its test is skipped, and says so.
#ifndef SUPPORT_SHARED_TABLE_H
#define SUPPORT_SHARED_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define SHARED_TABLE_COLUMNS 32

// A CSV with a header and no quotes.
struct shared_table {
    FILE *file;
    size_t row; // of the line that was read last, from 1
    size_t column_count;
    char header[2048], line[2048];
    char *columns[SHARED_TABLE_COLUMNS], *cells[SHARED_TABLE_COLUMNS];
};

// `name`: from ../shared/data on. Skips the test where there is no such file.
void shared_table_open(struct shared_table *table, const char *name);
void shared_table_close(struct shared_table *table);

// Reads the next row; false: there are no more. A row of another number of cells fails the test.
bool shared_table_next(struct shared_table *table);
// The cell of the last row in the column of that name, which there must be.
const char *shared_table_cell(const struct shared_table *table, const char *column);

#endif
