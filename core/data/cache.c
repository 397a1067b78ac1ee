// SPDX-License-Identifier: Apache-2.0
// Where a cache lies, and when it is made; see cache.h.
//
// The file's name is a hash of the dataset's id, its parameters and the names of its files, so that
// what became stale is replaced, not left behind. It is made as NAME.part, under a lock on that very
// file, and renamed when it is whole: whoever waited for the lock finds the cache made. A process
// that dies leaves a NAME.part that the next one takes over.
#include "data/cache.h"

#include "data/cache_file.h"
#include "data/decode.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

// What one cache_open needs.
struct opening {
    struct cache *out;
    const struct instance *dataset;
    const esp_dataset_info *info;
    struct cache_header plan;
    char *folder, *path, *part; // `folder` NULL: there is no place for a cache
    bool verify;
    struct error *error;
};

// ---- What the content depends on ----------------------------------------------------------------

static void print_name(FILE *out, const struct opening *opening)
{
    const struct instance *dataset = opening->dataset;
    fprintf(out, "%s\n", dataset->component->id);
    for (uint64_t i = 0; i < dataset->parameters.count; i++) {
        const struct parameter *parameter = &dataset->parameters.items[i];
        char *value = parameter_text(parameter);
        fprintf(out, "%s=%s\n", parameter->row->name, value ? value : "");
        free(value);
    }
    for (uint64_t i = 0; opening->info->files && i < opening->info->file_count; i++)
        fprintf(out, "%s\n", opening->info->files[i]);
}

static void print_state(FILE *out, const struct opening *opening)
{
    const struct component *component = opening->dataset->component;
    fprintf(out, "%s\n%s\n", component->version ? component->version : "",
            component->sha256 ? component->sha256 : "");
    for (uint64_t i = 0; opening->info->files && i < opening->info->file_count; i++) {
        struct stat found;
        if (stat(opening->info->files[i], &found) == 0)
            fprintf(out, "%lld %lld.%09ld\n", (long long)found.st_size,
                    (long long)found.st_mtim.tv_sec, found.st_mtim.tv_nsec);
        else
            fprintf(out, "%s\n", strerror(errno));
    }
}

// `name` hashes what names the file, `key` all that the content depends on.
static esp_status make_keys(uint64_t name[2], uint64_t key[2], const struct opening *opening)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (!stream)
        return error_memory(opening->error);
    print_name(stream, opening);
    bool written = fflush(stream) == 0;
    size_t name_size = size;
    print_state(stream, opening);
    written = !ferror(stream) && written;
    written = fclose(stream) == 0 && written;
    if (written) {
        XXH128_hash_t hash = XXH3_128bits(text, name_size);
        name[0] = hash.high64;
        name[1] = hash.low64;
        hash = XXH3_128bits(text, size);
        key[0] = hash.high64;
        key[1] = hash.low64;
    }
    free(text);
    return written ? ESP_OK : error_memory(opening->error);
}

// ---- Where --------------------------------------------------------------------------------------

// $ESPALIER_CACHE, $XDG_CACHE_HOME/espalier, ~/.cache/espalier; `*out` NULL where none is set.
static esp_status find_folder(char **out, struct error *error)
{
    const char *own = getenv("ESPALIER_CACHE"), *shared = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    int length = 0;
    *out = NULL;
    if (own && own[0])
        length = asprintf(out, "%s", own);
    else if (shared && shared[0])
        length = asprintf(out, "%s/espalier", shared);
    else if (home && home[0])
        length = asprintf(out, "%s/.cache/espalier", home);
    if (length < 0) {
        *out = NULL;
        return error_memory(error);
    }
    return ESP_OK;
}

static esp_status find_paths(struct opening *opening, const uint64_t name[2])
{
    esp_status status = find_folder(&opening->folder, opening->error);
    if (status != ESP_OK || !opening->folder)
        return status;
    if (asprintf(&opening->path, "%s/%016llx%016llx.data", opening->folder,
                 (unsigned long long)name[0], (unsigned long long)name[1]) < 0) {
        opening->path = NULL;
        return error_memory(opening->error);
    }
    if (asprintf(&opening->part, "%s.part", opening->path) < 0) {
        opening->part = NULL;
        return error_memory(opening->error);
    }
    return ESP_OK;
}

static bool make_folder(char *path)
{
    for (char *slash = path + 1;; slash++) {
        if (*slash != '/' && *slash != '\0')
            continue;
        char kept = *slash;
        *slash = '\0';
        bool made = mkdir(path, 0777) == 0 || errno == EEXIST;
        *slash = kept;
        if (!made || kept == '\0')
            return made;
    }
}

// ---- Opening what is there ----------------------------------------------------------------------

// `reason` is left empty where there is no file.
static bool open_present(struct opening *opening, char reason[CACHE_REASON_SIZE])
{
    reason[0] = '\0';
    int descriptor = open(opening->path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    bool whole = cache_file_map(opening->out, descriptor, &opening->plan, opening->verify, reason);
    close(descriptor);
    return whole;
}

// ---- Making it ----------------------------------------------------------------------------------

static esp_status map_made(struct opening *opening, int descriptor, const char *path)
{
    char reason[CACHE_REASON_SIZE];
    if (!cache_file_map(opening->out, descriptor, &opening->plan, false, reason))
        return error_set(opening->error, ESP_ERROR_IO, "%s: was written, but %s", path, reason);
    opening->out->decoded = true;
    return ESP_OK;
}

static esp_status make_part(struct opening *opening, int part)
{
    esp_status status =
        decode(part, opening->part, &opening->plan, opening->dataset, opening->error);
    if (status == ESP_OK && fsync(part) != 0)
        status = error_set(opening->error, ESP_ERROR_IO, "%s: cannot be written: %s", opening->part,
                           strerror(errno));
    if (status == ESP_OK)
        status = map_made(opening, part, opening->part);
    if (status == ESP_OK && rename(opening->part, opening->path) != 0) {
        status = error_set(opening->error, ESP_ERROR_IO, "%s: cannot be renamed to %s: %s",
                           opening->part, opening->path, strerror(errno));
        cache_close(opening->out);
    }
    if (status != ESP_OK)
        unlink(opening->part);
    return status;
}

// A descriptor of NAME.part with its lock; -1 with errno where it can't be had. `*moved`: whoever
// held the lock before has renamed the file or given up, and this one has no name any more.
static int lock_part(const struct opening *opening, bool *moved)
{
    struct stat held, named;
    int part = open(opening->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (part < 0)
        return -1;
    int locked = flock(part, LOCK_EX | LOCK_NB);
    if (locked != 0 && errno == EWOULDBLOCK)
        log_line(ESP_LOG_INFO, "%s: another process decodes this dataset; waiting for it",
                 opening->path);
    while (locked != 0 && (errno == EWOULDBLOCK || errno == EINTR))
        locked = flock(part, LOCK_EX);
    if (locked != 0) {
        int code = errno;
        close(part);
        errno = code;
        return -1;
    }
    *moved = fstat(part, &held) != 0 || stat(opening->part, &named) != 0 ||
             held.st_ino != named.st_ino || held.st_dev != named.st_dev;
    return part;
}

// `*usable` is false, with errno, where the folder can't be written to; then nothing was done.
static esp_status make_in_folder(struct opening *opening, bool *usable)
{
    char reason[CACHE_REASON_SIZE];
    bool present, moved;
    *usable = false;
    if (!make_folder(opening->folder))
        return ESP_OK;
    for (;;) {
        int part = lock_part(opening, &moved);
        if (part < 0)
            return ESP_OK;
        present = open_present(opening, reason);
        esp_status status = ESP_OK;
        if (!moved && present) {
            unlink(opening->part); // the cache was made just before the lock was taken
        } else if (!moved) {
            if (reason[0] != '\0')
                log_line(ESP_LOG_INFO, "%s: the decoded data is made again: %s", opening->path,
                         reason);
            status = make_part(opening, part);
        }
        close(part);
        *usable = true;
        if (present || !moved)
            return status;
    }
}

// An own file without a name, for this process alone.
static esp_status make_unnamed(struct opening *opening, const char *why)
{
    const char *temporary = getenv("TMPDIR");
    char *path = NULL;
    if (!temporary || temporary[0] == '\0')
        temporary = "/tmp";
    if (asprintf(&path, "%s/espalier-data-XXXXXX", temporary) < 0)
        return error_memory(opening->error);
    esp_status status;
    int descriptor = mkostemp(path, O_CLOEXEC);
    const char *folder = opening->folder ? opening->folder : "no cache folder";
    if (descriptor < 0) {
        status = error_set(opening->error, ESP_ERROR_IO,
                           "%s: the decoded data cannot be kept there (%s), nor in %s (%s); let "
                           "ESPALIER_CACHE name a folder that can be written to",
                           folder, why, temporary, strerror(errno));
    } else {
        unlink(path);
        log_line(opening->verify ? ESP_LOG_WARNING : ESP_LOG_INFO,
                 "%s: the decoded data cannot be kept there (%s): every process decodes it into a "
                 "file of its own in %s",
                 folder, why, temporary);
        status = decode(descriptor, path, &opening->plan, opening->dataset, opening->error);
        if (status == ESP_OK)
            status = map_made(opening, descriptor, path);
        close(descriptor);
    }
    free(path);
    return status;
}

static esp_status make(struct opening *opening)
{
    bool usable = false;
    const char *why = "none of ESPALIER_CACHE, XDG_CACHE_HOME and HOME is set";
    if (opening->folder) {
        esp_status status = make_in_folder(opening, &usable);
        why = strerror(errno);
        if (usable)
            return status;
    }
    return make_unnamed(opening, why);
}

esp_status cache_open(struct cache *out, const struct instance *dataset,
                      const esp_dataset_info *info, bool verify, struct error *error)
{
    struct opening opening = {
        .out = out, .dataset = dataset, .info = info, .verify = verify, .error = error};
    uint64_t name[2] = {0}, key[2] = {0};
    char reason[CACHE_REASON_SIZE];
    memset(out, 0, sizeof *out);
    esp_status status = make_keys(name, key, &opening);
    if (status == ESP_OK)
        status = cache_header_plan(&opening.plan, info, key, error);
    if (status == ESP_OK)
        status = find_paths(&opening, name);
    if (status == ESP_OK && !(opening.path && open_present(&opening, reason)))
        status = make(&opening);
    free(opening.folder);
    free(opening.path);
    free(opening.part);
    return status;
}

void cache_close(struct cache *cache)
{
    if (cache->map)
        munmap(cache->map, cache->size);
    memset(cache, 0, sizeof *cache);
}
