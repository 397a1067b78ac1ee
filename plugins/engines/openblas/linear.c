// SPDX-License-Identifier: Apache-2.0
// Gemm: output [N, M] = input [N, K] x weight [M, K] transposed, plus bias.
#include "program.h"

#include <cblas.h>

static void gemm_forward(struct program *program, struct op *op)
{
    const struct value *in = &program->values[op->inputs[0]], *out = &program->values[op->index];
    const struct weight *weight = op->weights[0];
    int n = (int)program->batch, m = (int)out->size, k = (int)in->size;
    // Sample by sample, so that a row's bits do not depend on the batch around it.
    for (int i = 0; i < n; i++)
        cblas_sgemv(CblasRowMajor, CblasNoTrans, m, k, 1.0f, weight->value, k,
                    in->data + (size_t)i * in->size, 1, 0.0f, out->data + (size_t)i * out->size, 1);
    for (int i = 0; op->weight_count > 1 && i < n; i++)
        for (int j = 0; j < m; j++)
            out->data[(size_t)i * out->size + (size_t)j] += op->weights[1]->value[j];
}

static void gemm_backward(struct program *program, struct op *op)
{
    struct value *in = &program->values[op->inputs[0]];
    const struct value *out = &program->values[op->index];
    int n = (int)program->batch, m = (int)out->size, k = (int)in->size;
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, m, k, n, 1.0f, out->grad, m, in->data, k,
                0.0f, op->weights[0]->gradient, k);
    for (int j = 0; op->weight_count > 1 && j < m; j++) {
        double sum = 0.0;
        for (int i = 0; i < n; i++)
            sum += out->grad[(size_t)i * out->size + (size_t)j];
        op->weights[1]->gradient[j] = (float)sum;
    }
    if (!in->grad)
        return;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, k, m, 1.0f, out->grad, m,
                op->weights[0]->value, k, in->filled ? 1.0f : 0.0f, in->grad, k);
    in->filled = true;
}

const struct op_type op_gemm = {.name = "Gemm",
                                .attributes = "channels bias",
                                .reads_input = true,
                                .forward = gemm_forward,
                                .backward = gemm_backward};
