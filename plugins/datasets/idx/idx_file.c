// SPDX-License-Identifier: Apache-2.0
// One IDX file; see idx_file.h. zlib reads plain files as they are, so there is one path for both.
#include "idx_file.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { STREAM_BUFFER = 128 * 1024 }; // bytes

static uint64_t header_size(const struct idx_file *file)
{
    return 4 + 4 * (uint64_t)file->dimension_count;
}

static uint64_t content_size(const struct idx_file *file)
{
    return file->dimensions[0] * file->item_values * file->value_size;
}

const char *idx_file_shape(const struct idx_file *file, char text[IDX_SHAPE_SIZE])
{
    int used = 0;
    for (uint32_t i = 0; i < file->dimension_count; i++)
        used += snprintf(text + used, (size_t)(IDX_SHAPE_SIZE - used), "%s%" PRIu64,
                         i == 0 ? "[" : ", ", file->dimensions[i]);
    snprintf(text + used, (size_t)(IDX_SHAPE_SIZE - used), "]");
    return text;
}

static esp_status open_stream(struct idx_file *file, const esp_handle *handle)
{
    errno = 0;
    file->stream = gzopen(file->path, "rbe");
    if (!file->stream) {
        if (errno == 0 || errno == ENOMEM)
            return esp_fail_handle(handle, ESP_ERROR_MEMORY, "out of memory");
        return esp_fail_handle(handle, ESP_ERROR_IO, "%s: cannot be opened: %s", file->path,
                               strerror(errno));
    }
    gzbuffer(file->stream, STREAM_BUFFER);
    file->position = 0;
    return ESP_OK;
}

static void close_stream(struct idx_file *file)
{
    if (file->stream)
        gzclose(file->stream);
    file->stream = NULL;
}

// An error of gzip or of the disk, or ESP_OK where the stream is merely at its end.
static esp_status stream_error(const struct idx_file *file, const esp_handle *handle)
{
    int code;
    const char *words = gzerror(file->stream, &code); // "path: words", or the words alone
    size_t length = strlen(file->path);
    if (strncmp(words, file->path, length) == 0 && strncmp(words + length, ": ", 2) == 0)
        words += length + 2;
    switch (code) {
    case Z_OK:
    case Z_STREAM_END:
        return ESP_OK;
    case Z_BUF_ERROR:
        return esp_fail_handle(handle, ESP_ERROR_DATA, "%s: the gzip stream breaks off",
                               file->path);
    case Z_MEM_ERROR:
        return esp_fail_handle(handle, ESP_ERROR_MEMORY, "out of memory");
    case Z_ERRNO:
        return esp_fail_handle(handle, ESP_ERROR_IO, "%s: cannot be read: %s", file->path,
                               strerror(errno));
    default:
        return esp_fail_handle(handle, ESP_ERROR_DATA, "%s: the gzip stream is corrupt: %s",
                               file->path, words);
    }
}

// Reads up to `size` bytes; `*got` is less only at the end of the content.
static esp_status read_bytes(struct idx_file *file, void *out, uint64_t size, uint64_t *got,
                             const esp_handle *handle)
{
    *got = 0;
    while (*got < size) {
        uint64_t left = size - *got;
        unsigned part = left > INT_MAX ? (unsigned)INT_MAX : (unsigned)left;
        errno = 0;
        int done = gzread(file->stream, (unsigned char *)out + *got, part);
        if (done > 0)
            *got += (uint64_t)done;
        if (done < (int)part)
            return stream_error(file, handle);
    }
    return ESP_OK;
}

static uint32_t big_endian(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
           (uint32_t)bytes[3];
}

static esp_status check_magic(struct idx_file *file, const unsigned char *magic,
                              const esp_handle *handle)
{
    if (magic[0] != 0 || magic[1] != 0)
        return esp_fail_handle(handle, ESP_ERROR_DATA,
                               "%s: is no IDX file: its magic number is 0x%08x; 0x0000, a type and "
                               "the number of dimensions were expected",
                               file->path, (unsigned)big_endian(magic));
    file->type = magic[2];
    if (file->type == IDX_TYPE_U8)
        file->value_size = 1;
    else if (file->type == IDX_TYPE_I32 || file->type == IDX_TYPE_F32)
        file->value_size = 4;
    else
        return esp_fail_handle(handle, ESP_ERROR_DATA,
                               "%s: holds values of IDX type 0x%02x; 0x08 (u8), 0x0c (i32) or 0x0d "
                               "(f32) was expected",
                               file->path, (unsigned)file->type);
    file->dimension_count = magic[3];
    if (file->dimension_count < 1 || file->dimension_count > IDX_MOST_DIMENSIONS)
        return esp_fail_handle(handle, ESP_ERROR_DATA,
                               "%s: has %u dimensions; 1 to %d were expected", file->path,
                               (unsigned)file->dimension_count, (int)IDX_MOST_DIMENSIONS);
    return ESP_OK;
}

static esp_status short_header(const struct idx_file *file, uint64_t got, uint64_t wanted,
                               const esp_handle *handle)
{
    return esp_fail_handle(handle, ESP_ERROR_DATA,
                           "%s: ends after %" PRIu64 " bytes, within the IDX header of %s%" PRIu64,
                           file->path, got, wanted == 4 ? "at least " : "",
                           wanted == 4 ? (uint64_t)8 : wanted);
}

static esp_status read_header(struct idx_file *file, const esp_handle *handle)
{
    unsigned char bytes[4 + 4 * IDX_MOST_DIMENSIONS];
    uint64_t got;
    esp_status status = read_bytes(file, bytes, 4, &got, handle);
    if (status != ESP_OK)
        return status;
    if (got < 4)
        return short_header(file, got, 4, handle);
    if ((status = check_magic(file, bytes, handle)) != ESP_OK)
        return status;
    status = read_bytes(file, bytes + 4, header_size(file) - 4, &got, handle);
    if (status != ESP_OK)
        return status;
    if (got < header_size(file) - 4)
        return short_header(file, 4 + got, header_size(file), handle);

    uint64_t size = file->value_size;
    for (uint32_t i = 0; i < file->dimension_count; i++) {
        file->dimensions[i] = big_endian(bytes + 4 + 4 * i);
        if (file->dimensions[i] == 0)
            return esp_fail_handle(handle, ESP_ERROR_DATA,
                                   "%s: dimension %u of %u is 0; at least 1 was expected",
                                   file->path, (unsigned)i + 1, (unsigned)file->dimension_count);
        if (__builtin_mul_overflow(size, file->dimensions[i], &size) || size > INT64_MAX)
            return esp_fail_handle(handle, ESP_ERROR_DATA,
                                   "%s: its header names more bytes than any file holds",
                                   file->path);
    }
    file->item_values = size / file->value_size / file->dimensions[0];
    return ESP_OK;
}

static esp_status short_content(const struct idx_file *file, uint64_t found,
                                const esp_handle *handle)
{
    char shape[IDX_SHAPE_SIZE];
    return esp_fail_handle(handle, ESP_ERROR_DATA,
                           "%s: is cut short: %" PRIu64 " bytes of values, but its header %s names "
                           "%" PRIu64,
                           file->path, found, idx_file_shape(file, shape), content_size(file));
}

static esp_status trailing_bytes(const struct idx_file *file, const esp_handle *handle)
{
    char shape[IDX_SHAPE_SIZE];
    return esp_fail_handle(handle, ESP_ERROR_DATA,
                           "%s: bytes follow after the %" PRIu64 " that its header %s names",
                           file->path, content_size(file), idx_file_shape(file, shape));
}

static esp_status check_plain_size(const struct idx_file *file, uint64_t size,
                                   const esp_handle *handle)
{
    uint64_t found = size - header_size(file);
    if (found < content_size(file))
        return short_content(file, found, handle);
    return found > content_size(file) ? trailing_bytes(file, handle) : ESP_OK;
}

esp_status idx_file_open(struct idx_file *out, const char *path, const esp_handle *handle)
{
    struct stat found;
    memset(out, 0, sizeof *out);
    if (stat(path, &found) != 0)
        return esp_fail_handle(
            handle, errno == ENOENT || errno == ENOTDIR ? ESP_ERROR_NOT_FOUND : ESP_ERROR_IO,
            "%s: cannot be opened: %s", path, strerror(errno));
    if (!S_ISREG(found.st_mode))
        return esp_fail_handle(handle, ESP_ERROR_INVALID, "%s: is %s; an IDX file was expected",
                               path, S_ISDIR(found.st_mode) ? "a folder" : "no regular file");
    out->path = strdup(path);
    if (!out->path)
        return esp_fail_handle(handle, ESP_ERROR_MEMORY, "out of memory");
    esp_status status = open_stream(out, handle);
    if (status == ESP_OK)
        status = read_header(out, handle);
    if (status == ESP_OK && gzdirect(out->stream))
        status = check_plain_size(out, (uint64_t)found.st_size, handle);
    close_stream(out);
    if (status != ESP_OK)
        idx_file_close(out);
    return status;
}

void idx_file_close(struct idx_file *file)
{
    close_stream(file);
    free(file->path);
    memset(file, 0, sizeof *file);
}

static void swap_bytes(void *values, uint64_t count)
{
    unsigned char *bytes = values;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t value = big_endian(bytes + 4 * i);
        memcpy(bytes + 4 * i, &value, sizeof value);
    }
}

static esp_status check_end(struct idx_file *file, const esp_handle *handle)
{
    unsigned char byte;
    uint64_t got;
    esp_status status = read_bytes(file, &byte, 1, &got, handle);
    if (status != ESP_OK)
        return status;
    return got > 0 ? trailing_bytes(file, handle) : ESP_OK;
}

static esp_status read_items(struct idx_file *file, uint64_t first, uint64_t count, void *out,
                             const esp_handle *handle)
{
    uint64_t item_size = file->item_values * file->value_size;
    uint64_t got;
    esp_status status;
    if (file->position != first || first == 0) {
        uint64_t offset = header_size(file) + first * item_size;
        if (gzseek(file->stream, (z_off_t)offset, SEEK_SET) < 0) {
            status = stream_error(file, handle);
            return status != ESP_OK ? status : short_content(file, 0, handle);
        }
    }
    if ((status = read_bytes(file, out, count * item_size, &got, handle)) != ESP_OK)
        return status;
    if (got < count * item_size)
        return short_content(file, first * item_size + got, handle);
    if (file->value_size == 4)
        swap_bytes(out, count * file->item_values);
    file->position = first + count;
    return file->position == file->dimensions[0] ? check_end(file, handle) : ESP_OK;
}

esp_status idx_file_read(struct idx_file *file, uint64_t first, uint64_t count, void *out,
                         const esp_handle *handle)
{
    if (first > file->dimensions[0] || count > file->dimensions[0] - first)
        return esp_fail_handle(handle, ESP_ERROR_MISUSE,
                               "%s: items %" PRIu64 " to %" PRIu64 " were asked of %" PRIu64,
                               file->path, first, first + count, file->dimensions[0]);
    if (count == 0)
        return ESP_OK;
    esp_status status = file->stream ? ESP_OK : open_stream(file, handle);
    if (status == ESP_OK)
        status = read_items(file, first, count, out, handle);
    if (status != ESP_OK || file->position == file->dimensions[0])
        close_stream(file);
    return status;
}
