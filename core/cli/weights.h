// SPDX-License-Identifier: Apache-2.0
// The network that a command on a run's folder was asked for, and the file of its weights.
#ifndef CLI_WEIGHTS_H
#define CLI_WEIGHTS_H

#include "cli/trial.h"

struct stored_network {
    const struct result_trial *trial;
    int64_t final;      // the final training that was named; -1: the trial itself
    const char *folder; // of that final training, below the run's; NULL where it left none
};

// `text`: the number of a trial, `best`, or `final-N`, a final training as the run's folder names it.
esp_status stored_network_find(struct stored_network *out, const struct results *results,
                               const char *text, struct error *error);

// Its best weights, else its last ones. Owner of `*path`: the caller (free). Where none were kept the
// error says what to do.
esp_status stored_network_weights(char **path, const struct results *results,
                                  const struct stored_network *network, struct error *error);

#endif
