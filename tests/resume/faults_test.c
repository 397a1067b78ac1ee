// SPDX-License-Identifier: Apache-2.0
// The coordinator, or a worker, is killed (SIGKILL) at each named point where state changes hands,
// and the run is resumed: it ends in the same bits as one that nobody touched.
#include "outcome.h"

#include "support/command.h"
#include "support/folder.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *folder, *config, *expected;

static void begin(void)
{
    char out[512];
    folder = folder_temporary();
    config = outcome_config(folder);
    snprintf(out, sizeof out, "%s/whole", folder);
    outcome_run(config, out, "2", "local");
    expected = outcome_text(out);
}

static void end(void)
{
    free(expected);
    free(config);
    folder_delete(folder);
}

// Runs with a fault set; `resume` 1 where the folder holds a run already.
static int run_with(const char *out, const char *fault, const char *executor, int resume)
{
    char plugin[64];
    snprintf(plugin, sizeof plugin, "executor.plugin=%s", executor);
    const char *arguments[] = {espalier_binary(),
                               "run",
                               config,
                               "--out",
                               out,
                               "--quiet",
                               "--set",
                               plugin,
                               "--workers",
                               "2",
                               resume ? "--resume" : NULL,
                               NULL};
    char once[600];
    snprintf(once, sizeof once, "ESPALIER_FAULT_ONCE=%s.killed", out);
    const char *environment[] = {fault, once, NULL};
    struct command command = {.arguments = arguments, .environment = fault ? environment : NULL};
    struct command_result result = command_run(&command);
    int status = result.status;
    if (status != 0 && status != -SIGKILL)
        cr_log_error("%s", result.err);
    command_free(&result);
    return status;
}

// How many attempts beyond the first there were.
static json_int_t repeated(const char *out)
{
    json_t *results = espalier_results(out), *trial;
    json_int_t sum = 0;
    size_t i;
    json_array_foreach (json_object_get(results, "trials"), i, trial)
        sum += json_integer_value(json_object_get(trial, "attempt"));
    json_decref(results);
    return sum;
}

static void check_point(const char *variable, const char *point, int passage, const char *executor,
                        int dies)
{
    char out[512], fault[128];
    snprintf(out, sizeof out, "%s/%s-%s-%d", folder, executor, point, passage);
    snprintf(fault, sizeof fault, "%s=%s:%d", variable, point, passage);
    int status = run_with(out, fault, executor, 0);
    char killed[600];
    snprintf(killed, sizeof killed, "%s.killed", out);
    char *mark = file_text(killed);
    cr_assert_not_null(mark, "%s: nobody was killed", fault);
    free(mark);
    cr_assert_eq(status, dies ? -SIGKILL : 0, "%s: status %d", fault, status);
    if (dies)
        cr_assert_eq(run_with(out, NULL, executor, 1), 0, "%s: the resume failed", fault);
    char *text = outcome_text(out);
    cr_assert_str_eq(text, expected, "%s", fault);
    free(text);
    // What was out when it was killed is a new attempt, which may take up a checkpoint.
    if (strcmp(point, "submit-after") == 0 || !dies)
        cr_assert_geq(repeated(out), 1, "%s", fault);
}

Test(faults, coordinator_killed_at_each_point, .init = begin, .fini = end)
{
    static const char *const points[] = {"submit-before", "submit-after", "tell",
                                         "commit-before", "commit-after", "rename-before",
                                         "rename-after"};
    static const int passages[] = {1, 4, 9};
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++)
        for (size_t j = 0; j < sizeof passages / sizeof passages[0]; j++)
            check_point("ESPALIER_FAULT", points[i], passages[j], "local", 1);
}

Test(faults, killed_in_a_checkpoint_inline, .init = begin, .fini = end)
{
    static const char *const points[] = {"checkpoint-before", "checkpoint-written",
                                         "checkpoint-after"};
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++)
        for (int passage = 1; passage <= 6; passage += 5)
            check_point("ESPALIER_FAULT", points[i], passage, "inline", 1);
}

// A worker that dies of SIGKILL is a lost one: its trial is run again, and the run goes on.
Test(faults, worker_killed_in_a_checkpoint, .init = begin, .fini = end)
{
    static const char *const points[] = {"checkpoint-before", "checkpoint-written",
                                         "checkpoint-after"};
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++)
        check_point("ESPALIER_FAULT_WORKER", points[i], 3, "local", 0);
}
