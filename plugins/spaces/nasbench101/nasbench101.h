// SPDX-License-Identifier: Apache-2.0
// What the parts of the NAS-Bench-101 space share: an instance, its decisions, and the abilities that
// put a module into words (notation.c).
#ifndef NASBENCH101_H
#define NASBENCH101_H

#include "module.h"

#include <espalier/ext/space_structure.h>
#include <espalier/ext/space_text.h>
#include <espalier/space.h>

struct nasbench101 {
    unsigned vertices, edges; // at most, the edges of the pruned module
    int64_t channels, cells;
};

// Of the decision paths `cell/edge/0-1` and `cell/op/1`.
#define PATH_SIZE 24

// The decision path of an edge and of an operation.
void edge_path(char path[PATH_SIZE], unsigned from, unsigned to);
void operation_path(char path[PATH_SIZE], unsigned vertex);

extern const char *const edge_names[2]; // no, yes
extern const char *const operation_names[OPERATION_COUNT];

extern const esp_space_text nasbench101_text;
extern const esp_space_canonical nasbench101_canonical;
extern const esp_space_structure nasbench101_structure;

#endif
