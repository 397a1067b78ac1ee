// SPDX-License-Identifier: Apache-2.0
// Activations that are differentiated by their input: LeakyRelu, Elu, Clip, HardSigmoid, HardSwish,
// Swish, Gelu. Each is a pair of plain loops, its value and its slope, over a few hundred floats at a
// time. What is no number stays none.
#include "program.h"

#include <float.h>
#include <math.h>

#define PART 256

// y may be x.
typedef void (*curve)(const struct program *program, const struct op *op, const float *x, float *y,
                      int64_t count);

static int64_t part_of(int64_t count, int64_t first)
{
    return count - first < PART ? count - first : PART;
}

static void forward(struct program *program, const struct op *op, curve value)
{
    int64_t count = output_elements(program, op);
    const float *x = program->values[op->inputs[0]].data;
    float *y = program->values[op->index].data;
    for (int64_t i = 0; i < count; i += PART)
        value(program, op, x + i, y + i, part_of(count, i));
}

static void backward(struct program *program, const struct op *op, curve slope)
{
    struct value *in = &program->values[op->inputs[0]];
    const float *g = program->values[op->index].grad;
    bool set = gradient_is_set(program, op);
    int64_t count = output_elements(program, op);
    float slopes[PART];
    for (int64_t i = 0; in->grad && i < count; i += PART) {
        int64_t part = part_of(count, i);
        slope(program, op, in->data + i, slopes, part);
        program->loops->multiply(g + i, slopes, in->grad + i, part, set);
    }
    in->filled = in->grad != NULL;
}

static esp_status take_numbers(struct op *op, const esp_graph_node *node, const char *first,
                               double first_default, const char *second, double second_default)
{
    op->alpha = (float)attribute_real(node, first, first_default);
    op->beta = (float)attribute_real(node, second, second_default);
    return ESP_OK;
}

// ---- Values and slopes of x, alpha and beta ---------------------------------------------------

#define LOOP(name, RESULT)                                                                         \
    static void name(const struct program *program, const struct op *op, const float *from,        \
                     float *to, int64_t count)                                                     \
    {                                                                                              \
        float alpha = op->alpha, beta = op->beta;                                                  \
        (void)program, (void)alpha, (void)beta;                                                    \
        for (int64_t i = 0; i < count; i++) {                                                      \
            float x = from[i];                                                                     \
            to[i] = (RESULT);                                                                      \
        }                                                                                          \
    }

static inline float clipped(float x, float low, float high)
{
    return x < low ? low : x > high ? high : x;
}

LOOP(leaky_relu_value, x < 0.0f ? alpha * x : x)
LOOP(leaky_relu_slope, x < 0.0f ? alpha : 1.0f)
LOOP(elu_value, x < 0.0f ? alpha * expm1f(x) : x)
LOOP(elu_slope, x < 0.0f ? alpha * expf(x) : 1.0f)
// alpha and beta are min and max.
LOOP(clip_value, clipped(x, alpha, beta))
LOOP(clip_slope, x > alpha && x < beta ? 1.0f : 0.0f)
LOOP(hard_sigmoid_value, clipped(beta + alpha * x, 0.0f, 1.0f))
LOOP(hard_sigmoid_slope, beta + alpha * x > 0.0f && beta + alpha * x < 1.0f ? alpha : 0.0f)
LOOP(hard_swish_value, clipped(x / 6.0f + 0.5f, 0.0f, 1.0f) * x)
LOOP(hard_swish_slope, x <= -3.0f ? 0.0f : x >= 3.0f ? 1.0f : x / 3.0f + 0.5f)
// Phi(x) = erfc(-x / sqrt 2) / 2, phi(x) = e^(-x^2 / 2) / sqrt(2 pi).
LOOP(gelu_value, x * 0.5f * erfcf(x * -0.70710678f))
LOOP(gelu_slope, 0.5f * erfcf(x * -0.70710678f) + x * 0.39894228f * expf(-0.5f * x * x))

static void swish_value(const struct program *program, const struct op *op, const float *x,
                        float *y, int64_t count)
{
    float s[PART];
    (void)op;
    program->loops->sigmoid(x, s, count);
    program->loops->multiply(x, s, y, count, true);
}

static void swish_slope(const struct program *program, const struct op *op, const float *x,
                        float *y, int64_t count)
{
    (void)op;
    program->loops->sigmoid(x, y, count);
    for (int64_t i = 0; i < count; i++)
        y[i] *= 1.0f + x[i] * (1.0f - y[i]);
}

// ---- The rows ---------------------------------------------------------------------------------

// `names`: of the attributes, NULL for none; then the two numbers and their defaults.
#define ROW(symbol, onnx, names, first, first_default, second, second_default)                     \
    static esp_status symbol##_prepare(struct program *program, struct op *op,                     \
                                       const esp_graph_node *node, esp_call *call)                 \
    {                                                                                              \
        (void)program, (void)call;                                                                 \
        return take_numbers(op, node, first, first_default, second, second_default);               \
    }                                                                                              \
    static void symbol##_forward(struct program *program, struct op *op)                           \
    {                                                                                              \
        forward(program, op, symbol##_value);                                                      \
    }                                                                                              \
    static void symbol##_backward(struct program *program, struct op *op)                          \
    {                                                                                              \
        backward(program, op, symbol##_slope);                                                     \
    }                                                                                              \
    const struct op_type op_##symbol = {                                                           \
        .name = onnx,                                                                              \
        .attributes = names,                                                                       \
        .reads_input = true,                                                                       \
        .in_place_evaluation = true,                                                               \
        .gradient_in_place = true,                                                                 \
        .prepare = symbol##_prepare,                                                               \
        .forward = symbol##_forward,                                                               \
        .backward = symbol##_backward,                                                             \
    };

ROW(leaky_relu, "LeakyRelu", "alpha", "alpha", 0.01, "beta", 0.0)
ROW(elu, "Elu", "alpha", "alpha", 1.0, "beta", 0.0)
ROW(clip, "Clip", "min max", "min", -FLT_MAX, "max", FLT_MAX)
ROW(hard_sigmoid, "HardSigmoid", "alpha beta", "alpha", 0.2, "beta", 0.5)
ROW(hard_swish, "HardSwish", NULL, "alpha", 0.0, "beta", 0.0)
ROW(swish, "Swish", NULL, "alpha", 0.0, "beta", 0.0)
ROW(gelu, "Gelu", NULL, "alpha", 0.0, "beta", 0.0)
