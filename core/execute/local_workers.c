// SPDX-License-Identifier: Apache-2.0
// Workers of the executor `local`: one is given a job when it has said that it is ready, and one at a
// time. What becomes of the job of a worker that is gone is said in `verdict`; one that it had not taken
// yet goes back to the head of the queue.
#include "execute/local.h"

#include "text/printable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Workers that end before they take a job, one after another: then the executor fails.
#define MOST_STILLBORN 3
// Words of the command that starts a worker, with the NULL behind them.
#define COMMAND_MOST 16
// Of what plugins print during one job, this much goes to the log.
#define MOST_PRINTED 65536
// The same of what they log.
#define MOST_LOGGED (1u << 20)

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
    local_add_event(worker->local, worker->job->job, kind, NULL, 0, words);
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
    local_fail(local, ESP_ERROR, whole);
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
    local_end_quiet(worker);
    if (worker->job && (worker->taken || worker->cancelled)) {
        verdict(worker, exit_status, number);
    } else if (!local->closing) {
        if (!worker->proven)
            note_stillborn(worker, exit_status, number);
        end_words(words, sizeof words, worker, exit_status, number);
        log_line(ESP_LOG_WARNING, "outside of trials %s",
                 worker->reason[0] ? worker->reason : words);
        if (worker->job) {
            put_back(local, worker->job);
            worker->job = NULL;
        }
    }
    local_free_waiting(worker->job);
    free(worker);
    local_next_quiet(local); // it may have been the one that was waited for
    local_start_jobs(local);
}

void local_end_worker(struct worker *worker, const char *reason)
{
    if (reason && !worker->ending)
        snprintf(worker->reason, sizeof worker->reason, "%s", reason);
    worker->ending = true;
    worker->paused = false; // a kill needs no leave to go on
    worker->asked = 0;
    worker->since = local_seconds(worker->local);
    process_end(worker->process);
}

// ---- What workers say -------------------------------------------------------------------------

static void on_log(struct worker *worker, const json_t *log)
{
    char shown[ERROR_MESSAGE_SIZE];
    const char *message = json_string_value(json_object_get(log, "message"));
    json_int_t level = json_integer_value(json_object_get(log, "level"));
    if (!message || level < ESP_LOG_DEBUG || level > ESP_LOG_WARNING ||
        worker->logged >= MOST_LOGGED)
        return;
    snprintf(shown, sizeof shown, "%s", message);
    text_make_printable(shown); // a terminal shows it
    worker->logged += strlen(shown) + 1;
    log_line((uint32_t)level, "%s", shown);
    if (worker->logged >= MOST_LOGGED)
        log_line(ESP_LOG_WARNING, "worker %lld: (what more it logs is left out)",
                 (long long)worker->pid);
}

static void on_garbage(void *owner)
{
    local_end_worker(owner,
                     "the worker's answer is none of Espalier: something wrote into its channel");
}

static void on_frame(void *owner, const char *bytes, size_t size)
{
    struct worker *worker = owner;
    struct local *local = worker->local;
    json_t *json = json_loadb(bytes, size, 0, NULL);
    json_t *begun = json_object_get(json, "worker"), *quiet = json_object_get(json, "quiet");
    if (json_object_get(json, "log")) {
        on_log(worker, json_object_get(json, "log"));
    } else if (json_object_get(json, "taken") && worker->job && !worker->taken) {
        worker->taken = worker->proven = true;
        local->stillborn = 0;
    } else if (json_object_get(json, "progress") && worker->taken) {
        worker->since = local_seconds(local);
        local_add_event(local, worker->job->job, ESP_JOB_PROGRESS, bytes, size, NULL);
    } else if (json_object_get(json, "result") && worker->taken) {
        local_add_event(local, worker->job->job, ESP_JOB_RESULT, bytes, size, NULL);
        local_end_quiet(worker); // one that forgot to say so
        local_free_waiting(worker->job);
        worker->job = NULL;
        worker->taken = false;
        local_start_jobs(local);
    } else if (quiet && worker->taken &&
               json_is_true(quiet) == (worker->local->measuring != worker)) {
        if (json_is_true(quiet))
            local_ask_quiet(worker);
        else
            local_end_quiet(worker);
    } else if (begun && worker->pid == 0 && json_integer_value(json_object_get(begun, "pid")) > 0) {
        worker->pid = json_integer_value(json_object_get(begun, "pid"));
        local_next_quiet(local);
    } else if (json_object_get(json, "ready") && !worker->ready && worker->pid) {
        worker->ready = true;
        local_start_jobs(local);
    } else {
        on_garbage(worker);
    }
    json_decref(json);
}

static void on_closed(void *owner)
{
    struct worker *worker = owner;
    worker->closed = true;
    worker->since = local_seconds(worker->local);
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
    const char *const *given = esp_jobs_worker_command(local->jobs);
    const char *command[COMMAND_MOST] = {NULL};
    struct error error;
    error_clear(&error);
    for (int i = 0; i < COMMAND_MOST - 2 && given[i]; i++) {
        command[i] = given[i];
        command[i + 1] = "--pauses";
    }
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker) {
        local_fail(local, ESP_ERROR_MEMORY, "out of memory");
        return false;
    }
    worker->local = local;
    worker->since = local_seconds(local);
    if (process_start(&worker->process, &local->loop, command, &events, worker, &error) != ESP_OK) {
        free(worker);
        local_fail(local, error.status, error.message);
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
    worker->since = local_seconds(local);
    worker->printed = worker->logged = 0;
    worker->last_line[0] = '\0';
    if (!process_send(worker->process, job->bytes, job->size))
        local_end_worker(worker, NULL); // another one gets the job
}

void local_start_jobs(struct local *local)
{
    uint64_t starting = 0;
    if (local->failed || local->closing || local->measuring)
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
        local->last_look = local_seconds(local);
        uv_timer_again(&local->timer);
    }
}
