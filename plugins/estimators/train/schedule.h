// SPDX-License-Identifier: Apache-2.0
// Learning rates over a training: warm-up, then constant, step or cosine.
#ifndef TRAIN_SCHEDULE_H
#define TRAIN_SCHEDULE_H

enum schedule_kind { SCHEDULE_COSINE, SCHEDULE_STEP, SCHEDULE_CONSTANT };

struct schedule {
    enum schedule_kind kind;
    double rate;      // the largest
    double warmup;    // epochs in which it rises linearly from 0
    double horizon;   // epochs after which a cosine is at 0
    double step_size; // epochs
    double step_gamma;
};

// The rate at a moment in epochs (2.5 = half of the third epoch): warm-up, then
//   cosine    rate (1 + cos(pi t)) / 2, t from 0 at the warm-up's end to 1 at the horizon
//             (Loshchilov and Hutter 2017, without restarts)
//   step      rate gamma^floor(epoch / step_size)
double schedule_rate(const struct schedule *schedule, double epoch);

#endif
