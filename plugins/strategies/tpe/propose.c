// SPDX-License-Identifier: Apache-2.0
// Proposals; see propose.h.
#include "propose.h"

#include <stdlib.h>

// Passes that the space rejected before decisions are left to chance: the mixture may know no member.
#define PASSES 100
// Rounds of draws that were all tried already before it is given up.
#define ROUNDS 32
// Draws of a subset whose size may not be before it is left to chance.
#define SUBSET_DRAWS 32

// What answers the decisions of a pass.
struct drawing {
    const struct proposer *proposer;
    const esp_parzen_view *view; // NULL: each axis alone
    int64_t row;                 // of the view
    const char *first;           // the path that each pass begins with
    uint64_t passes;
    uint64_t from;     // where to look for a dimension
    double *numbers;   // two subsets' worth, as many as the largest decision has axes
    uint32_t *indices; // two as well
    uint64_t room;
};

static esp_status out_of_memory(const struct proposer *proposer)
{
    return esp_fail(proposer->search, ESP_ERROR_MEMORY, "out of memory");
}

static void drawing_free(struct drawing *drawing)
{
    free(drawing->numbers);
    free(drawing->indices);
}

static int make_room(struct drawing *drawing, uint64_t axes)
{
    if (axes <= drawing->room)
        return 1;
    drawing_free(drawing);
    drawing->room = 0;
    drawing->numbers = malloc(2 * axes * sizeof *drawing->numbers);
    drawing->indices = malloc(2 * axes * sizeof *drawing->indices);
    if (!drawing->numbers || !drawing->indices)
        return 0;
    drawing->room = axes;
    return 1;
}

// A draw, its numbers made exact by its value. 0: only subsets of a size that may not be were drawn.
static int draw_value(const struct drawing *drawing, const struct dimension *dimension,
                      double *numbers, uint32_t *indices, esp_value *out)
{
    const struct proposer *proposer = drawing->proposer;
    for (int i = 0; i < SUBSET_DRAWS; i++) {
        for (uint64_t k = 0; k < dimension->axis_count; k++) {
            uint64_t axis = dimension->first_axis + k;
            numbers[k] =
                drawing->view
                    ? esp_parzen_view_sample(drawing->view, drawing->row, axis, proposer->random)
                    : esp_parzen_sample(proposer->history->good_axes[axis], proposer->random);
        }
        if (dimension_decode(dimension, numbers, indices, out)) {
            dimension_encode(dimension, *out, numbers);
            return 1;
        }
    }
    return 0;
}

static double score_alone(const struct history *history, const struct dimension *dimension,
                          const double *numbers)
{
    double score = 0.0;
    for (uint64_t k = 0; k < dimension->axis_count; k++) {
        uint64_t axis = dimension->first_axis + k;
        score += esp_parzen_log_density(history->good_axes[axis], numbers[k]) -
                 esp_parzen_log_density(history->bad_axes[axis], numbers[k]);
    }
    return score;
}

// The draw of the best score. `*found` 0: none was drawn.
static void best_alone(const struct drawing *drawing, const struct dimension *dimension, int *found,
                       esp_value *out)
{
    // The best draw's indices lie in one half, the next draw's in the other.
    double best = 0.0;
    uint64_t half = 0;
    *found = 0;
    for (uint64_t i = 0; i < drawing->proposer->candidates; i++) {
        esp_value value;
        if (!draw_value(drawing, dimension, drawing->numbers,
                        drawing->indices + half * drawing->room, &value))
            continue;
        double score = score_alone(drawing->proposer->history, dimension, drawing->numbers);
        if (*found && !(score > best))
            continue;
        best = score;
        *out = value;
        *found = 1;
        half = 1 - half;
    }
}

static esp_status decide(void *context, const char *path, const esp_domain *domain, esp_value *out)
{
    struct drawing *drawing = context;
    const struct proposer *proposer = drawing->proposer;
    if (!drawing->first || strcmp(path, drawing->first) == 0) {
        drawing->first = path;
        drawing->passes++;
        drawing->from = 0;
    }
    const struct dimension *dimension =
        dimensions_find(&proposer->history->dimensions, path, domain, &drawing->from);
    if (!dimension || history_meet_axes(proposer->history) != ESP_OK ||
        !make_room(drawing, dimension->axis_count))
        return out_of_memory(proposer);
    int found = 0;
    if (drawing->passes > PASSES)
        found = 0;
    else if (drawing->view)
        found = draw_value(drawing, dimension, drawing->numbers, drawing->indices, out);
    else
        best_alone(drawing, dimension, &found, out);
    return found ? ESP_OK : esp_search_draw(proposer->search, domain, NULL, proposer->random, out);
}

static esp_status draw_arch(struct drawing *drawing, esp_arch **out)
{
    drawing->first = NULL;
    drawing->passes = 0;
    return esp_search_decide(drawing->proposer->search, decide, drawing, out);
}

// Whether it may be proposed; released, and NULL, where not.
static int may_be(const struct proposer *proposer, esp_arch **arch)
{
    if (proposer->repeat || !esp_search_seen(proposer->search, *arch))
        return 1;
    esp_arch_release(*arch);
    *arch = NULL;
    return 0;
}

esp_status propose_alone(const struct proposer *proposer, esp_arch **out)
{
    struct drawing drawing = {.proposer = proposer};
    esp_status status = ESP_OK;
    *out = NULL;
    for (int round = 0; round < ROUNDS && status == ESP_OK && !*out; round++) {
        status = draw_arch(&drawing, out);
        if (status == ESP_OK)
            may_be(proposer, out);
    }
    drawing_free(&drawing);
    return status;
}

// ---- Joint ----------------------------------------------------------------------------------------

// Candidates of one ask whose score is known: one met again has the same and can't be the better one.
#define SCORED_MOST 64

struct views {
    esp_parzen_view *good, *bad;
    uint64_t *axes; // a point
    double *numbers;
    uint64_t room;
    uint64_t scored[SCORED_MOST]; // hashes
    uint64_t scored_count;
};

static void views_free(struct views *views)
{
    esp_parzen_view_destroy(views->good);
    esp_parzen_view_destroy(views->bad);
    free(views->axes);
    free(views->numbers);
}

static esp_status views_make(struct views *views, const struct history *history)
{
    const uint64_t rows = history->record_count;
    const uint64_t axes = history->records[history->good[0]].count;
    uint8_t *good = calloc(2 * rows + 1, 1), *bad = good + rows;
    esp_status status = ESP_ERROR_MEMORY;
    if (!good)
        return status;
    for (uint64_t i = 0; i < rows; i++) {
        good[i] = history->records[i].place == PLACE_GOOD;
        bad[i] = history->records[i].place == PLACE_BAD || history->records[i].place == PLACE_LIED;
    }
    status = esp_parzen_view_create(&views->good, history->joint, good, axes);
    if (status == ESP_OK)
        status = esp_parzen_view_create(&views->bad, history->joint, bad, axes);
    free(good);
    return status;
}

// The numbers of an architecture; all its dimensions were met when it was drawn.
static esp_status point_of(struct views *views, struct history *history, const esp_arch *arch,
                           uint64_t *count)
{
    if (views->room < history->axis_count) {
        uint64_t *axes = realloc(views->axes, history->axis_count * sizeof *axes);
        views->axes = axes ? axes : views->axes;
        double *numbers = realloc(views->numbers, history->axis_count * sizeof *numbers);
        views->numbers = numbers ? numbers : views->numbers;
        if (!axes || !numbers)
            return ESP_ERROR_MEMORY;
        views->room = history->axis_count;
    }
    uint64_t from = 0;
    *count = 0;
    for (uint64_t i = 0; i < esp_arch_count(arch); i++) {
        const struct dimension *dimension = dimensions_find(
            &history->dimensions, esp_arch_path(arch, i), esp_arch_domain(arch, i), &from);
        if (!dimension)
            return ESP_ERROR_MEMORY;
        dimension_encode(dimension, esp_arch_value(arch, i), views->numbers + *count);
        for (uint64_t k = 0; k < dimension->axis_count; k++)
            views->axes[(*count)++] = dimension->first_axis + k;
    }
    return ESP_OK;
}

static esp_status score_joint(struct views *views, struct history *history, const esp_arch *arch,
                              double *out)
{
    uint64_t count = 0;
    double good = 0.0, bad = 0.0;
    esp_status status = point_of(views, history, arch, &count);
    if (status == ESP_OK)
        status =
            esp_parzen_view_log_density(views->good, views->axes, views->numbers, count, &good);
    if (status == ESP_OK)
        status = esp_parzen_view_log_density(views->bad, views->axes, views->numbers, count, &bad);
    *out = good - bad;
    return status;
}

// Whether the candidate was scored before; from now on it is.
static int met_before(struct views *views, uint64_t hash)
{
    for (uint64_t i = 0; i < views->scored_count; i++)
        if (views->scored[i] == hash)
            return 1;
    if (views->scored_count < SCORED_MOST)
        views->scored[views->scored_count++] = hash;
    return 0;
}

// One candidate; it becomes `*best` where its score is larger.
static esp_status try_one(struct drawing *drawing, struct views *views, esp_arch **best,
                          double *best_score)
{
    const struct proposer *proposer = drawing->proposer;
    esp_arch *arch = NULL;
    double score = 0.0;
    drawing->row = esp_parzen_view_pick(views->good, proposer->random);
    esp_status status = draw_arch(drawing, &arch);
    if (status != ESP_OK || !may_be(proposer, &arch))
        return status;
    if (met_before(views, esp_arch_hash(arch))) {
        esp_arch_release(arch);
        return ESP_OK;
    }
    status = score_joint(views, proposer->history, arch, &score);
    if (status == ESP_OK && (!*best || score > *best_score)) {
        esp_arch_release(*best);
        *best = esp_arch_retain(arch);
        *best_score = score;
    }
    esp_arch_release(arch);
    return status == ESP_OK ? ESP_OK : out_of_memory(proposer);
}

esp_status propose_joint(const struct proposer *proposer, esp_arch **out)
{
    struct drawing drawing = {.proposer = proposer};
    struct views views = {0};
    double score = 0.0;
    *out = NULL;
    esp_status status = views_make(&views, proposer->history);
    if (status != ESP_OK)
        status = out_of_memory(proposer);
    drawing.view = views.good;
    for (int round = 0; round < ROUNDS && status == ESP_OK && !*out; round++)
        for (uint64_t i = 0; i < proposer->candidates && status == ESP_OK; i++)
            status = try_one(&drawing, &views, out, &score);
    drawing_free(&drawing);
    views_free(&views);
    if (status != ESP_OK) {
        esp_arch_release(*out);
        *out = NULL;
    }
    return status;
}
