// SPDX-License-Identifier: Apache-2.0
// Learning rates over a training; see schedule.h.
#include "schedule.h"

#include <math.h>

double schedule_rate(const struct schedule *s, double epoch)
{
    if (epoch < s->warmup)
        return s->rate * epoch / s->warmup;
    if (s->kind == SCHEDULE_STEP)
        return s->rate * pow(s->step_gamma, floor(epoch / s->step_size));
    if (s->kind == SCHEDULE_CONSTANT)
        return s->rate;
    double span = s->horizon - s->warmup;
    double t = span > 0 ? (epoch - s->warmup) / span : 1.0;
    t = t < 1.0 ? t : 1.0;
    return s->rate * 0.5 * (1.0 + cos(3.14159265358979323846 * t));
}
