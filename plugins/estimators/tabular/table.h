// SPDX-License-Identifier: Apache-2.0
// The table in memory: from the hash of an architecture to its row of numbers. One block of bytes, the
// same in memory and in the cache's file:
//
//   header    struct table_header
//   rows      `rows` times: the architecture's hash (u64), then `columns` binary64
//   slots     `slots` u32, a power of two at least twice the rows: open addressing by the hash's low
//             bits; 0 is an empty place, else the number of a row, from 1
#ifndef TABULAR_TABLE_H
#define TABULAR_TABLE_H

#include "mapping.h"

enum { TABLE_VERSION = 1, TABLE_REASON_SIZE = 128 };

struct table_header {
    char magic[8];
    uint32_t version;
    uint32_t columns;
    uint64_t key[2]; // all that the content depends on
    uint64_t rows, slots;
    uint64_t size;         // of the block
    uint64_t content_hash; // XXH3-64 of rows and slots
    uint64_t header_hash;  // XXH3-64 of the members above
};

struct table {
    const struct table_header *header; // the block
    const unsigned char *rows;
    const uint32_t *slots;
    bool mapped; // a file's; else the heap's
};

// A block without rows, with room for `rows`; NULL: out of memory. Owner: the caller (free).
struct table_header *table_block(uint64_t rows, uint32_t columns);
// Where the row of a hash is, or would be: 0 or its number, from 1. Places a new one where there is
// none: `*number` is then header->rows.
uint32_t table_place(struct table_header *block, uint64_t hash, double **values, bool *added);
// Takes the room that no row came to use, and sets the hashes.
void table_seal(struct table_header *block, const uint64_t key[2]);

// Points into a block. False with a reason: it is no whole table of this key.
bool table_point(struct table *out, const void *block, uint64_t size, const uint64_t key[2],
                 char reason[TABLE_REASON_SIZE]);

// The row's numbers, header->columns of them; NULL: the architecture is not in the table.
const double *table_find(const struct table *table, uint64_t hash);

// ---- cache.c ------------------------------------------------------------------------------------

// The table of a CSV file by a mapping, from its cache where that is whole, else read (load.c) and
// kept there.
esp_status table_open(struct table *out, esp_create *create, const struct mapping *mapping,
                      const char *path);
void table_close(struct table *table);

#endif
