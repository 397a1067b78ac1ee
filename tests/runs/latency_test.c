// SPDX-License-Identifier: Apache-2.0
// latency_ms in whole searches: minimised, as a constraint, stored and resumed; and kills of whoever
// measures, and of the coordinator, while the others stand still.
#include "support/command.h"
#include "support/folder.h"
#include "support/processes.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *folder, *config, out[512];

static void write_config(const char *objective, const char *estimator, int trials)
{
    char *text = NULL;
    if (asprintf(&text,
                 "[space]\nplugin = chain\nmax_depth = 2\nwidths = 4, 8\n[strategy]\n"
                 "plugin = random\n[estimator]\nplugin = train\nepochs = 2\nbatch = 20\n%s"
                 "[dataset]\nplugin = synthetic\nheight = 8\nwidth = 8\nclasses = 4\ntrain = 60\n"
                 "valid = 20\n[objective]\n%s[budget]\ntrials = %d\n[run]\nworkers = 2\n"
                 "keep = none\n",
                 estimator, objective, trials) < 0)
        abort();
    config = folder_write(folder, "a.ini", text);
    free(text);
}

static void begin(void)
{
    folder = folder_temporary();
    snprintf(out, sizeof out, "%s/out", folder);
}

static void end(void)
{
    free(config);
    folder_delete(folder);
}

static int run(const char *fault, const char *budget)
{
    char once[600];
    snprintf(once, sizeof once, "ESPALIER_FAULT_ONCE=%s/killed", folder);
    const char *environment[] = {fault, once, NULL};
    const char *arguments[] = {espalier_binary(), "run",      config,  "--out", out,
                               "--quiet",         "--resume", "--set", budget,  NULL};
    struct command command = {.arguments = arguments, .environment = fault ? environment : NULL};
    struct command_result result = command_run(&command);
    int status = result.status;
    command_free(&result);
    return status;
}

// All trials are done and have one; answers how many there are.
static size_t check_trials(double *latencies)
{
    json_t *results = espalier_results(out), *trial;
    size_t i;
    json_array_foreach (json_object_get(results, "trials"), i, trial) {
        json_t *value = json_object_get(json_object_get(trial, "metrics"), "latency_ms");
        cr_assert_str_eq(json_string_value(json_object_get(trial, "state")), "done");
        cr_assert(json_is_number(value), "trial %zu", i);
        latencies[i] = json_number_value(value);
        cr_assert(latencies[i] > 0 && latencies[i] < 1000, "%g ms", latencies[i]);
    }
    json_decref(results);
    return i;
}

TestSuite(latency, .init = begin, .fini = end, .timeout = 60);

Test(latency, is_an_objective_that_is_stored_and_resumed)
{
    double before[4], after[6];
    write_config("maximize = valid_accuracy\nminimize = latency_ms\n",
                 "latency_repetitions = 5\nlatency_batch = 2\n", 4);
    cr_assert_eq(run(NULL, "budget.trials=4"), 0);
    cr_assert_eq(check_trials(before), 4);
    cr_assert_eq(run(NULL, "budget.trials=6"), 0);
    cr_assert_eq(check_trials(after), 6);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(before[i], after[i], "what was measured stays");
    const char *show[] = {"show", out, "0", NULL};
    char *shown = espalier_expect(0, show);
    const char *line = strstr(shown, "latency_ms");
    cr_assert(line && strstr(line, "(measured)") < strchr(line, '\n'), "%s", shown);
    free(shown);
    json_t *results = espalier_results(out);
    cr_assert_gt(json_array_size(json_object_get(results, "front")), 0);
    json_decref(results);
}

Test(latency, is_a_constraint)
{
    double latencies[4];
    write_config("maximize = valid_accuracy\nsubject_to = latency_ms <= 1e-6\n",
                 "latency_repetitions = 3\n", 2);
    cr_assert_eq(run(NULL, "budget.trials=2"), 1, "there is no result");
    cr_assert_eq(check_trials(latencies), 2);
    json_t *results = espalier_results(out);
    cr_assert_eq(json_array_size(json_object_get(results, "front")), 0, "none is feasible");
    json_decref(results);
}

Test(latency, is_measured_where_it_is_wanted_alone)
{
    double latencies[4];
    write_config("maximize = valid_accuracy\n", "", 2);
    cr_assert_eq(run(NULL, "budget.trials=2"), 0);
    json_t *results = espalier_results(out);
    json_t *trial = json_array_get(json_object_get(results, "trials"), 0);
    cr_assert_null(json_object_get(json_object_get(trial, "metrics"), "latency_ms"));
    json_decref(results);
    free(config);
    snprintf(out, sizeof out, "%s/other", folder);
    write_config("maximize = valid_accuracy\n", "latency = yes\nlatency_repetitions = 3\n", 2);
    cr_assert_eq(run(NULL, "budget.trials=2"), 0);
    cr_assert_eq(check_trials(latencies), 2);
}

// The median grows with what is computed.
Test(latency, of_a_batch_is_longer_than_of_one_sample)
{
    double of_one[4], of_many[4];
    write_config("minimize = latency_ms\n", "latency_repetitions = 20\n", 2);
    cr_assert_eq(run(NULL, "budget.trials=2"), 0);
    check_trials(of_one);
    free(config);
    snprintf(out, sizeof out, "%s/other", folder);
    write_config("minimize = latency_ms\n", "latency_repetitions = 20\nlatency_batch = 256\n", 2);
    cr_assert_eq(run(NULL, "budget.trials=2"), 0);
    check_trials(of_many);
    for (int i = 0; i < 2; i++)
        cr_assert_gt(of_many[i], 3 * of_one[i]);
}

// ---- Kills --------------------------------------------------------------------------------------

static void expect_kill(void)
{
    char path[600];
    snprintf(path, sizeof path, "%s/killed", folder);
    char *mark = file_text(path);
    cr_assert_not_null(mark, "nobody was killed");
    free(mark);
}

Test(latency, a_worker_that_is_killed_while_it_measures_costs_an_attempt)
{
    double latencies[8];
    processes_adopt();
    write_config("minimize = latency_ms\n", "latency_repetitions = 3\n", 6);
    cr_assert_eq(run("ESPALIER_FAULT_WORKER=quiet:2", "budget.trials=6"), 0);
    expect_kill();
    cr_assert_eq(check_trials(latencies), 6);
    json_t *results = espalier_results(out), *trial;
    json_int_t attempts = 0;
    size_t i;
    json_array_foreach (json_object_get(results, "trials"), i, trial)
        attempts += json_integer_value(json_object_get(trial, "attempt"));
    cr_assert_eq(attempts, 1, "%d more attempts", (int)attempts);
    json_decref(results);
    cr_assert_eq(processes_left(2), 0, "a process is left");
}

// Workers that stand still die with it.
Test(latency, a_coordinator_that_is_killed_in_a_pause_leaves_no_worker_and_resumes)
{
    double latencies[8];
    processes_adopt();
    write_config("minimize = latency_ms\n", "latency_repetitions = 3\n", 6);
    cr_assert_eq(run("ESPALIER_FAULT=quiet-granted:2", "budget.trials=6"), -SIGKILL);
    expect_kill();
    cr_assert_eq(processes_left(5), 0, "a process is left");
    cr_assert_eq(run(NULL, "budget.trials=6"), 0);
    cr_assert_eq(check_trials(latencies), 6);
}
