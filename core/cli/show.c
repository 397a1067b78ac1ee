// SPDX-License-Identifier: Apache-2.0
// espalier show DIR TRIAL: one trial - its architecture, curve, metrics, provenance.
#include "cli/command.h"
#include "cli/options.h"
#include "cli/trial.h"
#include "report/results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const struct option show_options[] = {
    {"json", NULL, "all of it as JSON"},
    {"plugins", "DIR", "a folder of plugins, looked at first"},
};

// The trial's curve.json; NULL where there is none.
static json_t *load_curve(const struct results *results, const struct result_trial *trial)
{
    char *path = NULL;
    if (asprintf(&path, "%s/artifacts/%llu/curve.json", results->folder,
                 (unsigned long long)trial->trial) < 0)
        return NULL;
    json_t *curve = json_load_file(path, 0, NULL);
    free(path);
    return curve;
}

static void print_curve(const json_t *curve)
{
    size_t i;
    json_t *point;
    json_t *points = json_object_get(curve, "points");
    if (json_array_size(points) > 0)
        printf("Curve:\n");
    json_array_foreach (points, i, point) {
        const char *name;
        json_t *value;
        printf("  %g:", json_number_value(json_object_get(point, "step")));
        json_object_foreach (json_object_get(point, "metrics"), name, value)
            printf(" %s %.5g", name, json_number_value(value));
        printf("\n");
    }
}

static void print_trial(const struct results *results, const struct result_trial *trial,
                        const struct arch_words *words, const json_t *curve)
{
    printf("Trial %llu of run %s: %s\n", (unsigned long long)trial->trial, results->row.name,
           trial_state_name(trial->state));
    if (trial->error)
        printf("  %s\n", trial->error);
    printf("Architecture %016llx:\n", (unsigned long long)trial->hash);
    if (words->text)
        printf("  text %s\n", words->text);
    if (words->canonical[0])
        printf("  canonical %s\n", words->canonical);
    arch_print_words(trial->arch, "  ", stdout);
    for (uint64_t i = 0; i < trial->fidelity_count; i++)
        printf("Fidelity %s = %g\n", trial->fidelity[i].name, trial->fidelity[i].value);
    if (trial->metrics)
        printf("Metrics:\n");
    for (uint64_t i = 0; trial->metrics && i < results->metrics.count; i++)
        if (isfinite(trial->metrics[i]))
            printf("  %-20s %.6g%s\n", results->metrics.rows[i].name, trial->metrics[i],
                   results->metrics.rows[i].flags & ESP_METRIC_MEASURED ? "  (measured)" : "");
    print_curve(curve);
    printf("Provenance:\n  attempt %llu, lineage %llu, %.3f s\n",
           (unsigned long long)trial->attempt, (unsigned long long)trial->lineage, trial->seconds);
    if (trial->parent >= 0)
        printf("  parent: trial %lld\n", (long long)trial->parent);
    size_t i;
    json_t *plugin;
    json_array_foreach (results->plugins, i, plugin)
        printf("  %s/%s %s\n", json_string_value(json_object_get(plugin, "kind")),
               json_string_value(json_object_get(plugin, "id")),
               json_string_value(json_object_get(plugin, "version")));
    printf("  files: %s/artifacts/%llu/\n", results->folder, (unsigned long long)trial->trial);
}

int command_show(int argc, char **argv)
{
    struct options options;
    struct results results;
    struct error error;
    const struct result_trial *trial = NULL;
    error_clear(&error);
    int result = options_parse(&options, "show DIR TRIAL", show_options, ESP_COUNT(show_options), 2,
                               2, argc, argv);
    if (result != OPTIONS_GO_ON)
        return result;
    esp_status status = results_load(&results, options_argument(&options, 0), RESULTS_ALL, &error);
    if (status == ESP_OK) {
        status = trial_find(&trial, &results, options_argument(&options, 1), &error);
        if (status == ESP_OK) {
            json_t *curve = load_curve(&results, trial);
            struct arch_words words;
            trial_words(&words, &results, trial, &options);
            if (options_given(&options, "json")) {
                json_t *json = result_trial_json(&results, trial);
                arch_words_json(&words, json);
                json_object_set(json, "curve", curve ? curve : json_null());
                json_object_set(json, "plugins", results.plugins);
                json_dumpf(json, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
                printf("\n");
                json_decref(json);
            } else {
                print_trial(&results, trial, &words, curve);
            }
            arch_words_destroy(&words);
            json_decref(curve);
        }
        results_destroy(&results);
    }
    options_destroy(&options);
    return command_end(status, &error);
}
