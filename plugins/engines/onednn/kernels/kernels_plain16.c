// SPDX-License-Identifier: Apache-2.0
// The kernels for blocks of 16 channels, whatever the processor is.
#define TABLE kernels_plain16
#define NAME "plain"
#define BLOCK 16
#include "source/table.c"
