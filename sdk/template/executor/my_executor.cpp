// SPDX-License-Identifier: Apache-2.0
// my_executor: evaluates trials in the coordinator itself, one a poll, in the order of their
// submission or the newest first, and writes to the run's log how long they took. The order changes
// nothing in the results: the host tells outcomes in the order of the trials.
//
// An executor takes opaque specifications and gives opaque results back: what a job is it does not
// know. It tells once of each job how it ended. Here a crash of an estimator is the run's; an executor
// that starts worker processes (esp_jobs_worker_command) costs such a crash one trial.
#include <espalier/espalier.h>

#include <chrono>
#include <deque>
#include <new>
#include <string>

namespace
{

// The host reads the INI against this table: `espalier describe executor/my_executor` prints it.
const esp_param queue_params[] = {
    ESP_PARAM_BOOL("newest_first", 0, "evaluate the job that came last, not the oldest"),
};

struct job {
    uint64_t number;
    std::string specification; // a copy of its bytes
    bool cancelled;
};

struct queue {
    bool newest_first;
    std::deque<job> jobs; // in the order of submission
    esp_job_event event =
        {}; // of the last poll; its bytes are the host's until the next evaluation

    explicit queue(esp_create *create) : newest_first(esp_param_int(create, "newest_first") != 0) {}

    job take_next()
    {
        job next = std::move(newest_first ? jobs.back() : jobs.front());
        if (newest_first)
            jobs.pop_back();
        else
            jobs.pop_front();
        return next;
    }

    // One job, whose end is told in `event`.
    esp_status run_next(esp_jobs *lent)
    {
        const job next = take_next();
        event = {};
        event.struct_size = sizeof event;
        event.job = next.number;
        if (next.cancelled) {
            event.kind = ESP_JOB_CANCELLED;
            event.message = "cancelled before it began";
            return ESP_OK;
        }
        const auto start = std::chrono::steady_clock::now();
        event.kind = ESP_JOB_RESULT;
        esp_status status = esp_jobs_evaluate(lent, next.specification.data(),
                                              next.specification.size(), &event.bytes, &event.size);
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        esp_log(lent, ESP_LOG_INFO, "my_executor: job %llu took %.3f s",
                static_cast<unsigned long long>(next.number), took.count());
        return status;
    }
};

// ---- The table of functions ---------------------------------------------------------------------
// What the host calls is C: no exception may come out of it.

esp_status queue_create(esp_create *create, esp_jobs *, void **out)
{
    try {
        *out = new queue(create);
        return ESP_OK;
    } catch (const std::bad_alloc &) {
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    }
}

void queue_destroy(void *self)
{
    delete static_cast<queue *>(self);
}

esp_status queue_submit(void *self, esp_jobs *lent, uint64_t number, const void *specification,
                        uint64_t size)
{
    try {
        const char *bytes = static_cast<const char *>(specification);
        static_cast<queue *>(self)->jobs.push_back({number, std::string(bytes, size), false});
        return ESP_OK;
    } catch (const std::bad_alloc &) {
        return esp_fail(lent, ESP_ERROR_MEMORY, "out of memory");
    }
}

// One job a call, so that the host comes to its other work in between.
esp_status queue_poll(void *self, esp_jobs *lent, const esp_job_event **events, uint64_t *count,
                      uint64_t *stride)
{
    queue &jobs = *static_cast<queue *>(self);
    *events = &jobs.event;
    *stride = sizeof jobs.event;
    *count = jobs.jobs.empty() ? 0 : 1;
    if (jobs.jobs.empty())
        return ESP_OK;
    return jobs.run_next(lent);
}

// The job stays in the queue: poll tells of its end.
esp_status queue_cancel(void *self, esp_jobs *, uint64_t number)
{
    for (job &waiting : static_cast<queue *>(self)->jobs)
        if (waiting.number == number)
            waiting.cancelled = true;
    return ESP_OK;
}

// There is no descriptor to wait on: while jobs wait, poll wants to be called at once.
int32_t queue_descriptor(void *)
{
    return -1;
}

int32_t queue_timeout(void *self)
{
    return static_cast<const queue *>(self)->jobs.empty() ? -1 : 0;
}

void queue_describe(esp_executor_type *out)
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

} // namespace

ESP_PLUGIN("0.1.0", ESP_EXECUTOR("my_executor", queue_describe))
