// SPDX-License-Identifier: Apache-2.0
// The executor `local`: persistent worker processes on this machine, through libuv in a loop of its
// own. A worker takes one job at a time; jobs wait in the order of their submission. What a dead
// worker's job becomes is said in `verdict`.
#include "execute/execute.h"

#include "execute/frames.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

// How often memory and time limits are looked at.
#define WATCH_MILLISECONDS 100
// Workers that die before their first answer, one after another: then submit fails with their words.
#define MOST_STILLBORN 3
// What is kept of a worker's last words on standard error.
#define LAST_WORDS 2048

struct waiting {
    uint64_t job;
    char *bytes; // prefix and specification
    size_t size;
    struct waiting *next;
};

struct event {
    esp_job_event event;
    char *bytes;
    char message[ERROR_MESSAGE_SIZE];
};

struct local;

struct worker {
    struct local *local;
    uv_process_t process;
    uv_pipe_t in, out, err; // its standard streams, from here
    int open_handles;
    bool alive;      // the process is
    bool ending;     // its death was asked for; nothing more is read
    bool answered;   // at least one frame came
    bool over_limit; // killed by us
    bool cancelled;
    struct waiting *job; // what it works at; NULL: idle
    double last_sign;    // of life, loop seconds
    struct frame_reader reader;
    char words[LAST_WORDS];
    size_t words_used;
    char reason[ERROR_MESSAGE_SIZE]; // why we killed it
    struct worker *next;
};

struct local {
    uv_loop_t loop;
    uv_timer_t timer;
    esp_jobs *jobs;
    struct worker *workers;
    uint64_t worker_count; // alive
    struct waiting *first, **end;
    struct event *events;
    uint64_t event_count, event_capacity;
    esp_job_event *given; // the last poll's, contiguous
    struct event *given_events;
    uint64_t given_count;
    int stillborn; // in a row
    char stillborn_words[LAST_WORDS];
    bool failed;
};

static void start_jobs(struct local *local);

static double loop_seconds(struct local *local)
{
    return (double)uv_now(&local->loop) / 1000.0;
}

// ---- Events -----------------------------------------------------------------------------------

static void add_event(struct local *local, uint64_t job, uint32_t kind, const char *bytes,
                      size_t size, const char *message)
{
    if (local->event_count == local->event_capacity) {
        uint64_t capacity = local->event_capacity ? 2 * local->event_capacity : 16;
        struct event *grown = realloc(local->events, capacity * sizeof *grown);
        if (!grown) {
            local->failed = true;
            return;
        }
        local->events = grown;
        local->event_capacity = capacity;
    }
    struct event *event = &local->events[local->event_count++];
    memset(event, 0, sizeof *event);
    event->event = (esp_job_event){
        .struct_size = sizeof(esp_job_event), .job = job, .kind = kind, .size = size};
    if (bytes) {
        event->bytes = malloc(size + 1);
        if (event->bytes)
            memcpy(event->bytes, bytes, size);
        else
            local->failed = true;
    }
    snprintf(event->message, sizeof event->message, "%s", message ? message : "");
}

static void free_given(struct local *local)
{
    for (uint64_t i = 0; i < local->given_count; i++)
        free(local->given_events[i].bytes);
    free(local->given_events);
    free(local->given);
    local->given_events = NULL;
    local->given = NULL;
    local->given_count = 0;
}

static void waiting_free(struct waiting *job)
{
    if (job)
        free(job->bytes);
    free(job);
}

// ---- The end of a worker ----------------------------------------------------------------------

static const char *signal_words(int number)
{
    switch (number) {
    case SIGSEGV:
        return "SIGSEGV (segmentation fault)";
    case SIGABRT:
        return "SIGABRT (aborted)";
    case SIGFPE:
        return "SIGFPE (arithmetic error)";
    case SIGILL:
        return "SIGILL (illegal instruction)";
    case SIGBUS:
        return "SIGBUS (bus error)";
    default:
        return strsignal(number);
    }
}

// What becomes of the job of a worker that is gone: of its own making, or over a limit of ours, it
// failed; killed from outside, it is lost.
static void verdict(struct worker *worker, int64_t exit_status, int number)
{
    char words[ERROR_MESSAGE_SIZE];
    uint64_t job = worker->job->job;
    struct local *local = worker->local;
    if (worker->cancelled) {
        add_event(local, job, ESP_JOB_CANCELLED, NULL, 0, "cancelled");
    } else if (worker->over_limit) {
        add_event(local, job, ESP_JOB_FAILED, NULL, 0, worker->reason);
    } else if (number == SIGKILL || number == SIGTERM) {
        snprintf(words, sizeof words, "its worker was killed from outside (%s)",
                 number == SIGKILL ? "SIGKILL" : "SIGTERM");
        add_event(local, job, ESP_JOB_LOST, NULL, 0, words);
    } else if (number != 0) {
        snprintf(words, sizeof words, "the worker died of %s", signal_words(number));
        add_event(local, job, ESP_JOB_FAILED, NULL, 0, words);
    } else {
        const char *last = worker->words_used ? worker->words : "";
        snprintf(words, sizeof words, "the worker exited with status %lld%s%.*s",
                 (long long)exit_status, *last ? ": " : "", (int)strcspn(last, "\n"), last);
        add_event(local, job, ESP_JOB_FAILED, NULL, 0, words);
    }
}

static void remove_worker(struct worker *worker)
{
    struct worker **link = &worker->local->workers;
    while (*link != worker)
        link = &(*link)->next;
    *link = worker->next;
    frame_reader_free(&worker->reader);
    waiting_free(worker->job);
    free(worker);
}

static void on_closed(uv_handle_t *handle)
{
    struct worker *worker = handle->data;
    if (--worker->open_handles == 0)
        remove_worker(worker);
}

static void close_once(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, on_closed);
}

static void on_exit_of_worker(uv_process_t *process, int64_t exit_status, int number)
{
    struct worker *worker = process->data;
    struct local *local = worker->local;
    worker->alive = false;
    local->worker_count--;
    // What the plugin left behind in the worker's process group goes with it.
    kill(-process->pid, SIGKILL);
    if (worker->job) {
        verdict(worker, exit_status, number);
        waiting_free(worker->job);
        worker->job = NULL;
    }
    if (worker->answered)
        local->stillborn = 0;
    else if (!worker->ending) {
        local->stillborn++;
        snprintf(local->stillborn_words, sizeof local->stillborn_words, "%s", worker->words);
    }
    close_once((uv_handle_t *)&worker->process);
    close_once((uv_handle_t *)&worker->in);
    close_once((uv_handle_t *)&worker->out);
    close_once((uv_handle_t *)&worker->err);
    start_jobs(local);
}

static void end_worker(struct worker *worker)
{
    worker->ending = true;
    if (worker->alive)
        kill(-worker->process.pid, SIGKILL);
}

ESP_PRINTF(2, 3)
static void end_over_limit(struct worker *worker, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    if (vsnprintf(worker->reason, sizeof worker->reason, format, list) < 0)
        worker->reason[0] = '\0';
    va_end(list);
    worker->over_limit = true;
    end_worker(worker);
}

// ---- What workers say -------------------------------------------------------------------------

static void give_buffer(uv_handle_t *handle, size_t wanted, uv_buf_t *out)
{
    struct worker *worker = handle->data;
    (void)wanted;
    char *space = frame_space(&worker->reader, 65536);
    *out = uv_buf_init(space, space ? 65536 : 0);
}

static void on_log(const json_t *log)
{
    const char *message = json_string_value(json_object_get(log, "message"));
    json_int_t level = json_integer_value(json_object_get(log, "level"));
    if (message && level >= ESP_LOG_DEBUG && level <= ESP_LOG_WARNING)
        log_line((uint32_t)level, "%s", message);
}

static void on_frame(struct worker *worker, const char *bytes, size_t size)
{
    struct local *local = worker->local;
    json_t *json = json_loadb(bytes, size, 0, NULL);
    worker->answered = true;
    worker->last_sign = loop_seconds(local);
    if (json_object_get(json, "log")) {
        on_log(json_object_get(json, "log"));
    } else if (json_object_get(json, "progress") && worker->job) {
        add_event(local, worker->job->job, ESP_JOB_PROGRESS, bytes, size, NULL);
    } else if (json_object_get(json, "result") && worker->job) {
        add_event(local, worker->job->job, ESP_JOB_RESULT, bytes, size, NULL);
        waiting_free(worker->job);
        worker->job = NULL;
    } else {
        end_over_limit(worker, "the worker's answer is none of Espalier");
    }
    json_decref(json);
}

static void on_output(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct worker *worker = stream->data;
    const char *bytes;
    size_t size;
    int found = 0;
    (void)buffer;
    if (count <= 0 || worker->ending)
        return; // its exit says the rest
    frame_fill(&worker->reader, (size_t)count);
    while (!worker->ending && (found = frame_next(&worker->reader, &bytes, &size)) == 1)
        on_frame(worker, bytes, size);
    if (found < 0)
        end_over_limit(worker, "the worker's answer is none of Espalier");
    start_jobs(worker->local);
}

static void give_words_buffer(uv_handle_t *handle, size_t wanted, uv_buf_t *out)
{
    static char buffer[4096]; // used before the next read begins
    (void)handle;
    (void)wanted;
    *out = uv_buf_init(buffer, sizeof buffer);
}

// Standard error of a worker goes to ours; the beginning of it is kept for messages.
static void on_words(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct worker *worker = stream->data;
    if (count <= 0)
        return;
    size_t left = sizeof worker->words - 1 - worker->words_used;
    size_t kept = (size_t)count < left ? (size_t)count : left;
    memcpy(worker->words + worker->words_used, buffer->base, kept);
    worker->words_used += kept;
    fwrite(buffer->base, 1, (size_t)count, stderr);
}

// ---- Starting ---------------------------------------------------------------------------------

static bool open_pipes(struct local *local, struct worker *worker)
{
    uv_pipe_t *pipes[] = {&worker->in, &worker->out, &worker->err};
    for (int i = 0; i < 3; i++) {
        if (uv_pipe_init(&local->loop, pipes[i], 0) != 0)
            return false;
        pipes[i]->data = worker;
        worker->open_handles++;
    }
    return true;
}

static esp_status start_worker(struct local *local)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return esp_fail(local->jobs, ESP_ERROR_MEMORY, "out of memory");
    const char *const *command = esp_jobs_worker_command(local->jobs);
    worker->local = local;
    worker->next = local->workers;
    local->workers = worker;
    uv_stdio_container_t streams[3] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&worker->in},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&worker->out},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&worker->err},
    };
    uv_process_options_t options = {
        .file = command[0],
        .args = (char **)(uintptr_t)command,
        .exit_cb = on_exit_of_worker,
        .flags = UV_PROCESS_DETACHED, // a process group of its own
        .stdio = streams,
        .stdio_count = 3,
    };
    worker->process.data = worker;
    int code = open_pipes(local, worker) ? 0 : UV_ENOMEM;
    if (code == 0) {
        worker->open_handles++;
        code = uv_spawn(&local->loop, &worker->process, &options);
    }
    if (code != 0) {
        worker->ending = true;
        if (worker->open_handles > 3)
            close_once((uv_handle_t *)&worker->process);
        close_once((uv_handle_t *)&worker->in);
        close_once((uv_handle_t *)&worker->out);
        close_once((uv_handle_t *)&worker->err);
        return esp_fail(local->jobs, ESP_ERROR, "%s: a worker cannot be started: %s", command[0],
                        uv_strerror(code));
    }
    worker->alive = true;
    local->worker_count++;
    worker->last_sign = loop_seconds(local);
    uv_read_start((uv_stream_t *)&worker->out, give_buffer, on_output);
    uv_read_start((uv_stream_t *)&worker->err, give_words_buffer, on_words);
    return ESP_OK;
}

struct writing {
    uv_write_t request;
    char *bytes;
};

static void on_written(uv_write_t *request, int status)
{
    struct writing *writing = (struct writing *)(void *)request;
    (void)status; // a worker that cannot be written to is about to exit
    free(writing->bytes);
    free(writing);
}

static bool send_job(struct worker *worker, struct waiting *job)
{
    struct writing *writing = calloc(1, sizeof *writing);
    if (!writing)
        return false;
    writing->bytes = malloc(job->size);
    if (!writing->bytes) {
        free(writing);
        return false;
    }
    memcpy(writing->bytes, job->bytes, job->size);
    uv_buf_t buffer = uv_buf_init(writing->bytes, (unsigned)job->size);
    worker->job = job;
    worker->last_sign = loop_seconds(worker->local);
    if (uv_write(&writing->request, (uv_stream_t *)&worker->in, &buffer, 1, on_written) != 0) {
        free(writing->bytes);
        free(writing);
        end_worker(worker); // its exit makes the job lost
    }
    return true;
}

static struct worker *idle_worker(struct local *local)
{
    for (struct worker *worker = local->workers; worker; worker = worker->next)
        if (worker->alive && !worker->ending && !worker->job)
            return worker;
    return NULL;
}

// Hands waiting jobs to idle workers, starting workers up to the capacity.
static void start_jobs(struct local *local)
{
    while (local->first && !local->failed) {
        struct worker *worker = idle_worker(local);
        if (!worker) {
            if (local->worker_count >= esp_jobs_capacity(local->jobs))
                return;
            if (local->stillborn >= MOST_STILLBORN) {
                esp_fail(local->jobs, ESP_ERROR, "workers end before they begin: %s",
                         local->stillborn_words[0] ? local->stillborn_words : "without words");
                local->failed = true;
                return;
            }
            if (start_worker(local) != ESP_OK) {
                local->failed = true;
                return;
            }
            continue;
        }
        struct waiting *job = local->first;
        if (!send_job(worker, job)) {
            local->failed = true;
            return;
        }
        local->first = job->next;
        if (!local->first)
            local->end = &local->first;
    }
}

// ---- Limits -----------------------------------------------------------------------------------

static uint64_t resident_bytes(int pid)
{
    char path[64];
    unsigned long long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    if (fscanf(file, "%*u %llu", &pages) != 1)
        pages = 0;
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void watch(uv_timer_t *timer)
{
    struct local *local = timer->data;
    double time_limit = esp_jobs_time_limit(local->jobs);
    uint64_t memory_limit = esp_jobs_memory_limit(local->jobs);
    for (struct worker *worker = local->workers; worker; worker = worker->next) {
        if (!worker->alive || worker->ending || !worker->job)
            continue;
        uint64_t resident = memory_limit ? resident_bytes(worker->process.pid) : 0;
        double silent = loop_seconds(local) - worker->last_sign;
        if (memory_limit && resident > memory_limit)
            end_over_limit(worker, "it passed %.1f GiB of resident memory (trial_memory_limit)",
                           (double)memory_limit / 1073741824.0);
        else if (time_limit > 0 && silent > time_limit)
            end_over_limit(worker, "no progress for %g s (trial_time_limit)", time_limit);
    }
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
    uv_timer_init(&local->loop, &local->timer);
    local->timer.data = local;
    uv_timer_start(&local->timer, watch, WATCH_MILLISECONDS, WATCH_MILLISECONDS);
    *out = local;
    return ESP_OK;
}

static void local_destroy(void *handle)
{
    struct local *local = handle;
    while (local->first) {
        struct waiting *next = local->first->next;
        waiting_free(local->first);
        local->first = next;
    }
    local->end = &local->first;
    for (struct worker *worker = local->workers; worker; worker = worker->next)
        end_worker(worker);
    uv_close((uv_handle_t *)&local->timer, NULL);
    uv_run(&local->loop, UV_RUN_DEFAULT);
    uv_loop_close(&local->loop);
    free_given(local);
    for (uint64_t i = 0; i < local->event_count; i++)
        free(local->events[i].bytes);
    free(local->events);
    free(local);
}

static esp_status local_submit(void *handle, esp_jobs *jobs, uint64_t job,
                               const void *specification, uint64_t size)
{
    struct local *local = handle;
    unsigned char prefix[4];
    struct waiting *made = calloc(1, sizeof *made);
    char *bytes = size <= FRAME_MOST ? malloc(size + 4) : NULL;
    if (!made || !bytes) {
        free(made);
        free(bytes);
        return esp_fail(jobs, ESP_ERROR_MEMORY, "out of memory");
    }
    frame_prefix(prefix, size);
    memcpy(bytes, prefix, 4);
    memcpy(bytes + 4, specification, size);
    *made = (struct waiting){.job = job, .bytes = bytes, .size = size + 4};
    *local->end = made;
    local->end = &made->next;
    uv_update_time(&local->loop);
    start_jobs(local);
    return local->failed ? ESP_ERROR : ESP_OK;
}

static esp_status local_poll(void *handle, esp_jobs *jobs, const esp_job_event **events,
                             uint64_t *count, uint64_t *stride)
{
    struct local *local = handle;
    (void)jobs;
    free_given(local);
    uv_run(&local->loop, UV_RUN_NOWAIT);
    *stride = sizeof(esp_job_event);
    *count = 0;
    *events = NULL;
    if (local->failed)
        return ESP_ERROR;
    if (local->event_count == 0)
        return ESP_OK;
    local->given = calloc(local->event_count, sizeof *local->given);
    if (!local->given)
        return ESP_ERROR_MEMORY;
    local->given_events = local->events;
    local->given_count = local->event_count;
    for (uint64_t i = 0; i < local->given_count; i++) {
        local->given[i] = local->given_events[i].event;
        local->given[i].bytes = local->given_events[i].bytes;
        local->given[i].message = local->given_events[i].message;
    }
    local->events = NULL;
    local->event_count = local->event_capacity = 0;
    *events = local->given;
    *count = local->given_count;
    return ESP_OK;
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
            waiting_free(found);
            add_event(local, job, ESP_JOB_CANCELLED, NULL, 0, "cancelled");
            return ESP_OK;
        }
    for (struct worker *worker = local->workers; worker; worker = worker->next)
        if (worker->job && worker->job->job == job) {
            worker->cancelled = true;
            end_worker(worker);
        }
    return ESP_OK;
}

static int32_t local_descriptor(void *handle)
{
    return uv_backend_fd(&((struct local *)handle)->loop);
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
