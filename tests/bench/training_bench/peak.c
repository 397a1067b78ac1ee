// SPDX-License-Identifier: Apache-2.0
// See peak.h. Two units that take 4 cycles a multiply-add need 8 independent sums; 12 are kept, all in
// registers (of AVX2's 16, two hold the factors).
#include "peak.h"

#include "../stopwatch.h"

#define SUMS 12
#define ROUNDS 100000

static volatile float sink;

#if defined(__x86_64__)
#include <immintrin.h>

#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)

__attribute__((target("avx512f"))) static void chains_avx512(float a, float b)
{
    __m512 x = _mm512_set1_ps(a), y = _mm512_set1_ps(b), total = _mm512_setzero_ps();
#define BEGIN(i) __m512 s##i = _mm512_set1_ps((float)i);
#define STEP(i) s##i = _mm512_fmadd_ps(s##i, x, y);
#define END(i) total = _mm512_add_ps(total, s##i);
    EACH(BEGIN)
    for (int i = 0; i < ROUNDS; i++) {
        EACH(STEP)
    }
    EACH(END)
#undef BEGIN
#undef STEP
#undef END
    sink = _mm512_reduce_add_ps(total);
}

__attribute__((target("avx2,fma"))) static void chains_avx2(float a, float b)
{
    __m256 x = _mm256_set1_ps(a), y = _mm256_set1_ps(b), total = _mm256_setzero_ps();
#define BEGIN(i) __m256 s##i = _mm256_set1_ps((float)i);
#define STEP(i) s##i = _mm256_fmadd_ps(s##i, x, y);
#define END(i) total = _mm256_add_ps(total, s##i);
    EACH(BEGIN)
    for (int i = 0; i < ROUNDS; i++) {
        EACH(STEP)
    }
    EACH(END)
#undef BEGIN
#undef STEP
#undef END
    sink = _mm256_cvtss_f32(total);
}
#endif

#define LANES 4

static void chains_plain(float a, float b)
{
    float sums[SUMS][LANES] = {{0}};
    for (int i = 0; i < ROUNDS; i++)
        for (int j = 0; j < SUMS; j++)
            for (int k = 0; k < LANES; k++)
                sums[j][k] = sums[j][k] * a + b;
    float total = 0.0f;
    for (int j = 0; j < SUMS; j++)
        for (int k = 0; k < LANES; k++)
            total += sums[j][k];
    sink = total;
}

struct way {
    const char *name;
    void (*run)(float a, float b);
    int lanes;
};

static struct way widest(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f"))
        return (struct way){"AVX-512", chains_avx512, 16};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (struct way){"AVX2", chains_avx2, 8};
#endif
    return (struct way){"plain C", chains_plain, LANES};
}

const char *peak_instructions(void)
{
    return widest().name;
}

double peak_measure(double seconds)
{
    struct way way = widest();
    double began = cpu_seconds(), took;
    int calls = 0;
    do {
        way.run(0.999f, 1e-3f);
        calls++;
        took = cpu_seconds() - began;
    } while (took < seconds);
    return 2.0 * SUMS * ROUNDS * way.lanes * calls / took;
}
