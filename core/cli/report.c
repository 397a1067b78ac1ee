// SPDX-License-Identifier: Apache-2.0
// espalier report DIR...: runs as one page, or one figure of it.
#include "cli/command.h"
#include "cli/compare.h"
#include "cli/options.h"
#include "cli/report_drawings.h"
#include "report/figure/figure.h"
#include "report/page/page.h"
#include "report/trial_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// Of all runs together; a page of so many stays below 10 MB.
#define TRIALS_MOST 20000
#define DRAWINGS_MOST 8

static const struct option report_options[] = {
    {"o", "FILE", "where to write; report.html in the folder, of several here"},
    {"figure", "NAME",
     "one figure as SVG instead of the page: best_so_far, final, front, curves, correlation, "
     "fidelities or steps"},
    {"x", "AXIS", "best_so_far: trials (the default), seconds or cost; front: a metric"},
    {"y", "METRIC", "final, front, curves: what is shown, the first objective where left out"},
    {"log", "AXES", "logarithmic axes of a figure: x, y or xy"},
    {"reference", "M=X,M=X", "several objectives: where the hypervolume ends"},
    {"objective", "TEXT", "what a CSV seeks: 'maximize METRIC, minimize METRIC'"},
    {"plugins", "DIR", "a folder of plugins, looked at first; the space draws its architectures"},
};

// Owner: the caller (free).
static char *default_path(const struct options *options)
{
    const char *first = options_argument(options, 0);
    struct stat found;
    char *path = NULL;
    if (options->argument_count > 1 || stat(first, &found) != 0 || !S_ISDIR(found.st_mode))
        return strdup("report.html");
    size_t length = strlen(first);
    while (length > 1 && first[length - 1] == '/')
        length--;
    return asprintf(&path, "%.*s/report.html", (int)length, first) < 0 ? NULL : path;
}

static esp_status write_page(const struct study *study, const struct trial_table *table,
                             struct options *options, struct error *error)
{
    struct page page = {
        .study = study, .table = table, .reference = options_value(options, "reference")};
    char *missing = NULL, *made = NULL;
    const char *path = options_value(options, "o");
    if (!path && !(path = made = default_path(options)))
        return error_memory(error);
    esp_status status =
        report_drawings(&page.drawings, &missing, table, study, options, DRAWINGS_MOST, error);
    page.drawings_missing = missing;
    if (status == ESP_OK)
        status = page_write(&page, path, error);
    if (status == ESP_OK)
        printf("%s\n", path);
    json_decref(page.drawings);
    free(missing);
    free(made);
    return status;
}

static esp_status check_options(const struct options *options, struct error *error)
{
    static const char *const of_figures[] = {"x", "y", "log"};
    const char *log = options_value(options, "log");
    bool figure = options_given(options, "figure");
    for (size_t i = 0; !figure && i < ESP_COUNT(of_figures); i++)
        if (options_given(options, of_figures[i]))
            return error_set(error, ESP_ERROR_INVALID, "%s%s goes with --figure",
                             of_figures[i][1] ? "--" : "-", of_figures[i]);
    if (figure && !options_value(options, "o"))
        return error_set(error, ESP_ERROR_INVALID, "--figure needs -o FILE.svg");
    if (log && strcmp(log, "x") != 0 && strcmp(log, "y") != 0 && strcmp(log, "xy") != 0)
        return error_set(error, ESP_ERROR_INVALID, "--log: expected x, y or xy, got '%s'", log);
    return ESP_OK;
}

static esp_status write_figure(const struct study *study, const struct trial_table *table,
                               struct options *options, struct error *error)
{
    const char *log = options_value(options, "log"), *path = options_value(options, "o");
    const struct figure figure = {.study = study,
                                  .table = table,
                                  .reference = options_value(options, "reference"),
                                  .x = options_value(options, "x"),
                                  .y = options_value(options, "y"),
                                  .log_x = log && strchr(log, 'x'),
                                  .log_y = log && strchr(log, 'y')};
    esp_status status = figure_write(&figure, options_value(options, "figure"), path, error);
    if (status == ESP_OK)
        printf("%s\n", path);
    return status;
}

int command_report(int argc, char **argv)
{
    struct options options;
    struct study study = {0};
    struct trial_table table = {0};
    struct error error;
    error_clear(&error);
    int result = options_parse(&options, "report DIR...", report_options, ESP_COUNT(report_options),
                               1, OPTIONS_MOST, argc, argv);
    if (result != OPTIONS_GO_ON)
        return result;
    esp_status status = check_options(&options, &error);
    if (status == ESP_OK)
        status = compare_study(&study, &options, &error);
    if (status == ESP_OK && study.objective_count == 0)
        status = error_set(&error, ESP_ERROR_INVALID,
                           "there is nothing to show: none of the runs has begun");
    if (status == ESP_OK)
        status = trial_table_make(&table, &study, TRIALS_MOST, &error);
    if (status == ESP_OK)
        status = options_given(&options, "figure") ? write_figure(&study, &table, &options, &error)
                                                   : write_page(&study, &table, &options, &error);
    trial_table_destroy(&table);
    study_destroy(&study);
    options_destroy(&options);
    return command_end(status, &error);
}
