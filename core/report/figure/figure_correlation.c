// SPDX-License-Identifier: Apache-2.0
// The figures correlation, fidelities and steps: rank correlations as a square of numbers and colours,
// Spearman's above the diagonal and Kendall's below.
#include "report/figure/figure.h"

#include "report/correlation.h"

#include <math.h>
#include <string.h>

#define CELL 40.0
#define ROW 26.0
#define COLUMNS_MOST 14

// Blue for agreement, orange for the opposite, white for none.
static void cell_colour(double value, char *out, size_t size)
{
    static const double positive[3] = {0, 114, 178}, negative[3] = {213, 94, 0};
    const double *end = value < 0 ? negative : positive;
    double share = 0.9 * fmin(fabs(value), 1);
    snprintf(out, size, "#%02x%02x%02x", (unsigned)(255 + share * (end[0] - 255)),
             (unsigned)(255 + share * (end[1] - 255)), (unsigned)(255 + share * (end[2] - 255)));
}

static void draw_cell(FILE *file, const struct correlation *correlation, uint64_t row,
                      uint64_t column, double x, double y)
{
    uint64_t place = row * correlation->count + column;
    double value = column >= row ? correlation->spearman[place] : correlation->kendall[place];
    char colour[16] = "#f0f2f5", text[16] = "–";
    if (isfinite(value)) {
        cell_colour(value, colour, sizeof colour);
        snprintf(text, sizeof text, "%.2f", value);
    }
    svg_rectangle(file, x + 1, y + 1, CELL - 2, ROW - 2, colour, 1, NULL);
    if (fabs(value) > 0.75)
        fputs("<g fill=\"#ffffff\">", file);
    svg_text(file, (struct svg_point){x + CELL / 2, y + ROW / 2 + 4}, text, SVG_MIDDLE, 11, false,
             false);
    if (fabs(value) > 0.75)
        fputs("</g>\n", file);
}

static esp_status draw(FILE *file, const struct correlation *correlation, const char *name,
                       const char *title, struct error *error)
{
    size_t longest = 0;
    if (correlation->count < 2)
        return error_set(error, ESP_ERROR_NOT_FOUND,
                         "%s: there is nothing to correlate: that needs two columns and three "
                         "finished trials",
                         name);
    for (uint64_t i = 0; i < correlation->count; i++) {
        size_t length = strlen(correlation->names[i]);
        longest = length > longest ? length : longest;
    }
    double label = 6.2 * (double)(longest < 32 ? longest : 32);
    double left = label + 22, top = label + 18;
    double count = (double)correlation->count;
    svg_open(file, fmax(left + CELL * count + 14, 330), top + ROW * count + 34, title);
    for (uint64_t i = 0; i < correlation->count; i++) {
        char text[40];
        snprintf(text, sizeof text, "%.32s", correlation->names[i]);
        svg_text(file, (struct svg_point){left - 8, top + ROW * (double)i + ROW / 2 + 4}, text,
                 SVG_END, 11, false, false);
        svg_text(file, (struct svg_point){left + CELL * (double)i + CELL / 2 + 4, top - 8}, text,
                 SVG_START, 11, false, true);
        for (uint64_t j = 0; j < correlation->count; j++)
            draw_cell(file, correlation, i, j, left + CELL * (double)j, top + ROW * (double)i);
    }
    svg_text(file, (struct svg_point){14, top + ROW * count + 20},
             "above the diagonal Spearman's ρ, below Kendall's τ-b", SVG_START, 11, false, false);
    svg_close(file);
    return ESP_OK;
}

esp_status figure_correlation(const struct figure *figure, FILE *file, struct error *error)
{
    struct correlation correlation;
    esp_status status = correlation_of_metrics(&correlation, figure->table, COLUMNS_MOST, error);
    if (status != ESP_OK)
        return status;
    status = draw(file, &correlation, "correlation", "Rank correlation of metrics", error);
    correlation_destroy(&correlation);
    return status;
}

esp_status figure_fidelities(const struct figure *figure, FILE *file, struct error *error)
{
    struct correlation correlation;
    esp_status status =
        correlation_of_fidelities(&correlation, figure->table, figure->study, COLUMNS_MOST, error);
    if (status != ESP_OK)
        return status;
    status = draw(file, &correlation, "fidelities", "Rank correlation of fidelities", error);
    correlation_destroy(&correlation);
    return status;
}

esp_status figure_steps(const struct figure *figure, FILE *file, struct error *error)
{
    struct correlation correlation = {0};
    struct learning_curves curves;
    esp_status status =
        learning_curves_make(&curves, figure->table, figure->study, 1000, 200, error);
    if (status != ESP_OK)
        return status;
    status = correlation_of_steps(&correlation, &curves, figure->study, COLUMNS_MOST, error);
    if (status == ESP_OK)
        status = draw(file, &correlation, "steps", "Rank correlation of training steps", error);
    correlation_destroy(&correlation);
    learning_curves_destroy(&curves);
    return status;
}
