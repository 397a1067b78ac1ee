// SPDX-License-Identifier: Apache-2.0
// Plugins that crash, hang, eat memory or talk nonsense, in real runs: each costs its trials alone,
// `failed` with the reason in the store; the others are done; no process is left behind.
#include "support/command.h"
#include "support/folder.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *folder, *config;

// Depths 1 to 4 of identities: as many decisions as the depth, but for the single one of depth 1.
static const char text[] = "[space]\nplugin = chain\nmin_depth = 1\nmax_depth = 3\n"
                           "operations = identity, conv_1x1\nwidths = 4\nstrides = 1\n"
                           "[strategy]\nplugin = random\n"
                           "[estimator]\nplugin = faulty\n"
                           "[dataset]\nplugin = synthetic\nheight = 4\nwidth = 4\ntrain = 20\n"
                           "[objective]\nmaximize = score\n"
                           "[budget]\ntrials = 8\n"
                           "[run]\nworkers = 2\ntrial_time_limit = 1s\ntrial_memory_limit = 300M\n";

static void begin(void)
{
    folder = folder_temporary();
    config = folder_write(folder, "faults.ini", text);
}

static void end(void)
{
    free(config);
    folder_delete(folder);
}

// Is a process there that sleeps for so many seconds, as no other does?
static int sleeper_lives(const char *seconds)
{
    char wanted[64], path[64], found[64];
    int length = snprintf(wanted, sizeof wanted, "sleep%c%s", 0, seconds) + 1, lives = 0;
    DIR *processes = opendir("/proc");
    struct dirent *entry;
    while ((entry = readdir(processes))) {
        snprintf(path, sizeof path, "/proc/%.20s/cmdline", entry->d_name);
        FILE *file = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' ? fopen(path, "r") : NULL;
        if (!file)
            continue;
        size_t size = fread(found, 1, sizeof found, file);
        lives |= size == (size_t)length && memcmp(found, wanted, size) == 0;
        fclose(file);
    }
    closedir(processes);
    return lives;
}

// Trials of depth 2 (three decisions) misbehave; the others are done.
static void check_mode(const char *mode, const char *reason, const char *state)
{
    char out[512], both[512], again[64];
    snprintf(out, sizeof out, "%s/%s", folder, mode);
    snprintf(both, sizeof both, "estimator.mode=%s", mode);
    snprintf(again, sizeof again, "estimator.when=3");
    const char *arguments[] = {
        espalier_binary(), "run", config,    "--plugins", getenv("ESPALIER_TEST_PLUGINS"),
        "--out",           out,   "--quiet", "--set",     both,
        "--set",           again, NULL};
    struct command command = {.arguments = arguments};
    struct command_result result = command_run(&command);
    cr_assert_eq(result.status, 0, "%s: status %d\n%s", mode, result.status, result.err);
    json_t *results = espalier_results(out), *trial;
    size_t i, bad = 0, good = 0;
    json_array_foreach (json_object_get(results, "trials"), i, trial) {
        json_t *arch = json_object_get(json_object_get(trial, "arch"), "decisions");
        const char *found = json_string_value(json_object_get(trial, "state"));
        const char *words = json_string_value(json_object_get(trial, "error"));
        if (json_array_size(arch) != 3) {
            cr_assert_str_eq(found, "done", "%s: trial %zu", mode, i);
            good++;
            continue;
        }
        cr_assert_str_eq(found, state, "%s: trial %zu: %s", mode, i, words ? words : "");
        if (reason)
            cr_assert(words && strstr(words, reason), "%s: '%s' in '%s'", mode, reason,
                      words ? words : "");
        bad++;
    }
    cr_assert(good > 0 && bad > 0, "%s: %zu good and %zu bad trials", mode, good, bad);
    json_decref(results);
    command_free(&result);
}

Test(faults, a_crash_costs_its_trial, .init = begin, .fini = end)
{
    check_mode("crash", "SIGSEGV", "failed");
    check_mode("abort", "SIGABRT", "failed");
    check_mode("exit", "exited with status 3", "failed");
}

Test(faults, limits_end_a_trial, .init = begin, .fini = end)
{
    check_mode("hang", "no progress for 1 s", "failed");
    check_mode("leak", "trial_memory_limit", "failed");
}

Test(faults, nonsense_is_a_failure_with_its_reason, .init = begin, .fini = end)
{
    check_mode("nan", "score is nan", "failed");
    check_mode("missing", "declared and not set", "failed");
    check_mode("undeclared", "'glory' was not declared", "failed");
    check_mode("error", "a reason of its own", "failed");
    check_mode("wordless", "gave no reason", "failed");
}

Test(faults, printing_does_no_harm, .init = begin, .fini = end)
{
    check_mode("print", NULL, "done");
}

Test(faults, a_worker_that_is_killed_is_lost_after_three_more_tries, .init = begin, .fini = end)
{
    check_mode("killed", "killed from outside", "lost");
}

Test(faults, what_a_plugin_forks_dies_with_its_worker, .init = begin, .fini = end)
{
    char seconds[32];
    snprintf(seconds, sizeof seconds, "%ld", 100000L + (long)getpid());
    setenv("FAULTY_SLEEP", seconds, 1);
    check_mode("children", "SIGABRT", "failed");
    // SIGKILL was sent; the kernel may take a moment.
    for (int i = 0; i < 40 && sleeper_lives(seconds); i++)
        usleep(50000);
    cr_assert_not(sleeper_lives(seconds), "a child of the plugin is left");
}

// ---- In the coordinator -----------------------------------------------------------------------

static const char *strategy_set = "strategy.plugin=faulty";

static struct command_result run_strategy(const char *out, const char *mode, const char *variable,
                                          int resume)
{
    const char *arguments[] = {espalier_binary(),
                               "run",
                               config,
                               "--plugins",
                               getenv("ESPALIER_TEST_PLUGINS"),
                               "--out",
                               out,
                               "--quiet",
                               "--set",
                               strategy_set,
                               "--set",
                               mode,
                               resume ? "--resume" : NULL,
                               NULL};
    const char *environment[] = {variable, NULL};
    struct command command = {.arguments = arguments, .environment = variable ? environment : NULL};
    return command_run(&command);
}

Test(strategy, a_crash_ends_the_run_names_the_plugin_and_can_be_resumed, .init = begin, .fini = end)
{
    char out[512];
    snprintf(out, sizeof out, "%s/crash", folder);
    struct command_result result = run_strategy(out, "strategy.mode=crash", "FAULTY_STRATEGY=1", 0);
    cr_assert_eq(result.status, 1, "status %d\n%s", result.status, result.err);
    cr_assert(strstr(result.err, "faulty"), "%s", result.err);
    command_free(&result);
    result = run_strategy(out, "strategy.mode=crash", NULL, 1);
    cr_assert_eq(result.status, 0, "status %d\n%s", result.status, result.err);
    json_t *results = espalier_results(out);
    cr_assert_eq(json_array_size(json_object_get(results, "trials")), 8);
    json_decref(results);
    command_free(&result);
}

Test(strategy, what_it_must_not_do_ends_the_run_with_its_name, .init = begin, .fini = end)
{
    static const char *const cases[][2] = {{"strategy.mode=wait", "wait for ever"},
                                           {"strategy.mode=mute", "without an answer"},
                                           {"strategy.mode=error", "it has had enough"}};
    for (size_t i = 0; i < 3; i++) {
        char out[512];
        snprintf(out, sizeof out, "%s/strategy-%zu", folder, i);
        struct command_result result = run_strategy(out, cases[i][0], NULL, 0);
        cr_assert_eq(result.status, 1, "%s: status %d\n%s", cases[i][0], result.status, result.err);
        cr_assert(strstr(result.err, cases[i][1]) && strstr(result.err, "faulty"), "%s",
                  result.err);
        command_free(&result);
    }
}

Test(strategy, one_that_does_not_repeat_itself_is_found_at_a_resume, .init = begin, .fini = end)
{
    char out[512];
    snprintf(out, sizeof out, "%s/unsteady", folder);
    struct command_result result = run_strategy(out, "strategy.mode=unsteady", NULL, 0);
    cr_assert_eq(result.status, 0, "%s", result.err);
    command_free(&result);
    // A larger budget makes the resume go on.
    const char *arguments[] = {espalier_binary(),
                               "run",
                               config,
                               "--plugins",
                               getenv("ESPALIER_TEST_PLUGINS"),
                               "--out",
                               out,
                               "--quiet",
                               "--set",
                               strategy_set,
                               "--set",
                               "strategy.mode=unsteady",
                               "--set",
                               "budget.trials=10",
                               "--resume",
                               NULL};
    const char *environment[] = {"FAULTY_STRATEGY=1", NULL};
    struct command command = {.arguments = arguments, .environment = environment};
    result = command_run(&command);
    cr_assert_eq(result.status, 1, "status %d\n%s", result.status, result.err);
    cr_assert(strstr(result.err, "does not repeat itself"), "%s", result.err);
    command_free(&result);
}
