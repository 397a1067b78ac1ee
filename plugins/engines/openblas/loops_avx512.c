// SPDX-License-Identifier: Apache-2.0
// The loops with AVX-512: compiled with -mavx512f, bw, dq and vl.
#define LOOPS openblas_loops_avx512
#include "loops.c"
