// SPDX-License-Identifier: Apache-2.0
// The decoded cache of a dataset: one file, memory-mapped, shared by all processes.
#ifndef DATA_CACHE_H
#define DATA_CACHE_H

#include "loader/instance.h"

#include <espalier/dataset.h>

#define CACHE_HEX_SIZE 65

struct cache_split {
    const unsigned char *samples; // [count, sample_bytes]
    const uint32_t *labels;       // [count]
    uint64_t count;
};

struct cache {
    void *map;
    size_t size;
    struct cache_split splits[ESP_SPLIT_COUNT];
    uint64_t sample_bytes;
    char sha256[CACHE_HEX_SIZE]; // of the decoded content
    bool decoded;                // this open made it
};

// Opens the cache of an opened dataset, making it where it is missing, stale or damaged. `verify`:
// the whole content is hashed and compared; else the header and the size alone are looked at.
esp_status cache_open(struct cache *out, const struct instance *dataset,
                      const esp_dataset_info *info, bool verify, struct error *error);
void cache_close(struct cache *cache);

#endif
