// SPDX-License-Identifier: Apache-2.0
// Element-wise kernels, activations, what scales planes and samples, layouts and optimizers of every
// table against double-precision loops, with the same bits from all tables.
#include "kernels_board.h"

// Counts that fill no vector, one vector, several and a rest.
static const int64_t counts[] = {0, 1, 7, 16, 24, 173, 5000};

#define EACH_TABLE(k)                                                                              \
    for (int i_ = 0, count_ = tables_of_processor(tables); i_ < count_; i_++)                      \
        for (const struct kernels *k = tables[i_], *once_ = k; once_; once_ = NULL)

static double *doubles(int64_t count)
{
    double *x = calloc((size_t)count + 1, sizeof *x);
    cr_assert(x);
    return x;
}

static float *copied(const float *from, int64_t count)
{
    float *to = room(count);
    memcpy(to, from, (size_t)count * sizeof *to);
    return to;
}

// ---- Flat -------------------------------------------------------------------------------------

struct board {
    int64_t count;
    float *a, *b, *c;
    uint8_t *mask;
};

static struct board board_of(int64_t count)
{
    struct board board = {count, numbers(1, count, 1.0f, 0.0f), numbers(2, count, 1.0f, 0.0f),
                          numbers(3, count, 1.0f, 0.0f), calloc((size_t)count + 1, 1)};
    for (int64_t i = 0; i < count; i++)
        board.mask[i] = board.c[i] > 0.0f;
    if (count > 20) {
        board.a[3] = NAN;
        board.a[4] = -0.0f;
        board.a[count - 1] = NAN;
        board.a[count - 2] = -0.0f;
        board.b[count - 2] = -0.0f;
    }
    return board;
}

static double passed_by(float y, float g)
{
    return y <= 0.0f ? 0.0 : (double)g;
}

// One result of one table, to be compared with `expected`.
typedef void (*flat)(const struct kernels *k, const struct board *b, float *y, bool add);
typedef double (*one)(const struct board *b, int64_t i);

static void run_relu(const struct kernels *k, const struct board *b, float *y, bool add)
{
    float *to = add ? room(b->count) : y;
    k->relu(b->a, to, b->count);
    if (add) {
        k->accumulate(y, to, b->count);
        free(to);
    }
}

static double one_relu(const struct board *b, int64_t i)
{
    return b->a[i] < 0.0f ? 0.0 : (double)b->a[i];
}

static void run_relu_gradient(const struct kernels *k, const struct board *b, float *y, bool add)
{
    k->relu_gradient(b->a, b->b, y, b->count, add);
}

static double one_relu_gradient(const struct board *b, int64_t i)
{
    return passed_by(b->a[i], b->b[i]);
}

static void run_multiply(const struct kernels *k, const struct board *b, float *y, bool add)
{
    k->multiply(b->a, b->b, y, b->count, add);
}

static double one_multiply(const struct board *b, int64_t i)
{
    return (double)b->a[i] * (double)b->b[i];
}

static void run_scale(const struct kernels *k, const struct board *b, float *y, bool add)
{
    k->scale(b->a, 1.7f, y, b->count, add);
}

static double one_scale(const struct board *b, int64_t i)
{
    return (double)b->a[i] * (double)1.7f;
}

static void run_mask(const struct kernels *k, const struct board *b, float *y, bool add)
{
    k->mask(b->a, b->mask, 1.25f, y, b->count, add);
}

static double one_mask(const struct board *b, int64_t i)
{
    return b->mask[i] ? 1.25 * (double)b->a[i] : 0.0;
}

static const struct {
    const char *name;
    flat run;
    one expected;
} flats[] = {
    {"relu", run_relu, one_relu},
    {"relu gradient", run_relu_gradient, one_relu_gradient},
    {"multiply", run_multiply, one_multiply},
    {"scale", run_scale, one_scale},
    {"mask", run_mask, one_mask},
};

Test(elements, flat_kernels_are_as_the_loops)
{
    const struct kernels *tables[4];
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (size_t f = 0; f < sizeof flats / sizeof *flats; f++)
            for (int add = 0; add <= 1; add++) {
                struct board b = board_of(counts[c]);
                double *expected = doubles(b.count);
                float *first = NULL;
                for (int64_t i = 0; i < b.count; i++)
                    expected[i] = flats[f].expected(&b, i) + (add ? (double)b.c[i] : 0.0);
                EACH_TABLE(k)
                {
                    float *y = copied(b.c, b.count);
                    flats[f].run(k, &b, y, add);
                    assert_near(flats[f].name, k, y, expected, b.count, 1e-6);
                    assert_same_bits(flats[f].name, k, &first, y, b.count);
                }
                free(first), free(expected), free(b.a), free(b.b), free(b.c), free(b.mask);
            }
}

Test(elements, sums_of_several_and_their_relu)
{
    const struct kernels *tables[4];
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (int terms = 1; terms <= 8; terms++) {
            int64_t count = counts[c];
            float *x[8], *first = NULL;
            double *expected = doubles(2 * count);
            for (int t = 0; t < 8; t++)
                x[t] = numbers((uint64_t)t, count, 1.0f, 0.0f);
            for (int64_t i = 0; i < count; i++) {
                for (int t = 0; t < terms; t++)
                    expected[i] += (double)x[t][i];
                expected[count + i] = expected[i] < 0.0 ? 0.0 : expected[i];
            }
            EACH_TABLE(k)
            {
                float *both = room(2 * count), *alone = room(count);
                k->sum((const float *const *)x, terms, both, both + count, count);
                assert_near("sum", k, both, expected, 2 * count, 2e-6);
                k->sum((const float *const *)x, terms, NULL, alone, count);
                cr_assert_arr_eq(alone, both + count, (size_t)count * sizeof *alone);
                // In place of its first input.
                memcpy(alone, x[0], (size_t)count * sizeof *alone);
                const float *in_place[8] = {alone, x[1], x[2], x[3], x[4], x[5], x[6], x[7]};
                k->sum(in_place, terms, alone, NULL, count);
                cr_assert_arr_eq(alone, both, (size_t)count * sizeof *alone);
                free(alone);
                assert_same_bits("sum", k, &first, both, 2 * count);
            }
            for (int t = 0; t < 8; t++)
                free(x[t]);
            free(first), free(expected);
        }
}

Test(elements, sum_of_squares)
{
    const struct kernels *tables[4];
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        float *x = numbers(1, counts[c], 2.0f, 1.0f);
        double expected = 0.0, first = -1.0;
        for (int64_t i = 0; i < counts[c]; i++)
            expected += (double)x[i] * (double)x[i];
        EACH_TABLE(k)
        {
            double found = k->squares(x, counts[c]);
            cr_assert(fabs(found - expected) <= 1e-6 * expected, "%g, not %g", found, expected);
            cr_assert(first < 0.0 || found == first, "other bits");
            first = found;
        }
        free(x);
    }
}

// ---- Activations ------------------------------------------------------------------------------

static double hard(double x)
{
    return x < 0.0 ? 0.0 : x > 1.0 ? 1.0 : x;
}

static double normal_below(double x)
{
    return 0.5 * erfc(-x / sqrt(2.0));
}

static double value_of(enum activation kind, double a, double b, double x)
{
    switch (kind) {
    case ACTIVATION_RELU:
        return x < 0.0 ? 0.0 : x;
    case ACTIVATION_LEAKY_RELU:
        return x < 0.0 ? a * x : x;
    case ACTIVATION_ELU:
        return x < 0.0 ? a * expm1(x) : x;
    case ACTIVATION_CLIP:
        return x < a ? a : x > b ? b : x;
    case ACTIVATION_SIGMOID:
        return 1.0 / (1.0 + exp(-x));
    case ACTIVATION_HARD_SIGMOID:
        return hard(a * x + b);
    case ACTIVATION_HARD_SWISH:
        return x * hard(x / 6.0 + 0.5);
    case ACTIVATION_SWISH:
        return x / (1.0 + exp(-x));
    case ACTIVATION_GELU:
        return x * normal_below(x);
    case ACTIVATION_TANH:
        return tanh(x);
    }
    return 0.0;
}

static double slope_of(enum activation kind, double a, double b, double x)
{
    double s = 1.0 / (1.0 + exp(-x));
    switch (kind) {
    case ACTIVATION_RELU:
        return x <= 0.0 ? 0.0 : 1.0;
    case ACTIVATION_LEAKY_RELU:
        return x < 0.0 ? a : 1.0;
    case ACTIVATION_ELU:
        return x < 0.0 ? a * exp(x) : 1.0;
    case ACTIVATION_CLIP:
        return x > a && x < b ? 1.0 : 0.0;
    case ACTIVATION_SIGMOID:
        return s * (1.0 - s);
    case ACTIVATION_HARD_SIGMOID:
        return a * x + b > 0.0 && a * x + b < 1.0 ? a : 0.0;
    case ACTIVATION_HARD_SWISH:
        return x <= -3.0 ? 0.0 : x >= 3.0 ? 1.0 : x / 3.0 + 0.5;
    case ACTIVATION_SWISH:
        return s * (1.0 + x * (1.0 - s));
    case ACTIVATION_GELU:
        return normal_below(x) + x * exp(-0.5 * x * x) / sqrt(2.0 * 3.14159265358979);
    case ACTIVATION_TANH:
        return 1.0 - tanh(x) * tanh(x);
    }
    return 0.0;
}

// Numbers from far below to far above, small ones, and none.
static float *spread_numbers(int64_t count)
{
    float *x = numbers(1, count, 1.0f, 0.0f);
    for (int64_t i = 0; i < count; i++)
        x[i] *= i % 5 == 0 ? 30.0f : i % 5 == 1 ? 1e-4f : i % 5 == 2 ? 4.0f : 1.0f;
    x[0] = NAN;
    x[1] = 120.0f;
    x[2] = -120.0f;
    return x;
}

Test(activations, values_and_slopes_are_as_the_loops)
{
    const struct kernels *tables[4];
    static const float numbers_of[ACTIVATION_TANH + 1][2] = {
        [ACTIVATION_LEAKY_RELU] = {0.01f, 0.0f},
        [ACTIVATION_ELU] = {1.3f, 0.0f},
        [ACTIVATION_CLIP] = {0.5f, 6.0f}, // not 0 at 0
        [ACTIVATION_HARD_SIGMOID] = {0.2f, 0.5f},
    };
    struct blocked shape = {3, 21, 13, 11};
    int64_t count = elements(&shape);
    for (enum activation kind = ACTIVATION_RELU; kind <= ACTIVATION_TANH; kind++)
        for (int add = 0; add <= 1; add++) {
            float *x = spread_numbers(count), *g = numbers(2, count, 1.0f, 0.0f);
            float *before = numbers(3, count, 1.0f, 0.0f), *first = NULL, *first_gx = NULL;
            double *y = doubles(count), *gx = doubles(count);
            float alpha = numbers_of[kind][0], beta = numbers_of[kind][1];
            for (int64_t i = 0; i < count; i++) {
                y[i] = value_of(kind, (double)alpha, (double)beta, (double)x[i]);
                gx[i] = slope_of(kind, (double)alpha, (double)beta, (double)x[i]) * (double)g[i] +
                        (add ? (double)before[i] : 0.0);
                // A comparison with what is no number says no, and a step is all that depends on it.
                if (isnan(x[i]))
                    gx[i] =
                        (kind == ACTIVATION_CLIP || kind == ACTIVATION_HARD_SIGMOID ? 0.0 : gx[i]) +
                        (add && (kind == ACTIVATION_CLIP || kind == ACTIVATION_HARD_SIGMOID)
                             ? (double)before[i]
                             : 0.0);
            }
            EACH_TABLE(k)
            {
                float *in = into_blocks(&shape, k->block, x), *d = into_blocks(&shape, k->block, g);
                float *out = into_blocks(&shape, k->block, x);
                float *to = into_blocks(&shape, k->block, before);
                k->activate(kind, alpha, beta, &shape, out, out);
                k->activate_gradient(kind, alpha, beta, &shape, in, d, to, add);
                out = out_of_blocks(&shape, k->block, out);
                to = out_of_blocks(&shape, k->block, to);
                assert_near("value", k, out, y, count, 3e-7);
                assert_near("slope", k, to, gx, count, 2e-6);
                assert_same_bits("value", k, &first, out, count);
                assert_same_bits("slope", k, &first_gx, to, count);
                free(in), free(d);
            }
            // Small values keep their digits.
            for (int64_t i = 3; i < count; i++)
                if (fabs(y[i]) > 1e-30 && kind != ACTIVATION_HARD_SIGMOID &&
                    kind != ACTIVATION_HARD_SWISH)
                    cr_assert(fabs((double)first[i] / y[i] - 1.0) < 6e-6, "%d: %g of %g, not %g",
                              kind, (double)first[i], (double)x[i], y[i]);
            free(x), free(g), free(before), free(first), free(first_gx), free(y), free(gx);
        }
}

// ---- Planes and samples -----------------------------------------------------------------------

Test(planes, scaled_by_plane_and_by_sample)
{
    const struct kernels *tables[4];
    struct blocked shape = {3, 19, 5, 7}, ones = {3, 19, 1, 1};
    int64_t count = elements(&shape), planes = 3 * 19, pixels = 35;
    for (int add = 0; add <= 1; add++) {
        float *x = numbers(1, count, 1.0f, 0.0f), *by = numbers(2, planes, 1.0f, 0.0f);
        float *g = numbers(3, count, 1.0f, 0.0f), *before = numbers(4, count, 1.0f, 0.0f);
        static const float factors[3] = {1.25f, 0.0f, 2.0f};
        double *y = doubles(count), *gx = doubles(count), *g_by = doubles(planes);
        double *samples = doubles(count);
        float *first[4] = {NULL};
        x[count / 3] = NAN; // of the sample that is dropped
        for (int64_t i = 0; i < count; i++) {
            double old = add ? (double)before[i] : 0.0, factor = (double)factors[i / pixels / 19];
            y[i] = (double)x[i] * (double)by[i / pixels] + old;
            gx[i] = (double)g[i] * (double)by[i / pixels] + old;
            g_by[i / pixels] += (double)g[i] * (double)x[i];
            samples[i] = (factor == 0.0 ? 0.0 : (double)x[i] * factor) + old;
        }
        EACH_TABLE(k)
        {
            int64_t block = k->block;
            float *in = into_blocks(&shape, block, x), *d = into_blocks(&shape, block, g);
            float *b = into_blocks(&ones, block, by), *out[4];
            for (int i = 0; i < 3; i++)
                out[i] = into_blocks(&shape, block, before);
            out[3] = room(blocked_size(&ones, block));
            k->scale_planes(&shape, in, b, out[0], add);
            k->scale_planes_gradient(&shape, in, b, d, out[1], add, out[3]);
            k->scale_samples(&shape, in, factors, out[2], add);
            for (int i = 0; i < 4; i++)
                out[i] = out_of_blocks(i == 3 ? &ones : &shape, block, out[i]);
            assert_near("planes", k, out[0], y, count, 1e-6);
            assert_near("gx", k, out[1], gx, count, 1e-6);
            assert_near("samples", k, out[2], samples, count, 1e-6);
            assert_near("factors", k, out[3], g_by, planes, 3e-6);
            for (int i = 0; i < 4; i++)
                assert_same_bits("planes", k, &first[i], out[i], i == 3 ? planes : count);
            free(in), free(d), free(b);
        }
        for (int i = 0; i < 4; i++)
            free(first[i]);
        free(x), free(by), free(g), free(before), free(y), free(gx), free(g_by), free(samples);
    }
}

// ---- Layouts ----------------------------------------------------------------------------------

Test(layouts, blocked_and_back)
{
    static const struct blocked shapes[] = {
        {1, 1, 1, 1}, {2, 3, 28, 28}, {2, 16, 9, 9}, {3, 37, 5, 13}, {1, 32, 8, 8},
    };
    const struct kernels *tables[4];
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        EACH_TABLE(k)
        {
            int64_t count = elements(&shapes[s]), size = blocked_size(&shapes[s], k->block);
            float *x = numbers(1, count, 1.0f, 0.0f), *y = numbers(2, size, 1.0f, 0.0f);
            float *back = numbers(3, count, 1.0f, 0.0f), *before = copied(back, count);
            k->block_nchw(&shapes[s], x, y);
            float *expected = into_blocks(&shapes[s], k->block, x);
            cr_assert_arr_eq(y, expected, (size_t)size * sizeof *y);
            k->unblock_nchw(&shapes[s], y, back, true);
            for (int64_t i = 0; i < count; i++)
                cr_assert(back[i] == before[i] + x[i]);
            k->unblock_nchw(&shapes[s], y, back, false);
            cr_assert_arr_eq(back, x, (size_t)count * sizeof *x);
            free(x), free(y), free(back), free(before), free(expected);
        }
}

// Channels from any place to any place: what a Concat and a Slice do.
Test(layouts, channels_copied)
{
    static const int64_t counts_of[] = {1, 4, 8, 12, 16, 21, 36};
    const struct kernels *tables[4];
    for (size_t c = 0; c < sizeof counts_of / sizeof *counts_of; c++)
        for (int64_t from_first = 0; from_first <= 20; from_first += 5)
            for (int64_t to_first = 0; to_first <= 24; to_first += 4)
                for (int add = 0; add <= 1; add++) {
                    struct blocked a = {2, from_first + counts_of[c] + 3, 3, 5};
                    struct blocked b = {2, to_first + counts_of[c] + 1, 3, 5};
                    float *x = numbers(1, elements(&a), 1.0f, 0.0f);
                    float *y = numbers(2, elements(&b), 1.0f, 0.0f), *first = NULL;
                    EACH_TABLE(k)
                    {
                        float *from = into_blocks(&a, k->block, x);
                        float *to = into_blocks(&b, k->block, y);
                        k->copy_channels(&a, from, from_first, &b, to, to_first, counts_of[c], add);
                        to = out_of_blocks(&b, k->block, to);
                        for (int64_t i = 0; i < elements(&b); i++) {
                            int64_t n = i / 15 / b.channels, at = i / 15 % b.channels - to_first;
                            float e = y[i];
                            if (at >= 0 && at < counts_of[c]) {
                                float v = x[(n * a.channels + from_first + at) * 15 + i % 15];
                                e = add ? e + v : v;
                            }
                            cr_assert(to[i] == e, "%s: element %d", k->name, (int)i);
                        }
                        assert_same_bits("channels", k, &first, to, elements(&b));
                        free(from);
                    }
                    free(x), free(y), free(first);
                }
}

// ---- Optimizers -------------------------------------------------------------------------------

// Three steps of each, against the formulas in double precision.
Test(optimizers, steps_are_the_formulas)
{
    const struct kernels *tables[4];
    int64_t count = 173;
    for (int variant = 0; variant < 5; variant++) {
        float *w = numbers(1, count, 1.0f, 0.0f), *first = NULL;
        double *v = doubles(count), *m = doubles(count), *expected = doubles(count);
        struct sgd sgd = {0.1f, variant ? 0.9f : 0.0f, 0.01f, variant == 2};
        struct adam adam = {0.01f,
                            1.0f,
                            0.9f,
                            0.999f,
                            1e-8f,
                            variant == 3 ? 0.999f : 1.0f,
                            variant == 3 ? 0.0f : 0.05f};
        for (int64_t i = 0; i < count; i++) {
            expected[i] = (double)w[i];
            for (int step = 1; step <= 3; step++) {
                double g = sin((double)i * step) +
                           (double)(variant < 3 ? sgd.decay : adam.decay) * expected[i];
                if (variant < 3) {
                    v[i] = (double)sgd.momentum * v[i] + g;
                    double by = variant == 2 ? g + (double)sgd.momentum * v[i] : v[i];
                    expected[i] -= (double)sgd.rate * by;
                    continue;
                }
                m[i] = (double)adam.beta1 * m[i] + (1.0 - (double)adam.beta1) * g;
                v[i] = (double)adam.beta2 * v[i] + (1.0 - (double)adam.beta2) * g * g;
                expected[i] = (double)adam.keep * expected[i] -
                              (double)adam.rate * m[i] /
                                  (sqrt(v[i]) * (double)adam.correction + (double)adam.epsilon);
            }
        }
        EACH_TABLE(k)
        {
            float *to = copied(w, count), *a = room(count), *b = room(count), *g = room(count);
            for (int step = 1; step <= 3; step++) {
                for (int64_t i = 0; i < count; i++)
                    g[i] = (float)sin((double)i * step);
                if (variant < 3)
                    k->sgd(&sgd, to, g, variant ? a : NULL, count);
                else
                    k->adam(&adam, to, g, a, b, count);
            }
            assert_near("weights", k, to, expected, count, variant < 3 ? 2e-6 : 2e-5);
            assert_same_bits("weights", k, &first, to, count);
            free(a), free(b), free(g);
        }
        free(w), free(first), free(v), free(m), free(expected);
    }
}

// ---- The choice -------------------------------------------------------------------------------

Test(tables, are_complete_and_chosen_by_block)
{
    const struct kernels *tables[4];
    EACH_TABLE(k)
    {
        // Behind name and block all are functions.
        void (*const *function)(void) = (void (*const *)(void)) & k->norm_forward;
        size_t bytes = sizeof *k - offsetof(struct kernels, norm_forward);
        for (size_t i = 0; i < bytes / sizeof *function; i++)
            cr_assert(function[i], "%s: function %d", k->name, (int)i);
    }
    cr_assert_eq(kernels_of_block(8)->block, 8);
    cr_assert_eq(kernels_of_block(16)->block, 16);
    cr_assert_null(kernels_of_block(4));
    const struct kernels *chosen = kernels_choose();
    cr_assert_eq(chosen, kernels_of_block(chosen->block));
}
