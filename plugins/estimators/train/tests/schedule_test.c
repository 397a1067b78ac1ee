// SPDX-License-Identifier: Apache-2.0
// Learning rates against their formulas.
#include "../schedule.h"

#include <criterion/criterion.h>
#include <math.h>

static const struct schedule cosine = {SCHEDULE_COSINE, 0.2, 2, 10, 3, 0.5, 1.5, 2};

Test(schedule, a_warm_up_rises_linearly_to_the_rate)
{
    static const enum schedule_kind kinds[] = {SCHEDULE_COSINE, SCHEDULE_STEP, SCHEDULE_CONSTANT,
                                               SCHEDULE_LINEAR, SCHEDULE_COSINE_RESTARTS};
    for (int i = 0; i < 5; i++) {
        struct schedule s = cosine;
        s.kind = kinds[i];
        for (double epoch = 0.0; epoch < 2.0; epoch += 0.125)
            cr_assert_float_eq(schedule_rate(&s, epoch), 0.1 * epoch, 1e-15);
        cr_assert_eq(schedule_rate(&s, 2.0), 0.2, "at its end, all of it");
        s.warmup = 0.0;
        cr_assert_eq(schedule_rate(&s, 0.0), 0.2, "without one, at once");
    }
}

Test(schedule, a_cosine_falls_to_zero_at_the_horizon_and_stays_there)
{
    cr_assert_float_eq(schedule_rate(&cosine, 6.0), 0.1, 1e-15, "half way");
    cr_assert_float_eq(schedule_rate(&cosine, 4.0), 0.1 * (1.0 + sqrt(0.5)), 1e-15);
    cr_assert_float_eq(schedule_rate(&cosine, 10.0), 0.0, 1e-15);
    cr_assert_float_eq(schedule_rate(&cosine, 25.0), 0.0, 1e-15);
    for (double epoch = 2.0; epoch < 9.9; epoch += 0.1)
        cr_assert_gt(schedule_rate(&cosine, epoch), schedule_rate(&cosine, epoch + 0.1));
}

// 3 of 9 epochs have the rates of the first 3 of 9: nothing but the moment and the horizon counts.
Test(schedule, a_warm_up_as_long_as_the_horizon_leaves_no_cosine)
{
    struct schedule s = cosine;
    s.warmup = 10.0;
    cr_assert_float_eq(schedule_rate(&s, 5.0), 0.1, 1e-15);
    cr_assert_float_eq(schedule_rate(&s, 10.0), 0.0, 1e-15);
    s.warmup = 20.0;
    cr_assert_float_eq(schedule_rate(&s, 15.0), 0.15, 1e-15);
    cr_assert_float_eq(schedule_rate(&s, 20.0), 0.0, 1e-15);
}

Test(schedule, a_step_multiplies_by_gamma_each_so_many_epochs)
{
    static const struct {
        double epoch, rate;
    } cases[] = {{2.0, 0.2}, {2.999, 0.2}, {3.0, 0.1}, {5.999, 0.1}, {6.0, 0.05}, {9.5, 0.025}};
    struct schedule s = cosine;
    s.kind = SCHEDULE_STEP;
    for (int i = 0; i < 6; i++)
        cr_assert_float_eq(schedule_rate(&s, cases[i].epoch), cases[i].rate, 1e-15, "epoch %g",
                           cases[i].epoch);
}

Test(schedule, a_constant_stays)
{
    struct schedule s = cosine;
    s.kind = SCHEDULE_CONSTANT;
    for (double epoch = 2.0; epoch < 30.0; epoch += 0.5)
        cr_assert_eq(schedule_rate(&s, epoch), 0.2);
}

Test(schedule, a_linear_one_falls_to_zero_at_the_horizon_and_stays_there)
{
    static const struct {
        double epoch, rate;
    } cases[] = {{2.0, 0.2}, {4.0, 0.15}, {6.0, 0.1}, {9.0, 0.025}, {10.0, 0.0}, {40.0, 0.0}};
    struct schedule s = cosine;
    s.kind = SCHEDULE_LINEAR;
    for (int i = 0; i < 6; i++)
        cr_assert_float_eq(schedule_rate(&s, cases[i].epoch), cases[i].rate, 1e-15, "epoch %g",
                           cases[i].epoch);
}

// Periods of 1.5, 3, 6 epochs from the end of the warm-up: 2 to 3.5, 6.5, 12.5.
Test(schedule, a_cosine_restarts_after_each_period)
{
    static const struct {
        double epoch, rate;
    } cases[] = {{2.0, 0.2}, {2.75, 0.1}, {3.5, 0.2},  {5.0, 0.1}, {6.5, 0.2},
                 {9.5, 0.1}, {12.5, 0.2}, {18.5, 0.1}, {24.5, 0.2}};
    struct schedule s = cosine;
    s.kind = SCHEDULE_COSINE_RESTARTS;
    for (int i = 0; i < 9; i++)
        cr_assert_float_eq(schedule_rate(&s, cases[i].epoch), cases[i].rate, 1e-14, "epoch %g",
                           cases[i].epoch);
    cr_assert_lt(schedule_rate(&s, 12.4999), 1e-8, "before a restart it is at 0");
    s.restart_factor = 1;
    for (int i = 0; i < 2000; i++) {
        cr_assert_float_eq(schedule_rate(&s, 2.0 + 1.5 * i), 0.2, 1e-12, "restart %d", i);
        cr_assert_float_eq(schedule_rate(&s, 2.75 + 1.5 * i), 0.1, 1e-12, "half of period %d", i);
    }
}
