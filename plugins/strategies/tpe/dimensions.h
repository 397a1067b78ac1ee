// SPDX-License-Identifier: Apache-2.0
// Decisions as axes of Parzen estimators, found as they are met: a choice is one axis, an integer or a
// real one axis of [0, 1] (logarithmic where the decision is; an integer in the middle of its part), a
// subset one axis of two choices for each option.
#ifndef TPE_DIMENSIONS_H
#define TPE_DIMENSIONS_H

#include <espalier/espalier.h>
#include <espalier/support/parzen.h>

struct dimension {
    const char *path; // the host's, as the domain
    const esp_domain *domain;
    uint64_t first_axis, axis_count;
    double low, high; // INT, REAL: the ends of [0, 1], in the logarithm where the domain is
};

struct dimensions {
    struct dimension *all;
    uint64_t count, capacity;
    uint64_t axis_count;
    uint64_t *index; // open addressing over paths: a dimension + 1, or 0
    uint64_t index_capacity;
};

// The dimension of a decision, a new one where it was never met; `*from`: where it is looked for first,
// becomes the one after it. NULL: out of memory.
const struct dimension *dimensions_find(struct dimensions *dimensions, const char *path,
                                        const esp_domain *domain, uint64_t *from);
void dimensions_free(struct dimensions *dimensions);

// Axis number `i` of the dimension.
esp_parzen_axis dimension_axis(const struct dimension *dimension, uint64_t i);

// The numbers of a value, `axis_count` of them.
void dimension_encode(const struct dimension *dimension, esp_value value, double *numbers);
// The value of numbers; `indices` has room for a subset's. 0: a subset of a size that may not be.
int dimension_decode(const struct dimension *dimension, const double *numbers, uint32_t *indices,
                     esp_value *out);

#endif
