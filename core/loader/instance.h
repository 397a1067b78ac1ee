// SPDX-License-Identifier: Apache-2.0
// An instance of a component: created with resolved parameters, destroyed once.
#ifndef LOADER_INSTANCE_H
#define LOADER_INSTANCE_H

#include "config/parameters.h"
#include "loader/registry.h"

#include <espalier/create.h>

struct instance {
    const struct component *component;
    void *self; // what create answered with
    // The rest is instance.c's.
    struct parameters parameters;
    struct esp_create_host *create_host;
};

// What an estimator's create may ask about the run's space; owner: the session, which outlives the
// instance. Each function as its namesake of espalier/create.h, with the words in `error`.
struct create_space {
    esp_status (*arch_hash)(void *self, const char *text, const esp_text_pair *pairs,
                            uint64_t count, uint64_t stride, uint32_t identity, uint64_t *hash,
                            struct error *error);
    // NULL: out of memory.
    const char *(*identity)(void *self);
    bool (*wants_metric)(void *self, const char *name);
    void *self;
};

// Copies `parameters`; a failing create is an error with the plugin's words and its id. `task`: NULL
// for datasets, engines and executors. `context`: the esp_search of a strategy, the esp_jobs of an
// executor, the struct create_space of an estimator (NULL: there is no space), else NULL; it outlives
// the instance.
esp_status instance_create(struct instance **out, const struct component *component,
                           const struct parameters *parameters, const esp_task *task, uint64_t seed,
                           void *context, struct error *error);
void instance_destroy(struct instance *instance);

// The component that is being created: for the functions that stand for manifests, which many
// components share. Lives as long as the instance.
const struct component *create_component(const esp_create *create);
// What an estimator's create was given as context; NULL of others, and where there is no space.
const struct create_space *create_space_of(const esp_create *create);
// Its parameters, resolved. They live as long as the instance.
const struct parameters *create_parameters(const esp_create *create);

#endif
