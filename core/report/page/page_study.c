// SPDX-License-Identifier: Apache-2.0
// What the page says of the study as a whole: objectives, methods, how their runs went on and ended.
#include "report/page/page.h"

#include "report/comparison.h"
#include "report/progression.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LINES_MOST 200        // runs of which the page has a line each
#define LINE_POINTS 200       // of such a line
#define GRID_ONE 240          // points of a median
#define GRID_MANY 60          // where each is a hypervolume
#define OBJECTIVES_COMPARED 3 // of which a hypervolume is computed

static json_t *objectives_json(const struct study *study)
{
    json_t *list = json_array();
    for (uint64_t i = 0; i < study->objective_count; i++)
        json_array_append_new(list, json_pack("{s:o, s:b}", "metric",
                                              page_text(study->objectives[i].metric), "maximize",
                                              study->objectives[i].maximize));
    return list;
}

// ---- Methods ----------------------------------------------------------------------------------

static json_t *loads_or_null(const char *text)
{
    json_t *json = text ? json_loads(text, 0, NULL) : NULL;
    return json ? json : json_null();
}

// Configuration, plugins and provenance of one run of the method, from the table or its store.
static esp_status set_origin(json_t *method, const struct page *page, uint64_t run,
                             struct error *error)
{
    struct results loaded = {0};
    const struct results *results = NULL;
    for (uint64_t i = 0; i < page->table->run_count && !results; i++)
        if (page->table->runs[i].run == run)
            results = &page->table->runs[i].results;
    if (!results) {
        esp_status status =
            results_load(&loaded, page->study->runs[run].source, RESULTS_BEST, error);
        if (status != ESP_OK)
            return status;
        results = &loaded;
    }
    json_object_set_new(method, "config", page_text(results->row.config));
    json_object_set(method, "plugins", results->plugins);
    json_object_set_new(method, "provenance", loads_or_null(results->row.provenance));
    json_object_set_new(method, "data_sha256", page_text(results->row.data_sha256));
    json_object_set_new(method, "folder", page_text(results->folder));
    if (results == &loaded)
        results_destroy(&loaded);
    return ESP_OK;
}

static json_t *setting(const struct study_method *method, const char *section, const char *key)
{
    const struct config_entry *entry =
        method->config ? config_find(method->config, section, key) : NULL;
    return entry && entry->value[0] ? page_text(entry->value) : json_null();
}

static json_t *budget_json(const struct study_method *method)
{
    static const char *const keys[] = {"trials", "time", "cost", "failures", "target"};
    json_t *budget = json_object();
    for (size_t i = 0; i < ESP_COUNT(keys); i++)
        json_object_set_new(budget, keys[i], setting(method, "budget", keys[i]));
    return budget;
}

static json_t *method_json(const struct page *page, uint64_t number, struct error *error)
{
    const struct study_method *method = &page->study->methods[number];
    json_t *json = json_pack(
        "{s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "label", page_text(method->label), "runs",
        (json_int_t)method->runs, "file", page_text(method->file), "strategy",
        setting(method, "strategy", "plugin"), "estimator", setting(method, "estimator", "plugin"),
        "dataset", setting(method, "dataset", "plugin"), "engine",
        setting(method, "engine", "plugin"), "budget", budget_json(method));
    for (uint64_t i = 0; json && method->config && i < page->study->run_count; i++)
        if (page->study->runs[i].method == number) {
            if (set_origin(json, page, i, error) != ESP_OK) {
                json_decref(json);
                return NULL;
            }
            break;
        }
    if (!json)
        error_memory(error);
    return json;
}

// ---- How they went on -------------------------------------------------------------------------

static json_t *progression_json(const struct progression *progression, uint64_t methods)
{
    json_t *at = json_array(), *lines = json_array();
    for (uint64_t i = 0; i < progression->count; i++)
        json_array_append_new(at, page_number(progression->at[i]));
    for (uint64_t m = 0; m < methods; m++) {
        json_t *n = json_array(), *median = json_array(), *q1 = json_array(), *q3 = json_array();
        for (uint64_t i = 0; i < progression->count; i++) {
            const struct progression_cell *cell = &progression->cells[i * methods + m];
            json_array_append_new(n, json_integer((json_int_t)cell->n));
            json_array_append_new(median, page_number(cell->median));
            json_array_append_new(q1, page_number(cell->q1));
            json_array_append_new(q3, page_number(cell->q3));
        }
        json_array_append_new(lines, json_pack("{s:o, s:o, s:o, s:o, s:o}", "n", page_column(n),
                                               "median", median, "q1", q1, "q3", q3, "end",
                                               page_number(progression->ends[m])));
    }
    return json_pack("{s:o, s:o}", "at", at, "methods", lines);
}

static json_t *progressions_json(const struct page *page, struct error *error)
{
    static const struct {
        const char *name;
        enum study_axis axis;
    } axes[] = {{"trials", STUDY_TRIALS}, {"seconds", STUDY_SECONDS}, {"cost", STUDY_COST}};
    json_t *all = json_object();
    uint64_t most = page->study->objective_count > 1 ? GRID_MANY : GRID_ONE;
    for (size_t i = 0; i < ESP_COUNT(axes); i++) {
        struct progression progression;
        if (progression_make(&progression, page->study, axes[i].axis, page->reference, most,
                             error) != ESP_OK) {
            json_decref(all);
            return NULL;
        }
        if (progression.count > 0)
            json_object_set_new(all, axes[i].name,
                                progression_json(&progression, page->study->method_count));
        progression_destroy(&progression);
    }
    return all;
}

// The best so far of one run, thinned; of several objectives the first.
static json_t *line_json(const struct study *study, const struct study_run *run)
{
    json_t *trial = json_array(), *told = json_array(), *seconds = json_array(),
           *cost = json_array(), *value = json_array();
    uint64_t count = run->step_count < LINE_POINTS ? run->step_count : LINE_POINTS;
    for (uint64_t i = 0; study->objective_count == 1 && i < count; i++) {
        const struct study_step *step =
            &run->steps[count < 2 ? 0 : i * (run->step_count - 1) / (count - 1)];
        json_array_append_new(trial, json_integer((json_int_t)step->trial));
        json_array_append_new(told, json_integer((json_int_t)step->told));
        json_array_append_new(seconds, page_number(step->seconds));
        json_array_append_new(cost, page_number(step->cost));
        json_array_append_new(value, page_number(step->values[0]));
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "trial", trial, "trials", told, "seconds",
                     seconds, "cost", cost, "value", value);
}

static json_t *lines_json(const struct study *study)
{
    json_t *lines = json_array();
    for (uint64_t i = 0; i < study->run_count && i < LINES_MOST; i++)
        json_array_append_new(lines, line_json(study, &study->runs[i]));
    return lines;
}

// ---- How they ended ---------------------------------------------------------------------------

// The values of every run in metrics that no search saw: [{metric, values: [run]}].
static json_t *tests_json(const struct comparison *comparison)
{
    json_t *list = json_array();
    uint64_t runs = comparison->study->run_count;
    for (uint64_t i = 0; i < comparison->test_count; i++) {
        json_t *values = json_array();
        for (uint64_t j = 0; j < runs; j++)
            json_array_append_new(
                values, page_number(comparison->test_values[j * comparison->test_count + i]));
        json_array_append_new(list, json_pack("{s:o, s:o}", "metric",
                                              page_text(comparison->tests[i]), "values", values));
    }
    return list;
}

static json_t *finals_json(const struct page *page)
{
    json_t *list = json_array(), *final;
    size_t j;
    for (uint64_t i = 0; i < page->table->run_count; i++)
        json_array_foreach (page->table->runs[i].results.finals, j, final) {
            json_t *copy = json_copy(final);
            json_object_set_new(copy, "run", json_integer((json_int_t)page->table->runs[i].run));
            json_array_append_new(list, copy);
        }
    return list;
}

static esp_status set_comparison(json_t *json, const struct page *page, struct error *error)
{
    static const struct study_point end = {STUDY_END, 0};
    struct comparison comparison;
    esp_status status = comparison_make(&comparison, page->study, &end, 1, page->reference, error);
    if (status != ESP_OK)
        return status;
    json_t *compared = comparison_json(&comparison, error);
    json_t *progressions = compared ? progressions_json(page, error) : NULL;
    if (progressions) {
        json_object_set_new(json, "comparison", compared);
        json_object_set_new(json, "progression", progressions);
        json_object_set_new(json, "tests", tests_json(&comparison));
    } else {
        json_decref(compared);
        status = error->status;
    }
    comparison_destroy(&comparison);
    return status;
}

// ---- All of it --------------------------------------------------------------------------------

// Runs of a sweep are named "sweep/setting-1": what all names begin with, up to a '/'.
static json_t *title_json(const struct study *study)
{
    const char *first = study->runs[0].name;
    size_t length = strlen(first);
    for (uint64_t i = 1; i < study->run_count; i++) {
        size_t same = 0;
        const char *name = study->runs[i].name;
        while (same < length && name[same] == first[same])
            same++;
        if (same < length || name[same] != '\0') {
            while (same > 0 && first[same] != '/' && first[same] != '\0')
                same--;
            length = same;
        }
    }
    char text[128];
    if (length > 0)
        snprintf(text, sizeof text, "%.*s", (int)(length < 100 ? length : 100), first);
    else
        snprintf(text, sizeof text, "%llu runs", (unsigned long long)study->run_count);
    return page_text(text);
}

json_t *page_study_json(const struct page *page, struct error *error)
{
    const struct study *study = page->study;
    char made[32];
    time_t now = time(NULL);
    struct tm parts;
    gmtime_r(&now, &parts);
    strftime(made, sizeof made, "%Y-%m-%d %H:%M UTC", &parts);
    json_t *methods = json_array();
    for (uint64_t i = 0; i < study->method_count; i++) {
        json_t *method = method_json(page, i, error);
        if (!method) {
            json_decref(methods);
            return NULL;
        }
        json_array_append_new(methods, method);
    }
    json_t *json =
        json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "version", ESPALIER_VERSION, "made",
                  made, "title", title_json(study), "objectives", objectives_json(study), "space",
                  page_text(study->space), "methods", methods, "lines", lines_json(study), "finals",
                  finals_json(page));
    if (!json) {
        error_memory(error);
        return NULL;
    }
    // Beyond three objectives nothing stands for a run: the trials are shown all the same.
    if (study->objective_count <= OBJECTIVES_COMPARED &&
        set_comparison(json, page, error) != ESP_OK) {
        json_decref(json);
        return NULL;
    }
    return json;
}
