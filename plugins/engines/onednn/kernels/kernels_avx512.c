// SPDX-License-Identifier: Apache-2.0
// The kernels for blocks of 16 channels, with AVX-512 (F, BW, DQ, VL).
#define TABLE kernels_avx512
#define NAME "avx512"
#define BLOCK 16
#include "source/table.c"
