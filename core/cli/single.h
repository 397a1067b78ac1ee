// SPDX-License-Identifier: Apache-2.0
// One evaluation outside a run: what `eval` and `train` do.
#ifndef CLI_SINGLE_H
#define CLI_SINGLE_H

#include "evaluate/session.h"

struct single {
    struct session *session;
    const struct experiment *experiment;
    struct arch *arch;
    bool in_process;
    bool json;
    // A training in full (`train`) rather than a trial.
    bool final;
    bool test;
    uint64_t seed;
    const char *weights;   // a safetensors file to start from; NULL: as weights begin
    const char *keep;      // folder that the files are moved to; NULL: they are thrown away
    struct result *result; // NULL, or where the result goes too (the caller destroys it)
};

// Evaluates and prints; progress goes to standard error. A failed evaluation is a failing status
// with its words.
esp_status single_evaluate(struct single *single, struct error *error);

#endif
