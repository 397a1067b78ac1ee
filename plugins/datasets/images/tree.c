// SPDX-License-Identifier: Apache-2.0
// See tree.h.
#include "tree.h"

#include <espalier/support/nearest.h>

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static esp_status fail_memory(const esp_handle *handle)
{
    return esp_fail_handle(handle, ESP_ERROR_MEMORY, "out of memory");
}

static esp_status fail_open(const char *path, const esp_handle *handle)
{
    return esp_fail_handle(handle,
                           errno == ENOENT || errno == ENOTDIR ? ESP_ERROR_NOT_FOUND : ESP_ERROR_IO,
                           "%s: cannot be opened: %s", path, strerror(errno));
}

// ---- Lists --------------------------------------------------------------------------------------

static void names_free(char **names, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

void image_list_free(struct image_list *list)
{
    names_free(list->paths, list->count);
    free(list->labels);
    memset(list, 0, sizeof *list);
}

esp_status image_list_add(struct image_list *list, char *path, uint32_t label,
                          const esp_handle *handle)
{
    if (list->count == list->space) {
        uint64_t space = list->space ? 2 * list->space : 256;
        char **paths = realloc(list->paths, space * sizeof *paths);
        list->paths = paths ? paths : list->paths;
        uint32_t *labels = paths ? realloc(list->labels, space * sizeof *labels) : NULL;
        if (!labels) {
            free(path);
            return fail_memory(handle);
        }
        list->labels = labels;
        list->space = space;
    }
    list->paths[list->count] = path;
    list->labels[list->count++] = label;
    return ESP_OK;
}

void tree_free(struct tree *tree)
{
    names_free(tree->classes, tree->class_count);
    for (uint32_t i = 0; i < ESP_SPLIT_COUNT; i++)
        image_list_free(&tree->splits[i]);
    memset(tree, 0, sizeof *tree);
}

// ---- Folders ------------------------------------------------------------------------------------

static char *join(const char *folder, const char *name)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s/%s", folder, name);
    return path;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// The entries of a folder in the order of their bytes.
struct listing {
    char **names;
    uint64_t count;
};

static esp_status add_name(struct listing *listing, const char *name, const esp_handle *handle)
{
    // The room doubles with each power of two.
    if ((listing->count & (listing->count - 1)) == 0) {
        uint64_t space = listing->count ? 2 * listing->count : 1;
        char **names = realloc(listing->names, space * sizeof *names);
        if (!names)
            return fail_memory(handle);
        listing->names = names;
    }
    char *copy = strdup(name);
    if (!copy)
        return fail_memory(handle);
    listing->names[listing->count++] = copy;
    return ESP_OK;
}

static esp_status list_folder(struct listing *out, const char *folder, const esp_handle *handle)
{
    *out = (struct listing){NULL, 0};
    DIR *stream = opendir(folder);
    if (!stream)
        return fail_open(folder, handle);
    esp_status status = ESP_OK;
    struct dirent *entry;
    while (status == ESP_OK && (errno = 0, entry = readdir(stream)))
        if (entry->d_name[0] != '.')
            status = add_name(out, entry->d_name, handle);
    if (status == ESP_OK && errno != 0)
        status = esp_fail_handle(handle, ESP_ERROR_IO, "%s: cannot be read: %s", folder,
                                 strerror(errno));
    closedir(stream);
    if (status != ESP_OK) {
        names_free(out->names, out->count);
        *out = (struct listing){NULL, 0};
        return status;
    }
    if (out->count > 0)
        qsort(out->names, out->count, sizeof *out->names, compare_names);
    return ESP_OK;
}

static bool is_folder(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

static bool has_image_name(const char *name)
{
    static const char *const endings[] = {".png", ".jpg", ".jpeg"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < ESP_COUNT(endings); i++)
        if (strcasecmp(dot, endings[i]) == 0)
            return true;
    return false;
}

// ---- Classes ------------------------------------------------------------------------------------

// Takes over `path`.
static esp_status add_file(struct image_list *list, char *path, uint32_t label,
                           const esp_handle *handle)
{
    struct stat found;
    esp_status status = ESP_OK;
    if (stat(path, &found) != 0)
        status = fail_open(path, handle);
    else if (S_ISDIR(found.st_mode))
        status = esp_fail_handle(handle, ESP_ERROR_DATA,
                                 "%s: is a folder inside a class's; images were expected", path);
    else if (!S_ISREG(found.st_mode) || !has_image_name(path))
        status = esp_fail_handle(handle, ESP_ERROR_DATA,
                                 "%s: is no image; a file .png, .jpg or .jpeg was expected", path);
    if (status != ESP_OK) {
        free(path);
        return status;
    }
    return image_list_add(list, path, label, handle);
}

static esp_status scan_class(struct image_list *list, const char *folder, uint32_t label,
                             const esp_handle *handle)
{
    struct listing listing;
    esp_status status = list_folder(&listing, folder, handle);
    if (status == ESP_OK && listing.count == 0)
        status = esp_fail_handle(handle, ESP_ERROR_DATA,
                                 "%s: is empty; images of the class were expected", folder);
    for (uint64_t i = 0; i < listing.count && status == ESP_OK; i++) {
        char *path = join(folder, listing.names[i]);
        status = path ? add_file(list, path, label, handle) : fail_memory(handle);
    }
    names_free(listing.names, listing.count);
    return status;
}

static const char *class_name(const void *tree, uint64_t i)
{
    return ((const struct tree *)tree)->classes[i];
}

static esp_status find_class(const struct tree *tree, const char *name, const char *path,
                             uint32_t *label, const esp_handle *handle)
{
    char *const *found =
        bsearch(&name, tree->classes, tree->class_count, sizeof *tree->classes, compare_names);
    if (found) {
        *label = (uint32_t)(found - tree->classes);
        return ESP_OK;
    }
    const char *nearest = esp_nearest_name(name, tree->class_count, class_name, tree);
    return esp_fail_handle(handle, ESP_ERROR_DATA, "%s: train/ has no class '%s'; %s is '%s'", path,
                           name, nearest ? "the nearest" : "its last",
                           nearest ? nearest : tree->classes[tree->class_count - 1]);
}

// Takes over the names as the tree's classes.
static esp_status name_classes(struct tree *tree, struct listing *listing, const char *folder,
                               const esp_handle *handle)
{
    tree->classes = listing->names;
    tree->class_count = listing->count;
    *listing = (struct listing){NULL, 0};
    if (tree->class_count >= 2)
        return ESP_OK;
    return esp_fail_handle(handle, ESP_ERROR_DATA,
                           "%s: has %s; folders of at least 2 classes were expected", folder,
                           tree->class_count == 1 ? "one folder" : "no folder");
}

static esp_status check_folders(const struct listing *listing, const char *folder,
                                const esp_handle *handle)
{
    esp_status status = ESP_OK;
    for (uint64_t i = 0; i < listing->count && status == ESP_OK; i++) {
        char *path = join(folder, listing->names[i]);
        if (!path)
            status = fail_memory(handle);
        else if (!is_folder(path))
            status =
                esp_fail_handle(handle, ESP_ERROR_DATA,
                                "%s: is no folder; a folder for each class was expected", path);
        free(path);
    }
    return status;
}

// The class folders in `folder`; those of the training split name the classes.
static esp_status scan_split(struct tree *tree, uint32_t split, const char *folder,
                             const esp_handle *handle)
{
    struct listing listing;
    esp_status status = list_folder(&listing, folder, handle);
    if (status == ESP_OK)
        status = check_folders(&listing, folder, handle);
    if (status == ESP_OK && split != ESP_SPLIT_TRAIN && listing.count == 0)
        status = esp_fail_handle(handle, ESP_ERROR_DATA,
                                 "%s: is empty; folders of classes were expected", folder);
    if (status == ESP_OK && split == ESP_SPLIT_TRAIN)
        status = name_classes(tree, &listing, folder, handle);
    uint64_t count = split == ESP_SPLIT_TRAIN ? tree->class_count : listing.count;
    for (uint64_t i = 0; i < count && status == ESP_OK; i++) {
        const char *name = split == ESP_SPLIT_TRAIN ? tree->classes[i] : listing.names[i];
        uint32_t label = (uint32_t)i;
        char *path = join(folder, name);
        if (!path)
            status = fail_memory(handle);
        if (status == ESP_OK && split != ESP_SPLIT_TRAIN)
            status = find_class(tree, name, path, &label, handle);
        if (status == ESP_OK)
            status = scan_class(&tree->splits[split], path, label, handle);
        free(path);
    }
    names_free(listing.names, listing.count);
    return status;
}

// ---- Splits -------------------------------------------------------------------------------------

// Is there a train/ with folders in it? One that holds images is a class of that name.
static esp_status has_splits(bool *out, const char *folder, const esp_handle *handle)
{
    struct listing listing = {NULL, 0};
    esp_status status = ESP_OK;
    char *train = join(folder, "train");
    *out = false;
    if (!train)
        return fail_memory(handle);
    if (is_folder(train))
        status = list_folder(&listing, train, handle);
    for (uint64_t i = 0; i < listing.count && status == ESP_OK && !*out; i++) {
        char *path = join(train, listing.names[i]);
        if (!path)
            status = fail_memory(handle);
        else
            *out = is_folder(path);
        free(path);
    }
    names_free(listing.names, listing.count);
    free(train);
    return status;
}

// Which split a folder's name means, ESP_SPLIT_COUNT for none.
static uint32_t split_of(const char *name)
{
    static const struct {
        const char *name;
        uint32_t split;
    } names[] = {{"train", ESP_SPLIT_TRAIN},
                 {"valid", ESP_SPLIT_VALID},
                 {"val", ESP_SPLIT_VALID},
                 {"test", ESP_SPLIT_TEST}};
    for (size_t i = 0; i < ESP_COUNT(names); i++)
        if (strcmp(name, names[i].name) == 0)
            return names[i].split;
    return ESP_SPLIT_COUNT;
}

static esp_status scan_named(struct tree *tree, const char *folder, const char *name,
                             const esp_handle *handle)
{
    uint32_t split = split_of(name);
    char *path = join(folder, name);
    esp_status status;
    if (!path)
        return fail_memory(handle);
    if (split == ESP_SPLIT_COUNT)
        status =
            esp_fail_handle(handle, ESP_ERROR_DATA,
                            "%s: stands beside train/; valid/, val/ or test/ was expected", path);
    else if (tree->splits[split].count > 0)
        status = esp_fail_handle(handle, ESP_ERROR_DATA,
                                 "%s: there are val/ and valid/; one of them was expected", path);
    else
        status = scan_split(tree, split, path, handle);
    free(path);
    return status;
}

static esp_status scan_splits(struct tree *tree, const char *folder, const esp_handle *handle)
{
    struct listing listing;
    esp_status status = list_folder(&listing, folder, handle);
    // The classes are those of train/, whatever its place.
    if (status == ESP_OK)
        status = scan_named(tree, folder, "train", handle);
    for (uint64_t i = 0; i < listing.count && status == ESP_OK; i++)
        if (strcmp(listing.names[i], "train") != 0)
            status = scan_named(tree, folder, listing.names[i], handle);
    names_free(listing.names, listing.count);
    return status;
}

esp_status tree_find(struct tree *out, const char *folder, const esp_handle *handle)
{
    bool splits;
    memset(out, 0, sizeof *out);
    esp_status status = has_splits(&splits, folder, handle);
    if (status == ESP_OK)
        status = splits ? scan_splits(out, folder, handle)
                        : scan_split(out, ESP_SPLIT_TRAIN, folder, handle);
    if (status != ESP_OK)
        tree_free(out);
    return status;
}
