// SPDX-License-Identifier: Apache-2.0
// See product.h: CBLAS.
#include "product.h"

#include <cblas.h>

void product(bool a_transposed, bool b_transposed, int m, int n, int k, const float *a, int lda,
             const float *b, int ldb, bool add, float *c, int ldc)
{
    cblas_sgemm(CblasRowMajor, a_transposed ? CblasTrans : CblasNoTrans,
                b_transposed ? CblasTrans : CblasNoTrans, m, n, k, 1.0f, a, lda, b, ldb,
                add ? 1.0f : 0.0f, c, ldc);
}
