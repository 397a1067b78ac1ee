// SPDX-License-Identifier: Apache-2.0
// Runs and methods of a study; see study.h.
#include "report/study.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void study_run_destroy(struct study_run *run)
{
    free(run->source);
    free(run->name);
    free(run->state);
    free(run->reason);
    free(run->data);
    json_decref(run->plugins);
    for (uint64_t i = 0; i < run->step_count; i++)
        free(run->steps[i].values);
    free(run->steps);
    for (uint64_t i = 0; i < run->report_count; i++)
        free(run->reports[i]);
    free(run->reports);
    for (uint64_t i = 0; i < run->final_count; i++)
        free(run->finals[i].name);
    free(run->finals);
    memset(run, 0, sizeof *run);
}

void study_destroy(struct study *study)
{
    for (uint64_t i = 0; i < study->run_count; i++)
        study_run_destroy(&study->runs[i]);
    free(study->runs);
    for (uint64_t i = 0; i < study->method_count; i++) {
        free(study->methods[i].key);
        free(study->methods[i].label);
        free(study->methods[i].data);
        free(study->methods[i].file);
        config_destroy(study->methods[i].config);
    }
    free(study->methods);
    for (uint64_t i = 0; i < study->objective_count; i++)
        free(study->objectives[i].metric);
    free(study->objectives);
    for (uint64_t i = 0; i < study->seen_count; i++)
        free(study->seen[i]);
    free(study->seen);
    free(study->worst);
    free(study->space);
    free(study->origin);
    memset(study, 0, sizeof *study);
}

// ---- Objectives -------------------------------------------------------------------------------

char *study_objectives_text(const struct study *study)
{
    char *text = NULL;
    for (uint64_t i = 0; i < study->objective_count; i++) {
        char *longer = NULL;
        int length = asprintf(&longer, "%s%s%s %s", text ? text : "", text ? "; " : "",
                              study->objectives[i].maximize ? "maximize" : "minimize",
                              study->objectives[i].metric);
        free(text);
        if (length < 0)
            return NULL;
        text = longer;
    }
    return text ? text : strdup("");
}

// "maximize valid_accuracy" or "maximize = valid_accuracy".
static esp_status parse_objective(struct study *study, char *part, struct error *error)
{
    char *rest = NULL;
    const char *sense = strtok_r(part, " \t=", &rest), *metric = strtok_r(NULL, " \t=", &rest);
    bool maximize = sense && strcmp(sense, "maximize") == 0;
    if (!metric || strtok_r(NULL, " \t=", &rest) || (!maximize && strcmp(sense, "minimize") != 0))
        return error_set(error, ESP_ERROR_INVALID,
                         "expected 'maximize METRIC' or 'minimize METRIC', with commas between");
    struct study_objective *grown =
        realloc(study->objectives, (study->objective_count + 1) * sizeof *grown);
    if (!grown)
        return error_memory(error);
    study->objectives = grown;
    grown[study->objective_count] = (struct study_objective){strdup(metric), maximize};
    if (!grown[study->objective_count].metric)
        return error_memory(error);
    study->objective_count++;
    return ESP_OK;
}

static esp_status settle(struct study *study, const char *text, const char *origin,
                         struct error *error)
{
    char *copy = strdup(text), *rest = NULL;
    study->origin = strdup(origin);
    esp_status status = copy && study->origin ? ESP_OK : error_memory(error);
    for (char *part = copy ? strtok_r(copy, ",;", &rest) : NULL; part && status == ESP_OK;
         part = strtok_r(NULL, ",;", &rest))
        status = parse_objective(study, part, error);
    free(copy);
    if (status == ESP_OK && study->objective_count == 0)
        status = error_set(error, ESP_ERROR_INVALID, "no objective is named");
    if (status != ESP_OK)
        error_prefix(error, "%s: the objective '%s': ", origin, text);
    return status;
}

esp_status study_set_objectives(struct study *study, const char *text, const char *origin,
                                struct error *error)
{
    if (study->objective_count == 0)
        return settle(study, text, origin, error);
    struct study other = {0};
    esp_status status = settle(&other, text, origin, error);
    char *theirs = status == ESP_OK ? study_objectives_text(&other) : NULL;
    char *ours = status == ESP_OK ? study_objectives_text(study) : NULL;
    if (status == ESP_OK && (!theirs || !ours))
        status = error_memory(error);
    else if (status == ESP_OK && strcmp(theirs, ours) != 0)
        status = error_set(error, ESP_ERROR_INVALID,
                           "these runs cannot be compared: %s was to %s, and %s to %s",
                           study->origin, ours, origin, theirs);
    free(theirs);
    free(ours);
    study_destroy(&other);
    return status;
}

esp_status study_note_worst(struct study *study, const struct study_run *run, struct error *error)
{
    uint64_t count = study->objective_count;
    if (!study->worst) {
        study->worst = malloc((count + 1) * sizeof *study->worst);
        if (!study->worst)
            return error_memory(error);
        for (uint64_t i = 0; i < count; i++)
            study->worst[i] = NAN;
    }
    for (uint64_t i = 0; i < run->step_count; i++)
        for (uint64_t j = 0; j < count; j++) {
            double value = run->steps[i].values[j], *worst = &study->worst[j];
            if (isnan(*worst) || (study->objectives[j].maximize ? value < *worst : value > *worst))
                *worst = value;
        }
    return ESP_OK;
}

// ---- Steps ------------------------------------------------------------------------------------

bool study_reached(const struct study_step *step, const struct study_point *point)
{
    switch (point->axis) {
    case STUDY_TRIALS:
        return (double)step->told <= point->at;
    case STUDY_SECONDS:
        return step->seconds <= point->at;
    case STUDY_COST:
        return step->cost <= point->at;
    default:
        return true;
    }
}

// Less is better.
static double turned(const struct study *study, const struct study_step *step, uint64_t objective)
{
    double value = step->values[objective];
    return study->objectives[objective].maximize ? -value : value;
}

const struct study_step *study_chosen(const struct study *study, const struct study_run *run,
                                      const struct study_point *point)
{
    const struct study_step *best = NULL;
    for (uint64_t i = 0; i < run->step_count; i++) {
        const struct study_step *step = &run->steps[i];
        if (!study_reached(step, point))
            continue;
        double difference = best ? turned(study, step, 0) - turned(study, best, 0) : -1.0;
        if (difference < 0.0 || (difference == 0.0 && step->trial < best->trial))
            best = step;
    }
    return best;
}

static bool improves(const struct study *study, const struct study_run *run,
                     const struct study_step *step)
{
    // With one objective the last step is the best.
    uint64_t from = study->objective_count == 1 && run->step_count > 0 ? run->step_count - 1 : 0;
    for (uint64_t i = from; i < run->step_count; i++) {
        bool better = false;
        for (uint64_t j = 0; j < study->objective_count && !better; j++)
            better = turned(study, step, j) < turned(study, &run->steps[i], j);
        if (!better)
            return false;
    }
    return true;
}

esp_status study_offer(const struct study *study, struct study_run *run,
                       const struct study_step *step, struct error *error)
{
    uint64_t width = study->objective_count + run->report_count;
    if (!improves(study, run, step))
        return ESP_OK;
    // Grown at each power of two.
    if ((run->step_count & (run->step_count - 1)) == 0) {
        uint64_t capacity = run->step_count ? 2 * run->step_count : 1;
        struct study_step *grown = realloc(run->steps, capacity * sizeof *grown);
        if (!grown)
            return error_memory(error);
        run->steps = grown;
    }
    double *values = malloc((width + 1) * sizeof *values);
    if (!values)
        return error_memory(error);
    memcpy(values, step->values, width * sizeof *values);
    run->steps[run->step_count] = *step;
    run->steps[run->step_count++].values = values;
    return ESP_OK;
}

// ---- Methods ----------------------------------------------------------------------------------

bool study_counts(const struct config_entry *entry, bool data_known)
{
    const char *section = entry->section, *key = entry->key;
    if (strcmp(section, "experiment") == 0)
        return strcmp(key, "name") != 0 && strcmp(key, "seed") != 0;
    if (strcmp(section, "run") == 0)
        return strcmp(key, "out") != 0 && strcmp(key, "workers") != 0 && strcmp(key, "keep") != 0;
    // Where data lie does not matter once it is known what they hold.
    if (strcmp(section, "dataset") == 0 && strcmp(key, "path") == 0)
        return !data_known;
    return strcmp(section, "executor") != 0 && strcmp(section, "report") != 0;
}

char *study_key(const struct config *config, const char *data, struct error *error)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (!file) {
        error_memory(error);
        return NULL;
    }
    for (uint64_t i = 0; i < config_count(config); i++) {
        const struct config_entry *entry = config_get(config, i);
        if (study_counts(entry, data != NULL))
            fprintf(file, "%s.%s=%s\n", entry->section, entry->key, entry->value);
    }
    fprintf(file, "data %s", data ? data : "");
    bool whole = ferror(file) == 0;
    if (fclose(file) != 0 || !whole) {
        free(text);
        error_memory(error);
        return NULL;
    }
    return text;
}

static esp_status find_method(struct study *study, const struct study_run *run, char **key,
                              struct config **config, const char *file, uint64_t *out,
                              struct error *error)
{
    for (uint64_t i = 0; i < study->method_count; i++)
        if (!study->methods[i].config == !*config && strcmp(study->methods[i].key, *key) == 0) {
            *out = i;
            return ESP_OK;
        }
    struct study_method *grown = realloc(study->methods, (study->method_count + 1) * sizeof *grown);
    if (!grown)
        return error_memory(error);
    study->methods = grown;
    struct study_method *method = &grown[study->method_count];
    *method = (struct study_method){.data = run->data ? strdup(run->data) : NULL,
                                    .file = file ? strdup(file) : NULL};
    if ((run->data && !method->data) || (file && !method->file)) {
        free(method->data);
        free(method->file);
        return error_memory(error);
    }
    method->key = *key;
    method->config = *config;
    *key = NULL;
    *config = NULL;
    *out = study->method_count++;
    return ESP_OK;
}

esp_status study_enter(struct study *study, struct study_run *run, char *key, struct config *config,
                       const char *file, struct error *error)
{
    esp_status status = ESP_OK;
    run->method = STUDY_NO_METHOD;
    if (key)
        status = find_method(study, run, &key, &config, file, &run->method, error);
    free(key);
    config_destroy(config);
    if (status == ESP_OK && study->run_count == study->run_capacity) {
        uint64_t capacity = study->run_capacity ? 2 * study->run_capacity : 64;
        struct study_run *grown = realloc(study->runs, capacity * sizeof *grown);
        if (grown) {
            study->runs = grown;
            study->run_capacity = capacity;
        } else {
            status = error_memory(error);
        }
    }
    if (status == ESP_OK && study->objective_count > 0)
        status = study_note_worst(study, run, error);
    if (status != ESP_OK) {
        study_run_destroy(run);
        return status;
    }
    if (run->method != STUDY_NO_METHOD)
        study->methods[run->method].runs++;
    study->runs[study->run_count++] = *run;
    memset(run, 0, sizeof *run);
    return ESP_OK;
}
