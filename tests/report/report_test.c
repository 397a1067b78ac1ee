// SPDX-License-Identifier: Apache-2.0
// `espalier report`: what the page holds, against the runs themselves, and what is refused. What a
// browser makes of it is page_test.mjs's.
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

#define WORDS(...) ((const char *[]){__VA_ARGS__, NULL})

static char *folder;

static void begin(void)
{
    char path[4096];
    folder = folder_temporary();
    snprintf(path, sizeof path, "%s:%s", getenv("ESPALIER_TEST_PLUGINS"),
             getenv("ESPALIER_PLUGINS"));
    setenv("ESPALIER_PLUGINS", path, 1);
}

static void end(void)
{
    folder_delete(folder);
}

TestSuite(report, .init = begin, .fini = end);

static const char nk[] = "[experiment]\nname = nk\n[space]\nplugin = chain\nmax_depth = 4\n"
                         "[strategy]\nplugin = random\n[estimator]\nplugin = nk_landscape\n"
                         "[objective]\nmaximize = fitness\n[budget]\ntrials = 40\n";

// Below the test's folder. It lives until the fourth call after.
static const char *below(const char *name)
{
    static char paths[4][4096];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void search(const char *ini, const char *name, const char *set)
{
    char *config = folder_write(folder, "run.ini", ini);
    free(espalier_expect(0, WORDS("run", config, "--quiet", "--out", below(name), "--set", set)));
    free(config);
}

// The JSON that stands in the page.
static json_t *page_data(const char *path)
{
    static const char open[] = "<script type=\"application/json\" id=\"data\">";
    char *text = file_text(path);
    cr_assert_not_null(text, "%s", path);
    char *begins = strstr(text, open);
    cr_assert_not_null(begins);
    begins += strlen(open);
    char *ends = strstr(begins, "</script>");
    cr_assert_not_null(ends);
    cr_assert_null(memchr(begins, '<', (size_t)(ends - begins)), "no sign of markup in the data");
    json_error_t error;
    json_t *json = json_loadb(begins, (size_t)(ends - begins), 0, &error);
    cr_assert_not_null(json, "%s", error.text);
    free(text);
    return json;
}

static json_t *report(const char *a, const char *b)
{
    free(espalier_expect(0, WORDS("report", a, "-o", below("page.html"), b)));
    return page_data(below("page.html"));
}

static json_t *get(json_t *json, const char *path)
{
    char copy[128], *rest = NULL;
    snprintf(copy, sizeof copy, "%s", path);
    for (char *part = strtok_r(copy, ".", &rest); part; part = strtok_r(NULL, ".", &rest))
        json = json_is_array(json) ? json_array_get(json, strtoul(part, NULL, 10))
                                   : json_object_get(json, part);
    cr_assert_not_null(json, "%s", path);
    return json;
}

static bool is_noted(json_t *data, const char *words)
{
    size_t i;
    json_t *note;
    json_array_foreach (get(data, "notes"), i, note)
        if (strstr(json_string_value(json_object_get(note, "text")), words))
            return true;
    return false;
}

static void expect_refusal(const char *const *arguments, const char *words)
{
    const char *all[8] = {espalier_binary()};
    for (int i = 0; arguments[i]; i++)
        all[i + 1] = arguments[i];
    struct command command = {.arguments = all};
    struct command_result result = command_run(&command);
    cr_assert_eq(result.status, 2, "status %d: %s", result.status, result.err);
    cr_assert(strstr(result.err, words), "%s", result.err);
    command_free(&result);
}

Test(report, holds_the_trials_of_the_run)
{
    search(nk, "run", "experiment.seed=1");
    json_t *data = report(below("run"), NULL), *run = espalier_results(below("run"));
    json_t *trials = get(run, "trials");
    cr_assert_eq(json_integer_value(get(data, "trials.count")), 40);
    for (size_t i = 0; i < 40; i++) {
        json_t *trial = json_array_get(trials, i);
        cr_assert_eq(json_integer_value(json_array_get(get(data, "trials.trial"), i)),
                     (json_int_t)i);
        cr_assert_str_eq(json_string_value(json_array_get(get(data, "trials.hash"), i)),
                         json_string_value(json_object_get(trial, "hash")));
        cr_assert_float_eq(
            json_number_value(json_array_get(get(data, "trials.metrics.0.values"), i)),
            json_number_value(get(trial, "metrics.fitness")), 1e-9);
    }
    cr_assert_eq(json_integer_value(get(data, "study.comparison.runs.0.best")),
                 json_integer_value(get(run, "best.trial")));
    cr_assert(strstr(json_string_value(get(data, "study.methods.0.config")), "max_depth = 4"));
    cr_assert_eq(strlen(json_string_value(get(data, "study.methods.0.plugins.0.sha256"))), 64);
    cr_assert_eq(json_array_size(get(data, "notes")), 0);
    json_decref(run);
    json_decref(data);
}

// The decisions of a row, put together again, are those of the trial.
Test(report, holds_the_decisions)
{
    search(nk, "run", "experiment.seed=2");
    json_t *data = report(below("run"), NULL), *run = espalier_results(below("run")), *column;
    size_t i, row, found = 0, expected = 0;
    for (row = 0; row < 40; row++)
        expected += json_array_size(get(json_array_get(get(run, "trials"), row), "arch.decisions"));
    json_array_foreach (get(data, "trials.decisions"), i, column) {
        json_t *rows = json_object_get(column, "rows"), *values = json_object_get(column, "values");
        for (size_t j = 0; j < (json_is_array(values) ? json_array_size(values) : 0); j++) {
            json_t *value = json_array_get(values, j), *decision;
            if (json_is_null(value))
                continue;
            row = rows && json_is_array(rows) ? (size_t)json_integer_value(json_array_get(rows, j))
                                              : j;
            json_t *decisions = get(json_array_get(get(run, "trials"), row), "arch.decisions");
            size_t k;
            json_array_foreach (decisions, k, decision) {
                if (strcmp(json_string_value(json_array_get(decision, 0)),
                           json_string_value(json_object_get(column, "path"))) != 0)
                    continue;
                json_t *names = json_object_get(column, "names"),
                       *wanted = json_array_get(decision, 1);
                json_t *shown = json_array_size(names)
                                    ? json_array_get(names, (size_t)json_integer_value(value))
                                    : value;
                if (json_is_string(shown) && json_is_string(wanted))
                    cr_assert(json_equal(shown, wanted));
                else
                    cr_assert_eq(json_number_value(shown), json_number_value(wanted));
                found++;
            }
        }
    }
    cr_assert_eq(found, expected, "%zu of %zu decisions", found, expected);
    json_decref(run);
    json_decref(data);
}

// Bands: at its end the median of a method is that of the runs' bests.
Test(report, bands_end_where_the_runs_do)
{
    static const double probabilities[] = {0.25, 0.5, 0.75};
    double bests[5], quartiles[3];
    char name[16], set[32];
    for (int seed = 1; seed <= 5; seed++) {
        snprintf(name, sizeof name, "runs/%d", seed);
        snprintf(set, sizeof set, "experiment.seed=%d", seed);
        search(nk, name, set);
        json_t *run = espalier_results(below(name));
        bests[seed - 1] = json_number_value(get(run, "best.metrics.fitness"));
        json_decref(run);
    }
    cr_assert_eq(esp_statistics_quantiles(quartiles, bests, 5, probabilities, 3), ESP_OK);
    json_t *data = report(below("runs"), NULL);
    json_t *at = get(data, "study.progression.trials.at");
    size_t last = json_array_size(at) - 1;
    cr_assert_eq(json_integer_value(json_array_get(at, last)), 40);
    static const char *const names[] = {"study.progression.trials.methods.0.q1",
                                        "study.progression.trials.methods.0.median",
                                        "study.progression.trials.methods.0.q3"};
    for (int i = 0; i < 3; i++)
        cr_assert_float_eq(json_number_value(json_array_get(get(data, names[i]), last)),
                           quartiles[i], 1e-9, "%s", names[i]);
    cr_assert_eq(json_integer_value(get(data, "study.progression.trials.methods.0.n")), 5);
    json_decref(data);
}

static void set_state(const char *name, const char *change)
{
    char path[4200];
    sqlite3 *store = NULL;
    snprintf(path, sizeof path, "%s/espalier.db", below(name));
    cr_assert_eq(sqlite3_open(path, &store), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(store, change, NULL, NULL, NULL), SQLITE_OK, "%s",
                 sqlite3_errmsg(store));
    sqlite3_close(store);
}

Test(report, says_what_a_run_did_not_reach)
{
    search(nk, "run", "experiment.seed=1");
    set_state("run", "UPDATE run SET state = 1, reason = NULL");
    json_t *data = report(below("run"), NULL);
    cr_assert(is_noted(data, "still going"));
    json_decref(data);
    set_state("run", "UPDATE run SET state = 3");
    data = report(below("run"), NULL);
    cr_assert(is_noted(data, "interrupted"));
    json_decref(data);
    // No trial is complete.
    set_state("run", "UPDATE trial SET state = 5, metrics = NULL, error = 'a <b>reason</b>'");
    data = report(below("run"), NULL);
    cr_assert(is_noted(data, "No trial was completed"));
    cr_assert(is_noted(data, "40 of 40 trials failed"));
    cr_assert_str_eq(json_string_value(get(data, "trials.errors.7")), "a <b>reason</b>");
    json_decref(data);
}

Test(report, numbers_that_are_none)
{
    char *csv = folder_write(folder, "other.csv",
                             "method,seed,trial,valid_accuracy,objective\n"
                             "a,1,0,0.5,maximize valid_accuracy\na,1,1,NaN,\na,2,0,,\n");
    json_t *data = report(csv, NULL);
    cr_assert(is_noted(data, "come from a CSV"));
    cr_assert(is_noted(data, "1 of 2 runs found nothing"));
    cr_assert_eq(json_number_value(get(data, "study.comparison.runs.0.values.0")), 0.5);
    free(csv);
    json_decref(data);
}

Test(report, a_csv_beside_a_folder)
{
    search(nk, "run", "experiment.seed=1");
    char *csv = folder_write(folder, "other.csv",
                             "method,seed,trial,fitness\nother,1,0,0.25\nother,1,1,0.75\n");
    json_t *data = report(below("run"), csv);
    cr_assert_eq(json_array_size(get(data, "study.methods")), 2);
    cr_assert_eq(json_integer_value(get(data, "trials.count")), 40);
    free(csv);
    json_decref(data);
}

Test(report, refusals)
{
    search(nk, "run", "experiment.seed=1");
    search("[experiment]\nname = nk\n[space]\nplugin = nasbench201\n[strategy]\nplugin = random\n"
           "[estimator]\nplugin = nk_landscape\n[objective]\nmaximize = fitness\n[budget]\n"
           "trials = 5\n",
           "other", "experiment.seed=1");
    expect_refusal(WORDS("report", below("run"), below("other")), "searched the space chain");
    cr_assert_neq(access("report.html", F_OK), 0, "nothing was written");
    expect_refusal(WORDS("report", below("nowhere")), "nowhere");
    expect_refusal(WORDS("report", folder, "--objective", "maximize speed"), "cannot be compared");
    expect_refusal(WORDS("report"), "an argument is missing");
}

Test(report, a_page_is_written_whole_or_not)
{
    search(nk, "run", "experiment.seed=1");
    free(espalier_expect(0, WORDS("report", below("run"))));
    cr_assert_eq(access(below("run/report.html"), F_OK), 0);
    cr_assert_neq(access(below("run/report.html.new"), F_OK), 0);
    free(espalier_expect(1, WORDS("report", below("run"), "-o", below("missing/page.html"))));
}

// ---- Figures ----------------------------------------------------------------------------------

static uint64_t occurrences(const char *text, const char *words)
{
    uint64_t count = 0;
    for (const char *at = text; (at = strstr(at, words)); at += strlen(words))
        count++;
    return count;
}

static char *figure(const char *source, const char *name, const char *option)
{
    free(espalier_expect(
        0, WORDS("report", source, "--figure", name, "-o", below("figure.svg"), option)));
    char *text = file_text(below("figure.svg"));
    cr_assert_not_null(text);
    cr_assert_eq(strncmp(text, "<svg ", 5), 0);
    cr_assert_str_eq(text + strlen(text) - 7, "</svg>\n");
    cr_assert_null(strstr(text, "nan"), "%s has a place that is no number", name);
    cr_assert_null(strstr(text, "inf"), "%s has a place without end", name);
    return text;
}

// The places of a polyline stay within the frame.
static void expect_within(const char *text, double right, double bottom)
{
    const char *points = strstr(text, "<polyline");
    double x, y;
    int used, count = 0;
    cr_assert_not_null(points);
    points = strstr(points, "points=\"") + 8;
    for (; sscanf(points, "%lf,%lf%n", &x, &y, &used) == 2; points += used, count++)
        cr_assert(x >= 60 && x <= right && y >= 0 && y <= bottom, "%g,%g", x, y);
    cr_assert(count > 2);
}

Test(report, figures_of_a_run)
{
    search(nk, "run", "experiment.seed=1");
    char *text = figure(below("run"), "best_so_far", NULL);
    cr_assert_eq(occurrences(text, "<polyline"), 1, "one method, one line");
    cr_assert_not_null(strstr(text, ">Trials</text>"));
    cr_assert_not_null(strstr(text, ">fitness</text>"));
    expect_within(text, 465, 260);
    free(text);
    text = figure(below("run"), "best_so_far", "-x=seconds");
    cr_assert_not_null(strstr(text, ">Time of the run (s)</text>"));
    free(text);
    text = figure(below("run"), "final", NULL);
    cr_assert_eq(occurrences(text, "<circle"), 1);
    free(text);
}

Test(report, figures_of_methods)
{
    char *csv = folder_write(folder, "other.csv",
                             "method,seed,trial,accuracy,objective\n"
                             "a<b>&\"c,1,0,0.5,maximize accuracy\na<b>&\"c,1,1,0.7,\n"
                             "a<b>&\"c,2,0,0.6,\nother,1,0,0.4,\nother,1,1,0.8,\n");
    char *text = figure(csv, "best_so_far", NULL);
    cr_assert_eq(occurrences(text, "<polyline fill=\"none\" stroke-linejoin"), 4,
                 "two lines, two of the legend");
    cr_assert_eq(occurrences(text, "<polygon"), 1, "the band of the method with two runs");
    cr_assert_not_null(strstr(text, "a&lt;b&gt;&amp;&quot;c"));
    cr_assert_null(strstr(text, "<b>"));
    free(text);
    text = figure(csv, "final", NULL);
    cr_assert_eq(occurrences(text, "<circle"), 2);
    cr_assert_eq(occurrences(text, "<polygon"), 1, "the other method's mark");
    free(text);
    free(csv);
}

Test(report, figures_refused)
{
    search(nk, "run", "experiment.seed=1");
    const char *run = below("run"), *out = below("no.svg");
    expect_refusal(WORDS("report", run, "--figure=finale", "-o", out), "did you mean 'final'");
    expect_refusal(WORDS("report", run, "--figure=final"), "--figure needs -o");
    expect_refusal(WORDS("report", run, "--log=x"), "--log goes with --figure");
    expect_refusal(WORDS("report", run, "--figure=front", "-x=parms", "-o", out),
                   "the runs have no metric 'parms'");
    expect_refusal(WORDS("report", run, "--figure=best_so_far", "-x=hours", "-o", out),
                   "trials, seconds or cost");
    expect_refusal(WORDS("report", run, "--figure=curves", "-o", out), "no trial of these runs");
    expect_refusal(WORDS("report", run, "--figure=correlation", "-o", out), "nothing to correlate");
    cr_assert_neq(access(below("no.svg"), F_OK), 0);
}
