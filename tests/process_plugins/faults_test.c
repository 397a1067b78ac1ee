// SPDX-License-Identifier: Apache-2.0
// Programs that do what they should not. Whatever it is, it has its own words with the plugin's name, and
// no process is left: an estimator's fault costs its trial, a strategy's ends the run, which goes on by
// --resume as if nothing had been.
#include "support/command.h"
#include "support/folder.h"
#include "support/processes.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIALS 6

static char *folder;

static void begin(void)
{
    folder = folder_temporary();
    processes_adopt();
    free(folder_write(folder, "strategy.ini",
                      "[experiment]\nname = hostile\nseed = 5\n"
                      "[space]\nplugin = chain\n[strategy]\nplugin = hostile\n"
                      "[estimator]\nplugin = nk_landscape\n[objective]\nmaximize = fitness\n"
                      "[budget]\ntrials = 6\n"));
    free(folder_write(folder, "estimator.ini",
                      "[experiment]\nname = hostile\nseed = 5\n"
                      "[space]\nplugin = chain\n[strategy]\nplugin = random\n"
                      "[estimator]\nplugin = hostile\n[objective]\nmaximize = valid_accuracy\n"
                      "[budget]\ntrials = 6\n"
                      "[run]\nworkers = 1\ntrial_memory_limit = 150M\n"));
}

static void end(void)
{
    folder_delete(folder);
}

TestSuite(process_faults, .init = begin, .fini = end);

// `espalier run <folder>/<config>.ini` into <folder>/<name> as `mode` says.
static struct command_result run(const char *config, const char *name, const char *mode, int resume)
{
    char ini[512], out[512], plugins[512], variable[64];
    snprintf(ini, sizeof ini, "%s/%s.ini", folder, config);
    snprintf(out, sizeof out, "%s/%s", folder, name);
    snprintf(plugins, sizeof plugins, "%s/tests/process_plugins/hostile", ESPALIER_SOURCE_DIR);
    snprintf(variable, sizeof variable, "HOSTILE=%s", mode);
    const char *arguments[] = {
        espalier_binary(),          "run", ini, "--plugins", plugins, "--out", out,
        resume ? "--resume" : NULL, NULL};
    // Another Python than Debian's may take a second to start.
    const char *environment[] = {variable, "PATH=/usr/bin:/bin:/usr/local/bin", NULL};
    struct command command = {.arguments = arguments, .environment = environment};
    return command_run(&command);
}

static json_t *trials_of(const char *name)
{
    char out[512];
    snprintf(out, sizeof out, "%s/%s", folder, name);
    json_t *results = espalier_results(out), *trials = json_object_get(results, "trials");
    json_incref(trials);
    json_decref(results);
    return trials;
}

// Everything of a trial that does not hang on a clock.
static int same_trials(const json_t *a, const json_t *b)
{
    static const char *const keys[] = {"arch", "hash", "metrics", "state"};
    if (json_array_size(a) != json_array_size(b))
        return 0;
    for (size_t i = 0; i < json_array_size(a); i++)
        for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++)
            if (!json_equal(json_object_get(json_array_get(a, i), keys[k]),
                            json_object_get(json_array_get(b, i), keys[k])))
                return 0;
    return 1;
}

struct fault {
    const char *mode, *words;
};

static const struct fault strategy_faults[] = {
    {"rubbish", "its program answered `ask` with no JSON: hello, world"},
    {"nul", "its program answered `ask` with no JSON: {"},
    {"list", "its program answered `ask` with no JSON object: [1, 2]"},
    {"exit", "its program ended with status 3 (its last words: some last words), when it was to "
             "answer `ask`"},
    {"crash", "its program died of signal 11 (Segmentation fault), when it was to answer `ask`"},
    {"flood", "its program flooded its output: more than 1 MiB without an end of line"},
    {"silent", "its program did not answer `ask` within 4 s"},
    {"twice", "its program spoke out of turn"},
    {"other_call", "its program spoke out of turn: it answered call "},
    {"no_id", "its program's answer to `ask` lacks the call's \"id\""},
    {"no_answer", "its program's line lacks its \"answer\": expected trial, wait, done"},
    {"other_answer", "its program's answer is 'told': expected trial, wait, done"},
    {"closes", "its program closed its output and went on"},
    {"words", "the moon is in the wrong house"},
    {"child", "its program died of signal 9 (Killed)"},
    {"outside", "its program's answer 'trial' has no \"metrics\""},
    {"beyond", "its program's decision depth: 99 is not an integer of 2 .. 6"},
    {"nobody", "its program's \"mutate\", 77, is no trial that it knows"},
    {"misspelt", "its program's answer 'trial' has no \"mutat\"; did it mean \"mutate\"?"},
};

// The run goes on as if nothing had been. What a fault leaves in the store does not hang on which it
// was, so these stand for all.
static void expect_resumed(const char *mode, const json_t *expected)
{
    static const char *const resumed[] = {"exit", "silent", "twice", "child"};
    int wanted = 0;
    for (size_t i = 0; i < sizeof resumed / sizeof resumed[0]; i++)
        wanted |= strcmp(resumed[i], mode) == 0;
    if (!wanted)
        return;
    struct command_result result = run("strategy", mode, "", 1);
    cr_expect_eq(result.status, 0, "%s, resumed: %s", mode, result.err);
    command_free(&result);
    json_t *trials = trials_of(mode);
    cr_expect(same_trials(trials, expected), "%s: resumed, it is another run", mode);
    json_decref(trials);
}

Test(process_faults, of_a_strategy, .timeout = 120)
{
    struct command_result good = run("strategy", "good", "", 0);
    cr_assert_eq(good.status, 0, "%s", good.err);
    command_free(&good);
    json_t *expected = trials_of("good");
    for (size_t i = 0; i < sizeof strategy_faults / sizeof strategy_faults[0]; i++) {
        const struct fault *fault = &strategy_faults[i];
        struct command_result result = run("strategy", fault->mode, fault->mode, 0);
        cr_expect_eq(result.status, 1, "%s: status %d", fault->mode, result.status);
        cr_expect(strstr(result.err, "strategy hostile"), "%s: %s", fault->mode, result.err);
        cr_expect(strstr(result.err, fault->words), "%s: %s", fault->mode, result.err);
        cr_expect_eq(processes_left(2), 0, "%s: it left processes", fault->mode);
        command_free(&result);
        expect_resumed(fault->mode, expected);
    }
    json_decref(expected);
}

// More than a pipe holds: what the space is known to decide.
Test(process_faults, of_one_that_does_not_read, .timeout = 60)
{
    char text[512];
    char *ini = file_text(folder_fill(folder, "%/strategy.ini"));
    const char *space = "plugin = chain\n", *at = strstr(ini, space);
    snprintf(text, sizeof text, "%.*s%smax_depth = 200%s", (int)(at - ini), ini, space,
             at + strlen(space) - 1);
    free(folder_write(folder, "strategy.ini", text));
    struct command_result result = run("strategy", "deaf", "deaf", 0);
    cr_expect_eq(result.status, 1, "%s", result.err);
    cr_expect(strstr(result.err, "strategy hostile: its program did not read its input: `create` "
                                 "could not be sent within 4 s"),
              "%s", result.err);
    cr_expect_eq(processes_left(2), 0);
    command_free(&result);
    free(ini);
}

// Another version is no reason to begin a run.
Test(process_faults, of_a_version, .timeout = 60)
{
    struct command_result result = run("strategy", "version", "version", 0);
    cr_expect_eq(result.status, 1, "%s", result.err);
    cr_expect(strstr(result.err, "strategy hostile: its program speaks version 7 of the protocol, "
                                 "and this host version 1"),
              "%s", result.err);
    command_free(&result);
    result = run("estimator", "versions", "version", 0);
    cr_expect_eq(result.status, 1, "no trial is done: %s", result.err);
    cr_expect(strstr(result.err, "its program speaks version 7"), "%s", result.err);
    cr_expect_eq(processes_left(2), 0);
    command_free(&result);
}

static const struct fault estimator_faults[] = {
    {"rubbish", "its program answered `evaluate` with no JSON: hello, world"},
    {"exit", "its program ended with status 3 (its last words: some last words), when it was to "
             "answer `evaluate`"},
    {"flood", "its program flooded its output"},
    {"silent", "its program did not answer `evaluate` within 4 s"},
    {"other_call", "its program spoke out of turn: it answered call "},
    {"words", "the moon is in the wrong house"},
    {"child", "its program died of signal 9 (Killed)"},
    {"other_answer", "its program's answer is 'told': expected progress, done"},
    {"not_declared", "metric 'beauty' was not declared"},
    {"missing", "valid_accuracy"},
    {"memory", "passed 150.0 MiB of resident memory (trial_memory_limit)"},
    {"not_finite", "its program answered `evaluate` with no JSON: "},
};

// The trial at which it strikes has failed with the words, the others are done as if nothing had been.
static void expect_one_lost(const struct fault *fault, const json_t *trials, const json_t *expected)
{
    cr_assert_eq(json_array_size(trials), TRIALS, "%s", fault->mode);
    for (size_t i = 0; i < TRIALS; i++) {
        const json_t *trial = json_array_get(trials, i);
        const char *state = json_string_value(json_object_get(trial, "state"));
        const char *words = json_string_value(json_object_get(trial, "error"));
        // A program that was started anew counts from the beginning, and strikes again.
        if (strcmp(state, "failed") == 0) {
            cr_expect(words && strstr(words, fault->words), "%s: %s", fault->mode, words);
            continue;
        }
        cr_expect_str_eq(state, "done");
        cr_expect(json_equal(json_object_get(trial, "metrics"),
                             json_object_get(json_array_get(expected, i), "metrics")),
                  "%s: trial %zu", fault->mode, i);
    }
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(trials, 2), "state")),
                     "failed", "%s", fault->mode);
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(trials, 3), "state")), "done",
                     "%s", fault->mode);
}

Test(process_faults, of_an_estimator, .timeout = 120)
{
    struct command_result good = run("estimator", "good", "", 0);
    cr_assert_eq(good.status, 0, "%s", good.err);
    command_free(&good);
    json_t *expected = trials_of("good");
    for (size_t i = 0; i < sizeof estimator_faults / sizeof estimator_faults[0]; i++) {
        const struct fault *fault = &estimator_faults[i];
        struct command_result result = run("estimator", fault->mode, fault->mode, 0);
        cr_expect_eq(result.status, 0, "%s: %s", fault->mode, result.err);
        cr_expect_eq(processes_left(2), 0, "%s: it left processes", fault->mode);
        command_free(&result);
        json_t *trials = trials_of(fault->mode);
        expect_one_lost(fault, trials, expected);
        json_decref(trials);
    }
    json_decref(expected);
}

// An answer too many is noticed at the next call, which it would have been taken for an answer to.
Test(process_faults, of_an_estimator_that_answers_twice, .timeout = 60)
{
    struct command_result result = run("estimator", "twice", "twice", 0);
    cr_expect_eq(result.status, 0, "%s", result.err);
    cr_expect(strstr(result.err, "trial 3: failed: its program spoke out of turn"), "%s",
              result.err);
    command_free(&result);
}

// What happens at its end costs nothing but a warning that names it.
Test(process_faults, at_the_end, .timeout = 60)
{
    static const struct fault faults[] = {
        {"stubborn",
         "hostile: its program ignored the end of its input and SIGTERM, and was killed"},
        {"orphan", "hostile: processes that it left behind were ended"},
    };
    static const char *const configs[] = {"strategy", "estimator"};
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < 2; k++) {
            char name[64];
            snprintf(name, sizeof name, "%s-%s", configs[k], faults[i].mode);
            struct command_result result = run(configs[k], name, faults[i].mode, 0);
            cr_expect_eq(result.status, 0, "%s: %s", name, result.err);
            cr_expect(strstr(result.err, faults[i].words), "%s: %s", name, result.err);
            cr_expect_eq(processes_left(2), 0, "%s: it left processes", name);
            command_free(&result);
        }
}

// Whoever kills the run from outside leaves no program behind.
Test(process_faults, the_run_is_killed, .timeout = 60)
{
    char ini[512], plugins[512], out[512];
    snprintf(ini, sizeof ini, "%s/strategy.ini", folder);
    snprintf(plugins, sizeof plugins, "%s/tests/process_plugins/hostile", ESPALIER_SOURCE_DIR);
    snprintf(out, sizeof out, "%s/killed", folder);
    const char *arguments[] = {espalier_binary(), "run",   ini, "--plugins",
                               plugins,           "--out", out, NULL};
    const char *environment[] = {"HOSTILE=silent", "PATH=/usr/bin:/bin:/usr/local/bin", NULL};
    struct command command = {
        .arguments = arguments, .environment = environment, .kill_after = 1.0};
    struct command_result result = command_run(&command);
    cr_expect_eq(result.status, -9);
    cr_expect_eq(processes_left(3), 0, "it left processes");
    command_free(&result);
}

// A program that talks without end to its standard error fills no disk.
Test(process_faults, of_much_noise, .timeout = 60)
{
    struct command_result result = run("estimator", "noise", "noise", 0);
    char path[512];
    cr_expect_eq(result.status, 0, "%s", result.err);
    snprintf(path, sizeof path, "%s/noise/log.txt", folder);
    char *log = file_text(path);
    cr_expect(strstr(log, "it has written 1000 lines to its standard error; the rest is left out"));
    cr_expect_null(strstr(log, "line 1000\n"));
    free(log);
    command_free(&result);
}
