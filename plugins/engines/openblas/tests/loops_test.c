// SPDX-License-Identifier: Apache-2.0
// The loops of every instruction set give the same bits, for counts that fill no vector and at any
// address; and the functions made of series are as exact as they say.
#include "loops.h"

#include <espalier/random.h>

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 173 // no multiple of any vector
#define SPAN 176  // a multiple of LANES
#define ROOM 512

// Numbers to work on, and what came out of all loops, one after the other.
struct board {
    float a[ROOM], b[ROOM], c[ROOM], d[ROOM];
    uint8_t mask[ROOM];
    uint16_t winners[ROOM];
    float results[64][ROOM];
    int used;
};

static struct board *board_create(void)
{
    struct board *board = calloc(1, sizeof *board);
    cr_assert(board);
    esp_random random = esp_random_stream(1, 2, 0, 0, 0);
    for (int i = 0; i < ROOM; i++) {
        board->a[i] = (float)esp_random_normal(&random);
        board->b[i] = (float)esp_random_normal(&random);
        board->c[i] = (float)(0.1 + esp_random_real(&random));
        board->d[i] = (float)esp_random_normal(&random);
        board->mask[i] = esp_random_real(&random) < 0.5;
        board->winners[i] = (uint16_t)esp_random_below(&random, 9);
    }
    board->a[20] = board->a[21]; // equal maxima
    board->a[57] = NAN;
    board->a[90] = INFINITY;
    board->a[91] = -INFINITY;
    return board;
}

// The next result, which begins as `from`.
static float *next(struct board *board, const float *from)
{
    cr_assert_lt(board->used, 64);
    float *result = board->results[board->used++];
    memcpy(result, from, sizeof board->results[0]);
    return result;
}

static void run_sums(const struct loops *loops, struct board *board)
{
    struct affine plain = {1.5f, -0.2f, false}, relu = {1.5f, -0.2f, true};
    float *y = next(board, board->b);
    y[0] = loops->sum(board->b, COUNT);
    y[1] = loops->sum(board->b + 1, 7);
    y[2] = loops->squares(board->b + 3, 0.25f, COUNT);
    y[7] = loops->products(board->b, board->d + 1, COUNT);
    loops->gradient_sums(board->b, board->d, 0.25f, plain, COUNT, &y[3], &y[4]);
    loops->gradient_sums(board->b, board->d, 0.25f, relu, COUNT, &y[5], &y[6]);
}

static void run_elements(const struct loops *loops, struct board *b)
{
    struct slope slope = {0.3f, -0.1f, 0.7f, 1.3f};
    float *y;
    loops->add(next(b, b->d), b->a + 1, COUNT);
    loops->sum_of_two(b->a, b->b + 3, next(b, b->d), COUNT);
    y = next(b, b->d);
    loops->add_constant(y, 0.3f, y, COUNT);
    loops->divide(next(b, b->d), b->c, COUNT);
    loops->relu(b->a, next(b, b->d), COUNT);
    y = next(b, b->a);
    loops->relu(y, y, COUNT);
    loops->sigmoid(b->a, next(b, b->d), COUNT);
    loops->tanh(b->a + 1, next(b, b->d), COUNT);
    for (int set = 0; set < 2; set++) {
        loops->relu_gradient(b->a, b->b, next(b, b->d), COUNT, set);
        loops->sigmoid_gradient(b->a, b->b, next(b, b->d), COUNT, set);
        loops->tanh_gradient(b->a, b->b, next(b, b->d), COUNT, set);
        loops->multiply(b->a, b->b + 1, next(b, b->d), COUNT, set);
        loops->scale(b->a, 0.7f, next(b, b->d), COUNT, set);
        loops->mask(b->a, b->mask, 1.25f, next(b, b->d), COUNT, set);
        for (int relu = 0; relu < 2; relu++) {
            struct affine affine = {1.5f, -0.2f, relu};
            loops->normalize(b->a, affine, next(b, b->d), COUNT);
            loops->normalize_gradient(b->a, b->b, affine, slope, next(b, b->d), COUNT, set);
            y = next(b, b->d);
            loops->normalize_gradient(b->a, y, affine, slope, y, COUNT, true);
        }
    }
    for (int64_t width = 1; width < 20; width += 3) {
        loops->take_second(b->a, 40, next(b, b->d), 21, 3, width);
        loops->copy_rows(b->a, 20, 0.5f, next(b, b->d), 21, 3, width);
    }
    y = next(b, b->d);
    loops->multiply(y, b->b, y, COUNT, true);
    loops->multiply(b->b, y, y, COUNT, true);
    loops->scale(y, 1.3f, y, COUNT, true);
    loops->weave(next(b, b->d), b->a, b->b, COUNT);
}

static void run_planes(const struct loops *loops, struct board *b)
{
    static const int64_t offsets[9] = {0, 1, 2, 20, 21, 22, 40, 41, 42};
    static const int64_t taps[3] = {0, 4, 5}, back[3] = {0, -1, -7};
    uint16_t winners[ROOM] = {0};
    loops->correlate(next(b, b->d), b->b, offsets, b->c, 9, SPAN);
    loops->correlate_gradient(b->b, b->d, offsets, 9, SPAN, next(b, b->d));
    loops->maximum(b->a, offsets, 9, next(b, b->d), winners, SPAN);
    float *y = next(b, b->d);
    for (int i = 0; i < SPAN; i++)
        y[i] = winners[i];
    loops->maximum(b->a, offsets, 9, next(b, b->d), NULL, SPAN);
    loops->maximum_gradient(b->b + 16, b->winners + 16, taps, back, 3, next(b, b->d), SPAN);
}

static void run_optimizers(const struct loops *loops, struct board *b)
{
    float *w = next(b, b->a), *v = next(b, b->d), *second = next(b, b->c);
    loops->sgd(w, b->b, COUNT, 0.1f, 0.01f);
    loops->momentum(w, b->b, v, COUNT, 0.1f, 0.9f, 0.01f, false);
    loops->momentum(w, b->b, v, COUNT, 0.1f, 0.9f, 0.01f, true);
    loops->adamw(w, b->b, v, second, COUNT, 0.1f, 1.1f, 0.9f, 0.99f, 1e-8f, 0.99f);
    loops->adam(w, b->b, v, second, COUNT, 0.1f, 1.1f, 0.9f, 0.99f, 1e-8f, 0.01f);
}

static struct board *run_all(const struct loops *loops)
{
    struct board *board = board_create();
    run_sums(loops, board);
    run_elements(loops, board);
    run_planes(loops, board);
    run_optimizers(loops, board);
    return board;
}

// A NaN is a NaN, whatever its payload and sign.
static bool same(float a, float b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

static void compare(const struct loops *loops, const char *name)
{
    struct board *expected = run_all(&openblas_loops_portable), *got = run_all(loops);
    cr_assert_eq(expected->used, got->used);
    for (int r = 0; r < got->used; r++)
        for (int i = 0; i < ROOM; i++)
            cr_assert(same(got->results[r][i], expected->results[r][i]),
                      "%s: result %d[%d]: got %.9g, portable gives %.9g", name, r, i,
                      (double)got->results[r][i], (double)expected->results[r][i]);
    free(expected);
    free(got);
}

Test(loops, instruction_sets_agree)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        compare(&openblas_loops_avx2, "avx2");
    if (loops_choose() == &openblas_loops_avx512)
        compare(&openblas_loops_avx512, "avx512");
#endif
    compare(loops_choose(), "the one that is chosen");
}

// An element's result is its own, wherever it stands in a vector.
Test(loops, places_do_not_matter)
{
    const struct loops *loops = loops_choose();
    struct board *b = board_create();
    float whole[COUNT], one;
    loops->sigmoid(b->a, whole, COUNT);
    for (int i = 0; i < COUNT; i++) {
        loops->sigmoid(b->a + i, &one, 1);
        cr_assert(same(one, whole[i]), "[%d]", i);
    }
    free(b);
}

Test(loops, sigmoid_and_tanh_are_exact)
{
    const struct loops *loops = loops_choose();
    for (int i = -4000; i <= 4000; i++) {
        float x = (float)i / 100.0f * (float)i / 1000.0f * (i < 0 ? -1.0f : 1.0f), s, t;
        loops->sigmoid(&x, &s, 1);
        loops->tanh(&x, &t, 1);
        double sigmoid = 1.0 / (1.0 + exp(-(double)x)), hyperbolic = tanh((double)x);
        cr_assert_lt(fabs((double)s - sigmoid), 3e-7 * sigmoid + 1e-37, "sigmoid(%g) = %.9g",
                     (double)x, (double)s);
        cr_assert_lt(fabs((double)t - hyperbolic), 5e-7 * fabs(hyperbolic) + 1e-37,
                     "tanh(%g) = %.9g", (double)x, (double)t);
    }
    float wild[3] = {INFINITY, -INFINITY, NAN}, y[3];
    loops->sigmoid(wild, y, 3);
    cr_assert(y[0] == 1.0f && y[1] >= 0.0f && y[1] < 1e-37f && isnan(y[2]));
    loops->tanh(wild, y, 3);
    cr_assert(y[0] == 1.0f && y[1] == -1.0f && isnan(y[2]));
}
