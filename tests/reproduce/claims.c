// SPDX-License-Identifier: Apache-2.0
// claims PROGRAM EXPERIMENTS OUT [--long] [NAME...]: runs every experiment that has an expected.json (or those that
// are named), and prints each claim beside what came out. Exit status 1 where one is missed. Sweeps are
// resumed in OUT, so that an interrupted one goes on. An experiment whose data is not there is skipped, in
// words: $ESPALIER_DATA names the folder of benchmark tables, ../shared/data of the repository else.
//
// Without names, experiments that train for hours of a processor ("long": true) are left out; --long runs
// those alone.
//
// expected.json: {"config", "data": {"key", "file", "permute"}, "plugins", "long", "source", "claims": [...]}.
// `permute`: names of columns of the table, whose values are dealt out anew among the architectures (permuted.h).
// `plugins`: a folder below OUT; the sweep is run once more with the plugins in it looked at first, for claims that
// compare the two. What a claim says: claim.h.
#include "claim.h"
#include "permuted.h"

#include <jansson.h>

#include <dirent.h>
#include <math.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// Runs a program; its standard output goes to `out` where it is given. Answers its exit status.
static int run(const char *const *arguments, const char *out)
{
    posix_spawn_file_actions_t actions;
    pid_t process;
    int status = -1;
    posix_spawn_file_actions_init(&actions);
    if (out)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out, 0x241, 0644); // truncated
    char **words = (char **)(void *)arguments;
    if (posix_spawn(&process, arguments[0], &actions, NULL, words, environ) == 0)
        waitpid(process, &status, 0);
    posix_spawn_file_actions_destroy(&actions);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

// The table that an experiment needs, permuted as `made` where it wants that; false where it is not there. Owner
// of `*setting`: the caller.
static bool find_data(const json_t *data, const char *experiments, const char *made, char **setting)
{
    const char *folder = getenv("ESPALIER_DATA"), *file = text_of(data, "file");
    char *path = NULL;
    int length = folder && folder[0]
                     ? asprintf(&path, "%s/%s", folder, file)
                     : asprintf(&path, "%s/../../shared/data/%s", experiments, file);
    bool there = length >= 0 && access(path, R_OK) == 0;
    json_t *permute = json_object_get(data, "permute");
    if (there && permute)
        there = permuted_write(path, made, permute);
    char *real = there ? realpath(permute ? made : path, NULL) : NULL;
    if (!real || asprintf(setting, "%s=%s", text_of(data, "key"), real) < 0)
        *setting = NULL;
    free(real);
    free(path);
    return *setting != NULL;
}

// Runs or resumes a sweep in `folder`; its results, or NULL. Owner: the caller.
static json_t *sweep(const char *program, const char *config, const char *folder,
                     const char *setting, const char *plugins)
{
    char *results = NULL;
    if (asprintf(&results, "%s.json", folder) < 0)
        abort();
    const char *arguments[16] = {program, "sweep", config, "--out", folder, "--quiet"};
    const char *show[] = {program, "results", folder, "--json", NULL};
    const char *more[] = {"--set", setting, "--plugins", plugins};
    for (size_t i = 0, count = 6; i < sizeof more / sizeof more[0]; i += 2)
        if (more[i + 1]) {
            arguments[count++] = more[i];
            arguments[count++] = more[i + 1];
        }
    int status = run(arguments, "/dev/null");
    if (status == 0)
        status = run(show, results);
    json_t *found = status == 0 ? json_load_file(results, 0, NULL) : NULL;
    free(results);
    if (!json_array_get(json_object_get(found, "points"), 0)) {
        printf("  FAILED: the sweep ended with status %d\n", status);
        json_decref(found);
        return NULL;
    }
    return found;
}

static void reproduce(const char *program, const char *experiments, const char *out,
                      const char *name, const json_t *expected, struct counts *counts)
{
    char *config = NULL, *folder = NULL, *made = NULL, *plugins = NULL, *second = NULL;
    char *setting = NULL;
    const char *own = text_of(expected, "plugins");
    json_t *data = json_object_get(expected, "data"), *claim, *found = NULL, *other = NULL;
    if (asprintf(&config, "%s/%s/%s", experiments, name, text_of(expected, "config")) < 0 ||
        asprintf(&folder, "%s/%s", out, name) < 0 || asprintf(&made, "%s.csv", folder) < 0 ||
        asprintf(&plugins, "%s/%s", out, own ? own : "") < 0 ||
        asprintf(&second, "%s.%s", folder, own ? own : "") < 0)
        abort();
    printf("%s\n", name);
    double began = seconds_now();
    fflush(stdout);
    if (data && !find_data(data, experiments, made, &setting)) {
        printf("  skipped: there is no %s ($ESPALIER_DATA names the folder it is in)\n",
               text_of(data, "file"));
        counts->skipped++;
        goto cleanup;
    }
    found = sweep(program, config, folder, setting, NULL);
    if (found && own)
        other = sweep(program, config, second, setting, plugins);
    if (!found || (own && !other)) {
        counts->missed++;
        goto cleanup;
    }
    size_t i;
    printf("  %zu runs, %.1f s; %s\n", json_array_size(json_object_get(found, "runs")),
           seconds_now() - began, text_of(expected, "source"));
    json_array_foreach (json_object_get(expected, "claims"), i, claim)
        claim_check(found, other, claim, counts);
cleanup:
    fflush(stdout);
    json_decref(found);
    json_decref(other);
    free(config);
    free(folder);
    free(made);
    free(plugins);
    free(second);
    free(setting);
}

// Those that are named; where none is, the long ones or the others.
static bool wanted(const char *name, const json_t *expected, int argc, char **argv)
{
    bool long_ones = argc > 4 && strcmp(argv[4], "--long") == 0;
    for (int i = 4 + long_ones; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return argc <= 4 + long_ones && json_is_true(json_object_get(expected, "long")) == long_ones;
}

int main(int argc, char **argv)
{
    struct dirent **entries = NULL;
    struct counts counts = {0};
    if (argc < 4) {
        fprintf(stderr, "usage: claims PROGRAM EXPERIMENTS OUT [--long] [NAME...]\n");
        return 2;
    }
    int count = scandir(argv[2], &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char *path = NULL;
        const char *name = entries[i]->d_name;
        json_error_t error;
        if (asprintf(&path, "%s/%s/expected.json", argv[2], name) < 0)
            abort();
        if (name[0] != '.' && access(path, F_OK) == 0) {
            json_t *expected = json_load_file(path, 0, &error);
            if (expected) {
                if (wanted(name, expected, argc, argv))
                    reproduce(argv[1], argv[2], argv[3], name, expected, &counts);
            } else {
                fprintf(stderr, "%s:%d: %s\n", path, error.line, error.text);
                counts.missed++;
            }
            json_decref(expected);
        }
        free(path);
        free(entries[i]);
    }
    free(entries);
    printf("%d claims hold, %d are missed, %d experiments were skipped\n", counts.held,
           counts.missed, counts.skipped);
    return counts.missed > 0 ? 1 : counts.held == 0 ? 77 : 0;
}
