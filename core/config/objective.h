// SPDX-License-Identifier: Apache-2.0
// The section [objective] as text: metrics and constraints. Whether the metrics exist is known once
// the estimator has declared them (run/metrics.h).
#ifndef CONFIG_OBJECTIVE_H
#define CONFIG_OBJECTIVE_H

#include "config/experiment.h"

// Fills objectives and constraints of the experiment. Objectives stand in the order of the INI: the
// key that was written first comes first. Metrics named test_* are refused here, those that an
// estimator marks as reports by run/metrics.h.
esp_status objective_read(struct experiment *experiment, struct error *error);

#endif
