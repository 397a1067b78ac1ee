// SPDX-License-Identifier: Apache-2.0
// Parzen estimators against Optuna 3.1.0's _ParzenEstimator (consider_prior, prior_weight 1, magic clip,
// no endpoints, default weights; a kernel's density divided by its sd, as since the fix of Optuna's issue
// 5109, and a stable sort), whose log densities stand beside each case; against a sum by hand where the
// table answers; and against themselves, built in another order. Draws have the density's shares.
#include <espalier/support/parzen.h>

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const esp_parzen_axis continuous = {ESP_PARZEN_CONTINUOUS, 0, 0, 0};
static const esp_parzen_axis ten_steps = {ESP_PARZEN_CONTINUOUS, 0, 0, 10};
static const esp_parzen_axis hundred_steps = {ESP_PARZEN_CONTINUOUS, 0, 0, 100};
static const esp_parzen_axis four_choices = {ESP_PARZEN_CHOICE, 0, 4, 0};

// The made sequences of the script.
static double made_real(int i)
{
    return ((double)((i * 37 + 11) % 101) + 0.5) / 101;
}

static double made_step(int i)
{
    return ((double)((i * 37 + 11) % 10) + 0.5) / 10;
}

static double made_choice(int i)
{
    return (double)((i * i * 3 + i) % 4);
}

static void expect_log(const esp_parzen_axis *axis, double (*value)(int), int count,
                       const double *at, const double *expected, int places)
{
    esp_parzen *parzen = NULL;
    cr_assert_eq(esp_parzen_create(&parzen, axis, 1.0), ESP_OK);
    for (int i = 0; i < count; i++)
        cr_assert_eq(esp_parzen_add(parzen, value(i), (uint64_t)i), ESP_OK);
    for (int i = 0; i < places; i++)
        cr_expect_float_eq(esp_parzen_log_density(parzen, at[i]), expected[i], 1e-9,
                           "%d observations, at %g: %.12g, Optuna %.12g", count, at[i],
                           esp_parzen_log_density(parzen, at[i]), expected[i]);
    esp_parzen_destroy(parzen);
}

Test(parzen, one_axis_is_that_of_optuna)
{
    // As it is, without the fix: kernels of equal height.
    const esp_parzen_axis equal = {ESP_PARZEN_CONTINUOUS, ESP_PARZEN_EQUAL_HEIGHT, 0, 0};
    expect_log(&equal, made_real, 5, (double[]){0.0, 0.2, 0.51, 0.97},
               (double[]){-1.21079731146, -0.933673342453, -0.909022608973, -1.27897838166}, 4);
    expect_log(&equal, made_real, 60, (double[]){0.0, 0.2, 0.51, 0.97},
               (double[]){-3.23458463391, -3.18917921352, -3.00362610083, -3.03335988965}, 4);
    const double reals[] = {0.0, 0.2, 0.51, 0.97}, steps[] = {0.05, 0.45, 0.95};
    const double choices[] = {0, 1, 2, 3};
    expect_log(&continuous, made_real, 1, reals,
               (double[]){0.244604708771, 0.285738345079, 0.0249810094011, -0.617053613753}, 4);
    expect_log(&continuous, made_real, 5, reals,
               (double[]){-0.110967298657, 0.219186152056, 0.0365503513811, -0.486140470601}, 4);
    expect_log(&continuous, made_real, 60, reals,
               (double[]){-0.440551611384, -0.310504372405, 0.16515877629, 0.252188137835}, 4);
    expect_log(&ten_steps, made_step, 3, steps,
               (double[]){-2.581487836, -2.20125582508, -2.4367897277}, 3);
    expect_log(&ten_steps, made_step, 40, steps,
               (double[]){-2.26579583187, -2.17546646297, -2.22840989056}, 3);
    expect_log(&four_choices, made_choice, 0, choices,
               (double[]){-1.38629436112, -1.38629436112, -1.38629436112, -1.38629436112}, 4);
    expect_log(&four_choices, made_choice, 6, choices,
               (double[]){-0.739667196195, -2.17475172148, -1.21924027646, -2.17475172148}, 4);
    expect_log(&four_choices, made_choice, 40, choices,
               (double[]){-0.783313502252, -3.54102116887, -0.723311637799, -3.54102116887}, 4);
}

// ---- Many -----------------------------------------------------------------------------------------

static double drawn(const esp_parzen_axis *axis, esp_random *random)
{
    double value = pow(esp_random_real(random), 3.0);
    if (axis->kind == ESP_PARZEN_CHOICE)
        return floor(value * (double)axis->choices);
    return axis->steps ? (floor(value * (double)axis->steps) + 0.5) / (double)axis->steps : value;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double mass(double a, double b)
{
    return 0.5 * (erf(b / sqrt(2)) - erf(a / sqrt(2)));
}

static double component(const esp_parzen_axis *axis, double mu, double sigma, double x)
{
    double whole = mass(-mu / sigma, (1 - mu) / sigma), half = 0.5 / (double)axis->steps;
    if (axis->steps)
        return mass((x - half - mu) / sigma, (x + half - mu) / sigma) / whole;
    return exp(-0.5 * (x - mu) * (x - mu) / sigma / sigma) / sigma / sqrt(2 * acos(-1)) / whole;
}

// The definition, for n > 100: the least bandwidth is 1/100.
static double by_hand(const esp_parzen_axis *axis, const double *values, int n, double x)
{
    double *sorted = malloc(((size_t)n + 1) * sizeof *sorted), sum = 0, weights = 1;
    for (int i = 0; i < n; i++)
        sorted[i] = values[i];
    sorted[n] = 0.5;
    qsort(sorted, (size_t)n + 1, sizeof *sorted, ascending);
    for (int i = 0; i < n; i++) {
        double w = i >= n - 25 ? 1.0 : 1.0 / n + (1 - 1.0 / n) * i / (n - 26.0), at;
        if (axis->kind == ESP_PARZEN_CHOICE) {
            at = ((values[i] == x) + 1.0 / (n + 1)) / (1 + (double)axis->choices / (n + 1));
        } else {
            int below = 0;
            while (sorted[below] < values[i])
                below++;
            double left = below ? values[i] - sorted[below - 1] : 0;
            double right = below < n ? sorted[below + 1] - values[i] : 0;
            at = component(axis, values[i], fmax(0.01, fmax(left, right)), x);
        }
        sum += w * at;
        weights += w;
    }
    free(sorted);
    sum += axis->kind == ESP_PARZEN_CHOICE ? 1.0 / (double)axis->choices
                                           : component(axis, 0.5, 1.0, x);
    return log(sum / weights);
}

static void expect_by_hand(const esp_parzen_axis *axis, int n, double tolerance)
{
    esp_parzen *parzen = NULL;
    double *values = malloc((size_t)n * sizeof *values);
    esp_random random = esp_random_stream(3, axis->steps, 0, 0, 0);
    cr_assert_eq(esp_parzen_create(&parzen, axis, 1.0), ESP_OK);
    for (int i = 0; i < n; i++) {
        values[i] = drawn(axis, &random);
        cr_assert_eq(esp_parzen_add(parzen, values[i], (uint64_t)i), ESP_OK);
    }
    for (int i = 0; i < 50; i++) {
        double x = drawn(axis, &random), expected = by_hand(axis, values, n, x);
        cr_expect_float_eq(esp_parzen_log_density(parzen, x), expected, tolerance,
                           "%d observations, at %g: %.10g, by hand %.10g", n, x,
                           esp_parzen_log_density(parzen, x), expected);
    }
    free(values);
    esp_parzen_destroy(parzen);
}

// Equal values have no distance on one side, in whatever order the program has them: steps and choices
// repeat.
Test(parzen, the_table_of_many_gives_their_sum)
{
    expect_by_hand(&continuous, ESP_PARZEN_EXACT, 1e-9);
    expect_by_hand(&continuous, ESP_PARZEN_EXACT + 1, 2e-3);
    expect_by_hand(&continuous, 3000, 2e-3);
    expect_by_hand(&four_choices, 3000, 1e-9);
    esp_parzen_axis thousands = {ESP_PARZEN_CONTINUOUS, 0, 0, 5000};
    expect_by_hand(&thousands, 700, 3e-3);
}

// Whatever came and went, what is left counts.
static void expect_order_free(const esp_parzen_axis *axis, int left)
{
    enum { MOST = 900 };
    double values[MOST];
    uint64_t order[MOST];
    esp_parzen *grown = NULL, *fresh = NULL;
    esp_random random = esp_random_stream(5, axis->steps, 1, 0, 0);
    cr_assert_eq(esp_parzen_create(&grown, axis, 1.0), ESP_OK);
    cr_assert_eq(esp_parzen_create(&fresh, axis, 1.0), ESP_OK);
    esp_random_permutation(&random, order, MOST);
    for (int i = 0; i < MOST; i++) {
        values[i] = drawn(axis, &random);
        cr_assert_eq(esp_parzen_add(grown, values[i], order[i]), ESP_OK);
    }
    for (int i = left; i < MOST; i++)
        cr_assert_eq(esp_parzen_remove(grown, order[i]), ESP_OK);
    cr_assert_eq(esp_parzen_count(grown), (uint64_t)left);
    for (uint64_t at = 0; at < MOST; at++)
        for (int i = 0; i < left; i++)
            if (order[i] == at)
                cr_assert_eq(esp_parzen_add(fresh, values[i], at), ESP_OK);
    for (int i = 0; i < 40; i++) {
        double x = drawn(axis, &random);
        cr_expect_float_eq(esp_parzen_log_density(grown, x), esp_parzen_log_density(fresh, x), 1e-8,
                           "%d left, at %g", left, x);
    }
    esp_parzen_destroy(grown);
    esp_parzen_destroy(fresh);
}

Test(parzen, observations_come_and_go)
{
    const esp_parzen_axis *axes[] = {&continuous, &ten_steps, &hundred_steps, &four_choices};
    for (size_t i = 0; i < sizeof axes / sizeof axes[0]; i++) {
        expect_order_free(axes[i], 900);
        expect_order_free(axes[i], 500);
        expect_order_free(axes[i], 257);
        expect_order_free(axes[i], 256);
        expect_order_free(axes[i], 60);
        expect_order_free(axes[i], 1);
        expect_order_free(axes[i], 0);
    }
}

// The density sums to 1, and draws fall where it says: chi-squared over 10 parts, 9 degrees of freedom.
static void expect_draws(const esp_parzen_axis *axis, int n, int parts)
{
    enum { DRAWS = 20000 };
    esp_parzen *parzen = NULL;
    esp_random random = esp_random_stream(7, axis->steps, (uint64_t)n, 0, 0);
    double shares[10] = {0}, counts[10] = {0}, sum = 0, distance = 0;
    cr_assert_eq(esp_parzen_create(&parzen, axis, 1.0), ESP_OK);
    for (int i = 0; i < n; i++)
        cr_assert_eq(esp_parzen_add(parzen, drawn(axis, &random), (uint64_t)i), ESP_OK);
    for (int part = 0; part < parts; part++)
        for (int i = 0; i < 500; i++) {
            double x = axis->kind == ESP_PARZEN_CHOICE ? part
                       : axis->steps                   ? (part + 0.5) / parts
                                                       : (part + (i + 0.5) / 500) / parts;
            double width = axis->kind == ESP_PARZEN_CHOICE || axis->steps ? 1.0 : 1.0 / parts;
            shares[part] += exp(esp_parzen_log_density(parzen, x)) * width / 500;
        }
    for (int i = 0; i < DRAWS; i++) {
        double x = esp_parzen_sample(parzen, &random);
        counts[axis->kind == ESP_PARZEN_CHOICE ? (int)x : (int)(x * parts)]++;
    }
    for (int part = 0; part < parts; part++) {
        double expected = shares[part] * DRAWS;
        sum += shares[part];
        distance += (counts[part] - expected) * (counts[part] - expected) / expected;
    }
    cr_expect_float_eq(sum, 1.0, 2e-3, "%d observations: %g", n, sum);
    cr_expect_lt(distance, 30.0, "%d observations: %g", n, distance);
    esp_parzen_destroy(parzen);
}

Test(parzen, draws_have_the_density)
{
    for (int n = 0; n <= 400; n = 3 * n + 1) {
        expect_draws(&continuous, n, 10);
        expect_draws(&ten_steps, n, 10);
        expect_draws(&four_choices, n, 4);
    }
}

// ---- Many axes ------------------------------------------------------------------------------------

static esp_parzen_joint *made_joint(int n)
{
    const esp_parzen_axis *axes[] = {&continuous, &four_choices, &ten_steps, &hundred_steps};
    esp_parzen_joint *joint = NULL;
    cr_assert_eq(esp_parzen_joint_create(&joint, 1.0), ESP_OK);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(esp_parzen_joint_add_axis(joint, axes[i]), ESP_OK);
    for (int i = 0; i < n; i++) {
        cr_assert_eq(esp_parzen_joint_add_row(joint), ESP_OK);
        for (int axis = 2; axis < 4 && i == 0; axis++) // a late axis has nothing before
            cr_assert_eq(esp_parzen_joint_add_axis(joint, axes[axis]), ESP_OK);
        esp_parzen_joint_set(joint, (uint64_t)i, 0, made_real(i));
        esp_parzen_joint_set(joint, (uint64_t)i, 1, made_choice(i));
        esp_parzen_joint_set(joint, (uint64_t)i, 2, made_step(i));
        esp_parzen_joint_set(joint, (uint64_t)i, 3, ((double)((i * 53 + 5) % 100) + 0.5) / 100);
    }
    return joint;
}

Test(parzen, many_axes_are_those_of_optuna)
{
    static const double points[3][4] = {
        {0.1, 0, 0.15, 0.585}, {0.5, 3, 0.85, 0.035}, {0.9, 1, 0.55, 0.775}};
    static const double expected[2][3] = {{-8.09410330887, -9.71630122819, -9.86032453703},
                                          {-8.10341796829, -11.2859375036, -11.1745264387}};
    static const uint64_t axes[] = {0, 1, 2, 3};
    for (int i = 0; i < 2; i++) {
        int n = i ? 80 : 4;
        esp_parzen_joint *joint = made_joint(n);
        esp_parzen_view *view = NULL;
        uint8_t chosen[80];
        memset(chosen, 1, sizeof chosen);
        cr_assert_eq(esp_parzen_view_create(&view, joint, chosen, 4), ESP_OK);
        for (int k = 0; k < 3; k++) {
            double at;
            cr_assert_eq(esp_parzen_view_log_density(view, axes, points[k], 4, &at), ESP_OK);
            cr_expect_float_eq(at, expected[i][k], 5e-4, "%d: %.8g, Optuna %.8g", n, at,
                               expected[i][k]);
        }
        esp_parzen_view_destroy(view);
        esp_parzen_joint_destroy(joint);
    }
}

// What a row lacks it has of the prior: on choices a quarter each. Rows that are not chosen are nothing.
Test(parzen, rows_without_a_number_have_the_prior)
{
    esp_parzen_joint *joint = NULL;
    esp_parzen_view *view = NULL;
    esp_random random = esp_random_stream(1, 1, 0, 0, 0);
    const uint64_t axes[] = {0, 1};
    double at, counts[2][4] = {{0}};
    cr_assert_eq(esp_parzen_joint_create(&joint, 1.0), ESP_OK);
    cr_assert_eq(esp_parzen_joint_add_axis(joint, &four_choices), ESP_OK);
    for (uint64_t row = 0; row < 3; row++) {
        cr_assert_eq(esp_parzen_joint_add_row(joint), ESP_OK);
        esp_parzen_joint_set(joint, row, 0, row == 1 ? 3 : 2);
    }
    cr_assert_eq(esp_parzen_joint_add_axis(joint, &four_choices), ESP_OK);
    esp_parzen_joint_set(joint, 2, 1, 0);
    const uint8_t chosen[] = {1, 0, 1};
    cr_assert_eq(esp_parzen_view_create(&view, joint, chosen, 2), ESP_OK);
    // n = 2: each choice gets 1/3, the own one 4/3, of 7/3. Rows 0 and 2, and the prior, a third each.
    const double hit = 4.0 / 7, miss = 1.0 / 7;
    cr_assert_eq(esp_parzen_view_log_density(view, axes, (double[]){2, 0}, 2, &at), ESP_OK);
    cr_expect_float_eq(exp(at), (hit * 0.25 + hit * hit + 0.0625) / 3, 1e-6);
    cr_assert_eq(esp_parzen_view_log_density(view, axes, (double[]){3, 0}, 2, &at), ESP_OK);
    cr_expect_float_eq(exp(at), (miss * 0.25 + miss * hit + 0.0625) / 3, 1e-6);
    cr_assert_eq(esp_parzen_view_log_density(view, axes, (double[]){2}, 1, &at), ESP_OK);
    cr_expect_float_eq(exp(at), (hit + hit + 0.25) / 3, 1e-6);
    for (int i = 0; i < 30000; i++) {
        int64_t row = esp_parzen_view_pick(view, &random);
        cr_assert(row == 0 || row == 2 || row == -1);
        counts[0][(int)esp_parzen_view_sample(view, row, 0, &random)]++;
        counts[1][(int)esp_parzen_view_sample(view, row, 1, &random)]++;
    }
    cr_expect_float_eq(counts[0][2] / 30000, (2 * hit + 0.25) / 3, 0.012, "%g", counts[0][2]);
    cr_expect_float_eq(counts[1][0] / 30000, (0.25 + hit + 0.25) / 3, 0.012, "%g", counts[1][0]);
    esp_parzen_view_destroy(view);
    esp_parzen_joint_destroy(joint);
}

// A candidate of a conditional space brings axes that no row has: while a view is there they join, and have the
// prior.
Test(parzen, axes_join_while_a_view_is_there)
{
    enum { AXES = 100 };
    esp_parzen_joint *joint = NULL;
    esp_parzen_view *view = NULL;
    uint64_t axes[AXES];
    double point[AXES], before, at;
    cr_assert_eq(esp_parzen_joint_create(&joint, 1.0), ESP_OK);
    cr_assert_eq(esp_parzen_joint_add_axis(joint, &four_choices), ESP_OK);
    for (uint64_t row = 0; row < 3; row++) {
        cr_assert_eq(esp_parzen_joint_add_row(joint), ESP_OK);
        esp_parzen_joint_set(joint, row, 0, 2);
    }
    const uint8_t chosen[] = {1, 1, 1};
    cr_assert_eq(esp_parzen_view_create(&view, joint, chosen, 1), ESP_OK);
    for (uint64_t i = 0; i < AXES; i++) {
        axes[i] = i;
        point[i] = i % 4;
        if (i > 0)
            cr_assert_eq(esp_parzen_joint_add_axis(joint, &four_choices), ESP_OK);
    }
    cr_assert_eq(esp_parzen_view_log_density(view, axes, point, 1, &before), ESP_OK);
    cr_assert_eq(esp_parzen_view_log_density(view, axes, point, AXES, &at), ESP_OK);
    cr_expect_float_eq(at, before - (AXES - 1) * log(4), 1e-3, "%g beside %g", at, before);
    esp_parzen_view_destroy(view);
    esp_parzen_joint_destroy(joint);
}

// The density of a mixture of many rows by its definition, in f32 in the order of the axes: the blocks that rows are
// added in change no bit. Choices alone, whose kernels are two numbers.
static double choices_by_hand(float (*values)[2], int rows, const double *at, int axes)
{
    static float sums[5000];
    const double share = 1.0 / (rows + 1.0), whole = 1.0 + 4 * share;
    float top = -INFINITY;
    double weights = 0, sum = 0;
    for (int i = 0; i < rows; i++) {
        double first = 1.0 / rows, ramp = rows - 25;
        double weight = i >= rows - 25 ? 1.0 : first + (1.0 - first) * i / (ramp - 1.0);
        weights += weight;
        sums[i] = (float)log(weight);
        for (int axis = 0; axis < axes; axis++) {
            float value = values[i][axis];
            float hit = (float)log((1.0 + share) / whole), miss = (float)log(share / whole);
            sums[i] += isnan(value) ? (float)-log(4.0) : value == (float)at[axis] ? hit : miss;
        }
        top = sums[i] > top ? sums[i] : top;
    }
    for (int i = 0; i < rows; i++)
        if (sums[i] - top > -20.0f)
            sum += (double)expf(sums[i] - top);
    double components = top + log(sum), prior = -axes * log(4.0);
    double most = fmax(components, prior);
    return most + log(exp(components - most) + exp(prior - most)) - log(weights + 1.0);
}

Test(parzen, rows_in_blocks_are_the_same_to_the_last_bit)
{
    enum { ROWS = 4321 };
    static float values[ROWS][2];
    static uint8_t chosen[ROWS];
    esp_parzen_joint *joint = NULL;
    esp_parzen_view *view = NULL;
    cr_assert_eq(esp_parzen_joint_create(&joint, 1.0), ESP_OK);
    cr_assert_eq(esp_parzen_joint_add_axis(joint, &four_choices), ESP_OK);
    cr_assert_eq(esp_parzen_joint_add_axis(joint, &four_choices), ESP_OK);
    for (int i = 0; i < ROWS; i++) {
        cr_assert_eq(esp_parzen_joint_add_row(joint), ESP_OK);
        values[i][0] = (float)((i * 7 + i / 5) % 4);
        values[i][1] = i % 9 == 0 ? NAN : (float)((i * 3 + i / 11) % 4);
        for (uint64_t axis = 0; axis < 2; axis++)
            if (!isnan(values[i][axis]))
                esp_parzen_joint_set(joint, (uint64_t)i, axis, (double)values[i][axis]);
        chosen[i] = 1;
    }
    cr_assert_eq(esp_parzen_view_create(&view, joint, chosen, 2), ESP_OK);
    for (int point = 0; point < 16; point++) {
        const double at[] = {point % 4, point / 4};
        double density;
        cr_assert_eq(esp_parzen_view_log_density(view, (const uint64_t[]){0, 1}, at, 2, &density),
                     ESP_OK);
        double by_hand = choices_by_hand(values, ROWS, at, 2);
        cr_expect(density == by_hand, "%d: %.17g, by hand %.17g", point, density, by_hand);
    }
    esp_parzen_view_destroy(view);
    esp_parzen_joint_destroy(joint);
}
