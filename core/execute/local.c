// SPDX-License-Identifier: Apache-2.0
// The executor `local`: persistent worker processes on this machine, through libuv in a loop of its
// own. A worker is given a job when it has said that it is ready, and one at a time; jobs wait in the
// order of their submission. What becomes of the job of a worker that is gone is said in `verdict`; one
// that it had not taken yet goes back to the head of the queue.
#include "execute/execute.h"

#include "execute/frames.h"
#include "execute/process.h"
#include "text/printable.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// How often limits are looked at.
#define WATCH_MILLISECONDS 100
// Workers that end before they take a job, one after another: then the executor fails.
#define MOST_STILLBORN 3
// Seconds that an idle worker has for ending by itself when the executor is destroyed; that one whose
// channel is closed has for ending; that one has for being dead when it was killed.
#define GRACE_SECONDS 1.0
// Looks that lie further apart mean that the coordinator was stopped or busy.
#define STALL_SECONDS 0.5
// Of what plugins print during one job, this much goes to the log.
#define MOST_PRINTED 65536

struct waiting {
    uint64_t job;
    char *bytes; // prefix and specification
    size_t size;
    struct waiting *next;
};

struct local;

struct worker {
    struct local *local;
    struct process *process;
    json_int_t pid; // of the worker proper, below its guard; 0 until it said so
    bool ready;
    bool proven; // it took a job, once at least
    bool ending; // its end was asked for, by us
    bool closed; // its channel is
    bool cancelled;
    struct waiting *job; // NULL: idle
    bool taken;          // the worker said that it has it
    double since;        // loop seconds: its last progress, then when it was ended or closed
    size_t printed;      // during this job
    char last_line[PROCESS_LINE_SIZE]; // of standard error, during this job
    char reason[PROCESS_LINE_SIZE];    // why we ended it
    struct worker *next;
};

struct local {
    uv_loop_t loop;
    uv_timer_t timer;
    struct sigaction pipe_before;
    esp_jobs *jobs;
    struct worker *workers;
    uint64_t worker_count;
    struct waiting *first, **end;
    uint64_t waiting_count;
    // bytes and message of each are owned by the executor
    esp_job_event *events, *given;
    uint64_t event_count, event_capacity, given_count;
    double last_look; // of the timer, loop seconds
    int stillborn;    // in a row
    bool failed;      // for good, with words in `jobs`
    bool closing;
};

static void start_jobs(struct local *local);

static double loop_seconds(struct local *local)
{
    return (double)uv_now(&local->loop) / 1000.0;
}

static void fail(struct local *local, esp_status status, const char *words)
{
    local->failed = true;
    esp_fail(local->jobs, status, "%s", words);
}

// ---- Events -----------------------------------------------------------------------------------

static void add_event(struct local *local, uint64_t job, uint32_t kind, const char *bytes,
                      size_t size, const char *message)
{
    if (local->event_count == local->event_capacity) {
        uint64_t capacity = local->event_capacity ? 2 * local->event_capacity : 16;
        esp_job_event *grown = realloc(local->events, capacity * sizeof *grown);
        if (!grown) {
            fail(local, ESP_ERROR_MEMORY, "out of memory");
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
        fail(local, ESP_ERROR_MEMORY, "out of memory");
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
        return NULL;
    }
}

// How a process ended, with its last words.
static void end_words(char *words, size_t size, const struct worker *worker, int64_t exit_status,
                      int number)
{
    char how[128];
    const char *last = worker->last_line;
    const char *known = signal_words(number), *name = sigabbrev_np(number);
    if (number == 0)
        snprintf(how, sizeof how, "exited with status %lld", (long long)exit_status);
    else if (known || !name)
        snprintf(how, sizeof how, "died of %s", known ? known : strsignal(number));
    else
        snprintf(how, sizeof how, "died of SIG%s (%s)", name, strsignal(number));
    snprintf(words, size, "the worker %s%s%s", how, *last ? ": " : "", last);
}

// What becomes of the job of a worker that is gone: of its own making, or over a limit of ours, it
// failed; killed from outside, it is lost. One that died by itself before our SIGKILL reached it
// says so.
static void verdict(struct worker *worker, int64_t exit_status, int number)
{
    char words[ERROR_MESSAGE_SIZE];
    bool killed = number == SIGKILL || number == SIGTERM;
    uint32_t kind = ESP_JOB_FAILED;
    if (worker->cancelled) {
        kind = ESP_JOB_CANCELLED;
        snprintf(words, sizeof words, "cancelled");
    } else if (killed && worker->reason[0]) {
        snprintf(words, sizeof words, "%s", worker->reason);
    } else if (killed) {
        kind = ESP_JOB_LOST;
        snprintf(words, sizeof words, "its worker was killed from outside (%s)",
                 number == SIGKILL ? "SIGKILL" : "SIGTERM");
    } else {
        end_words(words, sizeof words, worker, exit_status, number);
    }
    add_event(worker->local, worker->job->job, kind, NULL, 0, words);
}

static void note_stillborn(struct worker *worker, int64_t exit_status, int number)
{
    struct local *local = worker->local;
    char words[ERROR_MESSAGE_SIZE], whole[ERROR_MESSAGE_SIZE + 64];
    if (++local->stillborn < MOST_STILLBORN || local->failed)
        return;
    if (worker->reason[0])
        snprintf(words, sizeof words, "%s", worker->reason);
    else
        end_words(words, sizeof words, worker, exit_status, number);
    snprintf(whole, sizeof whole, "%d workers in a row ended before they took a trial: %s",
             MOST_STILLBORN, words);
    fail(local, ESP_ERROR, whole);
}

static void waiting_free(struct waiting *job)
{
    if (job)
        free(job->bytes);
    free(job);
}

static void put_back(struct local *local, struct waiting *job)
{
    job->next = local->first;
    local->first = job;
    local->waiting_count++;
    if (!job->next)
        local->end = &job->next;
}

static void on_ended(void *owner, int64_t exit_status, int number)
{
    struct worker *worker = owner;
    struct local *local = worker->local;
    struct worker **link = &local->workers;
    char words[ERROR_MESSAGE_SIZE];
    while (*link != worker)
        link = &(*link)->next;
    *link = worker->next;
    local->worker_count--;
    if (worker->job && (worker->taken || worker->cancelled)) {
        verdict(worker, exit_status, number);
    } else if (!local->closing) {
        if (!worker->proven)
            note_stillborn(worker, exit_status, number);
        end_words(words, sizeof words, worker, exit_status, number);
        log_line(ESP_LOG_WARNING, "outside of trials %s", words);
        if (worker->job) {
            put_back(local, worker->job);
            worker->job = NULL;
        }
    }
    waiting_free(worker->job);
    free(worker);
    start_jobs(local);
}

// Ends a worker, for `reason` (NULL: none that a person needs).
static void end_worker(struct worker *worker, const char *reason)
{
    if (reason && !worker->ending)
        snprintf(worker->reason, sizeof worker->reason, "%s", reason);
    worker->ending = true;
    worker->since = loop_seconds(worker->local);
    process_end(worker->process);
}

// ---- What workers say -------------------------------------------------------------------------

static void on_log(const json_t *log)
{
    const char *message = json_string_value(json_object_get(log, "message"));
    json_int_t level = json_integer_value(json_object_get(log, "level"));
    if (message && level >= ESP_LOG_DEBUG && level <= ESP_LOG_WARNING)
        log_line((uint32_t)level, "%s", message);
}

static void on_garbage(void *owner)
{
    end_worker(owner, "the worker's answer is none of Espalier: something wrote into its channel");
}

static void on_frame(void *owner, const char *bytes, size_t size)
{
    struct worker *worker = owner;
    struct local *local = worker->local;
    json_t *json = json_loadb(bytes, size, 0, NULL);
    json_t *begun = json_object_get(json, "worker");
    if (json_object_get(json, "log")) {
        on_log(json_object_get(json, "log"));
    } else if (json_object_get(json, "taken") && worker->job && !worker->taken) {
        worker->taken = worker->proven = true;
        local->stillborn = 0;
    } else if (json_object_get(json, "progress") && worker->taken) {
        worker->since = loop_seconds(local);
        add_event(local, worker->job->job, ESP_JOB_PROGRESS, bytes, size, NULL);
    } else if (json_object_get(json, "result") && worker->taken) {
        add_event(local, worker->job->job, ESP_JOB_RESULT, bytes, size, NULL);
        waiting_free(worker->job);
        worker->job = NULL;
        worker->taken = false;
        start_jobs(local);
    } else if (begun && worker->pid == 0) {
        worker->pid = json_integer_value(json_object_get(begun, "pid"));
    } else if (json_object_get(json, "ready") && !worker->ready) {
        worker->ready = true;
        start_jobs(local);
    } else {
        on_garbage(worker);
    }
    json_decref(json);
}

static void on_closed(void *owner)
{
    struct worker *worker = owner;
    worker->closed = true;
    worker->since = loop_seconds(worker->local);
}

// What sanitizers write behind the line that says what was wrong: frames of a stack and lines of
// ==pid==.
static bool is_trace(const char *line)
{
    line += strspn(line, " ");
    return line[0] == '#' || strncmp(line, "==", 2) == 0;
}

// A line of standard error goes to the log; the last one is kept, for what a dying process says is
// why it dies.
static void on_line(void *owner, const char *line)
{
    struct worker *worker = owner;
    size_t size = strlen(line) + 1;
    if (!is_trace(line))
        memcpy(worker->last_line, line, size);
    if (worker->printed >= MOST_PRINTED)
        return;
    worker->printed += size;
    log_line(ESP_LOG_INFO, "worker %lld: %s", (long long)worker->pid, line);
    if (worker->printed >= MOST_PRINTED)
        log_line(ESP_LOG_INFO, "worker %lld: (what more it prints is left out)",
                 (long long)worker->pid);
}

// ---- Starting ---------------------------------------------------------------------------------

static bool start_worker(struct local *local)
{
    static const struct process_events events = {on_frame, on_line, on_garbage, on_closed,
                                                 on_ended};
    struct error error;
    error_clear(&error);
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker) {
        fail(local, ESP_ERROR_MEMORY, "out of memory");
        return false;
    }
    worker->local = local;
    worker->since = loop_seconds(local);
    if (process_start(&worker->process, &local->loop, esp_jobs_worker_command(local->jobs), &events,
                      worker, &error) != ESP_OK) {
        free(worker);
        fail(local, error.status, error.message);
        return false;
    }
    worker->next = local->workers;
    local->workers = worker;
    local->worker_count++;
    return true;
}

static void send_first(struct local *local, struct worker *worker)
{
    struct waiting *job = local->first;
    local->first = job->next;
    local->waiting_count--;
    if (!local->first)
        local->end = &local->first;
    worker->job = job;
    worker->since = loop_seconds(local);
    worker->printed = 0;
    worker->last_line[0] = '\0';
    if (!process_send(worker->process, job->bytes, job->size))
        end_worker(worker, NULL); // another one gets the job
}

// Hands waiting jobs to idle workers, and starts workers for the others up to the capacity.
static void start_jobs(struct local *local)
{
    uint64_t starting = 0;
    if (local->failed || local->closing)
        return;
    for (struct worker *worker = local->workers; worker && local->first; worker = worker->next) {
        if (worker->ready && !worker->ending && !worker->closed && !worker->job)
            send_first(local, worker);
        starting += !worker->ready && !worker->ending;
    }
    while (starting < local->waiting_count &&
           local->worker_count < esp_jobs_capacity(local->jobs) && start_worker(local))
        starting++;
    if (local->workers && !uv_is_active((uv_handle_t *)&local->timer)) {
        local->last_look = loop_seconds(local);
        uv_timer_again(&local->timer);
    }
}

// ---- Limits -----------------------------------------------------------------------------------

static uint64_t resident_bytes(json_int_t pid)
{
    char path[64];
    unsigned long long pages = 0;
    snprintf(path, sizeof path, "/proc/%lld/statm", (long long)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    if (fscanf(file, "%*u %llu", &pages) != 1)
        pages = 0;
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void end_over_memory(struct worker *worker, uint64_t limit)
{
    char reason[128];
    double amount = (double)limit;
    const char *unit = limit >= UINT64_C(1) << 30 ? "GiB" : "MiB";
    amount /= limit >= UINT64_C(1) << 30 ? 1073741824.0 : 1048576.0;
    snprintf(reason, sizeof reason, "passed %.1f %s of resident memory (trial_memory_limit)",
             amount, unit);
    end_worker(worker, reason);
}

static void end_over_time(struct worker *worker, double limit)
{
    char reason[128];
    if (worker->job)
        snprintf(reason, sizeof reason, "no progress for %g s (trial_time_limit)", limit);
    else
        snprintf(reason, sizeof reason, "a worker was not ready after %g s (trial_time_limit)",
                 limit);
    end_worker(worker, reason);
}

// Answers whether there is anything to look at again.
static bool watch_worker(struct worker *worker)
{
    esp_jobs *jobs = worker->local->jobs;
    double time_limit = esp_jobs_time_limit(jobs);
    uint64_t memory_limit = esp_jobs_memory_limit(jobs);
    double passed = loop_seconds(worker->local) - worker->since;
    bool idle = worker->ready && !worker->job;
    if (worker->ending) {
        if (passed > GRACE_SECONDS)
            process_kill(worker->process);
    } else if (worker->closed) {
        if (passed > GRACE_SECONDS)
            end_worker(worker, "the worker closed its channel");
    } else if (worker->local->closing) {
        if (passed > GRACE_SECONDS)
            end_worker(worker, NULL);
    } else if (idle) {
        return false;
    } else if (memory_limit && worker->pid && resident_bytes(worker->pid) > memory_limit) {
        end_over_memory(worker, memory_limit);
    } else if (time_limit > 0 && passed > time_limit) {
        end_over_time(worker, time_limit);
    }
    return true;
}

static void watch(uv_timer_t *timer)
{
    struct local *local = timer->data;
    bool again = false;
    double now = loop_seconds(local);
    // Timers come before the pipes: what workers said while the coordinator slept or thought was not
    // read yet, and that time is not theirs.
    double slept = now - local->last_look > STALL_SECONDS ? now - local->last_look : 0;
    local->last_look = now;
    for (struct worker *worker = local->workers; worker; worker = worker->next) {
        worker->since = worker->since + slept < now ? worker->since + slept : now;
        again = watch_worker(worker) || again;
    }
    if (!again)
        uv_timer_stop(timer);
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
    uv_timer_start(&local->timer, watch, WATCH_MILLISECONDS, WATCH_MILLISECONDS);
    *out = local;
    return ESP_OK;
}

// Idle workers end by themselves, so that plugins are destroyed as they should; busy ones are ended.
static void local_destroy(void *handle)
{
    struct local *local = handle;
    local->closing = true;
    while (local->first) {
        struct waiting *next = local->first->next;
        waiting_free(local->first);
        local->first = next;
    }
    uv_update_time(&local->loop);
    for (struct worker *worker = local->workers; worker; worker = worker->next) {
        worker->since = loop_seconds(local);
        if (worker->ready && !worker->job && !worker->ending)
            process_close_input(worker->process);
        else
            end_worker(worker, NULL);
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
    start_jobs(local);
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
            waiting_free(found);
            add_event(local, job, ESP_JOB_CANCELLED, NULL, 0, "cancelled");
            return local->failed ? ESP_ERROR : ESP_OK;
        }
    for (struct worker *worker = local->workers; worker; worker = worker->next)
        if (worker->job && worker->job->job == job) {
            worker->cancelled = true;
            end_worker(worker, NULL);
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
