// SPDX-License-Identifier: Apache-2.0
// Reading a CSV file; see csv.h.
#include "csv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

static esp_status cannot_read(const struct csv *csv)
{
    return esp_fail(csv->create, errno == ENOENT ? ESP_ERROR_NOT_FOUND : ESP_ERROR_IO,
                    "%s: cannot be read: %s", csv->path, strerror(errno));
}

static esp_status map_file(struct csv *csv, int descriptor)
{
    struct stat found;
    if (fstat(descriptor, &found) != 0)
        return cannot_read(csv);
    if (!S_ISREG(found.st_mode))
        return esp_fail(csv->create, ESP_ERROR_INVALID, "%s: expected a CSV file", csv->path);
    csv->size = (uint64_t)found.st_size;
    if (csv->size == 0)
        return esp_fail(csv->create, ESP_ERROR_DATA, "%s: the file is empty", csv->path);
    void *map = mmap(NULL, csv->size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (map == MAP_FAILED)
        return cannot_read(csv);
    csv->bytes = map;
    return ESP_OK;
}

esp_status csv_open(struct csv *out, esp_create *create, const char *path)
{
    memset(out, 0, sizeof *out);
    out->create = create;
    out->path = path;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return cannot_read(out);
    esp_status status = map_file(out, descriptor);
    close(descriptor);
    if (status != ESP_OK)
        return status;
    out->at = out->bytes;
    out->end = out->bytes + out->size;
    out->line = 1;
    if (out->size >= 3 && memcmp(out->bytes, BYTE_ORDER_MARK, 3) == 0)
        out->at += 3;
    return ESP_OK;
}

void csv_close(struct csv *csv)
{
    if (csv->bytes)
        munmap((void *)(uintptr_t)csv->bytes, csv->size);
    free(csv->room);
    free(csv->fields);
    memset(csv, 0, sizeof *csv);
}

static esp_status fail(const struct csv *csv, const char *words)
{
    return esp_fail(csv->create, ESP_ERROR_DATA, "%s:%llu: %s", csv->path,
                    (unsigned long long)csv->line, words);
}

static esp_status add_field(struct csv *csv, char *field)
{
    if (csv->count == csv->capacity) {
        uint64_t capacity = csv->capacity ? 2 * csv->capacity : 16;
        char **grown = realloc(csv->fields, capacity * sizeof *grown);
        if (!grown)
            return esp_fail(csv->create, ESP_ERROR_MEMORY, "out of memory");
        csv->fields = grown;
        csv->capacity = capacity;
    }
    csv->fields[csv->count++] = field;
    return ESP_OK;
}

// Copies a field in quotes to `*room`; `at` stands behind the first quote, and then behind the last.
static esp_status read_quoted(struct csv *csv, char **room)
{
    uint64_t begun = csv->line;
    for (; csv->at < csv->end; csv->at++) {
        char c = *csv->at;
        if (c == '"' && csv->at + 1 < csv->end && csv->at[1] == '"') {
            csv->at++;
        } else if (c == '"') {
            csv->at++;
            return ESP_OK;
        }
        if (c == '\0')
            return fail(csv, "the line holds a zero byte");
        csv->line += c == '\n';
        *(*room)++ = c;
    }
    csv->line = begun;
    return fail(csv, "the quotes that begin here are never closed");
}

static bool ends_field(const struct csv *csv)
{
    return csv->at == csv->end || *csv->at == ',' || *csv->at == '\n' ||
           (*csv->at == '\r' && csv->at + 1 < csv->end && csv->at[1] == '\n');
}

static esp_status read_bare(struct csv *csv, char **room)
{
    for (; !ends_field(csv); csv->at++) {
        if (*csv->at == '\0')
            return fail(csv, "the line holds a zero byte");
        if (*csv->at == '"')
            return fail(csv, "a quote within a field without quotes; expected the whole field in "
                             "quotes, and each of its own doubled");
        *(*room)++ = *csv->at;
    }
    return ESP_OK;
}

static esp_status read_field(struct csv *csv, char **room)
{
    char *field = *room;
    bool quoted = csv->at < csv->end && *csv->at == '"';
    csv->at += quoted;
    esp_status status = quoted ? read_quoted(csv, room) : read_bare(csv, room);
    if (status == ESP_OK && quoted && !ends_field(csv))
        status = fail(csv, "expected a comma or the end of the line behind the closing quote");
    *(*room)++ = '\0';
    return status == ESP_OK ? add_field(csv, field) : status;
}

// The fields of a record and their zeros fit what is left up to its end: one byte a field more than
// the text, counting quoted newlines generously.
static esp_status make_room(struct csv *csv)
{
    const char *end = csv->at;
    bool quoted = false;
    for (; end < csv->end && (quoted || *end != '\n'); end++)
        quoted ^= *end == '"';
    uint64_t wanted = (uint64_t)(end - csv->at) + 2;
    if (wanted <= csv->room_size)
        return ESP_OK;
    char *grown = realloc(csv->room, wanted);
    if (!grown)
        return esp_fail(csv->create, ESP_ERROR_MEMORY, "out of memory");
    csv->room = grown;
    csv->room_size = wanted;
    return ESP_OK;
}

static void skip_newline(struct csv *csv)
{
    csv->at += csv->at < csv->end && *csv->at == '\r';
    if (csv->at < csv->end && *csv->at == '\n') {
        csv->at++;
        csv->line++;
    }
}

static bool at_newline(const struct csv *csv)
{
    return csv->at < csv->end && *csv->at != ',' && ends_field(csv);
}

esp_status csv_next(struct csv *csv, bool *found)
{
    while (at_newline(csv))
        skip_newline(csv);
    *found = csv->at < csv->end;
    csv->count = 0;
    csv->record_line = csv->line;
    if (!*found)
        return ESP_OK;
    esp_status status = make_room(csv);
    char *room = csv->room;
    for (bool more = true; status == ESP_OK && more;) {
        status = read_field(csv, &room);
        more = csv->at < csv->end && *csv->at == ',';
        csv->at += more;
    }
    if (status == ESP_OK)
        skip_newline(csv);
    return status;
}
