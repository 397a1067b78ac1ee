// SPDX-License-Identifier: Apache-2.0
// An executor under test; see stand.h.
#include "support/stand.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>
#include <time.h>

static struct stand *of(esp_jobs *handle)
{
    return (struct stand *)(void *)handle;
}

static const char *const *do_worker_command(esp_jobs *handle)
{
    return of(handle)->command;
}

static uint64_t do_capacity(esp_jobs *handle)
{
    return of(handle)->capacity;
}

static double do_time_limit(esp_jobs *handle)
{
    return of(handle)->time_limit;
}

static uint64_t do_memory_limit(esp_jobs *handle)
{
    return of(handle)->memory_limit;
}

// Answers with what it was asked.
static esp_status do_evaluate(esp_jobs *handle, const void *specification, uint64_t size,
                              const void **result, uint64_t *result_size)
{
    static char copy[256];
    cr_assert_lt(size, sizeof copy);
    memcpy(copy, specification, size);
    if (size == 4 && memcmp(copy, "fail", 4) == 0)
        return esp_fail(handle, ESP_ERROR, "told to fail");
    *result = copy;
    *result_size = size;
    return ESP_OK;
}

static const esp_jobs_api api = {sizeof(esp_jobs_api), do_worker_command, do_capacity,
                                 do_time_limit,        do_memory_limit,   do_evaluate};

void stand_init(struct stand *stand, const char *program, const char *how)
{
    memset(stand, 0, sizeof *stand);
    handle_init(&stand->handle.base, sizeof stand->handle, &stand->error);
    stand->handle.api = &api;
    stand->command[0] = program;
    stand->command[1] = "worker";
    stand->command[2] = how;
    stand->capacity = 1;
}

void stand_open(struct stand *stand, const esp_executor_type *type)
{
    esp_create create = {0};
    handle_init(&create.base, sizeof create, &stand->error);
    stand->type = type;
    cr_assert_eq(type->create(&create, &stand->handle, &stand->self), ESP_OK, "%s",
                 stand->error.message);
}

void stand_close(struct stand *stand)
{
    stand->type->destroy(stand->self);
}

esp_status stand_submit(struct stand *stand, uint64_t job, const char *specification)
{
    return stand->type->submit(stand->self, &stand->handle, job, specification,
                               strlen(specification));
}

static double monotonic_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

const esp_job_event *stand_wait(struct stand *stand)
{
    double began = monotonic_seconds();
    while (stand->event_next == stand->event_count) {
        int timeout = stand->type->timeout(stand->self);
        struct pollfd descriptor = {stand->type->descriptor(stand->self), POLLIN, 0};
        // Without an end of its own it is the descriptor that has to wake us.
        poll(&descriptor, 1, timeout < 0 ? 10000 : timeout);
        stand->event_next = 0;
        esp_status status = stand->type->poll(stand->self, &stand->handle, &stand->events,
                                              &stand->event_count, &stand->event_stride);
        if (status != ESP_OK) {
            stand->event_count = 0;
            return NULL;
        }
        cr_assert(stand->event_count > 0 || monotonic_seconds() - began < 10, "no event came");
    }
    const char *row = (const char *)stand->events + stand->event_next++ * stand->event_stride;
    return (const esp_job_event *)(const void *)row;
}

const esp_job_event *stand_wait_end(struct stand *stand)
{
    const esp_job_event *event = stand_wait(stand);
    while (event && event->kind == ESP_JOB_PROGRESS)
        event = stand_wait(stand);
    return event;
}
