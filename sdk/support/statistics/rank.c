// SPDX-License-Identifier: Apache-2.0
// Ranks, and correlation of ranks.
#include <espalier/support/statistics.h>

#include "order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct placed {
    double value, second; // `second` orders equal values (kendall)
    uint64_t place;
};

static int by_value(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return (x->second > y->second) - (x->second < y->second);
}

// Owner: the caller (free); NULL: out of memory.
static struct placed *place(const double *values, const double *seconds, uint64_t count)
{
    struct placed *list = malloc((count + 1) * sizeof *list);
    for (uint64_t i = 0; list && i < count; i++)
        list[i] = (struct placed){values[i], seconds ? seconds[i] : 0.0, i};
    if (list)
        qsort(list, count, sizeof *list, by_value);
    return list;
}

esp_status esp_statistics_ranks(double *out, const double *values, uint64_t count)
{
    struct placed *list = place(values, NULL, count);
    if (!list)
        return ESP_ERROR_MEMORY;
    for (uint64_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && list[end].value == list[i].value;)
            end++;
        // Ranks i + 1 .. end.
        for (uint64_t j = i; j < end; j++)
            out[list[j].place] = ((double)(i + 1) + (double)end) / 2.0;
    }
    free(list);
    return ESP_OK;
}

static double pearson(const double *x, const double *y, uint64_t count)
{
    double x_mean = esp_statistics_mean(x, count), y_mean = esp_statistics_mean(y, count);
    double xx = 0.0, yy = 0.0, xy = 0.0;
    for (uint64_t i = 0; i < count; i++) {
        xx += (x[i] - x_mean) * (x[i] - x_mean);
        yy += (y[i] - y_mean) * (y[i] - y_mean);
        xy += (x[i] - x_mean) * (y[i] - y_mean);
    }
    return xx > 0.0 && yy > 0.0 ? xy / (sqrt(xx) * sqrt(yy)) : NAN;
}

esp_status esp_statistics_spearman(double *out, const double *x, const double *y, uint64_t count)
{
    double *ranks = malloc((2 * count + 1) * sizeof *ranks);
    if (!ranks)
        return ESP_ERROR_MEMORY;
    esp_status status = esp_statistics_ranks(ranks, x, count);
    if (status == ESP_OK)
        status = esp_statistics_ranks(ranks + count, y, count);
    if (status == ESP_OK)
        *out = count < 2 ? NAN : pearson(ranks, ranks + count, count);
    free(ranks);
    return status;
}

static double pairs(uint64_t count)
{
    return (double)count * ((double)count - 1.0) / 2.0;
}

// Merge sort that counts the exchanges: pairs that stand in descending order.
static double count_inversions(double *values, double *space, uint64_t count)
{
    if (count < 2)
        return 0.0;
    uint64_t half = count / 2;
    double inversions = count_inversions(values, space, half) +
                        count_inversions(values + half, space, count - half);
    uint64_t left = 0, right = half;
    for (uint64_t i = 0; i < count; i++) {
        if (right == count || (left < half && values[left] <= values[right])) {
            space[i] = values[left++];
        } else {
            inversions += (double)(half - left);
            space[i] = values[right++];
        }
    }
    memcpy(values, space, count * sizeof *values);
    return inversions;
}

// Pairs of equal neighbours in a sorted list.
static double tied_pairs(const double *sorted, uint64_t count)
{
    double tied = 0.0;
    for (uint64_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && sorted[end] == sorted[i];)
            end++;
        tied += pairs(end - i);
    }
    return tied;
}

esp_status esp_statistics_kendall(double *out, const double *x, const double *y, uint64_t count)
{
    struct placed *list = place(x, y, count);
    double *values = malloc((2 * count + 1) * sizeof *values);
    if (!list || !values) {
        free(list);
        free(values);
        return ESP_ERROR_MEMORY;
    }
    double both_tied = 0.0, x_tied;
    for (uint64_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && by_value(&list[end], &list[i]) == 0;)
            end++;
        both_tied += pairs(end - i);
    }
    for (uint64_t i = 0; i < count; i++)
        values[i] = list[i].value;
    x_tied = tied_pairs(values, count);
    for (uint64_t i = 0; i < count; i++)
        values[i] = list[i].second;
    double inversions = count_inversions(values, values + count, count);
    double y_tied = tied_pairs(values, count), all = pairs(count);
    double concordant_less_discordant = all - x_tied - y_tied + both_tied - 2.0 * inversions;
    *out = count > 1 && x_tied < all && y_tied < all
               ? concordant_less_discordant / (sqrt(all - x_tied) * sqrt(all - y_tied))
               : NAN;
    free(list);
    free(values);
    return ESP_OK;
}
