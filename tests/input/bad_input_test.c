// SPDX-License-Identifier: Apache-2.0
// What a person mistypes: each case is a configuration or a command line, and gets exit status 2 and
// one message with place, key, what was expected, and the nearest valid name. Nothing is started.
#include "support/command.h"
#include "support/folder.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define GOOD_SPACE "[space]\nplugin = chain\nmax_depth = 3\n"
#define GOOD_STRATEGY "[strategy]\nplugin = random\n"
#define GOOD_ESTIMATOR "[estimator]\nplugin = nk_landscape\n"
#define GOOD_END "[objective]\nmaximize = fitness\n[budget]\ntrials = 3\n"
#define GOOD GOOD_SPACE GOOD_STRATEGY GOOD_ESTIMATOR GOOD_END

static const struct {
    const char *text;
    const char *parts[4]; // all stand in the message
} cases[] = {
    {GOOD "[budgett]\ntrials = 1\n", {"a.ini:12", "[budgett]", "[budget]"}},
    {"[space]\nplugin = chian\n", {"a.ini:2", "'chian'", "'chain'"}},
    {"[space]\nplugin = chain\nmax_dept = 3\n", {"a.ini:3", "max_dept", "'max_depth'"}},
    {"[space]\nplugin = chain\nmax_depth = 0\n", {"a.ini:3", "max_depth", "from 1 to 1000", "'0'"}},
    {"[space]\nplugin = chain\nmax_depth = two\n", {"a.ini:3", "whole number", "'two'"}},
    {"[space]\nplugin = chain\nbatch_norm = yse\n", {"a.ini:3", "'yse'", "'yes'"}},
    {"[space]\nplugin = chain\noperations = conv_3x3, conv3x3\n", {"a.ini:3", "'conv_3x3'"}},
    {"[space]\nplugin = chain\nwidths = 8, x\n", {"a.ini:3", "'x'"}},
    {"[space]\nplugin = chain\nmax_depth = log(0, 3)\n", {"a.ini:3", "log(least, largest)"}},
    {"[space]\nplugin = chain\ndropout = int(0, 1)\n", {"a.ini:3", "does not suit"}},
    {"[space]\nplugin = chain\n  max_depth = 3\n", {"a.ini:3", "indented"}},
    {"[space]\nplugin = chain\nmax_depth = 3\nmax_depth = 4\n", {"a.ini:4", "twice", "line 3"}},
    {"[space]\nplugin: chain\n", {"a.ini:2", "key = value"}},
    {"[space\nplugin = chain\n", {"a.ini:1", "']'"}},
    {"plugin = chain\n", {"a.ini:1", "before any [section]"}},
    {"include = missing.ini\n" GOOD, {"a.ini:1", "missing.ini", "cannot be read"}},
    {"include = a.ini\n" GOOD, {"circle"}},
    {GOOD_SPACE GOOD_STRATEGY GOOD_ESTIMATOR, {"[objective]", "maximize"}},
    {GOOD_SPACE GOOD_STRATEGY GOOD_ESTIMATOR "[objective]\nmaximize = fitnes\n",
     {"a.ini:9", "'fitnes'", "'fitness'"}},
    {GOOD_SPACE GOOD_STRATEGY GOOD_ESTIMATOR "[objective]\nmaximize = fitness\n"
                                             "subject_to = params < 3\n",
     {"a.ini:10", "METRIC <= NUMBER"}},
    {GOOD "time = soon\n", {"a.ini:12", "'soon'", "90s"}},
    {GOOD "cost = 5\n", {"a.ini:12", "no metric 'cost'"}},
    {GOOD "[run]\nworkers = -1\n", {"a.ini:13", "workers", "from 0"}},
    {GOOD "[run]\norder = fixd\n", {"a.ini:13", "'fixed'"}},
    {GOOD "[fix]\nlayer/0/op = conv_9x9\n", {"[fix] layer/0/op = conv_9x9", "expected one of"}},
    {GOOD "[fix]\n@space/dropout = 0.1\n", {"a.ini:13", "no parameter is searched"}},
    {GOOD "[final]\nretrain = best\n", {"a.ini:13", "trains no networks"}},
    {GOOD "[sweep]\nexperiment.seed = 1..3\n", {"[sweep]", "many runs"}},
    {GOOD "[strategy]\nrepeat = log(1, 2)\n", {"a.ini:13", "cannot be searched"}},
    {"[space]\nplugin = chain\nmin_depth = 5\nmax_depth = 3\n" GOOD_STRATEGY GOOD_ESTIMATOR
         GOOD_END,
     {"space chain", "min_depth 5", "max_depth 3"}},
    {"[space]\nplugin = chain\nwidths = 8, 4\n" GOOD_STRATEGY GOOD_ESTIMATOR GOOD_END,
     {"space chain", "ascending"}},
};

static void check(const char *const *arguments, const char *const *parts)
{
    struct command command = {.arguments = arguments};
    struct command_result result = command_run(&command);
    cr_assert_eq(result.status, 2, "status %d\n%s", result.status, result.err);
    for (int i = 0; i < 4 && parts[i]; i++)
        cr_assert(strstr(result.err, parts[i]), "'%s' in\n%s", parts[i], result.err);
    command_free(&result);
}

Test(configuration, each_mistake_gets_its_message)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *folder = folder_temporary(), out[512];
        char *config = folder_write(folder, "a.ini", cases[i].text);
        snprintf(out, sizeof out, "%s/out", folder);
        const char *arguments[] = {espalier_binary(), "run", config, "--out", out, NULL};
        check(arguments, cases[i].parts);
        free(config);
        folder_delete(folder);
    }
}

Test(configuration, a_line_that_would_be_cut_is_refused)
{
    char *folder = folder_temporary(), text[600];
    snprintf(text, sizeof text, "[experiment]\nname = %0300d\n", 0);
    char *config = folder_write(folder, "long.ini", text);
    const char *arguments[] = {espalier_binary(), "run", config, NULL};
    const char *parts[4] = {"long.ini:2", "307 bytes", "198"};
    check(arguments, parts);
    free(config);
    folder_delete(folder);
}

Test(command_line, each_mistake_gets_its_message)
{
    static const struct {
        const char *arguments[4];
        const char *parts[4];
    } lines[] = {{{"rnu", NULL}, {"'rnu'", "'run'"}},
                 {{"run", NULL}, {"argument is missing", "run CONFIG"}},
                 {{"run", "a.ini", "--reusme", NULL}, {"--reusme", "--resume"}},
                 {{"run", "/nowhere/a.ini", NULL}, {"/nowhere/a.ini", "cannot be read"}},
                 {{"results", "/nowhere", NULL}, {"/nowhere/espalier.db"}},
                 {{"describe", "space/chian", NULL}, {"'chian'", "'chain'"}},
                 {{"list", "spaces", NULL}, {"'spaces'", "expected space"}},
                 {{"inspect", "/bin/sh", NULL}, {"/bin/sh", "note"}}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        const char *arguments[6] = {espalier_binary()};
        for (int j = 0; j < 4 && lines[i].arguments[j]; j++)
            arguments[j + 1] = lines[i].arguments[j];
        check(arguments, lines[i].parts);
    }
}

// ---- The out folder ---------------------------------------------------------------------------

static char *folder, *config, out[512];

static void begin(void)
{
    folder = folder_temporary();
    config = folder_write(folder, "a.ini", GOOD);
    snprintf(out, sizeof out, "%s/out", folder);
    const char *arguments[] = {"run", config, "--out", out, "--quiet", NULL};
    free(espalier_expect(0, arguments));
}

static void end(void)
{
    free(config);
    folder_delete(folder);
}

// A coordinator that was killed may leave its lock to a child for a moment; a run waits for that, but
// not for another run.
Test(out_folder, one_that_is_in_use_is_waited_for_a_moment_and_refused, .init = begin, .fini = end)
{
    char path[600];
    snprintf(path, sizeof path, "%s/.lock", out);
    const char *arguments[] = {espalier_binary(), "run", config, "--out", out, "--resume", NULL};
    for (int held_ms = 500; held_ms < 100000; held_ms += 99000) {
        pid_t holder = fork();
        if (holder == 0) {
            int lock = open(path, O_RDWR);
            if (flock(lock, LOCK_EX) == 0)
                poll(NULL, 0, held_ms);
            _exit(0);
        }
        int lock = open(path, O_RDWR);
        while (flock(lock, LOCK_EX | LOCK_NB) == 0) { // until the holder has it
            flock(lock, LOCK_UN);
            poll(NULL, 0, 5);
        }
        close(lock);
        if (held_ms == 500) {
            free(espalier_expect(0, arguments + 1));
        } else {
            const char *parts[4] = {"in use by another run"};
            check(arguments, parts);
        }
        kill(holder, SIGKILL);
        waitpid(holder, NULL, 0);
    }
}

// What is refused leaves nothing behind, at whatever point: the corrected one runs as it stands.
Test(out_folder, a_refused_run_leaves_none, .init = begin, .fini = end)
{
    static const char *const texts[] = {
        "[space]\nplugin = chain\nmin_depth = 5\nmax_depth = 3\n" GOOD_STRATEGY GOOD_ESTIMATOR
            GOOD_END,
        GOOD "cost = 5\n", // refused when the run stands in the store already
        GOOD_SPACE GOOD_STRATEGY "[estimator]\nplugin = train\n[dataset]\nplugin = idx\n"
                                 "train_images = /nowhere\ntrain_labels = /nowhere\n"
                                 "[objective]\nmaximize = valid_accuracy\n[budget]\ntrials = 1\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char other[600];
        snprintf(other, sizeof other, "%s/other-%zu", folder, i);
        char *bad = folder_write(folder, "bad.ini", texts[i]);
        const char *arguments[] = {espalier_binary(), "run", bad, "--out", other, "--quiet", NULL};
        const char *parts[4] = {"espalier:"};
        check(arguments, parts);
        cr_assert_neq(access(other, F_OK), 0, "%zu: the folder is left", i);
        arguments[2] = config;
        free(espalier_expect(0, arguments + 1));
        free(bad);
    }
}

Test(out_folder, one_that_holds_a_run_is_not_written_over, .init = begin, .fini = end)
{
    const char *arguments[] = {espalier_binary(), "run", config, "--out", out, NULL};
    const char *parts[4] = {"holds the run", "--resume", "--out DIR"};
    check(arguments, parts);
}

Test(out_folder, a_resume_with_another_configuration_shows_the_difference, .init = begin,
     .fini = end)
{
    const char *arguments[] = {
        espalier_binary(),   "run", config, "--out", out, "--resume", "--set",
        "space.max_depth=5", NULL};
    const char *parts[4] = {"another experiment", "space.max_depth: 3 -> 5"};
    check(arguments, parts);
    // What a resume may change does not stand in the way.
    const char *more[] = {"run",     config,  "--out",           out, "--resume",
                          "--quiet", "--set", "budget.trials=5", NULL};
    free(espalier_expect(0, more));
    json_t *results = espalier_results(out);
    cr_assert_eq(json_array_size(json_object_get(results, "trials")), 5);
    json_decref(results);
}

Test(out_folder, a_newer_store_is_refused, .init = begin, .fini = end)
{
    char path[600];
    sqlite3 *database;
    snprintf(path, sizeof path, "%s/espalier.db", out);
    sqlite3_open(path, &database);
    sqlite3_exec(database, "PRAGMA user_version = 7", NULL, NULL, NULL);
    sqlite3_close(database);
    const char *arguments[] = {espalier_binary(), "run", config, "--out", out, "--resume", NULL};
    const char *parts[4] = {"version 7", "espalier.db"};
    check(arguments, parts);
}

Test(out_folder, a_results_table_of_each_form, .init = begin, .fini = end)
{
    const char *csv[] = {"results", out, "--csv", NULL};
    char *text = espalier_expect(0, csv);
    int lines = 0;
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    cr_assert_eq(lines, 4, "a head and three trials:\n%s", text);
    free(text);
    const char *top[] = {"results", out, "--top", "2", "--json", NULL};
    text = espalier_expect(0, top);
    json_t *json = json_loads(text, 0, NULL), *first, *second;
    cr_assert_eq(json_array_size(json_object_get(json, "trials")), 2);
    first = json_object_get(json_array_get(json_object_get(json, "trials"), 0), "metrics");
    second = json_object_get(json_array_get(json_object_get(json, "trials"), 1), "metrics");
    cr_assert_geq(json_real_value(json_object_get(first, "fitness")),
                  json_real_value(json_object_get(second, "fitness")));
    json_decref(json);
    free(text);
    char path[600];
    snprintf(path, sizeof path, "%s/best.dot", folder);
    const char *dot[] = {"export", out, "best", "--format", "dot", "-o", path, NULL};
    free(espalier_expect(0, dot));
    text = file_text(path);
    cr_assert(strncmp(text, "digraph", 7) == 0);
    free(text);
}

// The architecture that `export` gives is the one that `arch` reads back, hash and all.
Test(out_folder, an_exported_architecture_is_read_back, .init = begin, .fini = end)
{
    const char *show[] = {"show", out, "best", "--json", NULL};
    char *text = espalier_expect(0, show);
    json_t *json = json_loads(text, 0, NULL);
    free(text);
    char *arch = json_dumps(json_object_get(json, "arch"), JSON_COMPACT | JSON_REAL_PRECISION(17));
    const char *again[] = {"arch", config, "--json-arch", arch, "--json", NULL};
    text = espalier_expect(0, again);
    json_t *read = json_loads(text, 0, NULL);
    cr_assert_str_eq(json_string_value(json_object_get(read, "hash")),
                     json_string_value(json_object_get(json, "hash")));
    json_decref(json);
    json_decref(read);
    free(arch);
    free(text);
}
