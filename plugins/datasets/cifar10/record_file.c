// SPDX-License-Identifier: Apache-2.0
// See record_file.h.
#include "record_file.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { GZIP_TRAILER = 4, GZIP_LEAST = 20 }; // bytes: the size at the end; of any gzip file

static esp_status wrong_size(const struct record_file *file, uint64_t size,
                             const esp_handle *handle)
{
    if (size == 0)
        return esp_fail_handle(handle, ESP_ERROR_DATA,
                               "%s: is empty; CIFAR-10 records of %d bytes were expected",
                               file->packed.path, RECORD_SIZE);
    return esp_fail_handle(handle, ESP_ERROR_DATA,
                           "%s: holds %" PRIu64 " bytes, %" PRIu64 " CIFAR-10 records and %" PRIu64
                           " bytes more; a multiple of %d bytes was expected",
                           file->packed.path, size, size / RECORD_SIZE, size % RECORD_SIZE,
                           RECORD_SIZE);
}

// The unpacked size that the file's end names, modulo 2^32 (RFC 1952); 0 where there is none.
static uint64_t named_size(const struct record_file *file)
{
    unsigned char bytes[GZIP_TRAILER] = {0};
    FILE *stream = fopen(file->packed.path, "rbe");
    if (!stream)
        return 0;
    if (file->packed.size < GZIP_LEAST || fseek(stream, -GZIP_TRAILER, SEEK_END) != 0 ||
        fread(bytes, 1, sizeof bytes, stream) != sizeof bytes)
        memset(bytes, 0, sizeof bytes);
    fclose(stream);
    return (uint64_t)bytes[0] | (uint64_t)bytes[1] << 8 | (uint64_t)bytes[2] << 16 |
           (uint64_t)bytes[3] << 24;
}

// The unpacked size, by unpacking.
static esp_status measure(struct record_file *file, uint64_t *size, const esp_handle *handle)
{
    unsigned char bytes[RECORD_SIZE];
    uint64_t got;
    esp_status status;
    do
        status = esp_packed_file_read(&file->packed, bytes, sizeof bytes, &got, handle);
    while (status == ESP_OK && got == sizeof bytes);
    *size = file->packed.position;
    return status;
}

static esp_status count_records(struct record_file *file, const esp_handle *handle)
{
    // What zlib finds first it decides by; nothing is read before that.
    uint64_t got, size = file->packed.size;
    unsigned char byte;
    esp_status status = esp_packed_file_read(&file->packed, &byte, 1, &got, handle);
    if (status == ESP_OK && !esp_packed_file_is_plain(&file->packed)) {
        size = named_size(file);
        if (size == 0 || size % RECORD_SIZE != 0)
            status = measure(file, &size, handle);
    }
    if (status == ESP_OK && (size == 0 || size % RECORD_SIZE != 0))
        status = wrong_size(file, size, handle);
    file->count = size / RECORD_SIZE;
    return status;
}

esp_status record_file_open(struct record_file *out, const char *path, const esp_handle *handle)
{
    memset(out, 0, sizeof *out);
    esp_status status =
        esp_packed_file_name(&out->packed, path, "a file of CIFAR-10 records", handle);
    if (status == ESP_OK)
        status = esp_packed_file_open(&out->packed, handle);
    if (status == ESP_OK)
        status = count_records(out, handle);
    esp_packed_file_close(&out->packed);
    if (status != ESP_OK)
        record_file_close(out);
    return status;
}

void record_file_close(struct record_file *file)
{
    esp_packed_file_free(&file->packed);
    file->count = 0;
}

static esp_status read_record(struct record_file *file, uint64_t index, unsigned char *image,
                              uint32_t *label, const esp_handle *handle)
{
    unsigned char bytes[RECORD_SIZE];
    uint64_t got;
    esp_status status = esp_packed_file_read(&file->packed, bytes, sizeof bytes, &got, handle);
    if (status != ESP_OK)
        return status;
    if (got < sizeof bytes)
        return esp_fail_handle(handle, ESP_ERROR_DATA,
                               "%s: ends within record %" PRIu64 " of %" PRIu64, file->packed.path,
                               index, file->count);
    if (bytes[0] >= RECORD_CLASSES)
        return esp_fail_handle(handle, ESP_ERROR_DATA,
                               "%s: record %" PRIu64 " (byte %" PRIu64 ") has label %d; one from "
                               "0 to %d was expected",
                               file->packed.path, index, index * RECORD_SIZE, (int)bytes[0],
                               RECORD_CLASSES - 1);
    *label = bytes[0];
    memcpy(image, bytes + 1, RECORD_IMAGE);
    return ESP_OK;
}

// A gzip stream's checksum is tested when its end is read.
static esp_status check_end(struct record_file *file, const esp_handle *handle)
{
    unsigned char byte;
    uint64_t got;
    esp_status status = esp_packed_file_read(&file->packed, &byte, 1, &got, handle);
    if (status == ESP_OK && got > 0)
        return esp_fail_handle(handle, ESP_ERROR_DATA,
                               "%s: goes on after the %" PRIu64 " records that its end names; one "
                               "gzip stream a file was expected",
                               file->packed.path, file->count);
    return status;
}

esp_status record_file_read(struct record_file *file, uint64_t first, uint64_t count,
                            unsigned char *images, uint32_t *labels, const esp_handle *handle)
{
    struct esp_packed_file *packed = &file->packed;
    bool last = first + count == file->count;
    esp_status status = packed->stream ? ESP_OK : esp_packed_file_open(packed, handle);
    if (status == ESP_OK)
        status = esp_packed_file_seek(packed, first * RECORD_SIZE, handle);
    for (uint64_t i = 0; i < count && status == ESP_OK; i++)
        status = read_record(file, first + i, images + i * RECORD_IMAGE, labels + i, handle);
    if (status == ESP_OK && last)
        status = check_end(file, handle);
    if (status != ESP_OK || last)
        esp_packed_file_close(packed);
    return status;
}
