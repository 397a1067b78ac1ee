// SPDX-License-Identifier: Apache-2.0
// Single figures for papers, as SVG: the plots of the page, drawn without a browser. Each is a file of
// some 490 x 310 pixels, on white, its colours those of Okabe and Ito (2008), its text
// text.
#ifndef REPORT_FIGURE_FIGURE_H
#define REPORT_FIGURE_FIGURE_H

#include "report/figure/axis.h"
#include "report/figure/svg.h"
#include "report/study.h"
#include "report/trial_table.h"

struct figure {
    const struct study *study; // labelled
    const struct trial_table *table;
    const char *reference; // as comparison_make has it
    // What the options say; NULL: the figure's own choice. best_so_far: `x` is trials, seconds or
    // cost. final, curves: `y` is a metric. front: both are.
    const char *x, *y;
    bool log_x, log_y;
};

// Writes the figure of that name. ESP_ERROR_INVALID for a name, an axis or a metric that is not there,
// ESP_ERROR_NOT_FOUND where the runs hold nothing that it could show.
esp_status figure_write(const struct figure *figure, const char *name, const char *path,
                        struct error *error);
// The names, separated by commas.
const char *figure_names(void);

// ---- Shared by the figures --------------------------------------------------------------------

#define FIGURE_WIDTH 492.0 // of a frame up to 464, with room for half of its last label
#define FIGURE_COLOURS 7
// The colour of a method, and the dash of its line (NULL: none).
const char *figure_colour(uint64_t method);
const char *figure_dash(uint64_t method);

// The rectangle that a figure plots in, with its axes.
struct figure_frame {
    double left, top, right, bottom;
    struct figure_axis x, y;
};

struct svg_point figure_place(const struct figure_frame *frame, double x, double y);
// Lines and labels of the axes with their titles; `y_ticks` false leaves those of y to the caller.
void figure_draw_axes(FILE *file, const struct figure_frame *frame, const char *x_title,
                      const char *y_title, bool y_ticks);
// The methods with their colours, in rows above the frame. Answers the height that they take.
double figure_legend_height(const struct figure *figure, double width);
void figure_draw_legend(FILE *file, const struct figure *figure, double left, double width);

// A name with its unit, as an axis bears it.
void figure_metric_title(const struct figure *figure, const char *name, char *text, size_t size);
// The metric of the table that a name means, refused with the nearest one.
esp_status figure_metric(const struct figure *figure, const char *name, uint64_t *out,
                         struct error *error);

// Each draws a whole figure.
esp_status figure_progress(const struct figure *figure, FILE *file, struct error *error);
esp_status figure_final(const struct figure *figure, FILE *file, struct error *error);
esp_status figure_front(const struct figure *figure, FILE *file, struct error *error);
esp_status figure_curves(const struct figure *figure, FILE *file, struct error *error);
esp_status figure_correlation(const struct figure *figure, FILE *file, struct error *error);
esp_status figure_fidelities(const struct figure *figure, FILE *file, struct error *error);
esp_status figure_steps(const struct figure *figure, FILE *file, struct error *error);

#endif
