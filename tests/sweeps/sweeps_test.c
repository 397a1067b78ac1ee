// SPDX-License-Identifier: Apache-2.0
// Sweeps end to end: killed and interrupted at random moments and resumed, they end in the same results;
// finished runs are not repeated; one that fails costs nothing but itself.
#include "support/command.h"
#include "support/folder.h"
#include "support/processes.h"

#include <criterion/criterion.h>
#include <espalier/random.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define HEAD "[experiment]\nname = a\n[space]\nplugin = chain\nmax_depth = 4\n"
#define FORMULA "[estimator]\nplugin = nk_landscape\n[objective]\nmaximize = fitness\n"
#define TWENTY                                                                                     \
    "[strategy.regularized_evolution]\npopulation = 10\ntournament = 3\n[sweep]\n"                 \
    "strategy.plugin = random, regularized_evolution\nexperiment.seed = 1..10\n"

static char *folder, *config;

static void begin(void)
{
    folder = folder_temporary();
    processes_adopt();
}

static void end(void)
{
    free(config);
    folder_delete(folder);
}

TestSuite(sweeps, .init = begin, .fini = end, .timeout = 280);

static char *out_of(const char *name)
{
    static char places[4][512];
    static int next;
    char *place = places[next++ % 4];
    snprintf(place, sizeof places[0], "%s/%s", folder, name);
    return place;
}

static struct command_result sweep(const char *out, const char *set, double kill_after,
                                   double interrupt_after)
{
    const char *arguments[] = {espalier_binary(),
                               "sweep",
                               config,
                               "--out",
                               out,
                               "--workers",
                               "3",
                               "--plugins",
                               getenv("ESPALIER_TEST_PLUGINS"),
                               set ? "--set" : NULL,
                               set,
                               NULL};
    struct command command = {
        .arguments = arguments, .kill_after = kill_after, .interrupt_after = interrupt_after};
    return command_run(&command);
}

static void expect(int status, const char *out, const char *set)
{
    struct command_result result = sweep(out, set, 0, 0);
    cr_assert_eq(result.status, status, "status %d\n%s%s", result.status, result.out, result.err);
    command_free(&result);
}

static json_t *runs_of(const char *out)
{
    const char *arguments[] = {"results", out, "--runs", "--json", NULL};
    char *text = espalier_expect(0, arguments);
    json_t *json = json_loads(text, 0, NULL);
    cr_assert_not_null(json, "%s", text);
    free(text);
    return json;
}

// All that must be equal: of each run its settings and state, of each trial its architecture and exact
// metrics. Owner: the caller (free).
static char *outcome(const char *out)
{
    json_t *list = runs_of(out), *run, *trial, *all = json_array();
    size_t i, j;
    json_array_foreach (json_object_get(list, "runs"), i, run) {
        json_t *results = espalier_results(json_string_value(json_object_get(run, "folder"))),
               *trials;
        trials = json_object_get(results, "trials");
        json_array_foreach (trials, j, trial) {
            json_object_del(trial, "seconds");
            json_object_del(trial, "attempt");
            json_object_del(json_object_get(trial, "metrics"), "train_seconds");
        }
        json_array_append_new(all, json_pack("{s:O, s:O, s:O}", "settings",
                                             json_object_get(run, "settings"), "state",
                                             json_object_get(run, "state"), "trials", trials));
        json_decref(results);
    }
    char *text = json_dumps(all, JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
    json_decref(all);
    json_decref(list);
    return text;
}

static void compare(const char *out, const char *expected, const char *what)
{
    char *text = outcome(out);
    cr_assert_str_eq(text, expected, "%s", what);
    free(text);
}

static size_t count_runs(const char *out, const char *state)
{
    json_t *list = runs_of(out), *run;
    size_t i, count = 0;
    json_array_foreach (json_object_get(list, "runs"), i, run)
        count += strcmp(json_string_value(json_object_get(run, "state")), state) == 0;
    json_decref(list);
    return count;
}

Test(sweeps, killed_at_random_moments_end_in_the_same_results)
{
    config = folder_write(folder, "a.ini", HEAD FORMULA TWENTY "[budget]\ntrials = 250\n");
    struct command_result whole = sweep(out_of("whole"), NULL, 0, 0);
    cr_assert_eq(whole.status, 0, "%s", whole.err);
    double most = whole.seconds; // a kill comes before the end, however fast this machine is
    command_free(&whole);
    cr_assert_eq(count_runs(out_of("whole"), "done"), 20);
    char *expected = outcome(out_of("whole"));
    esp_random random = esp_random_stream(3, 1, 0, 0, 0);
    int kills = 0;
    for (int round = 0; round < 3 || (kills < 3 && round < 20); round++) {
        char name[32];
        snprintf(name, sizeof name, "killed-%d", round);
        char *out = strdup(out_of(name));
        for (int tries = 0;; tries++) {
            double moment = tries < 20 ? 0.002 + 0.5 * most * esp_random_real(&random) : 0;
            struct command_result result = sweep(out, NULL, moment, 0);
            cr_assert(result.status == 0 || result.status == -SIGKILL, "%s, status %d\n%s", name,
                      result.status, result.err);
            bool over = result.status == 0;
            command_free(&result);
            // Runs die with their sweep.
            cr_assert_eq(processes_left(5.0), 0, "%s: a process is left", name);
            if (over)
                break;
            kills++;
        }
        compare(out, expected, name);
        free(out);
    }
    cr_assert_geq(kills, 3, "only %d kills", kills);
    free(expected);
}

Test(sweeps, interrupted_they_say_so_and_go_on)
{
    config = folder_write(folder, "a.ini", HEAD FORMULA TWENTY "[budget]\ntrials = 500\n");
    expect(0, out_of("whole"), NULL);
    char *expected = outcome(out_of("whole")), *out = NULL;
    // A moment in the midst of it, on a machine that may be busy: from early ones to late ones.
    bool cut = false;
    for (int tries = 0; !cut && tries < 60; tries++) {
        char name[32];
        snprintf(name, sizeof name, "cut-%d", tries);
        free(out);
        out = strdup(out_of(name));
        struct command_result result = sweep(out, NULL, 0, 0.05 + 0.02 * tries);
        // On a busy machine the signal may come before the program's first line.
        cr_assert(result.status == 130 || result.status == 0 || result.status == -SIGINT,
                  "status %d\n%s", result.status, result.err);
        cut = result.status == 130 && strstr(result.err, "the same command goes on");
        cr_assert_eq(processes_left(5.0), 0);
        command_free(&result);
    }
    cr_assert(cut);
    cr_assert_lt(count_runs(out, "done"), 20);
    expect(0, out, NULL);
    compare(out, expected, "interrupted");
    free(out);
    free(expected);
}

// The process of one run of the sweep; 0 where there is none now.
static int first_child(pid_t process)
{
    char path[64];
    int child = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", process, process);
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%d", &child) != 1)
        child = 0;
    if (file)
        fclose(file);
    return child;
}

// What takes memory away kills single runs: the sweep begins them again.
Test(sweeps, a_run_that_is_killed_from_outside_goes_on)
{
    config = folder_write(folder, "a.ini", HEAD FORMULA TWENTY "[budget]\ntrials = 500\n");
    expect(0, out_of("whole"), NULL);
    char *expected = outcome(out_of("whole")), *out = strdup(out_of("hit"));
    pid_t process = fork();
    if (process == 0) {
        execl(espalier_binary(), "espalier", "sweep", config, "--out", out, "--quiet", "--workers",
              "3", NULL);
        _exit(127);
    }
    int status = 0, kills = 0;
    while (waitpid(process, &status, WNOHANG) == 0) {
        int child = kills < 3 ? first_child(process) : 0;
        if (child > 0 && kill(child, SIGKILL) == 0)
            kills++;
        usleep(20000);
    }
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
    cr_assert_eq(kills, 3);
    compare(out, expected, "killed runs");
    free(out);
    free(expected);
}

Test(sweeps, adding_values_runs_only_what_is_new)
{
    config = folder_write(folder, "a.ini",
                          HEAD FORMULA "[strategy]\nplugin = random\n[budget]\ntrials = 50\n"
                                       "[sweep]\nexperiment.seed = 1..3\n");
    expect(0, out_of("out"), NULL);
    struct command_result result = sweep(out_of("out"), NULL, 0, 0);
    cr_assert_eq(result.status, 0);
    cr_assert_not(strstr(result.err, "seed="), "something ran again:\n%s", result.err);
    command_free(&result);
    result = sweep(out_of("out"), "sweep.experiment.seed=1..5", 0, 0);
    cr_assert_eq(result.status, 0, "%s", result.err);
    for (int seed = 1; seed <= 5; seed++) {
        char name[32];
        snprintf(name, sizeof name, "seed=%d: done", seed);
        cr_assert_eq(strstr(result.err, name) != NULL, seed > 3, "%s\n%s", name, result.err);
    }
    command_free(&result);
    cr_assert_eq(count_runs(out_of("out"), "done"), 5);
    // A larger budget goes on with every run.
    expect(0, out_of("out"), "budget.trials=80");
    json_t *list = runs_of(out_of("out")), *run;
    size_t i;
    json_array_foreach (json_object_get(list, "runs"), i, run)
        if (i < 3) // those of the axes as they stand now
            cr_assert_eq(json_integer_value(json_object_get(run, "trials")), 80);
    json_decref(list);
}

Test(sweeps, a_run_that_fails_is_told_and_the_rest_goes_on)
{
    config = folder_write(folder, "a.ini",
                          HEAD FORMULA "[budget]\ntrials = 20\n[strategy.faulty]\nmode = crash\n"
                                       "[sweep]\nstrategy.plugin = random, faulty\n"
                                       "experiment.seed = 1..3\n");
    setenv("FAULTY_STRATEGY", "1", 1);
    struct command_result result = sweep(out_of("out"), NULL, 0, 0);
    cr_assert_eq(result.status, 1, "status %d\n%s", result.status, result.err);
    cr_assert(strstr(result.err, "strategy=faulty,seed=2: failed: strategy faulty crashed"), "%s",
              result.err);
    cr_assert(strstr(result.out, "3 done, 3 failed"), "%s", result.out);
    command_free(&result);
    const char *list[] = {"results", out_of("out"), "--runs", NULL};
    char *text = espalier_expect(0, list);
    cr_assert(strstr(text, "failed"), "%s", text);
    free(text);
    // Mended, the same command makes them and no others.
    unsetenv("FAULTY_STRATEGY");
    result = sweep(out_of("out"), NULL, 0, 0);
    cr_assert_eq(result.status, 0, "status %d\n%s", result.status, result.err);
    cr_assert_not(strstr(result.err, "strategy=random"), "%s", result.err);
    command_free(&result);
    cr_assert_eq(count_runs(out_of("out"), "done"), 6);
}

// What is refused as late as a run's opening is that run's failure.
Test(sweeps, a_run_that_cannot_begin_is_told)
{
    config = folder_write(folder, "a.ini",
                          HEAD FORMULA "[strategy]\nplugin = random\n[budget]\ntrials = 5\n"
                                       "[sweep]\nspace.min_depth = 2, 9\n");
    struct command_result result = sweep(out_of("out"), NULL, 0, 0);
    cr_assert_eq(result.status, 1, "status %d\n%s", result.status, result.err);
    cr_assert(strstr(result.err, "min_depth=9: failed: "), "%s", result.err);
    cr_assert(strstr(result.err, "min_depth 9"), "%s", result.err);
    command_free(&result);
    cr_assert_eq(count_runs(out_of("out"), "done"), 1);
    cr_assert_eq(count_runs(out_of("out"), "failed"), 1);
}

Test(sweeps, conditions_and_settings_of_methods_reach_the_runs)
{
    config = folder_write(
        folder, "a.ini",
        HEAD FORMULA
        "[budget]\ntrials = 5\n[strategy.regularized_evolution]\ntournament = 2\npopulation = 99\n"
        "[sweep]\nstrategy.plugin = random, regularized_evolution\n[sweep.evolution]\n"
        "when = strategy.plugin == regularized_evolution\nstrategy.population = 4, 8\n");
    expect(0, out_of("out"), NULL);
    cr_assert_eq(count_runs(out_of("out"), "done"), 3);
    char *path = NULL;
    if (asprintf(&path, "%s/runs/strategy=regularized_evolution,population=8", out_of("out")) < 0)
        abort();
    json_t *results = espalier_results(path);
    const char *text =
        json_string_value(json_object_get(json_object_get(results, "run"), "config"));
    cr_assert_not_null(text);
    cr_assert(strstr(text, "\npopulation = 8\ntournament = 2\n"), "%s", text);
    json_decref(results);
    free(path);
}

Test(sweeps, trainings_share_the_pool_and_go_on_after_a_kill)
{
    config = folder_write(
        folder, "a.ini",
        HEAD "[strategy]\nplugin = random\n[estimator]\nplugin = train\nepochs = 1\nbatch = 20\n"
             "[dataset]\nplugin = synthetic\nheight = 8\nwidth = 8\nclasses = 4\ntrain = 60\n"
             "valid = 20\ntest = 20\n[objective]\nmaximize = valid_accuracy\n[budget]\ntrials = 6\n"
             "[final]\nretrain = best\n[sweep]\nexperiment.seed = 1..4\n");
    expect(0, out_of("whole"), NULL);
    char *expected = outcome(out_of("whole"));
    for (int tries = 0;; tries++) {
        struct command_result result = sweep(out_of("cut"), NULL, tries < 5 ? 0.4 : 0, 0);
        cr_assert(result.status == 0 || result.status == -SIGKILL, "%d\n%s", result.status,
                  result.err);
        bool over = result.status == 0;
        command_free(&result);
        cr_assert_eq(processes_left(5.0), 0);
        if (over)
            break;
    }
    compare(out_of("cut"), expected, "trainings");
    free(expected);
    // Rows in one store; weights stay with their run, and are found.
    char run[1024], weights[1200];
    snprintf(run, sizeof run, "%s/runs/seed=3", out_of("cut"));
    snprintf(weights, sizeof weights, "%s/w.safetensors", folder);
    free(espalier_expect(0, (const char *[]){"export", run, "final-0", "--format", "safetensors",
                                             "-o", weights, NULL}));
    free(espalier_expect(0, (const char *[]){"train", run, "best", NULL}));
    free(espalier_expect(0, (const char *[]){"export", run, "final-1", "--format", "safetensors",
                                             "-o", weights, NULL}));
    expect(0, out_of("cut"), NULL);
}

Test(sweeps, a_dry_run_lists_and_estimates_and_leaves_nothing)
{
    config = folder_write(folder, "a.ini", HEAD FORMULA TWENTY "[budget]\ntrials = 100\n");
    const char *arguments[] = {"sweep", config, "--out", out_of("out"), "--dry-run", NULL};
    char *text = espalier_expect(0, arguments);
    cr_assert(strstr(text, "strategy=regularized_evolution,seed=10"), "%s", text);
    cr_assert(strstr(text, "20 runs, 0 done"), "%s", text);
    cr_assert(strstr(text, "about 0."), "%s", text);
    free(text);
    char *index = file_text(out_of("out/sweep.json"));
    cr_assert_null(index);
}
