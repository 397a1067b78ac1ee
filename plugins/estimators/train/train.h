// SPDX-License-Identifier: Apache-2.0
// The estimator `train`: what its files share.
#ifndef TRAIN_TRAIN_H
#define TRAIN_TRAIN_H

#include "augment.h"
#include "schedule.h"

#include <espalier/espalier.h>

struct train {
    int64_t epochs;
    int64_t batch;
    int64_t eval_batch;
    esp_optimizer optimizer;
    struct schedule schedule; // its horizon is the evaluation's
    double label_smoothing;
    double auxiliary_weight; // of each output behind the first in the loss
    struct augmentation augmentation;
    int64_t checkpoint_every; // epochs; 0 = at the end alone
    esp_task task;
    esp_estimator_info info;
};

// Trains the network of an evaluation: training.c. In a final training (`final`) there is no
// validation, and `test` reads the test split at the end.
esp_status training_run(const struct train *train, esp_evaluation *e, uint32_t final,
                        uint32_t test);

#endif
