// SPDX-License-Identifier: Apache-2.0
// A genotype of the space `hierarchical`, as its decision paths tell it: levels of motifs of edges.
#ifndef HIERARCHICAL_EVOLUTION_GENOTYPE_H
#define HIERARCHICAL_EVOLUTION_GENOTYPE_H

#include <espalier/espalier.h>

// One edge: `level<l>-motif<m>/<from>-<to>`, and its place in the trace. Edges stand by level, motif, node
// (`to`) and predecessor (`from`).
struct edge {
    uint32_t level, motif, from, to;
    uint64_t decision;
    uint64_t options; // `none` among them
};

struct genotype {
    struct edge *edges;
    uint64_t count;
    // Decisions that are no edges: searched parameters.
    uint64_t *others;
    uint64_t other_count;
};

// Reads the paths of `arch`. ESP_ERROR_UNSUPPORTED where no decision is an edge of a motif.
esp_status genotype_read(struct genotype *out, const esp_arch *arch);
void genotype_free(struct genotype *genotype);

// An edge, drawn as Liu et al. 2018 do: a level, one of its motifs, a node that has predecessors, one of
// those; each uniformly among what is there (fixed edges are not).
const struct edge *genotype_draw(const struct genotype *genotype, esp_random *random);

#endif
