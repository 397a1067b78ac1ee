// SPDX-License-Identifier: Apache-2.0
// Between [N, C, H, W] and blocks of channels, and channels from one blocked tensor to another.
#include "../kernels.h"
#include "vectors.h"

// Pixels turned at a time: their block stays in the first-level cache.
#define TURN 64

// One block: `lanes` planes, `pitch` apart, to `pixels` vectors; the other lanes are set to 0.
static void block_planes(const float *planes, int64_t pitch, int64_t pixels, int64_t lanes,
                         float *to)
{
    if (lanes == BLOCK) {
        for (int64_t first = 0; first < pixels; first += TURN) {
            int64_t end = pixels - first < TURN ? pixels : first + TURN;
            for (int64_t i = first; i < end; i++)
                for (int l = 0; l < BLOCK; l++)
                    to[i * BLOCK + l] = planes[l * pitch + i];
        }
        return;
    }
    for (int64_t i = 0; i < pixels; i++)
        for (int l = 0; l < BLOCK; l++)
            to[i * BLOCK + l] = l < lanes ? planes[l * pitch + i] : 0.0f;
}

static void block_nchw(const struct blocked *shape, const float *nchw, float *to)
{
    int64_t pixels = shape->height * shape->width, blocks = blocked_blocks(shape, BLOCK);
    for (int64_t n = 0; n < shape->batch; n++)
        for (int64_t b = 0; b < blocks; b++)
            block_planes(nchw + (n * shape->channels + b * BLOCK) * pixels, pixels, pixels,
                         lanes_of(shape->channels, b), to + (n * blocks + b) * pixels * BLOCK);
}

static void unblock_nchw(const struct blocked *shape, const float *from, float *nchw, bool add)
{
    int64_t pixels = shape->height * shape->width, blocks = blocked_blocks(shape, BLOCK);
    for (int64_t n = 0; n < shape->batch; n++)
        for (int64_t b = 0; b < blocks; b++) {
            const float *x = from + (n * blocks + b) * pixels * BLOCK;
            float *planes = nchw + (n * shape->channels + b * BLOCK) * pixels;
            int64_t lanes = lanes_of(shape->channels, b);
            for (int64_t first = 0; first < pixels; first += TURN) {
                int64_t end = pixels - first < TURN ? pixels : first + TURN;
                for (int64_t l = 0; l < lanes; l++)
                    for (int64_t i = first; i < end; i++)
                        planes[l * pixels + i] =
                            add ? planes[l * pixels + i] + x[i * BLOCK + l] : x[i * BLOCK + l];
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
