// SPDX-License-Identifier: Apache-2.0
// An instance of a component: created with resolved parameters, destroyed once.
#ifndef LOADER_INSTANCE_H
#define LOADER_INSTANCE_H

#include "config/parameters.h"
#include "loader/registry.h"

struct instance {
    const struct component *component;
    void *self; // what create answered with
    // The rest is instance.c's.
    struct parameters parameters;
    struct esp_create_host *create_host;
};

// Copies `parameters`; a failing create is an error with the plugin's words and its id. `task`: NULL
// for datasets, engines and executors. `context`: the esp_search of a strategy, the esp_jobs of an
// executor, else NULL; it outlives the instance.
esp_status instance_create(struct instance **out, const struct component *component,
                           const struct parameters *parameters, const esp_task *task, uint64_t seed,
                           void *context, struct error *error);
void instance_destroy(struct instance *instance);

#endif
