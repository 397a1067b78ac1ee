// SPDX-License-Identifier: Apache-2.0
// See columns.h.
#include "columns.h"

#include <espalier/support/nearest.h>

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static esp_status fail_memory(const esp_handle *handle)
{
    return esp_fail_handle(handle, ESP_ERROR_MEMORY, "out of memory");
}

void columns_free(struct columns *columns)
{
    for (uint64_t i = 0; columns->items && i < columns->table->columns; i++)
        free(columns->items[i].values);
    free(columns->items);
    memset(columns, 0, sizeof *columns);
}

// ---- Lists of words -----------------------------------------------------------------------------

// The next word of a comma-separated list, without blanks around it; false at the end.
static bool next_word(const char **list, const char **word, size_t *length)
{
    const char *at = *list;
    while (*at == ' ' || *at == '\t' || *at == ',')
        at++;
    size_t size = strcspn(at, ",");
    *list = at + size;
    while (size > 0 && (at[size - 1] == ' ' || at[size - 1] == '\t'))
        size--;
    *word = at;
    *length = size;
    return size > 0;
}

static bool is_missing(const struct columns *columns, const char *text)
{
    const char *list = columns->options->missing_values, *word;
    size_t length, size = strlen(text);
    if (size == 0)
        return true;
    while (next_word(&list, &word, &length))
        if (length == size && memcmp(word, text, size) == 0)
            return true;
    return false;
}

static const char *column_name(const void *table, uint64_t i)
{
    return table_name(table, i);
}

// The column that a parameter names.
static esp_status find_column(const struct columns *columns, const char *parameter,
                              const char *word, size_t length, uint64_t *out)
{
    char name[256];
    snprintf(name, sizeof name, "%.*s", (int)length, word);
    for (uint64_t i = 0; i < columns->table->columns; i++)
        if (strcmp(table_name(columns->table, i), name) == 0) {
            *out = i;
            return ESP_OK;
        }
    const char *nearest =
        esp_nearest_name(name, columns->table->columns, column_name, columns->table);
    return esp_fail_handle(
        columns->handle, ESP_ERROR_NOT_FOUND, "%s: has no column '%s', which %s names; %s is '%s'",
        columns->table->path, name, parameter, nearest ? "the nearest" : "the last of its columns",
        nearest ? nearest : table_name(columns->table, columns->table->columns - 1));
}

static esp_status mark(struct columns *columns, const char *parameter, const char *list,
                       enum column_kind kind)
{
    const char *word;
    size_t length;
    while (next_word(&list, &word, &length)) {
        uint64_t i;
        esp_status status = find_column(columns, parameter, word, length, &i);
        if (status != ESP_OK)
            return status;
        if (columns->items[i].kind != COLUMN_NUMBER)
            return esp_fail_handle(columns->handle, ESP_ERROR_INVALID,
                                   "column '%s' is named by %s and by %s",
                                   table_name(columns->table, i), parameter,
                                   columns->items[i].kind == COLUMN_LABEL ? "label" : "ignore");
        columns->items[i].kind = kind;
    }
    return ESP_OK;
}

// ---- Numbers ------------------------------------------------------------------------------------

enum number { NO_NUMBER, NUMBER, TOO_LARGE };

// Decimal numbers alone: what strtod takes besides (hexadecimals, inf, nan) is no number here.
static enum number read_number(const char *text, float *out)
{
    char *end;
    size_t allowed = strspn(text, "+-.0123456789eE");
    if (allowed == 0 || text[allowed] != '\0')
        return NO_NUMBER;
    double value = strtod(text, &end);
    if (end == text || *end != '\0')
        return NO_NUMBER;
    *out = (float)value;
    return isfinite(*out) ? NUMBER : TOO_LARGE;
}

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

// The value for what is missing: the mean or median of the training rows' own.
static esp_status find_fill(struct columns *columns, uint64_t column, const unsigned char *held)
{
    const struct table *table = columns->table;
    float *values = malloc(table->rows * sizeof *values);
    uint64_t count = 0;
    double sum = 0;
    if (!values)
        return fail_memory(columns->handle);
    for (uint64_t row = 0; row < table->rows; row++) {
        const char *text = table_cell(table, row, column)->text;
        if ((held && held[row]) || is_missing(columns, text) ||
            read_number(text, &values[count]) != NUMBER)
            continue;
        sum += (double)values[count++];
    }
    float fill = 0;
    if (count > 0 && columns->options->missing == MISSING_MEAN)
        fill = (float)(sum / (double)count);
    if (count > 0 && columns->options->missing == MISSING_MEDIAN) {
        qsort(values, count, sizeof *values, compare_floats);
        fill = (float)(((double)values[(count - 1) / 2] + (double)values[count / 2]) / 2);
    }
    columns->items[column].fill = fill;
    free(values);
    return ESP_OK;
}

// ---- Categories ---------------------------------------------------------------------------------

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int compare_numbers(const void *a, const void *b)
{
    double x = strtod(*(const char *const *)a, NULL), y = strtod(*(const char *const *)b, NULL);
    return x != y ? (x > y) - (x < y) : compare_texts(a, b);
}

static bool all_numbers(const struct column *item)
{
    float value;
    for (uint64_t i = 0; i < item->count; i++)
        if (read_number(item->values[i], &value) == NO_NUMBER)
            return false;
    return true;
}

static esp_status find_values(struct columns *columns, uint64_t column)
{
    const struct table *table = columns->table;
    struct column *item = &columns->items[column];
    item->values = malloc(table->rows * sizeof *item->values);
    if (!item->values)
        return fail_memory(columns->handle);
    uint64_t count = 0;
    for (uint64_t row = 0; row < table->rows; row++) {
        const char *text = table_cell(table, row, column)->text;
        if (is_missing(columns, text))
            item->has_missing = true;
        else
            item->values[count++] = text;
    }
    qsort(item->values, count, sizeof *item->values, compare_texts);
    for (uint64_t i = 0; i < count; i++)
        if (item->count == 0 || strcmp(item->values[item->count - 1], item->values[i]) != 0)
            item->values[item->count++] = item->values[i];
    return ESP_OK;
}

// The place of a text among the values, or their number.
static uint64_t find_value(const struct column *item, const char *text)
{
    const char **found = bsearch(&text, item->values, item->count, sizeof *item->values,
                                 item->by_number ? compare_numbers : compare_texts);
    return found && strcmp(*found, text) == 0 ? (uint64_t)(found - item->values) : item->count;
}

static const char *value_name(const void *column, uint64_t i)
{
    return ((const struct column *)column)->values[i];
}

// ---- What a column is ---------------------------------------------------------------------------

// A column whose values are numbers in part is a slip of the pen more likely than a category.
static esp_status fail_mixed(const struct columns *columns, uint64_t column,
                             const struct cell *cell)
{
    return esp_fail_handle(columns->handle, ESP_ERROR_DATA,
                           "%s:%" PRIu64 ": column '%s': '%s' is no number, and most of the "
                           "column's values are; mend it, or name '%s' in missing_values or the "
                           "column in categorical or ignore",
                           columns->table->path, cell->line, table_name(columns->table, column),
                           cell->text, cell->text);
}

// Is it a number column? Values of it that are none make it one of categories, if they are many.
static esp_status decide(struct columns *columns, uint64_t column)
{
    const struct table *table = columns->table;
    const struct cell *other = NULL;
    uint64_t numbers = 0, others = 0;
    for (uint64_t row = 0; row < table->rows; row++) {
        const struct cell *cell = table_cell(table, row, column);
        float value;
        if (is_missing(columns, cell->text))
            continue;
        if (read_number(cell->text, &value) != NO_NUMBER) {
            numbers++;
            continue;
        }
        others++;
        other = other ? other : cell;
    }
    if (numbers + others == 0)
        return esp_fail_handle(columns->handle, ESP_ERROR_DATA,
                               "%s: column '%s' has no value in any row; name it in ignore",
                               table->path, table_name(table, column));
    if (others > 0 && numbers > others)
        return fail_mixed(columns, column, other);
    columns->items[column].kind = others > 0 ? COLUMN_CATEGORY : COLUMN_NUMBER;
    return ESP_OK;
}

static esp_status check_categories(const struct columns *columns, uint64_t column)
{
    const struct column *item = &columns->items[column];
    if (item->count <= columns->options->most_categories)
        return ESP_OK;
    return esp_fail_handle(columns->handle, ESP_ERROR_DATA,
                           "%s: column '%s' has %" PRIu64
                           " different values ('%s', '%s', ...), and "
                           "max_categories is %" PRIu64 "; name it in ignore, or raise "
                           "max_categories",
                           columns->table->path, table_name(columns->table, column), item->count,
                           item->values[0], item->values[1], columns->options->most_categories);
}

static esp_status find_feature(struct columns *columns, uint64_t column, const unsigned char *held)
{
    struct column *item = &columns->items[column];
    esp_status status = ESP_OK;
    if (item->kind == COLUMN_NUMBER)
        status = decide(columns, column);
    if (status == ESP_OK && item->kind == COLUMN_NUMBER)
        status = find_fill(columns, column, held);
    else if (status == ESP_OK) {
        status = find_values(columns, column);
        if (status == ESP_OK)
            status = check_categories(columns, column);
    }
    item->first = columns->channels;
    columns->channels +=
        item->kind == COLUMN_NUMBER ? 1 : item->count + (item->has_missing ? 1 : 0);
    return status;
}

static esp_status find_classes(struct columns *columns)
{
    const struct table *table = columns->table;
    struct column *item = &columns->items[columns->label];
    esp_status status = find_values(columns, columns->label);
    if (status != ESP_OK)
        return status;
    columns->classes = item->count;
    if (item->count < 2)
        return esp_fail_handle(columns->handle, ESP_ERROR_DATA,
                               "%s: column '%s' is '%s' in every row; labels of at least 2 classes "
                               "were expected",
                               table->path, table_name(table, columns->label),
                               item->count == 1 ? item->values[0] : "");
    if (item->count == table->rows && table->rows > 2)
        return esp_fail_handle(columns->handle, ESP_ERROR_DATA,
                               "%s: column '%s' has another value in each of the %" PRIu64
                               " rows; labels of classes were expected",
                               table->path, table_name(table, columns->label), table->rows);
    item->by_number = all_numbers(item);
    if (item->by_number)
        qsort(item->values, item->count, sizeof *item->values, compare_numbers);
    return ESP_OK;
}

esp_status columns_find(struct columns *out, const struct table *table, const unsigned char *held,
                        const struct column_options *options, const esp_handle *handle)
{
    *out = (struct columns){.table = table, .options = options, .handle = handle};
    out->items = calloc(table->columns, sizeof *out->items);
    if (!out->items)
        return fail_memory(handle);
    esp_status status =
        find_column(out, "label", options->label, strlen(options->label), &out->label);
    if (status == ESP_OK) {
        out->items[out->label].kind = COLUMN_LABEL;
        status = mark(out, "ignore", options->ignore, COLUMN_IGNORED);
    }
    if (status == ESP_OK)
        status = mark(out, "categorical", options->categorical, COLUMN_CATEGORY);
    if (status == ESP_OK)
        status = find_classes(out);
    for (uint64_t i = 0; i < table->columns && status == ESP_OK; i++)
        if (out->items[i].kind == COLUMN_NUMBER || out->items[i].kind == COLUMN_CATEGORY)
            status = find_feature(out, i, held);
    if (status == ESP_OK && out->channels == 0)
        status = esp_fail_handle(handle, ESP_ERROR_DATA,
                                 "%s: has no column but the label and those that are ignored",
                                 table->path);
    return status;
}

// ---- Rows ---------------------------------------------------------------------------------------

static esp_status fail_cell(const struct columns *columns, const struct table *table,
                            uint64_t column, const struct cell *cell, const char *words)
{
    return esp_fail_handle(columns->handle, ESP_ERROR_DATA, "%s:%" PRIu64 ": column '%s': %s",
                           table->path, cell->line, table_name(table, column), words);
}

static esp_status fail_missing(const struct columns *columns, const struct table *table,
                               uint64_t column, const struct cell *cell, const char *remedy)
{
    char words[256];
    snprintf(words, sizeof words, "the value is missing%s%.40s%s%s", cell->text[0] ? " ('" : "",
             cell->text, cell->text[0] ? "')" : "", remedy);
    return fail_cell(columns, table, column, cell, words);
}

static esp_status fail_unknown(const struct columns *columns, const struct table *table,
                               uint64_t column, const struct cell *cell, const char *remedy)
{
    const struct column *item = &columns->items[column];
    const char *nearest = esp_nearest_name(cell->text, item->count, value_name, item);
    char words[512];
    snprintf(words, sizeof words, "'%.80s' does not stand in this column of %.200s%s%.80s%s%s",
             cell->text, columns->table->path, nearest ? "; the nearest is '" : "",
             nearest ? nearest : "", nearest ? "'" : "", remedy);
    return fail_cell(columns, table, column, cell, words);
}

#define FILLED "; missing = mean or median fills in what is missing"

static esp_status encode_number(const struct columns *columns, const struct table *table,
                                uint64_t column, const struct cell *cell, float *out)
{
    const struct column *item = &columns->items[column];
    char words[256];
    if (is_missing(columns, cell->text)) {
        if (columns->options->missing == MISSING_REFUSE)
            return fail_missing(columns, table, column, cell, FILLED);
        *out = item->fill;
        return ESP_OK;
    }
    switch (read_number(cell->text, out)) {
    case NUMBER:
        return ESP_OK;
    case TOO_LARGE:
        snprintf(words, sizeof words, "%.80s is beyond what a 32-bit float holds", cell->text);
        break;
    case NO_NUMBER:
        snprintf(words, sizeof words,
                 "'%.80s' is no number; one was expected, as in the training table", cell->text);
        break;
    }
    return fail_cell(columns, table, column, cell, words);
}

static esp_status encode_category(const struct columns *columns, const struct table *table,
                                  uint64_t column, const struct cell *cell, float *out)
{
    const struct column *item = &columns->items[column];
    uint64_t channels = item->count + (item->has_missing ? 1 : 0);
    bool missing = is_missing(columns, cell->text);
    if (missing && columns->options->missing == MISSING_REFUSE)
        return fail_missing(columns, table, column, cell,
                            "; missing = mean or median makes it a category of its own");
    for (uint64_t i = 0; i < channels; i++)
        out[i] = 0;
    // What the training table never lacks has no channel for it: then all are 0.
    uint64_t place = missing ? item->count : find_value(item, cell->text);
    if (!missing && place == item->count) {
        if (columns->options->unknown == UNKNOWN_REFUSE)
            return fail_unknown(columns, table, column, cell,
                                "; unknown = zeros lets it be no category");
        return ESP_OK;
    }
    if (place < channels)
        out[place] = 1;
    return ESP_OK;
}

static esp_status encode_label(const struct columns *columns, const struct table *table,
                               const struct cell *cell, uint32_t *out)
{
    const struct column *item = &columns->items[columns->label];
    if (is_missing(columns, cell->text))
        return fail_missing(columns, table, columns->label, cell,
                            "; each row was expected to have a label");
    uint64_t place = find_value(item, cell->text);
    if (place == item->count)
        return fail_unknown(columns, table, columns->label, cell, "");
    *out = (uint32_t)place;
    return ESP_OK;
}

esp_status columns_encode(const struct columns *columns, const struct table *table, uint64_t row,
                          float *values, uint32_t *label)
{
    esp_status status = ESP_OK;
    for (uint64_t i = 0; i < table->columns && status == ESP_OK; i++) {
        const struct column *item = &columns->items[i];
        const struct cell *cell = table_cell(table, row, i);
        switch (item->kind) {
        case COLUMN_NUMBER:
            status = encode_number(columns, table, i, cell, values + item->first);
            break;
        case COLUMN_CATEGORY:
            status = encode_category(columns, table, i, cell, values + item->first);
            break;
        case COLUMN_LABEL:
            status = encode_label(columns, table, cell, label);
            break;
        case COLUMN_IGNORED:
            break;
        }
    }
    return status;
}

esp_status columns_check_header(const struct columns *columns, const struct table *table)
{
    const struct table *train = columns->table;
    if (table->columns != train->columns)
        return esp_fail_handle(columns->handle, ESP_ERROR_DATA,
                               "%s:1: has %" PRIu64 " columns; the %" PRIu64 " of %s were expected",
                               table->path, table->columns, train->columns, train->path);
    for (uint64_t i = 0; i < table->columns; i++)
        if (strcmp(table_name(table, i), table_name(train, i)) != 0)
            return esp_fail_handle(columns->handle, ESP_ERROR_DATA,
                                   "%s:1: column %" PRIu64 " is '%s'; '%s' was expected, as in %s",
                                   table->path, i + 1, table_name(table, i), table_name(train, i),
                                   train->path);
    return ESP_OK;
}
