// SPDX-License-Identifier: Apache-2.0
// The search path of plugins; see folders.h.
#include "loader/folders.h"

#include "loader/trust.h"
#include "manifest/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// asprintf leaves its result undefined where it fails.
ESP_PRINTF(1, 2)
static char *format_text(const char *format, ...)
{
    char *text = NULL;
    va_list list;
    va_start(list, format);
    int length = vasprintf(&text, format, list);
    va_end(list);
    return length < 0 ? NULL : text;
}

// ---- The folders ------------------------------------------------------------------------------

static bool stands(const struct folders *folders, const char *path)
{
    for (uint64_t i = 0; i < folders->count; i++)
        if (strcmp(folders->items[i].path, path) == 0)
            return true;
    return false;
}

// Takes `path`; `reason` (copied) where it cannot be looked into, else NULL.
static esp_status add(struct folders *out, char *path, const char *reason, struct error *error)
{
    char *refused = reason ? strdup(reason) : NULL;
    struct folder *grown = realloc(out->items, (out->count + 1) * sizeof *grown);
    if (grown)
        out->items = grown;
    if (!grown || (reason && !refused)) {
        free(path);
        free(refused);
        return error_memory(error);
    }
    out->items[out->count++] = (struct folder){path, refused};
    return ESP_OK;
}

// `needed`: one that is not there is refused, not left out.
static esp_status add_folder(struct folders *out, const char *folder, bool needed,
                             struct error *error)
{
    char *path = realpath(folder, NULL);
    struct error untrusted;
    error_clear(&untrusted);
    if (path && stands(out, path)) {
        free(path);
        return ESP_OK;
    }
    // As it was said: the links on the way count, too.
    if (path && trust_path(folder, &untrusted) != ESP_OK)
        return add(out, path, untrusted.message, error);
    if (path)
        return add(out, path, NULL, error);
    int reason = errno;
    if (reason == ENOENT && !needed)
        return ESP_OK;
    path = strdup(folder);
    if (!path)
        return error_memory(error);
    char words[256];
    snprintf(words, sizeof words, "it is no folder that can be read: %s", strerror(reason));
    return add(out, path, words, error);
}

static esp_status add_first(struct folders *out, const char *folder, struct error *error)
{
    char *path = realpath(folder, NULL);
    DIR *stream = path ? opendir(path) : NULL;
    if (!stream) {
        error_set(error, ESP_ERROR_INVALID, "--plugins: %s: it is no folder that can be read: %s",
                  folder, strerror(errno));
        free(path);
        return ESP_ERROR_INVALID;
    }
    closedir(stream);
    if (trust_path(folder, error) != ESP_OK) {
        error_prefix(error, "--plugins: ");
        free(path);
        return error->status;
    }
    return add(out, path, NULL, error);
}

static esp_status add_list(struct folders *out, const char *list, struct error *error)
{
    char *copy = strdup(list), *rest = copy, *folder;
    esp_status status = copy ? ESP_OK : error_memory(error);
    while (status == ESP_OK && (folder = strsep(&rest, ":")))
        if (*folder)
            status = add_folder(out, folder, true, error);
    free(copy);
    return status;
}

static esp_status add_users(struct folders *out, const char *home, struct error *error)
{
    char *folder = format_text("%s/.local/lib/espalier/plugins", home);
    esp_status status = folder ? add_folder(out, folder, false, error) : error_memory(error);
    free(folder);
    return status;
}

// Beside the program: bin/../lib/espalier/plugins, built and installed alike.
static esp_status add_own(struct folders *out, struct error *error)
{
    char program[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0)
        return ESP_OK;
    program[length] = '\0';
    char *slash = strrchr(program, '/');
    if (slash)
        *slash = '\0';
    char *folder = format_text("%s/../lib/espalier/plugins", program);
    esp_status status = folder ? add_folder(out, folder, false, error) : error_memory(error);
    free(folder);
    return status;
}

esp_status folders_find(struct folders *out, const char *first, struct error *error)
{
    const char *list = getenv("ESPALIER_PLUGINS"), *home = getenv("HOME");
    esp_status status = ESP_OK;
    memset(out, 0, sizeof *out);
    if (first)
        status = add_first(out, first, error);
    if (status == ESP_OK && list)
        status = add_list(out, list, error);
    if (status == ESP_OK && home && *home)
        status = add_users(out, home, error);
    if (status == ESP_OK)
        status = add_own(out, error);
    if (status != ESP_OK)
        folders_destroy(out);
    return status;
}

void folders_destroy(struct folders *folders)
{
    for (uint64_t i = 0; i < folders->count; i++) {
        free(folders->items[i].path);
        free(folders->items[i].refused);
    }
    free(folders->items);
    memset(folders, 0, sizeof *folders);
}

// ---- The files in one -------------------------------------------------------------------------

static int is_plugin(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return (length > 3 && strcmp(entry->d_name + length - 3, ".so") == 0) ||
           manifest_is(entry->d_name);
}

// In the order of the bytes, whatever the locale.
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static esp_status refuse(struct folder *folder, int reason, struct error *error)
{
    folder->refused = format_text("it is no folder that can be read: %s", strerror(reason));
    return folder->refused ? ESP_OK : error_memory(error);
}

esp_status folder_files(char ***out, struct folder *folder, struct error *error)
{
    struct dirent **entries = NULL;
    esp_status status = ESP_OK;
    int count = folder->refused ? 0 : scandir(folder->path, &entries, is_plugin, by_name);
    if (count < 0) {
        status = refuse(folder, errno, error);
        count = 0;
    }
    char **files = calloc((size_t)count + 1, sizeof *files);
    if (!files)
        status = error_memory(error);
    for (int i = 0; i < count; i++) {
        if (status == ESP_OK &&
            !(files[i] = format_text("%s/%s", folder->path, entries[i]->d_name)))
            status = error_memory(error);
        free(entries[i]);
    }
    free(entries);
    if (status != ESP_OK) {
        folder_files_destroy(files);
        files = NULL;
    }
    *out = files;
    return status;
}

void folder_files_destroy(char **files)
{
    for (char **file = files; file && *file; file++)
        free(*file);
    free(files);
}
