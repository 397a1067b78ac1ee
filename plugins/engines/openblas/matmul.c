// SPDX-License-Identifier: Apache-2.0
// MatMul of two activations: [N, ..., M, K] x [N, ..., K, P].
#include "product.h"
#include "program.h"

#include <limits.h>

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
        product(false, false, m, p, k, a, k, b, p, false, y, p);
}

// Where both inputs are one value, the second contribution is added to the first.
static void matmul_backward(struct program *program, struct op *op)
{
    int m = op->rows, k = op->inner, p = op->columns;
    size_t size_a = (size_t)m * (size_t)k, size_b = (size_t)k * (size_t)p;
    struct value *a = &program->values[op->inputs[0]], *b = &program->values[op->inputs[1]];
    const float *g = program->values[op->index].grad;
    for (uint64_t i = 0; a->grad && i < matrices(program, op); i++)
        product(false, true, m, k, p, g + i * m * p, p, b->data + i * size_b, p, a->filled,
                a->grad + i * size_a, k);
    a->filled = a->filled || a->grad;
    for (uint64_t i = 0; b->grad && i < matrices(program, op); i++)
        product(true, false, k, p, m, a->data + i * size_a, k, g + i * m * p, p, b->filled,
                b->grad + i * size_b, p);
    b->filled = b->filled || b->grad;
}

const struct op_type op_matmul = {.name = "MatMul",
                                  .reads_input = true,
                                  .prepare = prepare_matmul,
                                  .forward = matmul_forward,
                                  .backward = matmul_backward};
