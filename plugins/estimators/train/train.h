// SPDX-License-Identifier: Apache-2.0
// The estimator `train`: what its files share.
#ifndef TRAIN_TRAIN_H
#define TRAIN_TRAIN_H

#include "augment.h"
#include "class_weights.h"
#include "schedule.h"

#include <espalier/espalier.h>

struct train {
    int64_t epochs;
    int64_t batch;
    int64_t eval_batch;
    esp_optimizer optimizer;
    struct schedule schedule; // its horizon is the evaluation's
    uint32_t loss;            // ESP_LOSS_*
    double label_smoothing;
    struct class_weights class_weights;
    double clip_norm, clip_value; // 0 = off
    double ema_decay;             // 0 = off
    int ema_ramp;
    uint32_t set_init, init; // as in esp_compile_options
    double auxiliary_weight; // of each output behind the first in the loss
    struct augmentation augmentation;
    int measures_latency;
    esp_latency latency;
    int64_t checkpoint_every; // epochs; 0 = at the end alone
    esp_task task;
    esp_estimator_info info;
};

// Trains the network of an evaluation: training.c. In a final training (`final`) there is no
// validation, and `test` reads the test split at the end.
esp_status training_run(const struct train *train, esp_evaluation *e, uint32_t final,
                        uint32_t test);

#endif
