// SPDX-License-Identifier: Apache-2.0
// espalier export DIR TRIAL --format ...: a trial's network taken elsewhere. json, dot and cells are text
// of the architecture; onnx, safetensors and torch are files of the trained network.
#include "export/export.h"

#include "evaluate/checkpoint.h"

#include "cli/arch.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/trial.h"
#include "builder/structure.h"
#include "cli/weights.h"
#include "text/nearest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option export_options[] = {
    {"format", "FORMAT",
     "onnx: a model of opset 17; safetensors: the weights; torch: a Python file for PyTorch; json: "
     "decisions and operators with shapes and weights; dot: a drawing of the network; cells: a "
     "drawing of its cells"},
    {"o", "FILE", "where to write; json, dot and cells go to standard output where it is left out"},
    {"weights", "FILE", "a safetensors file to take the weights from instead of the trial's"},
    {"plugins", "DIR", "a folder of plugins, looked at first"},
};

// A trial's network, built again.
struct exported {
    const struct results *results;
    const struct result_trial *trial;
    struct stored_network stored; // what was named
    struct loaded loaded;
    struct session *session;
    struct arch *arch;
    struct graph *graph;
    char title[128];
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

static char *json_text(const struct exported *e)
{
    json_t *json = json_pack("{s:o, s:o}", "arch", arch_json(e->trial->arch, e->results->row.space),
                             "graph", e->graph ? graph_json(graph_handle(e->graph)) : json_null());
    const esp_structure *structure = NULL;
    struct error error;
    error_clear(&error);
    if (json && !e->graph &&
        builder_structure(session_builder(e->session), e->arch, &structure, &error) == ESP_OK) {
        json_object_set_new(json, "cells", structure_json(structure));
        structure_destroy(structure);
    }
    char *text = json ? json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(json);
    return text;
}

static esp_status write_text(const struct exported *e, struct options *options, const char *format,
                             struct error *error)
{
    char *text =
        strcmp(format, "json") == 0
            ? json_text(e)
            : arch_drawing(session_builder(e->session), e->arch,
                           e->graph ? graph_handle(e->graph) : NULL, format, e->title, error);
    esp_status status = text ? write_out(options_value(options, "o"), text, error)
                        : error->status != ESP_OK ? error->status
                                                  : error_memory(error);
    free(text);
    return status;
}

// ---- Files of the network -----------------------------------------------------------------------

static const struct writer {
    const char *format;
    esp_status (*write)(const struct export_network *network, const char *path,
                        struct error *error);
    bool normalised, weighted; // needs the normalisation; the weights
} writers[] = {
    {"onnx", export_onnx, true, true},
    {"safetensors", export_safetensors, false, true},
    {"torch", export_torch, true, false},
};

static const struct writer *find_writer(const char *format)
{
    for (size_t i = 0; i < ESP_COUNT(writers); i++)
        if (strcmp(writers[i].format, format) == 0)
            return &writers[i];
    return NULL;
}

static esp_status open_weights(struct export_network *network, const struct exported *e,
                               const char *given, struct error *error)
{
    char *path = NULL;
    esp_status status =
        given ? ESP_OK : stored_network_weights(&path, e->results, &e->stored, error);
    if (status == ESP_ERROR_NOT_FOUND && export_given(network->graph)) {
        error_clear(error); // nobody trained them, and they are what the trial was evaluated with
        return ESP_OK;
    }
    if (status == ESP_OK)
        status = weights_open(&network->weights, given ? given : path, network->graph, error);
    free(path);
    return status;
}

static esp_status write_network(const struct exported *e, struct options *options,
                                const struct writer *writer, struct error *error)
{
    struct export_network network = {.graph = graph_handle(e->graph),
                                     .channels = session_task(e->session)->channels,
                                     .name = e->title};
    float *shift = NULL, *factor = NULL;
    bool final = e->stored.final >= 0;
    json_t *json = arch_json(e->trial->arch, e->results->row.space);
    char *arch = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(json);
    network.arch = arch;
    esp_status status = arch ? ESP_OK : error_memory(error);
    if (status == ESP_OK && writer->weighted)
        status = open_weights(&network, e, options_value(options, "weights"), error);
    if (status == ESP_OK && writer->normalised)
        status = export_normalisation(&shift, &factor, e->session, e->arch, final,
                                      final ? NULL : e->trial->fidelity,
                                      final ? 0 : e->trial->fidelity_count, error);
    network.shift = shift;
    network.factor = factor;
    if (status == ESP_OK)
        status = writer->write(&network, options_value(options, "o"), error);
    safetensors_close(network.weights);
    free(shift);
    free(arch);
    return status;
}

// ---- The command --------------------------------------------------------------------------------

static esp_status export_trial(struct exported *e, struct options *options, const char *format,
                               struct error *error)
{
    const struct results *results = e->results;
    const struct writer *writer = find_writer(format);
    esp_status status =
        loaded_open_text(&e->loaded, results->row.config, results->folder, options, error);
    if (status == ESP_OK)
        status = session_create(&e->session, e->loaded.experiment, writer != NULL, error);
    if (status == ESP_OK)
        status = trial_arch(&e->arch, e->session, results, e->trial, error);
    if (status == ESP_OK)
        status = writer ? builder_build(session_builder(e->session), e->arch, &e->graph, error)
                        : arch_graph(&e->graph, session_builder(e->session), e->arch, error);
    if (status == ESP_OK) {
        snprintf(e->title, sizeof e->title, "%s, trial %llu", results->row.name,
                 (unsigned long long)e->trial->trial);
        status = writer ? write_network(e, options, writer, error)
                        : write_text(e, options, format, error);
    }
    graph_destroy(e->graph);
    arch_release(e->arch);
    session_destroy(e->session);
    loaded_close(&e->loaded);
    return status;
}

static esp_status check_options(struct options *options, struct error *error)
{
    static const char *const formats[] = {"onnx", "safetensors", "torch", "json", "dot", "cells"};
    const char *format = options_value(options, "format");
    bool known = false;
    for (size_t i = 0; format && i < ESP_COUNT(formats); i++)
        known = known || strcmp(formats[i], format) == 0;
    if (!known) {
        const char *nearest = format ? text_nearest(format, formats, ESP_COUNT(formats)) : NULL;
        return error_set(error, ESP_ERROR_INVALID,
                         "--format: expected onnx, safetensors, torch, json, dot or cells, got "
                         "'%s'%s%s%s",
                         format ? format : "nothing", nearest ? "; did you mean '" : "",
                         nearest ? nearest : "", nearest ? "'?" : "");
    }
    const struct writer *writer = find_writer(format);
    if (writer && !options_value(options, "o"))
        return error_set(error, ESP_ERROR_INVALID, "--format %s needs -o FILE", format);
    if (options_value(options, "weights") && !(writer && writer->weighted))
        return error_set(error, ESP_ERROR_INVALID,
                         "--weights goes with --format onnx or safetensors: %s holds no weights",
                         format);
    return ESP_OK;
}

int command_export(int argc, char **argv)
{
    struct options options;
    struct results results;
    struct error error;
    struct exported exported = {.results = &results};
    error_clear(&error);
    int result = options_parse(&options, "export DIR TRIAL", export_options,
                               ESP_COUNT(export_options), 2, 2, argc, argv);
    if (result != OPTIONS_GO_ON)
        return result;
    esp_status status = check_options(&options, &error);
    if (status == ESP_OK)
        status = results_load(&results, options_argument(&options, 0), RESULTS_ALL, &error);
    if (status == ESP_OK) {
        status =
            stored_network_find(&exported.stored, &results, options_argument(&options, 1), &error);
        exported.trial = exported.stored.trial;
        if (status == ESP_OK)
            status = export_trial(&exported, &options, options_value(&options, "format"), &error);
        results_destroy(&results);
    }
    options_destroy(&options);
    return command_end(status, &error);
}
