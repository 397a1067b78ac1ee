// SPDX-License-Identifier: Apache-2.0
// Comma-separated values, by RFC 4180: a header, then records of as many fields. Lines may end in LF
// alone; a byte order mark and empty lines are passed over.
#ifndef TEXT_RECORDS_H
#define TEXT_RECORDS_H

#include "error/error.h"

#include <stdint.h>
#include <stdio.h>

// Begins as all zero.
struct records {
    char *text;
    char **fields;   // [rows, columns], the header first; into `text`
    uint64_t *lines; // [rows] where each record begins, from 1
    uint64_t columns, rows;
    uint64_t capacity, line_capacity;
};

esp_status records_read(struct records *out, const char *path, struct error *error);
void records_destroy(struct records *records);
// Row 0 is the header.
const char *records_field(const struct records *records, uint64_t row, uint64_t column);
// -1 where the header has none of that name.
int64_t records_column(const struct records *records, const char *name);

// Writes a field, quoted where it must be; NULL writes nothing.
void records_write(FILE *file, const char *text);

#endif
