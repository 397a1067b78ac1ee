// SPDX-License-Identifier: Apache-2.0
// The block of a table; see table.h.
#include "table.h"

#include <stdlib.h>
#include <xxhash.h>

static const char magic[8] = "ESPTABL";

static uint64_t row_size(const struct table_header *block)
{
    return sizeof(uint64_t) + block->columns * sizeof(double);
}

static uint64_t block_size(uint64_t rows, uint32_t columns, uint64_t slots)
{
    return sizeof(struct table_header) + rows * (sizeof(uint64_t) + columns * sizeof(double)) +
           slots * sizeof(uint32_t);
}

static unsigned char *row_at(const struct table_header *block, uint64_t row)
{
    return (unsigned char *)(uintptr_t)(block + 1) + row * row_size(block);
}

static uint32_t *slots_of(const struct table_header *block, uint64_t rows)
{
    return (uint32_t *)(void *)row_at(block, rows);
}

struct table_header *table_block(uint64_t rows, uint32_t columns)
{
    uint64_t slots = 16;
    while (slots < 2 * rows)
        slots *= 2;
    if (rows >= UINT32_MAX || rows > SIZE_MAX / 64 / (columns + UINT64_C(1)))
        return NULL;
    struct table_header *block = calloc(1, block_size(rows, columns, slots));
    if (!block)
        return NULL;
    memcpy(block->magic, magic, sizeof magic);
    block->version = TABLE_VERSION;
    block->columns = columns;
    block->slots = slots;
    // While rows are added, `size` is how many there is room for; the slots lie behind that room.
    block->size = rows;
    return block;
}

static uint64_t hash_at(const unsigned char *rows, uint64_t size, uint32_t number)
{
    uint64_t hash;
    memcpy(&hash, rows + (number - UINT64_C(1)) * size, sizeof hash);
    return hash;
}

// The slot that holds the row of `hash`, or the empty one that ends the search for it.
static uint64_t find_slot(const uint32_t *slots, uint64_t mask, const unsigned char *rows,
                          uint64_t size, uint64_t hash)
{
    uint64_t i = hash & mask;
    while (slots[i] != 0 && hash_at(rows, size, slots[i]) != hash)
        i = (i + 1) & mask;
    return i;
}

uint32_t table_place(struct table_header *block, uint64_t hash, double **values, bool *added)
{
    uint32_t *slots = slots_of(block, block->size);
    uint64_t i = find_slot(slots, block->slots - 1, row_at(block, 0), row_size(block), hash);
    *added = slots[i] == 0;
    if (*added) {
        memcpy(row_at(block, block->rows), &hash, sizeof hash);
        slots[i] = (uint32_t)++block->rows;
    }
    *values = (double *)(void *)(row_at(block, slots[i] - UINT64_C(1)) + sizeof hash);
    return slots[i];
}

void table_seal(struct table_header *block, const uint64_t key[2])
{
    memmove(slots_of(block, block->rows), slots_of(block, block->size),
            block->slots * sizeof(uint32_t));
    block->size = block_size(block->rows, block->columns, block->slots);
    memcpy(block->key, key, sizeof block->key);
    block->content_hash = XXH3_64bits(block + 1, block->size - sizeof *block);
    block->header_hash = XXH3_64bits(block, offsetof(struct table_header, header_hash));
}

// Each slot names a row that is there, and one is empty, so that every search ends.
static bool slots_sound(const uint32_t *slots, uint64_t count, uint64_t rows)
{
    uint64_t used = 0;
    for (uint64_t i = 0; i < count; i++) {
        if (slots[i] > rows)
            return false;
        used += slots[i] != 0;
    }
    return used == rows && rows < count;
}

bool table_point(struct table *out, const void *bytes, uint64_t size, const uint64_t key[2],
                 char reason[TABLE_REASON_SIZE])
{
    const struct table_header *block = bytes;
    const char *words = NULL;
    if (size < sizeof *block)
        words = "it ends within its header";
    else if (memcmp(block->magic, magic, sizeof magic) != 0)
        words = "it is no table";
    else if (block->version != TABLE_VERSION)
        words = "another version of the plugin wrote it";
    else if (block->header_hash != XXH3_64bits(block, offsetof(struct table_header, header_hash)))
        words = "its header is damaged";
    else if (memcmp(block->key, key, sizeof block->key) != 0)
        words = "the CSV file, the space or the mapping changed since";
    else if (block->size != size || block->rows > size || block->slots > size ||
             block->columns > size ||
             block->size != block_size(block->rows, block->columns, block->slots))
        words = "it is not as long as it should be";
    else if (block->content_hash != XXH3_64bits(block + 1, size - sizeof *block) ||
             block->slots == 0 || (block->slots & (block->slots - 1)) != 0 ||
             !slots_sound(slots_of(block, block->rows), block->slots, block->rows))
        words = "its content is damaged";
    if (words) {
        snprintf(reason, TABLE_REASON_SIZE, "%s", words);
        return false;
    }
    out->header = block;
    out->rows = row_at(block, 0);
    out->slots = slots_of(block, block->rows);
    return true;
}

const double *table_find(const struct table *table, uint64_t hash)
{
    const struct table_header *block = table->header;
    uint64_t size = row_size(block);
    uint64_t i = find_slot(table->slots, block->slots - 1, table->rows, size, hash);
    if (table->slots[i] == 0)
        return NULL;
    return (const double *)(const void *)(table->rows + (table->slots[i] - UINT64_C(1)) * size +
                                          sizeof hash);
}
