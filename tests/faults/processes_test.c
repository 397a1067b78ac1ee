// SPDX-License-Identifier: Apache-2.0
// The processes of a run: whoever is killed, from outside and at any time, nobody is left behind, and
// what was killed from outside is done again.
#include "faulty_run.h"

#include "support/folder.h"
#include "support/processes.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(processes, .init = faulty_begin, .fini = faulty_end);

// Starts a run in the background; `mode` strikes on all trials and leaves its marks.
static pid_t start(const char *name, const char *mode, int resume)
{
    char out[512], marks[512], set[64];
    snprintf(out, sizeof out, "%s", faulty_path(name));
    snprintf(marks, sizeof marks, "%s", faulty_path("marks"));
    snprintf(set, sizeof set, "estimator.mode=%s", mode);
    unlink(marks);
    pid_t made = fork();
    if (made != 0)
        return made;
    const char *arguments[] = {espalier_binary(),
                               "run",
                               faulty_config(),
                               "--plugins",
                               getenv("ESPALIER_TEST_PLUGINS"),
                               "--out",
                               out,
                               "--quiet",
                               "--set",
                               set,
                               "--set",
                               "run.trial_time_limit=30s",
                               resume ? "--resume" : NULL,
                               NULL};
    setenv("FAULTY_MARK", marks, 1);
    int null = open("/dev/null", O_RDWR);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    execv(arguments[0], (char *const *)(uintptr_t)arguments);
    _exit(127);
}

// Waits until `count` faults have left their marks; answers the number of the last one's process.
static int wait_for_marks(int count)
{
    for (int look = 0; look < 10000; look++) {
        char *text = file_text(faulty_path("marks"));
        int found = 0, last = 0, offset = 0, used;
        while (text && sscanf(text + offset, "%d%n", &last, &used) == 1) {
            offset += used;
            found++;
        }
        free(text);
        if (found >= count)
            return last;
        poll(NULL, 0, 1);
    }
    cr_assert_fail("no fault struck");
    return 0;
}

static int status_of(pid_t process)
{
    int status;
    cr_assert_eq(waitpid(process, &status, 0), process);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void check_kill_of_the_coordinator(const char *mode)
{
    pid_t run = start(mode, mode, 0);
    int worker = wait_for_marks(2);
    cr_assert(process_exists(worker), "%s", mode);
    kill(run, SIGKILL);
    cr_assert_eq(status_of(run), -SIGKILL);
    cr_assert_eq(processes_left(2.0), 0, "%s: processes are left after two seconds", mode);
    cr_assert_not(process_exists(worker));
    // A resume finds nobody in its way.
    run = start(mode, mode, 1);
    wait_for_marks(2);
    kill(run, SIGKILL);
    cr_assert_eq(status_of(run), -SIGKILL);
    cr_assert_eq(processes_left(2.0), 0, "%s: processes are left after a resume", mode);
}

Test(processes, all_die_with_a_coordinator_that_is_killed)
{
    check_kill_of_the_coordinator("hang");
    check_kill_of_the_coordinator("deaf");
    check_kill_of_the_coordinator("nest");
}

Test(processes, the_kernel_takes_a_worker_before_the_coordinator)
{
    char path[64];
    pid_t run = start("memory", "hang", 0);
    int worker = wait_for_marks(1);
    snprintf(path, sizeof path, "/proc/%d/oom_score_adj", worker);
    char *of_worker = file_text(path);
    snprintf(path, sizeof path, "/proc/%d/oom_score_adj", (int)run);
    char *of_run = file_text(path);
    cr_assert_gt(atoi(of_worker), atoi(of_run));
    free(of_worker);
    free(of_run);
    kill(run, SIGKILL);
    cr_assert_eq(status_of(run), -SIGKILL);
    cr_assert_eq(processes_left(2.0), 0);
}

Test(processes, none_is_left_by_a_run_that_is_interrupted)
{
    static const int numbers[] = {SIGINT, SIGTERM};
    for (int i = 0; i < 2; i++) {
        pid_t run = start(i ? "terminated" : "interrupted", "nest", 0);
        wait_for_marks(2);
        kill(run, numbers[i]);
        usleep(200000);
        if (numbers[i] == SIGINT) // the first one lets the trials end that run, and these hang
            kill(run, SIGINT);
        cr_assert_eq(status_of(run), 130, "signal %d", numbers[i]);
        cr_assert_eq(processes_left(0), 0, "signal %d: a process is left", numbers[i]);
    }
}

Test(processes, a_trial_whose_worker_is_killed_is_run_again)
{
    pid_t run = start("once", "hang_once", 0);
    int worker = wait_for_marks(1);
    kill(worker, SIGKILL);
    cr_assert_eq(status_of(run), 0);
    cr_assert_eq(processes_left(0), 0);
    json_t *results = espalier_results(faulty_path("once")), *trial;
    size_t i, repeated = 0;
    json_array_foreach (json_object_get(results, "trials"), i, trial) {
        cr_assert_str_eq(json_string_value(json_object_get(trial, "state")), "done");
        repeated += json_integer_value(json_object_get(trial, "attempt")) == 1;
    }
    cr_assert_eq(repeated, 1, "%zu trials were run again", repeated);
    json_decref(results);
}

// A worker that dies on its way to an answer is lost, and its trial run again; once the answer is
// written the trial is done, whatever becomes of the worker.
Test(processes, an_answer_counts_from_the_moment_that_it_is_written)
{
    static const struct {
        const char *fault;
        int again;
    } cases[] = {{"ESPALIER_FAULT_WORKER=result-before:2", 1},
                 {"ESPALIER_FAULT_WORKER=result-after:2", 0}};
    for (int c = 0; c < 2; c++) {
        const char *arguments[] = {"--set", "run.workers=1", NULL};
        const char *environment[] = {cases[c].fault, NULL};
        struct command_result result = faulty_run(c ? "after" : "before", arguments, environment);
        cr_assert_eq(result.status, 0, "%s: %s", cases[c].fault, result.err);
        json_t *results = espalier_results(faulty_path(c ? "after" : "before")), *trial;
        size_t i, repeated = 0;
        json_array_foreach (json_object_get(results, "trials"), i, trial) {
            cr_assert_str_eq(json_string_value(json_object_get(trial, "state")), "done");
            repeated += json_integer_value(json_object_get(trial, "attempt")) > 0;
        }
        cr_assert_eq(repeated > 0, cases[c].again, "%s: %zu trials were run again", cases[c].fault,
                     repeated);
        json_decref(results);
        command_free(&result);
    }
}

// A worker locks its file as long as it lives, and so does this process for half a second.
Test(processes, a_resume_waits_for_the_workers_of_the_coordinator_before_it)
{
    const char *first[] = {NULL}, *again[] = {"--resume", NULL};
    struct command_result result = faulty_run("waits", first, NULL);
    cr_assert_eq(result.status, 0, "%s", result.err);
    command_free(&result);
    int file = open(faulty_path("waits/worker.json"), O_RDONLY | O_CLOEXEC);
    cr_assert_eq(flock(file, LOCK_SH), 0);
    if (fork() == 0) {
        poll(NULL, 0, 500);
        _exit(0); // with the last descriptor of the lock
    }
    close(file);
    result = faulty_run("waits", again, NULL);
    cr_assert_eq(result.status, 0, "%s", result.err);
    cr_assert_gt(result.seconds, 0.4);
    cr_assert_lt(result.seconds, 4.0);
    command_free(&result);
}

// The plugin's file changes between the run's beginning and a worker's.
Test(processes, a_plugin_that_is_another_one_for_the_workers_is_refused)
{
    char plugin[512], from[600], to[600];
    snprintf(plugin, sizeof plugin, "%s", faulty_path("plugins"));
    snprintf(from, sizeof from, "%s/faulty.so", getenv("ESPALIER_TEST_PLUGINS"));
    snprintf(to, sizeof to, "%s/faulty.so", plugin);
    const char *copy[] = {"sh", "-c", "mkdir \"$0\" && cp \"$1\" \"$0\"", plugin, from, NULL};
    struct command command = {.arguments = copy};
    struct command_result result = command_run(&command);
    cr_assert_eq(result.status, 0, "%s", result.err);
    command_free(&result);
    char search[1200], set[640];
    snprintf(search, sizeof search, "ESPALIER_PLUGINS=%s:%s", plugin, getenv("ESPALIER_PLUGINS"));
    snprintf(set, sizeof set, "FAULTY_APPEND=%s", to);
    const char *arguments[] = {
        espalier_binary(), "run",   faulty_config(),          "--out", faulty_path("changed"),
        "--quiet",         "--set", "strategy.plugin=faulty", NULL};
    const char *environment[] = {search, set, NULL};
    command = (struct command){.arguments = arguments, .environment = environment};
    result = command_run(&command);
    cr_assert_eq(result.status, 1, "status %d\n%s", result.status, result.err);
    cr_assert(strstr(result.err, "faulty.so") && strstr(result.err, "SHA-256"), "%s", result.err);
    cr_assert_eq(processes_left(0), 0);
    command_free(&result);
}

Test(processes, a_worker_is_not_started_by_hand)
{
    const char *arguments[] = {espalier_binary(), "worker", faulty_path("none"), NULL};
    struct command command = {.arguments = arguments};
    struct command_result result = command_run(&command);
    cr_assert_eq(result.status, 2);
    cr_assert(strstr(result.err, "started by a run"), "%s", result.err);
    command_free(&result);
}
