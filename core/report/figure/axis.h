// SPDX-License-Identifier: Apache-2.0
// An axis of a figure: its range, linear or logarithmic, and the ticks that a reader expects on it.
#ifndef REPORT_FIGURE_AXIS_H
#define REPORT_FIGURE_AXIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AXIS_TICKS_MOST 24

// low < high, both finite; above 0 where it is logarithmic.
struct figure_axis {
    double low, high;
    double step; // between the ticks of a linear one
    bool log;
};

// The least axis that begins and ends on ticks and holds every value from `low` to `high`. Equal or
// missing bounds (NaN) give an axis around them; where `log` is asked of values that are not all above
// 0 the axis is linear.
struct figure_axis axis_make(double low, double high, bool log);
// Ticks at 1, 2 or 5 times a power of ten, about 5 of them, the axis' ends among them; of a
// logarithmic axis over more than two decades powers of ten. `out` has room for AXIS_TICKS_MOST.
// Answers how many.
uint64_t axis_ticks(const struct figure_axis *axis, double *out);
// 0 at the low end, 1 at the high one.
double axis_place(const struct figure_axis *axis, double value);
// A tick's label: as many decimals as the ticks' distance needs, large and small numbers as 2e6.
void axis_label(const struct figure_axis *axis, double value, char *text, size_t size);

#endif
