// SPDX-License-Identifier: Apache-2.0
// What holds for every strategy, through the program: a run that was killed and resumed asks for the
// same trials as one that was not, so does one resumed for more; several trials open at once and
// failed ones are borne; a finite space is exhausted or repeated, never looped on. A strategy joins by a
// line of the table.
#include "support/command.h"
#include "support/folder.h"

#include <criterion/criterion.h>
#include <espalier/random.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct subject {
    const char *strategy; // its section
    int finite_only;      // takes no real decisions
    int repeats;          // on a space of 30 members it asks for more than 30 trials
    const char *objectives;
};

static const struct subject subjects[] = {
    {"plugin = random\n", 0, 1, "maximize = fitness\n"},
    {"plugin = random\nrepeat = no\n", 0, 0, "maximize = fitness\n"},
    {"plugin = regularized_evolution\npopulation = 10\ntournament = 3\n", 0, 1,
     "maximize = fitness\n"},
    {"plugin = exhaustive\n", 1, 0, "maximize = fitness\n"},
    {"plugin = exhaustive\norder = shuffled\n", 1, 0, "maximize = fitness\n"},
    {"plugin = local_search\n", 0, 0, "maximize = fitness\n"},
    {"plugin = local_search\nevaluate = all\ninitial = 3\nvalues = 4\n", 0, 0,
     "maximize = fitness\n"},
    {"plugin = evolution\npopulation = 20\nselection = truncation\nremoval = worst\n"
     "crossover = one_point\ncrossover_rate = 0.7\n",
     0, 1, "maximize = fitness\n"},
    {"plugin = evolution\npopulation = 20\nselection = roulette\nelitism = 2\n"
     "crossover = scope\ncrossover_rate = 0.5\nmutation = subtree\nrepeat = no\n",
     0, 0, "maximize = fitness\n"},
    {"plugin = evolution\npopulation = 10\nremoval = none\ncrossover_rate = 1\n"
     "crossed_mutation = 0\nmutation = rate\n",
     0, 1, "maximize = fitness\n"},
    {"plugin = hierarchical_evolution\npopulation = 20\n", 0, 1, "maximize = fitness\n"},
    {"plugin = hierarchical_evolution\npopulation = 20\nrepeat = no\n", 0, 0,
     "maximize = fitness\n"},
    {"plugin = nsga2\npopulation = 20\n", 0, 1, "maximize = fitness\n"},
    {"plugin = nsga2\npopulation = 20\nrepeat = no\n", 0, 0,
     "maximize = fitness\nminimize = params\n"},
    {"plugin = tpe\n", 0, 1, "maximize = fitness\n"},
    {"plugin = tpe\nmultivariate = yes\nrepeat = no\nprior_weight = 0.5\n", 0, 0,
     "maximize = fitness\n"},
    {"plugin = gp\ncandidates = 10\nrefit = 100\nfit_points = 20\nrestarts = 0\npoints = 40\n", 0,
     0, "maximize = fitness\n"},
    {"plugin = gp\ncandidates = 10\nrefit = 100\nfit_points = 20\npoints = 40\n"
     "batch = thompson\ntransform = rank\nrepeat = yes\n",
     0, 1, "maximize = fitness\n"},
    {"plugin = bananas\nnetworks = 2\nlayers = 1\nunits = 3\nepochs = 1\nminibatch = 200\nbatch = "
     "50\n",
     0, 0, "maximize = fitness\n"},
    {"plugin = reinforce\nunits = 8\nlearning_rate = 0.01\n", 0, 1, "maximize = fitness\n"},
    {"plugin = reinforce\ncontroller = table\nbatch = 1\nlearning_rate = 0.1\nrepeat = no\n", 0, 0,
     "maximize = fitness\n"},
    {"plugin = ppo\nunits = 10\nepochs = 2\nsubsets = selection\nshare = yes\n", 0, 1,
     "maximize = fitness\n"},
    {"plugin = ppo\nunits = 4\nbatch = 7\nepochs = 1\nrepeat = no\n", 0, 0, "maximize = fitness\n"},
};

#define SUBJECTS (sizeof subjects / sizeof subjects[0])

// Conditional, of ONE decisions alone, 2 * (2 + 4 + 8) + 2 = 30 members.
static const char small_space[] = "[space]\nplugin = chain\nmin_depth = 1\nmax_depth = 4\n"
                                  "operations = identity, conv_1x1\nwidths = 4\nstrides = 1\n";
// About 3,000 members, conditional, so that a shuffled order has room.
static const char middle_space[] = "[space]\nplugin = chain\nmin_depth = 1\nmax_depth = 3\n"
                                   "operations = identity, conv_1x1, conv_3x3\nwidths = 4, 8, 16\n"
                                   "strides = 1\n";
// Integers on a scale, reals, and what depends on the shape.
static const char mixed_space[] = "[space]\nplugin = mlp\nshapes = triangle, funnel, free\n"
                                  "max_depth = 5\nmax_dropout = 0.8\nresidual = search\n";

static char *folder;

static void begin(void)
{
    folder = folder_temporary();
}

static void end(void)
{
    folder_delete(folder);
}

TestSuite(laws, .init = begin, .fini = end);

static char *write_config(size_t subject, const char *space, const char *estimator,
                          const char *more)
{
    char *text = NULL, name[32];
    if (asprintf(
            &text, "[experiment]\nseed = 7\n%s[strategy]\n%s[estimator]\n%s\n[objective]\n%s%s",
            space, subjects[subject].strategy, estimator, subjects[subject].objectives, more) < 0)
        abort();
    snprintf(name, sizeof name, "%zu.ini", subject);
    char *config = folder_write(folder, name, text);
    free(text);
    return config;
}

static void run(const char *config, const char *out, const char *trials, const char *resume,
                double kill_after)
{
    char set[64];
    snprintf(set, sizeof set, "budget.trials=%s", trials);
    const char *arguments[] = {espalier_binary(),
                               "run",
                               config,
                               "--out",
                               out,
                               "--set",
                               set,
                               "--plugins",
                               getenv("ESPALIER_TEST_PLUGINS"),
                               "--quiet",
                               resume,
                               NULL};
    struct command command = {.arguments = arguments, .kill_after = kill_after};
    struct command_result result = command_run(&command);
    cr_assert(result.status == 0 || (kill_after > 0 && result.status == -SIGKILL),
              "%s: status %d\n%s", config, result.status, result.err);
    command_free(&result);
}

// "hash state" of every trial, in order, the state as the store has it. Owner: the caller (free).
static char *trials_of(const char *out, int *count, int *distinct)
{
    char path[600], *list = NULL;
    size_t size;
    sqlite3 *database;
    sqlite3_stmt *rows;
    snprintf(path, sizeof path, "%s/espalier.db", out);
    sqlite3_open(path, &database);
    int code = sqlite3_prepare_v2(database, "SELECT hash, state FROM trial ORDER BY trial", -1,
                                  &rows, NULL);
    cr_assert_eq(code, SQLITE_OK, "%s", sqlite3_errmsg(database));
    FILE *stream = open_memstream(&list, &size);
    *count = 0;
    while (sqlite3_step(rows) == SQLITE_ROW) {
        fprintf(stream, "%llx %s\n", (unsigned long long)sqlite3_column_int64(rows, 0),
                (const char *)sqlite3_column_text(rows, 1));
        ++*count;
    }
    fclose(stream);
    sqlite3_finalize(rows);
    sqlite3_prepare_v2(database, "SELECT count(DISTINCT hash) FROM trial", -1, &rows, NULL);
    sqlite3_step(rows);
    *distinct = sqlite3_column_int(rows, 0);
    sqlite3_finalize(rows);
    sqlite3_close(database);
    return list;
}

static void expect_same(const char *whole, const char *other, const char *what, size_t subject)
{
    int count, distinct, other_count;
    char *a = trials_of(whole, &count, &distinct), *b = trials_of(other, &other_count, &distinct);
    cr_assert_eq(count, other_count, "%s: %d and %d trials of\n%s", what, count, other_count,
                 subjects[subject].strategy);
    cr_assert_gt(count, 0);
    cr_assert_str_eq(a, b, "%s: other trials of\n%s", what, subjects[subject].strategy);
    free(a);
    free(b);
}

static void out_folder(char *out, size_t size, size_t subject, const char *name)
{
    snprintf(out, size, "%s/%s-%zu", folder, name, subject);
}

// Killed at moments drawn from a fixed seed, until it ends.
static void kill_and_resume(const char *config, const char *out, const char *trials)
{
    esp_random random = esp_random_stream(11, 3, 0, 0, 0);
    for (int kill = 0; kill < 2; kill++)
        run(config, out, trials, kill ? "--resume" : NULL, 0.02 + 0.15 * esp_random_real(&random));
    run(config, out, trials, "--resume", 0);
}

static void check_resume(size_t subject, const char *space, const char *more, const char *trials)
{
    char whole[600], killed[600], longer[600];
    out_folder(whole, sizeof whole, subject, "whole");
    out_folder(killed, sizeof killed, subject, "killed");
    out_folder(longer, sizeof longer, subject, "longer");
    char *config = write_config(subject, space, "plugin = nk_landscape", more);
    run(config, whole, trials, NULL, 0);
    kill_and_resume(config, killed, trials);
    expect_same(whole, killed, "killed and resumed", subject);
    run(config, longer, "700", NULL, 0);
    run(config, longer, trials, "--resume", 0);
    expect_same(whole, longer, "resumed for more", subject);
    free(config);
}

Test(laws, a_resume_asks_for_the_same_trials)
{
    for (size_t i = 0; i < SUBJECTS; i++)
        check_resume(i, middle_space, "", "2000");
}

Test(laws, so_it_does_with_trials_open_side_by_side_and_decisions_of_every_kind)
{
    for (size_t i = 0; i < SUBJECTS; i++)
        check_resume(i, subjects[i].finite_only ? middle_space : mixed_space,
                     "[run]\nlookahead = 7\n", "1000");
}

// Architectures of two layers fail.
Test(laws, failed_trials_are_borne_by_two_workers)
{
    for (size_t i = 0; i < SUBJECTS; i++) {
        char out[600];
        int count, distinct;
        if (strcmp(subjects[i].objectives, "maximize = fitness\n") != 0)
            continue;
        out_folder(out, sizeof out, i, "failed");
        char *config = write_config(i, small_space, "plugin = faulty\nmode = error\nwhen = 3",
                                    "[dataset]\nplugin = synthetic\nheight = 4\nwidth = 4\n"
                                    "train = 20\n[run]\nworkers = 2\nlookahead = 5\n");
        char *text = file_text(config), *objective = strstr(text, "maximize = fitness");
        memcpy(objective, "maximize = score  ", 18);
        free(config);
        config = folder_write(folder, "failed.ini", text);
        free(text);
        run(config, out, "30", NULL, 0);
        char *list = trials_of(out, &count, &distinct);
        cr_assert(strstr(list, " 3\n") && strstr(list, " 5\n"), "%s", list); // done, failed
        cr_assert_eq(count, 30, "%d trials of\n%s", count, subjects[i].strategy);
        free(list);
        free(config);
    }
}

Test(laws, a_finite_space_is_repeated_or_exhausted)
{
    for (size_t i = 0; i < SUBJECTS; i++) {
        char out[600];
        int count, distinct;
        out_folder(out, sizeof out, i, "small");
        char *config = write_config(i, small_space, "plugin = nk_landscape", "");
        run(config, out, "400", NULL, 0);
        free(trials_of(out, &count, &distinct));
        cr_expect_leq(distinct, 30);
        cr_expect_eq(count, subjects[i].repeats ? 400 : 30, "%d trials of\n%s", count,
                     subjects[i].strategy);
        if (!subjects[i].repeats)
            cr_expect_eq(distinct, 30, "%d members were found by\n%s", distinct,
                         subjects[i].strategy);
        free(config);
    }
}
