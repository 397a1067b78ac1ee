// SPDX-License-Identifier: Apache-2.0
// claims PROGRAM EXPERIMENTS OUT [NAME...]: runs every experiment that has an expected.json (or those that
// are named), and prints each claim beside what came out. Exit status 1 where one is missed. Sweeps are
// resumed in OUT, so that an interrupted one goes on. An experiment whose data is not there is skipped, in
// words: $ESPALIER_DATA names the folder of benchmark tables, ../shared/data of the repository else.
//
// expected.json: {"config", "data": {"key", "file"}, "source", "claims": [...]}; a claim has a `method`
// as `espalier results` calls it, a `metric` (left out: the objective), a `statistic` of its column (left
// out: mean), and `value` with `tolerance`, `least` or `most`; `runs` in the place of a metric: `trials`, of the
// runs that ended on their [budget] target, those of the last one counted, or `missed`, how many runs did
// not; or `pair`, [first, second] methods, with `least` or `most` of
// `statistic` (a12, p_holm). `percent`: the values are in percent.
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

struct counts {
    int held, missed, skipped;
};

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

// The row of a list whose `key` is `name`.
static json_t *row_of(json_t *list, const char *key, const char *name)
{
    size_t i;
    json_t *row;
    json_array_foreach (list, i, row)
        if (name && text_of(row, key) && strcmp(text_of(row, key), name) == 0)
            return row;
    return NULL;
}

// `trials` or `missed`, of the runs of the claim's method.
static double found_in_runs(json_t *runs, const json_t *claim)
{
    const char *method = text_of(claim, "method"), *statistic = text_of(claim, "statistic");
    double sum = 0, largest = 0;
    int count = 0, missed = 0;
    size_t i;
    json_t *row;
    json_array_foreach (runs, i, row) {
        const char *label = text_of(row, "method"), *reason = text_of(row, "reason");
        double trials = json_number_value(json_object_get(row, "trials"));
        if (!label || strcmp(label, method) != 0)
            continue;
        if (!reason || strcmp(reason, "target") != 0) {
            missed++;
            continue;
        }
        count++;
        sum += trials;
        largest = fmax(largest, trials);
    }
    if (count + missed == 0)
        return NAN;
    if (strcmp(text_of(claim, "runs"), "missed") == 0)
        return missed;
    return statistic && strcmp(statistic, "max") == 0 ? largest : sum / count;
}

// What the claim is about; NaN where there is no such thing.
static double found(json_t *whole, json_t *point, const json_t *claim)
{
    if (text_of(claim, "runs"))
        return found_in_runs(json_object_get(whole, "runs"), claim);
    const char *statistic = text_of(claim, "statistic"), *metric = text_of(claim, "metric");
    json_t *pair = json_object_get(claim, "pair"), *row = NULL;
    size_t i;
    if (pair) {
        const char *a = json_string_value(json_array_get(pair, 0));
        const char *b = json_string_value(json_array_get(pair, 1));
        json_t *each;
        json_array_foreach (json_object_get(point, "pairs"), i, each) {
            bool same = strcmp(text_of(each, "a"), a) == 0 && strcmp(text_of(each, "b"), b) == 0;
            bool turned = strcmp(text_of(each, "a"), b) == 0 && strcmp(text_of(each, "b"), a) == 0;
            if (same || turned) {
                json_t *value = json_object_get(each, statistic);
                double number = json_is_number(value) ? json_number_value(value) : NAN;
                return turned && strcmp(statistic, "a12") == 0 ? 1 - number : number;
            }
        }
        return NAN;
    }
    row = row_of(json_object_get(point, "methods"), "method", text_of(claim, "method"));
    if (metric)
        row = json_object_get(json_object_get(row, "test"), metric);
    json_t *value = json_object_get(row, statistic ? statistic : "mean");
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static void check(json_t *whole, json_t *point, const json_t *claim, struct counts *counts)
{
    double scale = json_is_true(json_object_get(claim, "percent")) ? 100 : 1;
    double value = scale * found(whole, point, claim);
    const json_t *pair = json_object_get(claim, "pair"), *least = json_object_get(claim, "least"),
                 *most = json_object_get(claim, "most");
    const char *metric = text_of(claim, text_of(claim, "runs") ? "runs" : "metric"),
               *statistic = text_of(claim, "statistic");
    char subject[128], claimed[64];
    if (pair)
        snprintf(subject, sizeof subject, "%s over %s", json_string_value(json_array_get(pair, 0)),
                 json_string_value(json_array_get(pair, 1)));
    else
        snprintf(subject, sizeof subject, "%s", text_of(claim, "method"));
    bool holds;
    if (least || most) {
        double bound = json_number_value(least ? least : most);
        holds = least ? value >= bound : value <= bound;
        snprintf(claimed, sizeof claimed, "%s %.4g", least ? "at least" : "at most", bound);
    } else {
        double expected = json_number_value(json_object_get(claim, "value"));
        double tolerance = json_number_value(json_object_get(claim, "tolerance"));
        holds = fabs(value - expected) <= tolerance;
        snprintf(claimed, sizeof claimed, "%.2f +- %.2f", expected, tolerance);
    }
    printf("  %-24s %-18s %-8s %18s   found %.3f   %s\n", subject, metric ? metric : "objective",
           statistic ? statistic : "mean", claimed, value, holds ? "holds" : "MISSED");
    counts->held += holds;
    counts->missed += !holds;
}

// The table that an experiment needs; false where it is not there. Owner of `*setting`: the caller.
static bool find_data(const json_t *data, const char *experiments, char **setting)
{
    const char *folder = getenv("ESPALIER_DATA"), *file = text_of(data, "file");
    char *path = NULL;
    int length = folder && folder[0]
                     ? asprintf(&path, "%s/%s", folder, file)
                     : asprintf(&path, "%s/../../shared/data/%s", experiments, file);
    bool there = length >= 0 && access(path, R_OK) == 0;
    char *real = there ? realpath(path, NULL) : NULL;
    if (!real || asprintf(setting, "%s=%s", text_of(data, "key"), real) < 0)
        *setting = NULL;
    free(real);
    free(path);
    return *setting != NULL;
}

static void reproduce(const char *program, const char *experiments, const char *out,
                      const char *name, const json_t *expected, struct counts *counts)
{
    char *config = NULL, *folder = NULL, *results = NULL, *setting = NULL;
    json_t *data = json_object_get(expected, "data"), *claim;
    printf("%s\n", name);
    if (data && !find_data(data, experiments, &setting)) {
        printf("  skipped: there is no %s ($ESPALIER_DATA names the folder it is in)\n",
               text_of(data, "file"));
        counts->skipped++;
        return;
    }
    if (asprintf(&config, "%s/%s/%s", experiments, name, text_of(expected, "config")) < 0 ||
        asprintf(&folder, "%s/%s", out, name) < 0 || asprintf(&results, "%s.json", folder) < 0)
        abort();
    double began = seconds_now();
    fflush(stdout);
    const char *sweep[] = {
        program, "sweep", config, "--out", folder, "--quiet", setting ? "--set" : NULL,
        setting, NULL};
    const char *show[] = {program, "results", folder, "--json", NULL};
    int status = run(sweep, "/dev/null");
    if (status == 0)
        status = run(show, results);
    json_t *found_json = status == 0 ? json_load_file(results, 0, NULL) : NULL;
    json_t *point = json_array_get(json_object_get(found_json, "points"), 0);
    if (!point) {
        printf("  FAILED: the sweep ended with status %d\n", status);
        counts->missed++;
    } else {
        size_t i;
        printf("  %zu runs, %.1f s; %s\n", json_array_size(json_object_get(found_json, "runs")),
               seconds_now() - began, text_of(expected, "source"));
        json_array_foreach (json_object_get(expected, "claims"), i, claim)
            check(found_json, point, claim, counts);
    }
    fflush(stdout);
    json_decref(found_json);
    free(config);
    free(folder);
    free(results);
    free(setting);
}

static bool wanted(const char *name, int argc, char **argv)
{
    for (int i = 4; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return argc <= 4;
}

int main(int argc, char **argv)
{
    struct dirent **entries = NULL;
    struct counts counts = {0};
    if (argc < 4) {
        fprintf(stderr, "usage: claims PROGRAM EXPERIMENTS OUT [NAME...]\n");
        return 2;
    }
    int count = scandir(argv[2], &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char *path = NULL;
        const char *name = entries[i]->d_name;
        json_error_t error;
        if (asprintf(&path, "%s/%s/expected.json", argv[2], name) < 0)
            abort();
        if (name[0] != '.' && wanted(name, argc, argv) && access(path, F_OK) == 0) {
            json_t *expected = json_load_file(path, 0, &error);
            if (expected) {
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
