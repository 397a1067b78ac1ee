// SPDX-License-Identifier: Apache-2.0
// What commands that read a configuration begin with: the registry of plugins, the INI with --set and
// other options over it, and the experiment.
#ifndef CLI_LOAD_H
#define CLI_LOAD_H

#include "cli/options.h"
#include "config/experiment.h"
#include "loader/registry.h"

struct loaded {
    struct registry *registry;
    struct experiment *experiment;
};

// A registry with the program's own executors. `folder`: --plugins, or NULL.
esp_status registry_open(struct registry **out, const char *folder, struct error *error);

// The first argument is the INI; heeds --plugins, --set, --workers and --out where they are given.
esp_status loaded_open(struct loaded *out, struct options *options, struct error *error);
// From the text of a resolved configuration (a store's), with --set over it.
esp_status loaded_open_text(struct loaded *out, const char *text, const char *name,
                            struct options *options, struct error *error);
void loaded_close(struct loaded *loaded);

#endif
