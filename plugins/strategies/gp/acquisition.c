// SPDX-License-Identifier: Apache-2.0
// Acquisition; see acquisition.h.
#include "acquisition.h"

#include <math.h>
#include <stdlib.h>

#define LOG_SQRT_TWO_PI 0.91893853320467274178

double log_expected_improvement(double best, double mean, double sd)
{
    if (!(sd > 0.0))
        return best > mean ? log(best - mean) : -INFINITY;
    double z = (best - mean) / sd, density = exp(-0.5 * z * z - LOG_SQRT_TWO_PI);
    // Far below the two terms cancel: what is left is phi(z) / z^2 (1 - 3 / z^2 ...).
    if (z < -20.0)
        return log(sd) - 0.5 * z * z - LOG_SQRT_TWO_PI - 2.0 * log(-z);
    return log(sd) + log(z * 0.5 * erfc(-z / 1.41421356237309504880) + density);
}

esp_status acquire_improvement(const struct posterior *posterior,
                               const struct candidates *candidates, uint64_t *out, double *score)
{
    double *mean = malloc((2 * candidates->count + 1) * sizeof *mean);
    double *sd = mean + candidates->count;
    if (!mean)
        return ESP_ERROR_MEMORY;
    esp_status status =
        esp_gp_predict(posterior->gp, candidates->points, candidates->count, mean, sd);
    *out = 0;
    for (uint64_t i = 0; i < candidates->count && status == ESP_OK; i++) {
        double at = log_expected_improvement(posterior->best, mean[i], sd[i]);
        if (i > 0 && !(at > *score))
            continue;
        *out = i;
        *score = at;
    }
    free(mean);
    return status;
}

esp_status acquire_thompson(const struct posterior *posterior, const struct candidates *candidates,
                            esp_random *random, uint64_t *out)
{
    double *draw = malloc((candidates->count + 1) * sizeof *draw);
    if (!draw)
        return ESP_ERROR_MEMORY;
    esp_status status =
        esp_gp_sample(posterior->gp, candidates->points, candidates->count, random, draw);
    *out = 0;
    for (uint64_t i = 1; i < candidates->count && status == ESP_OK; i++)
        if (draw[i] < draw[*out])
            *out = i;
    free(draw);
    return status;
}
