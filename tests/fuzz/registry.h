// SPDX-License-Identifier: Apache-2.0
// The plugins that were built, for targets that need some.
#ifndef FUZZ_REGISTRY_H
#define FUZZ_REGISTRY_H

#include "config/experiment.h"

// One for the process, made at the first call; those of $ESPALIER_PLUGINS, and the program's executors.
struct registry *fuzz_registry(void);
// The experiment of an INI, which must be one.
struct experiment *fuzz_experiment(const char *ini, struct registry *registry);

#endif
