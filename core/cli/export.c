// SPDX-License-Identifier: Apache-2.0
// espalier export DIR TRIAL --format json|dot|cells: a trial's network taken elsewhere.
#include "cli/arch.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/trial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option export_options[] = {
    {"format", "json|dot|cells",
     "json: decisions and operators with shapes and weights; dot: a drawing of the network; cells: "
     "a drawing of its cells"},
    {"o", "FILE", "where to write; standard output where it is left out"},
    {"plugins", "DIR", "a folder of plugins, looked at first"},
};

static esp_status write_out(const char *path, const char *text, struct error *error)
{
    FILE *file = path ? fopen(path, "w") : stdout;
    bool written = file && fputs(text, file) >= 0 && fflush(file) == 0;
    if (file && path && fclose(file) != 0)
        written = false;
    return written ? ESP_OK
                   : error_set(error, ESP_ERROR_IO, "%s: cannot write: %s",
                               path ? path : "standard output", strerror(errno));
}

static char *json_text(const struct results *results, const struct result_trial *trial,
                       const esp_graph *graph)
{
    json_t *json = json_pack("{s:o, s:o}", "arch", arch_json(trial->arch, results->row.space),
                             "graph", graph_json(graph));
    char *text = json ? json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(json);
    return text;
}

static esp_status export_trial(const struct results *results, const struct result_trial *trial,
                               struct options *options, const char *format, struct error *error)
{
    struct loaded loaded = {0};
    struct session *session = NULL;
    struct arch *arch = NULL;
    struct graph *graph = NULL;
    char *text = NULL, title[128];
    esp_status status =
        loaded_open_text(&loaded, results->row.config, results->folder, options, error);
    if (status == ESP_OK)
        status = session_create(&session, loaded.experiment, false, error);
    if (status == ESP_OK)
        status = trial_arch(&arch, session, results, trial, error);
    if (status == ESP_OK)
        status = builder_build(session_builder(session), arch, &graph, error);
    if (status != ESP_OK)
        goto cleanup;
    snprintf(title, sizeof title, "%s, trial %llu", results->row.name,
             (unsigned long long)trial->trial);
    text = strcmp(format, "json") == 0 ? json_text(results, trial, graph_handle(graph))
                                       : arch_drawing(session_builder(session), arch,
                                                      graph_handle(graph), format, title, error);
    if (text)
        status = write_out(options_value(options, "o"), text, error);
    else
        status = error->status != ESP_OK ? error->status : error_memory(error);
cleanup:
    free(text);
    graph_destroy(graph);
    arch_release(arch);
    session_destroy(session);
    loaded_close(&loaded);
    return status;
}

int command_export(int argc, char **argv)
{
    struct options options;
    struct results results;
    struct error error;
    const struct result_trial *trial = NULL;
    error_clear(&error);
    int result = options_parse(&options, "export DIR TRIAL", export_options,
                               ESP_COUNT(export_options), 2, 2, argc, argv);
    if (result != OPTIONS_GO_ON)
        return result;
    const char *format = options_value(&options, "format");
    esp_status status = ESP_OK;
    if (!format ||
        (strcmp(format, "json") != 0 && strcmp(format, "dot") != 0 && strcmp(format, "cells") != 0))
        status =
            error_set(&error, ESP_ERROR_INVALID, "--format: expected json, dot or cells, got '%s'",
                      format ? format : "nothing");
    if (status == ESP_OK)
        status = results_load(&results, options_argument(&options, 0), RESULTS_ALL, &error);
    if (status == ESP_OK) {
        status = trial_find(&trial, &results, options_argument(&options, 1), &error);
        if (status == ESP_OK)
            status = export_trial(&results, trial, &options, format, &error);
        results_destroy(&results);
    }
    options_destroy(&options);
    return command_end(status, &error);
}
