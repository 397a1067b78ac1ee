// SPDX-License-Identifier: Apache-2.0
// What a person is told when a run has ended: the best architecture in words, its metrics, the final
// test metric, where the files are, and the commands to look further.
#ifndef REPORT_SUMMARY_H
#define REPORT_SUMMARY_H

#include "error/error.h"

// Reads the store in `folder` and prints to standard output; `json`: the JSON of `results --json`.
// `text`: the best architecture in its space's notation, or NULL.
esp_status summary_print(const char *folder, const char *text, bool json, struct error *error);

#endif
