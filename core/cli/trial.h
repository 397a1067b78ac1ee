// SPDX-License-Identifier: Apache-2.0
// What commands on one stored trial begin with: the trial by its number, and its network built again
// by the run's own configuration.
#ifndef CLI_TRIAL_H
#define CLI_TRIAL_H

#include "cli/arch.h"
#include "cli/load.h"
#include "evaluate/session.h"
#include "report/results.h"

// The trial that `text` names; "best" is the best one.
esp_status trial_find(const struct result_trial **out, const struct results *results,
                      const char *text, struct error *error);

// The architecture of a stored trial in the session's own dictionary. One reference, the caller's.
esp_status trial_arch(struct arch **out, struct session *session, const struct results *results,
                      const struct result_trial *trial, struct error *error);

// What the space says of a stored trial's architecture, by the run's own configuration: nothing where
// the space has no words, or a plugin or the data is not there, which showing a trial does not need.
void trial_words(struct arch_words *out, const struct results *results,
                 const struct result_trial *trial, struct options *options);

#endif
