// SPDX-License-Identifier: Apache-2.0
// Strategies that crash or break their contract, in the coordinator: the run ends with status 1 and
// names the plugin, no process is left, and the run can be resumed.
#include "faulty_run.h"

#include "support/processes.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(strategies, .init = faulty_begin, .fini = faulty_end);

// The fault strikes where FAULTY_STRATEGY is set, so that a resume can do without.
static struct command_result run_mode(const char *name, const char *mode, int strikes,
                                      const char *third)
{
    char set[64];
    snprintf(set, sizeof set, "strategy.mode=%s", mode);
    const char *arguments[] = {"--set", "strategy.plugin=faulty", "--set", set, third, NULL};
    const char *environment[] = {"FAULTY_STRATEGY=1", NULL};
    struct command_result result = faulty_run(name, arguments, strikes ? environment : NULL);
    cr_assert_eq(processes_left(2.0), 0, "%s: a process is left", mode);
    return result;
}

static void expect_failure(struct command_result *result, const char *mode, const char *words)
{
    cr_assert_eq(result->status, 1, "%s: status %d\n%s", mode, result->status, result->err);
    cr_assert(strstr(result->err, "strategy faulty"), "%s: %s", mode, result->err);
    cr_assert(strstr(result->err, words), "%s: %s", mode, result->err);
    command_free(result);
}

Test(strategies, a_crash_ends_the_run_names_the_plugin_and_can_be_resumed)
{
    static const char *const cases[][2] = {{"crash", "SIGSEGV"},
                                           {"abort", "SIGABRT"},
                                           {"exit", "exit"},
                                           {"crash_in_tell", "SIGSEGV"},
                                           {"decide", "SIGSEGV"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *mode = cases[i][0];
        struct command_result result = run_mode(mode, mode, 1, NULL);
        expect_failure(&result, mode, cases[i][1]);
        result = run_mode(mode, mode, 0, "--resume");
        cr_assert_eq(result.status, 0, "%s: status %d\n%s", mode, result.status, result.err);
        command_free(&result);
        json_t *results = espalier_results(faulty_path(mode));
        cr_assert_eq(json_array_size(json_object_get(results, "trials")), 8);
        json_decref(results);
    }
}

Test(strategies, what_they_must_not_do_ends_the_run_with_their_name)
{
    static const char *const cases[][2] = {{"wait", "wait for ever"},
                                           {"mute", "without an answer"},
                                           {"error", "it has had enough"},
                                           {"error_in_tell", "it will not hear"},
                                           {"wordless", "gave no reason"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct command_result result = run_mode(cases[i][0], cases[i][0], 1, NULL);
        expect_failure(&result, cases[i][0], cases[i][1]);
    }
}

Test(strategies, one_that_does_not_repeat_itself_is_found_at_a_resume)
{
    struct command_result result = run_mode("unsteady", "unsteady", 0, NULL);
    cr_assert_eq(result.status, 0, "%s", result.err);
    command_free(&result);
    // A larger budget makes the resume go on.
    const char *arguments[] = {
        "--set", "strategy.plugin=faulty", "--set",    "strategy.mode=unsteady",
        "--set", "budget.trials=10",       "--resume", NULL};
    const char *environment[] = {"FAULTY_STRATEGY=1", NULL};
    result = faulty_run("unsteady", arguments, environment);
    expect_failure(&result, "unsteady", "does not repeat itself");
}

// The loop does not run while a strategy hangs: the first Ctrl-C says whom it waits for, the second one
// ends the program.
Test(strategies, one_that_hangs_is_ended_by_a_second_interrupt)
{
    const char *arguments[] = {espalier_binary(),
                               "run",
                               faulty_config(),
                               "--plugins",
                               getenv("ESPALIER_TEST_PLUGINS"),
                               "--out",
                               faulty_path("hang"),
                               "--quiet",
                               "--set",
                               "strategy.plugin=faulty",
                               "--set",
                               "strategy.mode=hang",
                               NULL};
    const char *environment[] = {"FAULTY_STRATEGY=1", NULL};
    struct command command = {.arguments = arguments,
                              .environment = environment,
                              .interrupt_after = 1.0,
                              .interrupt_again_after = 1.5};
    struct command_result result = command_run(&command);
    cr_assert_eq(result.status, 130, "status %d\n%s", result.status, result.err);
    cr_assert(strstr(result.err, "waits for strategy faulty"), "%s", result.err);
    cr_assert_lt(result.seconds, 10.0);
    cr_assert_eq(processes_left(2.0), 0, "a process is left");
    command_free(&result);
    result = run_mode("hang", "hang", 0, "--resume");
    cr_assert_eq(result.status, 0, "status %d\n%s", result.status, result.err);
    command_free(&result);
}
