// SPDX-License-Identifier: Apache-2.0
// The multi-branch space, shared by its files: what a layer is made of (layer.c) and how several
// inputs become one (merge.c).
#ifndef MULTI_BRANCH_H
#define MULTI_BRANCH_H

#include <espalier/espalier.h>
#include <espalier/ext/space_structure.h>

#define DEPTH_MOST 256
#define OPERATION_COUNT 14
#define FORM_COUNT 4

enum merge { MERGE_SUM, MERGE_CONCAT, MERGE_SEARCH };
enum align { ALIGN_PAD, ALIGN_SUBSAMPLE, ALIGN_PROJECT };

struct multi_branch {
    int64_t min_depth, max_depth;
    int64_t max_inputs;
    enum merge merge;
    enum align align;
    int64_t min_size;
    const int64_t *widths, *strides, *kernels;
    uint64_t width_count, stride_count, kernel_count;
    const char *const *forms;
    uint64_t form_count;
    // In the order of the INI; and those of them that can keep the size, for maps that must.
    esp_alternative operations[OPERATION_COUNT], keeping[OPERATION_COUNT];
    uint64_t operation_count, keeping_count;
    char names[DEPTH_MOST][24]; // "layer_0", ...
    const char *sources[DEPTH_MOST];
};

// Where a layer stands: what its operation is given.
struct position {
    const struct multi_branch *space;
    int64_t size;  // of the map that comes in: the smaller of height and width
    int64_t *next; // of the map that goes out; the operation writes it
};

extern const char *const operation_names[OPERATION_COUNT];
extern const char *const form_names[FORM_COUNT];
extern const esp_alternative all_operations[OPERATION_COUNT];

// Whether the operation halves the map by its nature.
int operation_halves(const char *name);

// One of `count` maps, at least one: their sum, or concatenated in depth. Maps of other sizes (and, in
// a sum, of other channels) are aligned first. Layers that it needs for that are named by the indices
// of the maps.
esp_node merge_maps(const struct multi_branch *space, esp_builder *b, int sum, const esp_node *maps,
                    const uint32_t *indices, uint64_t count);
// The size of the result, from theirs.
int64_t merge_sizes(const struct multi_branch *space, const int64_t *sizes, const uint32_t *indices,
                    uint64_t count);

#endif
