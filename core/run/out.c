// SPDX-License-Identifier: Apache-2.0
// The out folder; see out.h.
#include "run/out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
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
    *lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (*lock < 0)
        status = error_system(error, path, "write", errno);
    else if (!wait_for_lock(*lock))
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
