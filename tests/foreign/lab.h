// SPDX-License-Identifier: Apache-2.0
// A folder with manifests of foreign libraries and a configuration beside them, run by the program.
#ifndef FOREIGN_LAB_H
#define FOREIGN_LAB_H

#include "support/command.h"
#include "support/folder.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The library of functions.c, as a manifest names it.
#define FUNCTIONS "library = " FOREIGN_FOLDER "/libfunctions.so\n"

static char *lab_folder;

static void lab_begin(void)
{
    lab_folder = folder_temporary();
}

static void lab_end(void)
{
    folder_delete(lab_folder);
}

// Behind [plugin] stand kind, id, version and summary.
static inline void lab_manifest(const char *kind, const char *id, const char *rest)
{
    char name[96], *text = NULL;
    snprintf(name, sizeof name, "%s.plugin.ini", id);
    if (asprintf(&text, "[plugin]\nkind = %s\nid = %s\nversion = 1.0\nsummary = of a test\n%s",
                 kind, id, rest) < 0)
        abort();
    free(folder_write(lab_folder, name, text));
    free(text);
}

// Runs the configuration (its [final] and one worker are added) in the folder `out`.
static inline struct command_result lab_run(const char *ini, const char *out,
                                            const char *const *environment)
{
    char *text = NULL, *path, *results = NULL;
    if (asprintf(&text, "%s\n[run]\nworkers = 1\n[final]\nretrain = none\n", ini) < 0 ||
        asprintf(&results, "%s/%s", lab_folder, out) < 0)
        abort();
    path = folder_write(lab_folder, "lab.ini", text);
    const char *arguments[] = {espalier_binary(), "run",   path,      "--plugins", lab_folder,
                               "--out",           results, "--quiet", NULL};
    struct command command = {.arguments = arguments, .environment = environment};
    struct command_result result = command_run(&command);
    free(text);
    free(path);
    free(results);
    return result;
}

// The same, which is to succeed: its trials.
static inline json_t *lab_trials(const char *ini, const char *out)
{
    struct command_result result = lab_run(ini, out, NULL);
    cr_assert_eq(result.status, 0, "status %d\n%s", result.status, result.err);
    command_free(&result);
    char *folder = NULL;
    if (asprintf(&folder, "%s/%s", lab_folder, out) < 0)
        abort();
    json_t *results = espalier_results(folder);
    json_t *trials = json_incref(json_object_get(results, "trials"));
    json_decref(results);
    free(folder);
    return trials;
}

// A run of which no trial was completed: the words of its first one. Owner: the caller (free).
static inline char *lab_failure(const char *ini, const char *out)
{
    struct command_result result = lab_run(ini, out, NULL);
    cr_assert_eq(result.status, 1, "status %d\n%s", result.status, result.err);
    command_free(&result);
    char *folder = NULL;
    if (asprintf(&folder, "%s/%s", lab_folder, out) < 0)
        abort();
    json_t *results = espalier_results(folder);
    const json_t *trial = json_array_get(json_object_get(results, "trials"), 0);
    char *words = strdup(json_string_value(json_object_get(trial, "error")));
    json_decref(results);
    free(folder);
    return words;
}

static inline double lab_metric(const json_t *trial, const char *name)
{
    return json_number_value(json_object_get(json_object_get(trial, "metrics"), name));
}

static inline const char *lab_state(const json_t *trial)
{
    return json_string_value(json_object_get(trial, "state"));
}

// The value of a decision; NaN where it is not there or no number.
static inline double lab_decision(const json_t *trial, const char *path)
{
    size_t i;
    json_t *pair;
    json_array_foreach (json_object_get(json_object_get(trial, "arch"), "decisions"), i, pair)
        if (strcmp(json_string_value(json_array_get(pair, 0)), path) == 0)
            return json_number_value(json_array_get(pair, 1));
    return NAN;
}

#endif
