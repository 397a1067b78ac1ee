// SPDX-License-Identifier: Apache-2.0
// See images.h. The files are IDX: a head of 16 or 8 bytes, then bytes.
#include "images.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { SIDE = 28, PIXELS = SIDE * SIDE, WIDE = 32, MIDDLE = 196 };

static uint8_t *read_bytes(const char *split, const char *what, unsigned head, uint64_t count)
{
    char path[256];
    uint8_t *bytes = malloc(head + count);
    snprintf(path, sizeof path, IMAGES_FOLDER "/%s-%s-ubyte.gz", split, what);
    gzFile file = gzopen(path, "rb");
    cr_assert(file && bytes, "%s", path);
    cr_assert_eq(gzread(file, bytes, (unsigned)(head + count)), (int)(head + count), "%s", path);
    gzclose(file);
    memmove(bytes, bytes + head, count);
    return bytes;
}

bool images_load(struct images *out, const char *split, uint64_t count)
{
    *out = (struct images){.count = count};
    if (access(IMAGES_FOLDER, R_OK) != 0)
        return false;
    out->pixels = read_bytes(split, "images-idx3", 16, count * PIXELS);
    out->labels = read_bytes(split, "labels-idx1", 8, count);
    return true;
}

void images_free(struct images *images)
{
    free(images->pixels);
    free(images->labels);
}

void images_fill(const struct images *images, uint64_t n, const esp_shape *shape, float *sample)
{
    const uint8_t *image = images->pixels + n % images->count * PIXELS;
    uint64_t size = esp_shape_size(shape);
    bool wide = shape->rank == 4 && shape->dims[2] == WIDE && shape->dims[3] == WIDE;
    for (uint64_t i = 0; i < size; i++) {
        uint64_t at = (i + (size < PIXELS ? MIDDLE : 0)) % PIXELS;
        uint64_t row = i / WIDE % WIDE - 2, column = i % WIDE - 2; // of the padding: huge
        if (wide)
            at = row < SIDE && column < SIDE ? row * SIDE + column : PIXELS;
        sample[i] = at < PIXELS ? (float)image[at] / 255.0f : 0.0f;
    }
}
