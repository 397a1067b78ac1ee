// SPDX-License-Identifier: Apache-2.0
// See shared_table.h.
#include "support/shared_table.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static size_t split(char *line, char *cells[SHARED_TABLE_COLUMNS])
{
    size_t count = 0;
    line[strcspn(line, "\r\n")] = '\0';
    for (char *rest = line, *cell; (cell = strsep(&rest, ",")) && count < SHARED_TABLE_COLUMNS;)
        cells[count++] = cell;
    return count;
}

void shared_table_open(struct shared_table *table, const char *name)
{
    char path[1024];
    *table = (struct shared_table){0};
    snprintf(path, sizeof path, "%s/../shared/data/%s", ESPALIER_SOURCE_DIR, name);
    table->file = fopen(path, "r");
    if (!table->file) {
        fprintf(stderr, "skipped: there is no %s\n", path);
        cr_skip_test("there is no %s", path);
    }
    cr_assert(fgets(table->header, sizeof table->header, table->file), "%s is empty", path);
    table->column_count = split(table->header, table->columns);
}

void shared_table_close(struct shared_table *table)
{
    fclose(table->file);
}

bool shared_table_next(struct shared_table *table)
{
    if (!fgets(table->line, sizeof table->line, table->file))
        return false;
    table->row++;
    cr_assert_eq(split(table->line, table->cells), table->column_count, "row %zu", table->row);
    return true;
}

const char *shared_table_cell(const struct shared_table *table, const char *column)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (strcmp(table->columns[i], column) == 0)
            return table->cells[i];
    cr_assert_fail("the table has no column %s", column);
    return NULL;
}
