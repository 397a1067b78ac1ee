// SPDX-License-Identifier: Apache-2.0
// The evaluation context; see evaluation.h. Each function is a row of esp_evaluation_api.
#include "evaluate/evaluation.h"

#include "evaluate/program.h"
#include "evaluate/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

static struct evaluation *of(esp_evaluation *handle)
{
    return (struct evaluation *)(void *)handle;
}

static const esp_arch *do_arch(esp_evaluation *handle)
{
    return arch_handle(of(handle)->arch);
}

esp_status evaluation_build(struct evaluation *e)
{
    if (e->graph)
        return ESP_OK;
    return builder_build(session_builder(e->session), e->arch, &e->graph, e->error);
}

static esp_status do_graph(esp_evaluation *handle, const esp_graph **out)
{
    struct evaluation *e = of(handle);
    esp_status status = evaluation_build(e);
    *out = status == ESP_OK ? graph_handle(e->graph) : NULL;
    return status;
}

static esp_status inherit(struct evaluation *e, struct program *program)
{
    char path[4096];
    uint64_t count = 0;
    snprintf(path, sizeof path, "%s/last.safetensors", e->specification->parent_folder);
    esp_status status = program_inherit(program, path, &count);
    if (status == ESP_OK)
        log_line(ESP_LOG_DEBUG, "trial %llu inherits %llu tensors",
                 (unsigned long long)e->specification->trial, (unsigned long long)count);
    return status;
}

static esp_status do_compile(esp_evaluation *handle, const esp_compile_options *options,
                             esp_program **out)
{
    struct evaluation *e = of(handle);
    const struct specification *s = e->specification;
    const struct instance *engine = NULL;
    struct program *program = NULL;
    if (!s || e->program_count == EVALUATION_MOST_PROGRAMS)
        return esp_fail(handle, ESP_ERROR_MISUSE,
                        s ? "more than %d programs in one evaluation"
                          : "a cheap estimator compiles no network (%d)",
                        EVALUATION_MOST_PROGRAMS);
    esp_status status = evaluation_build(e);
    if (status == ESP_OK)
        status = session_engine(e->session, &engine, e->error);
    if (status == ESP_OK)
        status = program_create(&program, engine, graph_handle(e->graph), options, e->error);
    if (status != ESP_OK)
        return status;
    e->programs[e->program_count++] = program;
    status = program_initialise(program, e->seed, e->lineage);
    if (status == ESP_OK && s->mode == ESP_MODE_INHERIT && s->parent_folder)
        status = inherit(e, program);
    *out = program_handle(program);
    return status;
}

static esp_random do_random(esp_evaluation *handle, const char *name, uint64_t epoch, uint64_t step)
{
    const struct evaluation *e = of(handle);
    return esp_random_stream(e->seed, XXH3_64bits(name, strlen(name)), e->lineage, epoch, step);
}

static uint32_t do_mode(esp_evaluation *handle)
{
    const struct specification *s = of(handle)->specification;
    return s ? s->mode : ESP_MODE_FRESH;
}

static double do_horizon(esp_evaluation *handle, const char *name, double value)
{
    struct evaluation *e = of(handle);
    const struct experiment *experiment = session_experiment(e->session);
    if (experiment->horizon_is_fidelity ||
        (e->specification && e->specification->purpose == PURPOSE_FINAL))
        return value;
    if (experiment->horizon > 0)
        return (double)experiment->horizon;
    const struct parameter *parameter = parameters_find(e->before_fidelity, name);
    if (!parameter)
        return value;
    return parameter->row->type == ESP_PARAM_TYPE_REAL ? parameter->real
                                                       : (double)parameter->integer;
}

// ---- Data -------------------------------------------------------------------------------------

static esp_status open_data(struct evaluation *e)
{
    const struct specification *s = e->specification;
    bool final = s && s->purpose == PURPOSE_FINAL;
    if (e->data)
        return ESP_OK;
    return session_data(e->session, e->dataset, e->host_data, final, final && s->test, &e->data,
                        e->error);
}

static esp_status do_data_size(esp_evaluation *handle, uint32_t split, uint64_t *out)
{
    struct evaluation *e = of(handle);
    esp_status status = open_data(e);
    return status == ESP_OK ? data_size(e->data, split, out, e->error) : status;
}

static esp_status do_data_read(esp_evaluation *handle, uint32_t split, const uint64_t *indices,
                               uint64_t count, float *samples, uint32_t *labels)
{
    struct evaluation *e = of(handle);
    esp_status status = open_data(e);
    return status == ESP_OK ? data_read(e->data, split, indices, count, samples, labels, e->error)
                            : status;
}

// ---- Reports ----------------------------------------------------------------------------------

static esp_status note_point(struct evaluation *e, double step, const esp_measurement *metrics,
                             uint64_t count, uint64_t stride)
{
    json_t *values = json_object();
    const char *row = (const char *)metrics;
    for (uint64_t i = 0; i < count; i++, row += stride) {
        const esp_measurement *metric = (const esp_measurement *)(const void *)row;
        json_object_set_new(values, metric->name,
                            isfinite(metric->value) ? json_real(metric->value) : json_null());
    }
    if (!e->curve)
        e->curve = json_array();
    json_t *point = json_pack("{s:f, s:o}", "step", step, "metrics", values);
    return point && json_array_append_new(e->curve, point) == 0 ? ESP_OK : error_memory(e->error);
}

static uint32_t do_progress(esp_evaluation *handle, double step, const esp_measurement *metrics,
                            uint64_t count, uint64_t stride)
{
    struct evaluation *e = of(handle);
    if (note_point(e, step, metrics, count, stride) != ESP_OK)
        return ESP_STOP;
    if (e->progress && e->progress(e->progress_self, step, metrics, count, stride) == ESP_STOP)
        e->stopped = true;
    return e->stopped ? ESP_STOP : ESP_CONTINUE;
}

static const esp_metric *metric_row(const esp_estimator_info *info, uint64_t i)
{
    return (const esp_metric *)(const void *)((const char *)info->metrics +
                                              i * info->metric_stride);
}

static esp_status do_metric(esp_evaluation *handle, const char *name, double value)
{
    struct evaluation *e = of(handle);
    if (!isfinite(value))
        return esp_fail(handle, ESP_ERROR, "metric %s is %g", name, value);
    for (uint64_t i = 0; i < e->info->metric_count; i++)
        if (strcmp(metric_row(e->info, i)->name, name) == 0) {
            e->metrics[i] = value;
            return ESP_OK;
        }
    // What a final training alone can say.
    if (e->result && e->specification && e->specification->purpose == PURPOSE_FINAL)
        return result_set_metric(e->result, name, value, e->error);
    return esp_fail(handle, ESP_ERROR_MISUSE, "metric '%s' was not declared", name);
}

static double monotonic_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double do_seconds(esp_evaluation *handle)
{
    return monotonic_seconds() - of(handle)->began;
}

// ---- Files ------------------------------------------------------------------------------------

static esp_status do_save_weights(esp_evaluation *handle, esp_program *program, uint32_t which)
{
    struct evaluation *e = of(handle);
    char path[4096];
    if (!e->specification || !e->specification->folder)
        return ESP_OK; // nobody asked for files
    snprintf(path, sizeof path, "%s/%s.safetensors", e->specification->folder,
             which == ESP_WEIGHTS_BEST ? "best" : "last");
    return program_save_weights(program_from_handle(program), path);
}

static esp_status do_save_checkpoint(esp_evaluation *handle, esp_program *program,
                                     const esp_named_number *numbers, uint64_t count,
                                     uint64_t stride)
{
    struct evaluation *e = of(handle);
    char path[4096];
    if (!e->specification || !e->specification->folder)
        return ESP_OK;
    snprintf(path, sizeof path, "%s/checkpoint.safetensors", e->specification->folder);
    char *curve = e->curve ? json_dumps(e->curve, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    esp_status status =
        program_save_checkpoint(program_from_handle(program), path, numbers, count, stride, curve);
    free(curve);
    return status;
}

// The folder whose checkpoint is started from: an earlier attempt's, else in a continuation the
// parent's; NULL where there is none.
static const char *checkpoint_folder(const struct specification *s)
{
    char path[4096];
    if (s && s->earlier) {
        snprintf(path, sizeof path, "%s/checkpoint.safetensors", s->earlier);
        if (access(path, R_OK) == 0)
            return s->earlier;
    }
    return s && s->mode == ESP_MODE_CONTINUE ? s->parent_folder : NULL;
}

// The best weights so far belong to the checkpoint: a later best one goes over them.
static esp_status take_best(struct evaluation *e, const char *from)
{
    char old_path[4096], new_path[4096], bytes[65536];
    if (!e->specification->folder)
        return ESP_OK;
    snprintf(old_path, sizeof old_path, "%s/best.safetensors", from);
    snprintf(new_path, sizeof new_path, "%s/best.safetensors", e->specification->folder);
    FILE *in = fopen(old_path, "re");
    if (!in)
        return ESP_OK;
    FILE *out = fopen(new_path, "we");
    bool copied = out != NULL;
    for (size_t count; copied && (count = fread(bytes, 1, sizeof bytes, in)) > 0;)
        copied = fwrite(bytes, 1, count, out) == count;
    copied = copied && !ferror(in);
    fclose(in);
    if (out && fclose(out) != 0)
        copied = false;
    return copied ? ESP_OK
                  : error_set(e->error, ESP_ERROR_IO, "%s: cannot be copied to %s", old_path,
                              new_path);
}

static esp_status do_load_checkpoint(esp_evaluation *handle, esp_program *program, uint32_t *found)
{
    struct evaluation *e = of(handle);
    struct safetensors *file = NULL;
    char path[4096];
    *found = 0;
    const char *folder = checkpoint_folder(e->specification);
    if (!folder)
        return ESP_OK;
    snprintf(path, sizeof path, "%s/checkpoint.safetensors", folder);
    esp_status status = safetensors_open(&file, path, e->error);
    if (status == ESP_OK)
        status = program_load_checkpoint(program_from_handle(program), file, path);
    if (status == ESP_OK) {
        json_decref(e->checkpoint);
        e->checkpoint = json_object();
        safetensors_each_note(file, e->checkpoint);
        status = take_best(e, folder);
        *found = 1;
    }
    // A repeated attempt goes on with its curve; a continuation begins one of its own.
    const char *curve = json_string_value(json_object_get(e->checkpoint, "curve"));
    if (status == ESP_OK && curve && folder == e->specification->earlier) {
        json_decref(e->curve);
        e->curve = json_loads(curve, 0, NULL);
    }
    safetensors_close(file);
    return status;
}

static double do_checkpoint_number(esp_evaluation *handle, const char *name, double missing)
{
    const char *text = json_string_value(json_object_get(of(handle)->checkpoint, name));
    return text ? strtod(text, NULL) : missing;
}

static uint32_t do_final(esp_evaluation *handle)
{
    const struct specification *s = of(handle)->specification;
    return s && s->purpose == PURPOSE_FINAL;
}

static uint32_t do_wants_files(esp_evaluation *handle)
{
    const struct specification *s = of(handle)->specification;
    return s && s->folder && s->wants_files;
}

const esp_evaluation_api evaluation_api = {
    sizeof(esp_evaluation_api),
    do_arch,
    do_graph,
    do_compile,
    do_random,
    do_mode,
    do_horizon,
    do_data_size,
    do_data_read,
    do_progress,
    do_metric,
    do_save_weights,
    do_save_checkpoint,
    do_load_checkpoint,
    do_checkpoint_number,
    do_seconds,
    do_final,
    do_wants_files,
};

void evaluation_end(struct evaluation *e)
{
    for (uint64_t i = 0; i < e->program_count; i++)
        program_destroy(e->programs[i]);
    graph_destroy(e->graph);
    json_decref(e->curve);
    json_decref(e->checkpoint);
    e->program_count = 0;
    e->graph = NULL;
    e->curve = NULL;
    e->checkpoint = NULL;
}
