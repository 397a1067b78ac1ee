// SPDX-License-Identifier: Apache-2.0
// Rank correlations; see correlation.h.
#include "report/correlation.h"

#include <espalier/support/statistics.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void correlation_destroy(struct correlation *correlation)
{
    for (uint64_t i = 0; correlation->names && i < correlation->count; i++)
        free(correlation->names[i]);
    free(correlation->names);
    free(correlation->n);
    free(correlation->spearman);
    free(correlation->kendall);
    memset(correlation, 0, sizeof *correlation);
}

static esp_status correlate(struct correlation *out, uint64_t i, uint64_t j, const double *columns,
                            uint64_t rows, double *space, struct error *error)
{
    double *x = space, *y = space + rows, spearman = NAN, kendall = NAN;
    uint64_t n = 0, width = out->count;
    for (uint64_t row = 0; row < rows; row++) {
        x[n] = columns[i * rows + row];
        y[n] = columns[j * rows + row];
        n += isfinite(x[n]) && isfinite(y[n]);
    }
    if (n >= CORRELATION_LEAST && (esp_statistics_spearman(&spearman, x, y, n) != ESP_OK ||
                                   esp_statistics_kendall(&kendall, x, y, n) != ESP_OK))
        return error_memory(error);
    out->n[i * width + j] = out->n[j * width + i] = n;
    out->spearman[i * width + j] = out->spearman[j * width + i] = spearman;
    out->kendall[i * width + j] = out->kendall[j * width + i] = kendall;
    return ESP_OK;
}

esp_status correlation_make(struct correlation *out, const char *const *names,
                            const double *columns, uint64_t count, uint64_t rows,
                            struct error *error)
{
    *out = (struct correlation){.count = count,
                                .names = calloc(count + 1, sizeof *out->names),
                                .n = calloc(count * count + 1, sizeof *out->n),
                                .spearman = calloc(count * count + 1, sizeof(double)),
                                .kendall = calloc(count * count + 1, sizeof(double))};
    double *space = malloc((2 * rows + 2) * sizeof *space);
    esp_status status = out->names && out->n && out->spearman && out->kendall && space
                            ? ESP_OK
                            : error_memory(error);
    for (uint64_t i = 0; status == ESP_OK && i < count; i++) {
        out->names[i] = strdup(names[i]);
        status = out->names[i] ? ESP_OK : error_memory(error);
    }
    for (uint64_t i = 0; i < count; i++)
        for (uint64_t j = i; status == ESP_OK && j < count; j++)
            status = correlate(out, i, j, columns, rows, space, error);
    free(space);
    if (status != ESP_OK)
        correlation_destroy(out);
    return status;
}

// ---- Metrics ----------------------------------------------------------------------------------

// Writes the metric's values of the trials that may be best; false where it is constant there.
static bool take_metric(double *column, const struct trial_table *table, uint64_t metric)
{
    double least = INFINITY, largest = -INFINITY;
    for (uint64_t i = 0; i < table->count; i++) {
        column[i] = table->rows[i].eligible ? trial_table_value(table, i, metric) : NAN;
        if (isfinite(column[i])) {
            least = fmin(least, column[i]);
            largest = fmax(largest, column[i]);
        }
    }
    return least < largest;
}

esp_status correlation_of_metrics(struct correlation *out, const struct trial_table *table,
                                  uint64_t most, struct error *error)
{
    uint64_t count = 0, rows = table->count;
    double *columns = malloc((most * rows + 1) * sizeof *columns);
    const char **names = malloc((most + 1) * sizeof *names);
    *out = (struct correlation){0};
    esp_status status = columns && names ? ESP_OK : error_memory(error);
    for (uint64_t i = 0; status == ESP_OK && i < table->metric_count && count < most; i++)
        if (take_metric(columns + count * rows, table, i))
            names[count++] = table->metrics[i].name;
    if (status == ESP_OK && count > 1)
        status = correlation_make(out, names, columns, count, rows, error);
    free(columns);
    free(names);
    return status;
}

// ---- Fidelities -------------------------------------------------------------------------------

struct level {
    const struct result_trial *trial; // one that has it
    uint64_t trials;
};

static bool same_fidelity(const struct result_trial *a, const struct result_trial *b)
{
    if (a->fidelity_count != b->fidelity_count)
        return false;
    for (uint64_t i = 0; i < a->fidelity_count; i++)
        if (a->fidelity[i].value != b->fidelity[i].value ||
            strcmp(a->fidelity[i].name, b->fidelity[i].name) != 0)
            return false;
    return true;
}

static uint64_t find_level(const struct level *levels, uint64_t count,
                           const struct result_trial *trial)
{
    uint64_t i = 0;
    while (i < count && !same_fidelity(levels[i].trial, trial))
        i++;
    return i;
}

static int by_trials(const void *a, const void *b)
{
    const struct level *x = a, *y = b;
    return x->trials < y->trials ? 1 : x->trials > y->trials ? -1 : 0;
}

// From low to high.
static int by_fidelity(const void *a, const void *b)
{
    const struct result_trial *x = ((const struct level *)a)->trial;
    const struct result_trial *y = ((const struct level *)b)->trial;
    for (uint64_t i = 0; i < x->fidelity_count && i < y->fidelity_count; i++)
        if (x->fidelity[i].value != y->fidelity[i].value)
            return x->fidelity[i].value < y->fidelity[i].value ? -1 : 1;
    return (x->fidelity_count > y->fidelity_count) - (x->fidelity_count < y->fidelity_count);
}

#define LEVELS_MOST 64 // distinct fidelities that are looked at

static uint64_t gather_levels(const struct trial_table *table, struct level *levels, uint64_t most)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < table->count; i++) {
        const struct result_trial *trial = trial_table_trial(table, i);
        if (trial->state != TRIAL_DONE || !trial->metrics)
            continue;
        uint64_t at = find_level(levels, count, trial);
        if (at == count && count == LEVELS_MOST)
            continue;
        if (at == count)
            levels[count++] = (struct level){trial, 0};
        levels[at].trials++;
    }
    if (count == 0)
        return 0;
    qsort(levels, count, sizeof *levels, by_trials);
    count = count < most ? count : most;
    qsort(levels, count, sizeof *levels, by_fidelity);
    return count;
}

struct placed {
    uint64_t run, hash, row;
};

static int by_hash(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    if (x->run != y->run)
        return x->run < y->run ? -1 : 1;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

// columns [levels, architectures]: of several trials of one architecture at a fidelity the last.
static void fill_levels(double *columns, uint64_t rows, const struct trial_table *table,
                        uint64_t metric, const struct level *levels, uint64_t count,
                        struct placed *placed)
{
    uint64_t architectures = 0;
    for (uint64_t i = 0; i < table->count; i++)
        placed[i] = (struct placed){table->rows[i].run, trial_table_trial(table, i)->hash, i};
    qsort(placed, table->count, sizeof *placed, by_hash);
    for (uint64_t i = 0; i < count * rows; i++)
        columns[i] = NAN;
    for (uint64_t i = 0; i < table->count; i++) {
        const struct result_trial *trial = trial_table_trial(table, placed[i].row);
        if (i > 0 && (placed[i].hash != placed[i - 1].hash || placed[i].run != placed[i - 1].run))
            architectures++;
        uint64_t level = find_level(levels, count, trial);
        if (level < count && trial->state == TRIAL_DONE)
            columns[level * rows + architectures] = trial_table_value(table, placed[i].row, metric);
    }
}

static esp_status fidelity_name(char **out, const struct result_trial *trial, struct error *error)
{
    char *text = NULL;
    for (uint64_t i = 0; i < trial->fidelity_count; i++) {
        char *longer = NULL;
        int length = asprintf(&longer, "%s%s%s=%g", text ? text : "", text ? " " : "",
                              trial->fidelity[i].name, trial->fidelity[i].value);
        free(text);
        if (length < 0)
            return error_memory(error);
        text = longer;
    }
    *out = text ? text : strdup("full");
    return *out ? ESP_OK : error_memory(error);
}

esp_status correlation_of_fidelities(struct correlation *out, const struct trial_table *table,
                                     const struct study *study, uint64_t most, struct error *error)
{
    struct level levels[LEVELS_MOST];
    int64_t metric = trial_table_metric(table, study->objectives[0].metric);
    *out = (struct correlation){0};
    most = most < LEVELS_MOST ? most : LEVELS_MOST;
    uint64_t count = metric < 0 ? 0 : gather_levels(table, levels, most), rows = table->count;
    if (count < 2)
        return ESP_OK;
    char *names[LEVELS_MOST] = {NULL};
    double *columns = malloc((count * rows + 1) * sizeof *columns);
    struct placed *placed = malloc((rows + 1) * sizeof *placed);
    esp_status status = columns && placed ? ESP_OK : error_memory(error);
    for (uint64_t i = 0; status == ESP_OK && i < count; i++)
        status = fidelity_name(&names[i], levels[i].trial, error);
    if (status == ESP_OK) {
        fill_levels(columns, rows, table, (uint64_t)metric, levels, count, placed);
        status = correlation_make(out, (const char *const *)names, columns, count, rows, error);
    }
    for (uint64_t i = 0; i < count; i++)
        free(names[i]);
    free(columns);
    free(placed);
    return status;
}
