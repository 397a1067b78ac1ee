// SPDX-License-Identifier: Apache-2.0
// The one store of a sweep: runs that have ended are moved to it whole, or not at all, and every command
// finds them there.
#include "support/command.h"
#include "support/folder.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "[experiment]\nname = a\n[space]\nplugin = chain\nmax_depth = 4\n"
#define FORMULA "[estimator]\nplugin = nk_landscape\n[objective]\nmaximize = fitness\n"

static char *folder, *config;

static void begin(void)
{
    folder = folder_temporary();
}

static void end(void)
{
    free(config);
    folder_delete(folder);
}

TestSuite(sweep_store, .init = begin, .fini = end, .timeout = 170);

static char *out_of(const char *name)
{
    static char places[4][512];
    static int next;
    char *place = places[next++ % 4];
    snprintf(place, sizeof places[0], "%s/%s", folder, name);
    return place;
}

static void expect(int status, const char *out, const char *set)
{
    const char *arguments[] = {
        espalier_binary(),    "sweep", config, "--out", out, "--workers", "2", "--quiet",
        set ? "--set" : NULL, set,     NULL};
    struct command_result result = command_run(&(struct command){.arguments = arguments});
    cr_assert_eq(result.status, status, "status %d\n%s%s", result.status, result.out, result.err);
    command_free(&result);
}

// What was found at several points, to the last bit, and how much it took. Owner: the caller (free).
static char *outcome(const char *out)
{
    char *text = espalier_expect(0, (const char *[]){"results", out, "--json", "--at",
                                                     "trials=3,10,25", "--at", "end", NULL});
    json_t *json = json_loads(text, 0, NULL), *run, *runs = json_array();
    size_t i;
    json_array_foreach (json_object_get(json, "runs"), i, run)
        json_array_append_new(runs, json_pack("{s:O, s:O, s:O, s:O}", "state",
                                              json_object_get(run, "state"), "trials",
                                              json_object_get(run, "trials"), "best",
                                              json_object_get(run, "best"), "values",
                                              json_object_get(run, "values")));
    free(text);
    text = json_dumps(runs, JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
    json_decref(runs);
    json_decref(json);
    return text;
}

static void compare(const char *out, const char *expected, const char *what)
{
    char *text = outcome(out);
    cr_assert_str_eq(text, expected, "%s", what);
    free(text);
}

// What stands in a folder, besides the lock, as "a b ".
static void expect_files(const char *out, const char *expected)
{
    struct dirent **entries = NULL;
    char found[4096] = "";
    int count = scandir(out, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.' && strlen(found) + strlen(entries[i]->d_name) < 4000)
            strcat(strcat(found, entries[i]->d_name), " ");
        free(entries[i]);
    }
    free(entries);
    cr_assert_str_eq(found, expected, "%s", out);
}

#define FOUR                                                                                       \
    "[strategy.regularized_evolution]\npopulation = 5\ntournament = 2\n[sweep]\n"                  \
    "strategy.plugin = random, regularized_evolution\nexperiment.seed = 1, 2\n"

// Killed at each step of a move, of the first and of a later one: the same command ends in the same results, and
// in one file.
Test(sweep_store, killed_at_each_step_of_a_move_nothing_is_lost)
{
    static const char *const points[] = {"move-before", "move-after", "collect-before",
                                         "collect-after"};
    config = folder_write(folder, "a.ini", HEAD FORMULA FOUR "[budget]\ntrials = 30\n");
    expect(0, out_of("whole"), NULL);
    expect_files(out_of("whole"), "espalier.db sweep.json ");
    char *expected = outcome(out_of("whole"));
    // A larger budget takes every run out of the store, and puts it back.
    expect(0, out_of("whole"), "budget.trials=60");
    expect_files(out_of("whole"), "espalier.db sweep.json ");
    char *longer = outcome(out_of("whole"));
    cr_assert_str_neq(expected, longer);
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++)
        for (int number = 1; number <= 3; number += 2) {
            char fault[64];
            snprintf(fault, sizeof fault, "%s:%d", points[i], number);
            const char *out = out_of(fault);
            setenv("ESPALIER_FAULT", fault, 1);
            expect(-SIGKILL, out, NULL);
            unsetenv("ESPALIER_FAULT");
            // Not even between: what has ended is shown.
            compare(out, expected, fault);
            expect(0, out, NULL);
            compare(out, expected, fault);
            expect_files(out, "espalier.db sweep.json ");
            setenv("ESPALIER_FAULT", fault, 1);
            expect(-SIGKILL, out, "budget.trials=60");
            unsetenv("ESPALIER_FAULT");
            expect(0, out, "budget.trials=60");
            compare(out, longer, fault);
            expect_files(out, "espalier.db sweep.json ");
        }
    free(expected);
    free(longer);
}

// A store as programs before the second layout wrote it.
static void make_old(const char *run)
{
    char path[1200];
    sqlite3 *database = NULL;
    snprintf(path, sizeof path, "%s/espalier.db", run);
    cr_assert_eq(sqlite3_open(path, &database), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(database,
                              "DROP INDEX run_label; ALTER TABLE run DROP COLUMN label;"
                              "PRAGMA user_version = 1;",
                              NULL, NULL, NULL),
                 SQLITE_OK, "%s", sqlite3_errmsg(database));
    sqlite3_close(database);
}

// Sweeps of earlier programs left each run in a folder of its own.
Test(sweep_store, stores_of_earlier_programs_are_read_and_taken_over)
{
    config = folder_write(folder, "a.ini", HEAD FORMULA FOUR "[budget]\ntrials = 30\n");
    expect(0, out_of("whole"), NULL);
    char *expected = outcome(out_of("whole"));
    char *out = strdup(out_of("old")), run[1024];
    setenv("ESPALIER_FAULT", "move-before:1", 1);
    expect(-SIGKILL, out, NULL);
    unsetenv("ESPALIER_FAULT");
    snprintf(run, sizeof run, "%s/runs/strategy=random,seed=2", out);
    make_old(run);
    json_decref(espalier_results(run));
    expect(0, out, NULL);
    compare(out, expected, "old stores");
    expect_files(out, "espalier.db sweep.json ");
    free(out);
    free(expected);
}

Test(sweep_store, the_one_store_is_read_by_every_command)
{
    config = folder_write(folder, "a.ini", HEAD FORMULA FOUR "[budget]\ntrials = 30\n");
    char *out = strdup(out_of("out")), run[1024], none[1024];
    expect(0, out, NULL);
    snprintf(run, sizeof run, "%s/runs/strategy=random,seed=2", out);
    snprintf(none, sizeof none, "%s/runs/strategy=random,seed=3", out);
    free(espalier_expect(0, (const char *[]){"show", run, "best", NULL}));
    char *text = espalier_expect(0, (const char *[]){"results", run, run, out, "--csv", NULL});
    size_t rows = 0;
    for (const char *c = text; *c; c++)
        rows += *c == '\n';
    cr_assert_eq(rows, 1 + 4 * 30, "named twice, it counts once: %zu rows", rows);
    free(text);
    free(espalier_expect(2, (const char *[]){"results", none, NULL}));
    free(espalier_expect(2, (const char *[]){"show", out, "best", NULL}));
    // A single run does not go on with what the sweep has.
    free(espalier_expect(2, (const char *[]){"run", config, "--set", "strategy.plugin=random",
                                             "--out", run, "--resume", NULL}));
    free(out);
}
