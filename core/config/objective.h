// SPDX-License-Identifier: Apache-2.0
// The section [objective] as text: metrics and constraints. Whether the metrics exist is known once
// the estimator has declared them (run/metrics.h).
#ifndef CONFIG_OBJECTIVE_H
#define CONFIG_OBJECTIVE_H

#include "config/experiment.h"

// Fills objectives and constraints of the experiment.
esp_status objective_read(struct experiment *experiment, const struct parameters *section,
                          struct error *error);

#endif
