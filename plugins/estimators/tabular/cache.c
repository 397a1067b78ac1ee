// SPDX-License-Identifier: Apache-2.0
// The cache of a table: a file NAME.table in $ESPALIER_CACHE, $XDG_CACHE_HOME/espalier or
// ~/.cache/espalier, mapped as it is. NAME is a hash of the CSV file's path, the mapping and the space;
// the key within is one of them and of the CSV file's bytes. It is written as NAME.table.part, under a
// lock on that very file, and renamed when it is whole. Where there is no such folder, or another
// process is writing, the table stays in memory.
#include "load.h"
#include "table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

// ---- Name and key -------------------------------------------------------------------------------

// The own parameters that a pair may name.
static void print_own(FILE *out, esp_create *create)
{
    static const char *const reals[] = {"learning_rate", "weight_decay", "momentum",
                                        "data_fraction"};
    static const char *const integers[] = {"batch",      "optimizer", "epochs",
                                           "resolution", "width",     "depth"};
    for (size_t i = 0; i < ESP_COUNT(reals); i++)
        fprintf(out, "%a\n", esp_param_real(create, reals[i]));
    for (size_t i = 0; i < ESP_COUNT(integers); i++)
        fprintf(out, "%lld\n", (long long)esp_param_int(create, integers[i]));
}

static void print_mapping(FILE *out, const struct mapping *mapping)
{
    fprintf(out, "%u %s\n%d %u %d\n", TABLE_VERSION, mapping->key, mapping->key_is_hash,
            mapping->identity, mapping->leave_out);
    for (uint64_t i = 0; i < mapping->pair_count; i++)
        fprintf(out, "%s=%s\n", mapping->pairs[i].path, mapping->pairs[i].column);
    // The order of the columns is all that the block knows of metrics and levels.
    for (uint64_t i = 0; i < mapping->column_count; i++)
        fprintf(out, "%s %a %a\n", mapping->columns[i].name, mapping->columns[i].factor,
                mapping->columns[i].divisor);
}

static esp_status make_keys(uint64_t name[2], uint64_t key[2], esp_create *create,
                            const struct mapping *mapping, const struct csv *csv)
{
    const char *space = esp_create_space_identity(create);
    char *text = NULL;
    size_t size = 0;
    FILE *stream = space ? open_memstream(&text, &size) : NULL;
    bool written = stream;
    if (stream) {
        fprintf(stream, "%s\n%s\n", csv->path, space);
        print_mapping(stream, mapping);
        if (mapping->pair_count > 0)
            print_own(stream, create);
        written = !ferror(stream);
        written = fclose(stream) == 0 && written;
    }
    if (written) {
        XXH128_hash_t hash = XXH3_128bits(text, size);
        name[0] = hash.high64;
        name[1] = hash.low64;
        hash = XXH3_128bits_withSeed(csv->bytes, csv->size, name[0]);
        key[0] = name[1] ^ hash.high64;
        key[1] = hash.low64;
    }
    free(text);
    return written ? ESP_OK : esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
}

// ---- Where --------------------------------------------------------------------------------------

// Owner: the caller. NULL: there is no folder, or no memory: then nothing is kept.
static char *cache_path(const uint64_t name[2])
{
    const char *own = getenv("ESPALIER_CACHE"), *shared = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME"), *folder = NULL, *below = "";
    char *path = NULL;
    if (own && own[0]) {
        folder = own;
    } else if (shared && shared[0]) {
        folder = shared;
        below = "/espalier";
    } else if (home && home[0]) {
        folder = home;
        below = "/.cache/espalier";
    }
    if (!folder || asprintf(&path, "%s%s/%016llx%016llx.table", folder, below,
                            (unsigned long long)name[0], (unsigned long long)name[1]) < 0)
        return NULL;
    return path;
}

// The folders above the file.
static bool make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        bool made = mkdir(path, 0777) == 0 || errno == EEXIST;
        *slash = '/';
        if (!made)
            return false;
    }
    return true;
}

// ---- Opening what is there ----------------------------------------------------------------------

// `reason` is empty where there is no file.
static bool open_present(struct table *out, const char *path, const uint64_t key[2],
                         char reason[TABLE_REASON_SIZE])
{
    struct stat found;
    reason[0] = '\0';
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    void *map = MAP_FAILED;
    uint64_t size = 0;
    if (fstat(descriptor, &found) == 0 && found.st_size > 0) {
        size = (uint64_t)found.st_size;
        map = mmap(NULL, size, PROT_READ, MAP_SHARED, descriptor, 0);
    }
    close(descriptor);
    if (map == MAP_FAILED) {
        snprintf(reason, TABLE_REASON_SIZE, "%s", size ? strerror(errno) : "it is empty");
        return false;
    }
    out->mapped = table_point(out, map, size, key, reason);
    if (!out->mapped)
        munmap(map, size);
    return out->mapped;
}

// ---- Keeping it ---------------------------------------------------------------------------------

// A descriptor of the part's file with its lock; -1 with errno where it can't be had.
static int lock_part(const char *part)
{
    struct stat held, named;
    int descriptor = open(part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (descriptor < 0)
        return -1;
    // Whoever held the lock before may have renamed the file: then this one has no name any more.
    bool own = flock(descriptor, LOCK_EX | LOCK_NB) == 0 && fstat(descriptor, &held) == 0 &&
               stat(part, &named) == 0 && held.st_ino == named.st_ino &&
               held.st_dev == named.st_dev;
    if (own)
        return descriptor;
    int code = errno ? errno : EAGAIN;
    close(descriptor);
    errno = code;
    return -1;
}

static bool write_all(int descriptor, const void *bytes, uint64_t size)
{
    const unsigned char *at = bytes;
    while (size > 0) {
        ssize_t written = write(descriptor, at, size < (1u << 30) ? size : 1u << 30);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        at += written;
        size -= (uint64_t)written;
    }
    return true;
}

static bool keep_block(char *path, const struct table_header *block)
{
    char *part = NULL;
    if (!make_folders(path) || asprintf(&part, "%s.part", path) < 0)
        return false;
    int descriptor = lock_part(part);
    bool kept = false;
    if (descriptor >= 0) {
        kept = ftruncate(descriptor, 0) == 0 && write_all(descriptor, block, block->size) &&
               fsync(descriptor) == 0 && rename(part, path) == 0;
        int code = errno;
        if (!kept)
            unlink(part);
        close(descriptor);
        errno = code;
    }
    free(part);
    return kept;
}

// ---- The table ----------------------------------------------------------------------------------

static esp_status make(struct table *out, struct csv *csv, const struct mapping *mapping,
                       char *path, const uint64_t key[2])
{
    struct table_header *block = NULL;
    char reason[TABLE_REASON_SIZE];
    esp_status status = load_table(&block, csv, mapping);
    if (status != ESP_OK)
        return status;
    table_seal(block, key);
    if (!path || !keep_block(path, block))
        esp_log(csv->create, ESP_LOG_INFO, "%s: its cache is not kept (%s): %s", csv->path,
                path ? path : "none of ESPALIER_CACHE, XDG_CACHE_HOME and HOME is set",
                path ? strerror(errno) : "no folder");
    if (table_point(out, block, block->size, key, reason))
        return ESP_OK;
    free(block);
    return esp_fail(csv->create, ESP_ERROR, "%s: the table that was made of it: %s", csv->path,
                    reason);
}

esp_status table_open(struct table *out, esp_create *create, const struct mapping *mapping,
                      const char *path)
{
    struct csv csv;
    uint64_t name[2] = {0}, key[2] = {0};
    char reason[TABLE_REASON_SIZE];
    char *kept = NULL;
    memset(out, 0, sizeof *out);
    esp_status status = csv_open(&csv, create, path);
    if (status == ESP_OK)
        status = make_keys(name, key, create, mapping, &csv);
    if (status == ESP_OK) {
        kept = cache_path(name);
        if (!kept || !open_present(out, kept, key, reason)) {
            if (kept && reason[0])
                esp_log(create, ESP_LOG_INFO, "%s: the table is read again: %s", kept, reason);
            status = make(out, &csv, mapping, kept, key);
        }
    }
    free(kept);
    csv_close(&csv);
    return status;
}

void table_close(struct table *table)
{
    void *block = (void *)(uintptr_t)table->header;
    if (table->mapped)
        munmap(block, table->header->size);
    else
        free(block);
    memset(table, 0, sizeof *table);
}
