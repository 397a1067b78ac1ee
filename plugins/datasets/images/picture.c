// SPDX-License-Identifier: Apache-2.0
// See picture.h. Here is which format a file has; the formats are picture_png.c's and
// picture_jpeg.c's.
#include "picture.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MAGIC_SIZE = 8, MOST_PIXELS = 1 << 28 };

esp_status picture_allocate(struct picture *out, uint64_t height, uint64_t width, uint64_t channels,
                            const char *path, const esp_handle *handle)
{
    if (height == 0 || width == 0 || height > MOST_PIXELS / width)
        return esp_fail_handle(handle, ESP_ERROR_DATA,
                               "%s: its header names %" PRIu64 "x%" PRIu64
                               " pixels; 1 to %d were expected",
                               path, width, height, (int)MOST_PIXELS);
    out->values = malloc(height * width * channels);
    if (!out->values)
        return esp_fail_handle(handle, ESP_ERROR_MEMORY, "out of memory");
    out->height = height;
    out->width = width;
    out->channels = channels;
    return ESP_OK;
}

void picture_free(struct picture *picture)
{
    free(picture->values);
    memset(picture, 0, sizeof *picture);
}

static esp_status read_stream(struct picture *out, FILE *stream, const char *path,
                              const esp_handle *handle)
{
    unsigned char magic[MAGIC_SIZE] = {0};
    size_t got = fread(magic, 1, sizeof magic, stream);
    if (ferror(stream))
        return esp_fail_handle(handle, ESP_ERROR_IO, "%s: cannot be read: %s", path,
                               strerror(errno));
    rewind(stream);
    if (got == 0)
        return esp_fail_handle(handle, ESP_ERROR_DATA,
                               "%s: is empty; a PNG or JPEG image was expected", path);
    if (memcmp(magic, "\x89PNG\r\n\x1a\n", 8) == 0)
        return picture_read_png(out, stream, path, handle);
    if (memcmp(magic, "\xff\xd8\xff", 3) == 0)
        return picture_read_jpeg(out, stream, path, handle);
    return esp_fail_handle(handle, ESP_ERROR_DATA,
                           "%s: is neither PNG nor JPEG: it begins with the bytes %02x %02x %02x "
                           "%02x",
                           path, magic[0], magic[1], magic[2], magic[3]);
}

esp_status picture_read(struct picture *out, const char *path, const esp_handle *handle)
{
    memset(out, 0, sizeof *out);
    FILE *stream = fopen(path, "rbe");
    if (!stream)
        return esp_fail_handle(handle, ESP_ERROR_IO, "%s: cannot be opened: %s", path,
                               strerror(errno));
    esp_status status = read_stream(out, stream, path, handle);
    fclose(stream);
    if (status != ESP_OK)
        picture_free(out);
    return status;
}
