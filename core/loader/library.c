// SPDX-License-Identifier: Apache-2.0
// Loading a plugin's file; see library.h.
#include "loader/library.h"

#include "loader/description.h"
#include "loader/trust.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

void library_prepare_environment(void)
{
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    setenv("OMP_NUM_THREADS", "1", 1);
}

// What dlopen says begins with the path where the file itself is meant.
static const char *reason_of(const char *message, const char *path)
{
    size_t length = strlen(path);
    if (!message)
        return "for no reason that it says";
    bool own = strncmp(message, path, length) == 0 && strncmp(message + length, ": ", 2) == 0;
    return own ? message + length + 2 : message;
}

esp_status library_load(const void **type, const char *path, uint32_t kind, const char *id,
                        struct error *error)
{
    // Again, since discovery: a worker is told its files.
    esp_status trusted = trust_path(path, error);
    void *library = trusted == ESP_OK ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (trusted != ESP_OK)
        return trusted;
    if (!library)
        return error_set(error, ESP_ERROR_DATA, "it cannot be loaded: %s",
                         reason_of(dlerror(), path));
    esp_plugin_entry_function entry;
    void *symbol = dlsym(library, "esp_plugin_entry");
    if (!symbol)
        return error_set(error, ESP_ERROR_DATA, "it does not export esp_plugin_entry");
    memcpy(&entry, &symbol, sizeof entry);
    *type = entry(kind, id);
    return description_check(*type, kind, id, error);
}
