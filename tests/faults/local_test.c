// SPDX-License-Identifier: Apache-2.0
// The executor `local` with a worker that does as it is told: what becomes of a job, of its worker, of
// the jobs behind it, and of every process.
#include "execute/execute.h"
#include "support/folder.h"
#include "support/stand.h"
#include "support/leak.h"
#include "support/processes.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct stand stand;
static char logged[1 << 18]; // all that went to the log
static size_t logged_size;

static void keep_log(void *self, uint32_t level, const char *message)
{
    (void)self;
    (void)level;
    if (logged_size + strlen(message) + 2 < sizeof logged)
        logged_size += (size_t)sprintf(logged + logged_size, "%s\n", message);
}

static void prepare(const char *how)
{
    log_set_sink(keep_log, NULL);
    stand_init(&stand, FAKE_WORKER, how);
}

static void begin(void)
{
    processes_adopt();
    prepare("fine");
    stand_open(&stand, executor_local());
}

static void expect_no_process(void)
{
    cr_assert_eq(processes_left(0), 0, "a process is left");
}

static void end(void)
{
    stand_close(&stand);
    expect_no_process();
}

// The number in {"result": number}.
static int result_of(const esp_job_event *event)
{
    char text[64];
    int number = -1;
    cr_assert_not_null(event, "%s", stand.error.message);
    cr_assert_eq(event->kind, ESP_JOB_RESULT, "job %d: kind %d: %s", (int)event->job,
                 (int)event->kind, event->message ? event->message : "");
    snprintf(text, sizeof text, "%.*s", event->size < 63 ? (int)event->size : 63,
             (const char *)event->bytes);
    sscanf(text, "{\"result\": %d", &number);
    return number;
}

static int ask(uint64_t job, const char *specification)
{
    cr_assert_eq(stand_submit(&stand, job, specification), ESP_OK);
    const esp_job_event *event = stand_wait_end(&stand);
    int number = result_of(event);
    cr_assert_eq(event->job, job);
    return number;
}

// The job behind it is done by a new worker: the fault cost its own job alone.
static void expect_end(const char *specification, uint32_t kind, const char *words)
{
    stand_submit(&stand, 1, specification);
    stand_submit(&stand, 2, "echo 2");
    const esp_job_event *event = stand_wait_end(&stand);
    cr_assert_not_null(event, "%s: %s", specification, stand.error.message);
    cr_assert(event->job == 1 && event->kind == kind, "%s: job %d has kind %d: %s", specification,
              (int)event->job, (int)event->kind, event->message ? event->message : "");
    cr_assert_str_eq(event->message, words, "%s", specification);
    event = stand_wait_end(&stand);
    cr_assert_eq(result_of(event), 2, "%s", specification);
    cr_assert_eq(event->job, 2);
}

// ---- Jobs and workers -------------------------------------------------------------------------

TestLeak(local, gives_jobs_in_the_order_of_submission_to_one_worker)
{
    begin();
    stand_submit(&stand, 11, "pid");
    stand_submit(&stand, 22, "echo 7");
    stand_submit(&stand, 33, "pid");
    const esp_job_event *event = stand_wait(&stand);
    int first = result_of(event);
    cr_assert_eq(event->job, 11);
    event = stand_wait(&stand);
    cr_assert_eq(result_of(event), 7);
    cr_assert_eq(event->job, 22);
    event = stand_wait(&stand);
    cr_assert_eq(event->job, 33);
    cr_assert_eq(result_of(event), first, "a worker is kept");
    end();
}

TestLeak(local, starts_workers_up_to_the_capacity_and_no_more)
{
    int pids[9], distinct = 0;
    begin();
    stand.capacity = 3;
    for (uint64_t i = 0; i < 9; i++)
        stand_submit(&stand, i, "slow_pid 50");
    cr_assert_eq(processes_count(NULL), 3);
    for (int i = 0; i < 9; i++) {
        bool met = false;
        pids[i] = result_of(stand_wait(&stand));
        for (int j = 0; j < i; j++)
            met = met || pids[j] == pids[i];
        distinct += !met;
    }
    cr_assert(distinct >= 2 && distinct <= 3, "%d workers", distinct);
    cr_assert_eq(processes_count(NULL), 3);
    end();
}

TestLeak(local, starts_no_worker_without_need)
{
    begin();
    stand.capacity = 4;
    expect_no_process();
    for (uint64_t i = 0; i < 5; i++)
        ask(i, "echo 1");
    cr_assert_eq(processes_count(NULL), 1);
    end();
}

TestLeak(local, passes_progress_on)
{
    begin();
    stand_submit(&stand, 5, "progress 1");
    for (int i = 0; i < 10; i++) {
        char expected[64];
        const esp_job_event *event = stand_wait(&stand);
        snprintf(expected, sizeof expected, "{\"progress\": {\"step\": %d}}", i);
        cr_assert(event->job == 5 && event->kind == ESP_JOB_PROGRESS);
        cr_assert_eq(event->size, strlen(expected));
        cr_assert_arr_eq(event->bytes, expected, event->size);
    }
    cr_assert_eq(result_of(stand_wait(&stand)), 10);
    end();
}

TestLeak(local, takes_results_larger_than_a_pipe_of_workers_that_are_gone)
{
    begin();
    cr_assert_eq(ask(1, "answer_and_leave 0"), 5);
    cr_assert_eq(ask(2, "echo 6"), 6);
    end();
}

// ---- Deaths -----------------------------------------------------------------------------------

TestLeak(local, a_signal_of_its_own_making_is_a_failure_that_names_it)
{
    char specification[32];
    static const struct {
        int number;
        const char *words;
    } cases[] = {
        {SIGSEGV, "the worker died of SIGSEGV (segmentation fault)"},
        {SIGABRT, "the worker died of SIGABRT (aborted)"},
        {SIGFPE, "the worker died of SIGFPE (arithmetic error)"},
        {SIGILL, "the worker died of SIGILL (illegal instruction)"},
        {SIGBUS, "the worker died of SIGBUS (bus error)"},
        {SIGPIPE, "the worker died of SIGPIPE (Broken pipe)"},
    };
    begin();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(specification, sizeof specification, "signal %d", cases[i].number);
        expect_end(specification, ESP_JOB_FAILED, cases[i].words);
    }
    end();
}

TestLeak(local, last_words_are_told)
{
    begin();
    expect_end("leave 3", ESP_JOB_FAILED, "the worker exited with status 3: last words");
    expect_end("leave 0", ESP_JOB_FAILED, "the worker exited with status 0: last words");
    expect_end("assertion", ESP_JOB_FAILED,
               "the worker died of SIGABRT (aborted): plugin.c:7: it cannot be ? so");
    expect_end("report 1", ESP_JOB_FAILED,
               "the worker exited with status 1: plugin.c:8: it is out of bounds");
    // Those of one job are not those of the next.
    ask(3, "flood 3");
    expect_end("signal 11", ESP_JOB_FAILED, "the worker died of SIGSEGV (segmentation fault)");
    end();
}

TestLeak(local, a_kill_from_outside_is_a_loss)
{
    begin();
    expect_end("signal 9", ESP_JOB_LOST, "its worker was killed from outside (SIGKILL)");
    expect_end("signal 15", ESP_JOB_LOST, "its worker was killed from outside (SIGTERM)");
    // The guard, which is what a person finds first.
    int worker = ask(1, "pid");
    stand_submit(&stand, 2, "step_and_slow 100000");
    cr_assert_eq(stand_wait(&stand)->kind, ESP_JOB_PROGRESS);
    int guard = 0;
    processes_count(&guard);
    cr_assert_neq(guard, worker);
    kill(guard, SIGKILL);
    const esp_job_event *event = stand_wait_end(&stand);
    cr_assert(event && event->kind == ESP_JOB_LOST && event->job == 2);
    for (int i = 0; i < 2000 && process_exists(worker); i++) {
        waitpid(worker, NULL, WNOHANG); // it is ours now
        poll(NULL, 0, 1);
    }
    cr_assert_not(process_exists(worker));
    cr_assert_eq(ask(3, "echo 3"), 3);
    end();
}

TestLeak(local, a_result_counts_whatever_happens_after_it)
{
    begin();
    for (uint64_t i = 0; i < 10; i++) {
        stand_submit(&stand, i, i % 2 ? "answer_and_die 11" : "answer_and_die 9");
        const esp_job_event *event = stand_wait_end(&stand);
        cr_assert(event && event->kind == ESP_JOB_RESULT && event->job == i);
    }
    cr_assert_eq(ask(10, "echo 10"), 10);
    end();
}

TestLeak(local, garbage_is_a_failure)
{
    static const char words[] =
        "the worker's answer is none of Espalier: something wrote into its channel";
    begin();
    expect_end("garbage", ESP_JOB_FAILED, words);
    expect_end("no_json", ESP_JOB_FAILED, words);
    expect_end("no_message", ESP_JOB_FAILED, words);
    expect_end("mute", ESP_JOB_FAILED, "the worker closed its channel");
    end();
}

TestLeak(local, workers_that_end_before_they_are_ready_cost_no_job_but_the_run)
{
    prepare("stillborn");
    stand_open(&stand, executor_local());
    cr_assert_eq(stand_submit(&stand, 1, "echo 1"), ESP_OK);
    cr_assert_null(stand_wait(&stand));
    cr_assert_str_eq(stand.error.message,
                     "3 workers in a row ended before they took a trial: the worker exited with "
                     "status 4: the engine is cold");
    cr_assert_neq(stand_submit(&stand, 2, "echo 2"), ESP_OK);
    stand_close(&stand);
}

TestLeak(local, jobs_that_no_worker_takes_are_not_tried_for_ever)
{
    prepare("shy");
    stand_open(&stand, executor_local());
    stand_submit(&stand, 1, "echo 1");
    cr_assert_null(stand_wait(&stand));
    cr_assert(strstr(stand.error.message, "SIGSEGV"), "%s", stand.error.message);
    stand_close(&stand);
}

TestLeak(local, a_worker_that_is_never_ready_ends_at_the_time_limit)
{
    prepare("never");
    stand.time_limit = 0.2;
    stand_open(&stand, executor_local());
    stand_submit(&stand, 1, "echo 1");
    cr_assert_null(stand_wait(&stand));
    cr_assert_str_eq(stand.error.message,
                     "3 workers in a row ended before they took a trial: a worker was not ready "
                     "after 0.2 s (trial_time_limit)");
    stand_close(&stand);
}

TestLeak(local, a_program_that_is_not_there_is_named)
{
    log_set_sink(keep_log, NULL);
    stand_init(&stand, "/nowhere/espalier", "fine");
    stand_open(&stand, executor_local());
    cr_assert_neq(stand_submit(&stand, 1, "echo 1"), ESP_OK);
    cr_assert(strstr(stand.error.message, "/nowhere/espalier"), "%s", stand.error.message);
    stand_close(&stand);
}

TestLeak(local, an_idle_worker_that_dies_costs_nothing)
{
    begin();
    for (int i = 0; i < 5; i++) {
        int worker = ask(1, "pid");
        kill(worker, SIGKILL);
        for (int j = 0; j < 2000 && process_exists(worker); j++)
            poll(NULL, 0, 1);
    }
    cr_assert_eq(ask(2, "echo 2"), 2);
    end();
}

// ---- Limits -----------------------------------------------------------------------------------

TestLeak(local, no_progress_within_the_limit_ends_a_job)
{
    begin();
    stand.time_limit = 0.3;
    expect_end("hang", ESP_JOB_FAILED, "no progress for 0.3 s (trial_time_limit)");
    expect_end("deaf", ESP_JOB_FAILED, "no progress for 0.3 s (trial_time_limit)");
    expect_end("talk 20", ESP_JOB_FAILED, "no progress for 0.3 s (trial_time_limit)");
    end();
}

TestLeak(local, progress_makes_the_time_limit_begin_again)
{
    begin();
    stand.time_limit = 0.5;
    cr_assert_eq(ask(1, "progress 100"), 10); // a second in all
    end();
}

TestLeak(local, time_in_which_nobody_listened_does_not_count)
{
    begin();
    stand.time_limit = 0.6;
    ask(1, "echo 1");
    stand_submit(&stand, 2, "step_and_slow 300");
    cr_assert_eq(stand_wait(&stand)->kind, ESP_JOB_PROGRESS);
    poll(NULL, 0, 1200); // a strategy that thinks
    cr_assert_eq(result_of(stand_wait_end(&stand)), -1);
    end();
}

TestLeak(local, resident_memory_over_the_limit_ends_a_job)
{
    begin();
    stand.memory_limit = UINT64_C(96) << 20;
    expect_end("leak 1", ESP_JOB_FAILED, "passed 96.0 MiB of resident memory (trial_memory_limit)");
    end();
}

TestLeak(local, what_is_printed_goes_to_the_log_up_to_a_limit)
{
    begin();
    ask(1, "flood 100000");
    cr_assert(strstr(logged, ": line 0 of very many lines\n"));
    cr_assert(strstr(logged, "what more it prints is left out"));
    cr_assert_lt(logged_size, 200000);
    logged_size = 0;
    ask(2, "flood 1"); // another job may print again
    cr_assert(strstr(logged, ": line 0 of very many lines\n"));
    end();
}

// ---- Cancelling and ending --------------------------------------------------------------------

TestLeak(local, cancels_what_waits_and_what_runs)
{
    begin();
    int worker = ask(1, "pid");
    stand_submit(&stand, 2, "hang");
    stand_submit(&stand, 3, "echo 3");
    stand_submit(&stand, 4, "echo 4");
    stand.type->cancel(stand.self, &stand.handle, 3);
    const esp_job_event *event = stand_wait(&stand);
    cr_assert(event && event->job == 3 && event->kind == ESP_JOB_CANCELLED);
    stand.type->cancel(stand.self, &stand.handle, 2);
    stand.type->cancel(stand.self, &stand.handle, 99); // there is none
    event = stand_wait(&stand);
    cr_assert(event && event->job == 2 && event->kind == ESP_JOB_CANCELLED);
    cr_assert_eq(result_of(stand_wait(&stand)), 4);
    cr_assert_not(process_exists(worker));
    end();
}

TestLeak(local, lets_idle_workers_end_by_themselves)
{
    char *folder = folder_temporary(), how[600];
    snprintf(how, sizeof how, "mark:%s/ended", folder);
    prepare(how);
    stand_open(&stand, executor_local());
    ask(1, "echo 1");
    cr_assert_neq(access(how + 5, F_OK), 0);
    stand_close(&stand);
    cr_assert_eq(access(how + 5, F_OK), 0, "the worker did not come to its end");
    folder_delete(folder);
}

TestLeak(local, ends_busy_workers_and_all_that_they_started)
{
    begin();
    stand.capacity = 2;
    int child = ask(1, "child"), far = ask(2, "daemon");
    cr_assert(process_exists(child) && process_exists(far));
    stand_submit(&stand, 3, "deaf");
    stand_submit(&stand, 4, "hang");
    stand_submit(&stand, 5, "echo 5");
    poll(NULL, 0, 100);
    stand_close(&stand);
    cr_assert_not(process_exists(child));
    cr_assert_not(process_exists(far));
    expect_no_process();
}

TestLeak(local, what_a_dying_worker_started_dies_with_it)
{
    static const char *const cases[] = {"child 11", "daemon 11", "child 9", "daemon 9"};
    begin();
    for (size_t i = 0; i < 4; i++) {
        int child = ask(1, cases[i]);
        cr_assert(process_exists(child), "%s", cases[i]);
        // A worker that is gone has nothing left when the next one answers.
        for (int j = 0; j < 2000 && process_exists(child); j++) {
            ask(2, "echo 2");
            poll(NULL, 0, 1);
        }
        cr_assert_not(process_exists(child), "%s", cases[i]);
    }
    end();
}

TestLeak(local, keeps_no_descriptor_of_the_dead)
{
    begin();
    ask(1, "echo 1");
    int before = dup(0), after;
    close(before);
    for (int i = 0; i < 20; i++)
        expect_end("signal 11", ESP_JOB_FAILED, "the worker died of SIGSEGV (segmentation fault)");
    after = dup(0);
    close(after);
    cr_assert_eq(before, after, "%d is the first free one, and was %d", after, before);
    end();
}
