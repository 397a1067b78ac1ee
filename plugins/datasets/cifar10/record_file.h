// SPDX-License-Identifier: Apache-2.0
// One file of CIFAR-10 records, plain or gzipped. A record is 3,073 bytes: the label, then 32 rows
// of 32 red values, then green, then blue.
#ifndef RECORD_FILE_H
#define RECORD_FILE_H

#include <espalier/support/packed_file.h>

enum {
    RECORD_CLASSES = 10,
    RECORD_CHANNELS = 3,
    RECORD_SIDE = 32, // pixels
    RECORD_IMAGE = RECORD_CHANNELS * RECORD_SIDE * RECORD_SIDE,
    RECORD_SIZE = 1 + RECORD_IMAGE // bytes
};

// Begins as all zero.
struct record_file {
    struct esp_packed_file packed;
    uint64_t count; // records
};

// Counts the records. A gzipped file is believed what its last four bytes say of its size where
// that is whole records, and unpacked once where it is not; the last record's read finds out.
esp_status record_file_open(struct record_file *out, const char *path, const esp_handle *handle);
void record_file_close(struct record_file *file);

// Reads records `first` to `first + count - 1`: `images` [count, 3, 32, 32], `labels` [count].
esp_status record_file_read(struct record_file *file, uint64_t first, uint64_t count,
                            unsigned char *images, uint32_t *labels, const esp_handle *handle);

#endif
