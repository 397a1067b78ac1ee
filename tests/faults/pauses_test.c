// SPDX-License-Identifier: Apache-2.0
// Workers that stand still while one measures: that they do, that the time is not theirs, and that
// nothing that happens meanwhile leaves one standing.
#include "execute/execute.h"
#include "support/leak.h"
#include "support/processes.h"
#include "support/stand.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct stand stand;

static void begin(uint64_t workers)
{
    processes_adopt();
    log_set_sink(NULL, NULL);
    stand_init(&stand, FAKE_WORKER, "fine");
    stand.capacity = workers;
    stand_open(&stand, executor_local());
    // All of them are there, so that the jobs of a test begin together.
    for (uint64_t i = 0; i < workers; i++)
        stand_submit(&stand, 100 + i, "slow 100");
    for (uint64_t i = 0; i < workers; i++)
        stand_wait_end(&stand);
}

static void end(void)
{
    stand_close(&stand);
    cr_assert_eq(processes_left(0), 0, "a process is left");
}

struct span {
    double from, to; // milliseconds
};

// The span that the job answered; jobs end in any order.
static struct span span_of(const esp_job_event *event)
{
    struct span span = {0, 0};
    char text[128];
    cr_assert_not_null(event, "%s", stand.error.message);
    cr_assert_eq(event->kind, ESP_JOB_RESULT, "job %d: kind %d: %s", (int)event->job,
                 (int)event->kind, event->message ? event->message : "");
    snprintf(text, sizeof text, "%.*s", (int)event->size, (const char *)event->bytes);
    cr_assert_eq(sscanf(text, "{\"result\": [%lf, %lf]}", &span.from, &span.to), 2, "%s", text);
    return span;
}

// The spans of `count` jobs, numbered from 0.
static void take_spans(struct span *spans, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        const esp_job_event *event = stand_wait_end(&stand);
        cr_assert(event && event->job < count);
        spans[event->job] = span_of(event);
    }
}

// Jobs 0 to count - 1, which burn, are under way: each has shown life.
static void start_burning(uint64_t count, const char *specification)
{
    uint64_t seen = 0;
    for (uint64_t i = 0; i < count; i++)
        stand_submit(&stand, i, specification);
    while (seen != (1u << count) - 1) {
        const esp_job_event *event = stand_wait(&stand);
        cr_assert(event && event->kind == ESP_JOB_PROGRESS);
        seen |= 1u << event->job;
    }
}

TestLeak(pauses, others_stand_still_while_one_measures)
{
    struct span spans[3];
    begin(3);
    start_burning(2, "burn 1200");
    stand_submit(&stand, 2, "measure 600");
    take_spans(spans, 3);
    for (int i = 0; i < 2; i++) {
        double from = spans[i].from > spans[2].from ? spans[i].from : spans[2].from;
        double to = spans[i].to < spans[2].to ? spans[i].to : spans[2].to;
        // They are stopped when the answer is on its way, not when it is read.
        cr_assert_gt(to - from, 400, "job %d stood still for %g ms of 600", i, to - from);
    }
    end();
}

TestLeak(pauses, one_measures_at_a_time)
{
    struct span spans[4];
    begin(4);
    start_burning(1, "burn 900");
    for (uint64_t i = 1; i < 4; i++)
        stand_submit(&stand, i, "measure 150");
    take_spans(spans, 4);
    for (int i = 1; i < 4; i++)
        for (int j = 1; j < i; j++)
            cr_assert(spans[i].to <= spans[j].from || spans[j].to <= spans[i].from,
                      "%d: %.1f to %.1f, %d: %.1f to %.1f", i, spans[i].from, spans[i].to, j,
                      spans[j].from, spans[j].to);
    cr_assert_gt(spans[0].to - spans[0].from, 100);
    end();
}

// All of it passes the limit, and every worker has shown life within it but for the pause.
TestLeak(pauses, time_in_a_pause_or_waiting_for_one_counts_toward_no_limit)
{
    struct span spans[3];
    begin(3);
    stand.time_limit = 0.7;
    stand_submit(&stand, 0, "measure 1200");
    stand_submit(&stand, 1, "measure 1200");
    stand_submit(&stand, 2, "burn 600");
    take_spans(spans, 3);
    end();
}

// The worker that stood still has as long for its next sign of life as if nothing had been.
TestLeak(pauses, one_that_stood_still_has_the_whole_limit_left)
{
    begin(2);
    stand.time_limit = 1.2;
    start_burning(1, "work 700");
    stand_submit(&stand, 1, "measure 1600");
    for (int i = 0; i < 2; i++) {
        const esp_job_event *event = stand_wait_end(&stand);
        cr_assert_not_null(event, "%s", stand.error.message);
        cr_assert_eq(event->kind, ESP_JOB_RESULT, "job %d: %s", (int)event->job,
                     event->message ? event->message : "");
    }
    end();
}

TestLeak(pauses, a_measurement_that_hangs_is_ended_by_the_limit_and_the_others_go_on)
{
    begin(2);
    stand.time_limit = 0.6;
    stand_submit(&stand, 0, "measure_and_hang 0");
    stand_submit(&stand, 1, "burn 400");
    bool hung = false, burnt = false;
    for (int i = 0; i < 2; i++) {
        const esp_job_event *event = stand_wait_end(&stand);
        if (event->job == 1) {
            span_of(event);
            burnt = true;
            continue;
        }
        hung = event->kind == ESP_JOB_FAILED && strstr(event->message, "no progress for 0.6 s");
    }
    cr_assert(hung && burnt);
    end();
}

// ---- Deaths -------------------------------------------------------------------------------------

// Whatever ends the one that measures ends the pause.
static void check_death(const char *specification, uint32_t kind, const char *words)
{
    begin(2);
    stand_submit(&stand, 0, specification);
    stand_submit(&stand, 1, "burn 500");
    stand_submit(&stand, 2, "slow 1");
    bool died = false;
    int done = 0;
    for (int i = 0; i < 3; i++) {
        const esp_job_event *event = stand_wait_end(&stand);
        cr_assert_not_null(event, "%s", stand.error.message);
        if (event->job == 0)
            died = event->kind == kind && strstr(event->message, words);
        else
            done += event->kind == ESP_JOB_RESULT;
    }
    cr_assert(died, "%s", specification);
    cr_assert_eq(done, 2, "%s", specification);
    end();
}

TestLeak(pauses, end_with_the_death_of_the_one_that_measures)
{
    check_death("measure_and_die 9", ESP_JOB_LOST, "killed from outside");
    check_death("measure_and_die 11", ESP_JOB_FAILED, "SIGSEGV");
    check_death("unmeasured 0", ESP_JOB_FAILED, "none of Espalier");
}

TestLeak(pauses, end_with_the_answer_of_one_that_forgot_to_end_it)
{
    begin(2);
    stand_submit(&stand, 0, "measure_and_answer 5");
    stand_submit(&stand, 1, "burn 300");
    for (int i = 0; i < 2; i++)
        cr_assert_eq(stand_wait_end(&stand)->kind, ESP_JOB_RESULT);
    end();
}

static void run_for(int milliseconds)
{
    for (int i = 0; i < milliseconds; i += 10) {
        poll(NULL, 0, 10);
        stand.event_next = 0;
        cr_assert_eq(stand.type->poll(stand.self, &stand.handle, &stand.events, &stand.event_count,
                                      &stand.event_stride),
                     ESP_OK);
        for (uint64_t j = 0; j < stand.event_count; j++)
            cr_assert_eq(stand.events[j].kind, ESP_JOB_PROGRESS, "it is too early for an end");
    }
    stand.event_next = stand.event_count;
}

TestLeak(pauses, leave_what_is_cancelled_cancelled)
{
    for (uint64_t cancelled = 0; cancelled < 3; cancelled++) {
        uint64_t ended = 0, done = 0;
        begin(3);
        stand_submit(&stand, 0, "measure 700");
        stand_submit(&stand, 1, "burn 600");
        stand_submit(&stand, 2, "measure 700"); // one of the two waits
        run_for(250);
        cr_assert_eq(stand.type->cancel(stand.self, &stand.handle, cancelled), ESP_OK);
        for (int i = 0; i < 3; i++) {
            const esp_job_event *event = stand_wait_end(&stand);
            cr_assert_not_null(event, "%s", stand.error.message);
            done += event->kind == ESP_JOB_RESULT;
            ended += event->kind == ESP_JOB_CANCELLED && event->job == cancelled;
        }
        cr_assert(ended == 1 && done == 2, "job %d was cancelled", (int)cancelled);
        end();
    }
}

// No job is given and no worker started meanwhile; afterwards it is.
TestLeak(pauses, begin_nothing_new)
{
    begin(1);
    stand.capacity = 3;
    stand_submit(&stand, 0, "measure 400");
    run_for(150);
    stand_submit(&stand, 1, "burn 50");
    stand_submit(&stand, 2, "burn 50");
    cr_assert_eq(processes_count(NULL), 1, "a worker was started");
    struct span spans[3];
    take_spans(spans, 3);
    cr_assert_geq(spans[1].from, spans[0].to);
    cr_assert_geq(spans[2].from, spans[0].to);
    end();
}

// Workers that stand still are ended as all others are.
TestLeak(pauses, end_with_the_executor)
{
    begin(3);
    stand_submit(&stand, 0, "measure 5000");
    stand_submit(&stand, 1, "burn 5000");
    stand_submit(&stand, 2, "measure 5000");
    run_for(200);
    end();
}
