// SPDX-License-Identifier: Apache-2.0
// What a search ends with in hand: model.onnx beside the weights of every final training. The page that goes
// with them is model_card.c's.
#include "run/run.h"

#include "evaluate/checkpoint.h"
#include "export/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct network {
    struct graph *graph;
    struct export_network export;
    float *shift;
    char *arch, *title;
};

static void network_close(struct network *network)
{
    safetensors_close(network->export.weights);
    graph_destroy(network->graph);
    free(network->shift);
    free(network->arch);
    free(network->title);
}

static esp_status network_open(struct network *out, struct run *run, const struct trial *trial,
                               const char *weights, struct error *error)
{
    float *factor = NULL;
    json_t *json = arch_json(trial->arch, run->experiment->space.component->id);
    out->arch = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(json);
    int length = asprintf(&out->title, "%s, trial %llu, final training", run->row.name,
                          (unsigned long long)(trial - run->trials));
    if (length < 0)
        out->title = NULL;
    esp_status status = out->arch && out->title ? ESP_OK : error_memory(error);
    if (status == ESP_OK)
        status = builder_build(session_builder(run->session), trial->arch, &out->graph, error);
    if (status == ESP_OK)
        status = weights_open(&out->export.weights, weights, graph_handle(out->graph), error);
    if (status == ESP_OK)
        status = export_normalisation(&out->shift, &factor, run->session, trial->arch, true, NULL,
                                      0, error);
    out->export.graph = out->graph ? graph_handle(out->graph) : NULL;
    out->export.shift = out->shift;
    out->export.factor = factor;
    out->export.channels = session_task(run->session)->channels;
    out->export.arch = out->arch;
    out->export.name = out->title;
    return status;
}

// A model that is there was written whole. What ONNX has no operator for is warned of: the weights are
// there all the same.
static esp_status write_model(struct run *run, const struct final_row *row, struct error *error)
{
    char *weights = NULL, *model = NULL;
    struct network network = {0};
    struct error words;
    error_clear(&words);
    if (row->state != TRIAL_DONE || row->trial >= run->trial_count || !row->folder)
        return ESP_OK;
    esp_status status = asprintf(&weights, "%s/%s/last.safetensors", run->out, row->folder) < 0 ||
                                asprintf(&model, "%s/%s/model.onnx", run->out, row->folder) < 0
                            ? error_memory(error)
                            : ESP_OK;
    if (status == ESP_OK && access(model, F_OK) != 0 && access(weights, F_OK) == 0) {
        status = network_open(&network, run, &run->trials[row->trial], weights, &words);
        if (status == ESP_OK)
            status = export_onnx(&network.export, model, &words);
        if (status == ESP_ERROR_UNSUPPORTED) {
            log_line(ESP_LOG_WARNING, "%s is not written: %s", model, words.message);
            status = ESP_OK;
        } else if (status != ESP_OK) {
            *error = words;
        }
    }
    network_close(&network);
    free(weights);
    free(model);
    return status;
}

struct finals {
    struct final_row *rows;
    uint64_t count;
    struct error error;
};

static esp_status collect(void *self, const struct final_row *row)
{
    struct finals *finals = self;
    struct final_row *grown = realloc(finals->rows, (finals->count + 1) * sizeof *grown);
    if (!grown)
        return error_memory(&finals->error);
    finals->rows = grown;
    struct final_row *copy = &grown[finals->count++];
    *copy = *row;
    copy->error = row->error ? strdup(row->error) : NULL;
    copy->metrics = row->metrics ? strdup(row->metrics) : NULL;
    copy->folder = row->folder ? strdup(row->folder) : NULL;
    return (row->error && !copy->error) || (row->metrics && !copy->metrics) ||
                   (row->folder && !copy->folder)
               ? error_memory(&finals->error)
               : ESP_OK;
}

esp_status run_models(struct run *run, struct error *error)
{
    struct finals finals = {0};
    error_clear(&finals.error);
    esp_status status = store_each_final(run->store, run->row.run, collect, &finals, error);
    if (status != ESP_OK && error->message[0] == '\0')
        *error = finals.error;
    for (uint64_t i = 0; status == ESP_OK && i < finals.count; i++)
        status = write_model(run, &finals.rows[i], error);
    if (status == ESP_OK && finals.count > 0)
        status = run_model_card(run, finals.rows, finals.count, error);
    for (uint64_t i = 0; i < finals.count; i++)
        final_row_destroy(&finals.rows[i]);
    free(finals.rows);
    return status;
}
