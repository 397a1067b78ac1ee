// SPDX-License-Identifier: Apache-2.0
// One PNG or JPEG file, decoded to 8 bits a value. Bringing pictures to one shape is resize.h's.
#ifndef PICTURE_H
#define PICTURE_H

#include <espalier/handle.h>

// The file's own values, interleaved: [height, width, channels].
struct picture {
    unsigned char *values;
    uint64_t height, width;
    uint64_t channels; // 1: grey, 3: red, green, blue
};

// Reads the file, whatever its name ends in. Palettes are looked up, 16 bits become 8, transparency
// is dropped, CMYK becomes red, green, blue; colour profiles, gamma and orientation are not heeded.
// A file that ends early or holds wrong data is an error that names it.
esp_status picture_read(struct picture *out, const char *path, const esp_handle *handle);
void picture_free(struct picture *picture);

// ---- For picture_png.c and picture_jpeg.c --------------------------------------------------------

// Allocates `values` for a shape that a file's header names.
esp_status picture_allocate(struct picture *out, uint64_t height, uint64_t width, uint64_t channels,
                            const char *path, const esp_handle *handle);
// `stream` is at its beginning; the caller frees what is allocated.
esp_status picture_read_png(struct picture *out, FILE *stream, const char *path,
                            const esp_handle *handle);
esp_status picture_read_jpeg(struct picture *out, FILE *stream, const char *path,
                             const esp_handle *handle);

#endif
