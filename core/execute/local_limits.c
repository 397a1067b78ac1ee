// SPDX-License-Identifier: Apache-2.0
// Limits of the executor `local`: workers that pass the time without progress, or the memory, or that do
// not end when they should.
#include "execute/local.h"

#include <stdio.h>
#include <unistd.h>

// Seconds that one whose channel is closed has for ending; that one has for being dead when it was killed.
#define GRACE_SECONDS 1.0
// Seconds that an idle worker has for ending by itself when the executor is destroyed: longer than it
// gives the programs of its plugins (process_plugin/child.c).
#define CLOSING_SECONDS 4.0
// Processes below a worker that are counted at most, over each other and in all.
#define MOST_LEVELS 8
#define MOST_PROCESSES 256
// Looks that lie further apart mean that the coordinator was stopped or busy.
#define STALL_SECONDS 0.5

static uint64_t own_bytes(json_int_t pid)
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

// Of the process and all below it: what a plugin's program takes, its trial takes.
static uint64_t resident_bytes(json_int_t pid, int level, int *processes)
{
    char path[96];
    long long child;
    uint64_t bytes = own_bytes(pid);
    snprintf(path, sizeof path, "/proc/%lld/task/%lld/children", pid, pid);
    FILE *file = level < MOST_LEVELS ? fopen(path, "re") : NULL;
    if (!file)
        return bytes;
    while (*processes < MOST_PROCESSES && fscanf(file, "%lld", &child) == 1) {
        ++*processes;
        bytes += resident_bytes(child, level + 1, processes);
    }
    fclose(file);
    return bytes;
}

static bool over_memory(const struct worker *worker, uint64_t limit)
{
    int processes = 0;
    return limit && worker->pid && resident_bytes(worker->pid, 0, &processes) > limit;
}

static void end_over_memory(struct worker *worker, uint64_t limit)
{
    char reason[128];
    double amount = (double)limit;
    const char *unit = limit >= UINT64_C(1) << 30 ? "GiB" : "MiB";
    amount /= limit >= UINT64_C(1) << 30 ? 1073741824.0 : 1048576.0;
    snprintf(reason, sizeof reason, "passed %.1f %s of resident memory (trial_memory_limit)",
             amount, unit);
    local_end_worker(worker, reason);
}

static void end_over_time(struct worker *worker, double limit)
{
    char reason[128];
    if (worker->job)
        snprintf(reason, sizeof reason, "no progress for %g s (trial_time_limit)", limit);
    else
        snprintf(reason, sizeof reason, "a worker was not ready after %g s (trial_time_limit)",
                 limit);
    local_end_worker(worker, reason);
}

// Answers whether there is anything to look at again.
static bool watch_worker(struct worker *worker)
{
    esp_jobs *jobs = worker->local->jobs;
    double time_limit = esp_jobs_time_limit(jobs);
    uint64_t memory_limit = esp_jobs_memory_limit(jobs);
    double passed = local_seconds(worker->local) - worker->since;
    bool idle = worker->ready && !worker->job;
    bool waits = worker->paused || (worker->asked && worker->local->measuring != worker);
    if (worker->ending) {
        if (passed > GRACE_SECONDS)
            process_kill(worker->process);
    } else if (worker->closed) {
        if (passed > GRACE_SECONDS)
            local_end_worker(worker, "the worker closed its channel");
    } else if (worker->local->closing) {
        if (passed > CLOSING_SECONDS)
            local_end_worker(worker, NULL);
    } else if (idle) {
        return false;
    } else if (over_memory(worker, memory_limit)) {
        end_over_memory(worker, memory_limit);
    } else if (time_limit > 0 && !waits && passed > time_limit) {
        end_over_time(worker, time_limit);
    }
    return true;
}

void local_watch(uv_timer_t *timer)
{
    struct local *local = timer->data;
    bool again = false;
    double now = local_seconds(local);
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
