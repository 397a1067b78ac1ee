// SPDX-License-Identifier: Apache-2.0
// A sweep read back from its folder, for the commands that show it: its runs, where they are, and what
// tells them from each other. Needs no plugin and no configuration.
#ifndef SWEEP_LIST_H
#define SWEEP_LIST_H

#include "error/error.h"

#include <jansson.h>

struct sweep_entry {
    const char *name;
    char *folder;      // of the run, as results_load takes it
    json_t *settings;  // {"section.key": "value"}, of the axes that the run has; borrowed
    const char *state; // as the sweep knew it last: waiting, running, done, interrupted, failed
    const char *error; // why it failed, or NULL
    bool has_store;    // results_load finds something
};

struct sweep_list {
    json_t *index; // sweep.json; owner of what is borrowed
    const char *name;
    struct sweep_entry *entries;
    uint64_t count;
};

// Is it the out folder of a sweep?
bool sweep_is_folder(const char *folder);
esp_status sweep_list_load(struct sweep_list *out, const char *folder, struct error *error);
void sweep_list_destroy(struct sweep_list *list);

#endif
