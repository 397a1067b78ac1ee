// SPDX-License-Identifier: Apache-2.0
// The out folder; see out.h.
#include "run/out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// A coordinator that was killed while it started a worker leaves its lock to the child for as long
// as that takes to exec. So a lock is refused only after two seconds.
#define LOCK_LOOKS 200
#define LOCK_PAUSE 10000000 // nanoseconds

char *out_absolute(const char *path)
{
    char *absolute = NULL;
    if (path[0] == '/')
        return strdup(path);
    char *here = getcwd(NULL, 0);
    if (here && asprintf(&absolute, "%s/%s", here, path) < 0)
        absolute = NULL;
    free(here);
    return absolute;
}

bool out_holds_store(const char *out)
{
    char *path = NULL;
    bool holds = asprintf(&path, "%s/espalier.db", out) >= 0 && access(path, F_OK) == 0;
    free(path);
    return holds;
}

void out_clear(const char *out)
{
    static const char *const names[] = {"espalier.db", "espalier.db-wal", "espalier.db-shm",
                                        "log.txt",     "config.ini",      "worker.json",
                                        ".lock"};
    char *path = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (asprintf(&path, "%s/%s", out, names[i]) < 0)
            return;
        unlink(path);
        free(path);
    }
    rmdir(out); // where something else is in it, it stays
}

// Is the file that was locked still the one of that name? Who held it may have removed it.
static bool is_current(int lock, const char *path)
{
    struct stat held, named;
    return fstat(lock, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
           held.st_dev == named.st_dev;
}

static bool wait_for_lock(int lock)
{
    for (int look = 0; flock(lock, LOCK_EX | LOCK_NB) != 0; look++) {
        if (errno != EWOULDBLOCK || look == LOCK_LOOKS)
            return false;
        nanosleep(&(struct timespec){0, LOCK_PAUSE}, NULL);
    }
    return true;
}

esp_status out_lock(const char *out, int *lock, struct error *error)
{
    char *path = NULL;
    if (asprintf(&path, "%s/.lock", out) < 0)
        return error_memory(error);
    esp_status status = ESP_OK;
    bool locked = false;
    *lock = -1;
    do {
        if (*lock >= 0)
            close(*lock);
        *lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        locked = *lock >= 0 && wait_for_lock(*lock);
    } while (locked && !is_current(*lock, path));
    if (*lock < 0)
        status = error_system(error, path, "write", errno);
    else if (!locked)
        status = errno == EWOULDBLOCK
                     ? error_set(error, ESP_ERROR_INVALID,
                                 "%s: in use by another run that is still going", out)
                     : error_system(error, path, "lock", errno);
    free(path);
    return status;
}

esp_status out_write(const char *out, const char *name, const char *text, struct error *error)
{
    char *path = NULL, *aside = NULL;
    esp_status status = ESP_OK;
    if (asprintf(&path, "%s/%s", out, name) < 0 || asprintf(&aside, "%s/.%s.new", out, name) < 0) {
        status = error_memory(error);
        goto cleanup;
    }
    FILE *file = fopen(aside, "we");
    bool written = file && fputs(text, file) >= 0 && fflush(file) == 0 && fsync(fileno(file)) == 0;
    if (file && fclose(file) != 0)
        written = false;
    if (!written || rename(aside, path) != 0)
        status = error_system(error, path, "write", errno);
cleanup:
    free(path);
    free(aside);
    return status;
}
