// SPDX-License-Identifier: Apache-2.0
// A space with a decision of each kind, and a builder over it.
#ifndef FUZZ_MIXED_H
#define FUZZ_MIXED_H

#include "builder/builder.h"

struct mixed {
    struct dictionary *dictionary;
    struct builder *builder;
};

// Begins as all zero.
void mixed_open(struct mixed *mixed);
void mixed_close(struct mixed *mixed);

#endif
