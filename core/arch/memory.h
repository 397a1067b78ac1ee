// SPDX-License-Identifier: Apache-2.0
// Memory for what only grows: arrays that double, and arenas whose parts keep their addresses and
// are given back all at once. Resetting an arena keeps its blocks, so that what is done over and
// over allocates nothing after the first time.
#ifndef ARCH_MEMORY_H
#define ARCH_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

// Makes room for `count` elements of `size` bytes in the array at `*array`; the new ones are zero.
// `*capacity` is how many it holds. False: out of memory, nothing changed.
bool array_reserve(void *array, size_t *capacity, size_t count, size_t size);

struct arena_block;

// Begins as all zero.
struct arena {
    struct arena_block *first, *current;
    size_t used; // of the current block
};

// `size` bytes, aligned for anything up to 16 bytes, not cleared. NULL: out of memory.
void *arena_take(struct arena *arena, size_t size);
// A copy of `length` bytes of text with a zero after them.
char *arena_text(struct arena *arena, const char *text, size_t length);
void arena_reset(struct arena *arena);
void arena_free(struct arena *arena);

#endif
