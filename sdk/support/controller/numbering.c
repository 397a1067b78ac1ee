// SPDX-License-Identifier: Apache-2.0
// Numbers for keys; see numbering.h.
#include "numbering.h"

#include <stdlib.h>

uint64_t hash_bytes(uint64_t hash, const void *bytes, uint64_t length)
{
    const unsigned char *at = bytes;
    for (uint64_t i = 0; i < length; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

// The place of a key, or the empty one where it belongs.
static uint64_t place_of(const struct numbering *numbering, uint64_t key)
{
    const uint64_t mask = numbering->capacity - 1;
    uint64_t i = (key ^ key >> 32) & mask;
    while (numbering->numbers[i] && numbering->keys[i] != key)
        i = (i + 1) & mask;
    return i;
}

static int grow(struct numbering *numbering)
{
    struct numbering grown = {.count = numbering->count,
                              .capacity = numbering->capacity ? 2 * numbering->capacity : 64};
    grown.keys = calloc(2 * grown.capacity, sizeof *grown.keys);
    if (!grown.keys)
        return 0;
    grown.numbers = grown.keys + grown.capacity;
    for (uint64_t i = 0; i < numbering->capacity; i++) {
        if (!numbering->numbers[i])
            continue;
        uint64_t place = place_of(&grown, numbering->keys[i]);
        grown.keys[place] = numbering->keys[i];
        grown.numbers[place] = numbering->numbers[i];
    }
    free(numbering->keys);
    *numbering = grown;
    return 1;
}

int64_t numbering_of(struct numbering *numbering, uint64_t key)
{
    if (2 * numbering->count >= numbering->capacity && !grow(numbering))
        return -1;
    const uint64_t place = place_of(numbering, key);
    if (!numbering->numbers[place]) {
        numbering->keys[place] = key;
        numbering->numbers[place] = ++numbering->count;
    }
    return (int64_t)numbering->numbers[place] - 1;
}

int64_t numbering_find(const struct numbering *numbering, uint64_t key)
{
    return numbering->count ? (int64_t)numbering->numbers[place_of(numbering, key)] - 1 : -1;
}

void numbering_free(struct numbering *numbering)
{
    free(numbering->keys);
}
