// SPDX-License-Identifier: Apache-2.0
// Numbers 0, 1, 2, ... for 64-bit keys, in the order in which the keys are first met.
#ifndef CONTROLLER_NUMBERING_H
#define CONTROLLER_NUMBERING_H

#include <stdint.h>

struct numbering {
    uint64_t *keys;    // open addressing
    uint64_t *numbers; // + 1; 0 = empty
    uint64_t count, capacity;
};

// The number of `key`, a new one where it was never met; -1: out of memory.
int64_t numbering_of(struct numbering *numbering, uint64_t key);
// Its number, or -1 where it was never met.
int64_t numbering_find(const struct numbering *numbering, uint64_t key);
void numbering_free(struct numbering *numbering);

// FNV-1a of `length` bytes, going on from `hash`; HASH_START to begin with.
#define HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t hash_bytes(uint64_t hash, const void *bytes, uint64_t length);

#endif
