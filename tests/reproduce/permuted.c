// SPDX-License-Identifier: Apache-2.0
// See permuted.h.
#include "permuted.h"

#include <espalier/random.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 64, SEED = 1 };

struct row {
    char *line; // cut at its commas
    char *cells[COLUMNS];
};

struct table {
    struct row *rows; // the header is the first
    uint64_t count, capacity;
    size_t columns;
};

static bool cut(struct row *row, size_t *count)
{
    *count = 0;
    row->line[strcspn(row->line, "\r\n")] = '\0';
    for (char *rest = row->line, *cell; (cell = strsep(&rest, ","));) {
        if (*count == COLUMNS || strchr(cell, '"'))
            return false;
        row->cells[(*count)++] = cell;
    }
    return true;
}

static bool load(struct table *table, const char *path)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t size = 0, count;
    bool good = file != NULL;
    while (good && getline(&line, &size, file) >= 0) {
        if (table->count == table->capacity) {
            table->capacity = table->capacity ? 2 * table->capacity : 1024;
            table->rows = realloc(table->rows, table->capacity * sizeof(struct row));
            if (!table->rows)
                abort();
        }
        struct row *row = &table->rows[table->count++];
        row->line = line;
        line = NULL;
        good = cut(row, &count) && (table->count == 1 || count == table->columns);
        table->columns = count;
    }
    free(line);
    if (file)
        fclose(file);
    if (!good || table->count < 2)
        fprintf(stderr, "%s: expected a CSV without quotes\n", path);
    return good && table->count >= 2;
}

static bool write(const struct table *table, const bool *chosen, const char *path)
{
    FILE *file = fopen(path, "w");
    uint64_t count = table->count - 1, *order = malloc(count * sizeof *order);
    esp_random random = esp_random_stream(SEED, 0, 0, 0, 0);
    if (!order)
        abort();
    esp_random_permutation(&random, order, count);
    for (uint64_t r = 0; file && r < table->count; r++)
        for (size_t c = 0; c < table->columns; c++) {
            uint64_t from = chosen[c] && r > 0 ? 1 + order[r - 1] : r;
            fprintf(file, "%s%c", table->rows[from].cells[c], c + 1 < table->columns ? ',' : '\n');
        }
    free(order);
    bool good = file && fclose(file) == 0;
    if (!good)
        fprintf(stderr, "%s cannot be written\n", path);
    return good;
}

bool permuted_write(const char *from, const char *to, const json_t *columns)
{
    struct table table = {0};
    bool chosen[COLUMNS] = {false};
    bool good = load(&table, from);
    size_t i;
    json_t *name;
    json_array_foreach (columns, i, name) {
        bool known = false;
        for (size_t c = 0; good && c < table.columns; c++)
            if (strcmp(table.rows[0].cells[c], json_string_value(name)) == 0)
                chosen[c] = known = true;
        if (good && !known)
            fprintf(stderr, "%s has no column %s\n", from, json_string_value(name));
        good = good && known;
    }
    good = good && write(&table, chosen, to);
    for (uint64_t r = 0; r < table.count; r++)
        free(table.rows[r].line);
    free(table.rows);
    return good;
}
