// SPDX-License-Identifier: Apache-2.0
// Learning rates over a training: warm-up, then a schedule.
#ifndef TRAIN_SCHEDULE_H
#define TRAIN_SCHEDULE_H

#include <stdint.h>

enum schedule_kind {
    SCHEDULE_COSINE,
    SCHEDULE_STEP,
    SCHEDULE_CONSTANT,
    SCHEDULE_LINEAR,
    SCHEDULE_COSINE_RESTARTS
};

struct schedule {
    enum schedule_kind kind;
    double rate;      // the largest
    double warmup;    // epochs in which it rises linearly from 0
    double horizon;   // epochs after which a cosine or a linear schedule is at 0
    double step_size; // epochs
    double step_gamma;
    double restart_period;  // epochs: T_0
    int64_t restart_factor; // T_mult, >= 1
};

// The rate at a moment in epochs (2.5 = half of the third epoch): warm-up, then
//   cosine           rate (1 + cos(pi t)) / 2, t from 0 at the warm-up's end to 1 at the horizon
//                    (Loshchilov and Hutter 2017, without restarts)
//   linear           rate (1 - t), with the same t
//   cosine_restarts  rate (1 + cos(pi u)) / 2, u from 0 to 1 in each period: the first is
//                    restart_period epochs from the warm-up's end, each further one restart_factor
//                    times as long (Loshchilov and Hutter 2017; the smallest rate is 0)
//   step             rate gamma^floor(epoch / step_size)
double schedule_rate(const struct schedule *schedule, double epoch);

#endif
