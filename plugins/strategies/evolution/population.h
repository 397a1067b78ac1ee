// SPDX-License-Identifier: Apache-2.0
// A population of evaluated architectures, in the order in which they were told: who is selected as a
// parent, and who is removed.
#ifndef EVOLUTION_POPULATION_H
#define EVOLUTION_POPULATION_H

#include <espalier/espalier.h>

struct member {
    esp_arch *arch;
    double objective; // less is better
    double violation; // of the constraints; 0 = feasible
    uint64_t number;  // in the order of tells
};

struct population {
    struct member *slots; // a member keeps its slot
    uint32_t *free_slots;
    uint32_t free_count, slot_count;
    // Slots: from the oldest, at age[head], to the youngest; and from the best to the worst, kept only
    // where `is_ranked`.
    uint32_t *age, *ranked;
    uint64_t head, count, capacity;
    int is_ranked;
    uint64_t told;
};

enum { SELECT_TOURNAMENT, SELECT_TRUNCATION, SELECT_ROULETTE };
enum { REMOVE_OLDEST, REMOVE_WORST, REMOVE_NONE };

// A feasible member is better than one that breaks a constraint; of two that do, the smaller violation
// is; of feasible ones the objective decides.
int member_better(const struct member *a, const struct member *b);

// Adds a member; 0: out of memory.
int population_add(struct population *population, esp_arch *arch, double objective,
                   double violation);
// Removes the oldest that is not among the best `elite` (fewer than there are), or the worst, of
// equally bad ones the oldest.
void population_remove_oldest(struct population *population, uint64_t elite);
void population_remove_worst(struct population *population);
void population_free(struct population *population);

// The member `place` places after the oldest.
const struct member *population_member(const struct population *population, uint64_t place);

// Parents of a population that is not empty.
// The best of `size` drawn with replacement.
const struct member *population_tournament(const struct population *population, uint64_t size,
                                           esp_random *random);
// One of the best `share` of the population, each equally likely. Needs is_ranked.
const struct member *population_truncation(const struct population *population, double share,
                                           esp_random *random);
// With a chance in proportion to what it is better than the worst: (w - f) / sum of (w - f), over the
// feasible members, or by violations where there is none. Each alike where all are equal.
const struct member *population_roulette(const struct population *population, esp_random *random);

#endif
