// SPDX-License-Identifier: Apache-2.0
// Pauses of the executor `local`: one worker at a time measures, and the others that compute are stopped
// meanwhile, by their guards. They begin when it is known of every process that is one (a worker that is
// being started has said so); no job is given and no worker started before the end. Whatever becomes of
// the one that measures ends the pause; one that is stopped can be killed like any other.
#include "execute/local.h"

#include "error/fault.h"
#include "execute/frames.h"

#include <string.h>

static void stop(struct worker *worker, double now)
{
    if (worker->paused || worker->ending || (worker->ready && !worker->job))
        return;
    process_pause(worker->process, true);
    worker->paused = true;
    worker->paused_at = now;
}

// The time in between is not its own.
static void go_on(struct worker *worker, double now)
{
    if (!worker->paused)
        return;
    process_pause(worker->process, false);
    worker->paused = false;
    // One that waits itself counts from when it asked.
    if (!worker->asked)
        worker->since += now - worker->paused_at;
}

static struct worker *next_of(const struct local *local)
{
    struct worker *next = NULL;
    for (struct worker *worker = local->workers; worker; worker = worker->next) {
        if (worker->pid == 0 && !worker->ending)
            return NULL;
        if (worker->asked && (!next || worker->asked < next->asked))
            next = worker;
    }
    return next;
}

static void begin(struct worker *worker)
{
    static const char answer[] = "{\"quiet\": true}";
    struct local *local = worker->local;
    double now = local_seconds(local);
    unsigned char frame[4 + sizeof answer];
    local->measuring = worker;
    go_on(worker, now);
    worker->since += now - worker->asked_at;
    worker->asked = 0;
    for (struct worker *other = local->workers; other; other = other->next)
        if (other != worker)
            stop(other, now);
    frame_prefix(frame, sizeof answer - 1);
    memcpy(frame + 4, answer, sizeof answer - 1);
    if (!process_send(worker->process, (const char *)frame, 4 + sizeof answer - 1))
        local_end_worker(worker, NULL);
    fault_point("quiet-granted");
}

void local_next_quiet(struct local *local)
{
    struct worker *next = local->measuring || local->closing ? NULL : next_of(local);
    if (next)
        begin(next);
}

void local_ask_quiet(struct worker *worker)
{
    if (worker->asked)
        return;
    worker->asked = ++worker->local->asked;
    worker->asked_at = local_seconds(worker->local);
    local_next_quiet(worker->local);
}

void local_end_quiet(struct worker *worker)
{
    struct local *local = worker->local;
    worker->asked = 0;
    if (local->measuring != worker)
        return;
    local->measuring = NULL;
    // The others stay where they are if one of them is next.
    local_next_quiet(local);
    for (struct worker *other = local->workers; other && !local->measuring; other = other->next)
        go_on(other, local_seconds(local));
    local_start_jobs(local);
}
