// SPDX-License-Identifier: Apache-2.0
// See arena.h. Large blocks lie on large pages where the system gives them.
#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define PAGE ((size_t)2 << 20)

static char *block_of(size_t size)
{
    if (size > SIZE_MAX - 64)
        return NULL;
    char *data = aligned_alloc(64, (size + 63) / 64 * 64);
#ifdef MADV_HUGEPAGE
    uintptr_t begin = ((uintptr_t)data + PAGE - 1) / PAGE * PAGE;
    uintptr_t end = ((uintptr_t)data + size) / PAGE * PAGE;
    if (data && end > begin)
        madvise((void *)begin, end - begin, MADV_HUGEPAGE);
#endif
    return data;
}

// The smallest that is large enough, else the largest.
static struct arena *best_free(struct arena *list, size_t size)
{
    struct arena *best = NULL;
    for (struct arena *a = list; a; a = a->next) {
        if (a->used)
            continue;
        bool fits = a->size >= size, best_fits = best && best->size >= size;
        if (!best || (fits && (!best_fits || a->size < best->size)) ||
            (!fits && !best_fits && a->size > best->size))
            best = a;
    }
    return best;
}

struct arena *arena_acquire(struct arena **list, size_t size)
{
    struct arena *arena = best_free(*list, size);
    if (!arena) {
        arena = calloc(1, sizeof *arena);
        if (!arena)
            return NULL;
        arena->next = *list;
        *list = arena;
    }
    if (arena->size < size || !arena->data) {
        free(arena->data);
        arena->size = 0;
        arena->data = block_of(size);
        if (!arena->data)
            return NULL;
        arena->size = size;
    }
    arena->used = true;
    return arena;
}

void arena_release(struct arena *arena)
{
    if (arena)
        arena->used = false;
}

void arena_free_all(struct arena **list)
{
    while (*list) {
        struct arena *next = (*list)->next;
        free((*list)->data);
        free(*list);
        *list = next;
    }
}
