// SPDX-License-Identifier: Apache-2.0
// Which kernels the processor can run.
#include "kernels.h"

const struct kernels *kernels_choose(void)
{
    const struct kernels *wide = kernels_of_block(16), *narrow = kernels_of_block(8);
    return wide != &kernels_plain16 ? wide : narrow;
}

const struct kernels *kernels_of_block(int64_t block)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (block == 16 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return &kernels_avx512;
    if (block == 8 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return &kernels_avx2;
#endif
    return block == 16 ? &kernels_plain16 : block == 8 ? &kernels_plain8 : NULL;
}
