// SPDX-License-Identifier: Apache-2.0
// IDX files for tests, right and wrong.
#ifndef SUPPORT_IDX_WRITE_H
#define SUPPORT_IDX_WRITE_H

#include <stdbool.h>
#include <stdint.h>

// What stands in a file: the header of `dimensions` (0 ends them), then the values.
struct idx_content {
    uint32_t type; // 0x08, 0x0c, 0x0d
    uint32_t dimensions[5];
    const void *values; // as they stand in the file, big-endian; NULL: bytes 0, 1, 2, ...
    uint64_t size;      // bytes of `values`; 0: as many as the header names
};

// Writes `folder/name`, gzipped or plain.
void idx_write(const char *folder, const char *name, bool gzipped,
               const struct idx_content *content);
// Writes bytes as they are.
void idx_write_bytes(const char *folder, const char *name, const void *bytes, uint64_t size);
// Cuts the file off to `size` bytes, or `-size` bytes before its end.
void idx_cut(const char *folder, const char *name, int64_t size);
// Inverts the byte at `offset`, from the end where it is negative.
void idx_damage(const char *folder, const char *name, int64_t offset);

#endif
