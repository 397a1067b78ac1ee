// SPDX-License-Identifier: Apache-2.0
// espalier results DIR --runs where DIR holds a sweep: the list of its runs.
#include "cli/results_sweep.h"

#include "cli/output.h"
#include "report/results.h"
#include "sweep/list.h"

#include <stdio.h>
#include <string.h>

// The best trial, or NULL.
static const struct result_trial *best_of(const struct results *results)
{
    for (uint64_t i = 0; i < results->count; i++)
        if ((int64_t)results->trials[i].trial == results->set.best)
            return &results->trials[i];
    return NULL;
}

static uint64_t trials_of(const struct results *results)
{
    uint64_t count = 0;
    for (size_t i = 0; i < ESP_COUNT(results->states); i++)
        count += results->states[i];
    return count;
}

// The state: the store's where there is one, but for a failure that only the sweep knows of.
static const char *state_of(const struct sweep_entry *entry, const struct results *results)
{
    return results && strcmp(entry->state, "failed") != 0 ? run_state_name(results->row.state)
                                                          : entry->state;
}

static void add_row(struct output_table *table, const struct sweep_entry *entry,
                    const struct results *results)
{
    const struct result_trial *best = results ? best_of(results) : NULL;
    output_row(table);
    output_cell(table, "%s", entry->name);
    output_cell(table, "%s", state_of(entry, results));
    output_cell(table, "%llu", results ? (unsigned long long)trials_of(results) : 0ULL);
    if (best) {
        uint64_t position = results->metrics.objectives[0].position;
        output_cell(table, "%s %.6g", results->metrics.rows[position].name,
                    best->metrics[position]);
    } else {
        output_cell(table, "-");
    }
    output_cell(table, "%.2f", results ? results->row.elapsed : 0.0);
    if (entry->error)
        output_cell(table, "%s", entry->error);
}

static json_t *run_object(const struct sweep_entry *entry, const struct results *results)
{
    const struct result_trial *best = results ? best_of(results) : NULL;
    json_t *found = best ? json_pack("{s:I, s:o}", "trial", (json_int_t)best->trial, "metrics",
                                     metrics_object(&results->metrics, best->metrics))
                         : json_null();
    return json_pack("{s:s, s:s, s:O, s:s, s:I, s:o, s:O?, s:f, s:s?}", "name", entry->name,
                     "folder", entry->folder, "settings", entry->settings, "state",
                     state_of(entry, results), "trials",
                     (json_int_t)(results ? trials_of(results) : 0), "best", found, "finals",
                     results ? results->finals : NULL, "seconds",
                     results ? results->row.elapsed : 0.0, "error", entry->error);
}

static esp_status each_run(const struct sweep_list *list, struct output_table *table, json_t *runs,
                           struct error *error)
{
    for (uint64_t i = 0; i < list->count; i++) {
        const struct sweep_entry *entry = &list->entries[i];
        struct results results;
        struct error words;
        error_clear(&words);
        bool loaded = entry->has_store &&
                      results_load(&results, entry->folder, RESULTS_BEST, &words) == ESP_OK;
        // One that was killed before its first row says nothing yet.
        if (entry->has_store && !loaded && words.status != ESP_ERROR_NOT_FOUND &&
            !strstr(words.message, "no store of Espalier"))
            return error_set(error, words.status, "%s", words.message);
        if (runs)
            json_array_append_new(runs, run_object(entry, loaded ? &results : NULL));
        else
            add_row(table, entry, loaded ? &results : NULL);
        if (loaded)
            results_destroy(&results);
    }
    return ESP_OK;
}

esp_status results_sweep_print(const char *folder, bool as_json, struct error *error)
{
    struct sweep_list list;
    struct output_table table = {0};
    esp_status status = sweep_list_load(&list, folder, error);
    if (status != ESP_OK)
        return status;
    json_t *runs = as_json ? json_array() : NULL;
    static const char *const heads[] = {"run", "state", "trials", "best", "seconds"};
    output_row(&table);
    for (size_t i = 0; i < ESP_COUNT(heads); i++)
        output_cell(&table, "%s", heads[i]);
    status = each_run(&list, &table, runs, error);
    if (status == ESP_OK && as_json)
        status = output_json(json_pack("{s:s, s:O}", "sweep", list.name, "runs", runs), error);
    else if (status == ESP_OK)
        status = output_print(&table, error);
    if (status == ESP_OK && !as_json) {
        printf("\nsweep %s: %llu runs; without --runs their methods are compared, and %s/runs/RUN "
               "is a run's folder\n",
               list.name, (unsigned long long)list.count, folder);
        status = output_flush(error);
    }
    json_decref(runs);
    output_destroy(&table);
    sweep_list_destroy(&list);
    return status;
}
