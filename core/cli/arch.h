// SPDX-License-Identifier: Apache-2.0
// The architecture that a command was asked for: --json-arch, else a random member.
#ifndef CLI_ARCH_H
#define CLI_ARCH_H

#include "cli/options.h"
#include "evaluate/session.h"

// One reference, the caller's.
esp_status arch_option(struct arch **out, struct session *session, const struct options *options,
                       struct error *error);

#endif
