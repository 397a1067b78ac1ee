// SPDX-License-Identifier: Apache-2.0
// The learning curves of the page, and its rank correlations.
#include "report/page/page.h"

#include "report/correlation.h"

#include <math.h>
#include <string.h>

#define CURVES_MOST 300
#define POINTS_MOST 100
#define COLUMNS_MOST 14 // of a correlation: what a table of them can show

static json_t *curve_json(const struct learning_curves *curves, const struct learning_curve *curve)
{
    json_t *steps = json_array(), *values = json_array();
    for (uint64_t i = 0; i < curve->count; i++)
        json_array_append_new(steps, page_number(curve->steps[i]));
    for (uint64_t j = 0; j < curves->metric_count; j++) {
        json_t *column = json_array();
        for (uint64_t i = 0; i < curve->count; i++)
            json_array_append_new(column, page_number(curve->values[i * curves->metric_count + j]));
        json_array_append_new(values, column);
    }
    return json_pack("{s:I, s:o, s:o}", "row", (json_int_t)curve->row, "steps", steps, "values",
                     values);
}

static json_t *matrix(const double *values, uint64_t count)
{
    json_t *rows = json_array();
    for (uint64_t i = 0; i < count; i++) {
        json_t *row = json_array();
        for (uint64_t j = 0; j < count; j++)
            json_array_append_new(row, page_number(round(values[i * count + j] * 1e6) / 1e6));
        json_array_append_new(rows, row);
    }
    return rows;
}

static void add_correlation(json_t *list, const char *title, const char *about,
                            const struct correlation *correlation)
{
    if (correlation->count < 2)
        return;
    uint64_t count = correlation->count;
    json_t *names = json_array(), *n = json_array();
    for (uint64_t i = 0; i < count; i++) {
        json_t *row = json_array();
        for (uint64_t j = 0; j < count; j++)
            json_array_append_new(row, json_integer((json_int_t)correlation->n[i * count + j]));
        json_array_append_new(n, row);
        json_array_append_new(names, json_string(correlation->names[i]));
    }
    json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "title", title, "about",
                                          about, "names", names, "n", n, "spearman",
                                          matrix(correlation->spearman, count), "kendall",
                                          matrix(correlation->kendall, count)));
}

static json_t *correlations_json(const struct page *page, const struct learning_curves *curves,
                                 struct error *error)
{
    struct correlation metrics = {0}, fidelities = {0}, steps = {0};
    json_t *list = json_array();
    esp_status status = correlation_of_metrics(&metrics, page->table, COLUMNS_MOST, error);
    if (status == ESP_OK)
        status =
            correlation_of_fidelities(&fidelities, page->table, page->study, COLUMNS_MOST, error);
    if (status == ESP_OK)
        status = correlation_of_steps(&steps, curves, page->study, COLUMNS_MOST, error);
    if (status == ESP_OK) {
        add_correlation(list, "Metrics", "of the trials at the full fidelity", &metrics);
        add_correlation(
            list, "Fidelities",
            "of the first objective, over the architectures that were evaluated at both",
            &fidelities);
        add_correlation(list, "Training steps",
                        "of the first objective along the learning curves: how early the order of "
                        "the architectures is known",
                        &steps);
    } else {
        json_decref(list);
        list = NULL;
    }
    correlation_destroy(&metrics);
    correlation_destroy(&fidelities);
    correlation_destroy(&steps);
    return list;
}

json_t *page_curves_json(const struct page *page, struct error *error)
{
    struct learning_curves curves;
    if (learning_curves_make(&curves, page->table, page->study, CURVES_MOST, POINTS_MOST, error) !=
        ESP_OK)
        return NULL;
    json_t *list = json_array(), *metrics = json_array(),
           *correlations = correlations_json(page, &curves, error);
    for (uint64_t i = 0; i < curves.count; i++)
        json_array_append_new(list, curve_json(&curves, &curves.curves[i]));
    for (uint64_t i = 0; i < curves.metric_count; i++)
        json_array_append_new(metrics, json_string(curves.metrics[i]));
    json_t *json = json_pack("{s:o, s:o, s:I, s:o}", "metrics", metrics, "curves", list, "left_out",
                             (json_int_t)curves.left_out, "correlations", correlations);
    learning_curves_destroy(&curves);
    if (!json)
        error_ensure(error, ESP_ERROR_MEMORY, "the learning curves");
    return json;
}
