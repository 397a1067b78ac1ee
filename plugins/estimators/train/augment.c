// SPDX-License-Identifier: Apache-2.0
// Augmentation of training images; see augment.h. Zero is the mean of a normalised channel.
#include "augment.h"

#include <string.h>

struct change change_draw(const struct augmentation *a, esp_random *random, int64_t height,
                          int64_t width)
{
    struct change change;
    uint64_t flip = esp_random_below(random, 2);
    uint64_t y = esp_random_below(random, (uint64_t)(2 * a->crop + 1));
    uint64_t x = esp_random_below(random, (uint64_t)(2 * a->crop + 1));
    uint64_t hole_y = esp_random_below(random, (uint64_t)height);
    uint64_t hole_x = esp_random_below(random, (uint64_t)width);
    change.flip = a->flip && flip;
    change.shift_y = (int64_t)y - a->crop;
    change.shift_x = (int64_t)x - a->crop;
    change.hole_y = a->cutout > 0 ? (int64_t)hole_y : -1;
    change.hole_x = a->cutout > 0 ? (int64_t)hole_x : -1;
    return change;
}

static void flip_rows(float *plane, int64_t height, int64_t width)
{
    for (int64_t y = 0; y < height; y++, plane += width)
        for (int64_t a = 0, b = width - 1; a < b; a++, b--) {
            float kept = plane[a];
            plane[a] = plane[b];
            plane[b] = kept;
        }
}

static void shift(float *plane, int64_t height, int64_t width, int64_t down, int64_t right,
                  float *spare)
{
    memcpy(spare, plane, (size_t)(height * width) * sizeof *plane);
    memset(plane, 0, (size_t)(height * width) * sizeof *plane);
    int64_t first = right > 0 ? right : 0, end = right < 0 ? width + right : width;
    for (int64_t y = 0; y < height; y++) {
        int64_t from = y - down;
        if (from >= 0 && from < height && end > first)
            memcpy(plane + y * width + first, spare + from * width + first - right,
                   (size_t)(end - first) * sizeof *plane);
    }
}

static void cut(float *plane, int64_t height, int64_t width, struct change change, int64_t side)
{
    int64_t top = change.hole_y - side / 2, left = change.hole_x - side / 2;
    for (int64_t y = top < 0 ? 0 : top; y < top + side && y < height; y++)
        for (int64_t x = left < 0 ? 0 : left; x < left + side && x < width; x++)
            plane[y * width + x] = 0.0f;
}

void change_apply(const struct augmentation *a, struct change change, float *image,
                  int64_t channels, int64_t height, int64_t width, float *spare)
{
    for (int64_t c = 0; c < channels; c++, image += height * width) {
        if (change.flip)
            flip_rows(image, height, width);
        if (change.shift_y != 0 || change.shift_x != 0)
            shift(image, height, width, change.shift_y, change.shift_x, spare);
        if (change.hole_y >= 0)
            cut(image, height, width, change, a->cutout);
    }
}
