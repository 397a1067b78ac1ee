// SPDX-License-Identifier: Apache-2.0
// What `[objective]`, `subject_to` and `[final]` make of a run: which trial is the best, which are the
// front, and which are trained again.
#include "support/command.h"
#include "support/folder.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALL                                                                                      \
    "[experiment]\nseed = 2\n[space]\nplugin = chain\nmax_depth = 3\nwidths = 2, 4, 8\n"           \
    "[strategy]\nplugin = random\n"
#define TRAINED                                                                                    \
    SMALL "[estimator]\nplugin = train\nepochs = 1\nbatch = 16\n"                                  \
          "[dataset]\nplugin = synthetic\nheight = 8\nwidth = 8\ntrain = 64\nvalid = 32\ntest = "  \
          "32\n"                                                                                   \
          "[budget]\ntrials = 8\n[objective]\n"

static char *folder, out[512];

static void begin(void)
{
    folder = folder_temporary();
    snprintf(out, sizeof out, "%s/out", folder);
}

static void end(void)
{
    folder_delete(folder);
}

TestSuite(objectives, .init = begin, .fini = end);

static json_t *run(const char *text)
{
    char *config = folder_write(folder, "run.ini", text);
    const char *arguments[] = {"run", config, "--out", out, "--quiet", NULL};
    free(espalier_expect(0, arguments));
    free(config);
    return espalier_results(out);
}

static double metric(json_t *results, size_t trial, const char *name)
{
    json_t *row = json_array_get(json_object_get(results, "trials"), trial);
    return json_number_value(json_object_get(json_object_get(row, "metrics"), name));
}

// Random search does not look at objectives, so the two runs have the same trials.
Test(objectives, constraints_hold_from_both_sides)
{
    static const char *const constraints[] = {"params <= 300", "params >= 300"};
    for (int side = 0; side < 2; side++) {
        char text[1024];
        snprintf(text, sizeof text, "%smaximize = valid_accuracy\nsubject_to = %s\n", TRAINED,
                 constraints[side]);
        snprintf(out, sizeof out, "%s/side-%d", folder, side);
        json_t *results = run(text);
        int64_t best = -1;
        size_t fit = 0;
        for (size_t i = 0; i < 8; i++) {
            double params = metric(results, i, "params");
            if (side == 0 ? params > 300 : params < 300)
                continue;
            fit++;
            if (best < 0 || metric(results, i, "valid_accuracy") >
                                metric(results, (size_t)best, "valid_accuracy"))
                best = (int64_t)i;
        }
        cr_assert(fit > 0 && fit < 8, "%zu of 8 trials fit: nothing is shown", fit);
        json_t *found = json_object_get(json_object_get(results, "best"), "trial");
        cr_assert_eq(json_integer_value(found), best, "%s", constraints[side]);
        json_decref(results);
    }
}

Test(objectives, finals_of_several_seeds_are_trainings_of_their_own)
{
    json_t *results =
        run(TRAINED "maximize = valid_accuracy\n[final]\nretrain = best\nepochs = 2\nseeds = 3\n");
    json_t *finals = json_object_get(results, "finals"), *final;
    json_t *best = json_object_get(json_object_get(results, "best"), "trial");
    size_t i;
    double losses[3];
    cr_assert_eq(json_array_size(finals), 3);
    json_array_foreach (finals, i, final) {
        cr_assert_eq(json_integer_value(json_object_get(final, "trial")), json_integer_value(best));
        losses[i] =
            json_number_value(json_object_get(json_object_get(final, "metrics"), "train_loss"));
    }
    cr_assert(losses[0] != losses[1] && losses[1] != losses[2] && losses[0] != losses[2]);
    json_decref(results);
}

Test(objectives, the_best_few_are_trained_again)
{
    json_t *results =
        run(TRAINED "maximize = valid_accuracy\n[final]\nretrain = top3\nepochs = 1\n");
    json_t *finals = json_object_get(results, "finals");
    cr_assert_eq(json_array_size(finals), 3);
    double last = 2;
    for (size_t i = 0; i < 3; i++) {
        json_t *trial = json_object_get(json_array_get(finals, i), "trial");
        double accuracy = metric(results, (size_t)json_integer_value(trial), "valid_accuracy");
        cr_assert_leq(accuracy, last, "best first");
        last = accuracy;
    }
    json_decref(results);
}

Test(objectives, two_of_them_have_a_front_which_is_trained_again)
{
    char text[1024];
    snprintf(text, sizeof text, "%smaximize = valid_accuracy\nminimize = params\n%s", TRAINED,
             "[final]\nretrain = pareto\nepochs = 1\n");
    // `random` looks at no objective and so takes any number of them.
    json_t *results = run(text);
    json_t *front = json_object_get(results, "front");
    size_t next = 0;
    for (size_t i = 0; i < 8; i++) {
        bool on_front = true;
        for (size_t j = 0; j < 8; j++) {
            double more =
                metric(results, j, "valid_accuracy") - metric(results, i, "valid_accuracy");
            double less = metric(results, i, "params") - metric(results, j, "params");
            on_front = on_front && !(more >= 0 && less >= 0 && (more > 0 || less > 0));
        }
        if (on_front)
            cr_assert_eq(json_integer_value(json_array_get(front, next++)), (json_int_t)i);
    }
    cr_assert_eq(next, json_array_size(front));
    cr_assert_eq(json_array_size(json_object_get(results, "finals")), next);
    json_decref(results);
}

Test(objectives, the_log_says_which_engine_computes)
{
    char path[600];
    json_decref(run(TRAINED "maximize = valid_accuracy\n"));
    snprintf(path, sizeof path, "%s/log.txt", out);
    char *log = file_text(path);
    cr_assert(strstr(log, ": the fastest that loads"), "%s", log);
    free(log);
}

// A strategy of one objective names those that take several, before the first trial.
Test(objectives, who_takes_several_is_named)
{
    char *config =
        folder_write(folder, "run.ini",
                     SMALL "[estimator]\nplugin = nk_landscape\n[objective]\n"
                           "maximize = fitness\nminimize = params\n[budget]\ntrials = 3\n");
    const char *arguments[] = {espalier_binary(),           "run", config, "--out", out, "--set",
                               "strategy.plugin=reinforce", NULL};
    struct command command = {.arguments = arguments};
    struct command_result result = command_run(&command);
    cr_expect_eq(result.status, 2);
    cr_expect(strstr(result.err, "reinforce takes one objective") && strstr(result.err, "nsga2") &&
                  strstr(result.err, "random") && !strstr(result.err, "tpe"),
              "%s", result.err);
    command_free(&result);
    free(config);
}
