// SPDX-License-Identifier: Apache-2.0
// Ranges and ticks of an axis; see axis.h.
#include "report/figure/axis.h"

#include <math.h>
#include <stdio.h>

#define WANTED 5.0 // ticks

// 1, 2 or 5 times a power of ten, at least `raw`, but for rounding.
static double nice_step(double raw)
{
    double power = pow(10, floor(log10(raw))), lead = raw / power;
    return power * (lead <= 1.0 + 1e-9 ? 1 : lead <= 2.0 + 1e-9 ? 2 : lead <= 5.0 + 1e-9 ? 5 : 10);
}

static struct figure_axis linear(double low, double high)
{
    double step = nice_step((high - low) / WANTED);
    return (struct figure_axis){step * floor(low / step + 1e-9), step * ceil(high / step - 1e-9),
                                step, false};
}

// Of the lead 1, 2 and 5 the next below or above.
static double nice_log(double value, bool up)
{
    static const double leads[] = {1, 2, 5, 10};
    double power = pow(10, floor(log10(value) + 1e-12)), lead = value / power;
    for (int i = 0; i < 3; i++)
        if (lead < leads[i + 1] - 1e-9)
            return power * (up && lead > leads[i] + 1e-9 ? leads[i + 1] : leads[i]);
    return power * 10;
}

struct figure_axis axis_make(double low, double high, bool log)
{
    if (!isfinite(low) || !isfinite(high)) {
        low = 0;
        high = 1;
    }
    if (log && low > 0) {
        struct figure_axis axis = {nice_log(low, false), nice_log(high, true), 0, true};
        if (axis.low < axis.high)
            return axis;
        return (struct figure_axis){axis.low / 10, axis.high * 10, 0, true};
    }
    if (high - low <= 1e-12 * fmax(fabs(low), fabs(high))) {
        double half = low != 0 ? fabs(low) / 2 : 0.5;
        low -= half;
        high += half;
    }
    return linear(low, high);
}

static uint64_t log_ticks(const struct figure_axis *axis, double *out)
{
    static const double leads[] = {1, 2, 5};
    double decades = log10(axis->high / axis->low);
    int leads_shown = decades > 2.01 ? 1 : 3;
    double stride = decades > 12 ? ceil(decades / 12) : 1;
    uint64_t count = 0;
    for (double power = floor(log10(axis->low) + 1e-9); power <= log10(axis->high) + 1e-9;
         power += stride)
        for (int i = 0; i < leads_shown && count < AXIS_TICKS_MOST; i++) {
            double value = leads[i] * pow(10, power);
            if (value > axis->low * (1 - 1e-9) && value < axis->high * (1 + 1e-9))
                out[count++] = value;
        }
    return count;
}

uint64_t axis_ticks(const struct figure_axis *axis, double *out)
{
    if (axis->log)
        return log_ticks(axis, out);
    double step = axis->step;
    double first = ceil(axis->low / step - 1e-6), last = floor(axis->high / step + 1e-6);
    uint64_t count = 0;
    for (double i = first; i <= last && count < AXIS_TICKS_MOST; i++)
        out[count++] = i * step;
    return count;
}

double axis_place(const struct figure_axis *axis, double value)
{
    if (axis->log)
        return log(value / axis->low) / log(axis->high / axis->low);
    return (value - axis->low) / (axis->high - axis->low);
}

void axis_label(const struct figure_axis *axis, double value, char *text, size_t size)
{
    double largest = fmax(fabs(axis->low), fabs(axis->high));
    double step = axis->log ? value : axis->step;
    int decimals = step < 1 ? (int)ceil(-log10(step) - 1e-9) : 0;
    if (value == 0)
        snprintf(text, size, "0");
    else if ((axis->log ? value : largest) >= 1e6 || decimals > 5) {
        // As few digits as tell the tick from its neighbours.
        int digits =
            axis->log ? 0 : (int)(floor(log10(fabs(value)) + 1e-9) - floor(log10(step) + 1e-9));
        int length = snprintf(text, size, "%.*e", digits > 0 ? digits : 0, value);
        // 2e+06 and 2e-07 as 2e6 and 2e-7.
        for (int i = 0; i < length; i++)
            if (text[i] == 'e') {
                int exponent = 0;
                sscanf(text + i + 1, "%d", &exponent);
                snprintf(text + i, size - (size_t)i, "e%d", exponent);
                break;
            }
    } else
        snprintf(text, size, "%.*f", decimals, value);
}
