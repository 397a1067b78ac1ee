// SPDX-License-Identifier: Apache-2.0
// See memory.h.
#include "arch/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_ALIGN 16
#define ARENA_BLOCK 4096 // bytes of the first block; later ones double up to 256 of it

struct arena_block {
    struct arena_block *next;
    size_t size;
    _Alignas(ARENA_ALIGN) unsigned char bytes[];
};

bool array_reserve(void *array, size_t *capacity, size_t count, size_t size)
{
    if (count <= *capacity)
        return true;
    size_t wanted = *capacity ? *capacity : 16;
    while (wanted < count) {
        if (wanted > SIZE_MAX / 2)
            return false;
        wanted *= 2;
    }
    if (wanted > SIZE_MAX / size)
        return false;
    void *old, *grown;
    memcpy(&old, array, sizeof old); // any pointer type: never read through a void **
    grown = realloc(old, wanted * size);
    if (!grown)
        return false;
    memset((unsigned char *)grown + *capacity * size, 0, (wanted - *capacity) * size);
    memcpy(array, &grown, sizeof grown);
    *capacity = wanted;
    return true;
}

// Moves on to a block with room for `size`: a kept one, else a new one.
static bool next_block(struct arena *arena, size_t size)
{
    struct arena_block **link = arena->current ? &arena->current->next : &arena->first;
    while (*link && (*link)->size < size)
        link = &(*link)->next;
    if (!*link) {
        size_t bytes = arena->current ? arena->current->size * 2 : ARENA_BLOCK;
        if (bytes > ARENA_BLOCK * (size_t)256)
            bytes = ARENA_BLOCK * (size_t)256;
        if (bytes < size)
            bytes = size;
        if (bytes > SIZE_MAX - sizeof **link)
            return false;
        struct arena_block *block = malloc(sizeof *block + bytes);
        if (!block)
            return false;
        block->next = NULL;
        block->size = bytes;
        *link = block;
    }
    arena->current = *link;
    arena->used = 0;
    return true;
}

void *arena_take(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX - ARENA_ALIGN)
        return NULL;
    size = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (!arena->current || arena->current->size - arena->used < size)
        if (!next_block(arena, size))
            return NULL;
    void *part = arena->current->bytes + arena->used;
    arena->used += size;
    return part;
}

char *arena_text(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_take(arena, length + 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

void arena_reset(struct arena *arena)
{
    arena->current = arena->first;
    arena->used = 0;
}

void arena_free(struct arena *arena)
{
    for (struct arena_block *block = arena->first; block;) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
    memset(arena, 0, sizeof *arena);
}
