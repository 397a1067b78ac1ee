// SPDX-License-Identifier: Apache-2.0
// The files of trials; see artifacts.h.
#include "run/artifacts.h"

#include "error/fault.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

esp_status folder_make(const char *path, struct error *error)
{
    char *copy = strdup(path);
    if (!copy)
        return error_memory(error);
    esp_status status = ESP_OK;
    for (char *slash = copy + 1; status == ESP_OK; slash++) {
        if (*slash != '/' && *slash != '\0')
            continue;
        char kept = *slash;
        *slash = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST)
            status = error_system(error, copy, "make this folder", errno);
        *slash = kept;
        if (kept == '\0')
            break;
    }
    free(copy);
    struct stat found;
    if (status == ESP_OK && (stat(path, &found) != 0 || !S_ISDIR(found.st_mode)))
        status = error_set(error, ESP_ERROR_IO, "%s: it is there, but it is no folder", path);
    return status;
}

static int remove_entry(const char *path, const struct stat *found, int kind, struct FTW *walk)
{
    (void)found;
    (void)kind;
    (void)walk;
    return remove(path);
}

esp_status folder_remove(const char *path, struct error *error)
{
    // A worker of a coordinator that was killed may write a last file while it dies itself.
    for (int i = 0; i < 50; i++) {
        if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT)
            return ESP_OK;
        if (errno != ENOTEMPTY && errno != EEXIST)
            break;
        nanosleep(&(struct timespec){0, 20000000}, NULL);
    }
    return error_system(error, path, "remove this folder", errno);
}

char *artifacts_folder(const char *out, const char *name)
{
    char *path = NULL;
    return asprintf(&path, "%s/artifacts/%s", out, name) < 0 ? NULL : path;
}

static char *attempts_folder(const char *out)
{
    return artifacts_folder(out, ".attempts");
}

esp_status artifacts_open(const char *out, struct error *error)
{
    char *path = attempts_folder(out);
    if (!path)
        return error_memory(error);
    esp_status status = folder_make(path, error);
    free(path);
    return status;
}

char *artifacts_attempt(const char *out, const char *name, uint64_t attempt)
{
    char *path = NULL;
    return asprintf(&path, "%s/artifacts/.attempts/%s.%llu", out, name,
                    (unsigned long long)attempt) < 0
               ? NULL
               : path;
}

esp_status artifacts_begin(const char *out, const char *name, uint64_t attempt, char **folder,
                           struct error *error)
{
    *folder = artifacts_attempt(out, name, attempt);
    if (!*folder)
        return error_memory(error);
    esp_status status = folder_remove(*folder, error);
    if (status != ESP_OK) {
        free(*folder);
        *folder = NULL;
    }
    return status;
}

esp_status artifacts_count_attempts(const char *out, const char *name, uint64_t *count,
                                    struct error *error)
{
    char *path = attempts_folder(out);
    if (!path)
        return error_memory(error);
    DIR *folder = opendir(path);
    size_t length = strlen(name);
    struct dirent *entry;
    *count = 0;
    while (folder && (entry = readdir(folder))) {
        char *end;
        if (strncmp(entry->d_name, name, length) != 0 || entry->d_name[length] != '.')
            continue;
        unsigned long long attempt = strtoull(entry->d_name + length + 1, &end, 10);
        if (*end == '\0' && attempt >= *count)
            *count = attempt + 1;
    }
    if (folder)
        closedir(folder);
    free(path);
    return ESP_OK;
}

esp_status artifacts_finish(const char *out, const char *name, const char *folder,
                            struct error *error)
{
    char *target = artifacts_folder(out, name);
    if (!target)
        return error_memory(error);
    esp_status status = folder_remove(target, error);
    fault_point("rename-before");
    // One that is not there was never written to.
    if (status == ESP_OK && rename(folder, target) != 0 && errno != ENOENT)
        status = error_system(error, folder, "rename this folder into place", errno);
    fault_point("rename-after");
    free(target);
    return status;
}

esp_status artifacts_sweep(const char *out, struct error *error)
{
    char *path = attempts_folder(out);
    if (!path)
        return error_memory(error);
    esp_status status = folder_remove(path, error);
    free(path);
    return status;
}

esp_status artifacts_remove(const char *out, const char *name, struct error *error)
{
    char *path = artifacts_folder(out, name);
    if (!path)
        return error_memory(error);
    esp_status status = folder_remove(path, error);
    free(path);
    return status;
}

esp_status artifacts_keep_curve(const char *out, const char *name, struct error *error)
{
    char *path = artifacts_folder(out, name);
    if (!path)
        return error_memory(error);
    DIR *folder = opendir(path);
    struct dirent *entry;
    esp_status status = ESP_OK;
    while (folder && status == ESP_OK && (entry = readdir(folder))) {
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, "curve.json") != 0 &&
            unlinkat(dirfd(folder), entry->d_name, 0) != 0 && errno != ENOENT)
            status = error_system(error, path, "remove a file of it", errno);
    }
    if (folder) {
        closedir(folder);
        rmdir(path); // succeeds where no curve is there
    }
    free(path);
    return status;
}
