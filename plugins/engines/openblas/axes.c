// SPDX-License-Identifier: Apache-2.0
// What walks along the axes of a sample: Mul, Transpose, ReduceMean. Rows are as long as the shapes let
// them be (lattice.h); a sample's result does not depend on its batch.
#include "lattice.h"

#include <string.h>

// The tensors of a row, where it begins.
struct row {
    int64_t begins[2];
};

static struct row row_at(const struct op *op, int64_t row)
{
    struct row at;
    lattice_begin(&op->lattice, row, at.begins);
    return at;
}

// A gradient that is added to from several places begins with zeros.
static void clear_gradient(const struct program *program, struct value *value)
{
    if (value->grad && !value->filled)
        memset(value->grad, 0, value->size * program->batch * sizeof(float));
    value->filled = value->filled || value->grad;
}

// ---- Mul --------------------------------------------------------------------------------------

static esp_status prepare_mul(struct program *program, struct op *op, const esp_graph_node *node,
                              esp_call *call)
{
    op->lattice = lattice_of(&op->shape);
    for (int i = 0; i < 2; i++) {
        const esp_shape *input = &program->ops[op->inputs[i]].shape;
        bool fits = input->rank == op->shape.rank;
        for (uint32_t d = 0; fits && d < input->rank; d++)
            fits = input->dims[d] == op->shape.dims[d] || input->dims[d] == 1;
        if (!fits)
            return esp_fail(call, ESP_ERROR_UNSUPPORTED,
                            "'%s': the engine " ENGINE_ID
                            " has Mul for inputs of as many dimensions as "
                            "its output, of equal sizes or of 1",
                            node->path);
        lattice_spread(&op->lattice, i, input);
    }
    lattice_join(&op->lattice);
    return ESP_OK;
}

// y (=, or += where `set` is false) of a row: of the one number where a step is 0.
static void multiply_row(const struct program *program, const float *a, int64_t step_a,
                         const float *b, int64_t step_b, float *y, int64_t count, bool set)
{
    if (step_a != 0 && step_b != 0)
        program->loops->multiply(a, b, y, count, set);
    else if (step_b == 0)
        program->loops->scale(a, *b, y, count, set);
    else
        program->loops->scale(b, *a, y, count, set);
}

static void mul_forward(struct program *program, struct op *op)
{
    const struct value *a = &program->values[op->inputs[0]], *b = &program->values[op->inputs[1]];
    int64_t count = lattice_count(&op->lattice), rows = lattice_rows(&op->lattice);
    int64_t step_a = lattice_step(&op->lattice, 0), step_b = lattice_step(&op->lattice, 1);
    float *y = program->values[op->index].data;
    for (uint64_t n = 0; n < program->batch; n++)
        for (int64_t i = 0; i < rows; i++, y += count) {
            struct row row = row_at(op, i);
            multiply_row(program, a->data + n * a->size + row.begins[0], step_a,
                         b->data + n * b->size + row.begins[1], step_b, y, count, true);
        }
}

// Of input `which`: what its numbers are multiplied with, times the output's gradient; summed where
// they are repeated.
static void mul_gradient(struct program *program, struct op *op, int which)
{
    struct value *to = &program->values[op->inputs[which]];
    const struct value *other = &program->values[op->inputs[1 - which]];
    const struct value *out = &program->values[op->index];
    int64_t count = lattice_count(&op->lattice), rows = lattice_rows(&op->lattice);
    int64_t step = lattice_step(&op->lattice, which);
    int64_t other_step = lattice_step(&op->lattice, 1 - which);
    bool set = !to->filled && to->size == out->size;
    const float *g = out->grad;
    if (!to->grad)
        return;
    if (!set)
        clear_gradient(program, to);
    for (uint64_t n = 0; n < program->batch; n++)
        for (int64_t i = 0; i < rows; i++, g += count) {
            struct row row = row_at(op, i);
            const float *by = other->data + n * other->size + row.begins[1 - which];
            float *gx = to->grad + n * to->size + row.begins[which];
            if (step != 0 || count == 1)
                multiply_row(program, g, 1, by, other_step, gx, count, set);
            else
                *gx += program->loops->products(g, by, count);
        }
    to->filled = true;
}

// Where both inputs are one value, the second contribution is added to the first.
static void mul_backward(struct program *program, struct op *op)
{
    mul_gradient(program, op, 0);
    mul_gradient(program, op, 1);
}

const struct op_type op_mul = {.name = "Mul",
                               .reads_input = true,
                               .prepare = prepare_mul,
                               .forward = mul_forward,
                               .backward = mul_backward};

// ---- Transpose --------------------------------------------------------------------------------

static esp_status prepare_transpose(struct program *program, struct op *op,
                                    const esp_graph_node *node, esp_call *call)
{
    const esp_shape *in = &program->ops[op->inputs[0]].shape;
    const esp_attribute *perm = esp_graph_attribute(node, "perm");
    int64_t steps[ESP_MAX_RANK], step = 1;
    if (!perm || perm->count != in->rank || in->rank < 1 || perm->ints[0] != 0)
        return esp_fail(call, ESP_ERROR_UNSUPPORTED,
                        "'%s': the engine " ENGINE_ID
                        " has Transpose with a perm that begins with 0, "
                        "the batch",
                        node->path);
    for (uint32_t d = in->rank; d-- > 1;) {
        steps[d] = step;
        step *= in->dims[d];
    }
    op->lattice = lattice_of(&op->shape);
    for (uint32_t d = 1; d < in->rank; d++) {
        if (perm->ints[d] < 1 || perm->ints[d] >= in->rank)
            return esp_fail(call, ESP_ERROR_UNSUPPORTED, "'%s': a perm with the axis %lld",
                            node->path, (long long)perm->ints[d]);
        op->lattice.step[0][d + BOX_RANK - in->rank] = steps[perm->ints[d]];
    }
    lattice_spread(&op->lattice, 1, &op->shape);
    lattice_join(&op->lattice);
    return ESP_OK;
}

static void transpose_forward(struct program *program, struct op *op)
{
    const struct value *in = &program->values[op->inputs[0]];
    int64_t count = lattice_count(&op->lattice), rows = lattice_rows(&op->lattice);
    int64_t step = lattice_step(&op->lattice, 0);
    float *y = program->values[op->index].data;
    for (uint64_t n = 0; n < program->batch; n++)
        for (int64_t i = 0; i < rows; i++, y += count) {
            const float *x = in->data + n * in->size + row_at(op, i).begins[0];
            if (step == 1)
                memcpy(y, x, (size_t)count * sizeof(float));
            for (int64_t k = 0; step != 1 && k < count; k++)
                y[k] = x[k * step];
        }
}

static void transpose_backward(struct program *program, struct op *op)
{
    struct value *in = &program->values[op->inputs[0]];
    int64_t count = lattice_count(&op->lattice), rows = lattice_rows(&op->lattice);
    int64_t step = lattice_step(&op->lattice, 0);
    const float *g = program->values[op->index].grad;
    for (uint64_t n = 0; in->grad && n < program->batch; n++)
        for (int64_t i = 0; i < rows; i++, g += count) {
            float *gx = in->grad + n * in->size + row_at(op, i).begins[0];
            for (int64_t k = 0; k < count; k++)
                gx[k * step] = in->filled ? gx[k * step] + g[k] : g[k];
        }
    in->filled = in->filled || in->grad;
}

const struct op_type op_transpose = {.name = "Transpose",
                                     .attributes = "perm",
                                     .prepare = prepare_transpose,
                                     .forward = transpose_forward,
                                     .backward = transpose_backward};

// ---- ReduceMean -------------------------------------------------------------------------------

// The lattice is the input's; tensor 0 the output, tensor 1 the input.
static esp_status prepare_reduce_mean(struct program *program, struct op *op,
                                      const esp_graph_node *node, esp_call *call)
{
    const esp_shape *in = &program->ops[op->inputs[0]].shape;
    const esp_attribute *axes = esp_graph_attribute(node, "axes");
    esp_shape kept = *in;
    for (uint64_t i = 0; axes && i < axes->count; i++) {
        int64_t axis = axes->ints[i] < 0 ? axes->ints[i] + in->rank : axes->ints[i];
        if (axis < 1 || axis >= in->rank)
            axes = NULL;
        else
            kept.dims[axis] = 1;
    }
    if (!axes || axes->count == 0)
        return esp_fail(call, ESP_ERROR_UNSUPPORTED,
                        "'%s': the engine " ENGINE_ID " has ReduceMean for axes behind the batch",
                        node->path);
    op->lattice = lattice_of(in);
    lattice_spread(&op->lattice, 0, &kept);
    lattice_spread(&op->lattice, 1, in);
    lattice_join(&op->lattice);
    return ESP_OK;
}

static void reduce_mean_forward(struct program *program, struct op *op)
{
    const struct value *in = &program->values[op->inputs[0]], *out = &program->values[op->index];
    int64_t count = lattice_count(&op->lattice), rows = lattice_rows(&op->lattice);
    int64_t step = lattice_step(&op->lattice, 0);
    float share = (float)((double)out->size / (double)in->size);
    memset(out->data, 0, out->size * program->batch * sizeof(float));
    for (uint64_t n = 0; n < program->batch; n++) {
        float *y = out->data + n * out->size;
        for (int64_t i = 0; i < rows; i++) {
            const float *x = in->data + n * in->size + i * count;
            int64_t begin = row_at(op, i).begins[0];
            if (step == 0)
                y[begin] += program->loops->sum(x, count);
            else
                program->loops->add(y + begin, x, count);
        }
        program->loops->scale(y, share, y, (int64_t)out->size, true);
    }
}

static void reduce_mean_backward(struct program *program, struct op *op)
{
    struct value *in = &program->values[op->inputs[0]];
    const struct value *out = &program->values[op->index];
    int64_t count = lattice_count(&op->lattice), rows = lattice_rows(&op->lattice);
    int64_t step = lattice_step(&op->lattice, 0);
    float share = (float)((double)out->size / (double)in->size);
    for (uint64_t n = 0; in->grad && n < program->batch; n++)
        for (int64_t i = 0; i < rows; i++) {
            const float *g = out->grad + n * out->size + row_at(op, i).begins[0];
            float *gx = in->grad + n * in->size + i * count, one = *g * share;
            if (step != 0)
                program->loops->scale(g, share, gx, count, !in->filled);
            for (int64_t k = 0; step == 0 && k < count; k++)
                gx[k] = in->filled ? gx[k] + one : one;
        }
    in->filled = in->filled || in->grad;
}

const struct op_type op_reduce_mean = {.name = "ReduceMean",
                                       .attributes = "axes keepdims",
                                       .prepare = prepare_reduce_mean,
                                       .forward = reduce_mean_forward,
                                       .backward = reduce_mean_backward};
