// SPDX-License-Identifier: Apache-2.0
// Fashion-MNIST, where Debian's package dataset-fashion-mnist puts it: real images for networks of any
// input. The readers of the other languages (onnxruntime.cjs, fashion_mnist.py) read the files themselves
// and lay the pixels out by the same rule.
#ifndef EXPORT_IMAGES_H
#define EXPORT_IMAGES_H

#include <espalier/graph.h>

#include <stdbool.h>

#define IMAGES_FOLDER "/usr/share/datasets/fashion-mnist"

// The first `count` images of a split, "train" or "t10k".
struct images {
    uint8_t *pixels; // [count, 28, 28]
    uint8_t *labels; // [count]
    uint64_t count;
};

// False where the dataset is not installed. Owner of the arrays: the caller (images_free).
bool images_load(struct images *out, const char *split, uint64_t count);
void images_free(struct images *images);

// Image `n` as a sample of this shape, values 0 to 1. [C, 32, 32]: the image in each channel, with two
// pixels of 0 around it. Other shapes: element i is pixel (first + i) mod 784, `first` being 0 where a
// sample has 784 elements or more (each channel of [C, 28, 28] is the image), else 196: a window of the
// image's middle.
void images_fill(const struct images *images, uint64_t n, const esp_shape *shape, float *sample);

#endif
