// SPDX-License-Identifier: Apache-2.0
// The kernels for blocks of 8 channels, with AVX2.
#define TABLE kernels_avx2
#define NAME "avx2"
#define BLOCK 8
#include "source/table.c"
