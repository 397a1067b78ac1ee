// SPDX-License-Identifier: Apache-2.0
// The file of the decoded cache; see cache_file.h.
#include "data/cache_file.h"

#include <errno.h>
#include <sodium.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <xxhash.h>

static const char magic[8] = "ESPDATA";

enum { FORMAT_VERSION = 2, ALIGNMENT = 64 };

const char *cache_split_name(uint32_t split)
{
    static const char *const names[ESP_SPLIT_COUNT] = {"training", "validation", "test"};
    return names[split];
}

uint64_t cache_header_hash(const struct cache_header *header)
{
    return XXH3_64bits(header, offsetof(struct cache_header, header_hash));
}

esp_status cache_header_plan(struct cache_header *out, const esp_dataset_info *info,
                             const uint64_t key[2], struct error *error)
{
    const esp_task *task = &info->task;
    uint64_t plane, sample, offset = sizeof *out;
    memset(out, 0, sizeof *out);
    memcpy(out->magic, magic, sizeof magic);
    out->version = FORMAT_VERSION;
    out->element = info->element;
    memcpy(out->key, key, sizeof out->key);
    out->kind = task->kind;
    out->channels = task->channels;
    out->height = task->height;
    out->width = task->width;
    out->classes = task->classes;
    memcpy(out->counts, info->split_sizes, sizeof out->counts);

    bool large = __builtin_mul_overflow(task->height, task->width, &plane) ||
                 __builtin_mul_overflow(plane, task->channels, &sample) ||
                 __builtin_mul_overflow(sample, info->element == ESP_ELEMENT_U8 ? 1 : sizeof(float),
                                        &sample);
    for (uint32_t split = 0; !large && split < ESP_SPLIT_COUNT; split++) {
        uint64_t count = out->counts[split];
        uint64_t bytes[CACHE_PART_COUNT] = {sample, sizeof(uint32_t), 0};
        // Moments are for training samples, and pay where they are smaller than the sample.
        if (split != ESP_SPLIT_TEST && plane > 1)
            bytes[CACHE_MOMENTS] = task->channels * 2 * sizeof(double);
        for (uint32_t part = 0; !large && part < CACHE_PART_COUNT; part++) {
            uint64_t *size = &out->sizes[split][part];
            offset = (offset + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
            out->offsets[split][part] = offset;
            large = __builtin_mul_overflow(bytes[part], count, size) ||
                    __builtin_add_overflow(offset, *size, &offset) || offset > INT64_MAX / 2;
        }
    }
    out->size = offset;
    if (large)
        return error_set(error, ESP_ERROR_DATA, "the samples are more bytes than any file holds");
    return ESP_OK;
}

static bool fail(char reason[CACHE_REASON_SIZE], const char *words)
{
    snprintf(reason, CACHE_REASON_SIZE, "%s", words);
    return false;
}

static bool check_header(const struct cache_header *found, uint64_t size,
                         const struct cache_header *plan, char reason[CACHE_REASON_SIZE])
{
    if (memcmp(found->magic, plan->magic, sizeof plan->magic) != 0)
        return fail(reason, "it is no cache");
    if (found->version != plan->version)
        return fail(reason, "another version of the program wrote it");
    if (found->header_hash != cache_header_hash(found))
        return fail(reason, "its header is damaged");
    if (memcmp(found, plan, offsetof(struct cache_header, hashes)) != 0)
        return fail(reason, "the dataset's files or its plugin changed since");
    if (found->size != size) {
        snprintf(reason, CACHE_REASON_SIZE, "it has %llu of %llu bytes", (unsigned long long)size,
                 (unsigned long long)found->size);
        return false;
    }
    return true;
}

static bool check_content(const unsigned char *map, const struct cache_header *header,
                          char reason[CACHE_REASON_SIZE])
{
    for (uint32_t split = 0; split < ESP_SPLIT_COUNT; split++)
        for (uint32_t part = 0; part < CACHE_PART_COUNT; part++)
            if (XXH3_64bits(map + header->offsets[split][part], header->sizes[split][part]) !=
                header->hashes[split][part]) {
                snprintf(reason, CACHE_REASON_SIZE, "its %s data is damaged",
                         cache_split_name(split));
                return false;
            }
    return true;
}

static void point(struct cache *out, void *map, const struct cache_header *header)
{
    unsigned char *bytes = map;
    out->map = map;
    out->size = header->size;
    out->sample_bytes = header->channels * header->height * header->width *
                        (header->element == ESP_ELEMENT_U8 ? 1 : sizeof(float));
    for (uint32_t i = 0; i < ESP_SPLIT_COUNT; i++) {
        const uint64_t *offsets = header->offsets[i];
        out->splits[i] = (struct cache_split){
            .samples = bytes + offsets[CACHE_SAMPLES],
            .labels = (const uint32_t *)(const void *)(bytes + offsets[CACHE_LABELS]),
            .count = header->counts[i],
        };
        if (header->sizes[i][CACHE_MOMENTS] > 0)
            out->splits[i].moments = (const double *)(const void *)(bytes + offsets[CACHE_MOMENTS]);
    }
    sodium_bin2hex(out->sha256, sizeof out->sha256, header->sha256, sizeof header->sha256);
}

bool cache_file_map(struct cache *out, int descriptor, const struct cache_header *plan, bool verify,
                    char reason[CACHE_REASON_SIZE])
{
    struct stat found;
    if (fstat(descriptor, &found) != 0)
        return fail(reason, strerror(errno));
    uint64_t size = (uint64_t)found.st_size;
    if (size < sizeof(struct cache_header))
        return fail(reason, "it ends within its header");
    void *map = mmap(NULL, size, PROT_READ, MAP_SHARED, descriptor, 0);
    if (map == MAP_FAILED)
        return fail(reason, strerror(errno));
    if (!check_header(map, size, plan, reason) || (verify && !check_content(map, map, reason))) {
        munmap(map, size);
        return false;
    }
    point(out, map, map);
    return true;
}
