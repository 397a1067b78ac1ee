// SPDX-License-Identifier: Apache-2.0
// A sample walked along its axes while two tensors are read or written at steps of their own: what
// broadcasts has steps of 0, what is turned round has its axes' steps in another order.
#ifndef OPENBLAS_LATTICE_H
#define OPENBLAS_LATTICE_H

#include "program.h"

// A lattice of the sizes of `shape`, its axes aligned at the end; all steps 0.
struct lattice lattice_of(const esp_shape *shape);
// Sets the steps in tensor `which` to those of a tensor of `shape`, of as many dimensions: 0 along an
// axis where that has 1 place and the lattice more.
void lattice_spread(struct lattice *lattice, int which, const esp_shape *shape);
// Leaves out axes of one place and joins neighbours that are one walk in both tensors, so that rows
// are as long as they can be. Afterwards the last axis is `count`, and a step of it that belongs to a
// contiguous tensor is 0 or 1.
void lattice_join(struct lattice *lattice);

// Rows of a sample; the places of each.
int64_t lattice_rows(const struct lattice *lattice);
int64_t lattice_count(const struct lattice *lattice);
// The step of tensor `which` from one place of a row to the next.
int64_t lattice_step(const struct lattice *lattice, int which);
// Where row `row` begins in each of the tensors.
void lattice_begin(const struct lattice *lattice, int64_t row, int64_t *begins);

#endif
