// SPDX-License-Identifier: Apache-2.0
// All runs of a sweep, named and checked before any begins; see sweep.h.
#include "sweep/sweep.h"

#include "loader/instance.h"
#include "text/stream.h"

#include <espalier/plugin.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

// A run's name becomes a folder's.
#define LONGEST_NAME 150

const char *sweep_state_name(enum sweep_state state)
{
    static const char *const names[] = {"waiting", "running", "done", "interrupted", "failed"};
    return names[state];
}

// ---- Names ------------------------------------------------------------------------------------

// "strategy" for strategy.plugin, "seed" for experiment.seed.
static const char *short_label(const struct axis *axis)
{
    return strcmp(axis->key, "plugin") == 0 ? axis->section : axis->key;
}

static const char *label(const struct axes *axes, uint64_t number)
{
    const struct axis *axis = &axes->axes[number];
    for (uint64_t i = 0; i < axes->count; i++)
        if (strcmp(axes->axes[i].entry->key, axis->entry->key) != 0 &&
            strcmp(short_label(&axes->axes[i]), short_label(axis)) == 0)
            return axis->entry->key;
    return short_label(axis);
}

static bool belongs_in_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("._+-", c);
}

// Writes a part of a name; answers whether it is told from all others.
static bool write_part(FILE *file, const char *text)
{
    bool exact = true;
    for (; *text; text++) {
        exact &= belongs_in_name(*text);
        fputc(belongs_in_name(*text) ? *text : '-', file);
    }
    return exact;
}

// What tells the run from the others, to the letter.
static char *exact_name(const struct sweep *sweep, const struct sweep_run *run)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    for (uint64_t i = 0; file && i < sweep->axes.count; i++)
        if (run->choices[i] != AXIS_ABSENT)
            fprintf(file, "%s=%s\n", sweep->axes.axes[i].entry->key, sweep_value(sweep, run, i));
    return file ? text_stream_close(file, &text) : NULL;
}

static esp_status name_run(const struct sweep *sweep, struct sweep_run *run, struct error *error)
{
    char *text = NULL, *exact = exact_name(sweep, run);
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    bool told = true, first = true;
    for (uint64_t i = 0; file && i < sweep->axes.count; i++) {
        if (run->choices[i] == AXIS_ABSENT)
            continue;
        fputs(first ? "" : ",", file);
        told &= write_part(file, label(&sweep->axes, i));
        fputc('=', file);
        told &= write_part(file, sweep_value(sweep, run, i));
        first = false;
    }
    if (!file || !(text = text_stream_close(file, &text)) || !exact) {
        free(exact);
        free(text);
        return error_memory(error);
    }
    int length = told && strlen(text) <= LONGEST_NAME
                     ? asprintf(&run->name, "%s", first ? "plain" : text)
                     : asprintf(&run->name, "%.*s~%012llx", LONGEST_NAME, text,
                                (unsigned long long)(XXH3_64bits(exact, strlen(exact)) >> 16));
    free(exact);
    free(text);
    if (length < 0) {
        run->name = NULL;
        return error_memory(error);
    }
    if (asprintf(&run->folder, "%s/runs/%s", sweep->out, run->name) < 0) {
        run->folder = NULL;
        return error_memory(error);
    }
    return ESP_OK;
}

// ---- Runs -------------------------------------------------------------------------------------

// Trials that a budget of cost or time alone is taken for: only the order of such runs hangs on it.
#define UNKNOWN_TRIALS 1000

static double work_of(const struct experiment *experiment, bool cheap)
{
    const struct budget *budget = &experiment->budget;
    const struct parameter *epochs = parameters_find(&experiment->estimator.parameters, "epochs");
    double work = budget->trials     ? (double)budget->trials
                  : budget->cost > 0 ? budget->cost
                                     : UNKNOWN_TRIALS;
    if (!cheap && epochs && epochs->row->type == ESP_PARAM_TYPE_INT && epochs->integer > 0)
        work *= (double)epochs->integer;
    return work;
}

static esp_status take_experiment(struct sweep *sweep, struct sweep_run *run,
                                  const struct experiment *experiment, struct error *error)
{
    run->cheap = component_ability(experiment->estimator.component, ESP_ESTIMATOR_CHEAP) != NULL;
    run->has_finals = experiment->retrain != RETRAIN_NONE;
    run->lookahead = experiment->lookahead ? experiment->lookahead : 8;
    run->budget = experiment->budget;
    run->work = work_of(experiment, run->cheap);
    run->text = experiment_text(experiment, false, error);
    if (!run->text)
        return error->status;
    if (sweep->name)
        return ESP_OK;
    sweep->name = strdup(experiment->name);
    sweep->out = strdup(experiment->out);
    sweep->workers = experiment->workers;
    return sweep->name && sweep->out ? ESP_OK : error_memory(error);
}

static esp_status plan_run(struct sweep *sweep, uint64_t number, struct error *error)
{
    struct sweep_run *run = &sweep->runs[number];
    struct config *config = NULL;
    struct experiment *experiment = NULL;
    run->choices = sweep->choices + number * sweep->axes.count;
    run->seconds = NAN;
    esp_status status = sweep_config(&config, sweep, run->choices, error);
    if (status == ESP_OK)
        status = experiment_create(&experiment, config, sweep->registry, error);
    if (status == ESP_OK) {
        status = take_experiment(sweep, run, experiment, error);
        experiment_destroy(experiment);
    }
    return status == ESP_OK ? name_run(sweep, run, error) : status;
}

static int by_text(const void *a, const void *b)
{
    const struct sweep_run *const *x = a, *const *y = b;
    return strcmp((*x)->text, (*y)->text);
}

// Two runs that are the same in everything: a value that two ways of writing say, an axis over what
// makes no difference.
static esp_status check_different(const struct sweep *sweep, struct error *error)
{
    const struct sweep_run **sorted = malloc(sweep->count * sizeof *sorted);
    if (!sorted)
        return error_memory(error);
    for (uint64_t i = 0; i < sweep->count; i++)
        sorted[i] = &sweep->runs[i];
    qsort(sorted, sweep->count, sizeof *sorted, by_text);
    esp_status status = ESP_OK;
    for (uint64_t i = 1; status == ESP_OK && i < sweep->count; i++)
        if (strcmp(sorted[i - 1]->text, sorted[i]->text) == 0)
            status = config_fail_section(error, sweep->config, "sweep",
                                         "the runs %s and %s are the same in everything",
                                         sorted[i - 1]->name, sorted[i]->name);
    free(sorted);
    return status;
}

// What --set says of a key that an axis says too would be lost.
static esp_status check_overrides(const struct sweep *sweep, struct error *error)
{
    for (uint64_t i = 0; i < sweep->axes.count; i++) {
        const struct axis *axis = &sweep->axes.axes[i];
        const struct config_entry *entry = config_find(sweep->config, axis->section, axis->key);
        if (entry && entry->line == 0)
            return config_fail(error, ESP_ERROR_INVALID, entry,
                               "the sweep has an axis over it; --set %s.%s=... sets that",
                               axis->entry->section, axis->entry->key);
    }
    return ESP_OK;
}

// ---- Kinds of runs ----------------------------------------------------------------------------

struct kind_of_run {
    uint64_t hash, run;
};

static int by_hash(const void *a, const void *b)
{
    const struct kind_of_run *x = a, *y = b;
    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static uint64_t hash_kind(const struct sweep *sweep, const struct sweep_run *run, bool strategies)
{
    XXH64_hash_t hash = 0;
    for (uint64_t i = 0; i < sweep->axes.count; i++) {
        const struct axis *axis = &sweep->axes.axes[i];
        if (strcmp(axis->entry->key, "experiment.seed") == 0 ||
            (!strategies && strcmp(axis->section, "strategy") == 0))
            continue;
        hash = XXH3_64bits_withSeed(&run->choices[i], sizeof run->choices[i], hash + i + 1);
    }
    return hash;
}

// Numbers the kinds of runs from 0 on; with or without the strategies told apart.
static esp_status number_kinds(struct sweep *sweep, bool strategies, struct error *error)
{
    struct kind_of_run *kinds = malloc(sweep->count * sizeof *kinds);
    struct sweep_times *times = calloc(sweep->count, sizeof *times);
    if (!kinds || !times) {
        free(kinds);
        free(times);
        return error_memory(error);
    }
    for (uint64_t i = 0; i < sweep->count; i++)
        kinds[i] = (struct kind_of_run){hash_kind(sweep, &sweep->runs[i], strategies), i};
    qsort(kinds, sweep->count, sizeof *kinds, by_hash);
    uint64_t number = 0;
    for (uint64_t i = 0; i < sweep->count; i++) {
        number += i > 0 && kinds[i].hash != kinds[i - 1].hash;
        *(strategies ? &sweep->runs[kinds[i].run].setting : &sweep->runs[kinds[i].run].group) =
            number;
    }
    *(strategies ? &sweep->settings : &sweep->groups) = times;
    *(strategies ? &sweep->setting_count : &sweep->group_count) = number + 1;
    free(kinds);
    return ESP_OK;
}

// ---- Opening ----------------------------------------------------------------------------------

esp_status sweep_open(struct sweep **out, struct config *config, struct registry *registry,
                      struct error *error)
{
    struct sweep *sweep = calloc(1, sizeof *sweep);
    if (!sweep) {
        config_destroy(config);
        return error_memory(error);
    }
    sweep->config = config;
    sweep->registry = registry;
    esp_status status = axes_read(&sweep->axes, config, error);
    if (status == ESP_OK)
        status = axes_expand(&sweep->choices, &sweep->count, &sweep->axes, error);
    if (status == ESP_OK)
        status = check_overrides(sweep, error);
    if (status == ESP_OK && !(sweep->runs = calloc(sweep->count, sizeof *sweep->runs)))
        status = error_memory(error);
    for (uint64_t i = 0; status == ESP_OK && i < sweep->count; i++)
        status = plan_run(sweep, i, error);
    if (status == ESP_OK)
        status = check_different(sweep, error);
    if (status == ESP_OK)
        status = number_kinds(sweep, true, error);
    if (status == ESP_OK)
        status = number_kinds(sweep, false, error);
    if (status != ESP_OK) {
        sweep_close(sweep);
        return status;
    }
    *out = sweep;
    return ESP_OK;
}

void sweep_close(struct sweep *sweep)
{
    if (!sweep)
        return;
    for (uint64_t i = 0; sweep->runs && i < sweep->count; i++) {
        free(sweep->runs[i].name);
        free(sweep->runs[i].folder);
        free(sweep->runs[i].text);
        free(sweep->runs[i].error);
    }
    free(sweep->runs);
    free(sweep->settings);
    free(sweep->groups);
    free(sweep->choices);
    free(sweep->name);
    free(sweep->out);
    axes_destroy(&sweep->axes);
    config_destroy(sweep->config);
    free(sweep);
}
