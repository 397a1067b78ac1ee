// SPDX-License-Identifier: Apache-2.0
// [plugins] pin = ID SHA256, ...: the one build of a plugin that a configuration is for.
#ifndef CONFIG_PINS_H
#define CONFIG_PINS_H

#include "config/experiment.h"

// Reads the section and tells the registry, before any plugin is found. An id that no plugin has is an
// error where the configuration says it.
esp_status pins_read(struct experiment *experiment, struct error *error);

// "space/chain 5f2c..., ...": of the plugins that the experiment uses all, or those that were pinned.
// Parts of the program have no file, and an executor is where trials run, no method. NULL: out of memory.
// Owner: the caller (free).
char *pins_text(const struct experiment *experiment, bool all);

#endif
