// SPDX-License-Identifier: Apache-2.0
// Learning rates against their formulas.
#include "../schedule.h"

#include <criterion/criterion.h>
#include <math.h>

static const struct schedule cosine = {SCHEDULE_COSINE, 0.2, 2, 10, 3, 0.5};

Test(schedule, a_warm_up_rises_linearly_to_the_rate)
{
    static const enum schedule_kind kinds[] = {SCHEDULE_COSINE, SCHEDULE_STEP, SCHEDULE_CONSTANT};
    for (int i = 0; i < 3; i++) {
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
