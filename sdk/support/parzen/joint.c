// SPDX-License-Identifier: Apache-2.0
// A mixture of products over many axes. The numbers lie axis by axis, so that the density of a point is a
// sum over long rows of f32 that compilers make vectors of.
#include "axis.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#define ABSENT NAN
#define LOG_SQRT_TWO_PI 0.91893853320467274178
// Up to so many steps a kernel's probability of each is computed, above the density stands for it.
#define STEPS_EXACT 32
// Components of less than this share of the largest one are left out of a sum: 2e-9.
#define NEGLIGIBLE (-20.0f)
#define LANES 8

struct axis {
    esp_parzen_axis axis;
    float *values; // [row_capacity], ABSENT: none
};

struct esp_parzen_joint {
    double prior_weight;
    struct axis *axes;
    uint64_t axis_count, axis_capacity;
    uint64_t row_count, row_capacity;
    esp_parzen_view *spare; // views given back, whose room the next ones take
};

esp_status esp_parzen_joint_create(esp_parzen_joint **out, double prior_weight)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return ESP_ERROR_MEMORY;
    (*out)->prior_weight = prior_weight;
    return ESP_OK;
}

static void free_views(esp_parzen_view *views);

void esp_parzen_joint_destroy(esp_parzen_joint *joint)
{
    if (!joint)
        return;
    free_views(joint->spare);
    for (uint64_t i = 0; i < joint->axis_count; i++)
        free(joint->axes[i].values);
    free(joint->axes);
    free(joint);
}

static void clear_rows(struct axis *axis, uint64_t first, uint64_t end)
{
    for (uint64_t i = first; i < end; i++)
        axis->values[i] = ABSENT;
}

esp_status esp_parzen_joint_add_axis(esp_parzen_joint *joint, const esp_parzen_axis *axis)
{
    if (joint->axis_count == joint->axis_capacity) {
        uint64_t capacity = joint->axis_capacity ? 2 * joint->axis_capacity : 16;
        struct axis *axes = realloc(joint->axes, capacity * sizeof *axes);
        if (!axes)
            return ESP_ERROR_MEMORY;
        joint->axes = axes;
        joint->axis_capacity = capacity;
    }
    struct axis added = {*axis, malloc((joint->row_capacity + 1) * sizeof(float))};
    if (!added.values)
        return ESP_ERROR_MEMORY;
    clear_rows(&added, 0, joint->row_capacity);
    joint->axes[joint->axis_count++] = added;
    return ESP_OK;
}

esp_status esp_parzen_joint_add_row(esp_parzen_joint *joint)
{
    if (joint->row_count == joint->row_capacity) {
        uint64_t capacity = joint->row_capacity ? 2 * joint->row_capacity : 64;
        for (uint64_t i = 0; i < joint->axis_count; i++) {
            float *values = realloc(joint->axes[i].values, capacity * sizeof *values);
            if (!values)
                return ESP_ERROR_MEMORY;
            joint->axes[i].values = values;
            clear_rows(&joint->axes[i], joint->row_capacity, capacity);
        }
        joint->row_capacity = capacity;
    }
    joint->row_count++;
    return ESP_OK;
}

void esp_parzen_joint_set(esp_parzen_joint *joint, uint64_t row, uint64_t axis, double value)
{
    joint->axes[axis].values[row] = (float)value;
}

// ---- A view ---------------------------------------------------------------------------------------

// The numbers of the rows that take part on one axis, gathered when a density first asks for them.
struct column {
    float *values; // [capacity of the view]
    float *scales; // CONTINUOUS: log kernel.scale - log sqrt(2 pi) of each
    int filled;
    int absent; // some rows have none
};

struct esp_parzen_view {
    esp_parzen_joint *joint;
    esp_parzen_view *next; // of the joint's spare ones
    uint64_t count;        // rows that take part
    uint64_t capacity;     // of the arrays below and of columns
    uint64_t *rows;        // [count]
    double *weights;       // [count]
    float *log_weights;    // [count]
    float *sums;           // [count + LANES], one density's work
    double weight_sum;
    double sigma;           // of continuous axes
    struct column *columns; // [column_count]
    uint64_t column_count;
    struct term *terms; // [term_capacity], one density's work
    uint64_t term_capacity;
};

static void empty_columns(esp_parzen_view *view)
{
    for (uint64_t i = 0; i < view->column_count; i++)
        free(view->columns[i].values);
    free(view->columns);
    view->columns = NULL;
    view->column_count = 0;
}

static void free_views(esp_parzen_view *views)
{
    while (views) {
        esp_parzen_view *next = views->next;
        empty_columns(views);
        free(views->terms);
        free(views->rows);
        free(views->weights);
        free(views->log_weights);
        free(views->sums);
        free(views);
        views = next;
    }
}

// A column for each axis that there is: one that joined after the view was made has no number in any row.
static int make_columns(esp_parzen_view *view)
{
    const uint64_t axes = view->joint->axis_count;
    if (axes <= view->column_count)
        return 1;
    struct column *columns = realloc(view->columns, axes * sizeof *columns);
    if (!columns)
        return 0;
    memset(columns + view->column_count, 0, (axes - view->column_count) * sizeof *columns);
    view->columns = columns;
    view->column_count = axes;
    return 1;
}

// Room for `count` rows and all axes; what a spare view has is kept where it suffices, so that a view an
// ask costs no fresh pages. 0: out of memory.
static int make_room(esp_parzen_view *view, uint64_t count)
{
    if (count > view->capacity || !view->rows) {
        empty_columns(view);
        free(view->rows);
        free(view->weights);
        free(view->log_weights);
        free(view->sums);
        view->capacity = count + count / 2 + 8;
        view->rows = malloc(view->capacity * sizeof *view->rows);
        view->weights = malloc(view->capacity * sizeof *view->weights);
        view->log_weights = malloc(view->capacity * sizeof *view->log_weights);
        view->sums = malloc((view->capacity + LANES) * sizeof *view->sums);
    }
    if (!make_columns(view))
        return 0;
    for (uint64_t i = 0; i < view->column_count; i++)
        view->columns[i].filled = view->columns[i].absent = 0;
    return view->rows && view->weights && view->log_weights && view->sums;
}

esp_status esp_parzen_view_create(esp_parzen_view **out, esp_parzen_joint *joint,
                                  const uint8_t *chosen, uint64_t axes)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < joint->row_count; i++)
        count += chosen[i] != 0;
    // The smallest that suffices, so that small and large ones keep to their own.
    esp_parzen_view **place = &joint->spare, **best = NULL, *view;
    for (; *place; place = &(*place)->next)
        if ((*place)->capacity >= count && (!best || (*place)->capacity < (*best)->capacity))
            best = place;
    if (!best && joint->spare)
        best = &joint->spare;
    view = best ? *best : calloc(1, sizeof *view);
    if (!view)
        return ESP_ERROR_MEMORY;
    if (best)
        *best = view->next;
    view->next = NULL;
    view->joint = joint;
    view->count = count;
    view->weight_sum = 0.0;
    if (!make_room(view, count)) {
        free_views(view);
        return ESP_ERROR_MEMORY;
    }
    for (uint64_t i = 0, rank = 0; i < joint->row_count; i++) {
        if (!chosen[i])
            continue;
        view->rows[rank] = i;
        view->weights[rank] = age_weight(rank, count);
        view->weight_sum += view->weights[rank];
        view->log_weights[rank] = (float)log(view->weights[rank]);
        rank++;
    }
    view->sigma = 0.2 * pow(fmax((double)count, 1.0), -1.0 / ((double)axes + 4.0));
    *out = view;
    return ESP_OK;
}

void esp_parzen_view_destroy(esp_parzen_view *view)
{
    if (!view)
        return;
    view->next = view->joint->spare;
    view->joint->spare = view;
}

int64_t esp_parzen_view_pick(const esp_parzen_view *view, esp_random *random)
{
    double place = esp_random_real(random) * (view->weight_sum + view->joint->prior_weight);
    for (uint64_t i = 0; i < view->count; i++) {
        place -= view->weights[i];
        if (place < 0.0)
            return (int64_t)view->rows[i];
    }
    return -1;
}

static double choice_share(const esp_parzen_view *view)
{
    return view->joint->prior_weight / ((double)view->count + 1.0);
}

double esp_parzen_view_sample(const esp_parzen_view *view, int64_t row, uint64_t axis,
                              esp_random *random)
{
    const struct axis *on = &view->joint->axes[axis];
    double value = row >= 0 ? (double)on->values[row] : ABSENT;
    const int none = isnan(value);
    if (on->axis.kind == ESP_PARZEN_CHOICE) {
        double whole = 1.0 + (double)on->axis.choices * choice_share(view);
        if (esp_random_real(random) * whole < 1.0 && !none)
            return value;
        return (double)esp_random_below(random, on->axis.choices);
    }
    struct kernel kernel =
        none ? kernel_prior(&on->axis) : kernel_make(&on->axis, value, view->sigma);
    return kernel_sample(&kernel, on->axis.steps, random);
}

// ---- Columns --------------------------------------------------------------------------------------

// Kernels' scales lie on this many places of [0, 1], linear between them.
#define SCALES 256

static void fill_scales(const esp_parzen_view *view, const esp_parzen_axis *axis,
                        struct column *column)
{
    float places[SCALES + 2];
    for (int i = 0; i <= SCALES; i++) {
        struct kernel kernel = kernel_make(axis, (double)i / SCALES, view->sigma);
        places[i] = (float)(log(kernel.scale * kernel.height) - LOG_SQRT_TWO_PI);
    }
    places[SCALES + 1] = places[SCALES];
    for (uint64_t i = 0; i < view->count; i++) {
        float at = column->values[i];
        at = at >= 0.0f ? at : 0.0f; // and what is absent
        float place = (at <= 1.0f ? at : 1.0f) * SCALES;
        int left = (int)place;
        float part = place - (float)left;
        column->scales[i] = (1.0f - part) * places[left] + part * places[left + 1];
    }
}

static const struct column *column_of(const esp_parzen_view *view, uint64_t axis)
{
    struct column *column = &view->columns[axis];
    const struct axis *on = &view->joint->axes[axis];
    if (column->filled)
        return column;
    if (!column->values)
        column->values = malloc(2 * view->capacity * sizeof *column->values);
    if (!column->values)
        return NULL;
    column->scales = column->values + view->capacity;
    column->filled = 1;
    for (uint64_t i = 0; i < view->count; i++) {
        column->values[i] = on->values[view->rows[i]];
        column->absent |= isnan(column->values[i]) != 0;
    }
    if (on->axis.kind == ESP_PARZEN_CONTINUOUS)
        fill_scales(view, &on->axis, column);
    return column;
}

// ---- The density ----------------------------------------------------------------------------------

// What one axis adds to each row's sum, at the point asked for.
struct term {
    uint32_t form;
    int absent; // some rows have no number here
    const float *values, *scales;
    float sought;            // CHOICE: the choice; DENSITY: the place
    float none;              // of a row without a number
    float hit, miss;         // CHOICE
    float width, inverse;    // DENSITY
    float steps;             // STEPS: how many
    float logs[STEPS_EXACT]; // STEPS: of a row in each step
};
enum { TERM_CHOICE, TERM_DENSITY, TERM_STEPS };

// Rows of a block: its sums stay in the first cache while all axes are added to them.
#define BLOCK 1024

static void add_choice(const struct term *term, uint64_t from, uint64_t count, float *restrict sums)
{
    const float *restrict values = term->values + from;
    const float sought = term->sought, hit = term->hit, miss = term->miss, none = term->none;
    if (!term->absent) {
        for (uint64_t i = 0; i < count; i++)
            sums[i] += values[i] == sought ? hit : miss;
        return;
    }
    for (uint64_t i = 0; i < count; i++) {
        float other = values[i] != values[i] ? none : miss;
        sums[i] += values[i] == sought ? hit : other;
    }
}

static void add_density(const struct term *term, uint64_t from, uint64_t count,
                        float *restrict sums)
{
    const float *restrict values = term->values + from, *restrict scales = term->scales + from;
    const float at = term->sought, inverse = term->inverse, width = term->width, none = term->none;
    if (!term->absent) {
        for (uint64_t i = 0; i < count; i++) {
            float z = (values[i] - at) * inverse;
            sums[i] += scales[i] + width - 0.5f * z * z;
        }
        return;
    }
    for (uint64_t i = 0; i < count; i++) {
        float z = (values[i] - at) * inverse;
        sums[i] += z != z ? none : scales[i] + width - 0.5f * z * z;
    }
}

static void add_steps(const struct term *term, uint64_t from, uint64_t count, float *restrict sums)
{
    for (uint64_t i = 0; i < count; i++) {
        float at = term->values[from + i]; // the middle of a step
        sums[i] += isnan(at) ? term->none : term->logs[(int)(at * term->steps)];
    }
}

// log of the sum of exp(sums[i]); `sums` has LANES places more.
static double log_sum(float *sums, uint64_t count)
{
    float most[LANES], top = -FLT_MAX;
    double sum = 0.0;
    for (int lane = 0; lane < LANES; lane++)
        most[lane] = sums[count + (uint64_t)lane] = -FLT_MAX;
    for (uint64_t i = 0; i < count; i += LANES)
        for (int lane = 0; lane < LANES; lane++)
            most[lane] =
                sums[i + (uint64_t)lane] > most[lane] ? sums[i + (uint64_t)lane] : most[lane];
    for (int lane = 0; lane < LANES; lane++)
        top = most[lane] > top ? most[lane] : top;
    for (uint64_t i = 0; i < count; i++)
        if (sums[i] - top > NEGLIGIBLE)
            sum += (double)expf(sums[i] - top);
    return top + log(sum);
}

static int make_terms(esp_parzen_view *view, uint64_t count)
{
    if (count <= view->term_capacity)
        return 1;
    struct term *terms = realloc(view->terms, count * sizeof *terms);
    if (!terms)
        return 0;
    view->terms = terms;
    view->term_capacity = count;
    return 1;
}

static void choice_term(const esp_parzen_view *view, const esp_parzen_axis *axis, struct term *term)
{
    const double share = choice_share(view), whole = 1.0 + (double)axis->choices * share;
    term->form = TERM_CHOICE;
    term->hit = (float)log((1.0 + share) / whole);
    term->miss = (float)log(share / whole);
}

static void density_term(const esp_parzen_view *view, const esp_parzen_axis *axis,
                         struct term *term)
{
    term->form = TERM_DENSITY;
    term->width = axis->steps ? (float)-log((double)axis->steps) : 0.0f;
    term->inverse = (float)(1.0 / view->sigma);
}

static void steps_term(const esp_parzen_view *view, const esp_parzen_axis *axis, double value,
                       struct term *term)
{
    term->form = TERM_STEPS;
    term->steps = (float)axis->steps;
    for (uint64_t i = 0; i < axis->steps; i++) {
        struct kernel kernel =
            kernel_make(axis, ((double)i + 0.5) / (double)axis->steps, view->sigma);
        // Far away nothing is left of it: a number that the prior exceeds.
        term->logs[i] = (float)log(fmax(kernel_at(&kernel, axis->steps, value), 1e-300));
    }
}

static esp_status make_term(const esp_parzen_view *view, uint64_t axis, double value,
                            struct term *term, double *log_prior)
{
    const esp_parzen_axis *on = &view->joint->axes[axis].axis;
    const struct kernel wide = kernel_prior(on);
    *log_prior = on->kind == ESP_PARZEN_CHOICE ? -log((double)on->choices)
                                               : log(kernel_at(&wide, on->steps, value));
    const struct column *column = column_of(view, axis);
    if (!column)
        return ESP_ERROR_MEMORY;
    term->absent = column->absent;
    term->values = column->values;
    term->scales = column->scales;
    term->sought = (float)value;
    term->none = (float)*log_prior;
    if (on->kind == ESP_PARZEN_CHOICE)
        choice_term(view, on, term);
    else if (on->steps > 0 && on->steps <= STEPS_EXACT)
        steps_term(view, on, value, term);
    else
        density_term(view, on, term);
    return ESP_OK;
}

static void add_terms(const esp_parzen_view *view, const struct term *terms, uint64_t count)
{
    for (uint64_t from = 0; from < view->count; from += BLOCK) {
        const uint64_t rows = view->count - from < BLOCK ? view->count - from : BLOCK;
        float *sums = view->sums + from;
        memcpy(sums, view->log_weights + from, rows * sizeof *sums);
        for (uint64_t i = 0; i < count; i++)
            if (terms[i].form == TERM_CHOICE)
                add_choice(&terms[i], from, rows, sums);
            else if (terms[i].form == TERM_DENSITY)
                add_density(&terms[i], from, rows, sums);
            else
                add_steps(&terms[i], from, rows, sums);
    }
}

esp_status esp_parzen_view_log_density(esp_parzen_view *view, const uint64_t *axes,
                                       const double *values, uint64_t count, double *out)
{
    const double prior_weight = view->joint->prior_weight;
    double prior = log(prior_weight), rows = -INFINITY;
    if (!make_columns(view) || !make_terms(view, count))
        return ESP_ERROR_MEMORY;
    for (uint64_t i = 0; i < count; i++) {
        double log_prior;
        esp_status status = make_term(view, axes[i], values[i], &view->terms[i], &log_prior);
        if (status != ESP_OK)
            return status;
        prior += log_prior;
    }
    if (view->count > 0) {
        add_terms(view, view->terms, count);
        rows = log_sum(view->sums, view->count);
    }
    double most = fmax(rows, prior);
    *out = most + log(exp(rows - most) + exp(prior - most)) - log(view->weight_sum + prior_weight);
    return ESP_OK;
}
