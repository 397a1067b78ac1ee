// SPDX-License-Identifier: Apache-2.0
// Sums over samples; see moments.h.
#include "data/moments.h"

#include <math.h>

// Values whose squares add up in 32 bits: 255 * 255 * 65536 < 2^32.
enum { U8_BLOCK = 65536 };

void moments_add_u8(double sums[2], const unsigned char *values, uint64_t count)
{
    uint64_t sum = 0, square = 0;
    while (count > 0) {
        uint32_t now = count < U8_BLOCK ? (uint32_t)count : U8_BLOCK;
        uint32_t block_sum = 0, block_square = 0;
        for (uint32_t i = 0; i < now; i++) {
            block_sum += values[i];
            block_square += (uint32_t)values[i] * values[i];
        }
        sum += block_sum;
        square += block_square;
        values += now;
        count -= now;
    }
    sums[0] += (double)sum;
    sums[1] += (double)square;
}

// Lanes that a compiler may keep in a vector: their order is part of the result.
enum { LANES = 8 };

void moments_add_f32(double sums[2], const float *values, uint64_t count, float pivot)
{
    double sum[LANES] = {0}, square[LANES] = {0};
    uint64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int lane = 0; lane < LANES; lane++) {
            double x = (double)values[i + (uint64_t)lane] - (double)pivot;
            sum[lane] += x;
            square[lane] += x * x;
        }
    for (int lane = 0; i < count; i++, lane++) {
        double x = (double)values[i] - (double)pivot;
        sum[lane] += x;
        square[lane] += x * x;
    }
    for (int lane = 0; lane < LANES; lane++) {
        sums[0] += sum[lane];
        sums[1] += square[lane];
    }
}

void moments_scale(float *mean, float *scale, const double sums[2], uint64_t count, float pivot)
{
    double centre = sums[0] / (double)count;
    double variance = sums[1] / (double)count - centre * centre;
    *mean = (float)((double)pivot + centre);
    *scale = (float)(1.0 / sqrt(variance));
    if (!(variance > 0) || !isfinite(*scale))
        *scale = 1.0f;
}
