// SPDX-License-Identifier: Apache-2.0
// The ensemble; see ensemble.h.
#include "ensemble.h"

#include <stdlib.h>

void ensemble_targets(int64_t loss, const double *y, uint64_t count, float *targets, float *weights)
{
    double largest = 0.0, mean = 0.0, square = 0.0, least = INFINITY, sum = 0.0;
    for (uint64_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(y[i]));
    // Large numbers are made small first.
    const double unit = largest > 0.0 ? 1.0 / largest : 0.0;
    for (uint64_t i = 0; i < count; i++)
        mean += y[i] * unit / (double)count;
    for (uint64_t i = 0; i < count; i++)
        square += (y[i] * unit - mean) * (y[i] * unit - mean) / (double)count;
    const double sd = sqrt(square);
    for (uint64_t i = 0; i < count; i++) {
        double target = sd > 1e-14 ? (y[i] * unit - mean) / sd : 0.0;
        targets[i] = (float)target;
        least = fmin(least, target);
    }
    for (uint64_t i = 0; i < count; i++) {
        weights[i] = loss == LOSS_MAPE ? (float)(1.0 / ((double)targets[i] - least + 1.0)) : 1.0f;
        sum += (double)weights[i];
    }
    for (uint64_t i = 0; i < count; i++)
        weights[i] *= (float)((double)count / sum);
}

esp_status ensemble_predict(const struct ensemble_options *options, const float *x, const double *y,
                            uint64_t count, uint64_t width, const float *queries,
                            uint64_t query_count, esp_random *random, double *mean, double *sd)
{
    float *targets = malloc((2 * count + query_count + 1) * sizeof *targets);
    esp_status status = targets ? ESP_OK : ESP_ERROR_MEMORY;
    if (status != ESP_OK)
        return status;
    float *weights = targets + count, *out = weights + count;
    ensemble_targets(options->loss, y, count, targets, weights);
    for (uint64_t i = 0; i < query_count; i++)
        mean[i] = sd[i] = 0.0;
    for (uint64_t network = 0; network < options->networks && status == ESP_OK; network++) {
        esp_mlp *mlp = NULL;
        status = esp_mlp_create(&mlp, width, options->layers, options->units, random);
        if (status == ESP_OK)
            status = esp_mlp_train(mlp, &options->training, x, targets, weights, count, random);
        if (status == ESP_OK)
            status = esp_mlp_predict(mlp, queries, query_count, out);
        esp_mlp_destroy(mlp);
        for (uint64_t i = 0; i < query_count && status == ESP_OK; i++) {
            // Running mean and sum of squares (Welford 1962).
            double apart = (double)out[i] - mean[i];
            mean[i] += apart / (double)(network + 1);
            sd[i] += apart * ((double)out[i] - mean[i]);
        }
    }
    for (uint64_t i = 0; i < query_count; i++)
        sd[i] = sqrt(sd[i] / (double)options->networks);
    free(targets);
    return status;
}
