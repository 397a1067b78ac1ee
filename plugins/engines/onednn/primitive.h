// SPDX-License-Identifier: Apache-2.0
// oneDNN's convolutions with the reorders of their weights, made once for a shape and kept from one
// architecture to the next, where most shapes come again: those that programs hold, and of the others
// the last ones used.
#ifndef ONEDNN_PRIMITIVE_H
#define ONEDNN_PRIMITIVE_H

#include <dnnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum conv_kind { CONV_FORWARD, CONV_BACKWARD_DATA, CONV_BACKWARD_WEIGHTS };

// All that a primitive depends on; compared byte by byte, so no padding may stay unset.
struct conv_shape {
    int64_t kind, batch, groups, channels, height, width, out_channels, out_height, out_width;
    int64_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
    int64_t pad_top, pad_left, pad_bottom, pad_right;
    int64_t bias;
    int64_t input_block, output_block; // 1: plain
    int64_t sum;                       // forward: what lies in the output is added to
    int64_t threads;
};

struct convolution {
    struct conv_shape shape;
    dnnl_primitive_desc_t description;
    dnnl_primitive_t primitive;
    // Plain weights to the primitive's, or its weight gradient to a plain one; NULL: they are plain.
    dnnl_primitive_t reorder;
    dnnl_memory_desc_t plain, packed, input, output;
    size_t packed_size, scratchpad; // bytes
    bool slow;                      // a reference, or by columns: plain layouts do better
    bool missing;                   // oneDNN has none
    uint64_t holders, used;         // used: the number of the last find
    struct convolution *next;
};

// Kept at most, if programs do not hold more.
#define MOST_CONVOLUTIONS 1024

// Held by the caller until it is dropped. NULL: out of memory. Any thread.
struct convolution *convolution_find(dnnl_engine_t engine, const struct conv_shape *shape);
void convolution_drop(const struct convolution *convolution); // or NULL
size_t convolution_count(void);

#endif
