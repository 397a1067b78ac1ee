// SPDX-License-Identifier: Apache-2.0
// The hierarchical space, shared by its files: levels, motifs, and what a pass has drawn.
#ifndef HIERARCHICAL_H
#define HIERARCHICAL_H

#include <espalier/espalier.h>
#include <espalier/ext/space_structure.h>

#define PRIMITIVE_COUNT 6
#define LEVELS_MOST 5 // above the primitives
#define MOTIFS_MOST 16
#define NODES_MOST 12
#define EDGES_MOST (NODES_MOST * (NODES_MOST - 1) / 2)
// `none`, then the primitives or the motifs of the level below.
#define CHOICES_MOST (1 + MOTIFS_MOST)
#define NONE 0

#define MOTIF_NAME_SIZE 40 // "level2-motif15"
#define EDGE_NAME_SIZE 24  // "10-11"

// The motifs of one level: each a DAG of `nodes` nodes with a choice on every edge j < i.
struct level {
    int64_t motifs, nodes, edges;
    esp_alternative choices[CHOICES_MOST];
    uint64_t choice_count;
    char names[MOTIFS_MOST][MOTIF_NAME_SIZE];
};

struct hierarchical {
    int64_t channels, stages, cells;
    int64_t concat;                   // 1: nodes concatenate, 0: they add
    uint64_t primitives[MOTIFS_MOST]; // in the order of the choices after none
    uint64_t primitive_count;
    struct level levels[LEVELS_MOST]; // [0] is level 2
    int64_t level_count;
    char edge_names[EDGES_MOST][EDGE_NAME_SIZE]; // 0-1, 0-2, 1-2, 0-3, ...
};

// What the pass has drawn. Of every edge a bit for each choice that was taken: one, or all where the
// space is relaxed. `alive`: a bit for each choice that gives something; not `none`, nor a motif
// without a path from its first node to its last.
struct drawn {
    uint32_t taken[LEVELS_MOST][MOTIFS_MOST][EDGES_MOST];
    uint32_t alive[LEVELS_MOST + 1]; // of the choices of a level; the last is that of the whole
};

// Names, alternatives and sizes of the levels from their numbers.
void levels_prepare(struct hierarchical *space);
// Draws every motif, used or not, in a fixed order.
void motifs_draw(const struct hierarchical *space, esp_builder *b, struct drawn *drawn);
// Emits the motif `motif` of level `level` at a position of `channels` channels.
esp_node motif_emit(const struct hierarchical *space, esp_builder *b, const struct drawn *drawn,
                    int64_t level, int64_t motif, int64_t channels, esp_node x);

// Convolutions of the network, each with batch normalization and ReLU; in a scope of that name.
esp_node emit_conv(esp_builder *b, const char *scope, esp_node x, int64_t channels, int64_t kernel);
esp_node emit_separable(esp_builder *b, const char *scope, esp_node x, int64_t channels,
                        int64_t stride);

extern const char *const primitive_names[PRIMITIVE_COUNT];

#endif
