// SPDX-License-Identifier: Apache-2.0
// The file of the decoded cache: its header, where its parts lie, and whether a file that was found
// is whole. Where it lies and when it is made is cache.c's.
#ifndef DATA_CACHE_FILE_H
#define DATA_CACHE_FILE_H

#include "data/cache.h"

enum { CACHE_SAMPLES = 0, CACHE_LABELS = 1, CACHE_MOMENTS = 2, CACHE_PART_COUNT = 3 };

// At the beginning of the file. The numbers are those of this machine: a cache does not travel.
struct cache_header {
    char magic[8];
    uint32_t version;
    uint32_t element;
    uint64_t key[2]; // XXH3-128 of all that the content depends on (cache.c)
    uint64_t kind, channels, height, width, classes;
    uint64_t counts[ESP_SPLIT_COUNT];
    uint64_t offsets[ESP_SPLIT_COUNT][CACHE_PART_COUNT]; // multiples of 64 bytes
    uint64_t sizes[ESP_SPLIT_COUNT][CACHE_PART_COUNT];   // bytes
    uint64_t size;                                       // of the file
    // What follows is known when the content is.
    uint64_t hashes[ESP_SPLIT_COUNT][CACHE_PART_COUNT]; // XXH3-64 of the parts
    unsigned char sha256[32];
    uint64_t header_hash; // XXH3-64 of all above
};

// The header of a cache of `info`, but for what the content tells.
esp_status cache_header_plan(struct cache_header *out, const esp_dataset_info *info,
                             const uint64_t key[2], struct error *error);

uint64_t cache_header_hash(const struct cache_header *header);

// Maps the file at `descriptor` and looks at it. Answers false, with `reason` filled, where it is
// not a whole cache of `plan`.
enum { CACHE_REASON_SIZE = 128 };
bool cache_file_map(struct cache *out, int descriptor, const struct cache_header *plan, bool verify,
                    char reason[CACHE_REASON_SIZE]);

// "training", "validation", "test".
const char *cache_split_name(uint32_t split);

#endif
