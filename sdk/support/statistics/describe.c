// SPDX-License-Identifier: Apache-2.0
// What describes one sample: mean, sd, quantiles, the bootstrap interval of the mean.
#include <espalier/support/statistics.h>

#include "order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double esp_statistics_mean(const double *values, uint64_t count)
{
    if (count == 0)
        return NAN;
    // As in R: a second pass takes up what the first one lost to rounding.
    double sum = 0.0, rest = 0.0;
    for (uint64_t i = 0; i < count; i++)
        sum += values[i];
    double mean = sum / (double)count;
    for (uint64_t i = 0; i < count; i++)
        rest += values[i] - mean;
    return mean + rest / (double)count;
}

double esp_statistics_sd(const double *values, uint64_t count)
{
    if (count < 2)
        return NAN;
    double mean = esp_statistics_mean(values, count), sum = 0.0;
    for (uint64_t i = 0; i < count; i++)
        sum += (values[i] - mean) * (values[i] - mean);
    return sqrt(sum / (double)(count - 1));
}

static double quantile(const double *sorted, uint64_t count, double probability)
{
    double place = (double)(count - 1) * probability;
    // Probabilities such as 0.1 make places a few bits below a whole number.
    double whole = floor(place + 4.0 * 2.220446049250313e-16);
    double part = place - whole;
    if (fabs(part) < 4.0 * 2.220446049250313e-16)
        part = 0.0;
    uint64_t i = (uint64_t)whole;
    return part > 0.0 && i + 1 < count ? sorted[i] + part * (sorted[i + 1] - sorted[i]) : sorted[i];
}

esp_status esp_statistics_quantiles(double *out, const double *values, uint64_t count,
                                    const double *probabilities, uint64_t probability_count)
{
    double *sorted = malloc((count + 1) * sizeof *sorted);
    if (!sorted)
        return ESP_ERROR_MEMORY;
    if (count > 0)
        memcpy(sorted, values, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, statistics_ascending);
    for (uint64_t i = 0; i < probability_count; i++)
        out[i] = count == 0 ? NAN : quantile(sorted, count, probabilities[i]);
    free(sorted);
    return ESP_OK;
}

esp_status esp_statistics_bootstrap_mean(double *low, double *high, const double *values,
                                         uint64_t count, double level, uint64_t resamples,
                                         esp_random *random)
{
    if (count < 2 || resamples == 0) {
        *low = *high = NAN;
        return ESP_OK;
    }
    double *means = malloc(resamples * sizeof *means);
    if (!means)
        return ESP_ERROR_MEMORY;
    for (uint64_t i = 0; i < resamples; i++) {
        double sum = 0.0;
        for (uint64_t j = 0; j < count; j++)
            sum += values[esp_random_below(random, count)];
        means[i] = sum / (double)count;
    }
    const double probabilities[2] = {0.5 - level / 2.0, 0.5 + level / 2.0};
    double bounds[2];
    esp_status status = esp_statistics_quantiles(bounds, means, resamples, probabilities, 2);
    free(means);
    if (status == ESP_OK) {
        *low = bounds[0];
        *high = bounds[1];
    }
    return status;
}
