// SPDX-License-Identifier: Apache-2.0
// What commands write to standard output: JSON, and tables with aligned columns.
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "error/error.h"

#include <jansson.h>

// Takes the reference; a NULL is memory that was missing. Output that cannot be written is an error.
esp_status output_json(json_t *json, struct error *error);

// What was printed so far is written, or an error.
esp_status output_flush(struct error *error);

#define OUTPUT_COLUMNS 8

// Rows of cells: texts that the table owns, or NULL.
struct output_table {
    char *(*rows)[OUTPUT_COLUMNS];
    uint64_t count, capacity;
    bool incomplete; // memory was missing
};

// Begins a row.
void output_row(struct output_table *table);
// The next cell of the row that was begun last.
ESP_PRINTF(2, 3)
void output_cell(struct output_table *table, const char *format, ...);
// Prints the rows, columns two blanks apart; the last cell of a row may be longer than its column. An
// incomplete table is an error.
esp_status output_print(const struct output_table *table, struct error *error);
void output_destroy(struct output_table *table);

#endif
