// SPDX-License-Identifier: Apache-2.0
// Reads the CSV file into a table; see load.h. What is wrong is named by file, line and column.
#include "load.h"

#include <math.h>
#include <stdlib.h>

// What one load needs. Places are numbers of fields.
struct loading {
    struct csv *csv;
    const struct mapping *mapping;
    char **names; // of the header's columns
    uint64_t name_count;
    uint64_t key;      // place of the key
    uint64_t *pairs;   // places of the searched parameters' columns
    uint64_t *columns; // places of the value columns
    esp_text_pair *values;
    struct table_header *block;
    uint64_t *lines; // where each row of the block stands
    uint64_t left_out;
};

static esp_status out_of_memory(const struct loading *loading)
{
    return esp_fail(loading->csv->create, ESP_ERROR_MEMORY, "out of memory");
}

// ---- The header ---------------------------------------------------------------------------------

// Edit distance (Levenshtein 1966) of two short names.
static size_t distance(const char *a, const char *b)
{
    enum { LONGEST = 64 };
    size_t row[LONGEST + 1], length = strlen(b);
    if (length > LONGEST)
        return SIZE_MAX;
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t before = row[0];
        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            size_t replaced = before + (a[i - 1] != b[j - 1]);
            before = row[j];
            size_t least = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            row[j] = replaced < least ? replaced : least;
        }
    }
    return row[length];
}

static esp_status no_column(const struct loading *loading, const char *name)
{
    const struct csv *csv = loading->csv;
    const char *nearest = NULL;
    size_t least = strlen(name) / 2 + 1;
    for (uint64_t i = 0; i < loading->name_count; i++)
        if (distance(name, loading->names[i]) < least) {
            nearest = loading->names[i];
            least = distance(name, nearest);
        }
    if (nearest)
        return esp_fail(csv->create, ESP_ERROR_INVALID,
                        "%s:1: there is no column '%s'; did you mean '%s'?", csv->path, name,
                        nearest);
    char list[512] = "";
    for (uint64_t i = 0; i < loading->name_count; i++) {
        if (strlen(list) + strlen(loading->names[i]) + 3 >= sizeof list)
            break;
        strcat(strcat(list, i ? ", " : ""), loading->names[i]);
    }
    return esp_fail(csv->create, ESP_ERROR_INVALID, "%s:1: there is no column '%s'; there are: %s",
                    csv->path, name, list);
}

static esp_status find_column(const struct loading *loading, const char *name, uint64_t *out)
{
    for (uint64_t i = 0; i < loading->name_count; i++)
        if (strcmp(loading->names[i], name) == 0) {
            *out = i;
            return ESP_OK;
        }
    return no_column(loading, name);
}

static esp_status read_names(struct loading *loading)
{
    struct csv *csv = loading->csv;
    bool found = false;
    esp_status status = csv_next(csv, &found);
    if (status == ESP_OK && !found)
        return esp_fail(csv->create, ESP_ERROR_DATA, "%s:1: expected a header", csv->path);
    if (status != ESP_OK)
        return status;
    loading->names = calloc(csv->count, sizeof *loading->names);
    if (!loading->names)
        return out_of_memory(loading);
    for (uint64_t i = 0; i < csv->count; i++) {
        for (uint64_t j = 0; j < i; j++)
            if (strcmp(loading->names[j], csv->fields[i]) == 0)
                return esp_fail(csv->create, ESP_ERROR_DATA,
                                "%s:1: columns %llu and %llu are both named '%s'", csv->path,
                                (unsigned long long)j + 1, (unsigned long long)i + 1,
                                csv->fields[i]);
        loading->names[i] = strdup(csv->fields[i]);
        if (!loading->names[i])
            return out_of_memory(loading);
        loading->name_count++;
    }
    return ESP_OK;
}

static esp_status find_columns(struct loading *loading)
{
    const struct mapping *mapping = loading->mapping;
    loading->pairs = calloc(mapping->pair_count + 1, sizeof *loading->pairs);
    loading->values = calloc(mapping->pair_count + 1, sizeof *loading->values);
    loading->columns = calloc(mapping->column_count + 1, sizeof *loading->columns);
    if (!loading->pairs || !loading->values || !loading->columns)
        return out_of_memory(loading);
    esp_status status = find_column(loading, mapping->key, &loading->key);
    for (uint64_t i = 0; status == ESP_OK && i < mapping->pair_count; i++)
        status = find_column(loading, mapping->pairs[i].column, &loading->pairs[i]);
    for (uint64_t i = 0; status == ESP_OK && i < mapping->column_count; i++)
        status = find_column(loading, mapping->columns[i].name, &loading->columns[i]);
    return status;
}

// ---- Rows ---------------------------------------------------------------------------------------

// An error of the field at `place`.
ESP_PRINTF(3, 4)
static esp_status fail_field(const struct loading *loading, uint64_t place, const char *format, ...)
{
    char words[768];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(words, sizeof words, format, arguments) < 0)
        words[0] = '\0';
    va_end(arguments);
    return esp_fail(loading->csv->create, ESP_ERROR_DATA, "%s:%llu: column %llu '%s': %s",
                    loading->csv->path, (unsigned long long)loading->csv->record_line,
                    (unsigned long long)place + 1, loading->names[place], words);
}

static esp_status check_length(const struct loading *loading)
{
    const struct csv *csv = loading->csv;
    if (csv->count == loading->name_count)
        return ESP_OK;
    if (csv->count < loading->name_count)
        return esp_fail(csv->create, ESP_ERROR_DATA,
                        "%s:%llu: the row has %llu fields, and the header %llu: column %llu '%s' "
                        "is missing",
                        csv->path, (unsigned long long)csv->record_line,
                        (unsigned long long)csv->count, (unsigned long long)loading->name_count,
                        (unsigned long long)csv->count + 1, loading->names[csv->count]);
    return esp_fail(csv->create, ESP_ERROR_DATA,
                    "%s:%llu: the row has %llu fields, and the header %llu: there is no column "
                    "%llu for '%.60s'",
                    csv->path, (unsigned long long)csv->record_line, (unsigned long long)csv->count,
                    (unsigned long long)loading->name_count,
                    (unsigned long long)loading->name_count + 1, csv->fields[loading->name_count]);
}

static esp_status read_hash(const struct loading *loading, const char *text, uint64_t *out)
{
    char *end = NULL;
    if (strlen(text) != 16 || text[strspn(text, "0123456789abcdefABCDEF")] != '\0')
        return fail_field(loading, loading->key, "expected a hash of 16 hex digits, got '%.60s'",
                          text);
    *out = strtoull(text, &end, 16);
    return ESP_OK;
}

// `*member` is false for a row that is left out.
static esp_status read_key(struct loading *loading, uint64_t *hash, bool *member)
{
    const struct mapping *mapping = loading->mapping;
    const char *text = loading->csv->fields[loading->key], *reason = "";
    *member = true;
    if (text[0] == '\0')
        return fail_field(loading, loading->key, "the architecture is missing");
    if (mapping->key_is_hash)
        return read_hash(loading, text, hash);
    for (uint64_t i = 0; i < mapping->pair_count; i++) {
        const char *value = loading->csv->fields[loading->pairs[i]];
        if (value[0] == '\0')
            return fail_field(loading, loading->pairs[i], "the value of %s is missing",
                              mapping->pairs[i].path);
        loading->values[i] = (esp_text_pair){sizeof(esp_text_pair), mapping->pairs[i].path, value};
    }
    esp_status status = esp_create_arch_hash(loading->csv->create, text, loading->values,
                                             mapping->pair_count, mapping->identity, hash, &reason);
    *member = status == ESP_OK;
    if (status == ESP_OK || status == ESP_ERROR_MEMORY)
        return status == ESP_OK ? ESP_OK : out_of_memory(loading);
    if (mapping->leave_out && (status == ESP_ERROR_REJECTED || status == ESP_ERROR_INVALID))
        return ESP_OK;
    return fail_field(loading, loading->key, "%s", reason);
}

static esp_status read_values(const struct loading *loading, double *values)
{
    const struct mapping *mapping = loading->mapping;
    for (uint64_t i = 0; i < mapping->column_count; i++) {
        uint64_t place = loading->columns[i];
        const char *text = loading->csv->fields[place];
        char *end = NULL;
        if (text[strspn(text, " \t")] == '\0')
            return fail_field(loading, place, "the number is missing");
        double number = strtod(text, &end);
        if (end[strspn(end, " \t")] != '\0' || !isfinite(number))
            return fail_field(loading, place, "expected a number, got '%.60s'", text);
        values[i] = number * mapping->columns[i].factor / mapping->columns[i].divisor;
        if (!isfinite(values[i]))
            return fail_field(loading, place, "%.60s is no number any more when it is scaled",
                              text);
    }
    return ESP_OK;
}

static esp_status read_row(struct loading *loading)
{
    uint64_t hash = 0;
    double *values = NULL;
    bool member = false, added = false;
    esp_status status = check_length(loading);
    if (status == ESP_OK)
        status = read_key(loading, &hash, &member);
    loading->left_out += status == ESP_OK && !member;
    if (status != ESP_OK || !member)
        return status;
    uint32_t number = table_place(loading->block, hash, &values, &added);
    if (!added)
        return fail_field(
            loading, loading->key, "the architecture stands at line %llu already: '%.200s'",
            (unsigned long long)loading->lines[number - 1], loading->csv->fields[loading->key]);
    loading->lines[number - 1] = loading->csv->record_line;
    return read_values(loading, values);
}

// At most so many rows: each has a newline, but the last.
static uint64_t count_lines(const struct csv *csv)
{
    uint64_t count = 1;
    const char *at = csv->at;
    while ((at = memchr(at, '\n', (size_t)(csv->end - at)))) {
        count++;
        at++;
    }
    return count;
}

static esp_status read_rows(struct loading *loading)
{
    struct csv *csv = loading->csv;
    uint64_t most = count_lines(csv);
    bool found = true;
    loading->block = table_block(most, (uint32_t)loading->mapping->column_count);
    loading->lines = calloc(most, sizeof *loading->lines);
    if (!loading->block || !loading->lines)
        return out_of_memory(loading);
    for (;;) {
        esp_status status = csv_next(csv, &found);
        if (status == ESP_OK && found)
            status = read_row(loading);
        if (status != ESP_OK || !found)
            return status;
    }
}

static esp_status check_rows(const struct loading *loading)
{
    const struct csv *csv = loading->csv;
    uint64_t rows = loading->block->rows;
    if (rows == 0 && loading->left_out == 0)
        return esp_fail(csv->create, ESP_ERROR_DATA, "%s: there is no row below the header",
                        csv->path);
    if (rows == 0)
        return esp_fail(csv->create, ESP_ERROR_DATA,
                        "%s: none of its %llu rows is a member of this run's space", csv->path,
                        (unsigned long long)loading->left_out);
    if (loading->left_out > 0)
        esp_log(csv->create, ESP_LOG_INFO,
                "%s: %llu rows are no members of this run's space and are left out; %llu stay",
                csv->path, (unsigned long long)loading->left_out, (unsigned long long)rows);
    return ESP_OK;
}

esp_status load_table(struct table_header **out, struct csv *csv, const struct mapping *mapping)
{
    struct loading loading = {.csv = csv, .mapping = mapping};
    esp_status status = read_names(&loading);
    if (status == ESP_OK)
        status = find_columns(&loading);
    if (status == ESP_OK)
        status = read_rows(&loading);
    if (status == ESP_OK)
        status = check_rows(&loading);
    for (uint64_t i = 0; i < loading.name_count; i++)
        free(loading.names[i]);
    free(loading.names);
    free(loading.pairs);
    free(loading.columns);
    free(loading.values);
    free(loading.lines);
    if (status == ESP_OK)
        *out = loading.block;
    else
        free(loading.block);
    return status;
}
