// SPDX-License-Identifier: Apache-2.0
// The executor `local` and workers that say anything at any time: the state machine of jobs and workers,
// without processes, which the functions of execute/process.h stand for here. Laws: every job ends once,
// nothing is said of it after its end, a worker that speaks out of turn costs no other one its job, and one
// that takes a job twice, or speaks of a job that it has not taken, is ended.
//
// The bytes are steps, each a byte for the worker and what it does, and one for which of the usual messages
// it says (a longer message of its own follows behind its length):
//   low nibble    the worker, modulo how many there are
//   high nibble   0-9 it says messages[next byte]; 10 it says its own; 11 it ends by itself, status next
//                 byte; 12 it dies of a signal; 13 it closes its channel; 14 job number next byte is
//                 cancelled; 15 its channel holds garbage
#include "fuzz.h"

#include "execute/execute.h"
#include "execute/process.h"

#include <string.h>

#define JOBS 6
#define WORKERS 8

struct process {
    const struct process_events *events;
    void *owner;
    bool ending;
    bool taken; // it said so of its job, and nothing after it ended that
};

static struct process *processes[64];
static size_t process_count;
static esp_jobs jobs;
static struct error error;
static int ends[JOBS];
static bool job_ended_by_us[JOBS];

// ---- What stands for processes --------------------------------------------------------------------

esp_status process_start(struct process **out, uv_loop_t *loop, const char *const *command,
                         const struct process_events *events, void *owner, struct error *words)
{
    (void)loop;
    (void)command;
    if (process_count == ESP_COUNT(processes))
        return error_set(words, ESP_ERROR, "no more processes");
    struct process *process = calloc(1, sizeof *process);
    if (!process)
        abort();
    process->events = events;
    process->owner = owner;
    processes[process_count++] = process;
    *out = process;
    return ESP_OK;
}

bool process_send(struct process *process, const char *bytes, size_t size)
{
    (void)bytes;
    FUZZ_LAW(size >= 4, "%d bytes", (int)size);
    return !process->ending;
}

void process_close_input(struct process *process)
{
    process->ending = true;
}

void process_end(struct process *process)
{
    process->ending = true;
}

void process_kill(struct process *process)
{
    process->ending = true;
}

void process_pause(struct process *process, bool pause)
{
    (void)process;
    (void)pause;
}

static void remove_process(size_t i, int64_t status, int number)
{
    struct process *process = processes[i];
    processes[i] = processes[--process_count];
    process->events->ended(process->owner, status, number);
    free(process);
}

// Those that were told to end do so, as their guards make them.
static void end_told(void)
{
    for (size_t i = 0; i < process_count;)
        if (processes[i]->ending)
            remove_process(i, 0, SIGTERM);
        else
            i++;
}

// ---- The coordinator --------------------------------------------------------------------------------

static const char *const *do_command(esp_jobs *handle)
{
    static const char *const command[] = {"worker", NULL};
    (void)handle;
    return command;
}

static uint64_t do_capacity(esp_jobs *handle)
{
    (void)handle;
    return 3;
}

static double do_time_limit(esp_jobs *handle)
{
    (void)handle;
    return 0;
}

static uint64_t do_memory_limit(esp_jobs *handle)
{
    (void)handle;
    return 0;
}

static const esp_jobs_api api = {sizeof api,    do_command,      do_capacity,
                                 do_time_limit, do_memory_limit, NULL};

static void take_events(void *self)
{
    const esp_executor_type *type = executor_local();
    const esp_job_event *events = NULL;
    uint64_t count = 0, stride = 0;
    type->poll(self, &jobs, &events, &count, &stride);
    const char *row = (const char *)events;
    for (uint64_t i = 0; i < count; i++, row += stride) {
        const esp_job_event *event = (const esp_job_event *)(const void *)row;
        FUZZ_LAW(event->job < JOBS, "job %d", (int)event->job);
        FUZZ_LAW(ends[event->job] == 0, "job %d has ended", (int)event->job);
        if (event->kind == ESP_JOB_PROGRESS)
            continue;
        ends[event->job]++;
        if (event->kind == ESP_JOB_CANCELLED)
            FUZZ_LAW(job_ended_by_us[event->job], "job %d", (int)event->job);
        if (event->kind == ESP_JOB_FAILED || event->kind == ESP_JOB_LOST)
            FUZZ_LAW(event->message && event->message[0], "job %d", (int)event->job);
    }
}

// ---- Steps ------------------------------------------------------------------------------------------

static const char *const messages[] = {
    "{\"worker\": {\"pid\": 7}}",
    "{\"ready\": true}",
    "{\"taken\": true}",
    "{\"progress\": {\"step\": 1, \"metrics\": {\"a\": 1}}}",
    "{\"result\": {\"status\": 1}}",
    "{\"log\": {\"level\": 1, \"message\": \"words\"}}",
    "{\"quiet\": true}",
    "{\"quiet\": false}",
    "{\"worker\": {\"pid\": 0}}",
    "{\"neither\": 1}",
    "[]",
    "{\"taken\": true, \"result\": {}}",
};

static void say(struct process *process, const char *bytes, size_t size)
{
    if (process->ending)
        return;
    json_t *json = json_loadb(bytes, size, 0, NULL);
    bool taken = json_object_get(json, "taken"), result = json_object_get(json, "result");
    bool progress = json_object_get(json, "progress"), had = process->taken;
    bool alone = json_object_size(json) == 1;
    bool log = json_object_get(json, "log");
    json_decref(json);
    process->events->frame(process->owner, bytes, size);
    if (log || process->ending)
        return;
    FUZZ_LAW(!(alone && taken && had), "a job is taken twice");
    FUZZ_LAW(!(alone && (result || progress) && !had), "a job that was not taken is answered");
    if (taken && !had)
        process->taken = true;
    else if (result && !progress)
        process->taken = false;
}

// Answers how many bytes were used besides the first two.
static size_t step(void *self, const uint8_t *bytes, size_t left)
{
    size_t worker = process_count ? (bytes[0] & 15u) % process_count : 0;
    uint8_t what = bytes[0] >> 4, which = bytes[1];
    struct process *process = process_count ? processes[worker] : NULL;
    if (what == 14) {
        job_ended_by_us[which % JOBS] = true;
        executor_local()->cancel(self, &jobs, which % JOBS);
        return 0;
    }
    if (!process)
        return 0;
    if (what < 10) {
        const char *text = messages[which % ESP_COUNT(messages)];
        say(process, text, strlen(text));
    } else if (what == 10) {
        size_t size = which < left ? which : left;
        char *copy = malloc(size + 1); // its end is watched
        if (!copy)
            abort();
        memcpy(copy, bytes + 2, size);
        say(process, copy, size);
        free(copy);
        return size;
    } else if (what == 11) {
        remove_process(worker, which, 0);
    } else if (what == 12) {
        remove_process(worker, 0, which % 31 + 1);
    } else if (what == 13) {
        process->events->closed(process->owner);
    } else if (!process->ending) {
        process->ending = true;
        process->events->garbage(process->owner);
    }
    return 0;
}

// A good worker: what is left is done by such ones, unless the executor gave up.
static bool serve_all(void *self)
{
    bool any = false;
    end_told();
    for (size_t i = 0; i < process_count; i++)
        for (size_t m = 0; m < 3; m++)
            say(processes[i], messages[m], strlen(messages[m]));
    for (size_t i = 0; i < process_count; i++)
        say(processes[i], messages[4], strlen(messages[4]));
    end_told();
    take_events(self);
    for (size_t i = 0; i < JOBS; i++)
        any = any || ends[i] == 0;
    return any;
}

static void run(const uint8_t *bytes, size_t size)
{
    const esp_executor_type *type = executor_local();
    esp_create create = {0};
    void *self = NULL;
    memset(ends, 0, sizeof ends);
    memset(job_ended_by_us, 0, sizeof job_ended_by_us);
    error_clear(&error);
    handle_init(&jobs.base, sizeof jobs, &error);
    jobs.api = &api;
    handle_init(&create.base, sizeof create, &error);
    FUZZ_LAW(type->create(&create, &jobs, &self) == ESP_OK, "%s", error.message);
    for (uint64_t job = 0; job < JOBS; job++)
        type->submit(self, &jobs, job, "{}", 2);
    for (size_t at = 0; at + 2 <= size;) {
        size_t used = step(self, bytes + at, size - at - 2);
        at += 2 + used;
        end_told();
        take_events(self);
    }
    bool left = true;
    for (int i = 0; i < 64 && left && error.status == ESP_OK; i++)
        left = serve_all(self);
    FUZZ_LAW(!left || error.status != ESP_OK, "jobs are left without an end");
    // The loop of destroy would wait for processes that nobody ends.
    for (size_t i = 0; i < process_count; i++)
        processes[i]->ending = true;
    while (process_count > 0)
        end_told();
    type->destroy(self);
}

const struct fuzz_target fuzz_executor = {"executor", NULL, run};
