// SPDX-License-Identifier: Apache-2.0
// Plain loops over the operators that work along axes, for reference.c.
#ifndef SUPPORT_REFERENCE_AXES_H
#define SUPPORT_REFERENCE_AXES_H

#include "support/reference.h"

#include <stdbool.h>

// Computes `out` if its operator is one of them; false if it is not.
bool reference_axes(struct reference *reference, struct reference_node *out);

// Element `i` of a batch of that shape as places along its axes, the batch first.
void reference_places(size_t i, const esp_shape *shape, int64_t *places);
// Back; -1 where a place is outside.
int64_t reference_element(const int64_t *places, const esp_shape *shape);

#endif
