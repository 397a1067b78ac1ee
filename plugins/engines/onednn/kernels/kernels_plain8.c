// SPDX-License-Identifier: Apache-2.0
// The kernels for blocks of 8 channels, whatever the processor is.
#define TABLE kernels_plain8
#define NAME "plain"
#define BLOCK 8
#include "source/table.c"
