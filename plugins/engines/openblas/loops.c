// SPDX-License-Identifier: Apache-2.0
// The loops of loops.h, for the instruction set that this file is compiled for: loops_avx2.c and
// loops_avx512.c include it with another name for the table. What a compiler turns into vectors by
// itself is left to it; where sums stay in registers, or numbers are looked at as bits, vectors are
// written out.
#include "loops.h"

#include <math.h>

#ifndef LOOPS
#define LOOPS openblas_loops_portable
#endif

#if defined(__AVX512F__)
#define WIDTH 16
#elif defined(__AVX2__)
#define WIDTH 8
#else
#define WIDTH 4
#endif
#define PARTS (LANES / WIDTH)

// At any address, and where they lie in registers.
typedef float loose __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));
typedef float vector __attribute__((vector_size(4 * WIDTH)));
typedef int32_t integers __attribute__((vector_size(4 * WIDTH)));
typedef uint16_t halves __attribute__((vector_size(2 * WIDTH), aligned(2), may_alias));

#define LOAD(from) (*(const loose *)(from))
#define STORE(to, value) (*(loose *)(to) = (value))
#define ALL(number) ((vector){0} + (number))
#define ALL_INTEGERS(number) ((integers){0} + (int32_t)(number))
// a where the mask's bits are set, else b.
#define CHOOSE(mask, a, b) ((vector)(((integers)(a) & (mask)) | ((integers)(b) & ~(mask))))

// Iterations are independent of each other, though two pointers may be equal.
#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

// ---- Sums -------------------------------------------------------------------------------------

// LANES partial sums in order, then the rest that filled no vector.
static inline float total(const vector *parts, float rest)
{
    float lanes[LANES];
    for (int k = 0; k < PARTS; k++)
        STORE(lanes + k * WIDTH, parts[k]);
    for (int l = 0; l < LANES; l++)
        rest += lanes[l];
    return rest;
}

static float sum(const float *x, int64_t count)
{
    vector parts[PARTS] = {{0}};
    int64_t i = 0;
    float rest = 0.0f;
    for (; i + LANES <= count; i += LANES)
        for (int k = 0; k < PARTS; k++)
            parts[k] += LOAD(x + i + k * WIDTH);
    for (; i < count; i++)
        rest += x[i];
    return total(parts, rest);
}

static float squares(const float *x, float center, int64_t count)
{
    vector parts[PARTS] = {{0}};
    int64_t i = 0;
    float rest = 0.0f;
    for (; i + LANES <= count; i += LANES)
        for (int k = 0; k < PARTS; k++) {
            vector d = LOAD(x + i + k * WIDTH) - center;
            parts[k] += d * d;
        }
    for (; i < count; i++)
        rest += (x[i] - center) * (x[i] - center);
    return total(parts, rest);
}

static float products(const float *a, const float *b, int64_t count)
{
    vector parts[PARTS] = {{0}};
    int64_t i = 0;
    float rest = 0.0f;
    for (; i + LANES <= count; i += LANES)
        for (int k = 0; k < PARTS; k++)
            parts[k] += LOAD(a + i + k * WIDTH) * LOAD(b + i + k * WIDTH);
    for (; i < count; i++)
        rest += a[i] * b[i];
    return total(parts, rest);
}

static inline float passed(float x, float g, struct affine a)
{
    return a.relu && x * a.scale + a.shift <= 0.0f ? 0.0f : g;
}

static void gradient_sums(const float *x, const float *g, float center, struct affine a,
                          int64_t count, float *sum_out, float *product_out)
{
    vector sums[PARTS] = {{0}}, products[PARTS] = {{0}};
    integers always = ALL_INTEGERS(a.relu ? 0 : -1);
    int64_t i = 0;
    float rest = 0.0f, rest_product = 0.0f;
    for (; i + LANES <= count; i += LANES)
        for (int k = 0; k < PARTS; k++) {
            vector v = LOAD(x + i + k * WIDTH), d = LOAD(g + i + k * WIDTH);
            integers stopped = (integers)(v * a.scale + a.shift <= 0.0f) & ~always;
            d = (vector)((integers)d & ~stopped);
            sums[k] += d;
            products[k] += d * (v - center);
        }
    for (; i < count; i++) {
        float d = passed(x[i], g[i], a);
        rest += d;
        rest_product += d * (x[i] - center);
    }
    *sum_out = total(sums, rest);
    *product_out = total(products, rest_product);
}

// ---- Element by element -----------------------------------------------------------------------

static void add(float *restrict to, const float *restrict from, int64_t count)
{
    INDEPENDENT
    for (int64_t i = 0; i < count; i++)
        to[i] += from[i];
}

static void sum_of_two(const float *a, const float *b, float *restrict y, int64_t count)
{
    INDEPENDENT
    for (int64_t i = 0; i < count; i++)
        y[i] = a[i] + b[i];
}

static void multiply(const float *a, const float *b, float *y, int64_t count, bool set)
{
    if (set)
        INDEPENDENT
    for (int64_t i = 0; i < count; i++)
        y[i] = a[i] * b[i];
    else INDEPENDENT for (int64_t i = 0; i < count; i++) y[i] += a[i] * b[i];
}

static void scale(const float *x, float by, float *y, int64_t count, bool set)
{
    if (set)
        INDEPENDENT
    for (int64_t i = 0; i < count; i++)
        y[i] = x[i] * by;
    else INDEPENDENT for (int64_t i = 0; i < count; i++) y[i] += x[i] * by;
}

static void add_constant(const float *x, float constant, float *y, int64_t count)
{
    INDEPENDENT
    for (int64_t i = 0; i < count; i++)
        y[i] = x[i] + constant;
}

static void divide(float *restrict y, const float *restrict by, int64_t count)
{
    INDEPENDENT
    for (int64_t i = 0; i < count; i++)
        y[i] /= by[i];
}

static void normalize(const float *x, struct affine a, float *y, int64_t count)
{
    if (!a.relu) {
        INDEPENDENT
        for (int64_t i = 0; i < count; i++)
            y[i] = x[i] * a.scale + a.shift;
        return;
    }
    INDEPENDENT
    for (int64_t i = 0; i < count; i++) {
        float v = x[i] * a.scale + a.shift;
        y[i] = v < 0.0f ? 0.0f : v;
    }
}

static void normalize_gradient(const float *x, const float *g, struct affine a, struct slope s,
                               float *gx, int64_t count, bool set)
{
    if (a.relu && set)
        INDEPENDENT
    for (int64_t i = 0; i < count; i++) {
        float d = x[i] * a.scale + a.shift <= 0.0f ? 0.0f : g[i];
        gx[i] = (d - s.mean_g - (x[i] - s.mean) * s.slope) * s.factor;
    }
    else if (set) INDEPENDENT for (int64_t i = 0; i < count; i++) gx[i] =
        (g[i] - s.mean_g - (x[i] - s.mean) * s.slope) * s.factor;
    else INDEPENDENT for (int64_t i = 0; i < count; i++) gx[i] +=
        (passed(x[i], g[i], a) - s.mean_g - (x[i] - s.mean) * s.slope) * s.factor;
}

static void relu(const float *x, float *y, int64_t count)
{
    INDEPENDENT
    for (int64_t i = 0; i < count; i++)
        y[i] = x[i] < 0.0f ? 0.0f : x[i];
}

static void relu_gradient(const float *y, const float *g, float *gx, int64_t count, bool set)
{
    if (set)
        INDEPENDENT
    for (int64_t i = 0; i < count; i++)
        gx[i] = y[i] <= 0.0f ? 0.0f : g[i];
    else INDEPENDENT for (int64_t i = 0; i < count; i++) gx[i] += y[i] <= 0.0f ? 0.0f : g[i];
}

// e^x = 2^n e^r with n = round(x / ln 2), |r| <= ln 2 / 2: the series of e^r to the seventh power is
// within 5e-9. ln 2 is taken in two parts, of which the first times n is exact. Beyond +-87 the
// result stays; what is no number stays none.
#define EXPONENTIAL(result, argument)                                                              \
    do {                                                                                           \
        const float magic_ = 12582912.0f; /* 1.5 x 2^23: adding it rounds to an integer */         \
        vector x_ = (argument);                                                                    \
        x_ = CHOOSE((integers)(x_ > 87.0f), ALL(87.0f), x_);                                       \
        x_ = CHOOSE((integers)(x_ < -87.0f), ALL(-87.0f), x_);                                     \
        vector n_ = x_ * 1.44269504f + magic_;                                                     \
        integers power_ = ((integers)n_ - (integers)ALL(magic_) + 127) << 23;                      \
        n_ -= magic_;                                                                              \
        vector r_ = x_ - n_ * 0.693359375f + n_ * 2.12194440e-4f;                                  \
        vector p_ = r_ * (1.0f / 5040.0f) + 1.0f / 720.0f;                                         \
        p_ = p_ * r_ + 1.0f / 120.0f;                                                              \
        p_ = p_ * r_ + 1.0f / 24.0f;                                                               \
        p_ = p_ * r_ + 1.0f / 6.0f;                                                                \
        p_ = p_ * r_ + 0.5f;                                                                       \
        p_ = p_ * r_ + 1.0f;                                                                       \
        p_ = p_ * r_ + 1.0f;                                                                       \
        (result) = p_ * (vector)power_;                                                            \
    } while (0)

#define SIGMOID(result, argument)                                                                  \
    do {                                                                                           \
        vector e_;                                                                                 \
        EXPONENTIAL(e_, -(argument));                                                              \
        (result) = 1.0f / (1.0f + e_);                                                             \
    } while (0)

// Near 0, where 1 - 2 / (e^2x + 1) would lose digits, its series: to x^9, within 1e-8 of x at 0.25.
#define HYPERBOLIC(result, argument)                                                               \
    do {                                                                                           \
        vector h_ = (argument), e2_, s_ = h_ * h_;                                                 \
        EXPONENTIAL(e2_, h_ + h_);                                                                 \
        vector series_ = s_ * (62.0f / 2835.0f) - 17.0f / 315.0f;                                  \
        series_ = series_ * s_ + 2.0f / 15.0f;                                                     \
        series_ = series_ * s_ - 1.0f / 3.0f;                                                      \
        series_ = series_ * s_ * h_ + h_;                                                          \
        (result) = CHOOSE((integers)(s_ < 0.0625f), series_, 1.0f - 2.0f / (e2_ + 1.0f));          \
    } while (0)

// The rest that fills no vector goes through one: so an element's bits do not depend on its place.
#define EACH_VECTOR(FUNCTION)                                                                      \
    do {                                                                                           \
        int64_t i = 0;                                                                             \
        vector v;                                                                                  \
        for (; i + WIDTH <= count; i += WIDTH) {                                                   \
            FUNCTION(v, LOAD(x + i));                                                              \
            STORE(y + i, v);                                                                       \
        }                                                                                          \
        float rest[WIDTH] = {0};                                                                   \
        for (int64_t k = i; k < count; k++)                                                        \
            rest[k - i] = x[k];                                                                    \
        FUNCTION(v, LOAD(rest));                                                                   \
        STORE(rest, v);                                                                            \
        for (int64_t k = i; k < count; k++)                                                        \
            y[k] = rest[k - i];                                                                    \
    } while (0)

static void sigmoid(const float *x, float *y, int64_t count)
{
    EACH_VECTOR(SIGMOID);
}

static void hyperbolic(const float *x, float *y, int64_t count)
{
    EACH_VECTOR(HYPERBOLIC);
}

static void sigmoid_gradient(const float *y, const float *g, float *gx, int64_t count, bool set)
{
    if (set)
        INDEPENDENT
    for (int64_t i = 0; i < count; i++)
        gx[i] = g[i] * y[i] * (1.0f - y[i]);
    else INDEPENDENT for (int64_t i = 0; i < count; i++) gx[i] += g[i] * y[i] * (1.0f - y[i]);
}

static void hyperbolic_gradient(const float *y, const float *g, float *gx, int64_t count, bool set)
{
    if (set)
        INDEPENDENT
    for (int64_t i = 0; i < count; i++)
        gx[i] = g[i] * (1.0f - y[i] * y[i]);
    else INDEPENDENT for (int64_t i = 0; i < count; i++) gx[i] += g[i] * (1.0f - y[i] * y[i]);
}

static void mask(const float *x, const uint8_t *mask_of, float scale, float *y, int64_t count,
                 bool set)
{
    if (set)
        INDEPENDENT
    for (int64_t i = 0; i < count; i++)
        y[i] = mask_of[i] ? x[i] * scale : 0.0f;
    else INDEPENDENT for (int64_t i = 0; i < count; i++) y[i] += mask_of[i] ? x[i] * scale : 0.0f;
}

// ---- Rows -------------------------------------------------------------------------------------

// Rows are short, and their ends would cost more than the rest: the last vector of a row overlaps the
// one before. Eight floats fit the rows of 28, 14 and 7 well.
typedef float eight __attribute__((vector_size(32)));
typedef float loose_eight __attribute__((vector_size(32), aligned(4), may_alias));
#define LOAD_EIGHT(from) (*(const loose_eight *)(from))
#define STORE_EIGHT(to, value) (*(loose_eight *)(to) = (value))

static void copy_rows(const float *from, int64_t pitch, float constant, float *to, int64_t to_pitch,
                      int64_t rows, int64_t count)
{
    for (int64_t r = 0; r < rows; r++, from += pitch, to += to_pitch) {
        int64_t i = 0;
        for (; i + 8 <= count; i += 8)
            STORE_EIGHT(to + i, LOAD_EIGHT(from + i) + constant);
        if (i == count)
            continue;
        if (count >= 8)
            STORE_EIGHT(to + count - 8, LOAD_EIGHT(from + count - 8) + constant);
        else
            for (; i < count; i++)
                to[i] = from[i] + constant;
    }
}

#define EVEN_OF(x)                                                                                 \
    __builtin_shufflevector(LOAD_EIGHT(x), LOAD_EIGHT((x) + 8), 0, 2, 4, 6, 8, 10, 12, 14)

static void take_second(const float *x, int64_t pitch, float *to, int64_t to_pitch, int64_t rows,
                        int64_t count)
{
    for (int64_t r = 0; r < rows; r++, x += pitch, to += to_pitch) {
        int64_t i = 0;
        for (; i + 8 <= count; i += 8)
            STORE_EIGHT(to + i, EVEN_OF(x + 2 * i));
        if (i == count)
            continue;
        if (count >= 8)
            STORE_EIGHT(to + count - 8, EVEN_OF(x + 2 * (count - 8)));
        else
            for (; i < count; i++)
                to[i] = x[2 * i];
    }
}

static void weave(float *restrict x, const float *restrict even, const float *restrict odd,
                  int64_t pairs)
{
    int64_t i = 0;
    for (; i + 8 <= pairs; i += 8) {
        eight a = LOAD_EIGHT(even + i), b = LOAD_EIGHT(odd + i);
        eight low = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
        eight high = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
        STORE_EIGHT(x + 2 * i, LOAD_EIGHT(x + 2 * i) + low);
        STORE_EIGHT(x + 2 * i + 8, LOAD_EIGHT(x + 2 * i + 8) + high);
    }
    for (; i < pairs; i++) {
        x[2 * i] += even[i];
        x[2 * i + 1] += odd[i];
    }
}

// ---- Planes -----------------------------------------------------------------------------------

static void correlate(float *y, const float *x, const int64_t *offsets, const float *weights,
                      int64_t taps, int64_t count)
{
    int64_t i = 0;
    for (; i + 4 * WIDTH <= count; i += 4 * WIDTH) {
        vector s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
        for (int64_t t = 0; t < taps; t++) {
            const float *from = x + offsets[t] + i;
            s0 += weights[t] * LOAD(from);
            s1 += weights[t] * LOAD(from + WIDTH);
            s2 += weights[t] * LOAD(from + 2 * WIDTH);
            s3 += weights[t] * LOAD(from + 3 * WIDTH);
        }
        STORE(y + i, s0);
        STORE(y + i + WIDTH, s1);
        STORE(y + i + 2 * WIDTH, s2);
        STORE(y + i + 3 * WIDTH, s3);
    }
    for (; i < count; i += WIDTH) {
        vector s = {0};
        for (int64_t t = 0; t < taps; t++)
            s += weights[t] * LOAD(x + offsets[t] + i);
        STORE(y + i, s);
    }
}

// Four taps at once: their sums are independent of each other.
static void correlate_gradient(const float *g, const float *x, const int64_t *offsets, int64_t taps,
                               int64_t count, float *products)
{
    for (int64_t t = 0; t < taps; t += 4) {
        vector sums[4][PARTS] = {{{0}}};
        const float *from[4];
        for (int j = 0; j < 4; j++)
            from[j] = x + offsets[t + j < taps ? t + j : t];
        for (int64_t i = 0; i < count; i += LANES)
            for (int k = 0; k < PARTS; k++) {
                vector d = LOAD(g + i + k * WIDTH);
                for (int j = 0; j < 4; j++)
                    sums[j][k] += d * LOAD(from[j] + i + k * WIDTH);
            }
        for (int j = 0; j < 4 && t + j < taps; j++)
            products[t + j] += total(sums[j], 0.0f);
    }
}

static void maximum(const float *x, const int64_t *offsets, int64_t taps, float *y,
                    uint16_t *winners, int64_t count)
{
    for (int64_t i = 0; i < count; i += WIDTH) {
        vector best = ALL(-INFINITY);
        integers winner = {0};
        for (int64_t t = 0; t < taps; t++) {
            vector v = LOAD(x + offsets[t] + i);
            integers larger = (integers)(v > best) | (integers)(v != v);
            best = CHOOSE(larger, v, best);
            winner = (ALL_INTEGERS(t) & larger) | (winner & ~larger);
        }
        STORE(y + i, best);
        if (winners)
            *(halves *)(winners + i) = __builtin_convertvector(winner, halves);
    }
}

static void maximum_gradient(const float *g, const uint16_t *winners, const int64_t *taps,
                             const int64_t *back, int64_t tap_count, float *to, int64_t count)
{
    for (int64_t i = 0; i < count; i += WIDTH) {
        vector s = {0};
        for (int64_t k = 0; k < tap_count; k++) {
            const halves *at = (const halves *)(winners + back[k] + i);
            integers won = __builtin_convertvector(*at, integers) == ALL_INTEGERS(taps[k]);
            s += (vector)((integers)LOAD(g + back[k] + i) & won);
        }
        STORE(to + i, s);
    }
}

// ---- Optimizers -------------------------------------------------------------------------------

static void sgd(float *restrict w, const float *restrict g, int64_t count, float rate, float decay)
{
    for (int64_t i = 0; i < count; i++)
        w[i] -= rate * (g[i] + decay * w[i]);
}

static void momentum(float *restrict w, const float *restrict g, float *restrict v, int64_t count,
                     float rate, float keep, float decay, bool nesterov)
{
    if (nesterov) {
        for (int64_t i = 0; i < count; i++) {
            float step = g[i] + decay * w[i];
            v[i] = keep * v[i] + step;
            w[i] -= rate * (step + keep * v[i]);
        }
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        v[i] = keep * v[i] + (g[i] + decay * w[i]);
        w[i] -= rate * v[i];
    }
}

static void adamw(float *restrict w, const float *restrict g, float *restrict m, float *restrict v,
                  int64_t count, float rate, float correction, float beta1, float beta2,
                  float epsilon, float keep)
{
    for (int64_t i = 0; i < count; i++) {
        m[i] = beta1 * m[i] + (1.0f - beta1) * g[i];
        v[i] = beta2 * v[i] + (1.0f - beta2) * g[i] * g[i];
        w[i] = keep * w[i] - rate * m[i] / (sqrtf(v[i]) * correction + epsilon);
    }
}

static void adam(float *restrict w, const float *restrict g, float *restrict m, float *restrict v,
                 int64_t count, float rate, float correction, float beta1, float beta2,
                 float epsilon, float decay)
{
    for (int64_t i = 0; i < count; i++) {
        float step = g[i] + decay * w[i];
        m[i] = beta1 * m[i] + (1.0f - beta1) * step;
        v[i] = beta2 * v[i] + (1.0f - beta2) * step * step;
        w[i] -= rate * m[i] / (sqrtf(v[i]) * correction + epsilon);
    }
}

const struct loops LOOPS = {
    .sum = sum,
    .squares = squares,
    .products = products,
    .gradient_sums = gradient_sums,
    .add = add,
    .sum_of_two = sum_of_two,
    .multiply = multiply,
    .scale = scale,
    .add_constant = add_constant,
    .divide = divide,
    .normalize = normalize,
    .normalize_gradient = normalize_gradient,
    .relu = relu,
    .relu_gradient = relu_gradient,
    .sigmoid = sigmoid,
    .sigmoid_gradient = sigmoid_gradient,
    .tanh = hyperbolic,
    .tanh_gradient = hyperbolic_gradient,
    .mask = mask,
    .copy_rows = copy_rows,
    .take_second = take_second,
    .weave = weave,
    .correlate = correlate,
    .correlate_gradient = correlate_gradient,
    .maximum = maximum,
    .maximum_gradient = maximum_gradient,
    .sgd = sgd,
    .momentum = momentum,
    .adamw = adamw,
    .adam = adam,
};
