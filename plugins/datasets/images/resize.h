// SPDX-License-Identifier: Apache-2.0
// Pictures brought to one shape: size, channels, and channels apart instead of interleaved.
#ifndef RESIZE_H
#define RESIZE_H

#include "picture.h"

enum resize_method {
    // Each pixel is the mean of the area of the picture that it covers.
    RESIZE_AREA,
    // Each pixel is interpolated between the four whose centres are nearest to its own.
    RESIZE_BILINEAR
};

// Writes `out` [channels, height, width], channels 1 or 3. The weights are whole numbers and each
// value is rounded once, so that the result is exact and the same on every machine. Grey is
// (299 R + 587 G + 114 B) / 1000 (ITU-R BT.601) of the pixels before they are resized.
esp_status resize(unsigned char *out, uint64_t channels, uint64_t height, uint64_t width,
                  struct picture *picture, enum resize_method method, const esp_handle *handle);

#endif
