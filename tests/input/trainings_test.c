// SPDX-License-Identifier: Apache-2.0
// Trainings on the edge of what makes sense: batches of one, images of a pixel, more classes than samples,
// batches that are larger than all the data, losses that leave the numbers. Each works, or is refused in
// words: a whole search is started from each configuration.
#include "support/command.h"
#include "support/folder.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *what;
    const char *dataset; // of synthetic, besides 4 classes of 8 x 8 pixels
    const char *estimator;
    const char *part;  // of the message; NULL: both trials are done, and all metrics are numbers
    const char *place; // of the file, where the message names one: then nothing is started
} cases[] = {
    {"a batch of one", "", "batch = 1\n", NULL, NULL},
    {"a batch of one, images of a pixel: the variance is 0", "height = 1\nwidth = 1\n",
     "batch = 1\n", NULL, NULL},
    {"images of a pixel", "height = 1\nwidth = 1\n", "batch = 8\n", NULL, NULL},
    {"images of a pixel, every sample alike", "height = 1\nwidth = 1\nnoise = 0\n", "batch = 8\n",
     NULL, NULL},
    {"a last batch of one", "train = 17\n", "batch = 8\n", NULL, NULL},
    {"one sample of each split", "train = 1\nvalid = 1\n", "", NULL, NULL},
    {"more classes than samples", "classes = 100\ntrain = 20\n", "class_weights = balanced\n", NULL,
     NULL},
    {"fewer samples than a batch", "train_limit = 5\n", "batch = 16\n", NULL, NULL},
    {"a batch far beyond the split", "", "batch = 65536\neval_batch = 65536\n", NULL, NULL},
    {"one class", "classes = 1\n", "", "classes", ":12"},
    {"no image", "height = 0\n", "", "height", ":12"},
    {"a batch of none", "", "batch = 0\n", "batch", ":9"},
    {"a rate that is not positive", "", "learning_rate = -1\n", "learning_rate", ":9"},
    {"an unknown loss", "", "loss = mean_squared_eror\n", "'mean_squared_error'", ":9"},
    {"an unknown optimizer", "", "optimizer = adma\n", "'adam'", ":9"},
    {"weights of other classes", "", "class_weights = 1, 2\n", "4 numbers", NULL},
    {"no validation split", "valid = 0\nvalid_fraction = 0\n", "", "there is no validation split",
     NULL},
    {"no training split", "valid = 0\nvalid_fraction = 0.9\ntrain = 2\n", "",
     "leaves no training sample", NULL},
};

static char *write_ini(const char *folder, const char *space, const char *estimator,
                       const char *dataset)
{
    char *text = NULL;
    // A key of a case stands in line 9 or 12; one of the base that it repeats is left out.
    if (asprintf(&text,
                 "[space]\nplugin = chain\nmax_depth = 3\n%s[strategy]\nplugin = random\n"
                 "[estimator]\nplugin = train\n%s%s[dataset]\nplugin = synthetic\n%s%s%s%s%s%s"
                 "[objective]\nmaximize = valid_accuracy\n[budget]\ntrials = 2\n[run]\n"
                 "workers = 1\nkeep = none\n",
                 space, estimator, strstr(estimator, "epochs") ? "" : "epochs = 2\n", dataset,
                 strstr(dataset, "height") ? "" : "height = 8\n",
                 strstr(dataset, "width") ? "" : "width = 8\n",
                 strstr(dataset, "classes") ? "" : "classes = 4\n",
                 strstr(dataset, "train") ? "" : "train = 40\n",
                 strstr(dataset, "valid") ? "" : "valid = 12\n") < 0)
        abort();
    char *path = folder_write(folder, "edge.ini", text);
    free(text);
    return path;
}

static void check_done(const char *what, const char *out)
{
    json_t *results = espalier_results(out), *trial, *value;
    size_t i;
    const char *name;
    json_array_foreach (json_object_get(results, "trials"), i, trial) {
        cr_expect_str_eq(json_string_value(json_object_get(trial, "state")), "done", "%s: %s", what,
                         json_string_value(json_object_get(trial, "error")));
        json_object_foreach (json_object_get(trial, "metrics"), name, value)
            cr_expect(json_is_number(value), "%s: %s", what, name);
    }
    cr_expect_eq(i, 2);
    json_decref(results);
}

static bool is_in_results(const char *out, const char *part)
{
    char database[600];
    bool found = true;
    json_t *trial;
    size_t i;
    snprintf(database, sizeof database, "%s/espalier.db", out);
    FILE *file = fopen(database, "r");
    if (!file)
        return false;
    fclose(file);
    json_t *results = espalier_results(out);
    json_array_foreach (json_object_get(results, "trials"), i, trial) {
        const char *error = json_string_value(json_object_get(trial, "error"));
        found = found && error && strstr(error, part);
    }
    json_decref(results);
    return found && i > 0;
}

Test(trainings, on_the_edge_work_or_are_refused_in_words, .timeout = 120)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *folder = folder_temporary(), out[512], place[64];
        char *path = write_ini(folder, "min_depth = 1\n", cases[i].estimator, cases[i].dataset);
        snprintf(out, sizeof out, "%s/out", folder);
        snprintf(place, sizeof place, "edge.ini%s", cases[i].place ? cases[i].place : "");
        const char *arguments[] = {espalier_binary(), "run", path, "--out", out, "--quiet", NULL};
        struct command_result got = command_run(&(struct command){.arguments = arguments});
        if (!cases[i].part) {
            cr_expect_eq(got.status, 0, "%s: status %d\n%s", cases[i].what, got.status, got.err);
            if (got.status == 0)
                check_done(cases[i].what, out);
        } else if (cases[i].place) {
            cr_expect_eq(got.status, 2, "%s: status %d", cases[i].what, got.status);
            cr_expect(strstr(got.err, cases[i].part) && strstr(got.err, place), "%s: %s",
                      cases[i].what, got.err);
        } else {
            cr_expect(got.status == 1 || got.status == 2, "%s: status %d", cases[i].what,
                      got.status);
            cr_expect(strstr(got.err, cases[i].part) || is_in_results(out, cases[i].part), "%s: %s",
                      cases[i].what, got.err);
        }
        command_free(&got);
        free(path);
        folder_delete(folder);
    }
}

// ---- Losses and weights that leave the numbers --------------------------------------------------

// Half of the trials diverge; the run goes on, and everything that shows them says where.
Test(trainings, that_diverge_fail_and_the_run_goes_on, .timeout = 60)
{
    char *folder = folder_temporary(), *text = NULL, out[512], id[24];
    if (asprintf(&text, "[experiment]\nseed = 2\n[space]\nplugin = chain\nmax_depth = 2\n"
                        "batch_norm = no\n[strategy]\nplugin = random\n[estimator]\n"
                        "plugin = train\nepochs = 3\nbatch = 20\n"
                        "learning_rate = one_of(0.01, 1000)\n[dataset]\nplugin = synthetic\n"
                        "height = 8\nwidth = 8\nclasses = 4\ntrain = 60\nvalid = 20\n"
                        "[objective]\nmaximize = valid_accuracy\n[budget]\ntrials = 8\n"
                        "[run]\nworkers = 2\nkeep = none\n") < 0)
        abort();
    char *path = folder_write(folder, "a.ini", text);
    snprintf(out, sizeof out, "%s/out", folder);
    const char *run[] = {"run", path, "--out", out, "--quiet", NULL};
    free(espalier_expect(0, run));
    json_t *results = espalier_results(out), *trial;
    int failed = 0, done = 0;
    size_t i;
    json_array_foreach (json_object_get(results, "trials"), i, trial) {
        int epoch = 0, step = 0, end = 0;
        const char *error = json_string_value(json_object_get(trial, "error"));
        if (strcmp(json_string_value(json_object_get(trial, "state")), "done") == 0) {
            done++;
            continue;
        }
        failed++;
        cr_assert_eq(sscanf(error, "diverged at epoch %d, step %d: %n", &epoch, &step, &end), 2,
                     "%s", error);
        cr_assert(end > 0 && epoch >= 1 && epoch <= 3 && step >= 1 && step <= 3, "%s", error);
        snprintf(id, sizeof id, "%zu", i);
        const char *show[] = {"show", out, id, NULL}, *table[] = {"results", out, NULL};
        char *shown = espalier_expect(0, show), *listed = espalier_expect(0, table);
        cr_assert(strstr(shown, error) && strstr(listed, error), "%s in\n%s", error, shown);
        free(shown);
        free(listed);
    }
    cr_assert_gt(failed, 0);
    cr_assert_gt(done, 0, "the run went on");
    json_decref(results);
    free(text);
    free(path);
    folder_delete(folder);
}
