// SPDX-License-Identifier: Apache-2.0
// See packed_file.h. zlib reads plain files as they are, so there is one path for both.
#include <espalier/support/packed_file.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { STREAM_BUFFER = 128 * 1024 }; // bytes

esp_status esp_packed_file_name(struct esp_packed_file *out, const char *path, const char *format,
                                const esp_handle *handle)
{
    struct stat found;
    memset(out, 0, sizeof *out);
    if (stat(path, &found) != 0)
        return esp_fail_handle(
            handle, errno == ENOENT || errno == ENOTDIR ? ESP_ERROR_NOT_FOUND : ESP_ERROR_IO,
            "%s: cannot be opened: %s", path, strerror(errno));
    if (!S_ISREG(found.st_mode))
        return esp_fail_handle(handle, ESP_ERROR_INVALID, "%s: is %s; %s was expected", path,
                               S_ISDIR(found.st_mode) ? "a folder" : "no regular file", format);
    out->path = strdup(path);
    if (!out->path)
        return esp_fail_handle(handle, ESP_ERROR_MEMORY, "out of memory");
    out->size = (uint64_t)found.st_size;
    return ESP_OK;
}

void esp_packed_file_free(struct esp_packed_file *file)
{
    esp_packed_file_close(file);
    free(file->path);
    memset(file, 0, sizeof *file);
}

esp_status esp_packed_file_open(struct esp_packed_file *file, const esp_handle *handle)
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

void esp_packed_file_close(struct esp_packed_file *file)
{
    if (file->stream)
        gzclose(file->stream);
    file->stream = NULL;
}

int esp_packed_file_is_plain(const struct esp_packed_file *file)
{
    return gzdirect(file->stream);
}

// An error of gzip or of the disk, or ESP_OK where the stream is merely at its end.
static esp_status stream_error(const struct esp_packed_file *file, const esp_handle *handle)
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

esp_status esp_packed_file_read(struct esp_packed_file *file, void *out, uint64_t size,
                                uint64_t *got, const esp_handle *handle)
{
    *got = 0;
    while (*got < size) {
        uint64_t left = size - *got;
        unsigned part = left > INT_MAX ? (unsigned)INT_MAX : (unsigned)left;
        errno = 0;
        int done = gzread(file->stream, (unsigned char *)out + *got, part);
        if (done > 0) {
            *got += (uint64_t)done;
            file->position += (uint64_t)done;
        }
        if (done < (int)part)
            return stream_error(file, handle);
    }
    return ESP_OK;
}

esp_status esp_packed_file_seek(struct esp_packed_file *file, uint64_t position,
                                const esp_handle *handle)
{
    if (position == file->position)
        return ESP_OK;
    if (gzseek(file->stream, (z_off_t)position, SEEK_SET) < 0) {
        esp_status status = stream_error(file, handle);
        return status != ESP_OK
                   ? status
                   : esp_fail_handle(handle, ESP_ERROR_IO, "%s: cannot be read from byte %llu on",
                                     file->path, (unsigned long long)position);
    }
    file->position = position;
    return ESP_OK;
}
