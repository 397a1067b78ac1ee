// SPDX-License-Identifier: Apache-2.0
// The statistics of sdk/support against R: values that R 4.2.2 computed, with the call beside each, and
// random samples given to Rscript where it is installed (Debian's r-base-core).
#include "support/command.h"
#include "support/folder.h"

#include <espalier/support/statistics.h>

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

// Equal to the last digits, or both NaN.
static void expect(const char *what, double value, double expected)
{
    bool equal = isnan(expected)
                     ? isnan(value)
                     : fabs(value - expected) <= 1e-12 * fmax(1e-3, fabs(expected)) + 1e-15;
    cr_expect(equal, "%s: %.17g, R says %.17g", what, value, expected);
}

static const double a[] = {0.71, 0.74, 0.69, 0.80, 0.77};
static const double b[] = {0.65, 0.70, 0.66, 0.72, 0.68, 0.75};
static const double x[] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3}; // ties within
static const double y[] = {2, 7, 1, 8, 2, 8, 1, 8, 2, 8}; // and across

// ---- Values of R ------------------------------------------------------------------------------

Test(statistics, one_sample)
{
    expect("mean(a)", esp_statistics_mean(a, 5), 0.74199999999999999);
    expect("sd(a)", esp_statistics_sd(a, 5), 0.044384682042344331);
    expect("mean(numeric(0))", esp_statistics_mean(NULL, 0), NAN);
    expect("sd(1)", esp_statistics_sd(a, 1), NAN);
    // quantile(x, c(.25, .5, .75, .1, .975))
    static const double probabilities[] = {0.25, 0.5, 0.75, 0.1, 0.975};
    static const double quantiles[] = {2.25, 3.5, 5, 1, 8.3250000000000011};
    double out[5];
    cr_assert_eq(esp_statistics_quantiles(out, x, 10, probabilities, 5), ESP_OK);
    for (int i = 0; i < 5; i++)
        expect("quantile(x)", out[i], quantiles[i]);
    cr_assert_eq(esp_statistics_quantiles(out, y, 10, probabilities, 3), ESP_OK);
    expect("IQR(y)", out[2] - out[0], 6);
    cr_assert_eq(esp_statistics_quantiles(out, x, 0, probabilities, 1), ESP_OK);
    expect("median(numeric(0))", out[0], NAN);
    cr_assert_eq(esp_statistics_quantiles(out, x + 5, 1, probabilities, 5), ESP_OK);
    for (int i = 0; i < 5; i++)
        expect("quantile(9)", out[i], 9);
}

Test(statistics, ranks)
{
    // rank(x)
    static const double expected[] = {4.5, 1.5, 6, 1.5, 7.5, 10, 3, 9, 7.5, 4.5};
    double out[10];
    cr_assert_eq(esp_statistics_ranks(out, x, 10), ESP_OK);
    for (int i = 0; i < 10; i++)
        expect("rank(x)", out[i], expected[i]);
    cr_assert_eq(esp_statistics_ranks(out, NULL, 0), ESP_OK);
}

static esp_mann_whitney test_of(const double *p, uint64_t p_count, const double *q,
                                uint64_t q_count)
{
    esp_mann_whitney out;
    cr_assert_eq(esp_statistics_mann_whitney(&out, p, p_count, q, q_count), ESP_OK);
    return out;
}

Test(statistics, rank_sum_tests)
{
    esp_mann_whitney result = test_of(a, 5, b, 6);
    expect("wilcox.test(a, b)$statistic", result.statistic, 24);
    expect("wilcox.test(a, b)$p.value", result.p, 0.12554112554112554);
    cr_expect(result.exact);
    expect("wilcox.test(b, a)$p.value", test_of(b, 6, a, 5).p, 0.12554112554112554);
    result = test_of(x, 10, y, 10);
    expect("wilcox.test(x, y)$statistic", result.statistic, 45.5);
    expect("wilcox.test(x, y)$p.value", result.p, 0.75954669271220632);
    cr_expect_not(result.exact, "ties");
    double p[60], q[60];
    for (int i = 0; i < 60; i++) {
        p[i] = i + 1;
        q[i] = i + 31.5;
    }
    result = test_of(p, 60, q, 60);
    expect("wilcox.test(1:60, 31:90 + 0.5)$p.value", result.p, 7.9643326704704953e-13);
    cr_expect_not(result.exact, "60 values");
    for (int i = 0; i < 20; i++)
        q[i] = i + 101;
    result = test_of(p, 20, q, 20);
    expect("wilcox.test(1:20, 101:120)$p.value", result.p, 1.4508889103849688e-11);
    cr_expect(result.exact);
    for (int i = 0; i < 60; i++) {
        p[i] = i % 5 + 1;
        q[i] = i % 5 + 2;
    }
    expect("wilcox.test(rep(1:5, 12), rep(2:6, 12))$p.value", test_of(p, 60, q, 60).p,
           0.00054488002769026217);
    for (int i = 0; i < 49; i++) {
        p[i] = (i + 1) * (i + 1);
        q[i] = (i + 1) * 40 + 0.5;
    }
    result = test_of(p, 49, q, 49);
    expect("wilcox.test((1:49)^2, (1:49) * 40 + 0.5)$statistic", result.statistic, 963);
    expect("wilcox.test((1:49)^2, (1:49) * 40 + 0.5)$p.value", result.p, 0.092278262260546515);
    cr_expect(result.exact, "49 values are the most");
    expect("wilcox.test(c(1, 2, 3), c(1.5, 2.5))$p.value",
           test_of((double[]){1, 2, 3}, 3, (double[]){1.5, 2.5}, 2).p, 1);
    expect("wilcox.test(c(1, 1, 1, 2), c(3, 3, 3, 2))$p.value",
           test_of((double[]){1, 1, 1, 2}, 4, (double[]){3, 3, 3, 2}, 4).p, 0.032473320326069637);
    expect("wilcox.test(1, 2)$p.value", test_of((double[]){1}, 1, (double[]){2}, 1).p, 1);
    expect("wilcox.test(c(1, 1), c(1, 1))$p.value",
           test_of((double[]){1, 1}, 2, (double[]){1, 1}, 2).p, NAN);
    expect("nothing against something", test_of(NULL, 0, x, 10).p, NAN);
}

Test(statistics, effect_sizes)
{
    double out;
    // mean(outer(x, y, ">") + 0.5 * outer(x, y, "=="))
    cr_assert_eq(esp_statistics_vargha_delaney(&out, x, 10, y, 10), ESP_OK);
    expect("A(x, y)", out, 0.45500000000000002);
    cr_assert_eq(esp_statistics_vargha_delaney(&out, a, 5, b, 6), ESP_OK);
    expect("A(a, b)", out, 0.80000000000000004);
    cr_assert_eq(esp_statistics_vargha_delaney(&out, a, 0, b, 6), ESP_OK);
    expect("A of nothing", out, NAN);
}

Test(statistics, holm)
{
    // p.adjust(c(0.01, 0.04, 0.03, 0.005, NA, 0.03), "holm")
    static const double p[] = {0.01, 0.04, 0.03, 0.005, NAN, 0.03};
    static const double adjusted[] = {
        0.040000000000000001, 0.089999999999999997, 0.089999999999999997, 0.025000000000000001, NAN,
        0.089999999999999997};
    double out[6];
    cr_assert_eq(esp_statistics_holm(out, p, 6), ESP_OK);
    for (int i = 0; i < 6; i++)
        expect("p.adjust", out[i], adjusted[i]);
    // p.adjust(c(0.4, 0.5, 0.6), "holm"), in place
    double own[] = {0.4, 0.5, 0.6};
    cr_assert_eq(esp_statistics_holm(own, own, 3), ESP_OK);
    for (int i = 0; i < 3; i++)
        expect("p.adjust", own[i], 1);
}

Test(statistics, correlations)
{
    double out, p[20], q[20];
    cr_assert_eq(esp_statistics_spearman(&out, x, y, 10), ESP_OK);
    expect("cor(x, y, method = \"spearman\")", out, 0.13471506281091269);
    cr_assert_eq(esp_statistics_kendall(&out, x, y, 10), ESP_OK);
    expect("cor(x, y, method = \"kendall\")", out, 0.13041013273932528);
    cr_assert_eq(esp_statistics_spearman(&out, a, b, 5), ESP_OK);
    expect("cor(a, b[1:5], method = \"spearman\")", out, 0.79999999999999982);
    cr_assert_eq(esp_statistics_kendall(&out, a, b, 5), ESP_OK);
    expect("cor(a, b[1:5], method = \"kendall\")", out, 0.59999999999999987);
    for (int i = 0; i < 20; i++) {
        p[i] = (i + 1) % 7;
        q[i] = (i + 1) % 3;
    }
    cr_assert_eq(esp_statistics_kendall(&out, p, q, 20), ESP_OK);
    expect("cor((1:20) %% 7, (1:20) %% 3, method = \"kendall\")", out, -0.079571468001942577);
    cr_assert_eq(esp_statistics_spearman(&out, p, q, 20), ESP_OK);
    expect("cor((1:20) %% 7, (1:20) %% 3, method = \"spearman\")", out, -0.096579203165283775);
    double constant[10] = {0};
    cr_assert_eq(esp_statistics_spearman(&out, x, constant, 10), ESP_OK);
    expect("cor with a constant", out, NAN);
    cr_assert_eq(esp_statistics_kendall(&out, constant, x, 10), ESP_OK);
    expect("cor with a constant", out, NAN);
    cr_assert_eq(esp_statistics_kendall(&out, x, y, 1), ESP_OK);
    expect("cor of one pair", out, NAN);
}

// ---- The bootstrap ----------------------------------------------------------------------------

Test(statistics, bootstrap_intervals)
{
    double low, high, again_low, again_high;
    esp_random random = esp_random_stream(1, 2, 0, 0, 0), same = random;
    cr_assert_eq(esp_statistics_bootstrap_mean(&low, &high, x, 10, 0.95, 200000, &random), ESP_OK);
    // set.seed(1); quantile(replicate(1e6, mean(sample(x, replace = TRUE))), c(.025, .975)): 2.5, 5.4
    cr_expect_float_eq(low, 2.5, 0.05, "%g", low);
    cr_expect_float_eq(high, 5.4, 0.11, "%g", high);
    cr_assert_eq(esp_statistics_bootstrap_mean(&again_low, &again_high, x, 10, 0.95, 200000, &same),
                 ESP_OK);
    cr_expect(again_low == low && again_high == high, "the stream decides");
    // Of 0 and 1 the means are 0, 0.5 and 1, in the ratio 1 : 2 : 1.
    cr_assert_eq(
        esp_statistics_bootstrap_mean(&low, &high, (double[]){0, 1}, 2, 0.4, 10000, &random),
        ESP_OK);
    cr_expect(low == 0.5 && high == 0.5, "%g %g", low, high);
    cr_assert_eq(esp_statistics_bootstrap_mean(&low, &high, x, 1, 0.95, 100, &random), ESP_OK);
    cr_expect(isnan(low) && isnan(high));
}

// ---- Hypervolume ------------------------------------------------------------------------------

static double hypervolume(const double *points, uint64_t count, uint64_t objectives,
                          const double *reference)
{
    double out = NAN;
    cr_assert_eq(esp_statistics_hypervolume(&out, points, count, objectives, reference), ESP_OK);
    return out;
}

Test(statistics, hypervolumes)
{
    static const double two[] = {1, 3, 2, 2, 3, 1, 2.5, 2.5, 2, 2, 5, 0, 4, 0};
    cr_expect_float_eq(hypervolume(two, 7, 2, (double[]){4, 4}), 6, 1e-12);
    cr_expect_eq(hypervolume(two, 0, 2, (double[]){4, 4}), 0);
    cr_expect_eq(hypervolume(two, 1, 2, (double[]){1, 4}), 0, "on the reference's edge");
    static const double three[] = {0, 0, 1, 0, 1, 0, 1, 0, 0};
    // Three boxes of 2 x 2 x 1 on a cube of side 2, meeting in it: all but the corner's unit cube.
    cr_expect_float_eq(hypervolume(three, 3, 3, (double[]){2, 2, 2}), 7, 1e-12);
    double out;
    cr_expect_eq(esp_statistics_hypervolume(&out, three, 1, 4, three), ESP_ERROR_UNSUPPORTED);
}

// The share of the cells of a grid that a point dominates; the coordinates are whole numbers.
static double counted(const double *points, uint64_t count, uint64_t objectives, int side)
{
    double cells = 0;
    for (int i = 0; i < side; i++)
        for (int j = 0; j < side; j++)
            for (int k = 0; k < (objectives == 3 ? side : 1); k++) {
                bool inside = false;
                for (uint64_t p = 0; p < count && !inside; p++) {
                    const double *point = points + p * objectives;
                    inside = point[0] <= i && point[1] <= j && (objectives == 2 || point[2] <= k);
                }
                cells += inside;
            }
    return cells;
}

Test(statistics, hypervolumes_are_those_of_counted_cells)
{
    esp_random random = esp_random_stream(3, 0, 0, 0, 0);
    for (int round = 0; round < 300; round++) {
        uint64_t objectives = 2 + (uint64_t)round % 2, count = esp_random_below(&random, 15);
        double points[45], reference[3] = {12, 12, 12};
        for (uint64_t i = 0; i < count * objectives; i++)
            points[i] = (double)esp_random_below(&random, 14); // some beyond the reference
        cr_assert_float_eq(hypervolume(points, count, objectives, reference),
                           counted(points, count, objectives, 12), 1e-9, "round %d", round);
    }
}

// ---- R itself ---------------------------------------------------------------------------------

static void write_vector(FILE *file, const char *name, const double *values, uint64_t count)
{
    fprintf(file, "%s <- c(", name);
    for (uint64_t i = 0; i < count; i++)
        fprintf(file, "%s%.17g", i ? "," : "", values[i]);
    fprintf(file, ")\n");
}

// What R is asked of each pair of samples, in the order of `ours`.
static const char asked[] =
    "n <- min(length(x), length(y)); u <- x[1:n]; v <- y[1:n]\n"
    "w <- suppressWarnings(wilcox.test(x, y))\n"
    "h <- p.adjust(c(w$p.value, 0.03, NA, abs(x) / 100), 'holm')\n"
    "k <- suppressWarnings(c(cor(u, v, method='spearman'), cor(u, v, method='kendall')))\n"
    "r <- c(mean(x), sd(x), quantile(y, c(0, .025, .25, .5, .75, .975, 1)), w$statistic, "
    "w$p.value,\n"
    "  mean(outer(x, y, '>') + 0.5 * outer(x, y, '==')), k, rank(x)[1], h[1], h[length(h)])\n"
    "writeLines(sprintf('%.17g', as.numeric(r)))\n";

#define ASKED 17

static void ours(double out[ASKED], const double *p, uint64_t p_count, const double *q,
                 uint64_t q_count)
{
    static const double probabilities[] = {0, 0.025, 0.25, 0.5, 0.75, 0.975, 1};
    uint64_t n = p_count < q_count ? p_count : q_count;
    esp_mann_whitney test = test_of(p, p_count, q, q_count);
    double ranks[80], adjusted[83] = {test.p, 0.03, NAN};
    out[0] = esp_statistics_mean(p, p_count);
    out[1] = esp_statistics_sd(p, p_count);
    esp_statistics_quantiles(out + 2, q, q_count, probabilities, 7);
    out[9] = test.statistic;
    out[10] = test.p;
    esp_statistics_vargha_delaney(&out[11], p, p_count, q, q_count);
    esp_statistics_spearman(&out[12], p, q, n);
    esp_statistics_kendall(&out[13], p, q, n);
    esp_statistics_ranks(ranks, p, p_count);
    out[14] = ranks[0];
    for (uint64_t i = 0; i < p_count; i++)
        adjusted[3 + i] = fabs(p[i]) / 100;
    esp_statistics_holm(adjusted, adjusted, 3 + p_count);
    out[15] = adjusted[0];
    out[16] = adjusted[2 + p_count];
}

static bool r_is_installed(void)
{
    struct command_result result = command_run(
        &(struct command){.arguments = (const char *[]){"sh", "-c", "command -v Rscript", NULL}});
    bool found = result.status == 0;
    command_free(&result);
    return found;
}

#define ROUNDS 60

// Samples of 2 to 70 values, with and without ties, now and then constant.
static uint64_t draw(double *values, esp_random *random, int round)
{
    uint64_t count = 2 + esp_random_below(random, round % 3 == 0 ? 69 : 12);
    uint64_t levels = round % 15 == 14 ? 1 : 1 + esp_random_below(random, 9);
    for (uint64_t i = 0; i < count; i++)
        values[i] = round % 2 ? esp_random_normal(random) * 3
                              : (double)esp_random_below(random, levels) / 10;
    return count;
}

Test(statistics, random_samples_as_r_sees_them)
{
    if (!r_is_installed())
        cr_skip_test("Rscript is not installed (r-base-core): only the table of its values was "
                     "tested");
    static double samples[ROUNDS][2][80];
    static uint64_t counts[ROUNDS][2];
    char *folder = folder_temporary(), path[600];
    snprintf(path, sizeof path, "%s/samples.R", folder);
    FILE *file = fopen(path, "w");
    esp_random random = esp_random_stream(11, 0, 0, 0, 0);
    for (int i = 0; i < ROUNDS; i++) {
        for (int j = 0; j < 2; j++) {
            counts[i][j] = draw(samples[i][j], &random, i);
            write_vector(file, j ? "y" : "x", samples[i][j], counts[i][j]);
        }
        fputs(asked, file);
    }
    fclose(file);
    struct command_result result = command_run(
        &(struct command){.arguments = (const char *[]){"Rscript", "--vanilla", path, NULL}});
    cr_assert_eq(result.status, 0, "%s", result.err);
    char *line = result.out;
    for (int i = 0; i < ROUNDS; i++) {
        double mine[ASKED];
        ours(mine, samples[i][0], counts[i][0], samples[i][1], counts[i][1]);
        for (int j = 0; j < ASKED; j++) {
            char what[64], *end;
            double value =
                strncmp(line, "NA", 2) == 0 ? (end = strchr(line, '\n'), NAN) : strtod(line, &end);
            cr_assert(end && *end == '\n', "round %d: R ends at %d", i, j);
            snprintf(what, sizeof what, "round %d, number %d", i, j);
            // Sums in another order differ in the last bits.
            cr_expect(isnan(value) ? isnan(mine[j])
                                   : fabs(value - mine[j]) <= 1e-10 * fabs(value) + 1e-14,
                      "%s: %.17g, R says %.17g", what, mine[j], value);
            line = end + 1;
        }
    }
    command_free(&result);
    folder_delete(folder);
}
