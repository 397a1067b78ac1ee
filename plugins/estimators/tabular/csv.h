// SPDX-License-Identifier: Apache-2.0
// Reading a CSV file (RFC 4180: commas, fields in quotes where they hold commas, quotes or newlines;
// lines may end in CR LF). Every error names file and line.
#ifndef TABULAR_CSV_H
#define TABULAR_CSV_H

#include <espalier/espalier.h>

#include <stdbool.h>

struct csv {
    esp_create *create; // of errors
    const char *path;
    const char *bytes; // the whole file, mapped
    uint64_t size;
    const char *at, *end;
    uint64_t line;        // of `at`, from 1
    uint64_t record_line; // where the record begins
    char *room;           // the record's fields, each with a final zero
    uint64_t room_size;
    char **fields; // `count` of them; until the next record
    uint64_t count, capacity;
};

esp_status csv_open(struct csv *out, esp_create *create, const char *path);
void csv_close(struct csv *csv);

// The next record, empty lines left out. `*found` is false at the end.
esp_status csv_next(struct csv *csv, bool *found);

#endif
