// SPDX-License-Identifier: Apache-2.0
// The host's own sections of the INI, read into the experiment: [experiment], [budget], [run],
// [final], [report]. Sections of plugins are experiment.c's, [objective] is objective.c's.
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include "config/experiment.h"

// Each resolves experiment->own of its section, and what it computes of it stands there too.
esp_status settings_read_experiment(struct experiment *experiment, struct error *error);
esp_status settings_read_budget(struct experiment *experiment, struct error *error);
esp_status settings_read_run(struct experiment *experiment, struct error *error);
esp_status settings_read_start(struct experiment *experiment, struct error *error);
// Needs the estimator.
esp_status settings_read_final(struct experiment *experiment, struct error *error);
// Needs the objectives.
esp_status settings_read_report(struct experiment *experiment, struct error *error);

// Whether strategy and estimator serve the space's genome, or its having none (needs.c).
esp_status settings_check_genome(struct experiment *experiment, struct error *error);

// A NULL-terminated list of keys: "plugin" where `plugin`, the host's of `section` (SECTION_COUNT:
// none), those of `parameters` (may be NULL). Owner: the caller (free). NULL: out of memory.
const char **settings_keys(bool plugin, enum section_id section,
                           const struct parameters *parameters);

#endif
