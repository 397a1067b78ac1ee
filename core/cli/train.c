// SPDX-License-Identifier: Apache-2.0
// espalier train DIR TRIAL: trains one stored architecture in full, as a final training does. The
// test split is read only with --test, and the store records that it was.
#include "cli/command.h"
#include "cli/single.h"
#include "cli/trial.h"
#include "run/artifacts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option train_options[] = {
    {"set", "SECTION.KEY=VALUE", "sets a key of the configuration; may be given again and again"},
    {"weights", "FILE", "a safetensors file of this architecture's weights to start from"},
    {"test", NULL, "read the test split once, after the training; the store records it"},
    {"in-process", NULL, "no worker between"},
    {"json", NULL, "as JSON"},
    {"plugins", "DIR", "a folder of plugins, looked at first"},
};

struct last_final {
    uint64_t next;
};

static esp_status count_final(void *self, const struct final_row *row)
{
    struct last_final *last = self;
    if (row->final >= last->next)
        last->next = row->final + 1;
    return ESP_OK;
}

static char *metrics_json_text(const struct result *result)
{
    json_t *object = json_object();
    for (uint64_t i = 0; i < result->metric_count; i++)
        json_object_set_new(object, result->metrics[i].name, json_real(result->metrics[i].value));
    char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(object);
    return text;
}

// Trains, then writes a row of the table of final trainings.
static esp_status train_trial(const struct results *results, const struct result_trial *trial,
                              struct options *options, struct error *error)
{
    struct loaded loaded = {0};
    struct session *session = NULL;
    struct arch *arch = NULL;
    struct store *store = NULL;
    struct result result = {0};
    struct last_final last = {0};
    char *keep = NULL, name[48], folder[64];
    esp_status status =
        loaded_open_text(&loaded, results->row.config, results->folder, options, error);
    if (status == ESP_OK &&
        !component_ability(loaded.experiment->estimator.component, ESP_ESTIMATOR_FINAL))
        status = error_set(error, ESP_ERROR_UNSUPPORTED, "the estimator %s trains no networks",
                           loaded.experiment->estimator.component->id);
    if (status == ESP_OK)
        status = session_create(&session, loaded.experiment, true, error);
    if (status == ESP_OK)
        status = session_prepare_data(session, &(const char *){NULL}, &(bool){false}, error);
    if (status == ESP_OK)
        status = trial_arch(&arch, session, results, trial, error);
    if (status == ESP_OK)
        status = store_open_run(&store, results->folder, STORE_WRITE, error);
    if (status == ESP_OK)
        status = store_each_final(store, results->row.run, count_final, &last, error);
    if (status != ESP_OK)
        goto cleanup;
    snprintf(name, sizeof name, "final-%llu", (unsigned long long)last.next);
    snprintf(folder, sizeof folder, "artifacts/%s", name);
    keep = artifacts_folder(results->folder, name);
    char *parent = artifacts_folder(results->folder, "");
    status = keep && parent ? folder_make(parent, error) : error_memory(error);
    free(parent);
    struct single single = {.session = session,
                            .experiment = loaded.experiment,
                            .arch = arch,
                            .in_process = options_given(options, "in-process"),
                            .json = options_given(options, "json"),
                            .final = true,
                            .test = options_given(options, "test"),
                            .seed = loaded.experiment->seed,
                            .weights = options_value(options, "weights"),
                            .keep = keep,
                            .result = &result};
    if (status == ESP_OK)
        status = single_evaluate(&single, error);
    if (status != ESP_OK)
        goto cleanup;
    struct final_row row = {.final = last.next,
                            .trial = trial->trial,
                            .seed = single.seed,
                            .state = TRIAL_DONE,
                            .metrics = metrics_json_text(&result),
                            .seconds = result.seconds,
                            .test_read = single.test,
                            .folder = folder};
    status = store_put_final(store, results->row.run, &row, error);
    if (status == ESP_OK)
        status = store_commit(store, error);
    free(row.metrics);
    if (!single.json)
        printf("%-20s %s/last.safetensors\n", "weights", keep);
cleanup:
    result_destroy(&result);
    free(keep);
    store_close(store);
    arch_release(arch);
    session_destroy(session);
    loaded_close(&loaded);
    return status;
}

int command_train(int argc, char **argv)
{
    struct options options;
    struct results results;
    struct error error;
    const struct result_trial *trial = NULL;
    error_clear(&error);
    int result = options_parse(&options, "train DIR TRIAL", train_options, ESP_COUNT(train_options),
                               2, 2, argc, argv);
    if (result != OPTIONS_GO_ON)
        return result;
    esp_status status = results_load(&results, options_argument(&options, 0), RESULTS_ALL, &error);
    if (status == ESP_OK) {
        status = trial_find(&trial, &results, options_argument(&options, 1), &error);
        if (status == ESP_OK)
            status = train_trial(&results, trial, &options, &error);
        results_destroy(&results);
    }
    options_destroy(&options);
    return command_end(status, &error);
}
