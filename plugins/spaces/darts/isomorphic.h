// SPDX-License-Identifier: Apache-2.0
// The least of all cells that are one up to the order of what has none: the two halves of a node, and
// the nodes among themselves wherever an order keeps sources before those who read them. A cell's
// output concatenates nodes; their order permutes channels, which whoever reads them permutes back.
#ifndef ISOMORPHIC_H
#define ISOMORPHIC_H

#include <stdint.h>

#define ISOMORPHIC_MOST 8

// A node: the halves' sources (0 and 1 are the cell's inputs, 2 + i is node i, i before it) and
// operations, and a label that it keeps.
struct isomorphic_node {
    uint32_t source[2], op[2], label;
};

// Replaces the nodes by the least equivalent ones.
void isomorphic_least(struct isomorphic_node *nodes, uint64_t count);

#endif
