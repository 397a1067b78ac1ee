// SPDX-License-Identifier: Apache-2.0
// See engine.h.
#include "support/engine.h"

#include <string.h>

struct settings {
    esp_create create; // first
    int64_t threads;
};

static int64_t param_int(esp_create *create, const char *name)
{
    return strcmp(name, "threads") == 0 ? ((struct settings *)(void *)create)->threads : 1;
}

static const esp_create_api api = {.param_int = param_int};

esp_status support_engine_open(const esp_engine_type *engine, int64_t threads, void **self,
                               struct error *error)
{
    struct settings settings = {.threads = threads};
    handle_init(&settings.create.base, sizeof settings.create, error);
    settings.create.api = &api;
    return engine->open(&settings.create, self);
}
