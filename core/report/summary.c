// SPDX-License-Identifier: Apache-2.0
// The closing summary of a run; see summary.h.
#include "report/summary.h"

#include "report/results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void print_head(const struct results *results)
{
    const struct run_row *row = &results->row;
    uint64_t failed = results->states[TRIAL_FAILED] + results->states[TRIAL_LOST], count = 0;
    for (size_t i = 0; i < ESP_COUNT(results->states); i++)
        count += results->states[i];
    printf("\nRun %s, seed %llu: %s", row->name, (unsigned long long)row->seed,
           run_state_name(row->state));
    if (row->reason)
        printf(" (%s)", row->reason);
    printf(", %llu trials", (unsigned long long)count);
    if (failed)
        printf(", %llu of them failed", (unsigned long long)failed);
    printf(", %.1f s\n", row->elapsed);
    if (row->message)
        printf("%s\n", row->message);
}

static void print_metric(const char *name, double value)
{
    if (!isfinite(value))
        return;
    if (fabs(value) >= 1000 && value == floor(value))
        printf("  %-20s %.0f\n", name, value);
    else
        printf("  %-20s %.5g\n", name, value);
}

static void print_best(const struct results *results, const char *text)
{
    if (results->set.best < 0) {
        printf("No trial was completed.\n");
        return;
    }
    const struct result_trial *trial = results_find(results, (uint64_t)results->set.best);
    printf("\nBest architecture: trial %llu%s, hash %016llx\n", (unsigned long long)trial->trial,
           results->set.partial ? " (no trial had the full fidelity)" : "",
           (unsigned long long)trial->hash);
    if (text)
        printf("  text %s\n", text);
    arch_print_words(trial->arch, "  ", stdout);
    printf("Metrics:\n");
    for (uint64_t i = 0; i < results->metrics.count; i++)
        print_metric(results->metrics.rows[i].name, trial->metrics[i]);
    if (results->set.front_count > 1)
        printf("Pareto front: %llu trials\n", (unsigned long long)results->set.front_count);
}

struct spread {
    double sum, square;
    uint64_t count;
};

// Where a file is, if it is there.
static void print_file(const char *out, const char *folder, const char *file, const char *what)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s%s%s", out, folder, folder[0] ? "/" : "", file) >= 0 &&
        access(path, F_OK) == 0)
        printf("  %-20s %s\n", what, path);
    free(path);
}

// Of one architecture over its seeds: trainings of different ones have no mean.
static void print_spread(const struct spread *test, long long trial)
{
    if (test->count < 2)
        return;
    double n = (double)test->count, mean = test->sum / n;
    double variance = (test->square - n * mean * mean) / (n - 1);
    printf("test_accuracy of trial %lld over %llu final trainings: mean %.4f, standard deviation "
           "%.4f\n",
           trial, (unsigned long long)test->count, mean, sqrt(variance > 0 ? variance : 0));
}

static void print_finals(const struct results *results)
{
    struct spread test = {0};
    long long of = -1;
    bool any = false;
    size_t i;
    json_t *row;
    json_array_foreach (results->finals, i, row) {
        const char *folder = json_string_value(json_object_get(row, "folder"));
        long long trial = (long long)json_integer_value(json_object_get(row, "trial"));
        const char *state = json_string_value(json_object_get(row, "state"));
        if (trial != of) {
            print_spread(&test, of);
            test = (struct spread){0};
            of = trial;
        }
        if (strcmp(state, "done") != 0) {
            printf("Final training of trial %lld %s: %s\n", trial, state,
                   json_string_value(json_object_get(row, "error")));
            continue;
        }
        json_t *metrics = json_object_get(row, "metrics");
        printf("\nFinal training of trial %lld on all training data, %.1f s:\n", trial,
               json_number_value(json_object_get(row, "seconds")));
        const char *name;
        json_t *value;
        json_object_foreach (metrics, name, value)
            print_metric(name, json_number_value(value));
        print_file(results->folder, folder, "last.safetensors", "weights");
        print_file(results->folder, folder, "model.onnx", "model");
        double accuracy = json_number_value(json_object_get(metrics, "test_accuracy"));
        test.sum += accuracy;
        test.square += accuracy * accuracy;
        test.count++;
        any = true;
    }
    print_spread(&test, of);
    if (any)
        print_file(results->folder, "", "model_card.md", "model card");
}

static void print_paths(const struct results *results)
{
    const char *folder = results->folder;
    printf("\nResults: %s (espalier.db, config.ini, log.txt, artifacts/)\nLook further:\n", folder);
    printf("  espalier results %s --top 10\n", folder);
    if (results->set.best < 0)
        return;
    long long best = (long long)results->set.best;
    printf("  espalier show %s %lld\n", folder, best);
    printf("  espalier export %s %lld --format dot -o best.dot\n", folder, best);
    // What was never trained left no files.
    char *files = NULL;
    if (asprintf(&files, "%s/artifacts", folder) >= 0 && access(files, F_OK) == 0)
        printf("  espalier train %s %lld --set final.epochs=20\n", folder, best);
    free(files);
}

esp_status summary_print(const char *folder, const char *text, bool json, struct error *error)
{
    struct results results;
    esp_status status = results_load(&results, folder, json ? RESULTS_ALL : RESULTS_BEST, error);
    if (status != ESP_OK)
        return status;
    if (json) {
        json_t *whole = results_json(&results, 0, NULL, error);
        if (whole)
            json_dumpf(whole, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
        printf("\n");
        json_decref(whole);
        status = whole ? ESP_OK : ESP_ERROR;
    } else {
        print_head(&results);
        print_best(&results, text);
        print_finals(&results);
        print_paths(&results);
    }
    results_destroy(&results);
    return status;
}
