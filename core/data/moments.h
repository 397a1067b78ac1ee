// SPDX-License-Identifier: Apache-2.0
// Sums over a sample's channels, made once when it is decoded: from them the mean and deviation of
// any selection of samples follow at once, with the same bits in every process. For u8 they are
// exact integers; for f32 they are sums of differences to a pivot, a value of the channel itself, so
// that a large mean costs no digits.
#ifndef DATA_MOMENTS_H
#define DATA_MOMENTS_H

#include <stdbool.h>
#include <stdint.h>

// Adds to `sums` [2] the sum and the sum of squares of `count` values less `pivot`, in a fixed order.
void moments_add_u8(double sums[2], const unsigned char *values, uint64_t count);
void moments_add_f32(double sums[2], const float *values, uint64_t count, float pivot);

// Mean and scale (1 over the deviation; 1 where nothing varies) of `count` values from their sums.
void moments_scale(float *mean, float *scale, const double sums[2], uint64_t count, float pivot);

#endif
