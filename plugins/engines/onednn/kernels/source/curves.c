// SPDX-License-Identifier: Apache-2.0
// Activations, their slopes, and what scales a plane or a sample. Where a curve is not 0 at 0 the
// lanes beyond the channels are set to 0 again.
#include "../kernels.h"
#include "vectors.h"

// ---- Functions made of series -----------------------------------------------------------------

// e^x - 1 of |x| <= 87, beyond which it stays: with n = round(x / ln 2) and r = x - n ln 2,
// 2^n (e^r - 1) + (2^n - 1); the series of e^r - 1 to the seventh power is within 5e-9. ln 2 is taken in
// two parts, of which the first times n is exact.
struct power {
    vector times, less; // 2^n, and e^r - 1
};

INLINE struct power power_of(vector x)
{
    const float magic = 12582912.0f; // 1.5 x 2^23: adding it rounds to an integer
    x = choose((integers)(x > 87.0f), ALL(87.0f), x);
    x = choose((integers)(x < -87.0f), ALL(-87.0f), x);
    vector n = x * 1.44269504f + magic;
    integers exponent = ((integers)n - (integers)ALL(magic) + 127) << 23;
    n -= magic;
    vector r = x - n * 0.693359375f + n * 2.12194440e-4f;
    vector p = r * (1.0f / 5040.0f) + 1.0f / 720.0f;
    p = p * r + 1.0f / 120.0f;
    p = p * r + 1.0f / 24.0f;
    p = p * r + 1.0f / 6.0f;
    p = p * r + 0.5f;
    return (struct power){(vector)exponent, p * r * r + r};
}

INLINE vector exponential(vector x)
{
    struct power p = power_of(x);
    return p.times * (1.0f + p.less);
}

INLINE vector exponential_less_one(vector x)
{
    struct power p = power_of(x);
    return p.times * p.less + (p.times - 1.0f);
}

INLINE vector sigmoid(vector x)
{
    return 1.0f / (1.0f + exponential(-x));
}

INLINE vector hyperbolic_tangent(vector x)
{
    vector e = exponential_less_one(x + x);
    return e / (e + 2.0f);
}

// Phi(x) = erfc(-x / sqrt 2) / 2, and with e = e^(-x^2 / 2) for both: erfc(z) = e^(-z^2) t P(t),
// t = 1 / (1 + z / 2), where P is a least-maximum fit of the relative error on [0, 10], 5e-8 in single
// precision.
struct normal {
    vector below, bell; // Phi(x), e^(-x^2 / 2)
};

INLINE struct normal normal_of(vector x)
{
    vector z = choose((integers)(x < 0.0f), -x, x) * 0.70710678f;
    vector t = 1.0f / (1.0f + 0.5f * z), bell = exponential(-0.5f * x * x);
    vector p = t * -0.0590652f + 0.28455797f;
    p = p * t - 0.48716727f;
    p = p * t + 0.2780325f;
    p = p * t - 0.026603455f;
    p = p * t + 0.2026781f;
    p = p * t + 0.24310584f;
    p = p * t + 0.28237504f;
    p = p * t + 0.28208643f;
    vector tail = 0.5f * bell * t * p;
    return (struct normal){choose((integers)(x < 0.0f), tail, 1.0f - tail), bell};
}

// ---- Values and slopes ------------------------------------------------------------------------

INLINE vector clipped(vector x, float low, float high)
{
    x = choose((integers)(x < low), ALL(low), x);
    return choose((integers)(x > high), ALL(high), x);
}

INLINE vector where(integers mask, float yes, float no)
{
    return choose(mask, ALL(yes), ALL(no));
}

// `kind` is a constant where these are inlined.
INLINE vector value_of(enum activation kind, float alpha, float beta, vector x)
{
    switch (kind) {
    case ACTIVATION_RELU:
        return rectified(x);
    case ACTIVATION_LEAKY_RELU:
        return choose((integers)(x < 0.0f), alpha * x, x);
    case ACTIVATION_ELU:
        return choose((integers)(x < 0.0f), alpha * exponential_less_one(x), x);
    case ACTIVATION_CLIP:
        return clipped(x, alpha, beta);
    case ACTIVATION_SIGMOID:
        return sigmoid(x);
    case ACTIVATION_HARD_SIGMOID:
        return clipped(beta + alpha * x, 0.0f, 1.0f);
    case ACTIVATION_HARD_SWISH:
        return clipped(x / 6.0f + 0.5f, 0.0f, 1.0f) * x;
    case ACTIVATION_SWISH:
        return x * sigmoid(x);
    case ACTIVATION_GELU:
        return x * normal_of(x).below;
    case ACTIVATION_TANH:
        return hyperbolic_tangent(x);
    }
    return x;
}

INLINE vector slope_of(enum activation kind, float alpha, float beta, vector x)
{
    vector v;
    switch (kind) {
    case ACTIVATION_RELU:
        return where((integers)(x <= 0.0f), 0.0f, 1.0f);
    case ACTIVATION_LEAKY_RELU:
        return where((integers)(x < 0.0f), alpha, 1.0f);
    case ACTIVATION_ELU:
        return choose((integers)(x < 0.0f), alpha * exponential(x), ALL(1.0f));
    case ACTIVATION_CLIP:
        return where((integers)(x > alpha) & (integers)(x < beta), 1.0f, 0.0f);
    case ACTIVATION_SIGMOID:
        v = sigmoid(x);
        return v * (1.0f - v);
    case ACTIVATION_HARD_SIGMOID:
        v = beta + alpha * x;
        return where((integers)(v > 0.0f) & (integers)(v < 1.0f), alpha, 0.0f);
    case ACTIVATION_HARD_SWISH:
        v = choose((integers)(x >= 3.0f), ALL(1.0f), x / 3.0f + 0.5f);
        return choose((integers)(x <= -3.0f), ALL(0.0f), v);
    case ACTIVATION_SWISH:
        v = sigmoid(x);
        return v * (1.0f + x * (1.0f - v));
    case ACTIVATION_GELU: {
        struct normal normal = normal_of(x);
        return normal.below + x * 0.39894228f * normal.bell;
    }
    case ACTIVATION_TANH:
        v = hyperbolic_tangent(x);
        return 1.0f - v * v;
    }
    return x;
}

#define CASES(CALL)                                                                                \
    switch (kind) {                                                                                \
    case ACTIVATION_RELU:                                                                          \
        CALL(ACTIVATION_RELU);                                                                     \
        break;                                                                                     \
    case ACTIVATION_LEAKY_RELU:                                                                    \
        CALL(ACTIVATION_LEAKY_RELU);                                                               \
        break;                                                                                     \
    case ACTIVATION_ELU:                                                                           \
        CALL(ACTIVATION_ELU);                                                                      \
        break;                                                                                     \
    case ACTIVATION_CLIP:                                                                          \
        CALL(ACTIVATION_CLIP);                                                                     \
        break;                                                                                     \
    case ACTIVATION_SIGMOID:                                                                       \
        CALL(ACTIVATION_SIGMOID);                                                                  \
        break;                                                                                     \
    case ACTIVATION_HARD_SIGMOID:                                                                  \
        CALL(ACTIVATION_HARD_SIGMOID);                                                             \
        break;                                                                                     \
    case ACTIVATION_HARD_SWISH:                                                                    \
        CALL(ACTIVATION_HARD_SWISH);                                                               \
        break;                                                                                     \
    case ACTIVATION_SWISH:                                                                         \
        CALL(ACTIVATION_SWISH);                                                                    \
        break;                                                                                     \
    case ACTIVATION_GELU:                                                                          \
        CALL(ACTIVATION_GELU);                                                                     \
        break;                                                                                     \
    case ACTIVATION_TANH:                                                                          \
        CALL(ACTIVATION_TANH);                                                                     \
        break;                                                                                     \
    }

static void activate(enum activation kind, float alpha, float beta, const struct blocked *shape,
                     const float *x, float *y)
{
    int64_t blocks = blocked_blocks(shape, BLOCK), size = shape->height * shape->width * BLOCK;
    for (int64_t i = 0; i < shape->batch * blocks; i++, x += size, y += size) {
        integers lanes = lane_mask(lanes_of(shape->channels, i % blocks));
#define ROWS(constant)                                                                             \
    for (int64_t at = 0; at < size; at += BLOCK)                                                   \
    STORE(y + at, (vector)((integers)value_of(constant, alpha, beta, LOAD(x + at)) & lanes))
        CASES(ROWS)
#undef ROWS
    }
}

INLINE void put(float *to, vector value, bool add)
{
    STORE(to, add ? LOAD(to) + value : value);
}

// The lanes beyond the channels have no gradient to pass.
static void activate_gradient(enum activation kind, float alpha, float beta,
                              const struct blocked *shape, const float *x, const float *g,
                              float *gx, bool add)
{
    int64_t size = blocked_size(shape, BLOCK);
#define ROWS(constant)                                                                             \
    for (int64_t at = 0; at < size; at += BLOCK)                                                   \
    put(gx + at, LOAD(g + at) * slope_of(constant, alpha, beta, LOAD(x + at)), add)
    CASES(ROWS)
#undef ROWS
}

// ---- Planes and samples -----------------------------------------------------------------------

static void scale_planes(const struct blocked *shape, const float *x, const float *by, float *y,
                         bool add)
{
    int64_t planes = shape->batch * blocked_blocks(shape, BLOCK);
    int64_t size = shape->height * shape->width * BLOCK;
    for (int64_t i = 0; i < planes; i++, x += size, y += size) {
        vector factor = LOAD(by + i * BLOCK);
        for (int64_t at = 0; at < size; at += BLOCK)
            put(y + at, LOAD(x + at) * factor, add);
    }
}

static void scale_planes_gradient(const struct blocked *shape, const float *x, const float *by,
                                  const float *g, float *gx, bool add, float *g_by)
{
    int64_t planes = shape->batch * blocked_blocks(shape, BLOCK);
    int64_t size = shape->height * shape->width * BLOCK;
    for (int64_t i = 0; i < planes; i++, x += size, g += size) {
        vector factor = LOAD(by + i * BLOCK), sums[4] = {{0}};
        for (int64_t at = 0, k = 0; g_by && at < size; at += BLOCK, k = (k + 1) % 4)
            sums[k] += LOAD(g + at) * LOAD(x + at);
        for (int64_t at = 0; gx && at < size; at += BLOCK)
            put(gx + i * size + at, LOAD(g + at) * factor, add);
        if (g_by)
            STORE(g_by + i * BLOCK, (sums[0] + sums[1]) + (sums[2] + sums[3]));
    }
}

static void scale_samples(const struct blocked *shape, const float *x, const float *factors,
                          float *y, bool add)
{
    int64_t size = blocked_size(shape, BLOCK) / shape->batch;
    for (int64_t n = 0; n < shape->batch; n++, x += size, y += size)
        for (int64_t at = 0; at < size; at += BLOCK)
            put(y + at, factors[n] == 0.0f ? (vector){0} : LOAD(x + at) * factors[n], add);
}
