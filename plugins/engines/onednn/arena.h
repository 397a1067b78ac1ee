// SPDX-License-Identifier: Apache-2.0
// Memory for whole programs, each a single block, used again from one architecture to the next.
#ifndef ONEDNN_ARENA_H
#define ONEDNN_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena {
    char *data; // 64-byte aligned, of any value
    size_t size;
    bool used;
    struct arena *next;
};

// A block of at least this size, which is the caller's until arena_release. NULL: out of memory.
struct arena *arena_acquire(struct arena **list, size_t size);
void arena_release(struct arena *arena);
void arena_free_all(struct arena **list);

#endif
