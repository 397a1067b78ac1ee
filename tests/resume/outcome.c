// SPDX-License-Identifier: Apache-2.0
// A run and everything of it that must be the same bits; see outcome.h.
#include "outcome.h"

#include "support/command.h"
#include "support/folder.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static const char config_text[] = "[experiment]\n"
                                  "name = resume\n"
                                  "seed = 5\n"
                                  "[space]\n"
                                  "plugin = chain\n"
                                  "max_depth = 3\n"
                                  "widths = 4, 8\n"
                                  "dropout = 0.2\n"
                                  "[strategy]\n"
                                  "plugin = regularized_evolution\n"
                                  "population = 4\n"
                                  "tournament = 2\n"
                                  "[estimator]\n"
                                  "plugin = train\n"
                                  "epochs = 2\n"
                                  "batch = 16\n"
                                  "learning_rate = log(0.01, 0.2)\n"
                                  "crop = 1\n"
                                  "flip = yes\n"
                                  "checkpoint_every = 1\n"
                                  "[dataset]\n"
                                  "plugin = synthetic\n"
                                  "height = 8\n"
                                  "width = 8\n"
                                  "train = 96\n"
                                  "valid = 48\n"
                                  "test = 48\n"
                                  "[objective]\n"
                                  "maximize = valid_accuracy\n"
                                  "[budget]\n"
                                  "trials = 12\n"
                                  "[run]\n"
                                  "lookahead = 4\n"
                                  "keep = all\n"
                                  "[final]\n"
                                  "retrain = best\n"
                                  "epochs = 2\n";

char *outcome_config(const char *folder)
{
    return folder_write(folder, "resume.ini", config_text);
}

static void remove_measured(json_t *metrics)
{
    json_object_del(metrics, "train_seconds");
}

// The digests are collected by a walk, whose callback has no context.
static json_t *digests;
static size_t root_length;

static int digest_file(const char *path, const struct stat *found, int kind, struct FTW *walk)
{
    (void)walk;
    const char *end = strrchr(path, '.');
    if (kind != FTW_F || !end || strcmp(end, ".safetensors") != 0)
        return 0;
    FILE *file = fopen(path, "r");
    void *bytes = malloc((size_t)found->st_size + 1);
    size_t size = fread(bytes, 1, (size_t)found->st_size, file);
    char digest[17];
    snprintf(digest, sizeof digest, "%016llx", (unsigned long long)XXH3_64bits(bytes, size));
    json_object_set_new(digests, path + root_length, json_string(digest));
    free(bytes);
    fclose(file);
    return 0;
}

char *outcome_text(const char *out)
{
    json_t *results = espalier_results(out);
    size_t i;
    json_t *trial;
    json_array_foreach (json_object_get(results, "trials"), i, trial) {
        json_object_del(trial, "seconds");
        json_object_del(trial, "attempt");
        remove_measured(json_object_get(trial, "metrics"));
    }
    json_t *final = json_object_get(results, "final");
    remove_measured(json_object_get(final, "metrics"));
    remove_measured(json_object_get(json_object_get(results, "best"), "metrics"));
    char folder[512];
    snprintf(folder, sizeof folder, "%s/artifacts", out);
    digests = json_object();
    root_length = strlen(folder);
    nftw(folder, digest_file, 16, FTW_PHYS);
    json_t *whole =
        json_pack("{s:O, s:O, s:O, s:O, s:o}", "trials", json_object_get(results, "trials"), "best",
                  json_object_get(results, "best"), "front", json_object_get(results, "front"),
                  "final", final, "files", digests);
    char *text = json_dumps(whole, JSON_INDENT(1) | JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
    json_decref(whole);
    json_decref(results);
    return text;
}

void outcome_run(const char *config, const char *out, const char *workers, const char *executor)
{
    char plugin[64];
    snprintf(plugin, sizeof plugin, "executor.plugin=%s", executor);
    const char *arguments[] = {"run",   config,    "--out", out,    "--workers",
                               workers, "--quiet", "--set", plugin, NULL};
    free(espalier_expect(0, arguments));
}
