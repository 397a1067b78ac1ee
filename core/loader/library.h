// SPDX-License-Identifier: Apache-2.0
// A plugin's file as a loaded library: dlopen, the entry, and the tests of what it answers with.
#ifndef LOADER_LIBRARY_H
#define LOADER_LIBRARY_H

#include "error/error.h"

// Threads of the libraries that plugins link to are set to one, before anything is loaded.
void library_prepare_environment(void);

// Loads the file (RTLD_NOW | RTLD_LOCAL; it stays loaded) and answers the description of a component,
// tested: present, large enough, required functions there, parameter rows valid.
esp_status library_load(const void **type, const char *path, uint32_t kind, const char *id,
                        struct error *error);

// The same tests for a description that is part of the program.
esp_status library_check(const void *type, uint32_t kind, const char *id, struct error *error);

// SHA-256 of a file as 64 hex digits and a zero, in `hex` (65 bytes).
esp_status file_sha256(char *hex, const char *path, struct error *error);

#endif
