// SPDX-License-Identifier: Apache-2.0
// See surroundings.h.
#include "check/surroundings.h"

#include "text/printable.h"

#include <dirent.h>
#include <fenv.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

static uint64_t count_entries(const char *folder)
{
    uint64_t count = 0;
    DIR *directory = opendir(folder);
    if (!directory)
        return 0;
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static uint64_t hash_text(uint64_t seed, const char *text)
{
    return XXH3_64bits_withSeed(text, strlen(text), seed);
}

// Of the sum of the names' hashes: a folder has no order.
static uint64_t hash_folder(void)
{
    char name[4096];
    uint64_t hash = hash_text(0, getcwd(name, sizeof name) ? name : "");
    DIR *directory = opendir(".");
    if (!directory)
        return hash;
    for (struct dirent *entry; (entry = readdir(directory));)
        hash += hash_text(1, entry->d_name);
    closedir(directory);
    return hash;
}

static uint64_t resident_pages(void)
{
    unsigned long long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return 0;
    if (fscanf(file, "%llu %llu", &size, &resident) != 2)
        resident = 0;
    fclose(file);
    return resident;
}

void surroundings_look(struct surroundings *out)
{
    sigset_t blocked;
    memset(out, 0, sizeof *out);
    out->threads = count_entries("/proc/self/task");
    out->descriptors = count_entries("/proc/self/fd");
    out->pages = resident_pages();
    for (char **row = environ; row && *row; row++)
        out->environment = hash_text(out->environment, *row);
    out->folder = hash_folder();
    out->mask = umask(0);
    umask(out->mask);
    out->rounding = fegetround();
#if defined(__x86_64__)
    out->float_control = _mm_getcsr() & ~0x3fu; // without the flags that arithmetic raises
#endif
    sigemptyset(&blocked);
    sigprocmask(SIG_BLOCK, NULL, &blocked);
    for (int i = 1; i < SURROUNDINGS_SIGNALS; i++) {
        struct sigaction action;
        if (sigaction(i, NULL, &action) == 0)
            memcpy(&out->handlers[i], &action.sa_handler, sizeof out->handlers[i]);
        if (sigismember(&blocked, i) == 1)
            out->blocked |= UINT64_C(1) << (i - 1);
    }
}

bool surroundings_differ(const struct surroundings *before, const struct surroundings *after,
                         char *words, size_t size)
{
    const char *what =
        after->threads > before->threads            ? "started a thread"
        : after->descriptors > before->descriptors  ? "left a descriptor open"
        : after->descriptors < before->descriptors  ? "closed a descriptor"
        : after->environment != before->environment ? "changed the environment"
        : after->folder != before->folder           ? "changed the working folder, or wrote into it"
        : after->mask != before->mask               ? "changed the mask of new files"
        : after->rounding != before->rounding       ? "changed the rounding of numbers"
        : after->float_control != before->float_control ? "changed the floating-point mode"
        : after->blocked != before->blocked             ? "blocked or unblocked a signal"
                                                        : NULL;
    if (what) {
        snprintf(words, size, "%s", what);
        return true;
    }
    for (int i = 1; i < SURROUNDINGS_SIGNALS; i++)
        if (before->handlers[i] != after->handlers[i]) {
            snprintf(words, size, "changed the handler of signal %d (%s)", i, strsignal(i));
            return true;
        }
    return false;
}

int surroundings_catch_output(const struct check *check)
{
    int file = memfd_create("output", MFD_CLOEXEC);
    fflush(stdout);
    fflush(stderr);
    if (file < 0 || dup2(file, STDOUT_FILENO) < 0 || dup2(file, STDERR_FILENO) < 0)
        check_skip(check, "its output cannot be caught here");
    return file;
}

bool surroundings_was_output(int descriptor, char *words, size_t size)
{
    fflush(stdout);
    fflush(stderr);
    ssize_t count = pread(descriptor, words, size - 1, 0);
    words[count > 0 ? count : 0] = '\0';
    text_make_printable(words);
    return count > 0;
}
