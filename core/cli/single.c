// SPDX-License-Identifier: Apache-2.0
// One evaluation outside a run; see single.h. Through a worker it goes the way of a run: an executor,
// a worker file, a specification.
#include "cli/single.h"

#include "execute/execute.h"
#include "loader/instance.h"
#include "run/artifacts.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint32_t show_progress(void *self, double step, const esp_measurement *metrics,
                              uint64_t count, uint64_t stride)
{
    (void)self;
    fprintf(stderr, "%g:", step);
    const char *row = (const char *)metrics;
    for (uint64_t i = 0; i < count; i++, row += stride) {
        const esp_measurement *metric = (const esp_measurement *)(const void *)row;
        fprintf(stderr, " %s %.5g", metric->name, metric->value);
    }
    fprintf(stderr, "\n");
    return ESP_CONTINUE;
}

static void show_log(void *self, uint32_t level, const char *message)
{
    (void)self;
    if (level >= ESP_LOG_INFO)
        fprintf(stderr, "%s%s\n", level >= ESP_LOG_WARNING ? "warning: " : "", message);
}

static void show_progress_json(const json_t *progress)
{
    const char *name;
    json_t *value;
    if (!progress)
        return;
    fprintf(stderr, "%g:", json_number_value(json_object_get(progress, "step")));
    json_object_foreach (json_object_get(progress, "metrics"), name, value)
        fprintf(stderr, " %s %.5g", name, json_number_value(value));
    fprintf(stderr, "\n");
}

// One event of the executor; `*over` when it is the last.
static esp_status take_event(const esp_job_event *event, struct result *result, bool *over,
                             struct error *error)
{
    if (event->kind == ESP_JOB_PROGRESS || event->kind == ESP_JOB_RESULT) {
        json_t *json = json_loadb(event->bytes, event->size, 0, NULL);
        const json_t *body = json_object_get(json, "result");
        esp_status status = ESP_OK;
        *over = event->kind == ESP_JOB_RESULT;
        if (*over)
            status = result_parse(result, body, error);
        else
            show_progress_json(json_object_get(json, "progress"));
        json_decref(json);
        return status;
    }
    *over = true;
    result->status = ESP_OUTCOME_FAILED;
    snprintf(result->error, sizeof result->error, "%s",
             event->message ? event->message : "it ended without a result");
    return ESP_OK;
}

static esp_status wait_for_result(const esp_executor_type *type, struct instance *executor,
                                  esp_jobs *jobs, struct result *result, struct error *error)
{
    bool over = false;
    esp_status status = ESP_OK;
    while (status == ESP_OK && !over) {
        struct pollfd descriptor = {type->descriptor(executor->self), POLLIN, 0};
        int timeout = type->timeout(executor->self);
        poll(&descriptor, descriptor.fd >= 0 ? 1 : 0,
             timeout < 0 || timeout > 1000 ? 1000 : timeout);
        const esp_job_event *events = NULL;
        uint64_t count = 0, stride = 0;
        status = type->poll(executor->self, jobs, &events, &count, &stride);
        const char *row = (const char *)events;
        for (uint64_t i = 0; status == ESP_OK && !over && i < count; i++, row += stride)
            status = take_event((const esp_job_event *)(const void *)row, result, &over, error);
    }
    return status;
}

static esp_status through_worker(struct single *single, const char *folder,
                                 const struct specification *specification, struct result *result,
                                 struct error *error)
{
    const struct part *part = &single->experiment->executor;
    const esp_executor_type *type = part->component->type;
    struct jobs *jobs = NULL;
    struct instance *executor = NULL;
    json_t *json = specification_json(specification);
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    esp_status status = text ? ESP_OK : error_memory(error);
    if (status == ESP_OK)
        status = worker_file_write(folder, single->experiment, error);
    if (status == ESP_OK)
        status = jobs_create(&jobs, single->experiment, single->session, folder, error);
    if (status == ESP_OK)
        status = instance_create(&executor, part->component, &part->parameters, NULL,
                                 single->experiment->seed, jobs_handle(jobs), error);
    if (status == ESP_OK)
        status = type->submit(executor->self, jobs_handle(jobs), 0, text, strlen(text));
    if (status == ESP_OK)
        status = wait_for_result(type, executor, jobs_handle(jobs), result, error);
    if (status != ESP_OK && jobs && error->message[0] == '\0') {
        struct error *words = jobs_handle(jobs)->base.context;
        error_set(error, status, "executor %s: %s", part->component->id, words->message);
    }
    instance_destroy(executor);
    jobs_destroy(jobs);
    free(text);
    json_decref(json);
    return status;
}

static void print_result(const struct single *single, const struct result *result)
{
    if (single->json) {
        char hash[17];
        json_t *metrics = json_object();
        snprintf(hash, sizeof hash, "%016llx", (unsigned long long)arch_hash(single->arch));
        for (uint64_t i = 0; i < result->metric_count; i++)
            json_object_set_new(metrics, result->metrics[i].name,
                                isfinite(result->metrics[i].value)
                                    ? json_real(result->metrics[i].value)
                                    : json_null());
        json_t *json = json_pack("{s:o, s:s, s:o, s:f}", "arch",
                                 arch_json(single->arch, single->experiment->space.component->id),
                                 "hash", hash, "metrics", metrics, "seconds", result->seconds);
        json_dumpf(json, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
        printf("\n");
        json_decref(json);
        return;
    }
    for (uint64_t i = 0; i < result->metric_count; i++)
        printf("%-20s %.6g\n", result->metrics[i].name, result->metrics[i].value);
    printf("%-20s %.3f\n", "seconds", result->seconds);
}

static esp_status keep_files(const char *from, const char *to, struct error *error)
{
    esp_status status = folder_remove(to, error);
    if (status == ESP_OK && rename(from, to) != 0)
        status = error_set(error, ESP_ERROR_IO, "%s: cannot rename to %s: %s", from, to,
                           strerror(errno));
    return status;
}

// A folder beside where the files will stay, else a temporary one.
static char *make_folder(const struct single *single, struct error *error)
{
    char *folder = NULL;
    const char *base = getenv("TMPDIR");
    int length = single->keep ? asprintf(&folder, "%s.new-XXXXXX", single->keep)
                              : asprintf(&folder, "%s/espalier-XXXXXX", base ? base : "/tmp");
    if (length < 0) {
        error_memory(error);
        return NULL;
    }
    if (!mkdtemp(folder)) {
        error_set(error, ESP_ERROR_IO, "%s: cannot make this folder: %s", folder, strerror(errno));
        free(folder);
        return NULL;
    }
    return folder;
}

esp_status single_evaluate(struct single *single, struct error *error)
{
    struct result result = {0};
    // A worker has another working folder.
    char *weights = single->weights ? realpath(single->weights, NULL) : NULL;
    if (single->weights && !weights)
        return error_system(error, single->weights, "read", errno);
    char *folder = make_folder(single, error), *files = NULL;
    if (!folder) {
        free(weights);
        return error->status;
    }
    struct specification specification = {
        .purpose = single->final ? PURPOSE_FINAL : PURPOSE_TRIAL,
        .seed = single->final ? single->seed : single->experiment->seed,
        .test = single->test,
        .arch = arch_json(single->arch, single->experiment->space.component->id),
        .weights = weights,
        .wants_files = single->keep != NULL,
    };
    snprintf(specification.hash, sizeof specification.hash, "%016llx",
             (unsigned long long)arch_hash(single->arch));
    esp_status status = asprintf(&files, "%s/files", folder) < 0 || !specification.arch
                            ? error_memory(error)
                            : folder_make(files, error);
    specification.folder = files;
    log_set_sink(show_log, NULL);
    if (status == ESP_OK)
        status = single->in_process
                     ? session_evaluate(single->session, &specification, show_progress, NULL,
                                        &result, error)
                     : through_worker(single, folder, &specification, &result, error);
    if (status == ESP_OK && result.status == ESP_OUTCOME_FAILED)
        status = error_set(error, ESP_ERROR, "the evaluation failed: %s", result.error);
    if (status == ESP_OK && single->keep)
        status = keep_files(files, single->keep, error);
    if (status == ESP_OK)
        print_result(single, &result);
    log_set_sink(NULL, NULL);
    folder_remove(folder, NULL);
    json_decref(specification.arch);
    free(files);
    free(folder);
    free(weights);
    if (single->result && status == ESP_OK)
        *single->result = result;
    else
        result_destroy(&result);
    return status;
}
