// SPDX-License-Identifier: Apache-2.0
// my_executor: evaluates trials in the coordinator itself, one a poll, in the order of their
// submission or the newest first, and writes to the run's log how long they took. The order changes
// nothing in the results: the host tells outcomes in the order of the trials.
//
// An executor takes opaque specifications and gives opaque results back: what a job is it does not
// know. It tells once of each job how it ended. Here a crash of an estimator is the run's; an executor
// that starts worker processes (esp_jobs_worker_command) costs such a crash one trial.
#include <espalier/espalier.h>

#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

struct job {
    uint64_t number;
    void *specification; // a copy
    uint64_t size;
    bool cancelled;
};

struct queue {
    bool newest_first;
    struct job *jobs; // in the order of submission
    uint64_t count, room;
    esp_job_event event; // of the last poll; its bytes are the host's until the next evaluation
};

// The host reads the INI against this table: `espalier describe executor/my_executor` prints it.
static const esp_param queue_params[] = {
    ESP_PARAM_BOOL("newest_first", 0, "evaluate the job that came last, not the oldest"),
};

static esp_status queue_create(esp_create *create, esp_jobs *jobs, void **out)
{
    (void)jobs;
    struct queue *queue = calloc(1, sizeof *queue);
    if (!queue)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    queue->newest_first = esp_param_int(create, "newest_first") != 0;
    *out = queue;
    return ESP_OK;
}

static void queue_destroy(void *self)
{
    struct queue *queue = self;
    for (uint64_t i = 0; i < queue->count; i++)
        free(queue->jobs[i].specification);
    free(queue->jobs);
    free(queue);
}

static bool grow(struct queue *queue)
{
    uint64_t room = queue->room ? 2 * queue->room : 8;
    struct job *jobs = realloc(queue->jobs, room * sizeof *jobs);
    if (!jobs)
        return false;
    queue->jobs = jobs;
    queue->room = room;
    return true;
}

static esp_status queue_submit(void *self, esp_jobs *jobs, uint64_t job, const void *specification,
                               uint64_t size)
{
    struct queue *queue = self;
    void *copy = malloc(size + 1);
    if (!copy || (queue->count == queue->room && !grow(queue))) {
        free(copy);
        return esp_fail(jobs, ESP_ERROR_MEMORY, "out of memory");
    }
    memcpy(copy, specification, size);
    queue->jobs[queue->count++] = (struct job){job, copy, size, false};
    return ESP_OK;
}

static struct job take_next(struct queue *queue)
{
    uint64_t next = queue->newest_first ? queue->count - 1 : 0;
    struct job job = queue->jobs[next];
    queue->count--;
    memmove(&queue->jobs[next], &queue->jobs[next + 1],
            (queue->count - next) * sizeof *queue->jobs);
    return job;
}

static double now(void)
{
    struct timespec time;
    timespec_get(&time, TIME_UTC);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

// One job a call, so that the host comes to its other work in between.
static esp_status queue_poll(void *self, esp_jobs *jobs, const esp_job_event **events,
                             uint64_t *count, uint64_t *stride)
{
    struct queue *queue = self;
    esp_status status = ESP_OK;
    *events = &queue->event;
    *stride = sizeof queue->event;
    *count = 0;
    if (queue->count == 0)
        return ESP_OK;
    struct job job = take_next(queue);
    queue->event = (esp_job_event){.struct_size = sizeof queue->event, .job = job.number};
    if (job.cancelled) {
        queue->event.kind = ESP_JOB_CANCELLED;
        queue->event.message = "cancelled before it began";
    } else {
        double start = now();
        queue->event.kind = ESP_JOB_RESULT;
        status = esp_jobs_evaluate(jobs, job.specification, job.size, &queue->event.bytes,
                                   &queue->event.size);
        esp_log(jobs, ESP_LOG_INFO, "my_executor: job %llu took %.3f s",
                (unsigned long long)job.number, now() - start);
    }
    free(job.specification);
    *count = 1;
    return status;
}

// The job stays in the queue: poll tells of its end.
static esp_status queue_cancel(void *self, esp_jobs *jobs, uint64_t job)
{
    struct queue *queue = self;
    (void)jobs;
    for (uint64_t i = 0; i < queue->count; i++)
        if (queue->jobs[i].number == job)
            queue->jobs[i].cancelled = true;
    return ESP_OK;
}

// There is no descriptor to wait on: while jobs wait, poll wants to be called at once.
static int32_t queue_descriptor(void *self)
{
    (void)self;
    return -1;
}

static int32_t queue_timeout(void *self)
{
    const struct queue *queue = self;
    return queue->count > 0 ? 0 : -1;
}

static void queue_describe(esp_executor_type *out)
{
    out->summary = "trials in the coordinator, oldest or newest first";
    ESP_SET_PARAMS(out, queue_params);
    out->create = queue_create;
    out->destroy = queue_destroy;
    out->submit = queue_submit;
    out->poll = queue_poll;
    out->cancel = queue_cancel;
    out->descriptor = queue_descriptor;
    out->timeout = queue_timeout;
}

ESP_PLUGIN("0.1.0", ESP_EXECUTOR("my_executor", queue_describe))
