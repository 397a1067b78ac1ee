// SPDX-License-Identifier: Apache-2.0
// The executor `inline`: trials are evaluated in the coordinator, one a poll, in the order of their
// submission. For debugging, and where processes are unwanted; a crash is the run's.
#include "execute/execute.h"

#include <stdlib.h>
#include <string.h>

struct waiting {
    uint64_t job;
    char *specification;
    uint64_t size;
    bool cancelled;
    struct waiting *next;
};

struct inline_executor {
    struct waiting *first, **end;
    esp_job_event event;
};

static esp_status inline_create(esp_create *create, esp_jobs *jobs, void **out)
{
    (void)jobs;
    struct inline_executor *self = calloc(1, sizeof *self);
    if (!self)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    self->end = &self->first;
    *out = self;
    return ESP_OK;
}

static void waiting_free(struct waiting *job)
{
    free(job->specification);
    free(job);
}

static void inline_destroy(void *handle)
{
    struct inline_executor *self = handle;
    while (self->first) {
        struct waiting *next = self->first->next;
        waiting_free(self->first);
        self->first = next;
    }
    free(self);
}

static esp_status inline_submit(void *handle, esp_jobs *jobs, uint64_t job,
                                const void *specification, uint64_t size)
{
    struct inline_executor *self = handle;
    struct waiting *made = calloc(1, sizeof *made);
    char *copy = malloc(size + 1);
    if (!made || !copy) {
        free(made);
        free(copy);
        return esp_fail(jobs, ESP_ERROR_MEMORY, "out of memory");
    }
    memcpy(copy, specification, size);
    *made = (struct waiting){.job = job, .specification = copy, .size = size};
    *self->end = made;
    self->end = &made->next;
    return ESP_OK;
}

static esp_status inline_poll(void *handle, esp_jobs *jobs, const esp_job_event **events,
                              uint64_t *count, uint64_t *stride)
{
    struct inline_executor *self = handle;
    struct waiting *job = self->first;
    *events = &self->event;
    *stride = sizeof self->event;
    *count = 0;
    if (!job)
        return ESP_OK;
    self->first = job->next;
    if (!self->first)
        self->end = &self->first;
    self->event = (esp_job_event){.struct_size = sizeof self->event,
                                  .job = job->job,
                                  .kind = ESP_JOB_CANCELLED,
                                  .message = "cancelled"};
    esp_status status = ESP_OK;
    if (!job->cancelled) {
        self->event.kind = ESP_JOB_RESULT;
        self->event.message = NULL;
        status = esp_jobs_evaluate(jobs, job->specification, job->size, &self->event.bytes,
                                   &self->event.size);
    }
    waiting_free(job);
    *count = 1;
    return status;
}

static esp_status inline_cancel(void *handle, esp_jobs *jobs, uint64_t job)
{
    struct inline_executor *self = handle;
    (void)jobs;
    for (struct waiting *waiting = self->first; waiting; waiting = waiting->next)
        if (waiting->job == job)
            waiting->cancelled = true;
    return ESP_OK;
}

static int32_t inline_descriptor(void *handle)
{
    (void)handle;
    return -1;
}

static int32_t inline_timeout(void *handle)
{
    const struct inline_executor *self = handle;
    return self->first ? 0 : -1;
}

const esp_executor_type *executor_inline(void)
{
    static const esp_executor_type type = {
        .struct_size = sizeof(esp_executor_type),
        .summary = "trials in the coordinator itself, one after another",
        .param_stride = sizeof(esp_param),
        .create = inline_create,
        .destroy = inline_destroy,
        .submit = inline_submit,
        .poll = inline_poll,
        .cancel = inline_cancel,
        .descriptor = inline_descriptor,
        .timeout = inline_timeout,
    };
    return &type;
}
