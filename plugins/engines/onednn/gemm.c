// SPDX-License-Identifier: Apache-2.0
// Gemm: output [N, M] = input [N, K] x weight [M, K] transposed, plus bias.
#include "network.h"

#include "../openblas/product.h"

#include <string.h>

void product(bool a_transposed, bool b_transposed, int m, int n, int k, const float *a, int lda,
             const float *b, int ldb, bool add, float *c, int ldc)
{
    dnnl_sgemm(a_transposed ? 'T' : 'N', b_transposed ? 'T' : 'N', m, n, k, 1.0f, a, lda, b, ldb,
               add ? 1.0f : 0.0f, c, ldc);
}

static void gemm_forward(struct program *program, struct op *op)
{
    const struct value *in = &program->values[op->inputs[0]], *out = &program->values[op->index];
    dnnl_dim_t n = (dnnl_dim_t)program->batch, m = (dnnl_dim_t)out->size, k = (dnnl_dim_t)in->size;
    bool biased = op->weight_count > 1;
    for (dnnl_dim_t i = 0; biased && i < n; i++)
        memcpy(out->data + i * m, op->weights[1]->value, (size_t)m * sizeof(float));
    dnnl_sgemm('N', 'T', n, m, k, 1.0f, in->data, k, op->weights[0]->value, k, biased ? 1.0f : 0.0f,
               out->data, m);
}

static void gemm_backward(struct program *program, struct op *op)
{
    struct value *in = &program->values[op->inputs[0]];
    const struct value *out = &program->values[op->index];
    dnnl_dim_t n = (dnnl_dim_t)program->batch, m = (dnnl_dim_t)out->size, k = (dnnl_dim_t)in->size;
    dnnl_sgemm('T', 'N', m, k, n, 1.0f, out->grad, m, in->data, k, 0.0f, op->weights[0]->gradient,
               k);
    if (op->weight_count > 1) {
        memcpy(op->weights[1]->gradient, out->grad, (size_t)m * sizeof(float));
        for (dnnl_dim_t i = 1; i < n; i++)
            kernels_of(program)->accumulate(op->weights[1]->gradient, out->grad + i * m, m);
    }
    if (!in->grad)
        return;
    dnnl_sgemm('N', 'N', n, k, m, 1.0f, out->grad, m, op->weights[0]->value, k,
               in->filled ? 1.0f : 0.0f, in->grad, k);
    in->filled = true;
}

const struct op_type onednn_gemm = {.name = "Gemm",
                                    .attributes = "channels bias",
                                    .reads_input = true,
                                    .forward = gemm_forward,
                                    .backward = gemm_backward};
