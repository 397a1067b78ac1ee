// SPDX-License-Identifier: Apache-2.0
// Which loops the processor can run.
#include "loops.h"

const struct loops *loops_choose(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return &openblas_loops_avx512;
    if (__builtin_cpu_supports("avx2"))
        return &openblas_loops_avx2;
#endif
    return &openblas_loops_portable;
}
