// SPDX-License-Identifier: Apache-2.0
// A run folder becomes a run of a study: its trials in the order in which their outcomes were told, of
// which those stay that improved on what was there. Architectures are not read.
#include "report/study.h"

#include "run/result_set.h"
#include "store/store.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct told_trial {
    uint64_t trial, told; // the event; UINT64_MAX = has an outcome that was not told
    enum trial_state state;
    double elapsed;
    bool full;
    int64_t continues; // the parent that a continuation goes on from, or -1
    bool measured;     // has metrics
};

struct reading {
    struct metrics metrics;
    struct run_row row;
    struct told_trial *trials;
    double *values; // [count, metrics]
    uint64_t count, capacity;
    json_t *finals, *plugins;
    struct error error; // of visitors
};

static esp_status collect(void *self, const struct trial_row *row)
{
    struct reading *reading = self;
    uint64_t width = reading->metrics.count;
    if (reading->count == reading->capacity) {
        uint64_t capacity = reading->capacity ? 2 * reading->capacity : 256;
        struct told_trial *trials = realloc(reading->trials, capacity * sizeof *trials);
        if (trials)
            reading->trials = trials;
        double *values = realloc(reading->values, (capacity * width + 1) * sizeof *values);
        if (values)
            reading->values = values;
        if (!trials || !values)
            return error_memory(&reading->error);
        reading->capacity = capacity;
    }
    reading->trials[reading->count] = (struct told_trial){
        .trial = row->trial,
        .told = row->told_event ? row->told_event : UINT64_MAX,
        .state = row->state,
        .elapsed = row->elapsed,
        .full = metrics_full(&reading->metrics, row->fidelity, row->fidelity_count),
        .continues = row->mode == ESP_MODE_CONTINUE ? row->parent : -1,
        .measured = row->metrics != NULL};
    for (uint64_t i = 0; i < width; i++)
        reading->values[reading->count * width + i] =
            row->metrics && i < row->metric_count ? row->metrics[i] : NAN;
    reading->count++;
    return ESP_OK;
}

static esp_status collect_final(void *self, const struct final_row *row)
{
    struct reading *reading = self;
    if (row->state != TRIAL_DONE || !row->metrics)
        return ESP_OK;
    json_t *metrics = json_loads(row->metrics, 0, NULL);
    json_t *final = json_pack("{s:I, s:o?}", "trial", (json_int_t)row->trial, "metrics", metrics);
    return final && json_array_append_new(reading->finals, final) == 0
               ? ESP_OK
               : error_memory(&reading->error);
}

static esp_status read_store(struct reading *reading, const char *folder, struct error *error)
{
    struct store *store = NULL;
    struct metric_row *rows = NULL;
    uint64_t count = 0;
    reading->finals = json_array();
    if (!reading->finals)
        return error_memory(error);
    esp_status status = store_open_run(&store, folder, STORE_READ, error);
    if (status == ESP_OK)
        status = store_get_run(store, &reading->row, error);
    if (status == ESP_OK)
        status = store_get_metrics(store, reading->row.run, &rows, &count, error);
    if (status == ESP_OK)
        status = store_get_plugins(store, reading->row.plugin_set, &reading->plugins, error);
    if (status == ESP_OK)
        status = metrics_restore(&reading->metrics, rows, count, reading->row.objectives, error);
    if (status == ESP_OK)
        status = store_each_trial(store, reading->row.run, NULL, collect, reading, error);
    if (status == ESP_OK)
        status = store_each_final(store, reading->row.run, collect_final, reading, error);
    if (status != ESP_OK && error->message[0] == '\0')
        *error = reading->error;
    store_close(store);
    return status;
}

static void reading_free(struct reading *reading)
{
    free(reading->trials);
    free(reading->values);
    json_decref(reading->finals);
    json_decref(reading->plugins);
    metrics_destroy(&reading->metrics);
    run_row_destroy(&reading->row);
}

static const double *values_of(const struct reading *reading, uint64_t place)
{
    return reading->values + place * reading->metrics.count;
}

// As the run charges it: a continuation its difference from the parent. Trials stand at their numbers.
static double cost_of(const struct reading *reading, uint64_t place)
{
    const struct told_trial *trial = &reading->trials[place];
    int64_t position = reading->metrics.cost;
    double cost = values_of(reading, place)[position];
    if (trial->continues >= 0 && (uint64_t)trial->continues < reading->count &&
        reading->trials[trial->continues].measured)
        cost -= values_of(reading, (uint64_t)trial->continues)[position];
    return isfinite(cost) && cost > 0 ? cost : 0.0;
}

static bool is_report(const struct metric_row *row)
{
    return (row->flags & ESP_METRIC_REPORT) || strncmp(row->name, "test_", 5) == 0;
}

static esp_status name_reports(struct study_run *run, const struct metrics *metrics,
                               struct error *error)
{
    run->reports = calloc(metrics->count + 1, sizeof *run->reports);
    if (!run->reports)
        return error_memory(error);
    for (uint64_t i = 0; i < metrics->count; i++)
        if (is_report(&metrics->rows[i])) {
            run->reports[run->report_count] = strdup(metrics->rows[i].name);
            if (!run->reports[run->report_count])
                return error_memory(error);
            run->report_count++;
        }
    return ESP_OK;
}

// The objectives and the reports of a trial, as a step has them.
static void step_values(double *out, const struct metrics *metrics, const double *values)
{
    for (uint64_t i = 0; i < metrics->objective_count; i++)
        *out++ = values[metrics->objectives[i].position];
    for (uint64_t i = 0; i < metrics->count; i++)
        if (is_report(&metrics->rows[i]))
            *out++ = values[i];
}

// ---- From a reading to a run ------------------------------------------------------------------

static const struct told_trial *ordered; // qsort has no context

static int by_told(const void *a, const void *b)
{
    uint64_t i = *(const uint64_t *)a, j = *(const uint64_t *)b;
    if (ordered[i].told != ordered[j].told)
        return ordered[i].told < ordered[j].told ? -1 : 1;
    return i < j ? -1 : i > j;
}

// Marks the trials that can be best; answers false where memory is missing.
static bool mark_eligible(const struct reading *reading, bool *eligible, bool *partial)
{
    struct candidate *candidates = calloc(reading->count + 1, sizeof *candidates);
    uint64_t *places = malloc((reading->count + 1) * sizeof *places);
    for (uint64_t i = 0; candidates && i < reading->count; i++)
        candidates[i] = (struct candidate){
            reading->trials[i].trial, reading->trials[i].state == TRIAL_DONE,
            reading->trials[i].full, reading->trials[i].measured ? values_of(reading, i) : NULL};
    bool made = candidates && places;
    if (made) {
        uint64_t count =
            result_set_eligible(&reading->metrics, candidates, reading->count, places, partial);
        for (uint64_t i = 0; i < count; i++)
            eligible[places[i]] = true;
    }
    free(candidates);
    free(places);
    return made;
}

static esp_status make_steps(const struct study *study, struct study_run *run,
                             const struct reading *reading, const uint64_t *order,
                             const bool *eligible, struct error *error)
{
    const struct metrics *metrics = &reading->metrics;
    double *offered = malloc((metrics->objective_count + run->report_count + 1) * sizeof *offered);
    esp_status status = offered ? ESP_OK : error_memory(error);
    bool has_cost = metrics->cost >= 0;
    double seconds = 0.0, cost = 0.0;
    for (uint64_t i = 0; status == ESP_OK && i < reading->count; i++) {
        const struct told_trial *trial = &reading->trials[order[i]];
        if (!trial_state_is_outcome(trial->state) || trial->state == TRIAL_CANCELLED)
            continue;
        run->trials++;
        run->failed += trial->state == TRIAL_FAILED || trial->state == TRIAL_LOST;
        cost += has_cost && trial->measured ? cost_of(reading, order[i]) : 0.0;
        seconds = fmax(seconds, trial->elapsed);
        if (!eligible[order[i]])
            continue;
        step_values(offered, metrics, values_of(reading, order[i]));
        status = study_offer(study, run,
                             &(struct study_step){.trial = trial->trial,
                                                  .told = run->trials,
                                                  .seconds = seconds,
                                                  .cost = has_cost ? cost : NAN,
                                                  .values = offered},
                             error);
    }
    free(offered);
    run->seconds = fmax(seconds, reading->row.elapsed);
    run->cost = has_cost ? cost : NAN;
    return status;
}

static esp_status follow(const struct study *study, struct study_run *run,
                         const struct reading *reading, struct error *error)
{
    uint64_t *order = malloc((reading->count + 1) * sizeof *order);
    bool *eligible = calloc(reading->count + 1, sizeof *eligible);
    esp_status status = ESP_OK;
    if (!order || !eligible || !mark_eligible(reading, eligible, &run->partial))
        status = error_memory(error);
    if (status == ESP_OK) {
        for (uint64_t i = 0; i < reading->count; i++)
            order[i] = i;
        ordered = reading->trials;
        qsort(order, reading->count, sizeof *order, by_told);
        status = make_steps(study, run, reading, order, eligible, error);
    }
    free(order);
    free(eligible);
    return status;
}

// Test metrics of the final trainings of the chosen trial: the mean over their seeds, never the best.
static esp_status take_finals(const struct study *study, struct study_run *run,
                              const struct reading *reading, struct error *error)
{
    const struct study_step *step = study_chosen(study, run, &(struct study_point){STUDY_END, 0});
    int64_t best = step ? (int64_t)step->trial : -1;
    json_t *sums = json_object(), *counts = json_object(), *final, *value;
    size_t i;
    const char *name;
    bool whole = sums && counts;
    json_array_foreach (reading->finals, i, final) {
        if (json_integer_value(json_object_get(final, "trial")) != best)
            continue;
        json_object_foreach (json_object_get(final, "metrics"), name, value) {
            if (strncmp(name, "test_", 5) != 0 || !json_is_number(value))
                continue;
            double sum = json_number_value(json_object_get(sums, name));
            json_int_t count = json_integer_value(json_object_get(counts, name));
            whole =
                whole &&
                json_object_set_new(sums, name, json_real(sum + json_number_value(value))) == 0 &&
                json_object_set_new(counts, name, json_integer(count + 1)) == 0;
        }
    }
    run->finals = calloc(json_object_size(sums) + 1, sizeof *run->finals);
    whole = whole && run->finals;
    if (whole)
        json_object_foreach (sums, name, value) {
            double count = (double)json_integer_value(json_object_get(counts, name));
            struct study_value *entry = &run->finals[run->final_count];
            *entry = (struct study_value){strdup(name), json_number_value(value) / count};
            whole = whole && entry->name;
            run->final_count += entry->name != NULL;
        }
    json_decref(sums);
    json_decref(counts);
    return whole ? ESP_OK : error_memory(error);
}

static esp_status check_space(struct study *study, const char *folder, const char *space,
                              struct error *error)
{
    if (study->space && strcmp(study->space, space) != 0)
        return error_set(
            error, ESP_ERROR_INVALID,
            "these runs cannot be compared: %s searched the space %s, and %s the space "
            "%s",
            study->origin, study->space, folder, space);
    if (!study->space && !(study->space = strdup(space)))
        return error_memory(error);
    return ESP_OK;
}

static esp_status settle_objectives(struct study *study, const char *folder,
                                    const struct metrics *metrics, struct error *error)
{
    char *text = NULL;
    for (uint64_t i = 0; i < metrics->objective_count; i++) {
        char *longer = NULL;
        const struct metric_objective *row = &metrics->objectives[i];
        int length =
            asprintf(&longer, "%s%s%s %s", text ? text : "", text ? "; " : "",
                     row->sign < 0 ? "maximize" : "minimize", metrics->rows[row->position].name);
        free(text);
        if (length < 0)
            return error_memory(error);
        text = longer;
    }
    esp_status status = study_set_objectives(study, text ? text : "", folder, error);
    free(text);
    return status;
}

static esp_status describe(struct study_run *run, const char *folder, const struct run_row *row,
                           struct error *error)
{
    const char *reason = row->state == RUN_FAILED && row->message ? row->message : row->reason;
    run->source = strdup(folder);
    run->name = strdup(row->name);
    run->state = strdup(run_state_name(row->state));
    run->reason = reason ? strdup(reason) : NULL;
    run->data = row->data_sha256 ? strdup(row->data_sha256) : NULL;
    run->seed = row->seed;
    run->has_seed = true;
    run->complete = row->state == RUN_DONE;
    return run->source && run->name && run->state && (run->reason || !reason) &&
                   (run->data || !row->data_sha256)
               ? ESP_OK
               : error_memory(error);
}

bool study_is_run(const char *path)
{
    return store_finds_run(path);
}

esp_status study_add_run(struct study *study, const char *folder, struct error *error)
{
    struct reading reading = {0};
    struct study_run run = {0};
    struct config *config = NULL;
    char *key = NULL;
    esp_status status = read_store(&reading, folder, error);
    if (status == ESP_OK)
        status = settle_objectives(study, folder, &reading.metrics, error);
    if (status == ESP_OK)
        status = check_space(study, folder, reading.row.space, error);
    if (status == ESP_OK)
        status = describe(&run, folder, &reading.row, error);
    run.plugins = json_incref(reading.plugins);
    if (status == ESP_OK)
        status = name_reports(&run, &reading.metrics, error);
    if (status == ESP_OK)
        status = follow(study, &run, &reading, error);
    if (status == ESP_OK)
        status = take_finals(study, &run, &reading, error);
    if (status == ESP_OK)
        status = config_parse(&config, reading.row.config, folder, folder, error);
    if (status == ESP_OK && !(key = study_key(config, reading.row.data_sha256, error)))
        status = error->status;
    if (status == ESP_OK)
        status = study_enter(study, &run, key, config, NULL, error);
    else
        config_destroy(config);
    study_run_destroy(&run);
    reading_free(&reading);
    return status;
}
