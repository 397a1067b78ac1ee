// SPDX-License-Identifier: Apache-2.0
// Stored tables: the decoded cache of a dataset, and the cache of a benchmark table. Laws: where a file is
// taken, its parts lie in it, and every row is found under its hash. The first byte chooses which. The
// bytes lay over a whole file of either, whose hashes are then made anew, or left as they are.
#include "fuzz.h"

#include "data/cache_file.h"
#include "plugins/estimators/tabular/table.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

static const uint64_t key[2] = {0x1234, 0x5678};

// Parts of the file that begin at places named by the bytes: offset (2), count (1), bytes.
static void lay(unsigned char *block, size_t size, const uint8_t *bytes, size_t count)
{
    while (count > 3) {
        size_t at = (size_t)(bytes[0] | bytes[1] << 8), part = bytes[2] % 16 + 1u;
        bytes += 3;
        count -= 3;
        for (size_t i = 0; i < part && i < count; i++)
            if (at + i < size)
                block[at + i] = bytes[i];
        size_t used = part < count ? part : count;
        bytes += used;
        count -= used;
    }
}

static void read_table(const uint8_t *bytes, size_t size, bool seal)
{
    struct table table;
    char reason[TABLE_REASON_SIZE] = "";
    bool added;
    double *values;
    struct table_header *block = table_block(8, 2);
    for (uint64_t i = 0; block && i < 8; i++)
        if (table_place(block, (i + 1) * UINT64_C(0x9e3779b97f4a7c15), &values, &added))
            values[0] = values[1] = (double)i;
    if (!block)
        abort();
    table_seal(block, key);
    size_t whole = (size_t)block->size;
    lay((unsigned char *)block, whole, bytes, size);
    if (seal) {
        block->content_hash =
            XXH3_64bits((unsigned char *)block + sizeof *block, whole - sizeof *block);
        block->header_hash = XXH3_64bits(block, offsetof(struct table_header, header_hash));
    }
    if (table_point(&table, block, whole, key, reason)) {
        for (uint64_t i = 0; i < 16; i++) {
            const double *row = table_find(&table, i * UINT64_C(0x9e3779b97f4a7c15));
            FUZZ_LAW(!row || ((const unsigned char *)row >= (unsigned char *)block &&
                              (const unsigned char *)(row + table.header->columns) <=
                                  (unsigned char *)block + whole),
                     "row %d", (int)i);
        }
    } else {
        FUZZ_LAW(reason[0] != '\0', "no reason");
    }
    free(block);
}

static void read_cache(const uint8_t *bytes, size_t size, bool seal)
{
    static const esp_dataset_info info = {
        .struct_size = sizeof info,
        .task = {sizeof info.task, ESP_TASK_IMAGES, 0, 1, 4, 4, 3},
        .element = ESP_ELEMENT_U8,
        .split_sizes = {4, 2, 1},
    };
    struct error error;
    struct cache_header plan;
    struct cache cache = {0};
    char reason[CACHE_REASON_SIZE] = "";
    error_clear(&error);
    if (cache_header_plan(&plan, &info, key, &error) != ESP_OK)
        abort();
    unsigned char *block = calloc(1, (size_t)plan.size);
    struct cache_header *header = (struct cache_header *)(void *)block;
    *header = plan;
    for (uint32_t split = 0; split < ESP_SPLIT_COUNT; split++)
        for (uint32_t part = 0; part < CACHE_PART_COUNT; part++)
            header->hashes[split][part] =
                XXH3_64bits(block + plan.offsets[split][part], (size_t)plan.sizes[split][part]);
    header->header_hash = cache_header_hash(header);
    lay(block, (size_t)plan.size, bytes, size);
    if (seal)
        header->header_hash = cache_header_hash(header);
    const char *path = fuzz_file("fuzz.cache", block, (size_t)plan.size);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (cache_file_map(&cache, file, &plan, true, reason)) {
        for (uint32_t i = 0; i < ESP_SPLIT_COUNT; i++) {
            FUZZ_LAW(cache.splits[i].count == info.split_sizes[i], "split %u", i);
            FUZZ_LAW((const unsigned char *)(cache.splits[i].labels + cache.splits[i].count) <=
                         (const unsigned char *)cache.map + cache.size,
                     "split %u", i);
        }
        cache_close(&cache);
    } else {
        FUZZ_LAW(reason[0] != '\0', "no reason");
    }
    close(file);
    free(block);
}

static void run(const uint8_t *bytes, size_t size)
{
    if (size == 0)
        return;
    if (bytes[0] & 1)
        read_table(bytes + 1, size - 1, bytes[0] & 2);
    else
        read_cache(bytes + 1, size - 1, bytes[0] & 2);
}

const struct fuzz_target fuzz_cache = {"cache", NULL, run};
