// SPDX-License-Identifier: Apache-2.0
// Medians and quartiles of runs over an axis; see progression.h.
#include "report/progression.h"

#include "report/comparison.h"

#include <espalier/support/statistics.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

void progression_destroy(struct progression *progression)
{
    free(progression->at);
    free(progression->ends);
    free(progression->cells);
    memset(progression, 0, sizeof *progression);
}

static double place_of(const struct study_step *step, enum study_axis axis)
{
    return axis == STUDY_TRIALS    ? (double)step->told
           : axis == STUDY_SECONDS ? step->seconds
                                   : step->cost;
}

static double end_of(const struct study_run *run, enum study_axis axis)
{
    return axis == STUDY_TRIALS    ? (double)run->trials
           : axis == STUDY_SECONDS ? run->seconds
                                   : run->cost;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Every place where something happens, each once. Answers how many; a cost that a run does not have
// gives none.
static uint64_t gather(const struct study *study, enum study_axis axis, double *out)
{
    uint64_t count = 0, kept = 0;
    for (uint64_t i = 0; i < study->run_count; i++) {
        const struct study_run *run = &study->runs[i];
        if (run->step_count == 0)
            continue;
        if (!isfinite(end_of(run, axis)))
            return 0;
        for (uint64_t j = 0; j < run->step_count; j++)
            out[count++] = place_of(&run->steps[j], axis);
        out[count++] = end_of(run, axis);
    }
    if (count > 0)
        qsort(out, count, sizeof *out, ascending);
    for (uint64_t i = 0; i < count; i++)
        if (kept == 0 || out[i] > out[kept - 1])
            out[kept++] = out[i];
    return kept;
}

// The first place at or behind `wanted`, among those from `from` on.
static uint64_t seek(const double *places, uint64_t count, uint64_t from, double wanted)
{
    while (from + 1 < count && places[from] < wanted)
        from++;
    return from;
}

// Thins the places to `most`; first and last stay.
static uint64_t thin(double *places, uint64_t count, uint64_t most)
{
    if (count <= most)
        return count;
    bool *kept = calloc(count, sizeof *kept);
    if (!kept)
        return 0;
    double first = places[0], last = places[count - 1];
    double low = first > 0 ? log(first) : log(last / 1e4);
    uint64_t half = most / 2, even = 0, logarithmic = 0, left = 0;
    for (uint64_t i = 0; i < half; i++) {
        double share = (double)i / (double)(half - 1);
        even = seek(places, count, even, first + share * (last - first));
        logarithmic = seek(places, count, logarithmic, exp(low + share * (log(last) - low)));
        kept[even] = kept[logarithmic] = true;
    }
    kept[0] = kept[count - 1] = true;
    for (uint64_t i = 0; i < count; i++)
        if (kept[i])
            places[left++] = places[i];
    free(kept);
    return left;
}

static esp_status describe(struct progression_cell *cell, double *values, uint64_t n,
                           struct error *error)
{
    static const double probabilities[3] = {0.25, 0.5, 0.75};
    double quartiles[3];
    if (esp_statistics_quantiles(quartiles, values, n, probabilities, 3) != ESP_OK)
        return error_memory(error);
    *cell = (struct progression_cell){n, quartiles[1], quartiles[0], quartiles[2]};
    return ESP_OK;
}

static esp_status fill(struct progression *out, const struct comparison *comparison,
                       struct error *error)
{
    const struct study *study = comparison->study;
    double *values = malloc((study->run_count + 1) * sizeof *values);
    esp_status status = values ? ESP_OK : error_memory(error);
    for (uint64_t i = 0; i < out->count; i++)
        for (uint64_t m = 0; status == ESP_OK && m < study->method_count; m++) {
            uint64_t n = 0;
            for (uint64_t j = 0; j < study->run_count; j++) {
                double value = comparison->values[i * study->run_count + j];
                if (study->runs[j].method == m && isfinite(value))
                    values[n++] = value;
            }
            status = describe(&out->cells[i * study->method_count + m], values, n, error);
        }
    free(values);
    return status;
}

static esp_status measure(struct progression *out, const struct study *study, const char *reference,
                          struct error *error)
{
    struct comparison comparison = {0};
    struct study_point *points = malloc((out->count + 1) * sizeof *points);
    out->cells = calloc(out->count * study->method_count + 1, sizeof *out->cells);
    out->ends = calloc(study->method_count + 1, sizeof *out->ends);
    esp_status status = points && out->cells && out->ends ? ESP_OK : error_memory(error);
    for (uint64_t i = 0; status == ESP_OK && i < out->count; i++)
        points[i] = (struct study_point){out->axis, out->at[i]};
    for (uint64_t i = 0; status == ESP_OK && i < study->run_count; i++) {
        const struct study_run *run = &study->runs[i];
        if (run->method != STUDY_NO_METHOD && run->step_count > 0)
            out->ends[run->method] = fmax(out->ends[run->method], end_of(run, out->axis));
    }
    if (status == ESP_OK)
        status = comparison_measure(&comparison, study, points, out->count, reference, error);
    if (status == ESP_OK)
        status = fill(out, &comparison, error);
    comparison_destroy(&comparison);
    free(points);
    return status;
}

esp_status progression_make(struct progression *out, const struct study *study,
                            enum study_axis axis, const char *reference, uint64_t most,
                            struct error *error)
{
    uint64_t steps = 0;
    *out = (struct progression){.axis = axis};
    for (uint64_t i = 0; i < study->run_count; i++)
        steps += study->runs[i].step_count + 1;
    out->at = malloc((steps + 1) * sizeof *out->at);
    if (!out->at)
        return error_memory(error);
    out->count = thin(out->at, gather(study, axis, out->at), most);
    esp_status status = out->count > 0 ? measure(out, study, reference, error) : ESP_OK;
    if (status != ESP_OK)
        progression_destroy(out);
    return status;
}
