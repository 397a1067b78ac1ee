// SPDX-License-Identifier: Apache-2.0
// Softmax along an axis, y_i = e^(x_i - max) / the sum of them; it is differentiated by its output, so
// that it may overwrite its input. LayerNormalization (Ba et al. 2016) of all that lies behind an axis.
#include "program.h"

#include <math.h>
#include <stdlib.h>

static bool take_axis(struct program *program, struct op *op, const esp_graph_node *node,
                      esp_call *call)
{
    const esp_shape *in = &program->ops[op->inputs[0]].shape;
    int64_t axis = attribute_int(node, "axis", -1);
    axis = axis < 0 ? axis + in->rank : axis;
    if (axis < 1 || axis >= in->rank) {
        esp_fail(call, ESP_ERROR_UNSUPPORTED,
                 "'%s': the engine " ENGINE_ID " has %s for an axis behind the batch", node->path,
                 node->op);
        return false;
    }
    op->outer = 1;
    op->along = in->dims[axis];
    op->area = 1;
    for (int64_t d = 1; d < axis; d++)
        op->outer *= in->dims[d];
    for (int64_t d = axis + 1; d < in->rank; d++)
        op->area *= in->dims[d];
    return true;
}

// ---- Softmax ----------------------------------------------------------------------------------

static esp_status prepare_softmax(struct program *program, struct op *op,
                                  const esp_graph_node *node, esp_call *call)
{
    return take_axis(program, op, node, call) ? ESP_OK : ESP_ERROR_UNSUPPORTED;
}

// `along` numbers, `step` apart. What is no number makes all of them none.
static void softmax_row(const float *x, float *y, int64_t along, int64_t step)
{
    float largest = x[0];
    double sum = 0.0;
    for (int64_t i = 1; i < along; i++)
        largest = x[i * step] > largest || isnan(x[i * step]) ? x[i * step] : largest;
    for (int64_t i = 0; i < along; i++) {
        y[i * step] = expf(x[i * step] - largest);
        sum += (double)y[i * step];
    }
    float share = (float)(1.0 / sum);
    for (int64_t i = 0; i < along; i++)
        y[i * step] *= share;
}

// gx = y (g - <g, y>); gx may be g.
static void softmax_row_gradient(const float *y, const float *g, float *gx, int64_t along,
                                 int64_t step, bool set)
{
    double product = 0.0;
    for (int64_t i = 0; i < along; i++)
        product += (double)g[i * step] * (double)y[i * step];
    for (int64_t i = 0; i < along; i++) {
        float slope = y[i * step] * (g[i * step] - (float)product);
        gx[i * step] = set ? slope : gx[i * step] + slope;
    }
}

// Where row `row` of the batch begins.
static int64_t row_begin(const struct op *op, int64_t row)
{
    return row / op->area * op->along * op->area + row % op->area;
}

static int64_t row_count(const struct program *program, const struct op *op)
{
    return (int64_t)program->batch * op->outer * op->area;
}

static void softmax_forward(struct program *program, struct op *op)
{
    const float *x = program->values[op->inputs[0]].data;
    float *y = program->values[op->index].data;
    for (int64_t i = 0; i < row_count(program, op); i++)
        softmax_row(x + row_begin(op, i), y + row_begin(op, i), op->along, op->area);
}

static void softmax_backward(struct program *program, struct op *op)
{
    struct value *in = &program->values[op->inputs[0]];
    const struct value *out = &program->values[op->index];
    bool set = gradient_is_set(program, op);
    for (int64_t i = 0; in->grad && i < row_count(program, op); i++) {
        int64_t begin = row_begin(op, i);
        softmax_row_gradient(out->data + begin, out->grad + begin, in->grad + begin, op->along,
                             op->area, set);
    }
    in->filled = in->grad != NULL;
}

const struct op_type op_softmax = {
    .name = "Softmax",
    .attributes = "axis",
    .reads_output = true,
    .in_place = true,
    .prepare = prepare_softmax,
    .forward = softmax_forward,
    .backward = softmax_backward,
};

// ---- LayerNormalization -----------------------------------------------------------------------

// A row is all that lies from the axis on: `area` becomes its length.
static esp_status prepare_layer_norm(struct program *program, struct op *op,
                                     const esp_graph_node *node, esp_call *call)
{
    size_t rows;
    if (!take_axis(program, op, node, call))
        return ESP_ERROR_UNSUPPORTED;
    op->area *= op->along;
    op->epsilon = attribute_real(node, "epsilon", 1e-5);
    op->affine = node->weight_count == 2;
    if (__builtin_mul_overflow((size_t)op->outer, program->max_batch, &rows) || rows > SIZE_MAX / 8)
        return esp_fail(call, ESP_ERROR_MEMORY, "out of memory");
    op->saved = floats_uncleared(2 * rows);
    return op->saved ? ESP_OK : esp_fail(call, ESP_ERROR_MEMORY, "out of memory");
}

static void layer_norm_forward(struct program *program, struct op *op)
{
    const struct loops *loops = program->loops;
    int64_t rows = op->outer * (int64_t)program->batch, count = op->area;
    const float *x = program->values[op->inputs[0]].data;
    float *y = program->values[op->index].data;
    for (int64_t r = 0; r < rows; r++, x += count, y += count) {
        float mean = loops->sum(x, count) / (float)count;
        double variance = (double)loops->squares(x, mean, count) / (double)count;
        float inverse = (float)(1.0 / sqrt(variance + op->epsilon));
        op->saved[2 * r] = mean;
        op->saved[2 * r + 1] = inverse;
        const float *scale = op->affine ? op->weights[0]->value : NULL;
        const float *shift = op->affine ? op->weights[1]->value : NULL;
        for (int64_t i = 0; i < count; i++) {
            float normal = (x[i] - mean) * inverse;
            y[i] = scale ? normal * scale[i] + shift[i] : normal;
        }
    }
}

// With u = (x - mean) / deviation and h = g scale: gx = (h - mean(h) - u mean(h u)) / deviation.
static void layer_norm_row_gradient(const struct op *op, const float *x, const float *g,
                                    const float *saved, float *gx, bool set)
{
    float mean = saved[0], inverse = saved[1];
    const float *scale = op->affine ? op->weights[0]->value : NULL;
    double sum = 0.0, product = 0.0, count = (double)op->area;
    for (int64_t i = 0; i < op->area; i++) {
        double h = scale ? (double)g[i] * (double)scale[i] : (double)g[i];
        sum += h;
        product += h * (double)((x[i] - mean) * inverse);
    }
    float mean_h = (float)(sum / count), slope = (float)(product / count);
    for (int64_t i = 0; i < op->area; i++) {
        float h = scale ? g[i] * scale[i] : g[i];
        float own = (h - mean_h - (x[i] - mean) * inverse * slope) * inverse;
        gx[i] = set ? own : gx[i] + own;
    }
}

static void layer_norm_backward(struct program *program, struct op *op)
{
    struct value *in = &program->values[op->inputs[0]];
    const struct value *out = &program->values[op->index];
    int64_t rows = op->outer * (int64_t)program->batch, count = op->area;
    bool set = gradient_is_set(program, op);
    for (int64_t r = 0; r < rows; r++) {
        const float *x = in->data + r * count, *g = out->grad + r * count;
        const float *saved = op->saved + 2 * r;
        // Of the weights before the input's, which may lie over g. They begin with zeros.
        for (int64_t i = 0; op->affine && i < count; i++) {
            op->weights[0]->gradient[i] += g[i] * (x[i] - saved[0]) * saved[1];
            op->weights[1]->gradient[i] += g[i];
        }
        if (in->grad)
            layer_norm_row_gradient(op, x, g, saved, in->grad + r * count, set);
    }
    in->filled = in->grad != NULL;
}

const struct op_type op_layer_norm = {
    .name = "LayerNormalization",
    .attributes = "axis epsilon affine",
    .reads_input = true,
    .in_place_evaluation = true,
    .gradient_in_place = true,
    .prepare = prepare_layer_norm,
    .forward = layer_norm_forward,
    .backward = layer_norm_backward,
};
