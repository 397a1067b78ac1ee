// SPDX-License-Identifier: Apache-2.0
// Searched parameters, as a person meets them: distributions in the INI for parameters of the space,
// the estimator and the dataset become decisions at `@section/key`, for every strategy, stored and
// resumed like others; `[fix]` pins them.
#include "support/command.h"
#include "support/folder.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACE "[space]\nplugin = chain\nmin_depth = 1\nmax_depth = 2\nwidths = 4, 8\n"
#define DATASET                                                                                    \
    "[dataset]\nplugin = synthetic\nheight = 8\nwidth = 8\ntrain = 128\nvalid = 64\ntest = 16\n"
#define END "[objective]\nmaximize = valid_accuracy\n[run]\nlookahead = 2\n[budget]\ntrials = 12\n"

static const char joint_text[] =
    SPACE "dropout = uniform(0, 0.5)\n"
          "[strategy]\nplugin = random\n"
          "[estimator]\nplugin = train\nepochs = 1\nbatch = int_log(8, 64)\n"
          "learning_rate = log(1e-3, 1e-1)\noptimizer = one_of(sgd, adamw)\n" DATASET
          "train_limit = one_of(64, 96)\n" END;

static const char *const paths[] = {"@space/dropout", "@estimator/batch", "@estimator/optimizer",
                                    "@estimator/learning_rate", "@dataset/train_limit"};
enum { PATHS = sizeof paths / sizeof paths[0] };

struct desk {
    char *folder, *config;
};

static void desk_open(struct desk *desk, const char *text)
{
    desk->folder = folder_temporary();
    desk->config = folder_write(desk->folder, "joint.ini", text);
}

static void desk_close(struct desk *desk)
{
    free(desk->config);
    folder_delete(desk->folder);
}

static json_t *search(const struct desk *desk, const char *out, const char *more, const char *set)
{
    char folder[600];
    snprintf(folder, sizeof folder, "%s/%s", desk->folder, out);
    const char *arguments[16] = {"run", desk->config, "--out", folder, "--quiet"};
    int count = 5;
    if (set) {
        arguments[count++] = "--set";
        arguments[count++] = set;
    }
    arguments[count++] = more;
    free(espalier_expect(0, arguments));
    return espalier_results(folder);
}

// The value of a decision of a trial; NULL: it has none at that path.
static const json_t *decision(const json_t *trial, const char *path)
{
    size_t index;
    const json_t *pair;
    const json_t *decisions = json_object_get(json_object_get(trial, "arch"), "decisions");
    json_array_foreach (decisions, index, pair)
        if (strcmp(json_string_value(json_array_get(pair, 0)), path) == 0)
            return json_array_get(pair, 1);
    return NULL;
}

static void expect_within(const json_t *trial)
{
    double dropout = json_number_value(decision(trial, "@space/dropout"));
    double batch = json_number_value(decision(trial, "@estimator/batch"));
    double rate = json_number_value(decision(trial, "@estimator/learning_rate"));
    const char *optimizer = json_string_value(decision(trial, "@estimator/optimizer"));
    const char *limit = json_string_value(decision(trial, "@dataset/train_limit"));
    cr_assert(dropout >= 0 && dropout <= 0.5, "%g", dropout);
    cr_assert(batch >= 8 && batch <= 64 && batch == floor(batch), "%g", batch);
    cr_assert(rate >= 1e-3 && rate <= 1e-1, "%g", rate);
    cr_assert(strcmp(optimizer, "sgd") == 0 || strcmp(optimizer, "adamw") == 0, "%s", optimizer);
    cr_assert(strcmp(limit, "64") == 0 || strcmp(limit, "96") == 0, "%s", limit);
}

// Every trial has all of them, done; they change from trial to trial, and the cost is that of the
// training set's drawn size.
static void expect_searched(const json_t *results)
{
    const json_t *trials = json_object_get(results, "trials");
    size_t index;
    const json_t *trial;
    int other[PATHS] = {0};
    cr_assert_eq(json_array_size(trials), 12);
    json_array_foreach (trials, index, trial) {
        cr_assert_str_eq(json_string_value(json_object_get(trial, "state")), "done");
        for (int i = 0; i < PATHS; i++) {
            cr_assert(decision(trial, paths[i]), "no %s", paths[i]);
            other[i] += !json_equal(decision(trial, paths[i]),
                                    decision(json_array_get(trials, 0), paths[i]));
        }
        expect_within(trial);
    }
    for (int i = 0; i < PATHS; i++)
        cr_assert_gt(other[i], 0, "%s never changes", paths[i]);
}

Test(joint, random_search)
{
    struct desk desk;
    desk_open(&desk, joint_text);
    json_t *results = search(&desk, "out", NULL, NULL);
    expect_searched(results);
    json_decref(results);
    desk_close(&desk);
}

Test(joint, regularized_evolution)
{
    struct desk desk;
    desk_open(&desk, joint_text);
    json_t *results = search(&desk, "out", NULL, "strategy.plugin=regularized_evolution");
    expect_searched(results);
    json_decref(results);
    desk_close(&desk);
}

// The same trials with the same exact metrics; clocks may differ.
static void expect_same(const json_t *a, const json_t *b)
{
    static const char *const exact[] = {"valid_accuracy", "valid_loss", "train_loss", "params"};
    const json_t *trials = json_object_get(a, "trials"), *others = json_object_get(b, "trials");
    size_t index;
    const json_t *trial;
    cr_assert_eq(json_array_size(trials), json_array_size(others));
    json_array_foreach (trials, index, trial) {
        const json_t *other = json_array_get(others, index);
        cr_assert(json_equal(json_object_get(trial, "hash"), json_object_get(other, "hash")));
        for (size_t i = 0; i < sizeof exact / sizeof exact[0]; i++)
            cr_assert(json_equal(json_object_get(json_object_get(trial, "metrics"), exact[i]),
                                 json_object_get(json_object_get(other, "metrics"), exact[i])),
                      "trial %zu: %s", index, exact[i]);
    }
}

Test(joint, is_resumed)
{
    struct desk desk;
    desk_open(&desk, joint_text);
    json_t *whole = search(&desk, "whole", NULL, NULL);
    json_decref(search(&desk, "parts", NULL, "budget.trials=5"));
    json_t *resumed = search(&desk, "parts", "--resume", NULL);
    expect_same(whole, resumed);
    json_decref(whole);
    json_decref(resumed);
    desk_close(&desk);
}

// A pinned decision is none, and the same as a value that was never searched.
Test(joint, is_pinned_by_a_fix)
{
    static const char said_text[] = SPACE
        "dropout = 0.25\n"
        "[strategy]\nplugin = random\n"
        "[estimator]\nplugin = train\nepochs = 1\nbatch = int_log(8, 64)\n"
        "learning_rate = 0.02\noptimizer = adamw\n" DATASET "train_limit = one_of(64, 96)\n" END;
    struct desk pinned, said;
    char *text = NULL;
    cr_assert_geq(asprintf(&text,
                           "%s[fix]\n@estimator/optimizer = adamw\n"
                           "@estimator/learning_rate = 0.02\n@space/dropout = 0.25\n",
                           joint_text),
                  0);
    desk_open(&pinned, text);
    desk_open(&said, said_text);
    json_t *a = search(&pinned, "out", NULL, NULL), *b = search(&said, "out", NULL, NULL);
    expect_same(a, b);
    const json_t *first = json_array_get(json_object_get(a, "trials"), 0);
    cr_assert_null(decision(first, "@estimator/optimizer"));
    cr_assert_null(decision(first, "@space/dropout"));
    cr_assert(decision(first, "@estimator/batch"));
    json_decref(a);
    json_decref(b);
    free(text);
    desk_close(&pinned);
    desk_close(&said);
}

// What a fix cannot pin is refused before the first trial.
Test(joint, a_fix_outside_the_distribution_is_refused)
{
    struct desk desk;
    char *text = NULL, out[600];
    cr_assert_geq(asprintf(&text, "%s[fix]\n@estimator/learning_rate = 3\n", joint_text), 0);
    desk_open(&desk, text);
    snprintf(out, sizeof out, "%s/out", desk.folder);
    const char *arguments[] = {espalier_binary(), "run", desk.config, "--out", out, NULL};
    struct command command = {.arguments = arguments};
    struct command_result result = command_run(&command);
    cr_assert_eq(result.status, 2);
    cr_assert(strstr(result.err, "@estimator/learning_rate") && strstr(result.err, "0.001"), "%s",
              result.err);
    command_free(&result);
    free(text);
    desk_close(&desk);
}
