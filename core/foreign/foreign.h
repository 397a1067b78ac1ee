// SPDX-License-Identifier: Apache-2.0
// Components that are made of shared objects which know nothing of Espalier (plan.h). Foreign code
// cannot be trusted to keep a process alive, so none of it runs in the coordinator: an estimator's runs
// in the worker that evaluates, a strategy's in a process of its own beside the coordinator.
#ifndef FOREIGN_FOREIGN_H
#define FOREIGN_FOREIGN_H

#include "manifest/manifest.h"

// Fills in the functions of an estimator whose manifest has a plan.
void foreign_estimator_type(esp_estimator_type *type);

// The same of the role curve, which wraps another estimator (the experiment's `base`).
void foreign_curve_type(esp_estimator_type *type);

// Those of a strategy: a program (process_plugin/) which is this one, as `foreign-optimizer MANIFEST`.
esp_status foreign_strategy_type(struct manifest *manifest, struct error *error);

// That program: the strategy's side of docs/process-plugins.md on standard input and output. Answers
// the exit status.
int foreign_optimizer_main(const char *manifest_path);

#endif
