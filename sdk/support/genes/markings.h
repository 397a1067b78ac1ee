// SPDX-License-Identifier: Apache-2.0
// Historical markings, as vary.c asks for them.
#ifndef GENES_MARKINGS_H
#define GENES_MARKINGS_H

#include <espalier/support/genes.h>

// A change that was new since the last clear.
struct esp_marking {
    uint64_t from, to, recurrent; // of a link; of the connection that was split
    uint64_t split;               // its innovation + 1; 0: a link
    uint64_t node, innovation, second;
    double weight; // of a link: the first one's
};

// The marking of a link between two nodes that `genes` does not have. `weight` is that of the first such
// link since the markings were cleared; where this is the first, it stays, and becomes so.
esp_status markings_link(esp_markings *markings, uint64_t from, uint64_t to, uint32_t recurrent,
                         double *weight, uint64_t *innovation);

// The marking of a connection's split: the new node, which `genes` does not have, and its two links.
esp_status markings_split(esp_markings *markings, const esp_genes *genes, const esp_gene *gene,
                          struct esp_marking *out);

#endif
