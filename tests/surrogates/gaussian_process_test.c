// SPDX-License-Identifier: Apache-2.0
// Gaussian processes against numpy's solve on the formulas of the header, gradients against differences,
// draws against mean and variance, the optimiser against functions whose least place within bounds is known.
#include <espalier/support/gaussian_process.h>

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#define WIDTH 4

static const esp_gp_shape shape = {2, 2, 2};
static const double parameters[4] = {-0.22314355131420971, -0.91629073187415511,
                                     0.26236426446749106, -2.9957322735539909};

// The made points of the script: choices in 3 and 2, two reals, some of them absent.
static double make_points(int first, int count, double *points)
{
    double last = 0;
    for (int i = first; i < first + count; i++) {
        double *x = points + (i - first) * WIDTH;
        x[0] = (i * 7 + 3) % 3;
        x[1] = i % 4 == 3 ? NAN : (i * 5 + 1) % 2;
        x[2] = ((i * 37 + 11) % 101 + 0.5) / 101;
        x[3] = i % 5 == 4 ? NAN : ((i * 53 + 5) % 97 + 0.5) / 97;
        last = sin(3 * x[2]) + 0.5 * x[0] + (isnan(x[3]) ? 0 : x[3] * x[3]) - 1;
    }
    return last;
}

static void make_data(int count, double *points, double *y)
{
    for (int i = 0; i < count; i++)
        y[i] = make_points(i, 1, points + i * WIDTH);
}

Test(gaussian_process, is_that_of_numpy)
{
    double points[12 * WIDTH], y[12], at, queries[3 * WIDTH], mean[3], sd[3];
    static const double means[] = {0.263129735604, 0.673077399211, 0.254413594601},
                        sds[] = {0.281002188202, 0.394614828748, 0.434913517175};
    esp_gp *gp = NULL;
    make_data(12, points, y);
    make_points(12, 3, queries);
    cr_assert_eq(esp_gp_log_likelihood(&shape, points, y, 12, parameters, &at, NULL), ESP_OK);
    cr_expect_float_eq(at, -7.88329036777, 1e-9, "%.12g", at);
    cr_assert_eq(esp_gp_create(&gp, &shape, parameters, points, y, 12), ESP_OK);
    cr_expect_float_eq(esp_gp_scale(gp), 0.272150207693, 1e-9, "%.12g", esp_gp_scale(gp));
    cr_assert_eq(esp_gp_predict(gp, queries, 3, mean, sd), ESP_OK);
    for (int i = 0; i < 3; i++) {
        cr_expect_float_eq(mean[i], means[i], 1e-9, "%.12g", mean[i]);
        cr_expect_float_eq(sd[i], sds[i], 1e-9, "%.12g", sd[i]);
    }
    esp_gp_destroy(gp);
}

Test(gaussian_process, the_gradient_is_that_of_differences)
{
    double points[40 * WIDTH], y[40], value, gradient[4];
    make_data(40, points, y);
    for (int one = 0; one < 2; one++) {
        const esp_gp_shape other = {2, 2, one ? 1 : 2};
        const uint64_t count = esp_gp_parameter_count(&other);
        double at[4] = {0.3, -0.7, one ? -3.0 : 0.4, -3.0};
        cr_assert_eq(esp_gp_log_likelihood(&other, points, y, 40, at, &value, gradient), ESP_OK);
        for (uint64_t i = 0; i < count; i++) {
            double below, above, step = 1e-5;
            at[i] -= step;
            cr_assert_eq(esp_gp_log_likelihood(&other, points, y, 40, at, &below, NULL), ESP_OK);
            at[i] += 2 * step;
            cr_assert_eq(esp_gp_log_likelihood(&other, points, y, 40, at, &above, NULL), ESP_OK);
            at[i] -= step;
            double expected = (above - below) / (2 * step);
            cr_expect_float_eq(gradient[i], expected, 1e-5 * fmax(1, fabs(expected)),
                               "%lu: %g, by differences %g", (unsigned long)i, gradient[i],
                               expected);
        }
    }
}

// Many points on short lengths, some absent: the matrix has a factor with next to no noise.
Test(gaussian_process, what_is_absent_leaves_it_positive_definite)
{
    enum { COUNT = 200 };
    const double narrow[4] = {log(20.0), log(0.05), log(0.05), log(1e-6)};
    double *points = malloc(COUNT * WIDTH * sizeof *points), y[COUNT] = {0};
    esp_random random = esp_random_stream(3, 9, 0, 0, 0);
    esp_gp *gp = NULL;
    for (int i = 0; i < COUNT * WIDTH; i++)
        points[i] = i % WIDTH < 2 ? 0 : i % 7 ? esp_random_real(&random) : NAN;
    cr_expect_eq(esp_gp_create(&gp, &shape, narrow, points, y, COUNT), ESP_OK);
    esp_gp_destroy(gp);
    free(points);
}

// With little noise it goes through its observations, far away it knows nothing.
Test(gaussian_process, knows_what_it_saw)
{
    const esp_gp_shape line = {0, 1, 1};
    const double quiet[3] = {0.0, log(0.1), log(1e-6)};
    const double x[3] = {0.2, 0.25, 0.4}, y[3] = {1, -1, 0.5}, at[4] = {0.2, 0.25, 0.4, 50};
    double mean[4], sd[4];
    esp_gp *gp = NULL;
    cr_assert_eq(esp_gp_create(&gp, &line, quiet, x, y, 3), ESP_OK);
    cr_assert_eq(esp_gp_predict(gp, at, 4, mean, sd), ESP_OK);
    for (int i = 0; i < 3; i++)
        cr_expect(fabs(mean[i] - y[i]) < 1e-3 && sd[i] < 0.01, "%g %g", mean[i], sd[i]);
    cr_expect_float_eq(mean[3], 0.0, 1e-9);
    cr_expect_float_eq(sd[3], sqrt(esp_gp_scale(gp)), 1e-9);
    esp_gp_destroy(gp);
    cr_assert_eq(esp_gp_create(&gp, &line, quiet, x, y, 0), ESP_OK);
    cr_assert_eq(esp_gp_predict(gp, at, 1, mean, sd), ESP_OK);
    cr_expect(mean[0] == 0 && sd[0] == 1);
    esp_gp_destroy(gp);
}

Test(gaussian_process, draws_have_its_mean_and_variance)
{
    enum { DRAWS = 4000, PLACES = 3 };
    double points[12 * WIDTH], y[12], queries[PLACES * WIDTH], mean[PLACES], sd[PLACES];
    double sum[PLACES] = {0}, square[PLACES] = {0}, draw[PLACES];
    esp_random random = esp_random_stream(1, 9, 0, 0, 0);
    esp_gp *gp = NULL;
    make_data(12, points, y);
    make_points(12, PLACES, queries);
    cr_assert_eq(esp_gp_create(&gp, &shape, parameters, points, y, 12), ESP_OK);
    cr_assert_eq(esp_gp_predict(gp, queries, PLACES, mean, sd), ESP_OK);
    for (int i = 0; i < DRAWS; i++) {
        cr_assert_eq(esp_gp_sample(gp, queries, PLACES, &random, draw), ESP_OK);
        for (int k = 0; k < PLACES; k++) {
            sum[k] += draw[k] / DRAWS;
            square[k] += (draw[k] - mean[k]) * (draw[k] - mean[k]) / DRAWS;
        }
    }
    for (int k = 0; k < PLACES; k++) {
        cr_expect_float_eq(sum[k], mean[k], 4 * sd[k] / sqrt(DRAWS));
        cr_expect_float_eq(sqrt(square[k]), sd[k], 0.06 * sd[k]);
    }
    esp_gp_destroy(gp);
}

// Data drawn from a process: its lengths come back, and no start is better than the fit.
Test(gaussian_process, hyperparameters_are_found)
{
    enum { COUNT = 150 };
    const esp_gp_shape plane = {0, 2, 2};
    const double true_ones[4] = {0.0, log(0.2), log(3.0), log(1e-3)};
    double *points = malloc(2 * COUNT * sizeof *points), y[COUNT] = {0}, fitted[4], at, best;
    esp_random random = esp_random_stream(5, 9, 0, 0, 0);
    esp_gp *gp = NULL;
    for (int i = 0; i < 2 * COUNT; i++)
        points[i] = esp_random_real(&random);
    cr_assert_eq(esp_gp_create(&gp, &plane, true_ones, points, y, 0), ESP_OK);
    cr_assert_eq(esp_gp_sample(gp, points, COUNT, &random, y), ESP_OK);
    esp_gp_destroy(gp);
    for (int i = 0; i < COUNT; i++)
        y[i] += sqrt(1e-3) * esp_random_normal(&random);
    cr_assert_eq(esp_gp_fit(&plane, points, y, COUNT, 2, 60, &random, fitted), ESP_OK);
    cr_expect_float_eq(exp(fitted[1]), 0.2, 0.08, "%g", exp(fitted[1]));
    cr_expect_gt(exp(fitted[2]), 1.2, "%g", exp(fitted[2]));
    cr_assert_eq(esp_gp_create(&gp, &plane, fitted, points, y, COUNT), ESP_OK);
    double noise = exp(fitted[3]) * esp_gp_scale(gp);
    cr_expect(noise > 0.0005 && noise < 0.002, "%g", noise);
    esp_gp_destroy(gp);
    cr_assert_eq(esp_gp_log_likelihood(&plane, points, y, COUNT, fitted, &best, NULL), ESP_OK);
    cr_assert_eq(esp_gp_log_likelihood(&plane, points, y, COUNT, true_ones, &at, NULL), ESP_OK);
    cr_expect_geq(best, at - 1e-6, "%g, the true ones %g", best, at);
    free(points);
}

// ---- The optimiser ----------------------------------------------------------------------------------

static double rosenbrock(void *self, const double *x, double *gradient)
{
    double a = 1 - x[0], b = x[1] - x[0] * x[0];
    ++*(int *)self;
    gradient[0] = -2 * a - 400 * x[0] * b;
    gradient[1] = 200 * b;
    return a * a + 100 * b * b;
}

Test(bounded, finds_the_least_place)
{
    static const struct {
        double low[2], high[2], x[2], value;
    } cases[] = {
        {{-5, -5}, {5, 5}, {1, 1}, 0},
        {{-5, -5}, {0.5, 5}, {0.5, 0.25}, 0.25}, // at the bound x0 = 0.5 the rest is its square
        {{1.5, -5}, {5, 5}, {1.5, 2.25}, 0.25},
        {{-5, -5}, {5, 0}, {0, 0}, 1}, // 1 - 2 x0 + x0^2 + 100 x0^4: least near 0.1612
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double x[2] = {fmax(-1.2, cases[i].low[0]), fmin(1, cases[i].high[1])}, value;
        int calls = 0;
        cr_assert_eq(esp_bounded_minimise(rosenbrock, &calls, 2, cases[i].low, cases[i].high, 200,
                                          x, &value),
                     ESP_OK);
        if (i < 3) {
            cr_expect_float_eq(value, cases[i].value, 1e-6, "case %zu: %g", i, value);
            cr_expect_float_eq(x[0], cases[i].x[0], 1e-3);
            cr_expect_float_eq(x[1], cases[i].x[1], 2e-3);
        } else {
            cr_expect_float_eq(x[0], 0.16126, 1e-3, "%g", x[0]);
            cr_expect_eq(x[1], 0.0);
        }
        cr_expect_lt(calls, 300, "case %zu: %d calls", i, calls);
    }
}
