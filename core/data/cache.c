// SPDX-License-Identifier: Apache-2.0
// The decoded cache; see cache.h. Layout: a header of fixed size, then for each split its samples
// and its labels, each at a multiple of 64 bytes. The file's name is a hash of all that the content
// depends on, so that a stale cache is never found; the header says so once more.
#include "data/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define CACHE_MAGIC "ESPDATA"
#define CACHE_VERSION 1u
#define ALIGNMENT 64u
// Samples decoded at a time.
#define CHUNK 1024u

struct header {
    char magic[8];
    uint32_t version, element;
    uint64_t key[2];
    uint64_t task[4]; // channels, height, width, classes
    uint64_t counts[ESP_SPLIT_COUNT];
    uint64_t sample_bytes;
    uint64_t size;    // of the file
    uint64_t content; // XXH3-64 of all behind the header
    char sha256[CACHE_HEX_SIZE];
    char padding[7];
};

struct layout {
    uint64_t samples[ESP_SPLIT_COUNT], labels[ESP_SPLIT_COUNT];
    uint64_t begin, size;
};

static uint64_t aligned(uint64_t offset)
{
    return (offset + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static struct layout make_layout(const esp_dataset_info *info, uint64_t sample_bytes)
{
    struct layout layout = {.begin = aligned(sizeof(struct header))};
    uint64_t offset = layout.begin;
    for (int s = 0; s < ESP_SPLIT_COUNT; s++) {
        layout.samples[s] = offset;
        offset = aligned(offset + info->split_sizes[s] * sample_bytes);
        layout.labels[s] = offset;
        offset = aligned(offset + info->split_sizes[s] * sizeof(uint32_t));
    }
    layout.size = offset;
    return layout;
}

static uint64_t bytes_of_sample(const esp_dataset_info *info)
{
    uint64_t elements = info->task.channels * info->task.height * info->task.width;
    return elements * (info->element == ESP_ELEMENT_U8 ? 1 : sizeof(float));
}

// All that the content depends on.
static esp_status make_key(uint64_t key[2], const struct instance *dataset,
                           const esp_dataset_info *info, struct error *error)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return error_memory(error);
    const struct component *component = dataset->component;
    fprintf(file, "%u\n%s\n%s\n%s\n", CACHE_VERSION, component->id,
            component->version ? component->version : "",
            component->sha256 ? component->sha256 : "");
    for (uint64_t i = 0; i < dataset->parameters.count; i++) {
        char *value = parameter_text(&dataset->parameters.items[i]);
        fprintf(file, "%s=%s\n", dataset->parameters.items[i].row->name, value ? value : "");
        free(value);
    }
    for (uint64_t i = 0; info->files && i < info->file_count; i++) {
        struct stat found;
        if (stat(info->files[i], &found) == 0)
            fprintf(file, "%s %lld %lld.%09ld\n", info->files[i], (long long)found.st_size,
                    (long long)found.st_mtim.tv_sec, found.st_mtim.tv_nsec);
    }
    if (fclose(file) != 0) {
        free(text);
        return error_memory(error);
    }
    XXH128_hash_t hash = XXH3_128bits(text, size);
    key[0] = hash.low64;
    key[1] = hash.high64;
    free(text);
    return ESP_OK;
}

// ---- Where ------------------------------------------------------------------------------------

static bool make_folder(char *path)
{
    for (char *slash = path + 1;; slash++) {
        if (*slash != '/' && *slash != '\0')
            continue;
        char kept = *slash;
        *slash = '\0';
        bool made = mkdir(path, 0777) == 0 || errno == EEXIST;
        *slash = kept;
        if (!made)
            return false;
        if (kept == '\0')
            return true;
    }
}

static esp_status cache_path(char **out, const uint64_t key[2], struct error *error)
{
    const char *own = getenv("ESPALIER_CACHE"), *shared = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    char *folder = NULL;
    int length;
    if (own && own[0])
        length = asprintf(&folder, "%s", own);
    else if (shared && shared[0])
        length = asprintf(&folder, "%s/espalier", shared);
    else
        length = asprintf(&folder, "%s/.cache/espalier", home && home[0] ? home : "/tmp");
    if (length < 0)
        return error_memory(error);
    esp_status status = ESP_OK;
    if (!make_folder(folder))
        status = error_set(error, ESP_ERROR_IO,
                           "%s: the data cache's folder cannot be made: %s (ESPALIER_CACHE names "
                           "another)",
                           folder, strerror(errno));
    else if (asprintf(out, "%s/%016llx%016llx.data", folder, (unsigned long long)key[1],
                      (unsigned long long)key[0]) < 0)
        status = error_memory(error);
    free(folder);
    return status;
}

// ---- Reading ----------------------------------------------------------------------------------

// Why a mapped file is no cache of this key, or NULL.
static const char *fault(const void *map, size_t size, const uint64_t key[2],
                         const esp_dataset_info *info, uint64_t sample_bytes, bool verify)
{
    struct header header;
    if (size < sizeof header)
        return "it is cut off";
    memcpy(&header, map, sizeof header);
    struct layout layout = make_layout(info, sample_bytes);
    if (memcmp(header.magic, CACHE_MAGIC, sizeof CACHE_MAGIC) != 0 ||
        header.version != CACHE_VERSION || memcmp(header.key, key, sizeof header.key) != 0 ||
        header.element != info->element || header.sample_bytes != sample_bytes ||
        memcmp(header.counts, info->split_sizes, sizeof header.counts) != 0)
        return "its header is not of this dataset";
    if (header.size != size || layout.size != size)
        return "it is cut off";
    if (verify &&
        XXH3_64bits((const char *)map + layout.begin, size - layout.begin) != header.content)
        return "its content is damaged";
    return NULL;
}

// Maps the file; `*reason` is set where there is one that will not do.
static bool try_map(struct cache *out, const char *path, const uint64_t key[2],
                    const esp_dataset_info *info, bool verify, const char **reason)
{
    struct stat found;
    uint64_t sample_bytes = bytes_of_sample(info);
    *reason = NULL;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    void *map = MAP_FAILED;
    if (fstat(descriptor, &found) == 0 && found.st_size > 0)
        map = mmap(NULL, (size_t)found.st_size, PROT_READ, MAP_SHARED, descriptor, 0);
    close(descriptor);
    if (map == MAP_FAILED) {
        *reason = "it is empty";
        return false;
    }
    size_t size = (size_t)found.st_size;
    *reason = fault(map, size, key, info, sample_bytes, verify);
    if (*reason) {
        munmap(map, size);
        return false;
    }
    struct layout layout = make_layout(info, sample_bytes);
    out->map = map;
    out->size = size;
    out->sample_bytes = sample_bytes;
    for (int s = 0; s < ESP_SPLIT_COUNT; s++)
        out->splits[s] = (struct cache_split){
            (const unsigned char *)map + layout.samples[s],
            (const uint32_t *)(const void *)((const char *)map + layout.labels[s]),
            info->split_sizes[s]};
    memcpy(out->sha256, ((const struct header *)map)->sha256, sizeof out->sha256);
    return true;
}

// ---- Making -----------------------------------------------------------------------------------

static esp_status check_labels(const uint32_t *labels, uint64_t first, uint64_t count,
                               const esp_dataset_info *info, struct error *error)
{
    for (uint64_t i = 0; i < count; i++)
        if (labels[i] >= info->task.classes)
            return error_set(error, ESP_ERROR_DATA, "sample %llu has the label %u of %llu classes",
                             (unsigned long long)(first + i), labels[i],
                             (unsigned long long)info->task.classes);
    return ESP_OK;
}

static esp_status decode_split(const struct instance *dataset, const esp_dataset_info *info,
                               uint32_t split, unsigned char *samples, uint32_t *labels,
                               struct error *error)
{
    const esp_dataset_type *type = dataset->component->type;
    uint64_t count = info->split_sizes[split], bytes = bytes_of_sample(info);
    struct error words;
    error_clear(&words);
    esp_read read;
    handle_init(&read.base, sizeof read, &words);
    esp_status status = ESP_OK;
    for (uint64_t first = 0; status == ESP_OK && first < count; first += CHUNK) {
        uint64_t now = count - first < CHUNK ? count - first : CHUNK;
        status = type->read(dataset->self, &read, split, first, now, samples + first * bytes,
                            labels + first);
        if (status == ESP_OK)
            status = words.status;
        if (status == ESP_OK)
            status = check_labels(labels + first, first, now, info, &words);
    }
    if (status != ESP_OK) {
        error_ensure(&words, status, "read");
        error_set(error, status, "dataset %s: %s", dataset->component->id, words.message);
    }
    return status;
}

static esp_status fill(void *map, const struct layout *layout, const struct instance *dataset,
                       const esp_dataset_info *info, const uint64_t key[2], struct error *error)
{
    struct header *header = map;
    unsigned char digest[crypto_hash_sha256_BYTES];
    esp_status status = ESP_OK;
    for (uint32_t s = 0; status == ESP_OK && s < ESP_SPLIT_COUNT; s++)
        status = decode_split(dataset, info, s, (unsigned char *)map + layout->samples[s],
                              (uint32_t *)(void *)((char *)map + layout->labels[s]), error);
    if (status != ESP_OK)
        return status;
    const unsigned char *content = (const unsigned char *)map + layout->begin;
    uint64_t size = layout->size - layout->begin;
    memcpy(header->magic, CACHE_MAGIC, sizeof CACHE_MAGIC);
    header->version = CACHE_VERSION;
    header->element = info->element;
    memcpy(header->key, key, sizeof header->key);
    header->task[0] = info->task.channels;
    header->task[1] = info->task.height;
    header->task[2] = info->task.width;
    header->task[3] = info->task.classes;
    memcpy(header->counts, info->split_sizes, sizeof header->counts);
    header->sample_bytes = bytes_of_sample(info);
    header->size = layout->size;
    header->content = XXH3_64bits(content, size);
    crypto_hash_sha256(digest, content, size);
    sodium_bin2hex(header->sha256, sizeof header->sha256, digest, sizeof digest);
    return ESP_OK;
}

static esp_status io_error(struct error *error, const char *path)
{
    return error_set(error, ESP_ERROR_IO, "%s: the data cache cannot be written: %s", path,
                     strerror(errno));
}

// Decodes into a file aside and renames it into place. The space is taken first, so that a full disk
// is an error here and not a signal at some page.
static esp_status make(const char *path, const struct instance *dataset,
                       const esp_dataset_info *info, const uint64_t key[2], struct error *error)
{
    struct layout layout = make_layout(info, bytes_of_sample(info));
    char *aside = NULL;
    if (asprintf(&aside, "%s.%ld", path, (long)getpid()) < 0)
        return error_memory(error);
    int descriptor = open(aside, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    void *map = MAP_FAILED;
    esp_status status = descriptor < 0 ? io_error(error, aside) : ESP_OK;
    if (status == ESP_OK && (errno = posix_fallocate(descriptor, 0, (off_t)layout.size)) != 0)
        status = io_error(error, aside);
    if (status == ESP_OK) {
        map = mmap(NULL, layout.size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
        status = map == MAP_FAILED ? io_error(error, aside)
                                   : fill(map, &layout, dataset, info, key, error);
    }
    if (map != MAP_FAILED)
        munmap(map, layout.size);
    if (status == ESP_OK && (fsync(descriptor) != 0 || rename(aside, path) != 0))
        status = io_error(error, path);
    if (descriptor >= 0)
        close(descriptor);
    if (status != ESP_OK)
        unlink(aside);
    free(aside);
    return status;
}

// One process makes it; others wait for the lock and then find it.
static esp_status make_locked(struct cache *out, const char *path, const struct instance *dataset,
                              const esp_dataset_info *info, const uint64_t key[2],
                              struct error *error)
{
    char *lock_path = NULL;
    const char *reason = NULL;
    if (asprintf(&lock_path, "%s.lock", path) < 0)
        return error_memory(error);
    int lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    free(lock_path);
    if (lock < 0)
        return io_error(error, path);
    esp_status status = ESP_OK;
    flock(lock, LOCK_EX);
    if (!try_map(out, path, key, info, true, &reason)) {
        if (reason)
            log_line(ESP_LOG_INFO, "the data cache %s is made again: %s", path, reason);
        status = make(path, dataset, info, key, error);
        out->decoded = status == ESP_OK;
        if (status == ESP_OK && !try_map(out, path, key, info, false, &reason))
            status = error_set(error, ESP_ERROR_IO, "%s: the data cache cannot be read: %s", path,
                               reason ? reason : strerror(errno));
    }
    close(lock);
    return status;
}

esp_status cache_open(struct cache *out, const struct instance *dataset,
                      const esp_dataset_info *info, bool verify, struct error *error)
{
    uint64_t key[2];
    char *path = NULL;
    const char *reason = NULL;
    memset(out, 0, sizeof *out);
    esp_status status = make_key(key, dataset, info, error);
    if (status == ESP_OK)
        status = cache_path(&path, key, error);
    if (status == ESP_OK && !try_map(out, path, key, info, verify, &reason))
        status = make_locked(out, path, dataset, info, key, error);
    free(path);
    return status;
}

void cache_close(struct cache *cache)
{
    if (cache->map)
        munmap(cache->map, cache->size);
    memset(cache, 0, sizeof *cache);
}
