// SPDX-License-Identifier: Apache-2.0
// A CSV of trials, one a row, becomes runs of a study: what `results --csv` writes of several runs, and
// what other frameworks can write. docs/results.md names the columns.
#include "report/study.h"

#include "config/units.h"
#include "text/nearest.h"
#include "text/records.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Columns, -1 where the file has none.
struct columns {
    int64_t method, folder, run, seed, run_state, trial, state, told, elapsed, seconds, cost,
        run_cost, eligible, objective;
    int64_t *objectives; // [study's objectives]
    int64_t *reports;    // test_ columns
    uint64_t report_count;
};

struct table {
    const char *path;
    struct records records;
    struct columns columns;
    uint64_t *groups; // [rows] the run that each row belongs to; the header's is unused
    uint64_t group_count;
    uint64_t *order; // rows by group, and by telling within
};

static const char *field(const struct table *table, uint64_t row, int64_t column)
{
    const char *text = column < 0 ? "" : records_field(&table->records, row, (uint64_t)column);
    return text;
}

// An empty field, NA and NaN are no number, as pandas and R write them.
static esp_status number(const struct table *table, uint64_t row, int64_t column, double *out,
                         struct error *error)
{
    const char *text = field(table, row, column);
    *out = NAN;
    if (!text[0] || strcmp(text, "NA") == 0 || strcmp(text, "NaN") == 0 ||
        strcmp(text, "nan") == 0 || read_real(text, out))
        return ESP_OK;
    return error_set(error, ESP_ERROR_DATA, "%s:%llu: %s: expected a number, got '%s'", table->path,
                     (unsigned long long)table->records.lines[row],
                     records_field(&table->records, 0, (uint64_t)column), text);
}

static esp_status find_objectives(struct table *table, struct study *study, struct error *error)
{
    const struct records *records = &table->records;
    esp_status status = ESP_OK;
    if (table->columns.objective >= 0 && records->rows > 1 &&
        field(table, 1, table->columns.objective)[0])
        status = study_set_objectives(study, field(table, 1, table->columns.objective), table->path,
                                      error);
    else if (study->objective_count == 0)
        return error_set(error, ESP_ERROR_INVALID,
                         "%s: it has no column 'objective': say which one is sought, for example "
                         "--objective 'maximize valid_accuracy'",
                         table->path);
    table->columns.objectives = calloc(study->objective_count + 1, sizeof(int64_t));
    if (status == ESP_OK && !table->columns.objectives)
        return error_memory(error);
    for (uint64_t i = 0; status == ESP_OK && i < study->objective_count; i++) {
        const char *metric = study->objectives[i].metric;
        table->columns.objectives[i] = records_column(records, metric);
        if (table->columns.objectives[i] >= 0)
            continue;
        const char *near =
            text_nearest(metric, (const char *const *)records->fields, records->columns);
        return error_set(error, ESP_ERROR_DATA, "%s:1: it has no column '%s'%s%s%s", table->path,
                         metric, near ? "; did you mean '" : "", near ? near : "",
                         near ? "'?" : "");
    }
    return status;
}

static esp_status find_columns(struct table *table, struct study *study, struct error *error)
{
    const struct records *records = &table->records;
    struct columns *columns = &table->columns;
    *columns = (struct columns){.method = records_column(records, "method"),
                                .folder = records_column(records, "folder"),
                                .run = records_column(records, "run"),
                                .seed = records_column(records, "seed"),
                                .run_state = records_column(records, "run_state"),
                                .trial = records_column(records, "trial"),
                                .state = records_column(records, "state"),
                                .told = records_column(records, "told"),
                                .elapsed = records_column(records, "elapsed"),
                                .seconds = records_column(records, "seconds"),
                                .cost = records_column(records, "cost"),
                                .run_cost = records_column(records, "run_cost"),
                                .eligible = records_column(records, "eligible"),
                                .objective = records_column(records, "objective")};
    columns->reports = calloc(records->columns + 1, sizeof *columns->reports);
    if (!columns->reports)
        return error_memory(error);
    for (uint64_t i = 0; i < records->columns; i++)
        if (strncmp(records_field(records, 0, i), "test_", 5) == 0)
            columns->reports[columns->report_count++] = (int64_t)i;
    return find_objectives(table, study, error);
}

// ---- Rows of one run --------------------------------------------------------------------------

static bool same_run(const struct table *table, uint64_t a, uint64_t b)
{
    const int64_t columns[] = {table->columns.method, table->columns.folder, table->columns.run,
                               table->columns.seed};
    for (size_t i = 0; i < ESP_COUNT(columns); i++)
        if (strcmp(field(table, a, columns[i]), field(table, b, columns[i])) != 0)
            return false;
    return true;
}

static const struct table *ordered; // qsort has no context
static const double *ordered_by;

static int by_group(const void *a, const void *b)
{
    uint64_t i = *(const uint64_t *)a, j = *(const uint64_t *)b;
    if (ordered->groups[i] != ordered->groups[j])
        return ordered->groups[i] < ordered->groups[j] ? -1 : 1;
    // What was not told, or has no time, comes last.
    double x = isnan(ordered_by[i]) ? INFINITY : ordered_by[i];
    double y = isnan(ordered_by[j]) ? INFINITY : ordered_by[j];
    if (x != y)
        return x < y ? -1 : 1;
    return i < j ? -1 : i > j;
}

// Rows of a run mostly stand together: the last row's run is tried first.
static esp_status group(struct table *table, struct error *error)
{
    uint64_t rows = table->records.rows;
    table->groups = calloc(rows + 1, sizeof *table->groups);
    table->order = calloc(rows + 1, sizeof *table->order);
    uint64_t *firsts = calloc(rows + 1, sizeof *firsts); // a row of each group
    double *keys = calloc(rows + 1, sizeof *keys);
    esp_status status =
        table->groups && table->order && firsts && keys ? ESP_OK : error_memory(error);
    int64_t key = table->columns.told >= 0 ? table->columns.told : table->columns.elapsed;
    for (uint64_t row = 1; status == ESP_OK && row < rows; row++) {
        uint64_t found = row > 1 ? table->groups[row - 1] : 0;
        if (row == 1 || !same_run(table, row, firsts[found]))
            for (found = 0; found < table->group_count && !same_run(table, row, firsts[found]);)
                found++;
        if (found == table->group_count)
            firsts[table->group_count++] = row;
        table->groups[row] = found;
        table->order[row - 1] = row;
        if (key >= 0)
            status = number(table, row, key, &keys[row], error);
    }
    if (status == ESP_OK && rows > 1) {
        ordered = table;
        ordered_by = keys;
        qsort(table->order, rows - 1, sizeof *table->order, by_group);
    }
    free(firsts);
    free(keys);
    return status;
}

static esp_status describe(struct study_run *run, const struct table *table, uint64_t row,
                           struct error *error)
{
    const char *name = field(table, row, table->columns.folder);
    const char *state = field(table, row, table->columns.run_state);
    const char *seed = field(table, row, table->columns.seed);
    int64_t number_of_seed;
    if (!name[0])
        name = field(table, row, table->columns.run);
    *run = (struct study_run){.source = strdup(table->path),
                              .name = strdup(name[0] ? name : table->path),
                              .state = strdup(state[0] ? state : "done"),
                              .cost = NAN};
    run->reports = calloc(table->columns.report_count + 1, sizeof *run->reports);
    if (!run->source || !run->name || !run->state || !run->reports)
        return error_memory(error);
    run->complete = strcmp(run->state, "done") == 0;
    if (seed[0]) {
        if (!read_int(seed, &number_of_seed))
            return error_set(error, ESP_ERROR_DATA, "%s:%llu: seed: expected a number, got '%s'",
                             table->path, (unsigned long long)table->records.lines[row], seed);
        run->seed = (uint64_t)number_of_seed;
        run->has_seed = true;
    }
    for (uint64_t i = 0; i < table->columns.report_count; i++) {
        run->reports[i] =
            strdup(records_field(&table->records, 0, (uint64_t)table->columns.reports[i]));
        if (!run->reports[i])
            return error_memory(error);
        run->report_count++;
    }
    return ESP_OK;
}

// Can this trial be best? As the column `eligible` says, else every one that is done.
static bool eligible(const struct table *table, uint64_t row, const double *values,
                     uint64_t objectives)
{
    const char *text = field(table, row, table->columns.eligible);
    const char *state = field(table, row, table->columns.state);
    for (uint64_t i = 0; i < objectives; i++)
        if (!isfinite(values[i]))
            return false;
    if (text[0])
        return strcmp(text, "0") != 0 && strcasecmp(text, "false") != 0;
    return !state[0] || strcmp(state, "done") == 0;
}

static esp_status take_row(const struct study *study, struct study_run *run,
                           const struct table *table, uint64_t row, double *values,
                           struct error *error)
{
    const struct columns *columns = &table->columns;
    const char *state = field(table, row, columns->state);
    static const char *const none[] = {"cancelled", "queued", "running"};
    for (size_t i = 0; i < ESP_COUNT(none); i++)
        if (strcmp(state, none[i]) == 0)
            return ESP_OK;
    double elapsed = NAN, seconds = NAN, cost = NAN, run_cost = NAN, trial = NAN;
    esp_status status = number(table, row, columns->elapsed, &elapsed, error);
    if (status == ESP_OK)
        status = number(table, row, columns->seconds, &seconds, error);
    if (status == ESP_OK)
        status = number(table, row, columns->cost, &cost, error);
    if (status == ESP_OK)
        status = number(table, row, columns->run_cost, &run_cost, error);
    if (status == ESP_OK)
        status = number(table, row, columns->trial, &trial, error);
    for (uint64_t i = 0; status == ESP_OK && i < study->objective_count; i++)
        status = number(table, row, columns->objectives[i], &values[i], error);
    for (uint64_t i = 0; status == ESP_OK && i < columns->report_count; i++)
        status =
            number(table, row, columns->reports[i], &values[study->objective_count + i], error);
    if (status != ESP_OK)
        return status;
    run->trials++;
    run->failed += strcmp(state, "failed") == 0 || strcmp(state, "lost") == 0;
    // Without the run's own time: one trial after another.
    run->seconds = isfinite(elapsed)   ? fmax(run->seconds, elapsed)
                   : isfinite(seconds) ? run->seconds + seconds
                                       : run->seconds;
    if (isfinite(run_cost))
        run->cost = run_cost;
    else if (columns->cost >= 0)
        run->cost = (isnan(run->cost) ? 0.0 : run->cost) + (isfinite(cost) ? cost : 0.0);
    if (!eligible(table, row, values, study->objective_count))
        return ESP_OK;
    return study_offer(study, run,
                       &(struct study_step){.trial = trial >= 0 && trial < 1e18 ? (uint64_t)trial
                                                                                : run->trials - 1,
                                            .told = run->trials,
                                            .seconds = run->seconds,
                                            .cost = run->cost,
                                            .values = values},
                       error);
}

static esp_status enter_group(struct study *study, const struct table *table, uint64_t from,
                              uint64_t to, double *values, struct error *error)
{
    struct study_run run;
    uint64_t row = table->order[from];
    const char *method = field(table, row, table->columns.method);
    const char *slash = strrchr(table->path, '/');
    const char *file = slash ? slash + 1 : table->path;
    esp_status status = describe(&run, table, row, error);
    for (uint64_t i = from; status == ESP_OK && i < to; i++)
        status = take_row(study, &run, table, table->order[i], values, error);
    char *key = status == ESP_OK ? strdup(method[0] ? method : file) : NULL;
    if (status == ESP_OK)
        status = key ? study_enter(study, &run, key, NULL, file, error) : error_memory(error);
    study_run_destroy(&run);
    return status;
}

esp_status study_add_csv(struct study *study, const char *path, struct error *error)
{
    struct table table = {.path = path};
    esp_status status = records_read(&table.records, path, error);
    if (status == ESP_OK)
        status = find_columns(&table, study, error);
    if (status == ESP_OK)
        status = group(&table, error);
    double *values = NULL;
    if (status == ESP_OK) {
        values = calloc(study->objective_count + table.columns.report_count + 1, sizeof *values);
        status = values ? ESP_OK : error_memory(error);
    }
    uint64_t rows = table.records.rows ? table.records.rows - 1 : 0;
    for (uint64_t from = 0, to; status == ESP_OK && from < rows; from = to) {
        for (to = from + 1;
             to < rows && table.groups[table.order[to]] == table.groups[table.order[from]];)
            to++;
        status = enter_group(study, &table, from, to, values, error);
    }
    free(values);
    free(table.groups);
    free(table.order);
    free(table.columns.objectives);
    free(table.columns.reports);
    records_destroy(&table.records);
    return status;
}
