// SPDX-License-Identifier: Apache-2.0
// The files of a tree of images: a folder a class, below train/, valid/ (or val/) and test/ or in
// one place. Names that begin with a dot do not count.
#ifndef TREE_H
#define TREE_H

#include <espalier/dataset.h>

struct image_list {
    char **paths;     // [count], class by class, each in the order of the names' bytes
    uint32_t *labels; // [count]
    uint64_t count, space;
};

// Begins as all zero.
struct tree {
    char **classes; // [class_count]: the names of the training folders, in the order of their bytes
    uint64_t class_count;
    struct image_list splits[ESP_SPLIT_COUNT];
};

// Finds the files. Every entry must be what belongs there, and every class folder hold an image;
// valid/ and test/ may lack classes, but have none that train/ has not.
esp_status tree_find(struct tree *out, const char *folder, const esp_handle *handle);
void tree_free(struct tree *tree);

// Takes over `path`, also where it fails.
esp_status image_list_add(struct image_list *list, char *path, uint32_t label,
                          const esp_handle *handle);
void image_list_free(struct image_list *list);

#endif
