// SPDX-License-Identifier: Apache-2.0
// Comma-separated values; see records.h. The file is read whole, and fields are unquoted in place.
#include "text/records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static esp_status read_whole(char **out, const char *path, struct error *error)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return error_system(error, path, "read it", errno);
    size_t size = 0, capacity = 1 << 16, got = 0;
    char *text = malloc(capacity);
    while (text && (got = fread(text + size, 1, capacity - size - 1, file)) > 0) {
        size += got;
        if (capacity - size > 1)
            continue;
        char *grown = realloc(text, capacity *= 2);
        if (!grown)
            free(text);
        text = grown;
    }
    esp_status status = ESP_OK;
    if (!text)
        status = error_memory(error);
    else if (ferror(file))
        status = error_system(error, path, "read it", errno);
    else if (memchr(text, '\0', size))
        status = error_set(error, ESP_ERROR_DATA, "%s: this is no text", path);
    fclose(file);
    if (status != ESP_OK) {
        free(text);
        return status;
    }
    text[size] = '\0';
    *out = text;
    return ESP_OK;
}

static bool add_field(struct records *records, uint64_t count, char *text)
{
    if (count == records->capacity) {
        uint64_t capacity = records->capacity ? 2 * records->capacity : 1024;
        char **grown = realloc(records->fields, capacity * sizeof *grown);
        if (!grown)
            return false;
        records->fields = grown;
        records->capacity = capacity;
    }
    records->fields[count] = text;
    return true;
}

static bool add_line(struct records *records, uint64_t line)
{
    if (records->rows == records->line_capacity) {
        uint64_t capacity = records->line_capacity ? 2 * records->line_capacity : 256;
        uint64_t *grown = realloc(records->lines, capacity * sizeof *grown);
        if (!grown)
            return false;
        records->lines = grown;
        records->line_capacity = capacity;
    }
    records->lines[records->rows++] = line;
    return true;
}

// Ends a quoted field in place; `*at` is behind its opening quote and moves behind the closing one.
static bool unquote(char **at, uint64_t *line)
{
    char *to = *at, *from = *at;
    for (; *from; from++) {
        if (*from == '"' && *++from != '"') {
            // The byte at `to` is the closing quote or before it.
            *at = from;
            *to = '\0';
            return true;
        }
        *line += *from == '\n';
        *to++ = *from;
    }
    return false;
}

static esp_status parse(struct records *records, const char *path, struct error *error)
{
    char *at = records->text;
    uint64_t line = 1, count = 0;
    if (strncmp(at, "\xEF\xBB\xBF", 3) == 0)
        at += 3;
    while (*at) {
        uint64_t begun = line, fields = 0;
        if (*at == '\n' || (*at == '\r' && at[1] == '\n')) {
            at += *at == '\r' ? 2 : 1;
            line++;
            continue;
        }
        for (bool more = true; more;) {
            char *field = at;
            if (*at == '"') {
                field = ++at;
                if (!unquote(&at, &line))
                    return error_set(error, ESP_ERROR_DATA,
                                     "%s:%llu: a quote that opens here is never closed", path,
                                     (unsigned long long)begun);
            } else {
                at += strcspn(at, ",\n");
            }
            more = *at == ',';
            char *end = at;
            if (*at == '\r')
                at++;
            if (*at && *at != ',' && *at != '\n')
                return error_set(error, ESP_ERROR_DATA,
                                 "%s:%llu: a comma or the end of the line was expected after a "
                                 "closing quote",
                                 path, (unsigned long long)line);
            if (*at == '\n') {
                line++;
                if (end == at && end > field && end[-1] == '\r')
                    end--;
            }
            at += *at != '\0';
            *end = '\0';
            if (!add_field(records, count++, field))
                return error_memory(error);
            fields++;
        }
        if (!add_line(records, begun))
            return error_memory(error);
        if (records->rows == 1)
            records->columns = fields;
        if (fields != records->columns)
            return error_set(error, ESP_ERROR_DATA,
                             "%s:%llu: the line has %llu fields, and the header %llu", path,
                             (unsigned long long)begun, (unsigned long long)fields,
                             (unsigned long long)records->columns);
    }
    return records->rows > 0 ? ESP_OK
                             : error_set(error, ESP_ERROR_DATA, "%s: the file is empty", path);
}

esp_status records_read(struct records *out, const char *path, struct error *error)
{
    *out = (struct records){0};
    esp_status status = read_whole(&out->text, path, error);
    if (status == ESP_OK)
        status = parse(out, path, error);
    if (status != ESP_OK)
        records_destroy(out);
    return status;
}

void records_destroy(struct records *records)
{
    free(records->text);
    free(records->fields);
    free(records->lines);
    memset(records, 0, sizeof *records);
}

const char *records_field(const struct records *records, uint64_t row, uint64_t column)
{
    return records->fields[row * records->columns + column];
}

int64_t records_column(const struct records *records, const char *name)
{
    for (uint64_t i = 0; i < records->columns; i++)
        if (strcmp(records_field(records, 0, i), name) == 0)
            return (int64_t)i;
    return -1;
}

void records_write(FILE *file, const char *text)
{
    if (!text)
        return;
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, file);
        return;
    }
    putc('"', file);
    for (; *text; text++) {
        if (*text == '"')
            putc('"', file);
        putc(*text, file);
    }
    putc('"', file);
}
