// SPDX-License-Identifier: Apache-2.0
// One IDX file, plain or gzipped: the header, and items in any order. The format is that of
// LeCun's MNIST pages: two zero bytes, a type, the number of dimensions, each dimension as a
// big-endian u32, then the values, the last dimension fastest. What the values mean is the
// dataset's (idx_dataset.h).
#ifndef IDX_FILE_H
#define IDX_FILE_H

#include <espalier/support/packed_file.h>

enum { IDX_TYPE_U8 = 0x08, IDX_TYPE_I32 = 0x0c, IDX_TYPE_F32 = 0x0d };

enum { IDX_MOST_DIMENSIONS = 4 };

// Begins as all zero. An item is what the first dimension counts: an image, a row, a label.
struct idx_file {
    const char *path; // that of `packed`
    uint32_t type;    // IDX_TYPE_*
    uint32_t dimension_count;
    uint64_t dimensions[IDX_MOST_DIMENSIONS]; // each >= 1
    uint64_t item_values;                     // product of all dimensions but the first
    uint64_t value_size;                      // bytes
    struct esp_packed_file packed;
};

// Reads the header. Of a plain file the size is tested too; what a gzipped one holds shows when its
// last item is read.
esp_status idx_file_open(struct idx_file *out, const char *path, const esp_handle *handle);
void idx_file_close(struct idx_file *file);

// Reads items `first` to `first + count - 1` in the byte order of this machine. With the last item
// the end of the file is tested: checksum of gzip, bytes that trail.
esp_status idx_file_read(struct idx_file *file, uint64_t first, uint64_t count, void *out,
                         const esp_handle *handle);

// The dimensions for a message: "[60000, 28, 28]".
enum { IDX_SHAPE_SIZE = 64 };
const char *idx_file_shape(const struct idx_file *file, char text[IDX_SHAPE_SIZE]);

#endif
