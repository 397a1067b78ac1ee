// SPDX-License-Identifier: Apache-2.0
// Random streams: Philox4x64-10 (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as
// easy as 1, 2, 3"), a counter-based generator.
//
// A stream is a value: copy it, and both copies give the same numbers. Its key is (seed of the
// run, hash of the stream's name), its counter (block, step, epoch, lineage); the host hands
// streams out and a plugin draws from them. Nothing else in Espalier makes random numbers, so the
// same seed gives the same bits whatever the number of workers.
#ifndef ESPALIER_RANDOM_H
#define ESPALIER_RANDOM_H

#include <math.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// By-value: it has no struct_size and never grows.
typedef struct esp_random {
    uint64_t key[2];     // seed of the run, XXH3-64 of the stream's name
    uint64_t counter[4]; // block, step, epoch, lineage
    uint64_t output[4];  // the current block's numbers
    uint32_t used;       // how many of them were drawn; 4 = a new block is due
    uint32_t reserved;
} esp_random;

static inline uint64_t esp_random_multiply_high(uint64_t a, uint64_t b, uint64_t *low)
{
#if defined(__SIZEOF_INT128__)
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    *low = (uint64_t)product;
    return (uint64_t)(product >> 64);
#else
    uint64_t a0 = a & 0xffffffffu, a1 = a >> 32, b0 = b & 0xffffffffu, b1 = b >> 32;
    uint64_t middle = a1 * b0 + (a0 * b0 >> 32);
    uint64_t cross = a0 * b1 + (middle & 0xffffffffu);
    *low = a * b;
    return a1 * b1 + (middle >> 32) + (cross >> 32);
#endif
}

// The ten rounds of Philox4x64 on one counter. The constants are those of the paper.
static inline void esp_philox(uint64_t output[4], const uint64_t counter[4], const uint64_t key[2])
{
    uint64_t k0 = key[0], k1 = key[1];
    uint64_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    for (int round = 0; round < 10; round++) {
        uint64_t low0, low1;
        uint64_t high0 = esp_random_multiply_high(UINT64_C(0xD2E7470EE14C6C93), c0, &low0);
        uint64_t high1 = esp_random_multiply_high(UINT64_C(0xCA5A826395121157), c2, &low1);
        c0 = high1 ^ c1 ^ k0;
        c1 = low1;
        c2 = high0 ^ c3 ^ k1;
        c3 = low0;
        k0 += UINT64_C(0x9E3779B97F4A7C15);
        k1 += UINT64_C(0xBB67AE8584CAA73B);
    }
    output[0] = c0;
    output[1] = c1;
    output[2] = c2;
    output[3] = c3;
}

// A stream at its first number. `name_hash`: XXH3-64 of its name; a made dataset's own, any number.
static inline esp_random esp_random_stream(uint64_t seed, uint64_t name_hash, uint64_t lineage,
                                           uint64_t epoch, uint64_t step)
{
    esp_random random;
    random.key[0] = seed;
    random.key[1] = name_hash;
    random.counter[0] = 0;
    random.counter[1] = step;
    random.counter[2] = epoch;
    random.counter[3] = lineage;
    random.output[0] = random.output[1] = random.output[2] = random.output[3] = 0;
    random.used = 4;
    random.reserved = 0;
    return random;
}

// A stream of its own beside `random`, named by `tag` (the path hash of an operator, an index): an
// engine draws the mask of each Dropout from one. Depends on the key and the counter of `random`,
// not on how much was drawn of it.
static inline esp_random esp_random_fork(const esp_random *random, uint64_t tag)
{
    return esp_random_stream(random->key[0], random->key[1] ^ tag, random->counter[3],
                             random->counter[2], random->counter[1]);
}

// 64 uniform bits.
static inline uint64_t esp_random_bits(esp_random *random)
{
    if (random->used >= 4) {
        esp_philox(random->output, random->counter, random->key);
        random->counter[0]++;
        random->used = 0;
    }
    return random->output[random->used++];
}

// A real in [0, 1), 53 bits.
static inline double esp_random_real(esp_random *random)
{
    return (double)(esp_random_bits(random) >> 11) * 0x1.0p-53;
}

// An integer in [0, n), without bias (Lemire 2019). n >= 1.
static inline uint64_t esp_random_below(esp_random *random, uint64_t n)
{
    uint64_t low;
    uint64_t high = esp_random_multiply_high(esp_random_bits(random), n, &low);
    if (low < n) {
        uint64_t threshold = (0 - n) % n;
        while (low < threshold)
            high = esp_random_multiply_high(esp_random_bits(random), n, &low);
    }
    return high;
}

// A standard normal number (Box and Muller 1958; the second of each pair is thrown away, so that
// one draw takes two numbers of the stream whatever was drawn before).
static inline double esp_random_normal(esp_random *random)
{
    double radius = sqrt(-2.0 * log(1.0 - esp_random_real(random)));
    return radius * cos(6.283185307179586476925286766559 * esp_random_real(random));
}

// Fills `order` with 0 .. n-1 in uniform random order (Fisher and Yates, Durstenfeld 1964).
static inline void esp_random_permutation(esp_random *random, uint64_t *order, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t j = esp_random_below(random, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
}

#ifdef __cplusplus
}
#endif

#endif
