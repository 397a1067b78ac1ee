// SPDX-License-Identifier: Apache-2.0
// What the parts of the NAS-Bench-201 space share: its edges and operations, and the abilities that
// put a cell into words (notation.c).
#ifndef NASBENCH201_H
#define NASBENCH201_H

#include <espalier/ext/space_structure.h>
#include <espalier/ext/space_text.h>
#include <espalier/space.h>

#define NODE_COUNT 4 // node 0 is the cell's input, node 3 its output
#define EDGE_COUNT 6
#define OPERATION_COUNT 5

enum operation { NONE, SKIP_CONNECT, NOR_CONV_1X1, NOR_CONV_3X3, AVG_POOL_3X3 };

// In the order of the notation: by target, then by source.
struct edge {
    const char *name; // of the decision, in the scope `edge`
    const char *path; // of the decision
    unsigned source, target;
};

extern const struct edge edges[EDGE_COUNT];
// In the benchmark's own order.
extern const char *const operation_names[OPERATION_COUNT];

extern const esp_space_text nasbench201_text;
extern const esp_space_canonical nasbench201_canonical;
extern const esp_space_structure nasbench201_structure;

#endif
