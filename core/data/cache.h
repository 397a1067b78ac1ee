// SPDX-License-Identifier: Apache-2.0
// The decoded cache of a dataset: one file, memory-mapped, shared by all processes. It is named by
// the dataset, its parameters and its files, and says in its header what exactly it was made from.
#ifndef DATA_CACHE_H
#define DATA_CACHE_H

#include "loader/instance.h"

#include <espalier/dataset.h>

#define CACHE_HEX_SIZE 65

struct cache_split {
    const unsigned char *samples; // [count, sample_bytes]
    const uint32_t *labels;       // [count]
    const double *moments;        // [count, channels, 2] (moments.h), or NULL
    uint64_t count;
};

struct cache {
    void *map;
    uint64_t size;
    struct cache_split splits[ESP_SPLIT_COUNT];
    uint64_t sample_bytes;
    char sha256[CACHE_HEX_SIZE]; // of what was decoded: task, samples and labels of all splits
    bool decoded;                // this open made it
};

// Opens the cache of an opened dataset, making it where it is missing, stale or damaged; a line of
// the log says so. `verify`: the whole content is hashed and compared, else the header and the size
// alone. Where the folder can't be written to, a file without a name in $TMPDIR stands in, with a
// warning; then every process decodes for itself.
esp_status cache_open(struct cache *out, const struct instance *dataset,
                      const esp_dataset_info *info, bool verify, struct error *error);
void cache_close(struct cache *cache);

#endif
