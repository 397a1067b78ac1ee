// SPDX-License-Identifier: Apache-2.0
// What the coordinator lends an executor (esp_jobs), and the evaluation of a specification that is
// given as JSON text.
#include "execute/execute.h"

#include "text/printable.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct jobs {
    esp_jobs handle; // first: lent to the executor
    struct error error;
    const struct experiment *experiment;
    struct session *session;
    char program[PATH_MAX];
    char *folder;
    const char *command[4];
    char *result; // of the last evaluate
};

static struct jobs *of(esp_jobs *handle)
{
    return (struct jobs *)(void *)handle;
}

static const char *const *do_worker_command(esp_jobs *handle)
{
    return of(handle)->command;
}

static uint64_t do_capacity(esp_jobs *handle)
{
    return of(handle)->experiment->workers;
}

static double do_time_limit(esp_jobs *handle)
{
    return of(handle)->experiment->trial_time_limit;
}

static uint64_t do_memory_limit(esp_jobs *handle)
{
    return of(handle)->experiment->trial_memory_limit;
}

static esp_status do_evaluate(esp_jobs *handle, const void *specification, uint64_t size,
                              const void **result, uint64_t *result_size)
{
    struct jobs *jobs = of(handle);
    size_t length = 0;
    free(jobs->result);
    jobs->result = NULL;
    esp_status status = execute_specification(jobs->session, specification, size, NULL, NULL,
                                              &jobs->result, &length, &jobs->error);
    *result = jobs->result;
    *result_size = length;
    return status;
}

static const esp_jobs_api jobs_api = {
    sizeof(esp_jobs_api), do_worker_command, do_capacity,
    do_time_limit,        do_memory_limit,   do_evaluate,
};

esp_status jobs_create(struct jobs **out, const struct experiment *experiment,
                       struct session *session, const char *run_folder, struct error *error)
{
    struct jobs *jobs = calloc(1, sizeof *jobs);
    if (!jobs)
        return error_memory(error);
    handle_init(&jobs->handle.base, sizeof jobs->handle, &jobs->error);
    jobs->handle.api = &jobs_api;
    jobs->experiment = experiment;
    jobs->session = session;
    jobs->folder = realpath(run_folder, NULL);
    ssize_t length = readlink("/proc/self/exe", jobs->program, sizeof jobs->program - 1);
    if (!jobs->folder || length <= 0) {
        jobs_destroy(jobs);
        return error_set(error, ESP_ERROR_IO, "%s: the program or the folder cannot be found",
                         run_folder);
    }
    jobs->command[0] = jobs->program;
    jobs->command[1] = "worker";
    jobs->command[2] = jobs->folder;
    *out = jobs;
    return ESP_OK;
}

void jobs_destroy(struct jobs *jobs)
{
    if (!jobs)
        return;
    free(jobs->result);
    free(jobs->folder);
    free(jobs);
}

esp_jobs *jobs_handle(struct jobs *jobs)
{
    return &jobs->handle;
}

esp_status execute_specification(struct session *session, const char *text, size_t size,
                                 progress_function progress, void *progress_self, char **out,
                                 size_t *out_size, struct error *error)
{
    struct specification specification;
    struct result result = {0};
    struct error words;
    json_error_t reason;
    error_clear(&words);
    json_t *json = json_loadb(text, size, 0, &reason);
    esp_status status =
        json ? specification_parse(&specification, json, &words)
             : error_set(&words, ESP_ERROR_DATA, "a specification is no JSON: %s", reason.text);
    json_decref(json);
    if (status == ESP_OK) {
        status = session_evaluate(session, &specification, progress, progress_self, &result, error);
        specification_destroy(&specification);
    } else { // a damaged specification costs its trial
        result.status = ESP_OUTCOME_FAILED;
        snprintf(result.error, sizeof result.error, "%s", words.message);
        status = ESP_OK;
    }
    text_make_printable(result.error); // a path in it may be no UTF-8, which JSON does not take
    json_t *whole = json_pack("{s:o}", "result", result_json(&result));
    *out = whole ? json_dumps(whole, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    *out_size = *out ? strlen(*out) : 0;
    json_decref(whole);
    result_destroy(&result);
    return *out ? status : error_memory(error);
}
