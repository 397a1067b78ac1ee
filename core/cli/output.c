// SPDX-License-Identifier: Apache-2.0
// Standard output of commands; see output.h.
#include "cli/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

esp_status output_flush(struct error *error)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return ESP_OK;
    return error_set(error, ESP_ERROR_IO, "standard output: cannot write: %s", strerror(errno));
}

esp_status output_json(json_t *json, struct error *error)
{
    if (!json)
        return error_memory(error);
    json_dumpf(json, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    putchar('\n');
    json_decref(json);
    return output_flush(error);
}

void output_row(struct output_table *table)
{
    if (table->count == table->capacity) {
        uint64_t capacity = table->capacity ? 2 * table->capacity : 32;
        char *(*grown)[OUTPUT_COLUMNS] = realloc(table->rows, capacity * sizeof *table->rows);
        if (!grown) {
            table->incomplete = true;
            return;
        }
        table->rows = grown;
        table->capacity = capacity;
    }
    memset(table->rows[table->count++], 0, sizeof *table->rows);
}

void output_cell(struct output_table *table, const char *format, ...)
{
    if (table->incomplete)
        return;
    char **row = table->rows[table->count - 1], *text = NULL;
    int column = 0;
    while (column < OUTPUT_COLUMNS && row[column])
        column++;
    va_list list;
    va_start(list, format);
    if (column == OUTPUT_COLUMNS || vasprintf(&text, format, list) < 0)
        table->incomplete = true;
    else
        row[column] = text;
    va_end(list);
}

static bool is_last(char *const *row, int column)
{
    for (int i = column + 1; i < OUTPUT_COLUMNS; i++)
        if (row[i])
            return false;
    return true;
}

esp_status output_print(const struct output_table *table, struct error *error)
{
    if (table->incomplete)
        return error_memory(error);
    int widths[OUTPUT_COLUMNS] = {0};
    for (uint64_t i = 0; i < table->count; i++)
        for (int j = 0; j < OUTPUT_COLUMNS; j++) {
            const char *cell = table->rows[i][j];
            if (cell && !is_last(table->rows[i], j) && (int)strlen(cell) > widths[j])
                widths[j] = (int)strlen(cell);
        }
    for (uint64_t i = 0; i < table->count; i++)
        for (int j = 0; j < OUTPUT_COLUMNS; j++) {
            const char *cell = table->rows[i][j] ? table->rows[i][j] : "";
            if (is_last(table->rows[i], j)) {
                printf("%s\n", cell);
                break;
            }
            printf("%-*s  ", widths[j], cell);
        }
    return output_flush(error);
}

void output_destroy(struct output_table *table)
{
    for (uint64_t i = 0; i < table->count; i++)
        for (int j = 0; j < OUTPUT_COLUMNS; j++)
            free(table->rows[i][j]);
    free(table->rows);
    memset(table, 0, sizeof *table);
}
