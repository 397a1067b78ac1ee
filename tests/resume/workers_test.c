// SPDX-License-Identifier: Apache-2.0
// Same seed, same bits: with 1, 2 and 5 workers, inline, interrupted by Ctrl-C, with workers killed at
// random moments, and again. A new worker after each kill has served other trials than the one before.
#include "outcome.h"

#include "support/command.h"
#include "support/folder.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <espalier/random.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *outcome_of(const char *folder, const char *config, const char *workers,
                        const char *executor)
{
    char out[512];
    snprintf(out, sizeof out, "%s/%s-%s", folder, executor, workers);
    outcome_run(config, out, workers, executor);
    return outcome_text(out);
}

Test(workers, any_number_gives_the_same_bits)
{
    char *folder = folder_temporary();
    char *config = outcome_config(folder);
    char *one = outcome_of(folder, config, "1", "local");
    char *two = outcome_of(folder, config, "2", "local");
    char *five = outcome_of(folder, config, "5", "local");
    char *inside = outcome_of(folder, config, "1", "inline");
    cr_assert(strstr(one, "best.safetensors"), "weights are among what is compared:\n%s", one);
    cr_assert(strstr(one, "test_accuracy"), "%s", one);
    cr_assert_str_eq(one, two);
    cr_assert_str_eq(one, five);
    cr_assert_str_eq(one, inside);
    free(one);
    free(two);
    free(five);
    free(inside);
    free(config);
    folder_delete(folder);
}

Test(workers, another_seed_gives_other_bits)
{
    char *folder = folder_temporary();
    char *config = outcome_config(folder);
    char out[512];
    char *first = outcome_of(folder, config, "2", "local");
    snprintf(out, sizeof out, "%s/other", folder);
    const char *arguments[] = {"run", config, "--out", out, "--quiet", "--set", "experiment.seed=6",
                               NULL};
    free(espalier_expect(0, arguments));
    char *other = outcome_text(out);
    cr_assert_str_neq(first, other);
    free(first);
    free(other);
    free(config);
    folder_delete(folder);
}

Test(workers, an_interrupted_run_goes_on_to_the_same_end)
{
    char *folder = folder_temporary();
    char *config = outcome_config(folder);
    char out[512];
    char *expected = outcome_of(folder, config, "2", "local");
    snprintf(out, sizeof out, "%s/interrupted", folder);
    const char *arguments[] = {espalier_binary(), "run", config, "--out", out, "--quiet", NULL};
    struct command command = {.arguments = arguments, .interrupt_after = 0.15};
    struct command_result result = command_run(&command);
    // On a busy machine it may come before the run has begun, or after its end.
    cr_assert(result.status == 130 || result.status == 0 || result.status == -SIGINT,
              "status %d: %s", result.status, result.err);
    command_free(&result);
    const char *resume[] = {"run", config, "--out", out, "--quiet", "--resume", NULL};
    free(espalier_expect(0, resume));
    char *text = outcome_text(out);
    cr_assert_str_eq(text, expected);
    // A resume of a finished run shows its summary and changes nothing.
    free(espalier_expect(0, resume));
    char *again = outcome_text(out);
    cr_assert_str_eq(again, expected);
    free(text);
    free(again);
    free(expected);
    free(config);
    folder_delete(folder);
}

// ---- Workers that are killed from outside -----------------------------------------------------

// The children of a process; answers how many.
static int children_of(int process, int *out, int most)
{
    char path[64];
    int count = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", process, process);
    FILE *list = fopen(path, "r");
    while (list && count < most && fscanf(list, "%d", &out[count]) == 1)
        count++;
    if (list)
        fclose(list);
    return count;
}

// A worker of the coordinator, which is the child of a guard; 0 where there is none.
static int some_worker(int coordinator, esp_random *random)
{
    int guards[8], workers[8];
    int count = children_of(coordinator, guards, 8);
    if (count == 0)
        return 0;
    int guard = guards[esp_random_below(random, (uint64_t)count)];
    return children_of(guard, workers, 8) > 0 ? workers[0] : 0;
}

// How many trials are done: as many have a folder.
static int done_in(const char *out)
{
    char path[600];
    int count = 0;
    struct dirent *entry;
    snprintf(path, sizeof path, "%s/artifacts", out);
    DIR *folder = opendir(path);
    while (folder && (entry = readdir(folder)))
        count += entry->d_name[0] != '.';
    if (folder)
        closedir(folder);
    return count;
}

static pid_t start(const char *config, const char *out)
{
    const char *arguments[] = {
        espalier_binary(),    "run", config, "--out", out, "--quiet", "--workers", "2", "--set",
        "estimator.epochs=8", NULL};
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stdout))
            _exit(126);
        execv(arguments[0], (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    return child;
}

#define RUNS 8

Test(workers, killed_at_random_moments_change_nothing)
{
    char *folder = folder_temporary();
    char *config = outcome_config(folder);
    char out[512];
    int status, kills = 0;
    snprintf(out, sizeof out, "%s/whole", folder);
    pid_t coordinator = start(config, out);
    waitpid(coordinator, &status, 0);
    cr_assert_eq(status, 0);
    char *expected = outcome_text(out);
    esp_random random = esp_random_stream(3, 4, 0, 0, 0);
    for (int run = 0; run < RUNS; run++) {
        snprintf(out, sizeof out, "%s/run-%d", folder, run);
        coordinator = start(config, out);
        // A trial whose worker is lost four times is given up, so none may be: three kills a run, and
        // between two of them a finished trial, lest no new worker gets to work.
        int aim = -1, left = 3;
        while (waitpid(coordinator, &status, WNOHANG) == 0) {
            poll(NULL, 0, (int)esp_random_below(&random, 25));
            int done = done_in(out);
            int worker = left > 0 && done != aim ? some_worker(coordinator, &random) : 0;
            if (worker > 0 && kill(worker, SIGKILL) == 0) {
                kills++;
                left--;
                aim = done;
            }
        }
        cr_assert_eq(status, 0, "run %d: status %d", run, status);
        char *text = outcome_text(out);
        cr_assert_str_eq(text, expected, "run %d", run);
        free(text);
    }
    cr_assert_gt(kills, RUNS, "too few kills to say anything: %d", kills);
    free(expected);
    free(config);
    folder_delete(folder);
}
