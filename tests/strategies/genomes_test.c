// SPDX-License-Identifier: Apache-2.0
// Searches of genomes, through the program: resumed they are the same, with two workers too; a target ends
// them; who cannot serve them says so before the first trial; what they find is drawn and exported.
#include "support/command.h"
#include "support/folder.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *folder;

static void begin(void)
{
    folder = folder_temporary();
}

static void end(void)
{
    folder_delete(folder);
}

TestSuite(genomes, .init = begin, .fini = end);

static struct command_result espalier(const char *const *words, double kill_after)
{
    const char *arguments[16] = {espalier_binary()};
    size_t count = 1;
    for (; *words; words++)
        arguments[count++] = *words;
    struct command command = {.arguments = arguments, .kill_after = kill_after};
    return command_run(&command);
}

static void expect(int status, const char *words, const char *const *arguments)
{
    struct command_result result = espalier(arguments, 0);
    cr_assert_eq(result.status, status, "status %d\n%s%s", result.status, result.out, result.err);
    cr_assert(!words || strstr(result.err, words) || strstr(result.out, words), "no '%s' in\n%s%s",
              words, result.out, result.err);
    command_free(&result);
}

#define EXPECT(status, words, ...) expect(status, words, (const char *const[]){__VA_ARGS__, NULL})

// "hash state metrics" of every trial. Owner: the caller (free).
static char *trials_of(const char *out)
{
    char path[600], *list = NULL;
    size_t size;
    sqlite3 *database;
    sqlite3_stmt *rows;
    snprintf(path, sizeof path, "%s/espalier.db", out);
    sqlite3_open(path, &database);
    cr_assert_eq(sqlite3_prepare_v2(database,
                                    "SELECT hash, state, hex(genome), fidelity FROM trial "
                                    "ORDER BY trial",
                                    -1, &rows, NULL),
                 SQLITE_OK);
    FILE *stream = open_memstream(&list, &size);
    while (sqlite3_step(rows) == SQLITE_ROW)
        fprintf(stream, "%llx %s %s %s\n", (unsigned long long)sqlite3_column_int64(rows, 0),
                (const char *)sqlite3_column_text(rows, 1),
                (const char *)sqlite3_column_text(rows, 2),
                (const char *)sqlite3_column_text(rows, 3));
    fclose(stream);
    sqlite3_finalize(rows);
    sqlite3_close(database);
    return list;
}

static void expect_same(const char *a, const char *b)
{
    char *first = trials_of(a), *second = trials_of(b);
    cr_assert_gt(strlen(first), 0);
    cr_assert_str_eq(first, second);
    free(first);
    free(second);
}

static char *out_of(const char *name)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        abort();
    return path;
}

Test(genomes, a_resume_asks_for_the_same_trials)
{
    static const char *const strategies[] = {
        ("plugin = neat\npopulation = 40\nadd_node = 0.1\nadd_link = 0.3\nrecurrent = 0.3\n"
         "champion = generalise\n"),
        "plugin = random\n",
        "plugin = evolution\npopulation = 20\ncrossover_rate = 0.5\nmutation = rate\n",
    };
    for (int i = 0; i < 3; i++) {
        char text[700], name[16];
        snprintf(
            text, sizeof text,
            "[experiment]\nseed = 3\n[space]\nplugin = neat\ninputs = 3\noutputs = 1\n"
            "bias = 0.5\nrecurrent = 0.3\n[strategy]\n%s[estimator]\nplugin = double_pole\n"
            "velocities = no\n[objective]\nmaximize = fitness\n[budget]\ntrials = 1500\n[run]\n"
            "lookahead = 7\n",
            strategies[i]);
        char *config = folder_write(folder, "genome.ini", text);
        snprintf(name, sizeof name, "whole-%d", i);
        char *whole = out_of(name);
        snprintf(name, sizeof name, "killed-%d", i);
        char *killed = out_of(name);
        EXPECT(0, NULL, "run", config, "--out", whole, "--quiet");
        for (int kill = 0; kill < 3; kill++) {
            const char *words[] = {
                "run", config, "--out", killed, "--quiet", kill ? "--resume" : NULL, NULL};
            struct command_result result = espalier(words, 0.03 + 0.02 * kill);
            cr_assert(result.status == 0 || result.status == -SIGKILL, "%s", result.err);
            command_free(&result);
        }
        char *store = NULL;
        if (asprintf(&store, "%s/espalier.db", killed) < 0)
            abort();
        // Killed before it began, there is nothing to resume.
        EXPECT(0, NULL, "run", config, "--out", killed, "--quiet",
               access(store, R_OK) == 0 ? "--resume" : NULL);
        expect_same(whole, killed);
        free(store);
        free(config);
        free(whole);
        free(killed);
    }
}

// Genomes go to worker processes as JSON, and networks of them are trained from the genes' weights on.
Test(genomes, two_workers_make_the_trials_of_one)
{
    char *config = folder_write(
        folder, "train.ini",
        "[space]\nplugin = neat\n[strategy]\nplugin = neat\npopulation = 4\nadd_node = 0.5\n"
        "[estimator]\nplugin = train\nepochs = 1\nlearning_rate = log(0.01, 0.1)\n[dataset]\n"
        "plugin = synthetic\nchannels = 3\nheight = 2\nwidth = 2\nclasses = 2\ntrain = 32\n"
        "valid = 16\n[objective]\nmaximize = valid_accuracy\n[budget]\ntrials = 10\n");
    char *one = out_of("one"), *two = out_of("two");
    EXPECT(0, NULL, "run", config, "--out", one, "--quiet", "--workers", "1");
    EXPECT(0, NULL, "run", config, "--out", two, "--quiet", "--workers", "2");
    expect_same(one, two);
    free(config);
    free(one);
    free(two);
}

Test(genomes, a_target_ends_the_run_and_the_winner_goes_elsewhere)
{
    char *config = folder_write(
        folder, "xor.ini",
        "[experiment]\nseed = 2\n[space]\nplugin = neat\noutputs = 1\n[strategy]\nplugin = neat\n"
        "add_link = 0.3\n[estimator]\nplugin = xor\n[dataset]\nplugin = synthetic\nchannels = 2\n"
        "height = 1\nwidth = 1\nclasses = 2\n[objective]\nmaximize = fitness\n[budget]\n"
        "trials = 75000\ntarget = solved >= 1\n");
    char *out = out_of("xor"), *file = out_of("best.onnx"), *page = out_of("page.html"), best[32];
    EXPECT(0, NULL, "run", config, "--out", out, "--quiet");
    const char *words[] = {"results", out, "--json", NULL};
    struct command_result result = espalier(words, 0);
    cr_assert(strstr(result.out, "\"reason\": \"target\""));
    char *at = strstr(result.out, "\"best\"");
    cr_assert_not_null(at);
    at = strstr(at, "\"trial\": ");
    cr_assert_not_null(at);
    snprintf(best, sizeof best, "%ld", strtol(at + 9, NULL, 10));
    command_free(&result);
    EXPECT(0, "\"values\"", "export", out, best, "--format", "json");
    EXPECT(0, "digraph", "export", out, best, "--format", "dot");
    EXPECT(0, "bias 1", "export", out, best, "--format", "cells");
    EXPECT(0, NULL, "export", out, best, "--format", "onnx", "-o", file);
    EXPECT(0, NULL, "report", out, "-o", page);
    // Finished: a resume shows it.
    EXPECT(0, NULL, "run", config, "--out", out, "--quiet", "--resume");
    free(config);
    free(out);
    free(file);
    free(page);
}

Test(genomes, a_recurrent_network_is_drawn_and_no_onnx)
{
    char *config = folder_write(
        folder, "loop.ini",
        "[space]\nplugin = neat\ninputs = 2\noutputs = 1\n[strategy]\nplugin = random\n"
        "[estimator]\nplugin = xor\n[dataset]\nplugin = synthetic\nchannels = 2\nheight = 1\n"
        "width = 1\n[objective]\nmaximize = fitness\n[budget]\ntrials = 1\n[start]\n"
        "arch = 2-1 bias 1: 0>3=1@0 3>3=0.5@1~\n");
    char *out = out_of("loop"), *file = out_of("loop.onnx");
    EXPECT(0, NULL, "run", config, "--out", out, "--quiet");
    EXPECT(2, "recurrent", "export", out, "0", "--format", "onnx", "-o", file);
    EXPECT(0, "style=dashed", "export", out, "0", "--format", "dot");
    EXPECT(0, "back_edges", "export", out, "0", "--format", "json");
    free(config);
    free(out);
    free(file);
}

Test(genomes, who_cannot_serve_them_says_so_before_the_first_trial)
{
    static const struct {
        const char *space, *strategy, *estimator, *words;
    } rows[] = {
        {"neat\ninputs = 2\noutputs = 1", "tpe", "xor", "evolution"},
        {"neat\ninputs = 2\noutputs = 1", "evolution\nmutation = subtree", "xor", "mutation"},
        {"chain", "neat", "nk_landscape", "neat/1"},
        {"chain", "random", "xor", "no genome"},
        {"neat\ninputs = 3\noutputs = 1", "neat", "xor", "inputs = 2"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "[space]\nplugin = %s\n[strategy]\nplugin = %s\n[estimator]\nplugin = %s\n"
                 "[objective]\nmaximize = fitness\n",
                 rows[i].space, rows[i].strategy, rows[i].estimator);
        char *config = folder_write(folder, "refused.ini", text), *out = out_of("refused");
        const char *words[] = {"run", config, "--out", out, "--quiet", NULL};
        struct command_result result = espalier(words, 0);
        cr_assert_neq(result.status, 0);
        cr_assert(strstr(result.err, rows[i].words), "%s", result.err);
        command_free(&result);
        free(config);
        free(out);
    }
    char *config = folder_write(folder, "target.ini",
                                "[space]\nplugin = neat\ninputs = 2\noutputs = 1\n[strategy]\n"
                                "plugin = neat\n[estimator]\nplugin = xor\n[objective]\n"
                                "maximize = fitness\n[budget]\ntarget = solve >= 1\n");
    char *out = out_of("target");
    EXPECT(2, "did you mean 'solved'", "run", config, "--out", out, "--quiet");
    EXPECT(2, "METRIC >= NUMBER", "run", config, "--out", out, "--quiet", "--set",
           "budget.target=solved");
    free(config);
    free(out);
}
