// SPDX-License-Identifier: Apache-2.0
// The axes of a sweep: what [sweep] and the sections [sweep.NAME] say, and the runs that come of
// crossing them. docs/sweeps.md is their manual. Nothing here knows what keys there are: settings.c's.
#ifndef SWEEP_AXES_H
#define SWEEP_AXES_H

#include "config/config.h"

// More runs than this are a slip of the pen.
#define SWEEP_MOST_RUNS 100000

struct condition {
    char *section, *key;
    bool equal; // ==, else !=
    char *value;
};

// The axes of one section. The first group is [sweep]'s, and has no condition.
struct axis_group {
    const struct config_entry *when; // NULL: none
    struct condition *conditions;    // all must hold
    uint64_t condition_count;
};

struct axis {
    char *section, *key;
    char **values;
    uint64_t value_count;
    uint64_t group;
    const struct config_entry *entry; // where it stands; its key is "section.key"
};

struct axes {
    const struct config *config;
    struct axis_group *groups;
    uint64_t group_count;
    struct axis *axes;
    uint64_t count;
};

// `config` outlives the axes, unchanged.
esp_status axes_read(struct axes *out, const struct config *config, struct error *error);
void axes_destroy(struct axes *axes);

// No value: the run does not have this axis.
#define AXIS_ABSENT (-1)

// The runs, each as the index of its value for every axis: choices[run * axes->count + axis]. The last
// axis varies fastest. Owner: the caller (free).
esp_status axes_expand(int32_t **choices, uint64_t *run_count, const struct axes *axes,
                       struct error *error);

// The values that `text` lists: "a, b", "1..10", "0..100 step 20", "{x, y}, {z}". NULL with the reason
// in `error`. Owner: the caller (values_destroy).
char **values_read(const char *text, uint64_t *count, struct error *error);
void values_destroy(char **values, uint64_t count);

#endif
