// SPDX-License-Identifier: Apache-2.0
// An executor that breaks one clause of the contract: BAD says which. It evaluates in its own process, or,
// for a crash and for what is left behind, starts workers and reads their frames, one job a worker.
#define _GNU_SOURCE // pipe2
#include <espalier/espalier.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 64

struct job {
    uint64_t number;
    char words[256];
    bool cancelled, running;
    pid_t worker;
    int to, from;
};

struct executor {
    struct job jobs[MOST];
    uint64_t count;
    esp_job_event events[2];
    char answer[1024];
};

static esp_status create(esp_create *c, esp_jobs *jobs, void **out)
{
    struct executor *self = (struct executor *)calloc(1, sizeof *self);
    (void)jobs;
    if (!self)
        return esp_fail(c, ESP_ERROR_MEMORY, "out of memory");
    *out = self;
    return ESP_OK;
}

static void start(struct job *job, esp_jobs *jobs)
{
    int in[2], out[2];
    uint32_t size = (uint32_t)strlen(job->words);
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
        return;
    job->worker = fork();
    if (job->worker == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        const char *const *command = esp_jobs_worker_command(jobs);
        execv(command[0], (char *const *)(uintptr_t)command);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    job->to = in[1];
    job->from = out[0];
    job->running = write(job->to, &size, sizeof size) == sizeof size &&
                   write(job->to, job->words, size) == (ssize_t)size;
}

static esp_status submit(void *handle, esp_jobs *jobs, uint64_t number, const void *specification,
                         uint64_t size)
{
    struct executor *self = (struct executor *)handle;
    if (self->count == MOST || size >= sizeof self->jobs[0].words)
        return esp_fail(jobs, ESP_ERROR, "too much");
    struct job *job = &self->jobs[self->count++];
    memset(job, 0, sizeof *job);
    job->number = number;
    memcpy(job->words, specification, size);
    if (BAD_crash || BAD_end)
        start(job, jobs);
    return ESP_OK;
}

static bool read_all(int from, void *to, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t count = read(from, (char *)to + done, size - done);
        if (count <= 0)
            return false;
        done += (size_t)count;
    }
    return true;
}

// Waits for a worker's result; false: it is gone.
static bool hear(struct executor *self, struct job *job)
{
    uint32_t size;
    while (read_all(job->from, &size, sizeof size) && size < sizeof self->answer &&
           read_all(job->from, self->answer, size)) {
        self->answer[size] = '\0';
        if (strstr(self->answer, "\"result\""))
            return true;
    }
    return false;
}

static esp_status take_next(struct executor *self, esp_jobs *jobs, esp_job_event *event)
{
    struct job job = self->jobs[0];
    memmove(self->jobs, self->jobs + 1, --self->count * sizeof job);
    memset(event, 0, sizeof *event);
    event->struct_size = sizeof *event;
    event->job = job.number;
    event->kind = job.cancelled && !BAD_cancel ? ESP_JOB_CANCELLED : ESP_JOB_RESULT;
    event->bytes = self->answer;
    if (event->kind == ESP_JOB_CANCELLED)
        return ESP_OK;
    if (!job.running)
        return esp_jobs_evaluate(jobs, job.words, strlen(job.words), &event->bytes, &event->size);
    if (BAD_crash && strstr(job.words, "crash"))
        event->job = 1; // another's, which has ended
    else if (hear(self, &job))
        event->size = strlen(self->answer);
    else
        event->kind = ESP_JOB_FAILED;
    kill(job.worker, SIGKILL);
    waitpid(job.worker, NULL, 0);
    close(job.to);
    close(job.from);
    return ESP_OK;
}

static esp_status poll_jobs(void *handle, esp_jobs *jobs, const esp_job_event **events,
                            uint64_t *count, uint64_t *stride)
{
    struct executor *self = (struct executor *)handle;
    *events = self->events;
    *stride = sizeof self->events[0];
    *count = 0;
    if (self->count == 0)
        return ESP_OK;
    esp_status status = take_next(self, jobs, &self->events[0]);
    *count = 1;
    if (BAD_results) {
        self->events[1] = self->events[0];
        *count = 2;
    }
    return status;
}

static esp_status cancel(void *handle, esp_jobs *jobs, uint64_t number)
{
    struct executor *self = (struct executor *)handle;
    (void)jobs;
    for (uint64_t i = 0; i < self->count; i++)
        self->jobs[i].cancelled |= self->jobs[i].number == number;
    return ESP_OK;
}

static int32_t descriptor(void *self)
{
    (void)self;
    return -1;
}

static int32_t timeout(void *self)
{
    return ((struct executor *)self)->count ? 0 : -1;
}

static void describe(esp_executor_type *out)
{
    out->summary = "wrong";
    out->create = create;
    out->destroy = free; // of workers, too, where BAD_end: they stay
    out->submit = submit;
    out->poll = poll_jobs;
    out->cancel = cancel;
    out->descriptor = descriptor;
    out->timeout = timeout;
}

ESP_PLUGIN("1.0.0", ESP_EXECUTOR("bad", describe))
