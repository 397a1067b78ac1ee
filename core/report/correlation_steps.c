// SPDX-License-Identifier: Apache-2.0
// How early a learning curve tells how it ends: rank correlations between its steps; see correlation.h.
#include "report/correlation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// The steps that enough curves have, each once, ascending. Owner: the caller (free).
static double *common_steps(const struct learning_curves *curves, uint64_t *count)
{
    uint64_t all = 0, kept = 0;
    for (uint64_t i = 0; i < curves->count; i++)
        all += curves->curves[i].count;
    double *steps = malloc((all + 1) * sizeof *steps);
    all = 0;
    for (uint64_t i = 0; steps && i < curves->count; i++)
        for (uint64_t j = 0; j < curves->curves[i].count; j++)
            steps[all++] = curves->curves[i].steps[j];
    if (steps && all > 0)
        qsort(steps, all, sizeof *steps, ascending);
    for (uint64_t i = 0, end; steps && i < all; i = end) {
        for (end = i + 1; end < all && steps[end] == steps[i];)
            end++;
        if (end - i >= CORRELATION_LEAST)
            steps[kept++] = steps[i];
    }
    *count = kept;
    return steps;
}

static double value_at(const struct learning_curve *curve, uint64_t width, uint64_t metric,
                       double step)
{
    for (uint64_t i = 0; i < curve->count; i++)
        if (curve->steps[i] == step)
            return curve->values[i * width + metric];
    return NAN;
}

esp_status correlation_of_steps(struct correlation *out, const struct learning_curves *curves,
                                const struct study *study, uint64_t most, struct error *error)
{
    uint64_t found = 0, rows = curves->count;
    int64_t metric = learning_curves_metric(curves, study->objectives[0].metric);
    *out = (struct correlation){0};
    if (metric < 0 || most < 2)
        return ESP_OK;
    double *steps = common_steps(curves, &found);
    uint64_t count = found < most ? found : most;
    double *columns = malloc((count * rows + 1) * sizeof *columns);
    char(*texts)[32] = calloc(count + 1, sizeof *texts);
    const char **names = calloc(count + 1, sizeof *names);
    esp_status status = steps && columns && texts && names ? ESP_OK : error_memory(error);
    for (uint64_t i = 0; status == ESP_OK && i < count; i++) {
        double step = steps[count < 2 ? 0 : i * (found - 1) / (count - 1)];
        snprintf(texts[i], sizeof texts[i], "%g", step);
        names[i] = texts[i];
        for (uint64_t j = 0; j < rows; j++)
            columns[i * rows + j] =
                value_at(&curves->curves[j], curves->metric_count, (uint64_t)metric, step);
    }
    if (status == ESP_OK && count > 1)
        status = correlation_make(out, names, columns, count, rows, error);
    free(steps);
    free(columns);
    free(texts);
    free(names);
    return status;
}
