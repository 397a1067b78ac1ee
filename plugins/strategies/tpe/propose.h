// SPDX-License-Identifier: Apache-2.0
// Proposals: of a few draws from the good ones' mixture the one whose density there, over the bad ones'
// at the same place, is the largest.
#ifndef TPE_PROPOSE_H
#define TPE_PROPOSE_H

#include "history.h"

struct proposer {
    struct history *history;
    esp_search *search;
    esp_random *random;
    uint64_t candidates;
    int repeat; // an architecture that was tried may be proposed
};

// One decision after the other, each with `candidates` draws. `*out`: a reference, the caller's; NULL
// where, without `repeat`, all that was drawn was tried already.
esp_status propose_alone(const struct proposer *proposer, esp_arch **out);
// The best of `candidates` whole architectures; as above.
esp_status propose_joint(const struct proposer *proposer, esp_arch **out);

#endif
