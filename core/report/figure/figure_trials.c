// SPDX-License-Identifier: Apache-2.0
// Figures of single trials: front, two metrics against each other with the trials that no other
// dominates, and curves, how trials were trained.
#include "report/figure/figure.h"

#include "report/learning_curves.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CURVES_MOST 200
#define POINTS_MOST 200
#define DOTS_MOST 5000

// ---- Front ------------------------------------------------------------------------------------

// Widens an axis' bounds by the metric's values of the trials that may be best.
static void bounds(const struct figure *figure, uint64_t metric, double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (uint64_t i = 0; i < figure->table->count; i++) {
        double value = trial_table_value(figure->table, i, metric);
        if (!figure->table->rows[i].eligible || !isfinite(value))
            continue;
        *low = fmin(*low, value);
        *high = fmax(*high, value);
    }
}

static bool varies(const struct figure *figure, uint64_t metric)
{
    double low, high;
    bounds(figure, metric, &low, &high);
    return low < high;
}

// y is the first objective; x the second, else params, else whatever varies.
static esp_status choose(const struct figure *figure, uint64_t *x, uint64_t *y, struct error *error)
{
    const struct study *study = figure->study;
    const char *first = figure->y ? figure->y : study->objectives[0].metric;
    esp_status status = figure_metric(figure, first, y, error);
    if (status != ESP_OK || figure->x)
        return status == ESP_OK ? figure_metric(figure, figure->x, x, error) : status;
    if (study->objective_count > 1)
        return figure_metric(figure, study->objectives[1].metric, x, error);
    int64_t params = trial_table_metric(figure->table, "params");
    if (params >= 0 && (uint64_t)params != *y && varies(figure, (uint64_t)params)) {
        *x = (uint64_t)params;
        return ESP_OK;
    }
    for (uint64_t i = 0; i < figure->table->metric_count; i++)
        if (i != *y && varies(figure, i)) {
            *x = i;
            return ESP_OK;
        }
    return error_set(error, ESP_ERROR_NOT_FOUND,
                     "front: the trials have no two metrics that differ between them");
}

struct dot {
    double x, y; // less is better
    uint64_t row;
    bool front;
};

static int by_place(const void *a, const void *b)
{
    const struct dot *p = a, *q = b;
    if (p->x != q->x)
        return p->x < q->x ? -1 : 1;
    if (p->y != q->y)
        return p->y < q->y ? -1 : 1;
    return p->row < q->row ? -1 : p->row > q->row;
}

// -1 where more is better, 1 where less is.
static double sign_of(const struct figure *figure, uint64_t metric)
{
    const struct study *study = figure->study;
    const struct table_metric *row = &figure->table->metrics[metric];
    for (uint64_t i = 0; i < study->objective_count; i++)
        if (strcmp(study->objectives[i].metric, row->name) == 0)
            return study->objectives[i].maximize ? -1 : 1;
    return row->better == ESP_BETTER_HIGHER ? -1 : 1;
}

// Sorted, with the front marked. Answers how many; `out` has room for all rows.
static uint64_t gather(const struct figure *figure, uint64_t x, uint64_t y, struct dot *out)
{
    uint64_t count = 0;
    double best = INFINITY, x_sign = sign_of(figure, x), y_sign = sign_of(figure, y);
    for (uint64_t i = 0; i < figure->table->count; i++) {
        double a = trial_table_value(figure->table, i, x),
               b = trial_table_value(figure->table, i, y);
        if (figure->table->rows[i].eligible && isfinite(a) && isfinite(b) &&
            (!figure->log_x || a > 0) && (!figure->log_y || b > 0))
            out[count++] = (struct dot){x_sign * a, y_sign * b, i, false};
    }
    if (count > 0)
        qsort(out, count, sizeof *out, by_place);
    for (uint64_t i = 0; i < count; i++)
        if (out[i].y < best) {
            best = out[i].y;
            out[i].front = true;
        }
    return count;
}

static void draw_dots(FILE *file, const struct figure *figure, const struct figure_frame *frame,
                      uint64_t x, uint64_t y, const struct dot *dots, uint64_t count, bool front)
{
    uint64_t stride = front || count <= DOTS_MOST ? 1 : count / DOTS_MOST + 1, seen = 0;
    for (uint64_t i = 0; i < count; i++) {
        if (dots[i].front != front || seen++ % stride != 0)
            continue;
        uint64_t method = figure->study->runs[figure->table->rows[dots[i].row].run].method;
        struct svg_point at = figure_place(frame, trial_table_value(figure->table, dots[i].row, x),
                                           trial_table_value(figure->table, dots[i].row, y));
        svg_mark(file, at,
                 front         ? 3.4
                 : count > 500 ? 1.5
                               : 2.4,
                 method, figure_colour(method), front ? 0.95 : 0.4, front ? "#1a1f26" : NULL);
    }
}

// From point to point of the front by the corner that no trial lies beyond.
static void draw_front(FILE *file, const struct figure *figure, const struct figure_frame *frame,
                       uint64_t x, uint64_t y, const struct dot *dots, uint64_t count,
                       struct svg_point *space)
{
    uint64_t used = 0;
    for (uint64_t i = 0; i < count; i++) {
        if (!dots[i].front)
            continue;
        struct svg_point at = figure_place(frame, trial_table_value(figure->table, dots[i].row, x),
                                           trial_table_value(figure->table, dots[i].row, y));
        if (used > 0) {
            space[used] = (struct svg_point){at.x, space[used - 1].y};
            used++;
        }
        space[used++] = at;
    }
    svg_polyline(file, space, used, "#1a1f26", 1.2, NULL, 0.8);
}

esp_status figure_front(const struct figure *figure, FILE *file, struct error *error)
{
    uint64_t x = 0, y = 0, count = 0;
    double low, high;
    char x_title[256], y_title[256];
    esp_status status = choose(figure, &x, &y, error);
    struct dot *dots = malloc((figure->table->count + 1) * sizeof *dots);
    struct svg_point *space = malloc((2 * figure->table->count + 2) * sizeof *space);
    if (status == ESP_OK && (!dots || !space))
        status = error_memory(error);
    if (status == ESP_OK && (count = gather(figure, x, y, dots)) == 0)
        status = error_set(error, ESP_ERROR_NOT_FOUND, "front: no trial has both metrics");
    if (status == ESP_OK) {
        double top = figure_legend_height(figure, 400) + 14;
        struct figure_frame frame = {70, top, 464, top + 250, {0, 1, 1, false}, {0, 1, 1, false}};
        bounds(figure, x, &low, &high);
        frame.x = axis_make(low, high, figure->log_x);
        bounds(figure, y, &low, &high);
        frame.y = axis_make(low, high, figure->log_y);
        figure_metric_title(figure, figure->table->metrics[x].name, x_title, sizeof x_title);
        figure_metric_title(figure, figure->table->metrics[y].name, y_title, sizeof y_title);
        svg_open(file, FIGURE_WIDTH, frame.bottom + 48, "Pareto front");
        figure_draw_legend(file, figure, frame.left, 400);
        figure_draw_axes(file, &frame, x_title, y_title, true);
        draw_dots(file, figure, &frame, x, y, dots, count, false);
        draw_front(file, figure, &frame, x, y, dots, count, space);
        draw_dots(file, figure, &frame, x, y, dots, count, true);
        svg_close(file);
    }
    free(dots);
    free(space);
    return status;
}

// ---- Curves -----------------------------------------------------------------------------------

// Five steps of viridis, whose lightness rises evenly; best first, the palest left out.
static void rank_colour(double share, char *out, size_t size)
{
    static const double steps[5][3] = {
        {68, 1, 84}, {59, 82, 139}, {33, 145, 140}, {94, 201, 98}, {200, 224, 60}};
    double place = 4 * fmin(fmax(share, 0), 1);
    int i = place >= 4 ? 3 : (int)place;
    double rest = place - i, parts[3];
    for (int k = 0; k < 3; k++)
        parts[k] = steps[i][k] + rest * (steps[i + 1][k] - steps[i][k]);
    snprintf(out, size, "#%02x%02x%02x", (unsigned)parts[0], (unsigned)parts[1],
             (unsigned)parts[2]);
}

static uint64_t curve_points(struct svg_point *out, const struct learning_curve *curve,
                             uint64_t width, uint64_t metric, const struct figure_frame *frame)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < curve->count; i++) {
        double value = curve->values[i * width + metric];
        if (isfinite(value) && (!frame->y.log || value > 0))
            out[count++] = figure_place(frame, curve->steps[i], value);
    }
    return count;
}

static void curve_bounds(const struct learning_curves *curves, uint64_t metric,
                         struct figure_frame *frame, const struct figure *figure)
{
    double low = INFINITY, high = -INFINITY, from = INFINITY, to = -INFINITY;
    for (uint64_t i = 0; i < curves->count; i++)
        for (uint64_t j = 0; j < curves->curves[i].count; j++) {
            double value = curves->curves[i].values[j * curves->metric_count + metric];
            if (!isfinite(value) || (figure->log_y && value <= 0))
                continue;
            low = fmin(low, value);
            high = fmax(high, value);
            from = fmin(from, curves->curves[i].steps[j]);
            to = fmax(to, curves->curves[i].steps[j]);
        }
    frame->x = axis_make(figure->log_x ? from : fmin(from, 0), to, figure->log_x);
    if (!frame->x.log && to > frame->x.low)
        frame->x.high = to;
    frame->y = axis_make(low, high, figure->log_y);
}

// Worst first, so that the best lie on top; trials without a result are grey and dashed.
static esp_status draw_curves(FILE *file, const struct figure *figure,
                              const struct learning_curves *curves, uint64_t metric,
                              const struct figure_frame *frame, struct error *error)
{
    uint64_t best_count = 0;
    uint64_t *best = trial_table_best(figure->table, figure->study, &best_count, error);
    double *shares = malloc((figure->table->count + 1) * sizeof *shares);
    struct svg_point *space = malloc((POINTS_MOST + 1) * sizeof *space);
    char colour[16];
    if (best && shares && space) {
        for (uint64_t i = 0; i < figure->table->count; i++)
            shares[i] = 2;
        for (uint64_t i = 0; i < best_count; i++)
            shares[best[i]] = best_count > 1 ? (double)i / (double)(best_count - 1) : 0;
        for (uint64_t i = 0; i < curves->count; i++)
            if (shares[curves->curves[i].row] == 2)
                svg_polyline(
                    file, space,
                    curve_points(space, &curves->curves[i], curves->metric_count, metric, frame),
                    "#8a95a2", 0.9, "3 2", 0.8);
        for (uint64_t k = best_count; k > 0; k--)
            for (uint64_t i = 0; i < curves->count; i++)
                if (curves->curves[i].row == best[k - 1]) {
                    rank_colour(shares[best[k - 1]], colour, sizeof colour);
                    svg_polyline(file, space,
                                 curve_points(space, &curves->curves[i], curves->metric_count,
                                              metric, frame),
                                 colour, k == 1 ? 2 : 1, NULL, 0.85);
                }
    } else if (best) {
        error_memory(error);
    }
    bool whole = best && shares && space;
    free(best);
    free(shares);
    free(space);
    return whole ? ESP_OK : error->status;
}

esp_status figure_curves(const struct figure *figure, FILE *file, struct error *error)
{
    struct learning_curves curves;
    char title[256];
    esp_status status = learning_curves_make(&curves, figure->table, figure->study, CURVES_MOST,
                                             POINTS_MOST, error);
    if (status != ESP_OK)
        return status;
    const char *name = figure->y ? figure->y : figure->study->objectives[0].metric;
    int64_t metric = learning_curves_metric(&curves, name);
    if (metric < 0)
        status = error_set(error, ESP_ERROR_NOT_FOUND,
                           "curves: no trial of these runs kept a learning curve of %s", name);
    if (status == ESP_OK) {
        struct figure_frame frame = {64, 14, 464, 250, {0, 1, 1, false}, {0, 1, 1, false}};
        curve_bounds(&curves, (uint64_t)metric, &frame, figure);
        figure_metric_title(figure, name, title, sizeof title);
        svg_open(file, FIGURE_WIDTH, frame.bottom + 48, "Learning curves by final rank");
        figure_draw_axes(file, &frame, "Training step", title, true);
        status = draw_curves(file, figure, &curves, (uint64_t)metric, &frame, error);
        svg_close(file);
    }
    learning_curves_destroy(&curves);
    return status;
}
