// SPDX-License-Identifier: Apache-2.0
// Trials that go on from another one, through a whole run: one epoch and then three more give the bits
// of four in one go, in any process; a second continuation of one parent has streams of its own.
#include "support/command.h"
#include "support/folder.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char text[] =
    "[experiment]\nseed = 3\n"
    "[space]\nplugin = chain\nmin_depth = 2\nmax_depth = 2\nwidths = 4, 8\n"
    "operations = conv_3x3\ndropout = 0.2\n"
    "[strategy]\nplugin = continuing\n"
    "[estimator]\nplugin = train\nepochs = 4\nbatch = 16\ncrop = 1\nflip = yes\n"
    "checkpoint_every = 1\n"
    "[dataset]\nplugin = synthetic\nheight = 8\nwidth = 8\ntrain = 96\n"
    "valid = 48\ntest = 16\n"
    "[objective]\nmaximize = valid_accuracy\n"
    "[budget]\ntrials = 9\n"
    "[run]\nkeep = all\nworkers = 2\n";

static char *folder, *config;

static void begin(void)
{
    folder = folder_temporary();
    config = folder_write(folder, "continuing.ini", text);
}

static void end(void)
{
    free(config);
    folder_delete(folder);
}

TestSuite(continuations, .init = begin, .fini = end);

// Runs in `mode` into folder/name; answers the exit status. `fault`: NULL, or where it is killed.
static int run(const char *name, const char *mode, const char *fault, const char *resume)
{
    char out[512], set[64];
    snprintf(out, sizeof out, "%s/%s", folder, name);
    snprintf(set, sizeof set, "strategy.mode=%s", mode);
    const char *arguments[] = {espalier_binary(),
                               "run",
                               config,
                               "--plugins",
                               getenv("ESPALIER_TEST_PLUGINS"),
                               "--out",
                               out,
                               "--quiet",
                               "--set",
                               set,
                               resume,
                               NULL};
    const char *environment[] = {fault, NULL};
    struct command command = {.arguments = arguments, .environment = fault ? environment : NULL};
    struct command_result result = command_run(&command);
    int status = result.status;
    if (status != 0 && status != -SIGKILL)
        cr_log_error("%s", result.err);
    command_free(&result);
    return status;
}

// The bytes of a trial's last weights, as text of hex digits, which tests can compare. Owner: the caller.
static char *weights(const char *name, int trial)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s/artifacts/%d/last.safetensors", folder, name, trial);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s", path);
    struct stat found;
    fstat(fileno(file), &found);
    unsigned char *bytes = malloc((size_t)found.st_size);
    size_t size = fread(bytes, 1, (size_t)found.st_size, file);
    char *hex = malloc(2 * size + 1);
    for (size_t i = 0; i < size; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    free(bytes);
    fclose(file);
    return hex;
}

static double metric(const char *name, int trial, const char *metric_name)
{
    char out[512];
    snprintf(out, sizeof out, "%s/%s", folder, name);
    json_t *results = espalier_results(out);
    json_t *row = json_array_get(json_object_get(results, "trials"), (size_t)trial);
    double value = json_number_value(json_object_get(json_object_get(row, "metrics"), metric_name));
    json_decref(results);
    return value;
}

static void check_same(const char *a, int trial_a, const char *b, int trial_b)
{
    char *first = weights(a, trial_a), *second = weights(b, trial_b);
    cr_assert(strcmp(first, second) == 0, "%s/%d and %s/%d have other weights", a, trial_a, b,
              trial_b);
    free(first);
    free(second);
    cr_assert_eq(metric(a, trial_a, "valid_loss"), metric(b, trial_b, "valid_loss"));
    cr_assert_eq(metric(a, trial_a, "train_loss"), metric(b, trial_b, "train_loss"));
}

Test(continuations, give_the_bits_of_one_go)
{
    cr_assert_eq(run("whole", "whole", NULL, NULL), 0);
    cr_assert_eq(run("continued", "continued", NULL, NULL), 0);
    check_same("whole", 0, "continued", 1);
    cr_assert_eq(metric("continued", 1, "cost"), 4, "images of all its epochs");
}

Test(continuations, a_second_one_of_a_parent_has_streams_of_its_own)
{
    cr_assert_eq(run("continued", "continued", NULL, NULL), 0);
    char *first = weights("continued", 1), *second = weights("continued", 2);
    cr_assert(strcmp(first, second) != 0);
    free(first);
    free(second);
}

Test(continuations, go_on_after_a_kill)
{
    static const char *const points[] = {"submit-before:2", "submit-after:2", "tell:1",
                                         "rename-after:1", "tell:2"};
    cr_assert_eq(run("untouched", "continued", NULL, NULL), 0);
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        char fault[64];
        snprintf(fault, sizeof fault, "ESPALIER_FAULT=%s", points[i]);
        cr_assert_eq(run(points[i], "continued", fault, NULL), -SIGKILL, "%s", fault);
        cr_assert_eq(run(points[i], "continued", NULL, "--resume"), 0, "%s", fault);
        check_same("untouched", 1, points[i], 1);
        check_same("untouched", 2, points[i], 2);
    }
}

// One that inherits begins with the parent's weights and trains on its own: neither the parent's nor a
// fresh training's result.
Test(continuations, inheriting_is_neither_continuing_nor_beginning_anew)
{
    cr_assert_eq(run("whole", "whole", NULL, NULL), 0);
    cr_assert_eq(run("inherit", "inherit", NULL, NULL), 0);
    char *fresh = weights("whole", 0), *parent = weights("inherit", 0);
    char *child = weights("inherit", 1), *sibling = weights("inherit", 2);
    cr_assert(strcmp(child, fresh) != 0 && strcmp(child, parent) != 0);
    cr_assert(strcmp(child, sibling) != 0, "each has streams of its own");
    free(fresh);
    free(parent);
    free(child);
    free(sibling);
}
