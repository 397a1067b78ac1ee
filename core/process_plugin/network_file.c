// SPDX-License-Identifier: Apache-2.0
// What a trial's program is given in files; see network_file.h.
#include "process_plugin/network_file.h"

#include "arch/arch.h"
#include "evaluate/checkpoint.h"
#include "evaluate/evaluation.h"
#include "evaluate/specification.h"
#include "export/export.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *network_file_onnx(const struct network_file *file)
{
    return file->onnx;
}

const char *network_file_folder(const struct network_file *file)
{
    return file->folder;
}

// ---- Folders ------------------------------------------------------------------------------------

static esp_status make_folder(struct network_file *file, const struct evaluation *evaluation,
                              bool needed, struct error *error)
{
    const struct specification *specification = evaluation->specification;
    if (specification && specification->folder) {
        file->folder = strdup(specification->folder);
        if (!file->folder)
            return error_memory(error);
        if (mkdir(file->folder, 0777) != 0 && errno != EEXIST)
            return error_system(error, file->folder, "make this folder", errno);
        return ESP_OK;
    }
    if (!needed)
        return ESP_OK;
    const char *place = getenv("TMPDIR");
    if (asprintf(&file->own, "%s/espalier-XXXXXX", place && place[0] ? place : "/tmp") < 0) {
        file->own = NULL;
        return error_memory(error);
    }
    if (mkdtemp(file->own))
        return ESP_OK;
    error_system(error, file->own, "make this folder", errno);
    free(file->own);
    file->own = NULL;
    return error->status;
}

// ---- The network --------------------------------------------------------------------------------

// The weights as the run's engine would begin with them, so that what is compared with the estimator
// `train` begins alike.
static esp_status write_weights(const char *path, esp_evaluation *e)
{
    esp_compile_options options = {.struct_size = sizeof options, .batch = 1};
    esp_program *program;
    esp_status status = esp_evaluation_compile(e, &options, &program);
    return status == ESP_OK ? weights_write(program_from_handle(program), path) : status;
}

static esp_status write_network(const struct network_file *file, const char *weights,
                                esp_evaluation *e, struct error *error)
{
    struct evaluation *evaluation = evaluation_from_handle(e);
    struct export_network network = {.name = "trial"};
    esp_status status = write_weights(weights, e);
    if (status == ESP_OK)
        status = esp_evaluation_graph(e, &network.graph);
    if (status == ESP_OK)
        status = weights_open(&network.weights, weights, network.graph, error);
    if (status != ESP_OK)
        return status;
    json_t *json =
        arch_json(evaluation->arch, session_experiment(evaluation->session)->space.component->id);
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    network.arch = text;
    network.channels = session_task(evaluation->session)->channels;
    status = text ? export_onnx(&network, file->onnx, error) : error_memory(error);
    safetensors_close(network.weights);
    json_decref(json);
    free(text);
    return status;
}

esp_status network_file_make(struct network_file *out, esp_evaluation *e, bool onnx,
                             struct error *error)
{
    char *weights = NULL;
    esp_status status = make_folder(out, evaluation_from_handle(e), onnx, error);
    if (status != ESP_OK || !onnx)
        return status;
    const char *folder = out->own ? out->own : out->folder;
    if (asprintf(&out->onnx, "%s/network.onnx", folder) < 0) {
        out->onnx = NULL;
        return error_memory(error);
    }
    if (asprintf(&weights, "%s/network.safetensors", folder) < 0)
        return error_memory(error);
    status = write_network(out, weights, e, error);
    unlink(weights);
    free(weights);
    return status;
}

void network_file_remove(struct network_file *file)
{
    if (file->onnx)
        unlink(file->onnx);
    if (file->own)
        rmdir(file->own);
    if (file->folder)
        rmdir(file->folder); // where it is empty
    free(file->onnx);
    free(file->own);
    free(file->folder);
}
