// SPDX-License-Identifier: Apache-2.0
// Rank correlations of columns with gaps. The numbers are R 4.2's:
//   x <- c(1, 2, 3, 4, NA, 6); y <- c(2, 1, 4, 3, 5, 6); z <- c(6, 5, NA, 3, 2, 1)
//   cor(cbind(x, y, z), method = "spearman", use = "pairwise.complete.obs"), and "kendall"
#include "report/correlation.h"

#include <criterion/criterion.h>
#include <math.h>

#define ROWS 6

static const double columns[] = {
    1, 2, 3,   4, NAN, 6, // x
    2, 1, 4,   3, 5,   6, // y
    6, 5, NAN, 3, 2,   1, // z
    7, 7, 7,   7, 7,   7, // constant
};

Test(correlation, pairs_of_rows_that_are_there)
{
    static const char *const names[] = {"x", "y", "z", "constant"};
    struct correlation c;
    struct error error;
    error_clear(&error);
    cr_assert_eq(correlation_make(&c, names, columns, 4, ROWS, &error), ESP_OK);
    cr_assert_eq(c.n[0 * 4 + 1], 5);
    cr_assert_eq(c.n[0 * 4 + 2], 4);
    cr_assert_eq(c.n[1 * 4 + 2], 5);
    cr_assert_float_eq(c.spearman[0 * 4 + 1], 0.8, 1e-12);
    cr_assert_float_eq(c.kendall[0 * 4 + 1], 0.6, 1e-12);
    cr_assert_float_eq(c.spearman[0 * 4 + 2], -1, 1e-12);
    cr_assert_float_eq(c.spearman[1 * 4 + 2], -0.9, 1e-12);
    cr_assert_float_eq(c.kendall[2 * 4 + 1], -0.8, 1e-12);
    cr_assert_float_eq(c.spearman[0], 1, 1e-12);
    cr_assert(isnan(c.spearman[0 * 4 + 3]), "a constant has no order");
    correlation_destroy(&c);
}

Test(correlation, too_few_rows)
{
    static const char *const names[] = {"a", "b"};
    static const double two[] = {1, 2, NAN, 2, 1, 5};
    struct correlation c;
    struct error error;
    error_clear(&error);
    cr_assert_eq(correlation_make(&c, names, two, 2, 3, &error), ESP_OK);
    cr_assert_eq(c.n[1], 2);
    cr_assert(isnan(c.spearman[1]) && isnan(c.kendall[1]));
    correlation_destroy(&c);
}

// The first two steps order the trials as the end does, but for one exchange.
Test(correlation, steps_of_curves)
{
    static double steps[] = {1, 2, 4};
    static double values[4][3] = {
        {0.1, 0.1, 0.1}, {0.3, 0.2, 0.2}, {0.2, 0.3, 0.3}, {0.4, 0.4, 0.4}};
    struct learning_curve list[4];
    for (int i = 0; i < 4; i++)
        list[i] = (struct learning_curve){(uint64_t)i, 3, steps, values[i]};
    char *name = (char *)"valid_accuracy";
    struct learning_curves curves = {&name, 1, list, 4, 0};
    struct study_objective objective = {name, true};
    struct study study = {.objectives = &objective, .objective_count = 1};
    struct correlation c;
    struct error error;
    error_clear(&error);
    cr_assert_eq(correlation_of_steps(&c, &curves, &study, 8, &error), ESP_OK);
    cr_assert_eq(c.count, 3);
    cr_assert_str_eq(c.names[2], "4");
    cr_assert_float_eq(c.spearman[0 * 3 + 2], 0.8, 1e-12);
    cr_assert_float_eq(c.kendall[0 * 3 + 2], 4.0 / 6, 1e-12);
    cr_assert_float_eq(c.spearman[1 * 3 + 2], 1, 1e-12);
    correlation_destroy(&c);
    // First and last stay where steps are thinned.
    cr_assert_eq(correlation_of_steps(&c, &curves, &study, 2, &error), ESP_OK);
    cr_assert_eq(c.count, 2);
    cr_assert_str_eq(c.names[0], "1");
    cr_assert_str_eq(c.names[1], "4");
    correlation_destroy(&c);
}

// Four architectures at one and at three epochs, a fifth at one alone: the orders agree but for one
// exchange. A trial that failed has no place.
Test(correlation, fidelities_of_the_same_architectures)
{
    static double short_values[] = {0.1, 0.2, 0.3, 0.4, 0.9}, long_values[] = {0.5, 0.7, 0.6, 0.8};
    static struct fidelity one = {(char *)"epochs", 1}, three = {(char *)"epochs", 3};
    static int64_t position = 0;
    struct result_trial trials[10] = {0};
    struct table_row rows[10] = {0};
    for (uint64_t i = 0; i < 5; i++)
        trials[i] = (struct result_trial){.trial = i,
                                          .state = TRIAL_DONE,
                                          .hash = 100 + i,
                                          .fidelity = &one,
                                          .fidelity_count = 1,
                                          .metrics = &short_values[i]};
    for (uint64_t i = 0; i < 4; i++)
        trials[5 + i] = (struct result_trial){.trial = 5 + i,
                                              .state = TRIAL_DONE,
                                              .hash = 100 + i,
                                              .fidelity = &three,
                                              .fidelity_count = 1,
                                              .metrics = &long_values[i]};
    trials[9] = (struct result_trial){
        .trial = 9, .state = TRIAL_FAILED, .hash = 104, .fidelity = &three, .fidelity_count = 1};
    for (uint64_t i = 0; i < 10; i++)
        rows[i].place = i;
    struct table_metric metric = {.name = (char *)"valid_accuracy"};
    struct table_run run = {.results = {.trials = trials, .count = 10}, .positions = &position};
    struct trial_table table = {&run, 1, &metric, 1, rows, 10, 0};
    struct study_objective objective = {metric.name, true};
    struct study study = {.objectives = &objective, .objective_count = 1};
    struct correlation c;
    struct error error;
    error_clear(&error);
    cr_assert_eq(correlation_of_fidelities(&c, &table, &study, 8, &error), ESP_OK);
    cr_assert_eq(c.count, 2);
    cr_assert_str_eq(c.names[0], "epochs=1");
    cr_assert_str_eq(c.names[1], "epochs=3");
    cr_assert_eq(c.n[0], 5);
    cr_assert_eq(c.n[1], 4);
    cr_assert_float_eq(c.spearman[1], 0.8, 1e-12);
    cr_assert_float_eq(c.kendall[1], 4.0 / 6, 1e-12);
    correlation_destroy(&c);
}
