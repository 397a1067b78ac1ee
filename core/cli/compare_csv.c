// SPDX-License-Identifier: Apache-2.0
// The trials of several runs as one CSV, one a row; docs/results.md describes the columns.
#include "cli/compare.h"
#include "cli/output.h"
#include "report/results.h"
#include "text/records.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Metrics of all runs, in the order of meeting.
struct names {
    char **items;
    uint64_t count;
};

static esp_status add_name(struct names *names, const char *name, struct error *error)
{
    for (uint64_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i], name) == 0)
            return ESP_OK;
    char **grown = realloc(names->items, (names->count + 1) * sizeof *grown);
    if (!grown)
        return error_memory(error);
    names->items = grown;
    grown[names->count] = strdup(name);
    if (!grown[names->count])
        return error_memory(error);
    names->count++;
    return ESP_OK;
}

static esp_status add_metrics(struct names *names, const char *folder, struct error *error)
{
    struct store *store = NULL;
    struct run_row row = {0};
    struct metric_row *rows = NULL;
    uint64_t count = 0;
    esp_status status = store_open_run(&store, folder, STORE_READ, error);
    if (status == ESP_OK)
        status = store_get_run(store, &row, error);
    if (status == ESP_OK)
        status = store_get_metrics(store, row.run, &rows, &count, error);
    for (uint64_t i = 0; status == ESP_OK && i < count; i++)
        status = add_name(names, rows[i].name, error);
    metric_rows_destroy(rows, count);
    run_row_destroy(&row);
    store_close(store);
    return status;
}

static void write_real_field(double value)
{
    putchar(',');
    if (isfinite(value))
        printf("%.17g", value);
}

// What a row needs of the whole run.
struct accounts {
    uint64_t *told;   // [trials] the number of its telling; 0 = not told
    double *elapsed;  // [trials]
    double *run_cost; // [trials] of the run when it was told; NaN
};

struct telling {
    struct accounts *accounts;
    uint64_t next, count; // trials that were asked since are passed over
};

static esp_status account(void *self, const struct trial_row *row)
{
    struct telling *telling = self;
    if (telling->next == telling->count)
        return ESP_OK;
    telling->accounts->told[telling->next] = row->told_event;
    telling->accounts->elapsed[telling->next] = row->told_event ? row->elapsed : NAN;
    telling->next++;
    return ESP_OK;
}

static const struct accounts *ordered; // qsort has no context

static int by_told(const void *a, const void *b)
{
    uint64_t x = ordered->told[*(const uint64_t *)a], y = ordered->told[*(const uint64_t *)b];
    return (x > y) - (x < y);
}

// As the run charges: a continuation its difference from the parent.
static void charge(struct accounts *accounts, const struct results *results, uint64_t *order)
{
    int64_t position = results->metrics.cost;
    double sum = 0.0;
    for (uint64_t i = 0; i < results->count; i++)
        order[i] = i;
    ordered = accounts;
    qsort(order, results->count, sizeof *order, by_told);
    for (uint64_t i = 0; i < results->count; i++) {
        const struct result_trial *trial = &results->trials[order[i]];
        accounts->run_cost[order[i]] = NAN;
        if (position < 0 || accounts->told[order[i]] == 0)
            continue;
        double cost = trial->metrics ? trial->metrics[position] : 0.0;
        const struct result_trial *parent = trial->mode == ESP_MODE_CONTINUE && trial->parent >= 0
                                                ? results_find(results, (uint64_t)trial->parent)
                                                : NULL;
        if (parent && parent->metrics)
            cost -= parent->metrics[position];
        sum += isfinite(cost) && cost > 0 ? cost : 0.0;
        accounts->run_cost[order[i]] = sum;
    }
}

static esp_status read_accounts(struct accounts *accounts, const struct results *results,
                                struct error *error)
{
    uint64_t *order = malloc((results->count + 1) * sizeof *order);
    struct telling telling = {accounts, 0, results->count};
    struct store *store = NULL;
    accounts->told = calloc(results->count + 1, sizeof *accounts->told);
    accounts->elapsed = calloc(results->count + 1, sizeof *accounts->elapsed);
    accounts->run_cost = calloc(results->count + 1, sizeof *accounts->run_cost);
    esp_status status = order && accounts->told && accounts->elapsed && accounts->run_cost
                            ? store_open_run(&store, results->folder, STORE_READ, error)
                            : error_memory(error);
    if (status == ESP_OK)
        status = store_each_trial(store, results->row.run, NULL, account, &telling, error);
    if (status == ESP_OK)
        charge(accounts, results, order);
    store_close(store);
    free(order);
    return status;
}

static bool eligible(const struct results *results, const struct result_trial *trial)
{
    if (trial->state != TRIAL_DONE || !trial->metrics)
        return false;
    if (!results->set.partial &&
        !metrics_full(&results->metrics, trial->fidelity, trial->fidelity_count))
        return false;
    return metrics_violation(&results->metrics, trial->metrics) == 0;
}

static void write_trial(const struct results *results, const struct accounts *accounts, uint64_t i,
                        const struct study *study, const struct study_run *run,
                        const char *objectives, const struct names *names)
{
    const struct result_trial *trial = &results->trials[i];
    records_write(stdout, study->methods[run->method].label);
    putchar(',');
    records_write(stdout, run->source);
    putchar(',');
    records_write(stdout, run->name);
    printf(",%llu,%s,%llu,%s,%016llx,", (unsigned long long)run->seed, run->state,
           (unsigned long long)trial->trial, trial_state_name(trial->state),
           (unsigned long long)trial->hash);
    if (trial->parent >= 0)
        printf("%lld", (long long)trial->parent);
    printf(",%llu,", (unsigned long long)trial->attempt);
    if (accounts->told[i])
        printf("%llu", (unsigned long long)accounts->told[i]);
    write_real_field(accounts->elapsed[i]);
    printf(",%.6f", trial->seconds);
    write_real_field(accounts->run_cost[i]);
    printf(",%d,", eligible(results, trial) ? 1 : 0);
    records_write(stdout, objectives);
    for (uint64_t j = 0; j < names->count; j++) {
        int64_t position = metrics_find(&results->metrics, names->items[j]);
        write_real_field(trial->metrics && position >= 0 ? trial->metrics[position] : NAN);
    }
    putchar(',');
    records_write(stdout, trial->error);
    putchar(',');
    json_t *arch = arch_json(trial->arch, results->row.space);
    char *text = json_dumps(arch, JSON_COMPACT | JSON_REAL_PRECISION(17));
    records_write(stdout, text);
    printf("\r\n");
    free(text);
    json_decref(arch);
}

static esp_status write_run(const struct study *study, const struct study_run *run,
                            const char *objectives, const struct names *names, struct error *error)
{
    struct results results;
    struct accounts accounts = {0};
    esp_status status = results_load(&results, run->source, RESULTS_ALL, error);
    if (status != ESP_OK)
        return status;
    status = read_accounts(&accounts, &results, error);
    for (uint64_t i = 0; status == ESP_OK && i < results.count; i++)
        write_trial(&results, &accounts, i, study, run, objectives, names);
    free(accounts.told);
    free(accounts.elapsed);
    free(accounts.run_cost);
    results_destroy(&results);
    return status;
}

esp_status compare_csv(const struct study *study, struct error *error)
{
    struct names names = {0};
    char *objectives = study_objectives_text(study);
    esp_status status = objectives ? ESP_OK : error_memory(error);
    for (uint64_t i = 0; status == ESP_OK && i < study->run_count; i++) {
        const struct study_run *run = &study->runs[i];
        if (run->method != STUDY_NO_METHOD && !study->methods[run->method].config)
            status =
                error_set(error, ESP_ERROR_INVALID,
                          "--csv writes the runs of folders: %s is a CSV already", run->source);
        else if (run->trials == 0)
            fprintf(stderr, "espalier: %s (%s) has no trial to write\n", run->source, run->state);
        if (status == ESP_OK && run->method != STUDY_NO_METHOD)
            status = add_metrics(&names, run->source, error);
    }
    if (status == ESP_OK) {
        printf("method,folder,run,seed,run_state,trial,state,hash,parent,attempt,told,elapsed,"
               "seconds,run_cost,eligible,objective");
        for (uint64_t i = 0; i < names.count; i++)
            printf(",%s", names.items[i]);
        printf(",error,arch\r\n");
    }
    for (uint64_t i = 0; status == ESP_OK && i < study->run_count; i++)
        if (study->runs[i].method != STUDY_NO_METHOD)
            status = write_run(study, &study->runs[i], objectives, &names, error);
    for (uint64_t i = 0; i < names.count; i++)
        free(names.items[i]);
    free(names.items);
    free(objectives);
    return status == ESP_OK ? output_flush(error) : status;
}
