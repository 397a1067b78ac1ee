// SPDX-License-Identifier: Apache-2.0
// What `espalier results` says of the folder of a sweep.
#ifndef CLI_RESULTS_SWEEP_H
#define CLI_RESULTS_SWEEP_H

#include "error/error.h"

// The runs with their states, trials and best; as a table or as JSON.
esp_status results_sweep_print(const char *folder, bool as_json, struct error *error);

#endif
