// SPDX-License-Identifier: Apache-2.0
// A run that is taken up again: it must be the same experiment, on the same plugins and data; its
// trials are loaded from the store, and loop.c replays them.
#include "run/run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Plugins are matched by id and SHA-256 wherever they lie; the executor may change.
static esp_status check_plugins(struct run *run, struct error *error)
{
    json_t *stored = NULL;
    esp_status status = store_get_plugins(run->store, run->row.plugin_set, &stored, error);
    const struct part *parts[RUN_PARTS];
    run_parts(run->experiment, parts);
    for (int i = 0; status == ESP_OK && i < RUN_PARTS; i++) {
        const struct component *component = parts[i]->component;
        if (!component || component->kind == ESP_KIND_EXECUTOR)
            continue;
        size_t index;
        json_t *row;
        json_array_foreach (stored, index, row) {
            const char *kind = json_string_value(json_object_get(row, "kind"));
            const char *id = json_string_value(json_object_get(row, "id"));
            const char *sha256 = json_string_value(json_object_get(row, "sha256"));
            if (strcmp(kind, kind_name(component->kind)) == 0 && strcmp(id, component->id) == 0 &&
                strcmp(sha256, component->sha256 ? component->sha256 : "") != 0)
                status = error_set(error, ESP_ERROR_INVALID,
                                   "%s: the %s %s is another build than the run began with: "
                                   "%s has SHA-256 %s, the run's had %s",
                                   run->out, kind, id, component->path,
                                   component->sha256 ? component->sha256 : "-", sha256);
        }
    }
    json_decref(stored);
    return status;
}

static esp_status check_data(struct run *run, bool *same, struct error *error)
{
    *same = false;
    if (run->cheap || !run->row.data_sha256)
        return ESP_OK;
    const char *sha256 = NULL;
    bool decoded = false;
    esp_status status = session_prepare_data(run->session, &sha256, &decoded, error);
    if (status != ESP_OK)
        return status;
    *same = strcmp(sha256, run->row.data_sha256) == 0;
    if (!*same)
        return error_set(error, ESP_ERROR_INVALID,
                         "%s: the data is not what the run began with: SHA-256 %s, was %s",
                         run->out, sha256, run->row.data_sha256);
    return ESP_OK;
}

static esp_status load_trial(void *self, const struct trial_row *row)
{
    struct run *run = self;
    if (row->trial != run->trial_count)
        return error_set(&run->error, ESP_ERROR_DATA, "the store is damaged: trial %llu is missing",
                         (unsigned long long)run->trial_count);
    struct trial *trial = run_add_trial(run, &run->error);
    if (!trial)
        return ESP_ERROR_MEMORY;
    trial->state = row->state;
    trial->arch = arch_retain(row->arch);
    trial->hash = row->hash;
    trial->asked_event = row->asked_event;
    trial->told_event = row->told_event;
    trial->lineage = row->lineage;
    trial->parent = row->parent;
    trial->mode = row->mode;
    trial->attempt = row->attempt;
    trial->seconds = row->seconds;
    trial->elapsed = row->elapsed;
    trial->stored = true;
    if (row->error && !(trial->error = strdup(row->error)))
        return error_memory(&run->error);
    if (row->metrics) {
        esp_status status = run_give_metrics(run, trial, &run->error);
        if (status != ESP_OK)
            return status;
        for (uint64_t i = 0; i < run->metrics.count && i < row->metric_count; i++)
            trial->metrics[i] = row->metrics[i];
    }
    if (row->fidelity_count > 0) {
        trial->fidelity = calloc(row->fidelity_count, sizeof *trial->fidelity);
        if (!trial->fidelity)
            return error_memory(&run->error);
        for (uint64_t i = 0; i < row->fidelity_count; i++) {
            trial->fidelity[i].name = strdup(row->fidelity[i].name);
            trial->fidelity[i].value = row->fidelity[i].value;
            if (!trial->fidelity[trial->fidelity_count++].name)
                return error_memory(&run->error);
        }
    }
    return ESP_OK;
}

static const struct run *sorted_run; // qsort has no context
static int by_told_event(const void *a, const void *b)
{
    uint64_t x = sorted_run->trials[*(const uint64_t *)a].told_event;
    uint64_t y = sorted_run->trials[*(const uint64_t *)b].told_event;
    return x < y ? -1 : x > y;
}

static esp_status load_trials(struct run *run, struct error *error)
{
    struct dictionary *dictionary = builder_dictionary(session_builder(run->session));
    esp_status status = store_load_dictionary(run->store, run->row.run, dictionary, error);
    if (status == ESP_OK) {
        error_clear(&run->error);
        status = store_each_trial(run->store, run->row.run, dictionary, load_trial, run, error);
        if (status != ESP_OK && error->message[0] == '\0')
            *error = run->error;
    }
    if (status != ESP_OK)
        return status;
    run->stored_count = run->trial_count;
    run->stored_tells = malloc((run->trial_count + 1) * sizeof *run->stored_tells);
    if (!run->stored_tells)
        return error_memory(error);
    for (uint64_t i = 0; i < run->trial_count; i++) {
        struct trial *trial = &run->trials[i];
        if (trial->told_event > 0)
            run->stored_tells[run->stored_tell_count++] = i;
        if (trial->elapsed > run->elapsed_before)
            run->elapsed_before = trial->elapsed;
        // A trial that was out when its coordinator ended is evaluated again, in a new attempt. So
        // are those that the end of an earlier, smaller budget cancelled.
        bool cancelled = trial->state == TRIAL_CANCELLED && !run->finished;
        if (!trial_state_is_outcome(trial->state) || cancelled) {
            trial->attempt++;
            trial->state = TRIAL_QUEUED;
            trial->told_event = 0;
        }
    }
    sorted_run = run;
    qsort(run->stored_tells, run->stored_tell_count, sizeof *run->stored_tells, by_told_event);
    if (run->row.elapsed > run->elapsed_before)
        run->elapsed_before = run->row.elapsed;
    return ESP_OK;
}

esp_status run_begin_resumed(struct run *run, const char *text, struct error *error)
{
    bool same_data = false;
    esp_status status = check_plugins(run, error);
    if (status == ESP_OK)
        status = check_data(run, &same_data, error);
    if (status != ESP_OK)
        return status;
    char *difference = experiment_difference(run->row.config, text, same_data, error);
    if (error->status != ESP_OK)
        return error->status;
    if (difference) {
        status = error_set(error, ESP_ERROR_INVALID,
                           "%s holds another experiment; a resume may change [budget], [final], "
                           "[executor], [report] and run.workers alone:\n%s",
                           run->out, difference);
        free(difference);
        return status;
    }
    json_t *stored = json_loads(run->row.provenance, 0, NULL);
    const char *set = json_string_value(json_object_get(stored, "instruction_set"));
    if (set && strcmp(set, run_instruction_set()) != 0)
        log_line(ESP_LOG_WARNING,
                 "the run began on %s and goes on on %s: exact metrics may differ in their last "
                 "bits",
                 set, run_instruction_set());
    json_decref(stored);
    run->resumed = true;
    run->finished =
        run->row.state == RUN_DONE && experiment_same_section(run->row.config, text, "[budget]");
    run->same_finals = experiment_same_section(run->row.config, text, "[final]");
    status = load_trials(run, error);
    if (status != ESP_OK)
        return status;
    char *copy = strdup(text);
    if (!copy)
        return error_memory(error);
    free(run->row.config);
    run->row.config = copy;
    return ESP_OK;
}
