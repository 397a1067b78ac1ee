// SPDX-License-Identifier: Apache-2.0
// Ctrl-C and SIGTERM in the midst of trainings: the first Ctrl-C lets what runs come to its end, a second
// one and SIGTERM do not; after each the run goes on to the bits of one that was left alone.
#include "outcome.h"
#include "support/command.h"
#include "support/folder.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// Long enough that a signal after the first result finds the next trials at work.
#define FEW                                                                                        \
    "--workers", "2", "--set", "budget.trials=5", "--set", "dataset.train=600", "--set",           \
        "estimator.epochs=8", "--set", "final.retrain=none"

// Runs `config` into `out`; at the first result it gets `count` signals `number`. Answers its exit
// status and what it wrote to standard error in `said`.
static int run_and_signal(const char *config, const char *out, int number, int count, char *said,
                          size_t size)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    pid_t process = fork();
    if (process == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        execl(espalier_binary(), "espalier", "run", config, "--out", out, FEW, NULL);
        _exit(127);
    }
    close(ends[1]);
    size_t used = 0;
    ssize_t got;
    bool sent = false;
    while (used + 1 < size && (got = read(ends[0], said + used, size - used - 1)) > 0) {
        used += (size_t)got;
        said[used] = '\0';
        for (int i = 0; !sent && strstr(said, "valid_accuracy") && i < count; i++)
            kill(process, number);
        sent = sent || strstr(said, "valid_accuracy");
    }
    close(ends[0]);
    int status = 0;
    waitpid(process, &status, 0);
    cr_assert(sent, "%s", said);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int count_state(const char *out, const char *state)
{
    json_t *results = espalier_results(out), *trial;
    size_t i;
    int count = 0;
    json_array_foreach (json_object_get(results, "trials"), i, trial)
        count += strcmp(json_string_value(json_object_get(trial, "state")), state) == 0;
    json_decref(results);
    return count;
}

static void check(int number, int count, bool drained)
{
    char *folder = folder_temporary(), *config = outcome_config(folder);
    char whole[512], out[512], said[8192] = "";
    snprintf(whole, sizeof whole, "%s/whole", folder);
    snprintf(out, sizeof out, "%s/out", folder);
    free(espalier_expect(0, (const char *[]){"run", config, "--out", whole, "--quiet", FEW, NULL}));
    int status = run_and_signal(config, out, number, count, said, sizeof said);
    cr_assert_eq(status, 130, "status %d\n%s", status, said);
    cr_expect_eq(strstr(said, "come to their end first") != NULL, drained, "%s", said);
    int running = count_state(out, "running");
    cr_expect_eq(running == 0, drained, "%d trials are left running\n%s", running, said);
    cr_expect_lt(count_state(out, "done"), 5, "nothing was left to do\n%s", said);
    const char *resume[] = {"run", config, "--out", out, "--quiet", "--resume", FEW, NULL};
    free(espalier_expect(0, resume));
    char *expected = outcome_text(whole), *text = outcome_text(out);
    cr_assert_str_eq(text, expected);
    free(expected);
    free(text);
    free(config);
    folder_delete(folder);
}

Test(interrupt, once_what_runs_comes_to_its_end)
{
    check(SIGINT, 1, true);
}

Test(interrupt, terminated_it_stops_now)
{
    check(SIGTERM, 1, false);
}

// The second Ctrl-C comes while the first one's trials run.
Test(interrupt, twice_it_stops_now)
{
    char *folder = folder_temporary(), *config = outcome_config(folder);
    char out[512];
    snprintf(out, sizeof out, "%s/out", folder);
    const char *arguments[] = {
        espalier_binary(),         "run", config, "--out", out, "--workers", "2", "--set",
        "estimator.epochs=100000", NULL};
    struct command command = {
        .arguments = arguments, .interrupt_after = 1.0, .interrupt_again_after = 2.0};
    struct command_result result = command_run(&command);
    cr_assert_eq(result.status, 130, "status %d: %s", result.status, result.err);
    cr_assert(strstr(result.err, "come to their end first"), "%s", result.err);
    cr_assert_lt(result.seconds, 20.0);
    cr_assert_eq(count_state(out, "done"), 0);
    command_free(&result);
    free(config);
    folder_delete(folder);
}
