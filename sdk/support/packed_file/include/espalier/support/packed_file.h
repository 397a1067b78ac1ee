// SPDX-License-Identifier: Apache-2.0
// The bytes of a file, plain or gzipped, for the datasets that read such files: opening it, reading
// on, and every fault in words that begin with the file's path. What the bytes mean is the
// dataset's.
#ifndef ESPALIER_SUPPORT_PACKED_FILE_H
#define ESPALIER_SUPPORT_PACKED_FILE_H

#include <espalier/handle.h>

#include <zlib.h>

// Begins as all zero.
struct esp_packed_file {
    char *path;
    uint64_t size;     // bytes on the disk, when it was named
    gzFile stream;     // NULL while nothing is being read
    uint64_t position; // of `stream`, in unpacked bytes
};

// Takes the path, which must be that of a file; `format` says in the message for a folder what was
// expected ("an IDX file").
esp_status esp_packed_file_name(struct esp_packed_file *out, const char *path, const char *format,
                                const esp_handle *handle);
// Closes what is open and frees the path.
void esp_packed_file_free(struct esp_packed_file *file);

// Opens the stream at the file's beginning.
esp_status esp_packed_file_open(struct esp_packed_file *file, const esp_handle *handle);
void esp_packed_file_close(struct esp_packed_file *file);
// True where the stream is open and the file is no gzip file.
int esp_packed_file_is_plain(const struct esp_packed_file *file);

// Reads up to `size` bytes; `*got` is less only at the end of the content.
esp_status esp_packed_file_read(struct esp_packed_file *file, void *out, uint64_t size,
                                uint64_t *got, const esp_handle *handle);
// Moves to the unpacked byte at `position`; beyond the end the next read gets nothing.
esp_status esp_packed_file_seek(struct esp_packed_file *file, uint64_t position,
                                const esp_handle *handle);

#endif
