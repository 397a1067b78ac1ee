// SPDX-License-Identifier: Apache-2.0
// The host's own sections of the INI, as parameter tables: read by experiment.c, printed by
// document.c. Plugins' sections have their plugins' tables.
#ifndef CONFIG_SECTIONS_H
#define CONFIG_SECTIONS_H

#include <espalier/param.h>

#include <stdbool.h>

struct section {
    const char *name;
    const char *help;
    const esp_param *table;
    uint64_t count;
    bool takes_plugin; // `plugin = id` and the plugin's own keys besides
};

enum section_id {
    SECTION_EXPERIMENT,
    SECTION_SPACE,
    SECTION_STRATEGY,
    SECTION_ESTIMATOR,
    SECTION_DATASET,
    SECTION_OBJECTIVE,
    SECTION_BUDGET,
    SECTION_ENGINE,
    SECTION_EXECUTOR,
    SECTION_RUN,
    SECTION_START,
    SECTION_FINAL,
    SECTION_REPORT,
    SECTION_PLUGINS,
    SECTION_FIX,
    SECTION_COUNT
};

extern const struct section sections[SECTION_COUNT];

#endif
