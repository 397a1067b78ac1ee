// SPDX-License-Identifier: Apache-2.0
// BatchNormalization of every table against double-precision loops, forward and backward; the same bits
// from all of them; means far from zero.
#include "kernels_board.h"

#define EPSILON 1e-5
#define MOMENTUM 0.9

struct reference {
    double *mean, *variance, *y, *gx, *residual, *scale_gradient, *shift_gradient;
};

static double *doubles(int64_t count)
{
    double *x = calloc((size_t)count + 1, sizeof *x);
    cr_assert(x);
    return x;
}

struct problem {
    struct blocked shape;
    bool relu, residual, affine, training;
    float *x, *g, *add, *scale, *shift, *before;
    float running_mean[64], running_variance[64];
};

static struct problem problem_of(struct blocked shape, int variant, float center)
{
    int64_t size = elements(&shape);
    struct problem p = {
        .shape = shape,
        .relu = variant & 1,
        .residual = variant & 2,
        .affine = !(variant & 4),
        .training = !(variant & 8),
        .x = numbers(1, size, 1.0f, center),
        .g = numbers(2, size, 1.0f, 0.1f),
        .add = numbers(3, size, 1.0f, 0.0f),
        .scale = numbers(4, shape.channels, 0.5f, 1.0f),
        .shift = numbers(5, shape.channels, 0.3f, 0.0f),
        .before = numbers(6, size, 1.0f, 0.0f),
    };
    cr_assert_leq(shape.channels, 64);
    for (int64_t c = 0; c < shape.channels; c++) {
        p.running_mean[c] = center + 0.1f * (float)c;
        p.running_variance[c] = 1.0f + 0.1f * (float)c;
    }
    return p;
}

static void problem_clear(struct problem *p)
{
    free(p->x), free(p->g), free(p->add), free(p->scale), free(p->shift), free(p->before);
}

static struct reference compute(const struct problem *p)
{
    const struct blocked *s = &p->shape;
    int64_t pixels = s->height * s->width, size = elements(s);
    double count = (double)(s->batch * pixels);
    struct reference r = {doubles(s->channels), doubles(s->channels), doubles(size),
                          doubles(size),        doubles(size),        doubles(s->channels),
                          doubles(s->channels)};
    for (int64_t c = 0; c < s->channels; c++) {
        double mean = 0.0, variance = 0.0, sum = 0.0, product = 0.0;
#define EACH                                                                                       \
    for (int64_t n = 0; n < s->batch; n++)                                                         \
        for (int64_t i = (n * s->channels + c) * pixels, end = i + pixels; i < end; i++)
        EACH mean += (double)p->x[i] / count;
        EACH variance += ((double)p->x[i] - mean) * ((double)p->x[i] - mean) / count;
        r.mean[c] = MOMENTUM * (double)p->running_mean[c] + (1.0 - MOMENTUM) * mean;
        r.variance[c] = MOMENTUM * (double)p->running_variance[c] + (1.0 - MOMENTUM) * variance;
        if (!p->training) {
            r.mean[c] = mean = (double)p->running_mean[c];
            r.variance[c] = variance = (double)p->running_variance[c];
        }
        double inverse = 1.0 / sqrt(variance + EPSILON);
        double scale = p->affine ? (double)p->scale[c] : 1.0;
        EACH
        {
            double normal = ((double)p->x[i] - mean) * inverse;
            r.y[i] = normal * scale + (p->affine ? (double)p->shift[c] : 0.0);
            if (p->residual)
                r.y[i] += (double)p->add[i];
            r.residual[i] = p->relu && r.y[i] <= 0.0 ? 0.0 : (double)p->g[i];
            if (p->relu && r.y[i] < 0.0)
                r.y[i] = 0.0;
            sum += r.residual[i];
            product += r.residual[i] * normal;
        }
        r.scale_gradient[c] = product;
        r.shift_gradient[c] = sum;
        EACH
        {
            double normal = ((double)p->x[i] - mean) * inverse;
            r.gx[i] = p->training ? scale * inverse *
                                        (r.residual[i] - sum / count - normal * product / count)
                                  : scale * inverse * r.residual[i];
        }
#undef EACH
    }
    return r;
}

// All outputs of one table, one after the other: y, gx, the residual's gradient; then scale's and
// shift's gradients, mean, variance. `with_y`: the Relu's mask is taken from the output.
static float *run(const struct problem *p, const struct kernels *k, bool with_y, bool add)
{
    int64_t size = elements(&p->shape), channels = p->shape.channels, block = k->block;
    float *saved = room(norm_saved_size(&p->shape, block)), *all = room(3 * size + 4 * channels);
    float *x = into_blocks(&p->shape, block, p->x), *g = into_blocks(&p->shape, block, p->g);
    float *residual = into_blocks(&p->shape, block, p->add);
    float *gx = into_blocks(&p->shape, block, p->before),
          *to = into_blocks(&p->shape, block, p->before);
    float *y = room(blocked_size(&p->shape, block)), *numbers_of = all + 3 * size;
    memcpy(numbers_of + 2 * channels, p->running_mean, (size_t)channels * sizeof *all);
    memcpy(numbers_of + 3 * channels, p->running_variance, (size_t)channels * sizeof *all);
    struct norm norm = {p->shape,
                        x,
                        p->affine ? p->scale : NULL,
                        p->affine ? p->shift : NULL,
                        numbers_of + 2 * channels,
                        numbers_of + 3 * channels,
                        MOMENTUM,
                        EPSILON,
                        p->training,
                        p->relu,
                        p->residual ? residual : NULL,
                        y,
                        saved};
    k->norm_forward(&norm);
    struct norm_gradient gradient = {
        .shape = p->shape,
        .x = x,
        .saved = saved,
        .training = p->training,
        .relu = p->relu,
        .y = with_y ? y : NULL,
        .g = g,
        .scale_gradient = numbers_of,
        .shift_gradient = numbers_of + channels,
        .gx = gx,
        .add = add,
        .residual_gradient = p->residual ? to : NULL,
        .residual_add = add,
    };
    k->norm_backward(&gradient);
    float *parts[3] = {y, gx, to};
    for (int i = 0; i < 3; i++) {
        float *part = out_of_blocks(&p->shape, block, parts[i]);
        memcpy(all + i * size, part, (size_t)size * sizeof *all);
        free(part);
    }
    free(saved), free(x), free(g), free(residual);
    return all;
}

// Results that a sum of `before` and a gradient's element were rounded for.
static void add_before(const struct problem *p, double *to)
{
    for (int64_t i = 0; i < elements(&p->shape); i++)
        to[i] += (double)p->before[i];
}

static void check(struct blocked shape, int variant, float center, bool add, double tolerance)
{
    const struct kernels *tables[4];
    int count = tables_of_processor(tables);
    struct problem p = problem_of(shape, variant, center);
    struct reference r = compute(&p);
    int64_t size = elements(&shape), channels = shape.channels;
    float *first = NULL;
    // A sum over the batch is as exact as the largest numbers in it allow.
    double sums = 1e-6 * sqrt((double)(size / channels));
    if (add) {
        add_before(&p, r.gx);
        add_before(&p, r.residual);
    }
    for (int i = 0; i < count; i++) {
        bool with_y = p.relu && p.residual;
        float *found = run(&p, tables[i], with_y, add);
        assert_near("y", tables[i], found, r.y, size, tolerance);
        assert_near("gx", tables[i], found + size, r.gx, size, tolerance);
        if (p.residual)
            assert_near("residual", tables[i], found + 2 * size, r.residual, size, 1e-6);
        const float *by_channel = found + 3 * size;
        assert_near("scale", tables[i], by_channel, r.scale_gradient, channels, tolerance + sums);
        assert_near("shift", tables[i], by_channel + channels, r.shift_gradient, channels, sums);
        assert_near("mean", tables[i], by_channel + 2 * channels, r.mean, channels, 1e-6);
        assert_near("variance", tables[i], by_channel + 3 * channels, r.variance, channels, 2e-6);
        assert_same_bits("norm", tables[i], &first, found, 3 * size + 4 * channels);
    }
    free(first);
    free(r.mean), free(r.variance), free(r.y), free(r.gx), free(r.residual);
    free(r.scale_gradient), free(r.shift_gradient);
    problem_clear(&p);
}

static const struct blocked shapes[] = {
    {1, 1, 1, 2},    {3, 5, 1, 1},  {2, 16, 7, 9},   {5, 36, 4, 3},
    {4, 17, 16, 17}, {70, 8, 2, 2}, {2, 20, 33, 31},
};

Test(norm, every_variant_is_as_the_loops)
{
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int variant = 0; variant < 16; variant++)
            check(shapes[s], variant, 0.3f, variant % 3 == 0, 2e-5);
}

// y is made of x - mean: with a mean of a thousand deviations the digits of y are those that x has.
Test(norm, a_far_off_mean_costs_no_digits)
{
    for (int variant = 0; variant < 4; variant += 2) {
        check((struct blocked){8, 20, 16, 16}, variant, 1000.0f, false, 1e-5);
        check((struct blocked){8, 20, 16, 16}, variant, -3000.0f, false, 1e-5);
    }
}

// The first image is no sample of the others.
Test(norm, the_variance_does_not_hang_on_the_first_image)
{
    const struct kernels *tables[4];
    int count = tables_of_processor(tables);
    struct blocked shape = {64, 8, 16, 16};
    float *x = numbers(7, elements(&shape), 1.0f, 0.0f), mean[8] = {0}, variance[8] = {0};
    for (int64_t i = 0; i < 8 * 256; i++)
        x[i] = 1e4f;
    double sum = 0.0, squares = 0.0, n = 64.0 * 256.0;
    for (int64_t i = 0; i < 64; i++)
        for (int64_t p = 0; p < 256; p++)
            sum += (double)x[i * 8 * 256 + p] / n;
    for (int64_t i = 0; i < 64; i++)
        for (int64_t p = 0; p < 256; p++)
            squares += pow((double)x[i * 8 * 256 + p] - sum, 2.0) / n;
    for (int i = 0; i < count; i++) {
        int64_t block = tables[i]->block;
        float *blocked = into_blocks(&shape, block, x),
              *saved = room(norm_saved_size(&shape, block));
        struct norm norm = {.shape = shape,
                            .x = blocked,
                            .running_mean = mean,
                            .running_variance = variance,
                            .training = true,
                            .epsilon = EPSILON,
                            .y = blocked,
                            .saved = saved};
        tables[i]->norm_forward(&norm);
        cr_assert(fabs((double)mean[0] - sum) < 1e-5 * fabs(sum), "%g", (double)mean[0] - sum);
        cr_assert(fabs((double)variance[0] / squares - 1.0) < 1e-5, "%.9g", (double)variance[0]);
        free(blocked), free(saved);
    }
    free(x);
}

Test(norm, equal_numbers_have_no_variance_and_nan_stays)
{
    const struct kernels *tables[4];
    int count = tables_of_processor(tables);
    struct blocked shape = {2, 3, 5, 5};
    for (int i = 0; i < count; i++) {
        int64_t block = tables[i]->block, size = blocked_size(&shape, block);
        float *x = room(size), *saved = room(norm_saved_size(&shape, block)), variance[3] = {0};
        float mean[3] = {0};
        for (int64_t p = 0; p < 50; p++) {
            int64_t n = p / 25;
            x[blocked_at(&shape, block, n, 0, p % 25)] = 0.1f;
            x[blocked_at(&shape, block, n, 1, p % 25)] = (float)p;
        }
        x[blocked_at(&shape, block, 1, 1, 24)] = NAN;
        struct norm norm = {.shape = shape,
                            .x = x,
                            .running_mean = mean,
                            .running_variance = variance,
                            .training = true,
                            .relu = true,
                            .epsilon = EPSILON,
                            .y = x,
                            .saved = saved};
        tables[i]->norm_forward(&norm);
        cr_assert_lt(variance[0], 1e-14f);
        cr_assert(fabsf(x[blocked_at(&shape, block, 0, 0, 3)]) < 1e-5f);
        cr_assert(isnan(variance[1]) && isnan(x[blocked_at(&shape, block, 0, 1, 0)]));
        cr_assert(x[blocked_at(&shape, block, 0, 2, 0)] == 0.0f);
        free(x), free(saved);
    }
}
