// SPDX-License-Identifier: Apache-2.0
// Gemm: output [N, M] = input [N, K] x weight [M, K] transposed, plus bias. MatMul: the product of two
// activations, matrix by matrix.
#include "program.h"

#include <cblas.h>
#include <limits.h>

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

// ---- MatMul -----------------------------------------------------------------------------------

static esp_status prepare_matmul(struct program *program, struct op *op, const esp_graph_node *node,
                                 esp_call *call)
{
    const esp_shape *a = &program->ops[op->inputs[0]].shape, *out = &op->shape;
    const esp_shape *b = &program->ops[op->inputs[1]].shape;
    uint32_t rank = out->rank;
    bool fits = rank >= 3 && a->rank == rank && b->rank == rank;
    for (uint32_t d = 1; fits && d < rank; d++)
        fits = a->dims[d] <= INT_MAX && b->dims[d] <= INT_MAX &&
               (d + 2 >= rank || (a->dims[d] == out->dims[d] && b->dims[d] == out->dims[d]));
    if (!fits)
        return esp_fail(call, ESP_ERROR_UNSUPPORTED,
                        "'%s': the engine " ENGINE_ID
                        " has MatMul for [N, ..., M, K] and [N, ..., K, P]",
                        node->path);
    op->rows = (int)out->dims[rank - 2];
    op->inner = (int)a->dims[rank - 1];
    op->columns = (int)out->dims[rank - 1];
    return ESP_OK;
}

// Each of the matrices of the batch by itself, so that its bits do not depend on the batch.
static uint64_t matrices(const struct program *program, const struct op *op)
{
    return program->batch * program->values[op->index].size /
           ((size_t)op->rows * (size_t)op->columns);
}

static void matmul_forward(struct program *program, struct op *op)
{
    int m = op->rows, k = op->inner, p = op->columns;
    const float *a = program->values[op->inputs[0]].data;
    const float *b = program->values[op->inputs[1]].data;
    float *y = program->values[op->index].data;
    for (uint64_t i = matrices(program, op); i-- > 0;
         a += (size_t)m * k, b += (size_t)k * p, y += (size_t)m * p)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, p, k, 1.0f, a, k, b, p, 0.0f, y,
                    p);
}

// Where both inputs are one value, the second contribution is added to the first.
static void matmul_backward(struct program *program, struct op *op)
{
    int m = op->rows, k = op->inner, p = op->columns;
    size_t size_a = (size_t)m * (size_t)k, size_b = (size_t)k * (size_t)p;
    struct value *a = &program->values[op->inputs[0]], *b = &program->values[op->inputs[1]];
    const float *g = program->values[op->index].grad;
    for (uint64_t i = 0; a->grad && i < matrices(program, op); i++)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, k, p, 1.0f, g + i * m * p, p,
                    b->data + i * size_b, p, a->filled ? 1.0f : 0.0f, a->grad + i * size_a, k);
    a->filled = a->filled || a->grad;
    for (uint64_t i = 0; b->grad && i < matrices(program, op); i++)
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, k, p, m, 1.0f, a->data + i * size_a, k,
                    g + i * m * p, p, b->filled ? 1.0f : 0.0f, b->grad + i * size_b, p);
    b->filled = b->filled || b->grad;
}

const struct op_type op_matmul = {.name = "MatMul",
                                  .reads_input = true,
                                  .prepare = prepare_matmul,
                                  .forward = matmul_forward,
                                  .backward = matmul_backward};
