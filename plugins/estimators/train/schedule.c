// SPDX-License-Identifier: Apache-2.0
// Learning rates over a training; see schedule.h.
#include "schedule.h"

#include <math.h>

static double half_cosine(double t)
{
    return 0.5 * (1.0 + cos(3.14159265358979323846 * t));
}

// How far the period is in which `epoch` (since the warm-up) lies, 0 to below 1.
static double within_period(const struct schedule *s, double epoch)
{
    double period = s->restart_period;
    if (s->restart_factor <= 1)
        return fmod(epoch, period) / period;
    while (epoch >= period) {
        epoch -= period;
        period *= (double)s->restart_factor;
    }
    return epoch / period;
}

double schedule_rate(const struct schedule *s, double epoch)
{
    if (epoch < s->warmup)
        return s->rate * epoch / s->warmup;
    if (s->kind == SCHEDULE_STEP)
        return s->rate * pow(s->step_gamma, floor(epoch / s->step_size));
    if (s->kind == SCHEDULE_CONSTANT)
        return s->rate;
    if (s->kind == SCHEDULE_COSINE_RESTARTS)
        return s->rate * half_cosine(within_period(s, epoch - s->warmup));
    double span = s->horizon - s->warmup;
    double t = span > 0 ? (epoch - s->warmup) / span : 1.0;
    t = t < 1.0 ? t : 1.0;
    return s->kind == SCHEDULE_LINEAR ? s->rate * (1.0 - t) : s->rate * half_cosine(t);
}
