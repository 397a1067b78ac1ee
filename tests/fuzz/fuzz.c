// SPDX-License-Identifier: Apache-2.0
// The list of targets, and what they share; see fuzz.h.
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define TARGETS(X)                                                                                 \
    X(ini)                                                                                         \
    X(experiments)                                                                                 \
    X(sweep)                                                                                       \
    X(arch_json)                                                                                   \
    X(arch_packed)                                                                                 \
    X(domain)                                                                                      \
    X(arch_text)                                                                                   \
    X(manifest)                                                                                    \
    X(signature)                                                                                   \
    X(value)                                                                                       \
    X(elf)                                                                                         \
    X(safetensors)                                                                                 \
    X(idx)                                                                                         \
    X(cifar10)                                                                                     \
    X(csv)                                                                                         \
    X(picture)                                                                                     \
    X(records)                                                                                     \
    X(cache)                                                                                       \
    X(frames)                                                                                      \
    X(messages)                                                                                    \
    X(worker_file)                                                                                 \
    X(executor)                                                                                    \
    X(program_strategy)                                                                            \
    X(program_estimator)

#define DECLARE(name) extern const struct fuzz_target fuzz_##name;
TARGETS(DECLARE)
#define ADDRESS(name) &fuzz_##name,
static const struct fuzz_target *const targets[] = {TARGETS(ADDRESS)};

const struct fuzz_target *fuzz_at(size_t i)
{
    return i < sizeof targets / sizeof targets[0] ? targets[i] : NULL;
}

const struct fuzz_target *fuzz_find(const char *name)
{
    for (size_t i = 0; fuzz_at(i); i++)
        if (strcmp(fuzz_at(i)->name, name) == 0)
            return fuzz_at(i);
    return NULL;
}

// The lowest descriptor that is free: a higher one than before means that one was left open.
static int lowest_descriptor(void)
{
    int lowest = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    close(lowest);
    return lowest;
}

void fuzz_run(const struct fuzz_target *target, const uint8_t *bytes, size_t size)
{
    int before = lowest_descriptor();
    target->run(bytes, size);
    int after = lowest_descriptor();
    FUZZ_LAW(before == after, "descriptor %d was free before, and is %s", before,
             after > before ? "open" : "not the lowest");
}

void fuzz_refused(esp_status status, const struct error *error)
{
    if (status == ESP_OK)
        return;
    FUZZ_LAW(error->message[0] != '\0', "status %d", (int)status);
    FUZZ_LAW(strlen(error->message) < sizeof error->message, "status %d", (int)status);
}

char *fuzz_text(const uint8_t *bytes, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(bytes, 0, size) : NULL;
    size_t length = end ? (size_t)(end - bytes) : size;
    char *text = malloc(length + 1);
    if (!text)
        abort();
    if (length > 0)
        memcpy(text, bytes, length);
    text[length] = '\0';
    return text;
}

// ---- Files --------------------------------------------------------------------------------------

static char folder[PATH_MAX];

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    (void)status;
    (void)kind;
    (void)at;
    return remove(path);
}

static void remove_folder(void)
{
    nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

const char *fuzz_folder(void)
{
    const char *above = getenv("TMPDIR");
    if (folder[0])
        return folder;
    snprintf(folder, sizeof folder, "%s/espalier-fuzz-XXXXXX", above && above[0] ? above : "/tmp");
    if (!mkdtemp(folder)) {
        fprintf(stderr, "%s: %s\n", folder, strerror(errno));
        exit(2);
    }
    atexit(remove_folder);
    return folder;
}

const char *fuzz_file(const char *name, const uint8_t *bytes, size_t size)
{
    static char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
    int file = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    if (file < 0 || write(file, bytes, size) != (ssize_t)size) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(2);
    }
    close(file);
    return path;
}
