// SPDX-License-Identifier: Apache-2.0
// Cases of executors: jobs submitted, cancelled and lost, with workers that answer with what they were given
// (echo_worker.h).
#include "check/stage.h"
#include "check/surroundings.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CAPACITY 2
#define JOBS 12
#define SECONDS 20 // in which all jobs must end

struct office {
    esp_jobs handle; // first: lent to the executor
    struct error error;
    const struct check *check;
    const struct component *component;
    const esp_executor_type *type;
    struct instance *executor;
    const char *command[4];
    char *folder; // of the workers' marks
    char program[4096];
    char result[1024]; // of the last evaluation in this process
    // Of each job: how its story ended (ESP_JOB_*), or 0; and its words.
    uint32_t ends[JOBS + 1];
    char words[JOBS + 1][256];
    uint64_t ended;
    int busiest;
};

// ---- What the executor is lent ------------------------------------------------------------------

static struct office *of(esp_jobs *handle)
{
    return (struct office *)(void *)handle;
}

static const char *const *worker_command(esp_jobs *handle)
{
    return of(handle)->command;
}

static uint64_t capacity(esp_jobs *handle)
{
    (void)handle;
    return CAPACITY;
}

static double time_limit(esp_jobs *handle)
{
    (void)handle;
    return 0;
}

static uint64_t memory_limit(esp_jobs *handle)
{
    (void)handle;
    return 0;
}

static esp_status evaluate(esp_jobs *handle, const void *specification, uint64_t size,
                           const void **result, uint64_t *result_size)
{
    struct office *office = of(handle);
    int length = snprintf(office->result, sizeof office->result,
                          "{\"result\": {\"echo\": \"%.*s\", \"busy\": 1}}", (int)size,
                          (const char *)specification);
    *result = office->result;
    *result_size = (uint64_t)length;
    return ESP_OK;
}

static const esp_jobs_api jobs_api = {
    sizeof jobs_api, worker_command, capacity, time_limit, memory_limit, evaluate,
};

static void open_office(struct office *office, const struct check *check)
{
    static struct stage stage;
    *office = (struct office){.check = check};
    stage_open(&stage, check);
    error_clear(&office->error);
    handle_init(&office->handle.base, sizeof office->handle, &office->error);
    office->handle.api = &jobs_api;
    office->folder = getcwd(NULL, 0);
    ssize_t length = readlink("/proc/self/exe", office->program, sizeof office->program - 1);
    if (!office->folder || length < 0)
        check_skip(check, "this program does not find itself");
    office->command[0] = office->program;
    office->command[1] = "check-worker";
    office->command[2] = office->folder;
    const struct part *part = stage_part(&stage, check);
    office->component = part->component;
    office->type = part->component->type;
    check_need(check,
               instance_create(&office->executor, part->component, &part->parameters, NULL,
                               check->seed, &office->handle, &office->error),
               &office->error, "to create it");
}

// ---- Jobs ---------------------------------------------------------------------------------------

static void submit(struct office *office, uint64_t job, const char *words)
{
    char text[64];
    int length = snprintf(text, sizeof text, "job %llu %s", (unsigned long long)job, words);
    check_need(
        office->check,
        office->type->submit(office->executor->self, &office->handle, job, text, (uint64_t)length),
        &office->error, "to submit a job");
    memset(text, '#', sizeof text); // it was to be copied
}

static void take_event(struct office *office, const esp_job_event *event)
{
    const struct check *check = office->check;
    if (event->kind == ESP_JOB_PROGRESS)
        return;
    if (event->job < 1 || event->job > JOBS)
        check_fail(check, "an event of job %llu, which was not submitted",
                   (unsigned long long)event->job);
    if (event->kind < ESP_JOB_RESULT || event->kind > ESP_JOB_CANCELLED)
        check_fail(check, "an event of the kind %u, which is none", event->kind);
    if (office->ends[event->job])
        check_fail(check, "job %llu ends twice", (unsigned long long)event->job);
    office->ends[event->job] = event->kind;
    office->ended++;
    snprintf(office->words[event->job], sizeof office->words[0], "%s",
             event->message ? event->message : "");
    if (event->kind != ESP_JOB_RESULT)
        return;
    char text[1024], expected[32];
    snprintf(text, sizeof text, "%.*s", (int)event->size, (const char *)event->bytes);
    snprintf(expected, sizeof expected, "job %llu ", (unsigned long long)event->job);
    if (!strstr(text, expected))
        check_fail(check, "the result of job %llu is another's: %s", (unsigned long long)event->job,
                   text);
    const char *busy = strstr(text, "\"busy\": ");
    int count = busy ? atoi(busy + 8) : 0;
    office->busiest = count > office->busiest ? count : office->busiest;
}

// Until `count` jobs have ended.
static void wait_for(struct office *office, uint64_t count)
{
    const esp_executor_type *type = office->type;
    void *self = office->executor->self;
    for (int round = 0; office->ended < count; round++) {
        const esp_job_event *events = NULL;
        uint64_t found = 0, stride = 0;
        check_need(office->check, type->poll(self, &office->handle, &events, &found, &stride),
                   &office->error, "a poll");
        for (uint64_t i = 0; i < found; i++)
            take_event(office, (const void *)((const char *)events + i * stride));
        if (found > 0)
            continue;
        struct pollfd descriptor = {type->descriptor(self), POLLIN, 0};
        int timeout = type->timeout(self);
        if (descriptor.fd < 0 && timeout < 0)
            check_fail(office->check,
                       "%llu of %llu jobs have ended, and it names neither a "
                       "descriptor nor a time to wait for",
                       (unsigned long long)office->ended, (unsigned long long)count);
        poll(&descriptor, descriptor.fd >= 0, timeout < 0 || timeout > 1000 ? 1000 : timeout);
        if (round > 1000 * SECONDS)
            check_fail(office->check, "%llu of %llu jobs have ended after %d rounds of waiting",
                       (unsigned long long)office->ended, (unsigned long long)count, round);
    }
}

// ---- Cases --------------------------------------------------------------------------------------

static void results_once_each(struct check *check)
{
    static struct office office;
    open_office(&office, check);
    for (uint64_t job = 1; job <= JOBS; job++)
        submit(&office, job, "plain");
    wait_for(&office, JOBS);
    for (uint64_t job = 1; job <= JOBS; job++)
        if (office.ends[job] != ESP_JOB_RESULT)
            check_fail(check, "job %llu has no result: %s", (unsigned long long)job,
                       office.words[job]);
    if (office.busiest > CAPACITY)
        check_fail(check, "%d jobs ran at once, and the run wants %d", office.busiest, CAPACITY);
}

static void cancels(struct check *check)
{
    static struct office office;
    open_office(&office, check);
    for (uint64_t job = 1; job <= JOBS; job++)
        submit(&office, job, job == 1 || job == JOBS ? "slow" : "plain");
    check_need(check, office.type->cancel(office.executor->self, &office.handle, 1), &office.error,
               "to cancel a job");
    check_need(check, office.type->cancel(office.executor->self, &office.handle, JOBS),
               &office.error, "to cancel a job that waits");
    wait_for(&office, JOBS);
    for (uint64_t job = 2; job < JOBS; job++)
        if (office.ends[job] != ESP_JOB_RESULT)
            check_fail(check, "job %llu has no result because others were cancelled: %s",
                       (unsigned long long)job, office.words[job]);
    if (office.ends[1] != ESP_JOB_CANCELLED || office.ends[JOBS] != ESP_JOB_CANCELLED)
        check_fail(check, "a job that was cancelled ends otherwise");
}

static bool runs_workers(const struct office *office)
{
    return office->busiest > 0 && office->result[0] == '\0';
}

static void survives_crashes(struct check *check)
{
    static struct office office;
    open_office(&office, check);
    submit(&office, 1, "plain");
    wait_for(&office, 1);
    if (!runs_workers(&office))
        check_skip(check, "it evaluates in this process: a crash is the run's");
    for (uint64_t job = 2; job <= JOBS; job++)
        submit(&office, job, job == 3 ? "crash" : "plain");
    wait_for(&office, JOBS);
    for (uint64_t job = 1; job <= JOBS; job++)
        if (job != 3 && office.ends[job] != ESP_JOB_RESULT)
            check_fail(check, "job %llu is lost with a worker that was another's: %s",
                       (unsigned long long)job, office.words[job]);
    if (office.ends[3] != ESP_JOB_FAILED && office.ends[3] != ESP_JOB_LOST)
        check_fail(check, "a worker crashed, and its job neither failed nor was lost");
    if (!office.words[3][0])
        check_fail(check, "the job of a worker that crashed ends without words");
}

// Whatever runs: nobody is left behind, and no descriptor.
static void ends_clean(struct check *check)
{
    static struct office office;
    struct surroundings before, after;
    char words[256];
    open_office(&office, check);
    instance_destroy(office.executor); // what a library opens once is open now
    surroundings_look(&before);
    struct office again;
    open_office(&again, check);
    for (uint64_t job = 1; job <= JOBS; job++)
        submit(&again, job, job > 2 ? "slow" : "plain");
    wait_for(&again, 1);
    instance_destroy(again.executor);
    surroundings_look(&after);
    int status;
    pid_t left;
    for (int i = 0; i < 100 && (left = waitpid(-1, &status, WNOHANG)) == 0; i++)
        poll(NULL, 0, 10); // a process that was killed takes a moment
    if (left == 0)
        check_fail(check, "destroyed while jobs ran, it leaves a process behind");
    after.folder = before.folder; // the marks of workers that were killed
    if (surroundings_differ(&before, &after, words, sizeof words))
        check_fail(check, "destroyed while jobs ran, it has %s", words);
}

static const struct check_case cases[] = {
    {"executor/results", "executor.h 1",
     "each job ends once with its own result, and no more run at once than the run wants",
     CHECK_EXECUTOR, 60, results_once_each},
    {"executor/cancel", "executor.h 2", "a job that is cancelled ends so, and no other",
     CHECK_EXECUTOR, 60, cancels},
    {"executor/crash", "executor.h 3", "a worker that crashes costs its job alone", CHECK_EXECUTOR,
     60, survives_crashes},
    {"executor/end", "executor.h 4", "destroyed while jobs run, it leaves nothing behind",
     CHECK_EXECUTOR, 60, ends_clean},
};

const struct check_family check_executor_cases = {cases, ESP_COUNT(cases)};
