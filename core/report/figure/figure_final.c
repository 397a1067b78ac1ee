// SPDX-License-Identifier: Apache-2.0
// The figure final: every run's end as a point over the box of its method.
#include "report/figure/figure.h"

#include "report/comparison.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROW 36.0
#define LETTERS 30 // of a label

// Values of the runs, and how each method's are described.
struct ends {
    const double *values; // of run j at values[j * stride]
    uint64_t stride;
    uint64_t test; // of the comparison's tests; UINT64_MAX: the objective
};

static esp_status choose(struct ends *out, const struct figure *figure,
                         const struct comparison *comparison, struct error *error)
{
    const char *own = comparison->reference ? "hypervolume" : figure->study->objectives[0].metric;
    *out = (struct ends){comparison->values, 1, UINT64_MAX};
    if (!figure->y || strcmp(figure->y, own) == 0)
        return ESP_OK;
    for (uint64_t i = 0; i < comparison->test_count; i++)
        if (strcmp(figure->y, comparison->tests[i]) == 0) {
            *out = (struct ends){comparison->test_values + i, comparison->test_count, i};
            return ESP_OK;
        }
    return error_set(error, ESP_ERROR_INVALID,
                     "-y: final shows %s or a metric that no search saw, and '%s' is none", own,
                     figure->y);
}

static const struct comparison_sample *sample_of(const struct comparison *comparison,
                                                 const struct ends *ends, uint64_t method)
{
    const struct comparison_cell *cell = &comparison->cells[method];
    return ends->test == UINT64_MAX ? &cell->value : &cell->tests[ends->test];
}

// The end of a long label says most: its settings.
static void write_label(FILE *file, struct svg_point at, const char *label)
{
    char text[256];
    size_t length = strlen(label);
    if (length <= LETTERS)
        snprintf(text, sizeof text, "%s", label);
    else
        snprintf(text, sizeof text, "%.*s…%s", LETTERS / 2 - 3, label,
                 label + length - LETTERS / 2 - 2);
    svg_text(file, at, text, SVG_END, 11, false, false);
}

static void draw_box(FILE *file, const struct figure_frame *frame, double y,
                     const struct comparison_sample *sample, const char *colour)
{
    if (!isfinite(sample->median))
        return;
    double left = figure_place(frame, sample->q1, 0).x,
           right = figure_place(frame, sample->q3, 0).x;
    double median = figure_place(frame, sample->median, 0).x;
    svg_rectangle(file, left, y - 11, fmax(right - left, 0.5), 22, colour, 0.13, colour);
    svg_line(file, (struct svg_point){median, y - 11}, (struct svg_point){median, y + 11}, colour,
             2.2);
}

static void draw_method(FILE *file, const struct figure *figure, const struct figure_frame *frame,
                        const struct comparison *comparison, const struct ends *ends,
                        uint64_t method)
{
    const char *colour = figure_colour(method);
    double y = frame->top + ROW * ((double)method + 0.5);
    write_label(file, (struct svg_point){frame->left - 8, y + 4},
                figure->study->methods[method].label);
    draw_box(file, frame, y, sample_of(comparison, ends, method), colour);
    uint64_t met = 0;
    for (uint64_t j = 0; j < figure->study->run_count; j++) {
        double value = ends->values[j * ends->stride];
        if (figure->study->runs[j].method != method || !isfinite(value))
            continue;
        // Spread by the golden ratio, so that equal ends can be told apart.
        double aside = 16 * (fmod((double)met++ * 0.6180339887, 1) - 0.5);
        svg_mark(file, (struct svg_point){figure_place(frame, value, 0).x, y + aside}, 2.8, method,
                 colour, 0.6, colour);
    }
}

static esp_status draw(const struct figure *figure, FILE *file, const struct comparison *comparison,
                       struct error *error)
{
    struct ends ends;
    esp_status status = choose(&ends, figure, comparison, error);
    if (status != ESP_OK)
        return status;
    double low = INFINITY, high = -INFINITY;
    size_t longest = 0;
    for (uint64_t j = 0; j < figure->study->run_count; j++) {
        double value = ends.values[j * ends.stride];
        if (isfinite(value)) {
            low = fmin(low, value);
            high = fmax(high, value);
        }
    }
    if (low > high)
        return error_set(error, ESP_ERROR_NOT_FOUND, "final: no run has a value to show");
    for (uint64_t i = 0; i < figure->study->method_count; i++) {
        size_t length = strlen(figure->study->methods[i].label);
        longest = length > longest ? length : longest;
    }
    double left = 24 + 6.0 * (double)(longest < LETTERS ? longest : LETTERS);
    double bottom = 14 + ROW * (double)figure->study->method_count;
    struct figure_frame frame = {
        left, 14, left + 330, bottom, axis_make(low, high, figure->log_x), {0, 1, 1, false}};
    char title[256];
    const char *name = figure->y               ? figure->y
                       : comparison->reference ? "hypervolume"
                                               : figure->study->objectives[0].metric;
    figure_metric_title(figure, name, title, sizeof title);
    svg_open(file, frame.right + 18, bottom + 48, "Every run at its end");
    figure_draw_axes(file, &frame, title, "", false);
    for (uint64_t i = 0; i < figure->study->method_count; i++)
        draw_method(file, figure, &frame, comparison, &ends, i);
    svg_close(file);
    return ESP_OK;
}

esp_status figure_final(const struct figure *figure, FILE *file, struct error *error)
{
    static const struct study_point end = {STUDY_END, 0};
    struct comparison comparison;
    esp_status status =
        comparison_make(&comparison, figure->study, &end, 1, figure->reference, error);
    if (status != ESP_OK)
        return status;
    status = draw(figure, file, &comparison, error);
    comparison_destroy(&comparison);
    return status;
}
