// SPDX-License-Identifier: Apache-2.0
// espalier results DIR: the table of trials, the best, the Pareto front; as JSON or CSV too. Of several
// runs: compare.c.
#include "report/results.h"

#include "cli/command.h"
#include "cli/compare.h"
#include "cli/options.h"
#include "cli/results_sweep.h"
#include "sweep/list.h"
#include "text/records.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct option results_options[] = {
    {"top", "N", "the N best trials, best first"},
    {"sort", "METRIC", "sorted by this metric, best first"},
    {"json", NULL, "all of it as JSON"},
    {"csv", NULL, "one row a trial as CSV"},
    {"runs", NULL, "a sweep: its runs, one a line"},
    {"at", "POINT", "several runs: trials=N,N  seconds=T,T  cost=C,C or end (the default)"},
    {"reference", "M=X,M=X", "several runs and objectives: where the hypervolume ends"},
    {"objective", "TEXT", "what a CSV seeks: 'maximize METRIC, minimize METRIC'"},
};

// Metrics of the table: the objectives, then params and macs; all go to CSV and JSON.
static bool in_table(const struct metrics *metrics, uint64_t position)
{
    for (uint64_t i = 0; i < metrics->objective_count; i++)
        if (metrics->objectives[i].position == position)
            return true;
    return position >= metrics->declared;
}

static void print_value(double value)
{
    if (!isfinite(value))
        printf("  %14s", "-");
    else if (value == floor(value) && fabs(value) < 1e15)
        printf("  %14.0f", value);
    else
        printf("  %14.6g", value);
}

static void print_table(const struct results *results, const uint64_t *order, uint64_t count)
{
    const struct metrics *metrics = &results->metrics;
    printf("%8s  %-9s  %-16s", "trial", "state", "hash");
    for (uint64_t i = 0; i < metrics->count; i++)
        if (in_table(metrics, i))
            printf("  %14s", metrics->rows[i].name);
    printf("  %9s\n", "seconds");
    for (uint64_t i = 0; i < count; i++) {
        const struct result_trial *trial = &results->trials[order[i]];
        printf("%8llu  %-9s  %016llx", (unsigned long long)trial->trial,
               trial_state_name(trial->state), (unsigned long long)trial->hash);
        for (uint64_t j = 0; j < metrics->count; j++)
            if (in_table(metrics, j))
                print_value(trial->metrics ? trial->metrics[j] : NAN);
        printf("  %9.2f", trial->seconds);
        printf(trial->error ? "  %s\n" : "\n", trial->error);
    }
}

static void print_foot(const struct results *results)
{
    printf("\nrun %s: %s", results->row.name, run_state_name(results->row.state));
    if (results->row.reason)
        printf(" (%s)", results->row.reason);
    printf(", %llu trials", (unsigned long long)results->count);
    if (results->set.best >= 0)
        printf(", best: trial %lld%s", (long long)results->set.best,
               results->set.partial ? " (none had the full fidelity)" : "");
    printf("\n");
    if (results->set.front_count > 1) {
        printf("Pareto front:");
        for (uint64_t i = 0; i < results->set.front_count; i++)
            printf(" %llu", (unsigned long long)results->set.front[i]);
        printf("\n");
    }
    size_t i;
    json_t *final;
    json_array_foreach (results->finals, i, final) {
        double accuracy =
            json_number_value(json_object_get(json_object_get(final, "metrics"), "test_accuracy"));
        printf("final training of trial %lld: %s, test_accuracy %.4f\n",
               (long long)json_integer_value(json_object_get(final, "trial")),
               json_string_value(json_object_get(final, "state")), accuracy);
    }
}

static void print_csv(const struct results *results, const uint64_t *order, uint64_t count)
{
    const struct metrics *metrics = &results->metrics;
    printf("run,seed,trial,state,hash,parent,attempt,seconds");
    for (uint64_t i = 0; i < metrics->count; i++)
        printf(",%s", metrics->rows[i].name);
    printf(",error,arch\r\n");
    for (uint64_t i = 0; i < count; i++) {
        const struct result_trial *trial = &results->trials[order[i]];
        records_write(stdout, results->row.name);
        printf(",%llu,%llu,%s,%016llx,", (unsigned long long)results->row.seed,
               (unsigned long long)trial->trial, trial_state_name(trial->state),
               (unsigned long long)trial->hash);
        if (trial->parent >= 0)
            printf("%lld", (long long)trial->parent);
        printf(",%llu,%.6f", (unsigned long long)trial->attempt, trial->seconds);
        for (uint64_t j = 0; j < metrics->count; j++)
            if (trial->metrics && isfinite(trial->metrics[j]))
                printf(",%.17g", trial->metrics[j]);
            else
                printf(",");
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
}

static esp_status print_results(const struct results *results, const struct options *options,
                                struct error *error)
{
    uint64_t top = 0, count = 0;
    const char *sort = options_value(options, "sort");
    const char *text = options_value(options, "top");
    char *end = NULL;
    if (text && ((top = strtoull(text, &end, 10)) == 0 || *end != '\0'))
        return error_set(error, ESP_ERROR_INVALID, "--top: expected a number from 1 on, got '%s'",
                         text);
    if (options_given(options, "json")) {
        json_t *json = results_json(results, top, sort, error);
        if (!json)
            return error->status;
        json_dumpf(json, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
        printf("\n");
        json_decref(json);
        return ESP_OK;
    }
    uint64_t *order = results_order(results, top, sort, &count, error);
    if (!order)
        return error->status;
    if (options_given(options, "csv")) {
        print_csv(results, order, count);
    } else {
        print_table(results, order, count);
        print_foot(results);
    }
    free(order);
    return ESP_OK;
}

// The runs of a sweep, each in a line.
static esp_status list_runs(const struct options *options, struct error *error)
{
    static const char *const others[] = {"top", "sort", "csv", "at", "reference", "objective"};
    const char *folder = options_argument(options, 0);
    for (size_t i = 0; i < ESP_COUNT(others); i++)
        if (options_given(options, others[i]))
            return error_set(error, ESP_ERROR_INVALID, "--runs and --%s do not go together",
                             others[i]);
    if (options->argument_count > 1 || !sweep_is_folder(folder))
        return error_set(error, ESP_ERROR_INVALID,
                         "--runs: expected the folder of one sweep, got %s%s", folder,
                         options->argument_count > 1 ? " and others" : "");
    return results_sweep_print(folder, options_given(options, "json"), error);
}

// One run folder is shown by itself, unless it is looked at as several would be.
static bool is_single(const struct options *options)
{
    return options->argument_count == 1 && study_is_run(options_argument(options, 0)) &&
           !options_value(options, "at") && !options_value(options, "reference") &&
           !options_value(options, "objective");
}

static bool is_there(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0 || study_is_run(path);
}

int command_results(int argc, char **argv)
{
    struct options options;
    struct results results;
    struct error error;
    error_clear(&error);
    int result = options_parse(&options, "results DIR...", results_options,
                               ESP_COUNT(results_options), 1, OPTIONS_MOST, argc, argv);
    if (result != OPTIONS_GO_ON)
        return result;
    if (options_given(&options, "runs")) {
        esp_status listed = list_runs(&options, &error);
        options_destroy(&options);
        return command_end(listed, &error);
    }
    // A single path that is not there has the words of a run that is missing.
    if (!is_single(&options) &&
        (options.argument_count > 1 || is_there(options_argument(&options, 0)))) {
        esp_status compared = compare_runs(&options, &error);
        options_destroy(&options);
        return command_end(compared, &error);
    }
    esp_status status = results_load(&results, options_argument(&options, 0), RESULTS_ALL, &error);
    if (status == ESP_OK) {
        status = print_results(&results, &options, &error);
        results_destroy(&results);
    }
    options_destroy(&options);
    return command_end(status, &error);
}
