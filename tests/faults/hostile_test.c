// SPDX-License-Identifier: Apache-2.0
// Workers that mean harm: what one says that is malformed, too long, out of turn or said twice ends that
// worker alone. The jobs beside it and behind it get the results that they get without it.
#include "execute/execute.h"
#include "execute/frames.h"
#include "support/leak.h"
#include "support/processes.h"
#include "support/stand.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct stand stand;
static char logged[4 << 20];
static size_t logged_size;

static void keep_log(void *self, uint32_t level, const char *message)
{
    (void)self;
    (void)level;
    if (logged_size + strlen(message) + 2 < sizeof logged)
        logged_size += (size_t)sprintf(logged + logged_size, "%s\n", message);
}

static void begin(const char *how)
{
    processes_adopt();
    log_set_sink(keep_log, NULL);
    stand_init(&stand, FAKE_WORKER, how);
    stand.capacity = 2;
    stand_open(&stand, executor_local());
}

static void end(void)
{
    stand_close(&stand);
    cr_assert_eq(processes_left(0), 0, "a process is left");
}

static const char none_of_ours[] =
    "the worker's answer is none of Espalier: something wrote into its channel";

// Four good jobs around a bad one: theirs end as they would without it. `kind` of the bad one, and its words
// (NULL: any).
static void expect_alone(const char *bad, uint32_t kind, const char *words)
{
    int ends[5] = {0};
    char good[32];
    for (uint64_t job = 0; job < 5; job++) {
        snprintf(good, sizeof good, "echo %d", (int)job);
        stand_submit(&stand, job, job == 1 ? bad : good);
    }
    for (int i = 0; i < 5; i++) {
        const esp_job_event *event = stand_wait_end(&stand);
        cr_assert_not_null(event, "%s: %s", bad, stand.error.message);
        cr_assert(event->job < 5 && ends[event->job]++ == 0, "%s: job %d ends twice", bad,
                  (int)event->job);
        if (event->job == 1) {
            cr_assert_eq(event->kind, kind, "%s: kind %d: %s", bad, (int)event->kind,
                         event->message ? event->message : "");
            if (words)
                cr_assert_str_eq(event->message, words, "%s", bad);
            continue;
        }
        snprintf(good, sizeof good, "{\"result\": %d}", (int)event->job);
        cr_assert(event->kind == ESP_JOB_RESULT && event->size == strlen(good) &&
                      !memcmp(event->bytes, good, event->size),
                  "%s: job %d: %s", bad, (int)event->job, event->message ? event->message : "");
    }
}

TestLeak(hostile, malformed_and_oversized_messages_end_their_worker_alone)
{
    begin("fine");
    expect_alone("garbage", ESP_JOB_FAILED, none_of_ours);
    expect_alone("no_json", ESP_JOB_FAILED, none_of_ours);
    expect_alone("not_a_number", ESP_JOB_FAILED, none_of_ours);
    expect_alone("oversized 2147483647", ESP_JOB_FAILED, none_of_ours);
    expect_alone("oversized 1048577", ESP_JOB_FAILED, none_of_ours); // ANSWER_MOST and one
    cr_assert_eq(ANSWER_MOST, 1048576);
    expect_alone("cut 3", ESP_JOB_FAILED, "the worker exited with status 3");
    end();
}

TestLeak(hostile, half_a_message_and_silence_ends_at_the_time_limit)
{
    begin("fine");
    stand.time_limit = 0.5;
    expect_alone("cut 0", ESP_JOB_FAILED, "no progress for 0.5 s (trial_time_limit)");
    end();
}

TestLeak(hostile, what_is_out_of_turn_or_said_twice_ends_its_worker_alone)
{
    begin("fine");
    expect_alone("no_message", ESP_JOB_FAILED, none_of_ours);
    expect_alone("taken_twice", ESP_JOB_FAILED, none_of_ours);
    expect_alone("ready_twice", ESP_JOB_FAILED, none_of_ours);
    expect_alone("unmeasured", ESP_JOB_FAILED, none_of_ours);
    // The first result is the job's; what follows costs the worker, and no other job.
    expect_alone("again 2", ESP_JOB_RESULT, NULL);
    expect_alone("again 1000", ESP_JOB_RESULT, NULL);
    expect_alone("stray 1", ESP_JOB_RESULT, NULL);
    cr_assert(strstr(logged, "outside of trials the worker's answer is none of Espalier"));
    end();
}

TestLeak(hostile, answers_before_any_job_end_the_worker)
{
    begin("eager");
    stand_submit(&stand, 1, "echo 1");
    cr_assert_null(stand_wait(&stand));
    cr_assert(strstr(stand.error.message, none_of_ours), "%s", stand.error.message);
    end();
}

// It would have kept all others from measuring for ever.
TestLeak(hostile, a_worker_without_a_process_is_none)
{
    begin("nobody");
    stand_submit(&stand, 1, "echo 1");
    cr_assert_null(stand_wait(&stand));
    cr_assert(strstr(stand.error.message, none_of_ours), "%s", stand.error.message);
    end();
}

static long resident_pages(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    cr_assert(file && fscanf(file, "%*d %ld", &pages) == 1);
    fclose(file);
    return pages;
}

TestLeak(hostile, very_many_small_messages_take_bounded_memory)
{
    begin("fine");
    long before = resident_pages();
    expect_alone("torrent 100000", ESP_JOB_RESULT, NULL);
    long mebibytes = (resident_pages() - before) * sysconf(_SC_PAGESIZE) >> 20;
#ifndef SUPPORT_LEAK_WATCHED // a sanitizer keeps what is freed
    cr_assert_lt(mebibytes, 100, "%ld MiB more", mebibytes);
#endif
    (void)mebibytes;
    end();
}

TestLeak(hostile, what_is_logged_is_printable_and_bounded)
{
    begin("fine");
    expect_alone("log_torrent 40000", ESP_JOB_RESULT, NULL);
    cr_assert(strstr(logged, "one of very many ?[31mlines"));
    cr_assert_null(strchr(logged, '\033'));
    cr_assert(strstr(logged, "what more it logs is left out"));
    cr_assert_lt(logged_size, 1100000, "%zu bytes", logged_size);
    end();
}

TestLeak(hostile, nothing_of_the_dead_is_left)
{
    begin("fine");
    expect_alone("garbage", ESP_JOB_FAILED, NULL);
    int before = dup(0), after;
    close(before);
    for (int i = 0; i < 4; i++)
        expect_alone(i % 2 ? "again 2" : "garbage", i % 2 ? ESP_JOB_RESULT : ESP_JOB_FAILED, NULL);
    for (int look = 0; look < 100 && processes_count(NULL) > 2; look++)
        stand.type->poll(stand.self, &stand.handle, &stand.events, &stand.event_count,
                         &stand.event_stride);
    after = dup(0);
    close(after);
    cr_assert_leq(after, before + 3, "%d is the first free one, and was %d", after, before);
    end();
}
