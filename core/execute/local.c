// SPDX-License-Identifier: Apache-2.0
// The executor `local`: persistent worker processes on this machine, through libuv in a loop of its
// own. Jobs wait in the order of their submission; see local.h for what its other files do.
#include "execute/local.h"

#include "execute/frames.h"
#include "text/printable.h"

#include <stdlib.h>
#include <string.h>

double local_seconds(struct local *local)
{
    return (double)uv_now(&local->loop) / 1000.0;
}

void local_fail(struct local *local, esp_status status, const char *words)
{
    local->failed = true;
    esp_fail(local->jobs, status, "%s", words);
}

// ---- Events -----------------------------------------------------------------------------------

void local_add_event(struct local *local, uint64_t job, uint32_t kind, const char *bytes,
                     size_t size, const char *message)
{
    if (local->event_count == local->event_capacity) {
        uint64_t capacity = local->event_capacity ? 2 * local->event_capacity : 16;
        esp_job_event *grown = realloc(local->events, capacity * sizeof *grown);
        if (!grown) {
            local_fail(local, ESP_ERROR_MEMORY, "out of memory");
            return;
        }
        local->events = grown;
        local->event_capacity = capacity;
    }
    void *copy = bytes ? malloc(size + 1) : NULL;
    char *words = message ? strdup(message) : NULL;
    if ((bytes && !copy) || (message && !words)) {
        free(copy);
        free(words);
        local_fail(local, ESP_ERROR_MEMORY, "out of memory");
        return;
    }
    if (copy)
        memcpy(copy, bytes, size);
    if (words)
        text_make_printable(words);
    local->events[local->event_count++] = (esp_job_event){.struct_size = sizeof(esp_job_event),
                                                          .job = job,
                                                          .kind = kind,
                                                          .bytes = copy,
                                                          .size = size,
                                                          .message = words};
}

static void free_events(esp_job_event *events, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        free((void *)(uintptr_t)events[i].bytes);
        free((void *)(uintptr_t)events[i].message);
    }
    free(events);
}

void local_free_waiting(struct waiting *job)
{
    if (job)
        free(job->bytes);
    free(job);
}

// ---- The table --------------------------------------------------------------------------------

static esp_status local_create(esp_create *create, esp_jobs *jobs, void **out)
{
    struct local *local = calloc(1, sizeof *local);
    if (!local)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    int code = uv_loop_init(&local->loop);
    if (code != 0) {
        free(local);
        return esp_fail(create, ESP_ERROR, "event loop: %s", uv_strerror(code));
    }
    local->jobs = jobs;
    local->end = &local->first;
    // A worker may be gone before that is known: writing to it is an error, no signal.
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, &local->pipe_before);
    uv_timer_init(&local->loop, &local->timer);
    local->timer.data = local;
    uv_timer_start(&local->timer, local_watch, LOCAL_WATCH_MILLISECONDS, LOCAL_WATCH_MILLISECONDS);
    *out = local;
    return ESP_OK;
}

// Idle workers end by themselves, so that plugins are destroyed as they should; busy ones are ended.
static void local_destroy(void *handle)
{
    struct local *local = handle;
    local->closing = true;
    if (local->measuring)
        local_end_quiet(local->measuring);
    while (local->first) {
        struct waiting *next = local->first->next;
        local_free_waiting(local->first);
        local->first = next;
    }
    uv_update_time(&local->loop);
    for (struct worker *worker = local->workers; worker; worker = worker->next) {
        worker->since = local_seconds(local);
        if (worker->ready && !worker->job && !worker->ending)
            process_close_input(worker->process);
        else
            local_end_worker(worker, NULL);
    }
    uv_timer_again(&local->timer);
    while (local->workers)
        uv_run(&local->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&local->timer, NULL);
    uv_run(&local->loop, UV_RUN_DEFAULT);
    uv_loop_close(&local->loop);
    sigaction(SIGPIPE, &local->pipe_before, NULL);
    free_events(local->given, local->given_count);
    free_events(local->events, local->event_count);
    free(local);
}

static esp_status local_submit(void *handle, esp_jobs *jobs, uint64_t job,
                               const void *specification, uint64_t size)
{
    struct local *local = handle;
    unsigned char prefix[4];
    if (local->failed)
        return ESP_ERROR;
    if (size > FRAME_MOST)
        return esp_fail(jobs, ESP_ERROR_INVALID, "a specification of %llu bytes is too large",
                        (unsigned long long)size);
    struct waiting *made = calloc(1, sizeof *made);
    char *bytes = malloc(size + sizeof prefix);
    if (!made || !bytes) {
        free(made);
        free(bytes);
        return esp_fail(jobs, ESP_ERROR_MEMORY, "out of memory");
    }
    frame_prefix(prefix, size);
    memcpy(bytes, prefix, sizeof prefix);
    memcpy(bytes + sizeof prefix, specification, size);
    *made = (struct waiting){.job = job, .bytes = bytes, .size = size + sizeof prefix};
    *local->end = made;
    local->end = &made->next;
    local->waiting_count++;
    uv_update_time(&local->loop);
    local_start_jobs(local);
    return local->failed ? ESP_ERROR : ESP_OK;
}

static esp_status local_poll(void *handle, esp_jobs *jobs, const esp_job_event **events,
                             uint64_t *count, uint64_t *stride)
{
    struct local *local = handle;
    (void)jobs;
    free_events(local->given, local->given_count);
    uv_run(&local->loop, UV_RUN_NOWAIT);
    local->given = local->events;
    local->given_count = local->event_count;
    local->events = NULL;
    local->event_count = local->event_capacity = 0;
    *events = local->given;
    *count = local->given_count;
    *stride = sizeof(esp_job_event);
    return local->failed ? ESP_ERROR : ESP_OK;
}

static esp_status local_cancel(void *handle, esp_jobs *jobs, uint64_t job)
{
    struct local *local = handle;
    (void)jobs;
    for (struct waiting **link = &local->first; *link; link = &(*link)->next)
        if ((*link)->job == job) {
            struct waiting *found = *link;
            *link = found->next;
            if (!found->next)
                local->end = link;
            local->waiting_count--;
            local_free_waiting(found);
            local_add_event(local, job, ESP_JOB_CANCELLED, NULL, 0, "cancelled");
            return local->failed ? ESP_ERROR : ESP_OK;
        }
    for (struct worker *worker = local->workers; worker; worker = worker->next)
        if (worker->job && worker->job->job == job) {
            worker->cancelled = true;
            local_end_worker(worker, NULL);
        }
    return ESP_OK;
}

static int32_t local_descriptor(void *handle)
{
    struct local *local = handle;
    return uv_backend_fd(&local->loop);
}

static int32_t local_timeout(void *handle)
{
    struct local *local = handle;
    if (local->event_count > 0)
        return 0;
    uv_update_time(&local->loop);
    return uv_backend_timeout(&local->loop);
}

const esp_executor_type *executor_local(void)
{
    static const esp_executor_type type = {
        .struct_size = sizeof(esp_executor_type),
        .summary = "worker processes on this machine",
        .param_stride = sizeof(esp_param),
        .create = local_create,
        .destroy = local_destroy,
        .submit = local_submit,
        .poll = local_poll,
        .cancel = local_cancel,
        .descriptor = local_descriptor,
        .timeout = local_timeout,
    };
    return &type;
}
