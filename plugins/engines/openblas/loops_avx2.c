// SPDX-License-Identifier: Apache-2.0
// The loops with AVX2: compiled with -mavx2.
#define LOOPS openblas_loops_avx2
#include "loops.c"
