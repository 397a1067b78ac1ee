// SPDX-License-Identifier: Apache-2.0
// Estimators that crash, hang, eat memory or talk nonsense, in real runs: each fault costs its trial
// alone, `failed` with the reason in the store; the others are done; no process is left behind.
#include "faulty_run.h"

#include "support/folder.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_mode(const char *mode, const char *reason, const char *state)
{
    char both[64];
    snprintf(both, sizeof both, "estimator.mode=%s", mode);
    const char *arguments[] = {"--set", both, "--set", "estimator.when=3", NULL};
    faulty_check(mode, arguments, faulty_has_three_decisions, state, reason);
}

TestSuite(estimators, .init = faulty_begin, .fini = faulty_end);

Test(estimators, a_crash_costs_its_trial)
{
    check_mode("crash", "the worker died of SIGSEGV (segmentation fault)", "failed");
    check_mode("abort", "the worker died of SIGABRT (aborted): faulty.c:1: it cannot be so",
               "failed");
    check_mode("divide", "the worker died of SIGFPE (arithmetic error)", "failed");
    check_mode("overflow", "the worker died of SIGSEGV (segmentation fault)", "failed");
    check_mode("exit", "the worker exited with status 3", "failed");
}

static int has_crashing_create(json_t *trial)
{
    json_t *decisions = json_object_get(json_object_get(trial, "arch"), "decisions"), *decision;
    size_t i;
    json_array_foreach (decisions, i, decision)
        if (strcmp(json_string_value(json_array_get(decision, 0)), "@estimator/mode") == 0)
            return strcmp(json_string_value(json_array_get(decision, 1)), "in_create") == 0;
    return 0;
}

// A searched parameter, so that the worker makes an instance for the trial.
Test(estimators, a_crash_in_create_costs_its_trial)
{
    const char *arguments[] = {"--set", "estimator.mode=one_of(none, in_create)", NULL};
    faulty_check("in_create", arguments, has_crashing_create, "failed",
                 "the worker died of SIGSEGV (segmentation fault)");
}

Test(estimators, no_progress_within_the_limit_ends_a_trial)
{
    check_mode("hang", "no progress for 1 s (trial_time_limit)", "failed");
    check_mode("deaf", "no progress for 1 s (trial_time_limit)", "failed");
}

Test(estimators, progress_keeps_a_trial_alive)
{
    check_mode("slow", NULL, "done");
}

// What of a trial does not hang on a clock; of those of three decisions nothing.
static json_t *kept_rows(const char *name)
{
    static const char *const keys[] = {"arch", "hash", "metrics", "state"};
    json_t *results = espalier_results(faulty_path(name)), *rows = json_array(), *trial;
    size_t i;
    json_array_foreach (json_object_get(results, "trials"), i, trial) {
        json_t *row = json_object();
        for (size_t k = 0; k < 4 && !faulty_has_three_decisions(trial); k++)
            json_object_set(row, keys[k], json_object_get(trial, keys[k]));
        json_array_append_new(rows, row);
    }
    cr_assert_eq(json_array_size(rows), 8, "%s", name);
    json_decref(results);
    return rows;
}

static void expect_same_rows(const char *name)
{
    json_t *with = kept_rows(name), *without = kept_rows("undisturbed");
    cr_assert(json_equal(with, without), "%s: the other trials are not what they were", name);
    json_decref(with);
    json_decref(without);
}

// Whatever is said in the worker's channel, past the worker.
Test(estimators, a_hostile_worker_changes_no_other_trial)
{
    static const char *const modes[] = {"too_long", "out_of_turn", "torrent"};
    const char *none[] = {NULL};
    struct command_result result = faulty_run("undisturbed", none, NULL);
    cr_assert_eq(result.status, 0, "%s", result.err);
    command_free(&result);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        check_mode(modes[i], "the worker's answer is none of Espalier", "failed");
        expect_same_rows(modes[i]);
    }
    // The first result is the trial's; the second one costs its worker, and not the trial that comes next.
    check_mode("two_results", NULL, "done");
    expect_same_rows("two_results");
}

Test(estimators, too_much_memory_ends_a_trial)
{
    // On a busy machine it takes its time, which is not what is looked at here.
    const char *arguments[] = {"--set", "estimator.mode=leak",      "--set", "estimator.when=3",
                               "--set", "run.trial_time_limit=60s", NULL};
    faulty_check("leak", arguments, faulty_has_three_decisions, "failed",
                 "passed 300.0 MiB of resident memory (trial_memory_limit)");
}

Test(estimators, nonsense_is_a_failure_with_its_reason)
{
    check_mode("nan", "score is nan", "failed");
    check_mode("infinite", "score is -inf", "failed");
    check_mode("nan_step", "step is nan", "failed");
    check_mode("missing", "metric score was declared and not set", "failed");
    check_mode("undeclared", "'glory' was not declared", "failed");
    check_mode("error", "a reason of its own", "failed");
    check_mode("wordless", "gave no reason", "failed");
    check_mode("bad_text", "no ?( text?", "failed");
}

Test(estimators, the_channel_to_the_coordinator_is_safe_from_standard_streams)
{
    check_mode("print", NULL, "done");
    check_mode("flood", NULL, "done");
    check_mode("read", NULL, "done");
    check_mode("twice", NULL, "done");
    char *log = file_text(faulty_path("print/log.txt"));
    cr_assert(strstr(log, "rubbish on standard output"), "%s", log);
    free(log);
    // A megabyte was printed by each such trial.
    log = file_text(faulty_path("flood/log.txt"));
    cr_assert(strstr(log, "rubbish on standard output, line 0"));
    cr_assert(strstr(log, "left out"));
    cr_assert_lt(strlen(log), 2u << 20);
    free(log);
}

Test(estimators, who_breaks_the_channel_fails)
{
    check_mode("vandal", "none of Espalier", "failed");
    check_mode("closes", "the worker closed its channel", "failed");
}

Test(estimators, a_worker_that_is_killed_is_lost_after_three_more_tries)
{
    check_mode("killed", "killed from outside (SIGKILL)", "lost");
}

Test(estimators, what_they_start_dies_with_the_worker)
{
    check_mode("children", "SIGABRT", "failed");
    check_mode("daemon", "SIGSEGV", "failed");
    check_mode("survivors", NULL, "done");
}
