// SPDX-License-Identifier: Apache-2.0
// What the space (darts.c) and its abilities (words.c) share.
#ifndef DARTS_H
#define DARTS_H

#include "genotype.h"
#include "layers.h"

#define DARTS_OPERATIONS 8 // with none

struct darts {
    struct stack stack;
    int64_t nodes;
    double drop_path; // 0 in the search network
};

// The operations that a member may have.
extern const char *const darts_names[DARTS_OPERATIONS - 1];

// Text, canonical form, structure.
const void *darts_ability(const char *id);

#endif
