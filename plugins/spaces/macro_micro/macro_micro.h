// SPDX-License-Identifier: Apache-2.0
// The joint space of cell and network, shared by its files: the plan of a network (plan.c), its cell
// (cell.c), both as graphs (structure.c).
#ifndef MACRO_MICRO_H
#define MACRO_MICRO_H

#include <espalier/espalier.h>
#include <espalier/ext/space_structure.h>

#define LEVELS_MOST 8
#define CELLS_MOST 128
#define BLOCKS_MOST 8
#define STATES_MOST (2 + BLOCKS_MOST) // of a cell: its two inputs, then its blocks
#define OPERATION_COUNT 8
#define ENLARGED_MOST 128  // height and width of a map that is enlarged
#define STATE_NAME_SIZE 24 // "cell_127"

enum macro { MACRO_STAGES, MACRO_PATH };

struct macro_micro {
    enum macro macro;
    int64_t levels, min_stages;
    int64_t min_cells, max_cells;
    int64_t reach;
    int64_t doubling; // 1: the width doubles with each level; 0: each level's is drawn
    const int64_t *widths;
    uint64_t width_count;
    int64_t stem; // 1, 2 or 4: what the image is divided by before the first cell
    int64_t blocks;
    esp_alternative operations[OPERATION_COUNT];
    uint64_t operation_count;
    // Of the network: "stem", "cell_0", ...; cell i is state i + 1.
    char state_names[CELLS_MOST + 1][STATE_NAME_SIZE];
    const char *states[CELLS_MOST + 1];
};

// The network as it is drawn. A cell takes the state before it, and state `second`; it stands at a
// level, where the image is the stem's size divided by 2^level, and has that level's width.
struct plan {
    int64_t count;
    struct {
        int64_t level, width, second;
    } cells[CELLS_MOST];
    int64_t stem_width;
};

// Draws it. Where the pass fails the plan has no cells.
void plan_draw(const struct macro_micro *space, esp_builder *b, struct plan *plan);

// Emits the cell, drawn once and shared, on two states of `width` channels and one size; its output
// has blocks x width channels.
esp_node cell_emit(const struct macro_micro *space, esp_builder *b, esp_node before,
                   esp_node previous, int64_t width);
// ReLU, conv1x1, batch normalization of `x`, which stands at level `from`, to that many channels, at
// level `to` of height and width `size`.
esp_node cell_input(esp_builder *b, const char *name, esp_node x, int64_t from, int64_t to,
                    const int64_t size[2], int64_t width);

extern const char *const operation_names[OPERATION_COUNT];
extern const esp_alternative all_operations[OPERATION_COUNT];
extern const char *const cell_states[STATES_MOST];

extern const esp_space_structure macro_micro_structure;

#endif
