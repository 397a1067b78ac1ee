// SPDX-License-Identifier: Apache-2.0
// Ranges and ticks of figures' axes.
#include "report/figure/axis.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void expect_ticks(struct figure_axis axis, const char *expected)
{
    double ticks[AXIS_TICKS_MOST];
    char all[512] = "", text[32];
    uint64_t count = axis_ticks(&axis, ticks);
    for (uint64_t i = 0; i < count; i++) {
        axis_label(&axis, ticks[i], text, sizeof text);
        strcat(strcat(all, i ? " " : ""), text);
    }
    cr_assert_str_eq(all, expected);
}

Test(axis, linear)
{
    expect_ticks(axis_make(0, 200, false), "0 50 100 150 200");
    expect_ticks(axis_make(0.41, 0.84, false), "0.4 0.5 0.6 0.7 0.8 0.9");
    expect_ticks(axis_make(0.9112, 0.9248, false), "0.910 0.915 0.920 0.925");
    expect_ticks(axis_make(-3, 12, false), "-5 0 5 10 15");
    expect_ticks(axis_make(0, 7e6, false), "0 2e6 4e6 6e6 8e6");
    expect_ticks(axis_make(1e6, 2.3e6, false), "1.0e6 1.5e6 2.0e6 2.5e6");
}

Test(axis, logarithmic)
{
    expect_ticks(axis_make(1, 200, true), "1 10 100");
    expect_ticks(axis_make(0.02, 0.9, true), "0.02 0.05 0.1 0.2 0.5 1");
    expect_ticks(axis_make(3, 40, true), "2 5 10 20 50");
    struct figure_axis axis = axis_make(1, 1e4, true);
    cr_assert_float_eq(axis_place(&axis, 100), 0.5, 1e-12);
}

Test(axis, bounds_that_are_none)
{
    expect_ticks(axis_make(NAN, NAN, false), "0 0.2 0.4 0.6 0.8 1.0");
    struct figure_axis axis = axis_make(5, 5, false);
    cr_assert(axis.low < 5 && axis.high > 5);
    axis = axis_make(7, 7, true);
    cr_assert(axis.log && axis.low <= 7 && axis.high >= 7 && axis.low < axis.high);
    // No logarithm of zero.
    cr_assert_not(axis_make(0, 10, true).log);
}

// Every value lies on its axis, and few ticks are on it, whatever the range.
Test(axis, holds_its_values)
{
    for (double scale = 1e-9; scale < 1e12; scale *= 7.3)
        for (double low = -2; low < 3; low += 0.37)
            for (double span = 0.01; span < 40; span *= 3.1) {
                double ticks[AXIS_TICKS_MOST], high = low + span;
                struct figure_axis axis = axis_make(low * scale, high * scale, false);
                uint64_t count = axis_ticks(&axis, ticks);
                cr_assert(axis_place(&axis, low * scale) > -1e-9, "%g %g %g", low, span, scale);
                cr_assert(axis_place(&axis, high * scale) < 1 + 1e-9, "%g %g %g", low, span, scale);
                cr_assert(count >= 3 && count <= 9, "%llu ticks", (unsigned long long)count);
                cr_assert_float_eq(axis_place(&axis, ticks[0]), 0, 1e-6);
                cr_assert_float_eq(axis_place(&axis, ticks[count - 1]), 1, 1e-6);
            }
}
