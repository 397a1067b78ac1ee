// SPDX-License-Identifier: Apache-2.0
// Components that are programs: a strategy lives in a process of its own beside the coordinator, an
// estimator in one below each worker. To the host they are descriptions like any other; the functions
// behind them speak to the program (program.h) that the component's manifest names.
#ifndef PROCESS_PLUGIN_PROCESS_PLUGIN_H
#define PROCESS_PLUGIN_PROCESS_PLUGIN_H

#include "manifest/manifest.h"
#include "process_plugin/program.h"

// Fill in the functions. The program is the manifest's `command`, whatever way has set it. `final`: it
// serves final trainings.
void process_strategy_set(esp_strategy_type *type);
void process_estimator_set(esp_estimator_type *type, bool final);

// Seconds of `time_limit` or `progress_limit`; the default where the manifest has no such key.
double process_plugin_limit(const struct manifest *manifest, const char *key);

// ---- What goes into messages ------------------------------------------------------------------------
// Each answers with a new reference, or NULL where memory ran out.

// {"name": value, ...}: numbers, true or false, texts, lists.
json_t *message_parameters(const struct parameters *parameters);
// [[path, value], ...]
json_t *message_decisions(const esp_arch *arch);
// {"kind": "images", "channels": 3, ...}
json_t *message_task(const esp_task *task);

// Is `answer` one of `kinds` (NULL-terminated)? A program may answer every call with "error" and a
// "message": then the words are its own.
esp_status answer_expect(const json_t *answer, const char *const *kinds, struct error *error);
// Reads the fields of `answer`, an object. Each of `names` (NULL-terminated) may be there, and
// "id" and "answer"; another one is an error with the nearest.
esp_status answer_check(const json_t *answer, const char *const *names, struct error *error);
// The number at `name`. ESP_ERROR where it is none that is finite.
esp_status answer_number(double *out, const json_t *answer, const char *name, struct error *error);

#endif
