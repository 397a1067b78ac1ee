// SPDX-License-Identifier: Apache-2.0
// `espalier results` over several runs: methods beside each other.
#ifndef CLI_COMPARE_H
#define CLI_COMPARE_H

#include "cli/options.h"
#include "error/error.h"
#include "report/comparison.h"

// Reads the paths that are the arguments, and labels their methods; heeds --objective.
esp_status compare_study(struct study *study, const struct options *options, struct error *error);

// Reads the paths that the options name and prints the comparison as they say.
esp_status compare_runs(struct options *options, struct error *error);

// The comparison for people, on standard output.
esp_status compare_print(const struct comparison *comparison, struct error *error);

// All trials of the study's runs as CSV, one a row, on standard output.
esp_status compare_csv(const struct study *study, struct error *error);

#endif
