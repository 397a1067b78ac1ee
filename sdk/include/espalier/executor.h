// SPDX-License-Identifier: Apache-2.0
// An executor: where trials run. It carries opaque specifications to where they are evaluated and
// opaque results back. The host writes a specification, starts `espalier worker`, and reads the
// result; an executor moves bytes and tells what became of a process.
//
// Clauses, as `espalier check` cites them:
//   1  Each job ends once, with its own result; no more run at once than esp_jobs_capacity.
//   2  A job that is cancelled ends as ESP_JOB_CANCELLED, and no other job by it.
//   3  A worker that crashes costs its job alone, which fails or is lost, in words.
//   4  destroy ends every process and closes every descriptor.
#ifndef ESPALIER_EXECUTOR_H
#define ESPALIER_EXECUTOR_H

#include <espalier/create.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    ESP_JOB_PROGRESS = 1, // bytes: a progress message; the job goes on
    ESP_JOB_RESULT = 2,   // bytes: the result
    ESP_JOB_FAILED = 3,   // it ended without a result; message says why
    ESP_JOB_LOST = 4,     // killed from outside, a node gone: may be tried again
    ESP_JOB_CANCELLED = 5 // ended by cancel
};

// What happened to a job. Owner: the executor; lives until the next poll.
typedef struct esp_job_event {
    uint64_t struct_size;
    uint64_t job;
    uint32_t kind; // ESP_JOB_*
    uint32_t reserved;
    const void *bytes;
    uint64_t size;
    const char *message;
} esp_job_event;

typedef struct esp_jobs esp_jobs;
struct esp_jobs_api;

// What the host lends an executor. Owner: the host; lives until destroy. [coordinator]
struct esp_jobs {
    esp_handle base;
    const struct esp_jobs_api *api;
};

typedef struct esp_jobs_api {
    uint64_t struct_size;
    const char *const *(*worker_command)(esp_jobs *jobs);
    uint64_t (*capacity)(esp_jobs *jobs);
    double (*time_limit)(esp_jobs *jobs);
    uint64_t (*memory_limit)(esp_jobs *jobs);
    // Runs a specification in this process. Owner of the result: the host, until the next call.
    esp_status (*evaluate)(esp_jobs *jobs, const void *specification, uint64_t size,
                           const void **result, uint64_t *result_size);
} esp_jobs_api;

// The command that starts a worker, NULL-terminated. It speaks length-prefixed messages on its
// standard input and output: u32 length (little-endian), then that many bytes of JSON. It says
// {"worker": ...} first and {"ready": true} when it takes specifications, each one message. To one it
// answers {"taken": true}, any number of {"progress": ...} (the sign of life that the time limit looks
// at; ESP_JOB_PROGRESS, which may be left out) and {"log": {"level": l, "message": "..."}} (for
// esp_log), then {"result": ...}: the whole message is the bytes of ESP_JOB_RESULT. It takes the next
// specification then, and ends when its standard input does. Anything else is a worker gone wrong.
static inline const char *const *esp_jobs_worker_command(esp_jobs *jobs)
{
    return jobs->api->worker_command(jobs);
}

// How many jobs the run wants at once (`[run] workers`).
static inline uint64_t esp_jobs_capacity(esp_jobs *jobs)
{
    return jobs->api->capacity(jobs);
}

// Seconds without progress after which a job is ended as failed; 0 = none.
static inline double esp_jobs_time_limit(esp_jobs *jobs)
{
    return jobs->api->time_limit(jobs);
}

// Bytes of resident memory over which a job is ended as failed; 0 = none.
static inline uint64_t esp_jobs_memory_limit(esp_jobs *jobs)
{
    return jobs->api->memory_limit(jobs);
}

// Evaluates a specification in the coordinator itself, without a worker between.
static inline esp_status esp_jobs_evaluate(esp_jobs *jobs, const void *specification, uint64_t size,
                                           const void **result, uint64_t *result_size)
{
    return jobs->api->evaluate(jobs, specification, size, result, result_size);
}

// The description of an executor. Owner: the plugin; lives as long as the process.
typedef struct esp_executor_type {
    uint64_t struct_size;
    const char *summary;
    const char *source;
    const esp_param *params;
    uint64_t param_count, param_stride;

    // Required. `jobs` may be kept until destroy. [coordinator] [create]
    esp_status (*create)(esp_create *create, esp_jobs *jobs, void **out);

    // Ends every process it started. Required. [coordinator] [created]
    void (*destroy)(void *self);

    // Takes a job; `specification` is copied. Required. [coordinator] [created]
    esp_status (*submit)(void *self, esp_jobs *jobs, uint64_t job, const void *specification,
                         uint64_t size);

    // Gives the events since the last poll: `*events`, `*count` of them with the stride
    // sizeof(esp_job_event) that the executor was compiled with, in `*stride`. Never blocks.
    // Required. [coordinator] [created]
    esp_status (*poll)(void *self, esp_jobs *jobs, const esp_job_event **events, uint64_t *count,
                       uint64_t *stride);

    // Ends a job; an ESP_JOB_CANCELLED event follows. Required. [coordinator] [created]
    esp_status (*cancel)(void *self, esp_jobs *jobs, uint64_t job);

    // A file descriptor that is readable when poll has something to do; -1 = none: poll by time-out
    // alone. Required. [coordinator] [created]
    int32_t (*descriptor)(void *self);

    // Milliseconds after which poll wants to be called anyway; -1 = never. Required. [coordinator]
    // [created]
    int32_t (*timeout)(void *self);

    // The table of an ability by id, or NULL. Optional. [any] [loaded]
    const void *(*ability)(const char *id);
} esp_executor_type;

#ifdef __cplusplus
}
#endif

#endif
