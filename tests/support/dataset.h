// SPDX-License-Identifier: Apache-2.0
// Datasets opened as the program opens them, from the lines of an INI.
#ifndef SUPPORT_DATASET_H
#define SUPPORT_DATASET_H

#include "loader/instance.h"

// A component around a description that is linked into the test.
struct component dataset_component(const char *id, const void *type);

// Opens it with the parameters that `lines` ("key = value\n") give; NULL, with `error`, where it
// refuses. `component` outlives it. Owner: the caller (instance_destroy).
struct instance *dataset_open(const struct component *component, const char *lines,
                              struct error *error);
// The same, where it must succeed.
struct instance *dataset_expect(const struct component *component, const char *lines);

// Reads the samples of a split as the host does; the caller's memory.
esp_status dataset_read(const struct instance *dataset, uint32_t split, uint64_t first,
                        uint64_t count, void *samples, uint32_t *labels, struct error *error);

#endif
