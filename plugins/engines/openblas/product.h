// SPDX-License-Identifier: Apache-2.0
// The product of two matrices, of whichever library the engine stands on.
#ifndef OPENBLAS_PRODUCT_H
#define OPENBLAS_PRODUCT_H

#include <stdbool.h>

// c [m, n] = or += a [m, k] b [k, n], row-major, where a and b may lie transposed.
void product(bool a_transposed, bool b_transposed, int m, int n, int k, const float *a, int lda,
             const float *b, int ldb, bool add, float *c, int ldc);

#endif
