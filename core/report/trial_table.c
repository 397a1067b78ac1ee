// SPDX-License-Identifier: Apache-2.0
// The trials of many runs under one set of columns; see trial_table.h.
#include "report/trial_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void run_clear(struct table_run *run)
{
    results_destroy(&run->results);
    free(run->positions);
}

void trial_table_destroy(struct trial_table *table)
{
    for (uint64_t i = 0; i < table->run_count; i++)
        run_clear(&table->runs[i]);
    for (uint64_t i = 0; i < table->metric_count; i++) {
        free(table->metrics[i].name);
        free(table->metrics[i].unit);
    }
    free(table->runs);
    free(table->metrics);
    free(table->rows);
    memset(table, 0, sizeof *table);
}

const struct result_trial *trial_table_trial(const struct trial_table *table, uint64_t row)
{
    const struct table_row *at = &table->rows[row];
    return &table->runs[at->source].results.trials[at->place];
}

double trial_table_value(const struct trial_table *table, uint64_t row, uint64_t metric)
{
    const struct table_row *at = &table->rows[row];
    int64_t position = table->runs[at->source].positions[metric];
    const double *metrics = trial_table_trial(table, row)->metrics;
    return position >= 0 && metrics ? metrics[position] : NAN;
}

int64_t trial_table_metric(const struct trial_table *table, const char *name)
{
    for (uint64_t i = 0; i < table->metric_count; i++)
        if (strcmp(table->metrics[i].name, name) == 0)
            return (int64_t)i;
    return -1;
}

// ---- Which runs -------------------------------------------------------------------------------

struct ranked {
    uint64_t run;
    double value;  // less is better; infinite: it found nothing
    uint64_t turn; // its place within its method
};

static int by_value(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return x->run < y->run ? -1 : x->run > y->run;
}

static int by_turn(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->turn != y->turn)
        return x->turn < y->turn ? -1 : 1;
    return by_value(a, b);
}

static bool is_folder(const struct study *study, uint64_t run)
{
    uint64_t method = study->runs[run].method;
    return method != STUDY_NO_METHOD && study->methods[method].config != NULL;
}

// The runs of folders: the best of each method, then the second bests, ...
static esp_status rank_runs(const struct study *study, struct ranked **out, uint64_t *count,
                            struct error *error)
{
    struct ranked *list = malloc((study->run_count + 1) * sizeof *list);
    uint64_t *turns = calloc(study->method_count + 1, sizeof *turns);
    if (!list || !turns) {
        free(list);
        free(turns);
        return error_memory(error);
    }
    *count = 0;
    for (uint64_t i = 0; i < study->run_count; i++) {
        if (!is_folder(study, i))
            continue;
        const struct study_step *best =
            study_chosen(study, &study->runs[i], &(struct study_point){STUDY_END, 0});
        double value = best ? best->values[0] : INFINITY;
        list[(*count)++] =
            (struct ranked){i, best && study->objectives[0].maximize ? -value : value, 0};
    }
    qsort(list, *count, sizeof *list, by_value);
    for (uint64_t i = 0; i < *count; i++)
        list[i].turn = turns[study->runs[list[i].run].method]++;
    qsort(list, *count, sizeof *list, by_turn);
    free(turns);
    *out = list;
    return ESP_OK;
}

// ---- Columns ----------------------------------------------------------------------------------

static esp_status add_metric(struct trial_table *table, const struct metric_row *row,
                             struct error *error)
{
    struct table_metric *grown = realloc(table->metrics, (table->metric_count + 1) * sizeof *grown);
    if (!grown)
        return error_memory(error);
    table->metrics = grown;
    struct table_metric *metric = &grown[table->metric_count++];
    *metric = (struct table_metric){.name = strdup(row->name),
                                    .unit = strdup(row->unit ? row->unit : ""),
                                    .flags = row->flags,
                                    .better = row->better,
                                    .report = (row->flags & ESP_METRIC_REPORT) ||
                                              strncmp(row->name, "test_", 5) == 0};
    return metric->name && metric->unit ? ESP_OK : error_memory(error);
}

static esp_status take_metrics(struct trial_table *table, struct error *error)
{
    esp_status status = ESP_OK;
    for (uint64_t i = 0; i < table->run_count; i++) {
        const struct metrics *metrics = &table->runs[i].results.metrics;
        for (uint64_t j = 0; status == ESP_OK && j < metrics->count; j++)
            if (trial_table_metric(table, metrics->rows[j].name) < 0)
                status = add_metric(table, &metrics->rows[j], error);
    }
    for (uint64_t i = 0; status == ESP_OK && i < table->run_count; i++) {
        struct table_run *run = &table->runs[i];
        run->positions = malloc((table->metric_count + 1) * sizeof *run->positions);
        if (!run->positions)
            return error_memory(error);
        for (uint64_t j = 0; j < table->metric_count; j++)
            run->positions[j] = metrics_find(&run->results.metrics, table->metrics[j].name);
    }
    return status;
}

// ---- Rows -------------------------------------------------------------------------------------

static const struct results *told_of; // qsort has no context

static int by_told(const void *a, const void *b)
{
    uint64_t x = told_of->trials[*(const uint64_t *)a].told;
    uint64_t y = told_of->trials[*(const uint64_t *)b].told;
    return (x > y) - (x < y);
}

// costs[place]: the run's cost when the trial was told, as the run charges - a continuation its
// difference from the parent.
static void charge(const struct results *results, double *costs, uint64_t *order)
{
    int64_t position = results->metrics.cost;
    double sum = 0.0;
    for (uint64_t i = 0; i < results->count; i++)
        order[i] = i;
    told_of = results;
    qsort(order, results->count, sizeof *order, by_told);
    for (uint64_t i = 0; i < results->count; i++) {
        const struct result_trial *trial = &results->trials[order[i]];
        costs[order[i]] = NAN;
        if (position < 0 || trial->told == 0)
            continue;
        double cost = trial->metrics ? trial->metrics[position] : 0.0;
        const struct result_trial *parent = trial->mode == ESP_MODE_CONTINUE && trial->parent >= 0
                                                ? results_find(results, (uint64_t)trial->parent)
                                                : NULL;
        if (parent && parent->metrics)
            cost -= parent->metrics[position];
        sum += isfinite(cost) && cost > 0 ? cost : 0.0;
        costs[order[i]] = sum;
    }
}

static esp_status mark_eligible(const struct results *results, bool *eligible, struct error *error)
{
    struct candidate *candidates = calloc(results->count + 1, sizeof *candidates);
    uint64_t *places = malloc((results->count + 1) * sizeof *places);
    bool partial;
    for (uint64_t i = 0; candidates && places && i < results->count; i++) {
        const struct result_trial *trial = &results->trials[i];
        candidates[i] = (struct candidate){
            trial->trial, trial->state == TRIAL_DONE,
            metrics_full(&results->metrics, trial->fidelity, trial->fidelity_count),
            trial->metrics};
    }
    esp_status status = candidates && places ? ESP_OK : error_memory(error);
    if (status == ESP_OK) {
        uint64_t count =
            result_set_eligible(&results->metrics, candidates, results->count, places, &partial);
        for (uint64_t i = 0; i < count; i++)
            eligible[places[i]] = true;
    }
    free(candidates);
    free(places);
    return status;
}

// The places to show: all, or the best `most`.
static esp_status choose_places(const struct results *results, uint64_t most, bool *shown,
                                struct error *error)
{
    uint64_t count = 0;
    uint64_t *order = results_order(results, most, NULL, &count, error);
    if (!order)
        return error->status;
    for (uint64_t i = 0; i < count; i++)
        shown[order[i]] = true;
    free(order);
    return ESP_OK;
}

static esp_status add_rows(struct trial_table *table, uint64_t source, uint64_t most,
                           struct error *error)
{
    const struct table_run *run = &table->runs[source];
    const struct results *results = &run->results;
    struct table_row *grown =
        realloc(table->rows, (table->count + results->count + 1) * sizeof *grown);
    if (!grown)
        return error_memory(error);
    table->rows = grown;
    bool *marks = calloc(2 * results->count + 2, sizeof *marks);
    bool *eligible = marks, *shown = marks ? marks + results->count + 1 : NULL;
    double *costs = malloc((results->count + 1) * sizeof *costs);
    uint64_t *order = malloc((results->count + 1) * sizeof *order);
    esp_status status = marks && costs && order ? ESP_OK : error_memory(error);
    if (status == ESP_OK)
        status = mark_eligible(results, eligible, error);
    if (status == ESP_OK)
        status = choose_places(results, results->count > most ? most : 0, shown, error);
    if (status == ESP_OK) {
        charge(results, costs, order);
        uint64_t front = 0;
        for (uint64_t i = 0; i < results->count; i++) {
            while (front < results->set.front_count &&
                   results->set.front[front] < results->trials[i].trial)
                front++;
            bool on_front = front < results->set.front_count &&
                            results->set.front[front] == results->trials[i].trial;
            if (shown[i])
                table->rows[table->count++] =
                    (struct table_row){run->run, source, i, costs[i], eligible[i], on_front};
            else
                table->left_out++;
        }
    }
    free(marks);
    free(costs);
    free(order);
    return status;
}

// Trials of the folder, those that have no outcome too; the study counts the others alone.
static esp_status read_run(struct trial_table *table, const struct study *study, uint64_t run,
                           uint64_t most, struct error *error)
{
    struct table_run *grown = realloc(table->runs, (table->run_count + 1) * sizeof *grown);
    if (!grown)
        return error_memory(error);
    table->runs = grown;
    grown[table->run_count] = (struct table_run){.run = run};
    esp_status status =
        results_load(&grown[table->run_count].results, study->runs[run].source, RESULTS_ALL, error);
    if (status != ESP_OK)
        return status;
    table->run_count++;
    return add_rows(table, table->run_count - 1, most, error);
}

static int by_run(const void *a, const void *b)
{
    const struct table_row *x = a, *y = b;
    if (x->run != y->run)
        return x->run < y->run ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

esp_status trial_table_make(struct trial_table *out, const struct study *study, uint64_t most,
                            struct error *error)
{
    struct ranked *list = NULL;
    uint64_t count = 0;
    *out = (struct trial_table){0};
    esp_status status = rank_runs(study, &list, &count, error);
    for (uint64_t i = 0; status == ESP_OK && i < count; i++) {
        uint64_t trials = study->runs[list[i].run].trials;
        if (out->run_count > 0 && out->count + trials > most)
            out->left_out += trials;
        else
            status = read_run(out, study, list[i].run, most, error);
    }
    free(list);
    if (status == ESP_OK)
        status = take_metrics(out, error);
    if (status == ESP_OK && out->count > 0)
        qsort(out->rows, out->count, sizeof *out->rows, by_run);
    if (status != ESP_OK)
        trial_table_destroy(out);
    return status;
}

// ---- The best ---------------------------------------------------------------------------------

uint64_t *trial_table_best(const struct trial_table *table, const struct study *study,
                           uint64_t *count, struct error *error)
{
    int64_t objective = trial_table_metric(table, study->objectives[0].metric);
    double sign = study->objectives[0].maximize ? -1.0 : 1.0;
    struct ranked *list = malloc((table->count + 1) * sizeof *list);
    uint64_t *rows = malloc((table->count + 1) * sizeof *rows);
    *count = 0;
    for (uint64_t i = 0; list && rows && objective >= 0 && i < table->count; i++)
        if (table->rows[i].eligible)
            list[(*count)++] =
                (struct ranked){i, sign * trial_table_value(table, i, (uint64_t)objective), 0};
    if (list && rows)
        qsort(list, *count, sizeof *list, by_value);
    for (uint64_t i = 0; list && rows && i < *count; i++)
        rows[i] = list[i].run;
    if (!list || !rows) {
        free(rows);
        rows = NULL;
        error_memory(error);
    }
    free(list);
    return rows;
}
