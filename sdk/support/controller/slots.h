// SPDX-License-Identifier: Apache-2.0
// Decisions as slots: which options a decision has, which weights are theirs, which scopes they name.
#ifndef CONTROLLER_SLOTS_H
#define CONTROLLER_SLOTS_H

#include "numbering.h"

#include <espalier/random.h>
#include <espalier/strategy.h>

struct slot {
    const char *path; // the host's, as the domain
    const esp_domain *domain;
    uint64_t options; // of a softmax, or of a subset
    uint64_t *rows;   // [options]: numbers of the options' weights; owned
    // The parts of an integer: part i is cuts[i] .. cuts[i + 1] - 1, the last ends at int_max. [options];
    // NULL of other decisions, owned.
    int64_t *cuts;
    double low, high; // of a real, in the logarithm where the domain is
    int64_t *named;   // [options] of a subset: the scope that an option names, -1 = none; owned
    uint64_t *scopes; // the scopes that the path lies in, `scope_count` of them; owned
    uint64_t scope_count;
    uint64_t next; // the slot that followed it the last time
};

struct slots {
    struct slot *all;
    uint64_t count, capacity;
    struct numbering index;  // of slots
    struct numbering rows;   // of weights, by group and option
    struct numbering scopes; // by path
    uint64_t *row_keys;      // [rows.count]: what a row's initial values are drawn by
    uint64_t row_capacity;
    uint64_t parts;
    int share;
    uint64_t last; // the slot that was found last
};

// The slot of a decision, a new one where it was never met; -1: out of memory.
int64_t slots_find(struct slots *slots, const char *path, const esp_domain *domain);
void slots_free(struct slots *slots);

// The option of a value that is no subset: its index, its value's number, or its part.
uint32_t slot_encode(const struct slot *slot, esp_value value);
// A value of an option, uniform among those that it stands for.
esp_value slot_decode(const struct slot *slot, uint32_t option, esp_random *random);

#endif
