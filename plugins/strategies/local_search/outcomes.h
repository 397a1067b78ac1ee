// SPDX-License-Identifier: Apache-2.0
// What is known of every architecture that was asked for or told, by its hash.
#ifndef LOCAL_SEARCH_OUTCOMES_H
#define LOCAL_SEARCH_OUTCOMES_H

#include <stdint.h>

enum { OUTCOME_NONE, OUTCOME_OPEN, OUTCOME_FAILED, OUTCOME_KNOWN };

struct outcome {
    uint64_t hash;
    uint32_t state;   // OUTCOME_*; NONE: an empty place
    double objective; // KNOWN: less is better
    double violation;
};

// Open addressing; all zero is an empty one.
struct outcomes {
    struct outcome *places;
    uint64_t count, capacity;
};

// The place of a hash, or NULL.
const struct outcome *outcomes_find(const struct outcomes *outcomes, uint64_t hash);
// Puts it in, in the place of an older one; 0: out of memory.
int outcomes_put(struct outcomes *outcomes, const struct outcome *outcome);
void outcomes_free(struct outcomes *outcomes);

// KNOWN before all others; then what breaks the constraints less; then the better objective.
int outcome_better(const struct outcome *a, const struct outcome *b);

#endif
