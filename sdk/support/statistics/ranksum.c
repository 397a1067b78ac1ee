// SPDX-License-Identifier: Apache-2.0
// Two samples: the rank sum test, Vargha and Delaney's A, and Holm's correction of several tests.
#include <espalier/support/statistics.h>

#include "order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// From so many values on R approximates.
#define EXACT_BELOW 50

// What both statistics need of the pooled sample.
struct rank_sum {
    double statistic; // pairs in which x is larger, ties half
    double ties;      // sum of t^3 - t over groups of equal values
};

static esp_status rank_sum_make(struct rank_sum *out, const double *x, uint64_t x_count,
                                const double *y, uint64_t y_count)
{
    uint64_t count = x_count + y_count;
    double *pooled = calloc(2 * count + 1, sizeof *pooled);
    if (!pooled)
        return ESP_ERROR_MEMORY;
    double *ranks = pooled + count;
    if (x_count > 0)
        memcpy(pooled, x, x_count * sizeof *pooled);
    if (y_count > 0)
        memcpy(pooled + x_count, y, y_count * sizeof *pooled);
    esp_status status = esp_statistics_ranks(ranks, pooled, count);
    if (status == ESP_OK) {
        double sum = 0.0;
        for (uint64_t i = 0; i < x_count; i++)
            sum += ranks[i];
        *out = (struct rank_sum){sum - (double)x_count * ((double)x_count + 1.0) / 2.0, 0.0};
        qsort(pooled, count, sizeof *pooled, statistics_ascending);
        for (uint64_t i = 0, end; i < count; i = end) {
            for (end = i + 1; end < count && pooled[end] == pooled[i];)
                end++;
            double tied = (double)(end - i);
            out->ties += tied * tied * tied - tied;
        }
    }
    free(pooled);
    return status;
}

// P(U <= u) for samples of m and n without ties. The largest of all values belongs to x with
// probability m / (m + n), and then adds n pairs: P(m, n, u) = (m P(m-1, n, u-n) + n P(m, n-1, u)) /
// (m + n).
static esp_status exact_below(double *out, uint64_t m, uint64_t n, uint64_t u)
{
    uint64_t width = m * n + 1;
    // rows[j] [width]: the distribution for (i, j), overwriting that for (i - 1, j).
    double *rows = calloc((n + 1) * width, sizeof *rows);
    if (!rows)
        return ESP_ERROR_MEMORY;
    for (uint64_t j = 0; j <= n; j++)
        rows[j * width] = 1.0;
    for (uint64_t i = 1; i <= m; i++) {
        for (uint64_t j = 1; j <= n; j++) {
            double *row = rows + j * width;
            const double *fewer = row - width;
            double from_x = (double)i / (double)(i + j), from_y = (double)j / (double)(i + j);
            // Downwards, so that row[k - j] is still that of i - 1.
            for (uint64_t k = i * j + 1; k-- > 0;)
                row[k] = from_y * fewer[k] + (k >= j ? from_x * row[k - j] : 0.0);
        }
    }
    double sum = 0.0;
    for (uint64_t k = 0; k <= u && k < width; k++)
        sum += rows[n * width + k];
    free(rows);
    *out = sum;
    return ESP_OK;
}

static double normal_tail(double z) // P(Z > z)
{
    return 0.5 * erfc(z / sqrt(2.0));
}

static double approximate(const struct rank_sum *sum, double m, double n)
{
    double z = sum->statistic - m * n / 2.0;
    double variance = m * n / 12.0 * (m + n + 1.0 - sum->ties / ((m + n) * (m + n - 1.0)));
    if (!(variance > 0.0))
        return NAN;
    double correction = z > 0.0 ? 0.5 : z < 0.0 ? -0.5 : 0.0;
    double p = 2.0 * normal_tail(fabs((z - correction) / sqrt(variance)));
    return p < 1.0 ? p : 1.0;
}

esp_status esp_statistics_mann_whitney(esp_mann_whitney *out, const double *x, uint64_t x_count,
                                       const double *y, uint64_t y_count)
{
    struct rank_sum sum;
    if (x_count == 0 || y_count == 0) {
        *out = (esp_mann_whitney){.statistic = NAN, .p = NAN};
        return ESP_OK;
    }
    esp_status status = rank_sum_make(&sum, x, x_count, y, y_count);
    if (status != ESP_OK)
        return status;
    double p;
    uint32_t exact = x_count < EXACT_BELOW && y_count < EXACT_BELOW && sum.ties == 0.0;
    if (exact) {
        // The distribution is symmetric: the smaller tail, twice.
        double all = (double)x_count * (double)y_count;
        double least = fmin(sum.statistic, all - sum.statistic);
        status = exact_below(&p, x_count, y_count, (uint64_t)least);
        if (status != ESP_OK)
            return status;
        p = fmin(2.0 * p, 1.0);
    } else {
        p = approximate(&sum, (double)x_count, (double)y_count);
    }
    *out = (esp_mann_whitney){.statistic = sum.statistic, .p = p, .exact = exact};
    return ESP_OK;
}

esp_status esp_statistics_vargha_delaney(double *out, const double *x, uint64_t x_count,
                                         const double *y, uint64_t y_count)
{
    struct rank_sum sum = {NAN, 0.0};
    esp_status status = ESP_OK;
    if (x_count > 0 && y_count > 0)
        status = rank_sum_make(&sum, x, x_count, y, y_count);
    if (status == ESP_OK)
        *out = sum.statistic / ((double)x_count * (double)y_count);
    return status;
}

esp_status esp_statistics_holm(double *out, const double *p, uint64_t count)
{
    double *sorted = malloc((count + 1) * sizeof *sorted);
    if (!sorted)
        return ESP_ERROR_MEMORY;
    uint64_t known = 0;
    for (uint64_t i = 0; i < count; i++)
        if (!isnan(p[i]))
            sorted[known++] = p[i];
    qsort(sorted, known, sizeof *sorted, statistics_ascending);
    for (uint64_t i = 0; i < count; i++) {
        double adjusted = 0.0, own = p[i];
        // The largest of the steps up to its own; equal p values share the first one's factor.
        for (uint64_t j = 0; j < known && sorted[j] <= own; j++)
            adjusted = fmax(adjusted, (double)(known - j) * sorted[j]);
        out[i] = isnan(own) ? NAN : fmin(adjusted, 1.0);
    }
    free(sorted);
    return ESP_OK;
}
