// SPDX-License-Identifier: Apache-2.0
// See table.h. The file is read whole; its fields are ended and unquoted where they stand.
#include "table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// What has been read up to `at`.
struct scanner {
    struct table *table;
    const esp_handle *handle;
    char separator;
    char *at, *end; // `end` points to a 0 of its own
    uint64_t line;
    uint64_t count, space; // cells, and what there is room for
};

enum ending { NEXT_FIELD, NEXT_RECORD };

const char *table_name(const struct table *table, uint64_t column)
{
    return table->cells[column].text;
}

const struct cell *table_cell(const struct table *table, uint64_t row, uint64_t column)
{
    return &table->cells[(1 + row) * table->columns + column];
}

void table_free(struct table *table)
{
    free(table->path);
    free(table->text);
    free(table->cells);
    memset(table, 0, sizeof *table);
}

static esp_status fail_memory(const esp_handle *handle)
{
    return esp_fail_handle(handle, ESP_ERROR_MEMORY, "out of memory");
}

// ---- Fields -------------------------------------------------------------------------------------

static bool at_line_end(const struct scanner *scanner)
{
    return scanner->at == scanner->end || *scanner->at == '\n' ||
           (*scanner->at == '\r' && scanner->at[1] == '\n');
}

static esp_status read_quoted(struct scanner *scanner)
{
    uint64_t line = scanner->line;
    char *out = ++scanner->at;
    for (;; scanner->at++) {
        if (scanner->at == scanner->end)
            return esp_fail_handle(scanner->handle, ESP_ERROR_DATA,
                                   "%s:%" PRIu64 ": the quote that opens here is never closed",
                                   scanner->table->path, line);
        if (*scanner->at == '\n')
            scanner->line++;
        if (*scanner->at == '"') {
            if (scanner->at[1] != '"')
                break;
            scanner->at++;
        }
        *out++ = *scanner->at;
    }
    scanner->at++;
    if (*scanner->at != scanner->separator && !at_line_end(scanner))
        return esp_fail_handle(scanner->handle, ESP_ERROR_DATA,
                               "%s:%" PRIu64 ": '%c' follows a closing quote; the end of the field "
                               "was expected (a quote inside one is written twice)",
                               scanner->table->path, scanner->line, *scanner->at);
    // The closing quote at the latest is overwritten.
    *out = '\0';
    return ESP_OK;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static esp_status read_plain(struct scanner *scanner, char **end)
{
    for (; *scanner->at != scanner->separator && !at_line_end(scanner); scanner->at++)
        if (*scanner->at == '"')
            return esp_fail_handle(scanner->handle, ESP_ERROR_DATA,
                                   "%s:%" PRIu64 ": a quote inside a field that does not begin "
                                   "with one; a field with quotes is quoted whole",
                                   scanner->table->path, scanner->line);
    *end = scanner->at;
    return ESP_OK;
}

static esp_status add_cell(struct scanner *scanner, const char *text, uint64_t line)
{
    struct table *table = scanner->table;
    if (scanner->count == scanner->space) {
        uint64_t space = scanner->space ? 2 * scanner->space : 1024;
        struct cell *cells = realloc(table->cells, space * sizeof *cells);
        if (!cells)
            return fail_memory(scanner->handle);
        table->cells = cells;
        scanner->space = space;
    }
    table->cells[scanner->count++] = (struct cell){text, line};
    return ESP_OK;
}

static esp_status read_field(struct scanner *scanner, enum ending *ending)
{
    char separator = scanner->separator, *end = NULL;
    while (is_blank(*scanner->at) && *scanner->at != separator)
        scanner->at++;
    bool quoted = *scanner->at == '"';
    char *text = scanner->at + (quoted ? 1 : 0);
    uint64_t line = scanner->line;
    esp_status status = quoted ? read_quoted(scanner) : read_plain(scanner, &end);
    if (status != ESP_OK)
        return status;
    *ending = *scanner->at == separator ? NEXT_FIELD : NEXT_RECORD;
    if (scanner->at != scanner->end) {
        if (*scanner->at == '\r')
            scanner->at++;
        if (*scanner->at == '\n')
            scanner->line++;
        scanner->at++;
    }
    if (!quoted) {
        while (end > text && is_blank(end[-1]))
            end--;
        *end = '\0';
    }
    return add_cell(scanner, text, line);
}

// ---- Records ------------------------------------------------------------------------------------

// Reads one record and answers the number of its fields, 0 for an empty line.
static esp_status read_record(struct scanner *scanner, uint64_t *fields)
{
    uint64_t before = scanner->count;
    bool empty = at_line_end(scanner);
    enum ending ending;
    do {
        esp_status status = read_field(scanner, &ending);
        if (status != ESP_OK)
            return status;
    } while (ending == NEXT_FIELD);
    *fields = scanner->count - before;
    if (empty) {
        scanner->count = before;
        *fields = 0;
    }
    return ESP_OK;
}

static esp_status check_header(const struct scanner *scanner)
{
    const struct table *table = scanner->table;
    if (table->columns == 0)
        return esp_fail_handle(scanner->handle, ESP_ERROR_DATA,
                               "%s:1: is empty; a header with the columns' names was expected",
                               table->path);
    for (uint64_t i = 0; i < table->columns; i++) {
        if (table_name(table, i)[0] == '\0')
            return esp_fail_handle(scanner->handle, ESP_ERROR_DATA,
                                   "%s:1: column %" PRIu64 " of the header has no name",
                                   table->path, i + 1);
        for (uint64_t j = 0; j < i; j++)
            if (strcmp(table_name(table, i), table_name(table, j)) == 0)
                return esp_fail_handle(scanner->handle, ESP_ERROR_DATA,
                                       "%s:1: columns %" PRIu64 " and %" PRIu64
                                       " of the header are both '%s'",
                                       table->path, j + 1, i + 1, table_name(table, i));
    }
    return ESP_OK;
}

static esp_status check_record(const struct scanner *scanner, uint64_t line, uint64_t fields)
{
    const struct table *table = scanner->table;
    if (fields == table->columns)
        return ESP_OK;
    return esp_fail_handle(scanner->handle, ESP_ERROR_DATA,
                           "%s:%" PRIu64 ": has %" PRIu64 " field%s; %" PRIu64
                           " were expected, as in the header",
                           table->path, line, fields, fields == 1 ? "" : "s", table->columns);
}

static esp_status read_records(struct scanner *scanner)
{
    struct table *table = scanner->table;
    uint64_t empty_line = 0;
    esp_status status = read_record(scanner, &table->columns);
    if (status == ESP_OK)
        status = check_header(scanner);
    while (status == ESP_OK && scanner->at != scanner->end) {
        uint64_t line = scanner->line, fields;
        status = read_record(scanner, &fields);
        if (status == ESP_OK && fields == 0) {
            empty_line = empty_line ? empty_line : line;
            continue;
        }
        if (status == ESP_OK && empty_line)
            status = esp_fail_handle(scanner->handle, ESP_ERROR_DATA,
                                     "%s:%" PRIu64 ": is empty, and lines follow", table->path,
                                     empty_line);
        if (status == ESP_OK)
            status = check_record(scanner, line, fields);
        table->rows++;
    }
    if (status == ESP_OK && table->rows == 0)
        status = esp_fail_handle(scanner->handle, ESP_ERROR_DATA, "%s: has a header, but no rows",
                                 table->path);
    return status;
}

// ---- The file -----------------------------------------------------------------------------------

static esp_status load(struct table *table, uint64_t size, const esp_handle *handle)
{
    FILE *stream = fopen(table->path, "rbe");
    if (!stream)
        return esp_fail_handle(handle, ESP_ERROR_IO, "%s: cannot be opened: %s", table->path,
                               strerror(errno));
    table->text = malloc(size + 1);
    uint64_t got = table->text ? fread(table->text, 1, size, stream) : 0;
    bool broken = ferror(stream);
    int code = errno;
    fclose(stream);
    if (!table->text)
        return fail_memory(handle);
    if (broken || got < size)
        return esp_fail_handle(handle, ESP_ERROR_IO, "%s: cannot be read: %s", table->path,
                               broken ? strerror(code) : "it became shorter");
    table->text[size] = '\0';
    return ESP_OK;
}

static esp_status check_text(const struct table *table, uint64_t size, const esp_handle *handle)
{
    const char *zero = memchr(table->text, '\0', size);
    if (size >= 2 && memcmp(table->text, "\x1f\x8b", 2) == 0)
        return esp_fail_handle(handle, ESP_ERROR_DATA,
                               "%s: is gzipped; a table as text was expected (gunzip it)",
                               table->path);
    if (zero)
        return esp_fail_handle(handle, ESP_ERROR_DATA,
                               "%s: is no text: byte %" PRIu64 " is 0; a table in UTF-8 was "
                               "expected",
                               table->path, (uint64_t)(zero - table->text));
    return ESP_OK;
}

esp_status table_read(struct table *out, const char *path, char separator, const esp_handle *handle)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    struct stat found;
    memset(out, 0, sizeof *out);
    if (stat(path, &found) != 0)
        return esp_fail_handle(
            handle, errno == ENOENT || errno == ENOTDIR ? ESP_ERROR_NOT_FOUND : ESP_ERROR_IO,
            "%s: cannot be opened: %s", path, strerror(errno));
    if (!S_ISREG(found.st_mode))
        return esp_fail_handle(handle, ESP_ERROR_INVALID, "%s: is %s; a table was expected", path,
                               S_ISDIR(found.st_mode) ? "a folder" : "no regular file");
    uint64_t size = (uint64_t)found.st_size;
    out->path = strdup(path);
    esp_status status = out->path ? load(out, size, handle) : fail_memory(handle);
    if (status == ESP_OK)
        status = check_text(out, size, handle);
    if (status == ESP_OK) {
        struct scanner scanner = {out, handle, separator, out->text, out->text + size, 1, 0, 0};
        if (strncmp(scanner.at, byte_order_mark, 3) == 0)
            scanner.at += 3;
        status = read_records(&scanner);
    }
    if (status != ESP_OK)
        table_free(out);
    return status;
}
