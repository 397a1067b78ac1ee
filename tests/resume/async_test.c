// SPDX-License-Identifier: Apache-2.0
// `order = async`: results are told as they come, and a resume tells them in the order of the first
// time, so that the strategy asks for the same trials again and goes on from there.
#include "support/command.h"
#include "support/folder.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Architectures of three decisions take 1.6 s, the others no time: late results are told late.
static const char text[] = "[space]\nplugin = chain\nmin_depth = 1\nmax_depth = 3\n"
                           "operations = identity, conv_1x1\nwidths = 4\nstrides = 1\n"
                           "[strategy]\nplugin = regularized_evolution\npopulation = 3\n"
                           "tournament = 2\n"
                           "[estimator]\nplugin = faulty\nmode = slow\nwhen = 3\n"
                           "[dataset]\nplugin = synthetic\nheight = 4\nwidth = 4\ntrain = 20\n"
                           "[objective]\nmaximize = score\n"
                           "[budget]\ntrials = 12\n"
                           "[run]\nworkers = 3\norder = async\nlookahead = 4\n";

static char *folder, *config, out[512];

static void begin(void)
{
    folder = folder_temporary();
    config = folder_write(folder, "async.ini", text);
    snprintf(out, sizeof out, "%s/out", folder);
}

static void end(void)
{
    free(config);
    folder_delete(folder);
}

static struct command_result run(const char *resume, const char *trials, double kill_after)
{
    char set[64];
    snprintf(set, sizeof set, "budget.trials=%s", trials);
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
    struct command command = {.arguments = arguments, .kill_after = kill_after};
    return command_run(&command);
}

// The trials of the store in the order of their tells, each with its hash: "0:ab.. 2:cd..". `late` counts
// those that were told before an earlier trial. Owner: the caller (free).
static char *tells(int *late)
{
    char path[600], *list = NULL;
    size_t size;
    sqlite3 *database;
    sqlite3_stmt *rows;
    snprintf(path, sizeof path, "%s/espalier.db", out);
    sqlite3_open(path, &database);
    int code = sqlite3_prepare_v2(
        database, "SELECT trial, hash, told FROM trial WHERE told > 0 ORDER BY told", -1, &rows,
        NULL);
    cr_assert_eq(code, SQLITE_OK, "%s", sqlite3_errmsg(database));
    FILE *stream = open_memstream(&list, &size);
    int last = -1;
    *late = 0;
    while (sqlite3_step(rows) == SQLITE_ROW) {
        int trial = sqlite3_column_int(rows, 0);
        fprintf(stream, "%d:%llx ", trial, (unsigned long long)sqlite3_column_int64(rows, 1));
        *late += trial < last;
        last = trial > last ? trial : last;
    }
    fclose(stream);
    sqlite3_finalize(rows);
    sqlite3_close(database);
    return list;
}

Test(async, a_resume_tells_in_the_order_of_the_first_time, .init = begin, .fini = end)
{
    int late;
    struct command_result result = run(NULL, "12", 0);
    cr_assert_eq(result.status, 0, "%s", result.err);
    command_free(&result);
    char *first = tells(&late);
    cr_assert_gt(late, 0, "none was told late, so nothing is shown: %s", first);
    result = run("--resume", "18", 0);
    cr_assert_eq(result.status, 0, "%s", result.err);
    command_free(&result);
    char *second = tells(&late);
    cr_assert(strncmp(first, second, strlen(first)) == 0, "%s\n%s", first, second);
    cr_assert_gt(strlen(second), strlen(first));
    free(first);
    free(second);
}

Test(async, one_that_was_killed_goes_on, .init = begin, .fini = end)
{
    int late;
    struct command_result result = run(NULL, "12", 1.0);
    cr_assert_eq(result.status, -SIGKILL, "status %d", result.status);
    command_free(&result);
    char *before = tells(&late);
    result = run("--resume", "12", 0);
    cr_assert_eq(result.status, 0, "%s", result.err);
    command_free(&result);
    char *after = tells(&late);
    cr_assert(strncmp(before, after, strlen(before)) == 0, "%s\n%s", before, after);
    json_t *results = espalier_results(out), *trial;
    size_t i;
    cr_assert_eq(json_array_size(json_object_get(results, "trials")), 12);
    json_array_foreach (json_object_get(results, "trials"), i, trial)
        cr_assert_str_eq(json_string_value(json_object_get(trial, "state")), "done");
    json_decref(results);
    free(before);
    free(after);
}
