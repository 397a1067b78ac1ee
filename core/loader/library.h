// SPDX-License-Identifier: Apache-2.0
// A plugin's file as a loaded library: dlopen and the entry. What the entry answers with is
// description.h's to test.
#ifndef LOADER_LIBRARY_H
#define LOADER_LIBRARY_H

#include "error/error.h"

// Threads of the libraries that plugins link to are set to one. The registry's creation does it: before
// anything is loaded, and before there are threads (setenv is not safe among them).
void library_prepare_environment(void);

// Loads the file (RTLD_NOW | RTLD_LOCAL; it stays loaded until the process ends) and answers with
// the tested description of a component. The message is the reason alone, without the path.
esp_status library_load(const void **type, const char *path, uint32_t kind, const char *id,
                        struct error *error);

#endif
