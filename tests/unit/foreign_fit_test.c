// SPDX-License-Identifier: Apache-2.0
// Least squares: a problem with certified values, curves that are known, and measured learning curves.
#include "foreign/fit.h"

#include "support/folder.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static esp_status misra(void *self, double x, const double *theta, double *value,
                        struct error *error)
{
    (void)self, (void)error;
    *value = theta[0] * (1 - exp(-theta[1] * x));
    return ESP_OK;
}

// Misra1a of NIST's reference datasets for nonlinear regression, from the farther of its two starts:
// the parameters and the sum of squares as certified.
Test(foreign_fit, misra1a_of_nist)
{
    const double y[] = {10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02,
                        44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78};
    const double x[] = {77.6,  114.9, 141.1, 190.8, 239.9, 289.0, 332.8,
                        378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0};
    double theta[FIT_MOST_THETA] = {500, 0.0001}, sum;
    struct error error;
    error_clear(&error);
    cr_assert_eq(fit_least_squares(theta, 2, x, y, 14, misra, NULL, &sum, &error), ESP_OK);
    cr_expect_float_eq(theta[0] / 2.3894212918e+02, 1, 1e-6, "%.12g", theta[0]);
    cr_expect_float_eq(theta[1] / 5.5015643181e-04, 1, 1e-6, "%.12g", theta[1]);
    cr_expect_float_eq(sum / 1.2455138894e-01, 1, 1e-8, "%.12g", sum);
}

static esp_status power_law(void *self, double step, const double *theta, double *value,
                            struct error *error)
{
    (void)self, (void)error;
    *value = theta[0] - theta[1] * pow(step, -theta[2]);
    return ESP_OK;
}

Test(foreign_fit, a_curve_that_is_one_of_the_family_is_found)
{
    const double truth[] = {0.93, 0.6, 0.7};
    double theta[FIT_MOST_THETA] = {0.5, 0.5, 0.5}, steps[8], values[8], sum;
    struct error error;
    error_clear(&error);
    for (int i = 0; i < 8; i++) {
        steps[i] = i + 1;
        power_law(NULL, steps[i], truth, &values[i], &error);
    }
    cr_assert_eq(fit_least_squares(theta, 3, steps, values, 8, power_law, NULL, &sum, &error),
                 ESP_OK);
    for (int k = 0; k < 3; k++)
        cr_expect_float_eq(theta[k], truth[k], 1e-5, "%d: %g", k, theta[k]);
    cr_expect(sum < 1e-18, "%g", sum);
}

Test(foreign_fit, a_beginning_that_is_no_number_is_refused)
{
    double theta[FIT_MOST_THETA] = {NAN, 1, 1}, step = 1, value = 1, sum;
    struct error error;
    error_clear(&error);
    cr_expect_eq(fit_least_squares(theta, 3, &step, &value, 1, power_law, NULL, &sum, &error),
                 ESP_ERROR);
    cr_expect(strstr(error.message, "no number where its fit begins"));
}

// The family holds every constant, so that no fit of a measured curve may be worse than its mean; and most
// are better by far.
Test(foreign_fit, measured_curves_are_fitted_better_than_by_a_constant)
{
    FILE *file =
        fopen(ESPALIER_SOURCE_DIR "/../shared/data/learning_curves/metaqnn_cifar10.csv", "r");
    char *line = NULL;
    size_t size = 0, count = 0;
    double shares = 0;
    int first = -1;
    if (!file)
        cr_skip_test("../shared/data/learning_curves is absent");
    while (getline(&line, &size, file) > 0 && count < 300) {
        double values[20], theta[FIT_MOST_THETA] = {0.8, 0.5, 0.5}, steps[10], sum;
        struct error error;
        int column = 0, found = 0;
        bool quoted = false;
        error_clear(&error);
        // Fields between commas, of which the first has commas in quotes.
        for (char *c = line, *field = line;; c++) {
            quoted ^= *c == '"';
            if ((*c != ',' || quoted) && *c != '\n' && *c != '\0')
                continue;
            char end = *c;
            *c = '\0';
            if (first < 0 && strcmp(field, "acc_1") == 0)
                first = column;
            else if (first >= 0 && column >= first && found < 20 && field[0] != 'a')
                values[found++] = atof(field);
            column++;
            field = c + 1;
            if (end != ',')
                break;
        }
        if (found < 20 || values[19] < 0.3)
            continue;
        double mean = 0, spread = 0;
        for (int i = 0; i < 10; i++) {
            steps[i] = i + 1;
            mean += values[i] / 10;
        }
        for (int i = 0; i < 10; i++)
            spread += (values[i] - mean) * (values[i] - mean);
        cr_assert_eq(fit_least_squares(theta, 3, steps, values, 10, power_law, NULL, &sum, &error),
                     ESP_OK);
        cr_expect(sum <= spread * (1 + 1e-9), "curve %zu: %g, of a constant %g", count, sum,
                  spread);
        shares += sum / spread;
        count++;
    }
    free(line);
    fclose(file);
    cr_assert(count >= 200, "%zu curves", count);
    cr_expect(shares / (double)count < 0.2, "%g", shares / (double)count);
}
