// SPDX-License-Identifier: Apache-2.0
// Between [N, C, H, W] and blocks of channels, and channels from one blocked tensor to another.
#include "../kernels.h"
#include "vectors.h"

// The lanes of a whose number has no bit `apart`, and in the places of the others those of b: lane l of b
// at l + apart. high_of: the others, those of a at l - apart.
#if BLOCK == 16
#define LANES_OF(a, b, l)                                                                          \
    (vector) __builtin_shufflevector(a, b, l(0), l(1), l(2), l(3), l(4), l(5), l(6), l(7), l(8),   \
                                     l(9), l(10), l(11), l(12), l(13), l(14), l(15))
#else
#define LANES_OF(a, b, l)                                                                          \
    (vector) __builtin_shufflevector(a, b, l(0), l(1), l(2), l(3), l(4), l(5), l(6), l(7))
#endif
#define LOW_LANE(apart, l) ((l) & (apart) ? BLOCK + (l) - (apart) : (l))
#define HIGH_LANE(apart, l) ((l) & (apart) ? BLOCK + (l) : (l) + (apart))
#define LOW1(l) LOW_LANE(1, l)
#define LOW2(l) LOW_LANE(2, l)
#define LOW4(l) LOW_LANE(4, l)
#define LOW8(l) LOW_LANE(8, l)
#define HIGH1(l) HIGH_LANE(1, l)
#define HIGH2(l) HIGH_LANE(2, l)
#define HIGH4(l) HIGH_LANE(4, l)
#define HIGH8(l) HIGH_LANE(8, l)

INLINE vector low_of(vector a, vector b, int apart)
{
#if BLOCK == 16
    if (apart == 8)
        return LANES_OF(a, b, LOW8);
#endif
    return apart == 4   ? LANES_OF(a, b, LOW4)
           : apart == 2 ? LANES_OF(a, b, LOW2)
                        : LANES_OF(a, b, LOW1);
}

INLINE vector high_of(vector a, vector b, int apart)
{
#if BLOCK == 16
    if (apart == 8)
        return LANES_OF(a, b, HIGH8);
#endif
    return apart == 4   ? LANES_OF(a, b, HIGH4)
           : apart == 2 ? LANES_OF(a, b, HIGH2)
                        : LANES_OF(a, b, HIGH1);
}

// BLOCK vectors turned: their i-th lanes are vector i then. In log2 BLOCK rounds, each of which changes
// lanes between vectors that are `apart`.
INLINE void turn(vector *v)
{
#pragma GCC unroll 4
    for (int apart = BLOCK / 2; apart > 0; apart /= 2)
#pragma GCC unroll 16
        for (int i = 0; i < BLOCK; i++) {
            if (i & apart)
                continue;
            vector a = v[i], b = v[i + apart];
            v[i] = low_of(a, b, apart);
            v[i + apart] = high_of(a, b, apart);
        }
}

static void block_nchw(const struct blocked *shape, const float *nchw, float *to)
{
    int64_t pixels = shape->height * shape->width, blocks = blocked_blocks(shape, BLOCK);
    for (int64_t n = 0; n < shape->batch; n++)
        for (int64_t b = 0; b < blocks; b++, to += pixels * BLOCK) {
            const float *planes = nchw + (n * shape->channels + b * BLOCK) * pixels;
            int64_t lanes = lanes_of(shape->channels, b), i = 0;
            for (; i + BLOCK <= pixels; i += BLOCK) {
                vector v[BLOCK];
                for (int l = 0; l < BLOCK; l++)
                    v[l] = l < lanes ? LOAD(planes + l * pixels + i) : (vector){0};
                turn(v);
                for (int l = 0; l < BLOCK; l++)
                    STORE(to + (i + l) * BLOCK, v[l]);
            }
            for (; i < pixels; i++)
                for (int l = 0; l < BLOCK; l++)
                    to[i * BLOCK + l] = l < lanes ? planes[l * pixels + i] : 0.0f;
        }
}

static void unblock_nchw(const struct blocked *shape, const float *from, float *nchw, bool add)
{
    int64_t pixels = shape->height * shape->width, blocks = blocked_blocks(shape, BLOCK);
    for (int64_t n = 0; n < shape->batch; n++)
        for (int64_t b = 0; b < blocks; b++, from += pixels * BLOCK) {
            float *planes = nchw + (n * shape->channels + b * BLOCK) * pixels;
            int64_t lanes = lanes_of(shape->channels, b), i = 0;
            for (; i + BLOCK <= pixels; i += BLOCK) {
                vector v[BLOCK];
                for (int l = 0; l < BLOCK; l++)
                    v[l] = LOAD(from + (i + l) * BLOCK);
                turn(v);
                for (int l = 0; l < BLOCK && l < lanes; l++) {
                    float *at = planes + l * pixels + i;
                    STORE(at, add ? LOAD(at) + v[l] : v[l]);
                }
            }
            for (; i < pixels; i++)
                for (int64_t l = 0; l < lanes; l++) {
                    float *at = planes + l * pixels + i;
                    *at = add ? *at + from[i * BLOCK + l] : from[i * BLOCK + l];
                }
        }
}

// `lanes` channels of a pixel from lane `at` of one block to lane `to_at` of another.
INLINE void copy_lanes(const float *from, float *to, int64_t pixels, int64_t lanes, bool add)
{
    for (int64_t i = 0; i < pixels * BLOCK; i += BLOCK)
        for (int64_t l = 0; l < lanes; l++)
            to[i + l] = add ? to[i + l] + from[i + l] : from[i + l];
}

static void copy_planes(const float *from, float *to, int64_t pixels, int64_t lanes, bool add)
{
    if (lanes == BLOCK && add)
        for (int64_t i = 0; i < pixels * BLOCK; i += BLOCK)
            STORE(to + i, LOAD(to + i) + LOAD(from + i));
    else if (lanes == BLOCK)
        memcpy(to, from, (size_t)(pixels * BLOCK) * sizeof *to);
    else if (lanes == 4)
        copy_lanes(from, to, pixels, 4, add);
    else if (lanes == 8)
        copy_lanes(from, to, pixels, 8, add);
    else if (lanes == 12)
        copy_lanes(from, to, pixels, 12, add);
    else
        copy_lanes(from, to, pixels, lanes, add);
}

static void copy_channels(const struct blocked *from_shape, const float *from, int64_t from_first,
                          const struct blocked *to_shape, float *to, int64_t to_first,
                          int64_t count, bool add)
{
    int64_t pixels = from_shape->height * from_shape->width;
    int64_t from_blocks = blocked_blocks(from_shape, BLOCK);
    int64_t to_blocks = blocked_blocks(to_shape, BLOCK);
    for (int64_t n = 0; n < from_shape->batch; n++) {
        int64_t lanes;
        // As many as lie in one block on either side.
        for (int64_t done = 0; done < count; done += lanes) {
            int64_t a = from_first + done, b = to_first + done;
            int64_t a_left = BLOCK - a % BLOCK, b_left = BLOCK - b % BLOCK;
            lanes = a_left < b_left ? a_left : b_left;
            lanes = count - done < lanes ? count - done : lanes;
            copy_planes(from + (n * from_blocks + a / BLOCK) * pixels * BLOCK + a % BLOCK,
                        to + (n * to_blocks + b / BLOCK) * pixels * BLOCK + b % BLOCK, pixels,
                        lanes, add);
        }
    }
}

static void depthwise_pack(int64_t channels, int64_t taps, const float *weights, float *packed)
{
    struct blocked shape = {1, channels, 1, taps};
    block_nchw(&shape, weights, packed);
}

static void depthwise_unpack(int64_t channels, int64_t taps, const float *packed, float *weights)
{
    struct blocked shape = {1, channels, 1, taps};
    unblock_nchw(&shape, packed, weights, false);
}
