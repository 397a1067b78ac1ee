// SPDX-License-Identifier: Apache-2.0
// The macro structure: how many stages and cells, where the image is halved or enlarged, how wide each
// level is, and which earlier cell feeds which.
#include "macro_micro.h"

#include <string.h>

static int64_t draw_width(const struct macro_micro *space, esp_builder *b, int64_t level)
{
    if (space->doubling)
        return esp_choose_value(b, "width", space->widths, space->width_count) << level;
    esp_scope(b, "level", level);
    int64_t width = esp_choose_value(b, "width", space->widths, space->width_count);
    esp_scope_end(b);
    return width;
}

// Which state is the second input of cell `i`: one of those behind the previous one within reach, the
// nearest first. The first cell has the stem twice.
static int64_t draw_second(const struct macro_micro *space, esp_builder *b, int64_t i)
{
    const char *names[CELLS_MOST];
    uint64_t count = 0;
    if (i == 0)
        return 0;
    for (int64_t state = i - 1; state >= 0 && state > i - space->reach; state--)
        names[count++] = space->states[state];
    esp_scope(b, "cell", i);
    uint64_t chosen = esp_choose_one(b, "second", names, count);
    esp_scope_end(b);
    return i - 1 - (int64_t)chosen;
}

static void add_cell(const struct macro_micro *space, esp_builder *b, struct plan *plan,
                     int64_t level)
{
    int64_t i = plan->count;
    if (i >= CELLS_MOST || esp_failed(b))
        return;
    plan->cells[i].level = level;
    plan->cells[i].width = draw_width(space, b, level);
    plan->cells[i].second = draw_second(space, b, i);
    plan->count++;
}

// Stages of cells, one level each.
static void draw_stages(const struct macro_micro *space, esp_builder *b, struct plan *plan)
{
    int64_t stages = esp_choose_int(b, "stages", space->min_stages, space->levels);
    for (int64_t stage = 0; stage < stages; stage++) {
        esp_scope(b, "stage", stage);
        int64_t cells = esp_choose_int(b, "cells", space->min_cells, space->max_cells);
        esp_scope_end(b);
        for (int64_t i = 0; i < cells; i++)
            add_cell(space, b, plan, stage);
    }
}

// Each cell stands at the level of the one before, or next to it (Liu et al. 2019).
static void draw_path(const struct macro_micro *space, esp_builder *b, struct plan *plan)
{
    static const char *const moves[] = {"up", "same", "down"};
    int64_t cells = esp_choose_int(b, "cells", space->min_cells, space->max_cells);
    for (int64_t i = 0, level = 0; i < cells; i++) {
        if (i > 0) {
            int64_t least = level > 0 ? 0 : 1, most = level < space->levels - 1 ? 2 : 1;
            esp_scope(b, "cell", i);
            level +=
                least - 1 +
                (int64_t)esp_choose_one(b, "move", moves + least, (uint64_t)(most - least + 1));
            esp_scope_end(b);
        }
        add_cell(space, b, plan, level);
    }
}

void plan_draw(const struct macro_micro *space, esp_builder *b, struct plan *plan)
{
    plan->count = 0;
    if (space->macro == MACRO_STAGES)
        draw_stages(space, b, plan);
    else
        draw_path(space, b, plan);
    plan->stem_width = plan->count > 0 ? plan->cells[0].width : 0;
    if (esp_failed(b))
        plan->count = 0;
}
