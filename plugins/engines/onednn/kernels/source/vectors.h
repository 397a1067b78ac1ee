// SPDX-License-Identifier: Apache-2.0
// Vectors of BLOCK floats: a block of channels, or as many flat floats. Whatever the instruction set is
// too narrow for, the compiler splits.
#ifndef ONEDNN_KERNELS_VECTORS_H
#define ONEDNN_KERNELS_VECTORS_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

// Every function here is inlined: how vectors would be passed does not matter.
#pragma GCC diagnostic ignored "-Wpsabi"
#define INLINE static inline __attribute__((always_inline))

typedef float vector __attribute__((vector_size(4 * BLOCK)));
typedef int32_t integers __attribute__((vector_size(4 * BLOCK)));
typedef uint8_t bytes __attribute__((vector_size(BLOCK)));
// In memory, at any address.
typedef float loose __attribute__((vector_size(4 * BLOCK), aligned(4), may_alias));
typedef uint8_t loose_bytes __attribute__((vector_size(BLOCK), aligned(1), may_alias));

#define LOAD(from) ((vector) * (const loose *)(from))
#define STORE(to, value) (*(loose *)(to) = (loose)(value))
#define ALL(number) ((vector){0} + (number))
#define ALL_INTEGERS(number) ((integers){0} + (int32_t)(number))

// Iterations are independent of each other, though two pointers may be equal. clang looks at the
// pointers when it gets there.
#if defined(__clang__)
#define INDEPENDENT
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

// a where the mask's bits are set, else b.
INLINE vector choose(integers mask, vector a, vector b)
{
    return (vector)(((integers)a & mask) | ((integers)b & ~mask));
}

// x < 0 ? 0 : x; so what is no number stays none, and -0 stays -0.
INLINE vector rectified(vector x)
{
#if BLOCK == 16 && defined(__AVX512F__)
    return (vector)_mm512_max_ps(_mm512_setzero_ps(), (__m512)x);
#elif BLOCK == 8 && defined(__AVX2__)
    return (vector)_mm256_max_ps(_mm256_setzero_ps(), (__m256)x);
#else
    return (vector)((integers)x & ~(integers)(x < 0.0f));
#endif
}

// g where not y <= 0, else 0.
INLINE vector passed(vector y, vector g)
{
#if BLOCK == 16 && defined(__AVX512F__)
    __mmask16 passes = _mm512_cmp_ps_mask((__m512)y, _mm512_setzero_ps(), _CMP_NLE_UQ);
    return (vector)_mm512_maskz_mov_ps(passes, (__m512)g);
#else
    return (vector)((integers)g & ~(integers)(y <= 0.0f));
#endif
}

// Takes x, number t, where it is larger than the best so far, or with `any` no number.
INLINE void take_larger(vector *best, integers *winner, vector x, int32_t t, bool any)
{
#if BLOCK == 16 && defined(__AVX512F__)
    __mmask16 takes = _mm512_cmp_ps_mask((__m512)x, (__m512)*best, _CMP_GT_OQ);
    if (any)
        takes |= _mm512_cmp_ps_mask((__m512)x, (__m512)x, _CMP_UNORD_Q);
    *best = (vector)_mm512_mask_mov_ps((__m512)*best, takes, (__m512)x);
    *winner = (integers)_mm512_mask_mov_epi32((__m512i)*winner, takes, _mm512_set1_epi32(t));
#else
    integers takes = (integers)(x > *best);
    if (any)
        takes |= (integers)(x != x);
    *best = choose(takes, x, *best);
    *winner = (ALL_INTEGERS(t) & takes) | (*winner & ~takes);
#endif
}

// sum + g where the bytes are `t`.
INLINE vector add_where_equal(vector sum, vector g, const uint8_t *at, int t)
{
#if BLOCK == 16 && defined(__AVX512F__)
    __mmask16 equal =
        _mm_cmpeq_epi8_mask(_mm_loadu_si128((const __m128i *)at), _mm_set1_epi8((char)t));
    return (vector)_mm512_mask_add_ps((__m512)sum, equal, (__m512)sum, (__m512)g);
#else
    integers wide = __builtin_convertvector((bytes) * (const loose_bytes *)at, integers);
    return sum + (vector)((integers)g & (integers)(wide == ALL_INTEGERS(t)));
#endif
}

#define STORE_BYTES(to, value)                                                                     \
    (*(loose_bytes *)(to) = (loose_bytes) __builtin_convertvector(value, bytes))

// Lanes of the channels that count in block `index`.
INLINE int64_t lanes_of(int64_t channels, int64_t index)
{
    int64_t left = channels - index * BLOCK;
    return left < BLOCK ? left : BLOCK;
}

// All bits of the first `lanes`, none of the others.
INLINE integers lane_mask(int64_t lanes)
{
    int32_t mask[BLOCK];
    for (int l = 0; l < BLOCK; l++)
        mask[l] = l < lanes ? -1 : 0;
    integers result;
    memcpy(&result, mask, sizeof result);
    return result;
}

#endif
