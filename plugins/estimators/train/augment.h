// SPDX-License-Identifier: Apache-2.0
// Augmentation of training images, in place on normalised samples: horizontal flips, shifted crops,
// cutout (DeVries and Taylor 2017).
#ifndef TRAIN_AUGMENT_H
#define TRAIN_AUGMENT_H

#include <espalier/random.h>

#include <stddef.h>

struct augmentation {
    int flip;       // 1: each image with probability 1/2
    int64_t crop;   // shift by up to so many pixels each way, zeros come in
    int64_t cutout; // side of a square of zeros; its centre is anywhere in the image
};

// What one image gets.
struct change {
    int flip;
    int64_t shift_y, shift_x; // of the content: positive moves down and right
    int64_t hole_y, hole_x;   // centre of the hole; -1: none
};

// Draws the change of one image: a fixed number of draws, whatever is switched on.
struct change change_draw(const struct augmentation *augmentation, esp_random *random,
                          int64_t height, int64_t width);

// Applies it to an image [channels, height, width]; `spare` has room for one plane.
void change_apply(const struct augmentation *augmentation, struct change change, float *image,
                  int64_t channels, int64_t height, int64_t width, float *spare);

#endif
