// SPDX-License-Identifier: Apache-2.0
// Names, files and the common parts of figures; see figure.h.
#include "report/figure/figure.h"

#include "text/nearest.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name;
    esp_status (*draw)(const struct figure *figure, FILE *file, struct error *error);
} figures[] = {
    {"best_so_far", figure_progress},
    {"final", figure_final},
    {"front", figure_front},
    {"curves", figure_curves},
    {"correlation", figure_correlation},
    {"fidelities", figure_fidelities},
    {"steps", figure_steps},
};

const char *figure_names(void)
{
    return "best_so_far, final, front, curves, correlation, fidelities, steps";
}

static esp_status draw_to(const struct figure *figure, uint64_t place, const char *path,
                          struct error *error)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    if (!memory)
        return error_memory(error);
    esp_status status = figures[place].draw(figure, memory, error);
    bool failed = ferror(memory) != 0;
    if ((fclose(memory) != 0 || failed) && status == ESP_OK)
        status = error_memory(error);
    FILE *file = status == ESP_OK ? fopen(path, "we") : NULL;
    if (status == ESP_OK && !file)
        status = error_system(error, path, "write", errno);
    if (file) {
        bool written = fwrite(text, 1, size, file) == size;
        if (fclose(file) != 0 || !written)
            status = error_system(error, path, "write", errno ? errno : EIO);
    }
    free(text);
    return status;
}

esp_status figure_write(const struct figure *figure, const char *name, const char *path,
                        struct error *error)
{
    const char *names[ESP_COUNT(figures)];
    for (uint64_t i = 0; i < ESP_COUNT(figures); i++) {
        names[i] = figures[i].name;
        if (strcmp(name, names[i]) == 0)
            return draw_to(figure, i, path, error);
    }
    const char *nearest = text_nearest(name, names, ESP_COUNT(names));
    return error_set(error, ESP_ERROR_INVALID, "--figure: expected one of %s, got '%s'%s%s%s",
                     figure_names(), name, nearest ? "; did you mean '" : "",
                     nearest ? nearest : "", nearest ? "'?" : "");
}

// ---- Colours ----------------------------------------------------------------------------------

const char *figure_colour(uint64_t method)
{
    static const char *const colours[FIGURE_COLOURS] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                        "#e69f00", "#56b4e9", "#4a4f57"};
    return colours[method % FIGURE_COLOURS];
}

const char *figure_dash(uint64_t method)
{
    static const char *const dashes[] = {NULL, "6 3", "2 2", "8 3 2 3"};
    return dashes[method / FIGURE_COLOURS % ESP_COUNT(dashes)];
}

// ---- Axes -------------------------------------------------------------------------------------

struct svg_point figure_place(const struct figure_frame *frame, double x, double y)
{
    return (struct svg_point){frame->left + axis_place(&frame->x, x) * (frame->right - frame->left),
                              frame->bottom -
                                  axis_place(&frame->y, y) * (frame->bottom - frame->top)};
}

void figure_draw_axes(FILE *file, const struct figure_frame *frame, const char *x_title,
                      const char *y_title, bool y_ticks)
{
    double ticks[AXIS_TICKS_MOST];
    char text[32];
    uint64_t count = axis_ticks(&frame->x, ticks);
    for (uint64_t i = 0; i < count; i++) {
        double x = figure_place(frame, ticks[i], frame->y.low).x;
        svg_line(file, (struct svg_point){x, frame->top}, (struct svg_point){x, frame->bottom},
                 "#e6e9ed", 0.75);
        axis_label(&frame->x, ticks[i], text, sizeof text);
        svg_text(file, (struct svg_point){x, frame->bottom + 16}, text, SVG_MIDDLE, 11, false,
                 false);
    }
    count = y_ticks ? axis_ticks(&frame->y, ticks) : 0;
    for (uint64_t i = 0; i < count; i++) {
        double y = figure_place(frame, frame->x.low, ticks[i]).y;
        svg_line(file, (struct svg_point){frame->left, y}, (struct svg_point){frame->right, y},
                 "#e6e9ed", 0.75);
        axis_label(&frame->y, ticks[i], text, sizeof text);
        svg_text(file, (struct svg_point){frame->left - 6, y + 4}, text, SVG_END, 11, false, false);
    }
    svg_line(file, (struct svg_point){frame->left, frame->bottom},
             (struct svg_point){frame->right, frame->bottom}, "#59636f", 1);
    svg_line(file, (struct svg_point){frame->left, frame->top},
             (struct svg_point){frame->left, frame->bottom}, "#59636f", 1);
    svg_text(file, (struct svg_point){(frame->left + frame->right) / 2, frame->bottom + 36},
             x_title, SVG_MIDDLE, 12, false, false);
    if (y_title[0])
        svg_text(file, (struct svg_point){16, (frame->top + frame->bottom) / 2}, y_title,
                 SVG_MIDDLE, 12, false, true);
}

// ---- The legend -------------------------------------------------------------------------------

#define LEGEND_ROW 17.0

// About what a text of Helvetica takes.
static double text_width(const char *text, double size)
{
    return 0.54 * size * (double)strlen(text);
}

// Lays the entries out in rows; draws them where there is a file. Answers the rows' height.
static double lay_out(FILE *file, const struct figure *figure, double left, double width)
{
    double x = left, y = 14;
    if (figure->study->method_count < 2)
        return 0;
    for (uint64_t i = 0; i < figure->study->method_count; i++) {
        const char *label = figure->study->methods[i].label;
        double length = 24 + text_width(label, 11) + 16;
        if (x > left && x + length > left + width) {
            x = left;
            y += LEGEND_ROW;
        }
        if (file) {
            const struct svg_point line[] = {{x, y}, {x + 18, y}};
            svg_polyline(file, line, 2, figure_colour(i), 2.4, figure_dash(i), 1);
            svg_text(file, (struct svg_point){x + 23, y + 4}, label, SVG_START, 11, false, false);
        }
        x += length;
    }
    return y + 4;
}

double figure_legend_height(const struct figure *figure, double width)
{
    return lay_out(NULL, figure, 0, width);
}

void figure_draw_legend(FILE *file, const struct figure *figure, double left, double width)
{
    lay_out(file, figure, left, width);
}

// ---- Metrics ----------------------------------------------------------------------------------

void figure_metric_title(const struct figure *figure, const char *name, char *text, size_t size)
{
    int64_t metric = trial_table_metric(figure->table, name);
    const char *unit = metric >= 0 ? figure->table->metrics[metric].unit : "";
    snprintf(text, size, unit[0] ? "%s (%s)" : "%s", name, unit);
}

esp_status figure_metric(const struct figure *figure, const char *name, uint64_t *out,
                         struct error *error)
{
    int64_t metric = trial_table_metric(figure->table, name);
    if (metric >= 0) {
        *out = (uint64_t)metric;
        return ESP_OK;
    }
    uint64_t count = figure->table->metric_count;
    const char **names = malloc((count + 1) * sizeof *names);
    if (!names)
        return error_memory(error);
    for (uint64_t i = 0; i < count; i++)
        names[i] = figure->table->metrics[i].name;
    const char *nearest = text_nearest(name, names, count);
    free(names);
    return error_set(error, ESP_ERROR_INVALID, "the runs have no metric '%s'%s%s%s", name,
                     nearest ? "; did you mean '" : "", nearest ? nearest : "",
                     nearest ? "'?" : "");
}
