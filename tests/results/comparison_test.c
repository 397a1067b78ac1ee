// SPDX-License-Identifier: Apache-2.0
// `espalier results` over several runs: the numbers of the table against the trials of each run, points,
// runs that did not end well, hypervolumes, CSV there and back, and what is refused.
#include "support/command.h"
#include "support/folder.h"

#include <espalier/support/statistics.h>

#include <criterion/criterion.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEEDS 4
#define WORDS(...) ((const char *[]){__VA_ARGS__, NULL})

static char *folder, runs[512];

static const char ini[] = "[experiment]\nname = nk\n[space]\nplugin = chain\nmax_depth = 4\n"
                          "[strategy]\nplugin = random\n[estimator]\nplugin = nk_landscape\n"
                          "[objective]\nmaximize = fitness\n[budget]\ntrials = 40\n";

static void search(const char *text, const char *strategy, int seed, const char *out,
                   const char *set)
{
    char *config = folder_write(folder, "run.ini", text), plugin[64], number[64];
    snprintf(plugin, sizeof plugin, "strategy.plugin=%s", strategy);
    snprintf(number, sizeof number, "experiment.seed=%d", seed);
    free(espalier_expect(0, WORDS("run", config, "--quiet", "--out", out, "--set", plugin, "--set",
                                  number, "--set", set ? set : number)));
    free(config);
}

static const char *place(const char *method, int seed)
{
    static char path[700];
    snprintf(path, sizeof path, "%s/%s-%d", runs, method, seed);
    return path;
}

static void search_all(const char *text)
{
    for (int seed = 1; seed <= SEEDS; seed++) {
        search(text, "random", seed, place("random", seed), NULL);
        search(text, "regularized_evolution", seed, place("evolution", seed), NULL);
    }
}

static void begin(void)
{
    folder = folder_temporary();
    snprintf(runs, sizeof runs, "%s/runs", folder);
}

static void end(void)
{
    folder_delete(folder);
}

TestSuite(comparison, .init = begin, .fini = end);

static json_t *compare(const char *const *arguments)
{
    const char *all[16] = {"results"};
    int count = 1;
    for (; arguments[count - 1]; count++)
        all[count] = arguments[count - 1];
    all[count] = "--json";
    char *text = espalier_expect(0, all);
    json_t *json = json_loads(text, 0, NULL);
    cr_assert_not_null(json, "%s", text);
    free(text);
    return json;
}

static json_t *point_of(json_t *json, size_t place_of)
{
    return json_array_get(json_object_get(json, "points"), place_of);
}

static json_t *method_of(json_t *point, const char *label)
{
    size_t i;
    json_t *cell;
    json_array_foreach (json_object_get(point, "methods"), i, cell)
        if (strcmp(json_string_value(json_object_get(cell, "method")), label) == 0)
            return cell;
    cr_assert_fail("there is no method %s", label);
    return NULL;
}

static double number(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    cr_assert_not_null(value, "%s", key);
    return json_is_null(value) ? NAN : json_number_value(value);
}

// The best fitness among the first trials of a run, by `results DIR --json` of that run alone.
static double best_after(const char *path, size_t trials)
{
    json_t *results = espalier_results(path), *trial;
    double best = NAN;
    size_t i;
    json_array_foreach (json_object_get(results, "trials"), i, trial) {
        double value = number(json_object_get(trial, "metrics"), "fitness");
        if (i < trials && !(best >= value))
            best = value;
    }
    json_decref(results);
    return best;
}

static void expect_cell(json_t *cell, const double *values, uint64_t n)
{
    static const double probabilities[] = {0.25, 0.5, 0.75};
    double quartiles[3];
    esp_statistics_quantiles(quartiles, values, n, probabilities, 3);
    cr_expect_eq((uint64_t)number(cell, "n"), n);
    cr_expect_float_eq(number(cell, "mean"), esp_statistics_mean(values, n), 1e-12);
    cr_expect_float_eq(number(cell, "sd"), esp_statistics_sd(values, n), 1e-12);
    cr_expect_float_eq(number(cell, "q1"), quartiles[0], 1e-12);
    cr_expect_float_eq(number(cell, "median"), quartiles[1], 1e-12);
    cr_expect_float_eq(number(cell, "q3"), quartiles[2], 1e-12);
    cr_expect_leq(number(cell, "low"), number(cell, "mean"));
    cr_expect_geq(number(cell, "high"), number(cell, "mean"));
}

static double at_random[SEEDS], at_evolution[SEEDS];

static void expect_point(json_t *point, size_t trials)
{
    double rank = 0.0;
    for (int seed = 1; seed <= SEEDS; seed++) {
        double x = at_random[seed - 1] = best_after(place("random", seed), trials);
        double y = at_evolution[seed - 1] = best_after(place("evolution", seed), trials);
        rank += (x > y ? 1.0 : x < y ? 2.0 : 1.5) / SEEDS;
    }
    expect_cell(method_of(point, "random"), at_random, SEEDS);
    expect_cell(method_of(point, "regularized_evolution"), at_evolution, SEEDS);
    cr_expect_float_eq(number(method_of(point, "random"), "rank"), rank, 1e-12);
    cr_expect_float_eq(number(method_of(point, "regularized_evolution"), "rank"), 3 - rank, 1e-12);
    cr_expect_eq((int)number(method_of(point, "random"), "rank_n"), SEEDS);
    json_t *pair = json_array_get(json_object_get(point, "pairs"), 0);
    esp_mann_whitney test;
    double a12;
    bool turned = strcmp(json_string_value(json_object_get(pair, "a")), "random") != 0;
    esp_statistics_mann_whitney(&test, at_random, SEEDS, at_evolution, SEEDS);
    esp_statistics_vargha_delaney(&a12, at_random, SEEDS, at_evolution, SEEDS);
    cr_expect_float_eq(number(pair, "p"), test.p, 1e-12);
    cr_expect_float_eq(number(pair, "p_holm"), test.p, 1e-12, "one pair");
    cr_expect_float_eq(number(pair, "a12"), turned ? 1 - a12 : a12, 1e-12);
}

Test(comparison, numbers_are_those_of_the_runs)
{
    search_all(ini);
    json_t *json = compare(WORDS(runs, "--at", "trials=5,20", "--at", "end"));
    cr_expect_str_eq(json_string_value(json_object_get(json, "statistic")), "best_so_far");
    cr_expect_eq(json_array_size(json_object_get(json, "runs")), 2 * SEEDS);
    cr_expect_eq(json_array_size(json_object_get(json, "differences")), 0);
    expect_point(point_of(json, 0), 5);
    expect_point(point_of(json, 1), 20);
    expect_point(point_of(json, 2), 40);
    json_decref(json);
    // The same folder twice counts once, and one run is compared when a point is asked for.
    json = compare(WORDS(runs, runs, place("random", 1)));
    cr_expect_eq(json_array_size(json_object_get(json, "runs")), 2 * SEEDS);
    json_decref(json);
    json = compare(WORDS(place("random", 1), "--at", "trials=10"));
    cr_expect_float_eq(number(method_of(point_of(json, 0), "random"), "mean"),
                       best_after(place("random", 1), 10), 1e-12);
    json_decref(json);
}

static void change_build(const char *run)
{
    char path[800];
    sqlite3 *database = NULL;
    snprintf(path, sizeof path, "%s/espalier.db", run);
    cr_assert_eq(sqlite3_open(path, &database), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(database,
                              "UPDATE plugin SET sha256 = 'feedbeef0123456789' WHERE id = 'chain'",
                              NULL, NULL, NULL),
                 SQLITE_OK, "%s", sqlite3_errmsg(database));
    sqlite3_close(database);
}

Test(comparison, other_builds_of_a_plugin_are_named)
{
    for (int seed = 1; seed <= 2; seed++) {
        search(ini, "random", seed, place("random", seed), "budget.trials=5");
        search(ini, "regularized_evolution", seed, place("evolution", seed), "budget.trials=5");
    }
    char *text = espalier_expect(0, WORDS("results", runs));
    cr_expect_null(strstr(text, "build of"), "%s", text);
    free(text);
    change_build(place("random", 2));
    text = espalier_expect(0, WORDS("results", runs));
    cr_expect(strstr(text, "build of space/chain (SHA-256): "), "%s", text);
    cr_expect(strstr(text, ", feedbeef0123 (random)"), "%s", text);
    cr_expect_null(strstr(text, "build of estimator"), "%s", text);
    cr_expect(strstr(text, "2 methods"), "still those of one method: %s", text);
    free(text);
}

Test(comparison, csv_there_and_back)
{
    search_all(ini);
    char *text = espalier_expect(0, WORDS("results", runs, "--csv"));
    char *path = folder_write(folder, "all.csv", text);
    json_t *of_runs = compare(WORDS(runs, "--at", "trials=7", "--at", "end"));
    json_t *of_csv = compare(WORDS(path, "--at", "trials=7", "--at", "end"));
    cr_expect(json_equal(json_object_get(of_runs, "points"), json_object_get(of_csv, "points")));
    json_decref(of_runs);
    json_decref(of_csv);
    free(path);
    free(text);
    // Another framework's: the least that is needed, LF and blanks in quotes.
    path = folder_write(folder, "other.csv",
                        "method,seed,fitness\n\"a, b\",1,0.1\n\"a, b\",1,0.4\n\"a, b\",1,0.3\n"
                        "\"a, b\",2,0.2\n\"a, b\",2,\n");
    json_t *json = compare(WORDS(runs, path, "--at", "trials=1", "--at", "end"));
    json_t *cell = method_of(point_of(json, 0), "a, b");
    cr_expect_eq((int)number(cell, "n"), 2);
    cr_expect_float_eq(number(cell, "mean"), 0.15, 1e-12);
    cell = method_of(point_of(json, 1), "a, b");
    cr_expect_float_eq(number(cell, "mean"), 0.3, 1e-12);
    cr_expect_eq((int)number(cell, "rank_n"), 2, "seeds that all have");
    cr_expect_eq(json_array_size(json_object_get(point_of(json, 0), "pairs")), 3);
    json_decref(json);
    json = compare(WORDS(path, "--objective", "minimize fitness"));
    cr_expect_float_eq(number(method_of(point_of(json, 0), "a, b"), "mean"), 0.15, 1e-12);
    json_decref(json);
    free(path);
}

Test(comparison, unfinished_runs_are_listed_and_early_ends_carried_forward)
{
    search(ini, "random", 1, place("random", 1), NULL);
    search(ini, "random", 2, place("random", 2), NULL);
    search(ini, "random", 3, place("random", 3), "budget.trials=10");
    // What the index of a sweep lists counts; a run that never began is named with its reason.
    char index[2048];
    snprintf(
        index, sizeof index,
        "{\"version\": 1, \"name\": \"nk\", \"axes\": [], \"runs\": ["
        "{\"name\": \"one\", \"folder\": \"random-1\", \"settings\": {}, \"state\": \"done\"},"
        "{\"name\": \"short\", \"folder\": \"random-3\", \"settings\": {}, \"state\": \"done\"},"
        "{\"name\": \"never\", \"folder\": \"random-9\", \"settings\": {}, \"state\": \"failed\", "
        "\"error\": "
        "\"no such plugin\"}]}");
    free(folder_write(runs, "sweep.json", index));
    json_t *json = compare(WORDS(runs, "--at", "trials=30"));
    json_t *list = json_object_get(json, "runs"), *run = json_array_get(list, 2);
    cr_assert_eq(json_array_size(list), 3);
    cr_expect_str_eq(json_string_value(json_object_get(run, "state")), "failed");
    cr_expect_str_eq(json_string_value(json_object_get(run, "reason")), "no such plugin");
    json_t *cell = method_of(point_of(json, 0), "random budget.trials=10");
    cr_expect_eq((int)number(cell, "carried"), 1);
    cr_expect_float_eq(number(cell, "mean"), best_after(place("random", 3), 10), 1e-12);
    json_t *difference = json_array_get(json_object_get(json, "differences"), 0);
    cr_expect_str_eq(json_string_value(json_object_get(difference, "key")), "budget.trials");
    json_decref(json);
    char *text = espalier_expect(0, WORDS("results", runs, "--at", "trials=30"));
    static const char *const shown[] = {
        "budget.trials: 40 (random budget.trials=40), 10 (random budget.trials=10)",
        "no such plugin; no result: not in n", "their last value is carried forward",
        "Mann-Whitney"};
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
        cr_expect(strstr(text, shown[i]), "'%s' is not in\n%s", shown[i], text);
    free(text);
}

Test(comparison, hypervolumes_of_several_objectives)
{
    static const char two[] =
        "[experiment]\nname = nk\n[space]\nplugin = chain\nmax_depth = 3\nwidths = 2, 4, 8\n"
        "[strategy]\nplugin = random\n[estimator]\nplugin = nk_landscape\n"
        "[objective]\nmaximize = fitness\nminimize = params\n[budget]\ntrials = 30\n";
    search(two, "random", 1, place("random", 1), NULL);
    search(two, "random", 2, place("random", 2), NULL);
    json_t *json =
        compare(WORDS(runs, "--reference", "fitness=0, params=5000", "--at", "trials=12"));
    cr_expect_str_eq(json_string_value(json_object_get(json, "statistic")), "hypervolume");
    double volumes[2];
    for (int seed = 1; seed <= 2; seed++) {
        json_t *results = espalier_results(place("random", seed)), *trial;
        double points[24];
        size_t i;
        json_array_foreach (json_object_get(results, "trials"), i, trial)
            if (i < 12) {
                points[2 * i] = -number(json_object_get(trial, "metrics"), "fitness");
                points[2 * i + 1] = number(json_object_get(trial, "metrics"), "params");
            }
        esp_statistics_hypervolume(&volumes[seed - 1], points, 12, 2, (double[]){0, 5000});
        json_decref(results);
    }
    cr_expect_float_eq(number(method_of(point_of(json, 0), "random"), "mean"),
                       esp_statistics_mean(volumes, 2), 1e-9);
    json_decref(json);
    // The configuration's own reference.
    char said[700];
    snprintf(said, sizeof said, "%s/said", folder);
    search(two, "random", 1, said, "report.reference=params=5000, fitness=0");
    json = compare(WORDS(said, "--at", "trials=12"));
    cr_expect_float_eq(number(method_of(point_of(json, 0), "random"), "mean"), volumes[0], 1e-9);
    json_decref(json);
    json = compare(WORDS(runs));
    cr_expect_gt(number(method_of(point_of(json, 0), "random"), "mean"), 0);
    json_decref(json);
    struct command_result result = command_run(&(struct command){
        .arguments = WORDS(espalier_binary(), "results", runs, "--reference", "fitness=0")});
    cr_expect_eq(result.status, 2);
    cr_expect(strstr(result.err, "reference: no value for the objective params"), "%s", result.err);
    command_free(&result);
}

static void expect_refused(const char *const *arguments, const char *words)
{
    const char *all[16] = {espalier_binary(), "results"};
    for (int i = 0; i < 12 && arguments[i]; i++)
        all[i + 2] = arguments[i];
    struct command_result result = command_run(&(struct command){.arguments = all});
    cr_expect_eq(result.status, 2, "%s: status %d", words, result.status);
    cr_expect_str_eq(result.out, "");
    cr_expect(strstr(result.err, words), "'%s' is not in\n%s", words, result.err);
    command_free(&result);
}

Test(comparison, what_is_refused)
{
    search(ini, "random", 1, place("random", 1), "budget.trials=3");
    const char *run = strdup(place("random", 1));
    search("[space]\nplugin = nasbench201\n[strategy]\nplugin = random\n"
           "[estimator]\nplugin = nk_landscape\n[objective]\nmaximize = fitness\n",
           "random", 1, place("other", 1), "budget.trials=3");
    expect_refused(WORDS(runs), "searched the space");
    expect_refused(WORDS(run, "--at", "trails=3"), "--at: expected trials=N");
    expect_refused(WORDS(run, "--at", "trials=0"), "expected a number above 0, got '0'");
    expect_refused(WORDS(run, "--at", "cost=5"), "has no metric 'cost'");
    expect_refused(WORDS(run, "--at", "end", "--top", "3"), "are for the trials of one run");
    expect_refused(WORDS(run, "--reference", "fitness=1"), "--reference is for several objectives");
    expect_refused(WORDS(run, "--objective", "minimize fitness"), "these runs cannot be compared");
    char *empty = folder_temporary();
    expect_refused(WORDS(empty), "no run lies here or below");
    folder_delete(empty);
    expect_refused(WORDS(run, "nowhere"), "nowhere: cannot read it");
    static const struct {
        const char *text, *words;
    } files[] = {
        {"method,seed,fitnes\na,1,0.5\n", "bad.csv:1: it has no column 'fitness'; did you mean"},
        {"method,seed,fitness\na,1,high\n", "bad.csv:2: fitness: expected a number, got 'high'"},
        {"method,seed,fitness\na,1\n", "bad.csv:2: the line has 2 fields, and the header 3"},
        {"method,seed,fitness\na,x,0.5\n", "bad.csv:2: seed: expected a number, got 'x'"},
        {"method,seed,fitness\n\"a,1,0.5\n", "bad.csv:2: a quote that opens here is never closed"},
        {"method,seed,fitness\n\"a\"b,1,0.5\n", "bad.csv:2: a comma or the end of the line"},
        {"", "bad.csv: the file is empty"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char *path = folder_write(folder, "bad.csv", files[i].text);
        expect_refused(WORDS(run, path), files[i].words);
        free(path);
    }
    char *path = folder_write(folder, "bad.csv", "method,seed,fitness\na,1,0.5\n");
    expect_refused(WORDS(path), "say which one is sought");
    free(path);
    free((char *)run);
}
