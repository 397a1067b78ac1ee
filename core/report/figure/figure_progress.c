// SPDX-License-Identifier: Apache-2.0
// The figure best_so_far: the median of each method's runs over trials, time or cost, with the band of
// their quartiles.
#include "report/figure/figure.h"

#include "report/progression.h"
#include "text/nearest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define POINTS_ONE 400
#define POINTS_MANY 100 // where each is a hypervolume

static esp_status read_axis(const struct figure *figure, enum study_axis *out, const char **title,
                            struct error *error)
{
    static const char *const names[] = {"trials", "seconds", "cost"};
    static const char *const titles[] = {"Trials", "Time of the run (s)", "Cost of the run"};
    static const enum study_axis axes[] = {STUDY_TRIALS, STUDY_SECONDS, STUDY_COST};
    const char *wanted = figure->x ? figure->x : "trials";
    for (size_t i = 0; i < ESP_COUNT(names); i++)
        if (strcmp(wanted, names[i]) == 0) {
            *out = axes[i];
            *title = titles[i];
            return ESP_OK;
        }
    return error_set(error, ESP_ERROR_INVALID, "-x: expected trials, seconds or cost, got '%s'",
                     wanted);
}

static bool is_shown(const struct progression *progression, const struct figure *figure,
                     uint64_t place, uint64_t method)
{
    uint64_t methods = figure->study->method_count;
    const struct progression_cell *cell = &progression->cells[place * methods + method];
    return cell->n > 0 && progression->at[place] <= progression->ends[method] &&
           (!figure->log_x || progression->at[place] > 0);
}

static struct figure_frame make_frame(const struct progression *progression,
                                      const struct figure *figure, double top)
{
    uint64_t methods = figure->study->method_count;
    double low = INFINITY, high = -INFINITY, from = INFINITY, to = -INFINITY;
    for (uint64_t i = 0; i < progression->count; i++)
        for (uint64_t m = 0; m < methods; m++)
            if (is_shown(progression, figure, i, m)) {
                low = fmin(low, progression->cells[i * methods + m].q1);
                high = fmax(high, progression->cells[i * methods + m].q3);
                from = fmin(from, progression->at[i]);
                to = fmax(to, progression->at[i]);
            }
    struct figure_frame frame = {64, top, 464, top + 230, {0, 1, 1, false}, {0, 1, 1, false}};
    frame.x = axis_make(figure->log_x ? from : fmin(0, from), to, figure->log_x);
    // Time and cost end where they end.
    if (!frame.x.log)
        frame.x.high = to > frame.x.low ? to : frame.x.high;
    frame.y = axis_make(low, high, figure->log_y);
    return frame;
}

enum quartile { MEDIAN, LOWER, UPPER };

// A step line: a value stays until the next place. `out` has room for twice the points. Answers how
// many.
static uint64_t step_line(struct svg_point *out, const struct progression *progression,
                          const struct figure *figure, const struct figure_frame *frame,
                          uint64_t method, enum quartile part)
{
    uint64_t count = 0, methods = figure->study->method_count;
    for (uint64_t i = 0; i < progression->count; i++) {
        if (!is_shown(progression, figure, i, method))
            continue;
        const struct progression_cell *cell = &progression->cells[i * methods + method];
        double value = part == MEDIAN ? cell->median : part == LOWER ? cell->q1 : cell->q3;
        struct svg_point point = figure_place(frame, progression->at[i], value);
        if (count > 0) {
            out[count] = (struct svg_point){point.x, out[count - 1].y};
            count++;
        }
        out[count++] = point;
    }
    return count;
}

static void draw_method(FILE *file, const struct progression *progression,
                        const struct figure *figure, const struct figure_frame *frame,
                        uint64_t method, struct svg_point *space)
{
    if (figure->study->methods[method].runs > 1) {
        uint64_t lower = step_line(space, progression, figure, frame, method, LOWER);
        uint64_t upper = step_line(space + lower, progression, figure, frame, method, UPPER);
        // Back along the upper line.
        for (uint64_t i = 0; i < upper / 2; i++) {
            struct svg_point kept = space[lower + i];
            space[lower + i] = space[lower + upper - 1 - i];
            space[lower + upper - 1 - i] = kept;
        }
        svg_area(file, space, lower + upper, figure_colour(method), 0.15);
    }
    uint64_t count = step_line(space, progression, figure, frame, method, MEDIAN);
    svg_polyline(file, space, count, figure_colour(method), 1.8, figure_dash(method), 1);
}

esp_status figure_progress(const struct figure *figure, FILE *file, struct error *error)
{
    struct progression progression;
    enum study_axis axis = STUDY_TRIALS;
    const char *title = NULL;
    char y_title[256];
    uint64_t most = figure->study->objective_count > 1 ? POINTS_MANY : POINTS_ONE;
    esp_status status = read_axis(figure, &axis, &title, error);
    if (status == ESP_OK)
        status =
            progression_make(&progression, figure->study, axis, figure->reference, most, error);
    if (status != ESP_OK)
        return status;
    if (progression.count == 0)
        status =
            error_set(error, ESP_ERROR_NOT_FOUND,
                      axis == STUDY_COST ? "best_so_far: no run has found anything, or not all "
                                           "have a metric 'cost'"
                                         : "best_so_far: no run has found anything yet");
    struct svg_point *space = malloc((4 * progression.count + 4) * sizeof *space);
    if (!space && status == ESP_OK)
        status = error_memory(error);
    if (status == ESP_OK) {
        double legend = figure_legend_height(figure, 400);
        struct figure_frame frame = make_frame(&progression, figure, legend + 14);
        figure_metric_title(figure, figure->study->objectives[0].metric, y_title, sizeof y_title);
        svg_open(file, FIGURE_WIDTH, frame.bottom + 48, "Best so far");
        figure_draw_legend(file, figure, frame.left, 400);
        figure_draw_axes(file, &frame, title,
                         figure->study->objective_count > 1 ? "hypervolume" : y_title, true);
        for (uint64_t i = 0; i < figure->study->method_count; i++)
            draw_method(file, &progression, figure, &frame, i, space);
        svg_close(file);
    }
    free(space);
    progression_destroy(&progression);
    return status;
}
