// SPDX-License-Identifier: Apache-2.0
// The inside of the executor `local`, shared by its files:
//   local.c          the executor's table, the queue of jobs, events
//   local_workers.c  workers: started, given jobs, heard, and what their end means
//   local_limits.c   time and memory
//   local_pause.c    workers that stand still while one measures
#ifndef EXECUTE_LOCAL_H
#define EXECUTE_LOCAL_H

#include "execute/execute.h"
#include "execute/process.h"

#include <signal.h>

// How often limits are looked at.
#define LOCAL_WATCH_MILLISECONDS 100

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
    uint64_t asked;      // to measure: its number among those who did; 0 = it did not
    double asked_at;     // loop seconds
    bool paused;         // since paused_at, while another measures
    double paused_at;
    size_t printed, logged;            // during this job, bytes
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
    struct worker *measuring; // NULL: none
    uint64_t asked;           // so far
    double last_look;         // of the timer, loop seconds
    int stillborn;            // in a row
    bool failed;              // for good, with words in `jobs`
    bool closing;
};

// Seconds of the executor's loop.
double local_seconds(struct local *local);

// The executor cannot go on.
void local_fail(struct local *local, esp_status status, const char *words);

// Adds an event; bytes and message are copied.
void local_add_event(struct local *local, uint64_t job, uint32_t kind, const char *bytes,
                     size_t size, const char *message);

void local_free_waiting(struct waiting *job);

// Hands waiting jobs to idle workers, and starts workers for the others up to the capacity.
void local_start_jobs(struct local *local);

// Ends a worker, for `reason` (NULL: none that a person needs).
void local_end_worker(struct worker *worker, const char *reason);

// A worker wants to measure. When its turn has come the others are stopped and it is told. What waits or
// stands still is under no time limit.
void local_ask_quiet(struct worker *worker);
// The worker has measured, or is no more, or will not be: the others go on, or the next one measures.
void local_end_quiet(struct worker *worker);
// Lets the next one measure that waits for it, if it can be.
void local_next_quiet(struct local *local);

// The look at all workers: a timer's.
void local_watch(uv_timer_t *timer);

#endif
