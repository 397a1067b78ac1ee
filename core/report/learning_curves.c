// SPDX-License-Identifier: Apache-2.0
// Learning curves read back; see learning_curves.h.
#include "report/learning_curves.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void learning_curves_destroy(struct learning_curves *curves)
{
    for (uint64_t i = 0; i < curves->count; i++) {
        free(curves->curves[i].steps);
        free(curves->curves[i].values);
    }
    for (uint64_t i = 0; i < curves->metric_count; i++)
        free(curves->metrics[i]);
    free(curves->metrics);
    free(curves->curves);
    memset(curves, 0, sizeof *curves);
}

int64_t learning_curves_metric(const struct learning_curves *curves, const char *name)
{
    for (uint64_t i = 0; i < curves->metric_count; i++)
        if (strcmp(curves->metrics[i], name) == 0)
            return (int64_t)i;
    return -1;
}

// ---- Which ------------------------------------------------------------------------------------

// Marks the rows of a run whose trials have a folder of artifacts.
static esp_status mark_folders(const struct trial_table *table, uint64_t source, bool *there,
                               struct error *error)
{
    const struct results *results = &table->runs[source].results;
    bool *numbers = calloc(results->count + 1, sizeof *numbers);
    char *path = NULL;
    if (!numbers || asprintf(&path, "%s/artifacts", results->folder) < 0) {
        free(numbers);
        return error_memory(error);
    }
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        char *end;
        unsigned long long number = strtoull(entry->d_name, &end, 10);
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9' && *end == '\0' &&
            number < results->count)
            numbers[number] = true;
    }
    if (folder)
        closedir(folder);
    for (uint64_t i = 0; i < table->count; i++)
        if (table->rows[i].source == source && numbers[trial_table_trial(table, i)->trial])
            there[i] = true;
    free(numbers);
    free(path);
    return ESP_OK;
}

// Leaves marks on the curves to read. Answers how many were there before.
static esp_status choose(const struct trial_table *table, const struct study *study, bool *there,
                         uint64_t most, uint64_t *found, struct error *error)
{
    uint64_t best_count = 0, taken = 0, rest;
    bool *chosen = calloc(table->count + 1, sizeof *chosen);
    uint64_t *best = trial_table_best(table, study, &best_count, error);
    if (!chosen || !best) {
        free(chosen);
        free(best);
        return error_memory(error);
    }
    *found = 0;
    for (uint64_t i = 0; i < table->count; i++)
        *found += there[i];
    for (uint64_t i = 0; i < best_count && taken < most / 2; i++)
        if (there[best[i]]) {
            chosen[best[i]] = true;
            taken++;
        }
    rest = *found - taken;
    uint64_t wanted = most - taken, met = 0;
    for (uint64_t i = 0; i < table->count; i++)
        if (there[i] && !chosen[i]) {
            // The first of each of `wanted` equal parts.
            chosen[i] = rest <= wanted || met * wanted % rest < wanted;
            met++;
        }
    memcpy(there, chosen, table->count * sizeof *there);
    free(chosen);
    free(best);
    return ESP_OK;
}

// ---- Reading ----------------------------------------------------------------------------------

static esp_status name_metrics(struct learning_curves *out, const json_t *points,
                               struct error *error)
{
    size_t i;
    json_t *point, *value;
    const char *name;
    json_array_foreach (points, i, point)
        json_object_foreach (json_object_get(point, "metrics"), name, value) {
            if (out->metric_count == LEARNING_CURVE_METRICS ||
                learning_curves_metric(out, name) >= 0)
                continue;
            out->metrics[out->metric_count] = strdup(name);
            if (!out->metrics[out->metric_count])
                return error_memory(error);
            out->metric_count++;
        }
    return ESP_OK;
}

static double number(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

// Values stand LEARNING_CURVE_METRICS apart while more metrics may come.
static esp_status take_points(struct learning_curves *out, uint64_t row, const json_t *points,
                              uint64_t most, struct error *error)
{
    uint64_t all = json_array_size(points), count = all < most ? all : most;
    struct learning_curve *curve = &out->curves[out->count];
    *curve = (struct learning_curve){
        .row = row,
        .steps = malloc((count + 1) * sizeof(double)),
        .values = malloc((count + 1) * LEARNING_CURVE_METRICS * sizeof(double))};
    if (!curve->steps || !curve->values) {
        free(curve->steps);
        free(curve->values);
        return error_memory(error);
    }
    out->count++;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t place = count < 2 ? 0 : i * (all - 1) / (count - 1);
        const json_t *point = json_array_get(points, place);
        double step = number(point, "step");
        if (!isfinite(step))
            continue;
        curve->steps[curve->count] = step;
        for (uint64_t j = 0; j < LEARNING_CURVE_METRICS; j++)
            curve->values[curve->count * LEARNING_CURVE_METRICS + j] =
                j < out->metric_count ? number(json_object_get(point, "metrics"), out->metrics[j])
                                      : NAN;
        curve->count++;
    }
    return ESP_OK;
}

static esp_status read_curve(struct learning_curves *out, const struct trial_table *table,
                             uint64_t row, uint64_t points, struct error *error)
{
    char *path = NULL;
    const struct results *results = &table->runs[table->rows[row].source].results;
    if (asprintf(&path, "%s/artifacts/%llu/curve.json", results->folder,
                 (unsigned long long)trial_table_trial(table, row)->trial) < 0)
        return error_memory(error);
    json_t *json = json_load_file(path, 0, NULL);
    const json_t *list = json_object_get(json, "points");
    esp_status status = ESP_OK;
    if (json_array_size(list) > 0) {
        status = name_metrics(out, list, error);
        if (status == ESP_OK)
            status = take_points(out, row, list, points, error);
    }
    json_decref(json);
    free(path);
    return status;
}

static void pack_values(struct learning_curves *curves)
{
    uint64_t width = curves->metric_count;
    for (uint64_t i = 0; i < curves->count; i++)
        for (uint64_t j = 0; j < curves->curves[i].count; j++)
            memmove(curves->curves[i].values + j * width,
                    curves->curves[i].values + j * LEARNING_CURVE_METRICS, width * sizeof(double));
}

esp_status learning_curves_make(struct learning_curves *out, const struct trial_table *table,
                                const struct study *study, uint64_t most, uint64_t points,
                                struct error *error)
{
    uint64_t found = 0;
    *out = (struct learning_curves){0};
    bool *there = calloc(table->count + 1, sizeof *there);
    out->metrics = calloc(LEARNING_CURVE_METRICS, sizeof *out->metrics);
    esp_status status = there && out->metrics ? ESP_OK : error_memory(error);
    for (uint64_t i = 0; status == ESP_OK && i < table->run_count; i++)
        status = mark_folders(table, i, there, error);
    if (status == ESP_OK)
        status = choose(table, study, there, most, &found, error);
    if (status == ESP_OK) {
        uint64_t chosen = 0;
        for (uint64_t i = 0; i < table->count; i++)
            chosen += there[i];
        out->left_out = found - chosen;
        out->curves = calloc(chosen + 1, sizeof *out->curves);
        status = out->curves ? ESP_OK : error_memory(error);
    }
    for (uint64_t i = 0; status == ESP_OK && i < table->count; i++)
        if (there[i])
            status = read_curve(out, table, i, points, error);
    free(there);
    if (status == ESP_OK)
        pack_values(out);
    else
        learning_curves_destroy(out);
    return status;
}
