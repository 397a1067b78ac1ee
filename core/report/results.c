// SPDX-License-Identifier: Apache-2.0
// A run read back from its out folder; see results.h.
#include "report/results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// RESULTS_BEST keeps at most so many trials, or twice what it must.
#define PRUNED_LEAST 4096

static esp_status copy_fidelity(struct result_trial *to, const struct trial_row *row,
                                struct error *error)
{
    if (row->fidelity_count == 0)
        return ESP_OK;
    to->fidelity = calloc(row->fidelity_count, sizeof *to->fidelity);
    if (!to->fidelity)
        return error_memory(error);
    for (uint64_t i = 0; i < row->fidelity_count; i++) {
        to->fidelity[i].name = strdup(row->fidelity[i].name);
        to->fidelity[i].value = row->fidelity[i].value;
        if (!to->fidelity[to->fidelity_count++].name)
            return error_memory(error);
    }
    return ESP_OK;
}

static void trial_clear(struct result_trial *trial)
{
    arch_release(trial->arch);
    for (uint64_t j = 0; j < trial->fidelity_count; j++)
        free(trial->fidelity[j].name);
    free(trial->fidelity);
    free(trial->metrics);
    free(trial->error);
}

static esp_status append_trial(struct results *results, const struct trial_row *row)
{
    if (results->count == results->capacity) {
        uint64_t capacity = results->capacity ? 2 * results->capacity : 64;
        struct result_trial *grown = realloc(results->trials, capacity * sizeof *grown);
        if (!grown)
            return error_memory(&results->error);
        results->trials = grown;
        results->capacity = capacity;
    }
    struct result_trial *trial = &results->trials[results->count++];
    *trial = (struct result_trial){.trial = row->trial,
                                   .state = row->state,
                                   .hash = row->hash,
                                   .arch = row->arch ? arch_retain(row->arch) : NULL,
                                   .seconds = row->seconds,
                                   .elapsed = row->elapsed,
                                   .told = row->told_event,
                                   .attempt = row->attempt,
                                   .parent = row->parent,
                                   .mode = row->mode,
                                   .lineage = row->lineage};
    if (row->error && !(trial->error = strdup(row->error)))
        return error_memory(&results->error);
    if (row->metrics) {
        trial->metrics = malloc((results->metrics.count + 1) * sizeof *trial->metrics);
        if (!trial->metrics)
            return error_memory(&results->error);
        for (uint64_t i = 0; i < results->metrics.count; i++)
            trial->metrics[i] = i < row->metric_count ? row->metrics[i] : NAN;
    }
    return copy_fidelity(trial, row, &results->error);
}

static esp_status make_set(struct results *results, struct error *error)
{
    struct candidate *candidates = calloc(results->count + 1, sizeof *candidates);
    if (!candidates)
        return error_memory(error);
    for (uint64_t i = 0; i < results->count; i++) {
        const struct result_trial *trial = &results->trials[i];
        candidates[i] = (struct candidate){
            trial->trial, trial->state == TRIAL_DONE,
            metrics_full(&results->metrics, trial->fidelity, trial->fidelity_count),
            trial->metrics};
    }
    esp_status status =
        result_set_make(&results->set, &results->metrics, candidates, results->count, error);
    free(candidates);
    return status;
}

// Of all trials that were kept so far, those that the set names stay: the best and the front of a
// whole are among the bests and the fronts of its parts.
static esp_status prune(struct results *results)
{
    uint64_t kept = 0;
    esp_status status = make_set(results, &results->error);
    if (status != ESP_OK)
        return status;
    for (uint64_t i = 0, next = 0; i < results->count; i++) {
        struct result_trial *trial = &results->trials[i];
        bool named = (int64_t)trial->trial == results->set.best;
        if (next < results->set.front_count && results->set.front[next] == trial->trial) {
            named = true;
            next++;
        }
        if (named)
            results->trials[kept++] = *trial;
        else
            trial_clear(trial);
    }
    results->count = kept;
    results->prune_at = 2 * kept > PRUNED_LEAST ? 2 * kept : PRUNED_LEAST;
    free(results->set.front);
    results->set.front = NULL;
    return ESP_OK;
}

static esp_status add_trial(void *self, const struct trial_row *row)
{
    struct results *results = self;
    results->states[row->state]++;
    if (results->extent == RESULTS_BEST && (row->state != TRIAL_DONE || !row->metrics))
        return ESP_OK;
    esp_status status = append_trial(results, row);
    if (status == ESP_OK && results->extent == RESULTS_BEST && results->count == results->prune_at)
        status = prune(results);
    return status;
}

static esp_status take_arch(void *self, const struct trial_row *row)
{
    struct result_trial *trial = self;
    trial->arch = arch_retain(row->arch);
    return ESP_OK;
}

static esp_status load_best_arch(struct results *results, struct store *store, struct error *error)
{
    for (uint64_t i = 0; i < results->count; i++)
        if ((int64_t)results->trials[i].trial == results->set.best)
            return store_one_trial(store, results->row.run, results->trials[i].trial,
                                   results->dictionary, take_arch, &results->trials[i], error);
    return ESP_OK;
}

static esp_status add_final(void *self, const struct final_row *row)
{
    struct results *results = self;
    json_t *metrics = row->metrics ? json_loads(row->metrics, 0, NULL) : NULL;
    json_t *final = json_pack("{s:I, s:I, s:I, s:s, s:o?, s:f, s:s?, s:b, s:s}", "final",
                              (json_int_t)row->final, "trial", (json_int_t)row->trial, "seed",
                              (json_int_t)row->seed, "state", trial_state_name(row->state),
                              "metrics", metrics, "seconds", row->seconds, "error", row->error,
                              "test_read", row->test_read, "folder", row->folder);
    return final && json_array_append_new(results->finals, final) == 0
               ? ESP_OK
               : error_memory(&results->error);
}

static esp_status load(struct results *results, struct store *store, struct error *error)
{
    struct metric_row *rows = NULL;
    uint64_t count = 0;
    esp_status status = store_get_run(store, &results->row, error);
    if (status == ESP_OK)
        status = store_get_metrics(store, results->row.run, &rows, &count, error);
    if (status == ESP_OK)
        status = metrics_restore(&results->metrics, rows, count, results->row.objectives, error);
    if (status == ESP_OK)
        status = store_get_plugins(store, results->row.plugin_set, &results->plugins, error);
    if (status == ESP_OK)
        status = store_load_dictionary(store, results->row.run, results->dictionary, error);
    if (status == ESP_OK)
        status = store_each_trial(store, results->row.run,
                                  results->extent == RESULTS_ALL ? results->dictionary : NULL,
                                  add_trial, results, error);
    if (status == ESP_OK)
        status = store_each_final(store, results->row.run, add_final, results, error);
    if (status != ESP_OK && error->message[0] == '\0')
        *error = results->error;
    if (status == ESP_OK)
        status = make_set(results, error);
    return status == ESP_OK && results->extent == RESULTS_BEST
               ? load_best_arch(results, store, error)
               : status;
}

esp_status results_load(struct results *out, const char *folder, enum results_extent extent,
                        struct error *error)
{
    memset(out, 0, sizeof *out);
    out->extent = extent;
    out->prune_at = PRUNED_LEAST;
    struct store *store = NULL;
    esp_status status = store_open_run(&store, folder, STORE_READ, error);
    if (status != ESP_OK)
        return status;
    out->folder = strdup(folder);
    out->dictionary = dictionary_create();
    out->finals = json_array();
    status = out->folder && out->dictionary && out->finals ? load(out, store, error)
                                                           : error_memory(error);
    store_close(store);
    if (status != ESP_OK)
        results_destroy(out);
    return status;
}

const struct result_trial *results_find(const struct results *results, uint64_t trial)
{
    // All trials stand at their own numbers.
    if (trial < results->count && results->trials[trial].trial == trial)
        return &results->trials[trial];
    for (uint64_t i = 0; i < results->count; i++)
        if (results->trials[i].trial == trial)
            return &results->trials[i];
    return NULL;
}

void results_destroy(struct results *results)
{
    for (uint64_t i = 0; i < results->count; i++)
        trial_clear(&results->trials[i]);
    free(results->trials);
    free(results->set.front);
    json_decref(results->finals);
    json_decref(results->plugins);
    metrics_destroy(&results->metrics);
    dictionary_destroy(results->dictionary);
    run_row_destroy(&results->row);
    free(results->folder);
    memset(results, 0, sizeof *results);
}

// ---- Order ------------------------------------------------------------------------------------

static const struct results *sorted; // qsort has no context
static int64_t sorted_metric;
static double sorted_sign;

static double sort_value(uint64_t i)
{
    const struct result_trial *trial = &sorted->trials[i];
    if (!trial->metrics || !isfinite(trial->metrics[sorted_metric]))
        return INFINITY;
    return sorted_sign * trial->metrics[sorted_metric];
}

static int by_value(const void *a, const void *b)
{
    uint64_t i = *(const uint64_t *)a, j = *(const uint64_t *)b;
    double x = sort_value(i), y = sort_value(j);
    if (x != y)
        return x < y ? -1 : 1;
    return i < j ? -1 : i > j;
}

uint64_t *results_order(const struct results *results, uint64_t top, const char *sort,
                        uint64_t *count, struct error *error)
{
    uint64_t *order = malloc((results->count + 1) * sizeof *order);
    if (!order) {
        error_memory(error);
        return NULL;
    }
    for (uint64_t i = 0; i < results->count; i++)
        order[i] = i;
    *count = results->count;
    if (top == 0 && !sort)
        return order;
    const struct metric_objective *first = &results->metrics.objectives[0];
    sorted = results;
    sorted_metric = (int64_t)first->position;
    sorted_sign = first->sign;
    if (sort) {
        sorted_metric = metrics_find(&results->metrics, sort);
        if (sorted_metric < 0) {
            error_set(error, ESP_ERROR_INVALID, "the run has no metric '%s'", sort);
            free(order);
            return NULL;
        }
        if (sorted_metric != (int64_t)first->position)
            sorted_sign =
                results->metrics.rows[sorted_metric].better == ESP_BETTER_HIGHER ? -1.0 : 1.0;
    }
    qsort(order, results->count, sizeof *order, by_value);
    if (top > 0 && top < *count)
        *count = top;
    return order;
}

// ---- JSON -------------------------------------------------------------------------------------

json_t *metrics_object(const struct metrics *metrics, const double *values)
{
    json_t *object = json_object();
    for (uint64_t i = 0; i < metrics->count; i++)
        json_object_set_new(object, metrics->rows[i].name,
                            values && isfinite(values[i]) ? json_real(values[i]) : json_null());
    return object;
}

json_t *result_trial_json(const struct results *results, const struct result_trial *trial)
{
    char hash[17];
    json_t *fidelity = json_object();
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)trial->hash);
    for (uint64_t i = 0; i < trial->fidelity_count; i++)
        json_object_set_new(fidelity, trial->fidelity[i].name, json_real(trial->fidelity[i].value));
    return json_pack("{s:I, s:s, s:o, s:s, s:o, s:o, s:f, s:I, s:s?, s:o}", "id",
                     (json_int_t)trial->trial, "state", trial_state_name(trial->state), "arch",
                     arch_json(trial->arch, results->row.space), "hash", hash, "fidelity", fidelity,
                     "metrics", metrics_object(&results->metrics, trial->metrics), "seconds",
                     trial->seconds, "attempt", (json_int_t)trial->attempt, "error", trial->error,
                     "parent", trial->parent >= 0 ? json_integer(trial->parent) : json_null());
}

static json_t *best_json(const struct results *results)
{
    if (results->set.best < 0)
        return json_null();
    const struct result_trial *trial = &results->trials[results->set.best];
    return json_pack("{s:I, s:o, s:b}", "trial", (json_int_t)trial->trial, "metrics",
                     metrics_object(&results->metrics, trial->metrics), "partial",
                     results->set.partial);
}

// The final training of the best architecture: the first that is done.
static json_t *final_json(const struct results *results)
{
    size_t i;
    json_t *row;
    json_array_foreach (results->finals, i, row) {
        if (json_integer_value(json_object_get(row, "trial")) == results->set.best &&
            strcmp(json_string_value(json_object_get(row, "state")), "done") == 0)
            return json_pack("{s:O, s:O}", "trial", json_object_get(row, "trial"), "metrics",
                             json_object_get(row, "metrics"));
    }
    return json_null();
}

json_t *results_json(const struct results *results, uint64_t top, const char *sort,
                     struct error *error)
{
    uint64_t count = 0;
    uint64_t *order = results_order(results, top, sort, &count, error);
    if (!order)
        return NULL;
    json_t *trials = json_array(), *front = json_array();
    for (uint64_t i = 0; i < count; i++)
        json_array_append_new(trials, result_trial_json(results, &results->trials[order[i]]));
    for (uint64_t i = 0; i < results->set.front_count; i++)
        json_array_append_new(front, json_integer((json_int_t)results->set.front[i]));
    free(order);
    const struct run_row *row = &results->row;
    json_t *run =
        json_pack("{s:s, s:I, s:s, s:s?, s:s?, s:s, s:f, s:s?, s:o?, s:O, s:o?, s:s}", "name",
                  row->name, "seed", (json_int_t)row->seed, "state", run_state_name(row->state),
                  "reason", row->reason, "message", row->message, "space", row->space, "elapsed",
                  row->elapsed, "data_sha256", row->data_sha256, "objective",
                  json_loads(row->objectives, 0, NULL), "plugins", results->plugins, "provenance",
                  json_loads(row->provenance, 0, NULL), "config", row->config);
    json_t *whole = json_pack("{s:o, s:o, s:o, s:o, s:o, s:O}", "run", run, "trials", trials,
                              "best", best_json(results), "front", front, "final",
                              final_json(results), "finals", results->finals);
    if (!whole)
        error_memory(error);
    return whole;
}

void arch_print_words(const struct arch *arch, const char *indent, FILE *file)
{
    uint64_t count;
    const struct choice *choices = arch_choices(arch, &count);
    const struct dictionary *dictionary = arch_dictionary(arch);
    for (uint64_t i = 0; i < count; i++) {
        char text[256];
        uint32_t decision = choices[i].decision;
        value_text(text, sizeof text, dictionary_decision_domain(dictionary, decision),
                   choices[i].value);
        fprintf(file, "%s%s = %s\n", indent,
                dictionary_path_text(dictionary, dictionary_decision_path(dictionary, decision)),
                text);
    }
}
