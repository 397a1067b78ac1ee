// SPDX-License-Identifier: Apache-2.0
// The networks of a round: trained from fresh weights, they tell mean and spread.
#ifndef BANANAS_ENSEMBLE_H
#define BANANAS_ENSEMBLE_H

#include <espalier/support/networks.h>

enum { LOSS_MAE, LOSS_MAPE };

struct ensemble_options {
    uint64_t networks, layers, units;
    int64_t loss;
    esp_mlp_training training;
};

// Trains on `x` [count, width] and `y` [count], less is better; then writes mean and sd (1/n) of the networks
// at `queries` [query_count, width], in units of the sd of y. ESP_ERROR_MEMORY.
esp_status ensemble_predict(const struct ensemble_options *options, const float *x, const double *y,
                            uint64_t count, uint64_t width, const float *queries,
                            uint64_t query_count, esp_random *random, double *mean, double *sd);

// The targets of training: `y` of mean 0 and sd 1 (all 0 where they are equal), and each one's weight in the
// loss. mape: |prediction - y| / (y - bound), the weights of mean 1, with a bound of one sd below the least
// y.
void ensemble_targets(int64_t loss, const double *y, uint64_t count, float *targets,
                      float *weights);

#endif
