// SPDX-License-Identifier: Apache-2.0
// A file that is written whole or not at all: aside, then renamed.
#ifndef EXPORT_FILE_H
#define EXPORT_FILE_H

#include "error/error.h"

#include <stdio.h>

struct file_aside {
    FILE *stream;
    const char *path;
    char *aside;
};

// `path` lives until file_end.
esp_status file_begin(struct file_aside *out, const char *path, struct error *error);
// Closes it; a write that failed at any time is an error, and then nothing is left.
esp_status file_end(struct file_aside *file, struct error *error);

#endif
