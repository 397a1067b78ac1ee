// SPDX-License-Identifier: Apache-2.0
// The folders in which plugins are looked for, in their order, and the files in one.
#ifndef LOADER_FOLDERS_H
#define LOADER_FOLDERS_H

#include "error/error.h"

struct folder {
    char *path;    // absolute and without links, or as it was said where it cannot be
    char *refused; // why it cannot be looked into; else NULL
};

struct folders {
    struct folder *items;
    uint64_t count;
};

// `first` (--plugins; may be NULL), $ESPALIER_PLUGINS (colon-separated), the user's own
// (~/.local/lib/espalier/plugins), and lib/espalier/plugins beside the program's bin folder. One that
// stands twice counts once, at its first place; of the last two one that is not there does not
// count. `first` must be there, and be trusted (trust.h): else an error; others that are not are refused.
esp_status folders_find(struct folders *out, const char *first, struct error *error);
void folders_destroy(struct folders *folders);

// The paths of the files *.so and *.plugin.ini in the folder, by name, NULL-terminated. A folder that cannot be read
// gets its `refused`, and the list is empty. Owner: the caller (folder_files_destroy).
esp_status folder_files(char ***out, struct folder *folder, struct error *error);
void folder_files_destroy(char **files);

#endif
