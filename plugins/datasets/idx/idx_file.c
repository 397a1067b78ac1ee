// SPDX-License-Identifier: Apache-2.0
// One IDX file; see idx_file.h.
#include "idx_file.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

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
    esp_status status = esp_packed_file_read(&file->packed, bytes, 4, &got, handle);
    if (status != ESP_OK)
        return status;
    if (got < 4)
        return short_header(file, got, 4, handle);
    if ((status = check_magic(file, bytes, handle)) != ESP_OK)
        return status;
    status = esp_packed_file_read(&file->packed, bytes + 4, header_size(file) - 4, &got, handle);
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
    memset(out, 0, sizeof *out);
    esp_status status = esp_packed_file_name(&out->packed, path, "an IDX file", handle);
    out->path = out->packed.path;
    if (status == ESP_OK)
        status = esp_packed_file_open(&out->packed, handle);
    if (status == ESP_OK)
        status = read_header(out, handle);
    if (status == ESP_OK && esp_packed_file_is_plain(&out->packed))
        status = check_plain_size(out, out->packed.size, handle);
    esp_packed_file_close(&out->packed);
    if (status != ESP_OK)
        idx_file_close(out);
    return status;
}

void idx_file_close(struct idx_file *file)
{
    esp_packed_file_free(&file->packed);
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
    esp_status status = esp_packed_file_read(&file->packed, &byte, 1, &got, handle);
    if (status != ESP_OK)
        return status;
    return got > 0 ? trailing_bytes(file, handle) : ESP_OK;
}

esp_status idx_file_read(struct idx_file *file, uint64_t first, uint64_t count, void *out,
                         const esp_handle *handle)
{
    struct esp_packed_file *packed = &file->packed;
    uint64_t item_size = file->item_values * file->value_size, size = count * item_size, got;
    if (first > file->dimensions[0] || count > file->dimensions[0] - first)
        return esp_fail_handle(handle, ESP_ERROR_MISUSE,
                               "%s: items %" PRIu64 " to %" PRIu64 " were asked of %" PRIu64,
                               file->path, first, first + count, file->dimensions[0]);
    if (count == 0)
        return ESP_OK;
    bool last = first + count == file->dimensions[0];
    esp_status status = packed->stream ? ESP_OK : esp_packed_file_open(packed, handle);
    if (status == ESP_OK)
        status = esp_packed_file_seek(packed, header_size(file) + first * item_size, handle);
    if (status == ESP_OK)
        status = esp_packed_file_read(packed, out, size, &got, handle);
    if (status == ESP_OK && got < size)
        status = short_content(file, first * item_size + got, handle);
    if (status == ESP_OK && file->value_size == 4)
        swap_bytes(out, count * file->item_values);
    if (status == ESP_OK && last)
        status = check_end(file, handle);
    if (status != ESP_OK || last)
        esp_packed_file_close(packed);
    return status;
}
