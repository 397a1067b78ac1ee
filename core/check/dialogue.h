// SPDX-License-Identifier: Apache-2.0
// A strategy under test, asked and told by hand.
#ifndef CHECK_DIALOGUE_H
#define CHECK_DIALOGUE_H

#include "check/stage.h"

#define DIALOGUE_MOST 512 // trials

struct dialogue {
    struct stage stage;
    const struct check *check;
    const esp_strategy_type *type;
    struct instance *strategy;
    uint64_t objectives;
    struct arch *archs[DIALOGUE_MOST]; // of the trials; one reference each
    uint64_t count;
    char reason[128]; // of DONE
};

// `space`: lines of [space], "members = mixed\n" or "". Skips the case where the strategy does not take
// such decisions, or so many objectives, by what it declares.
void dialogue_open(struct dialogue *dialogue, const struct check *check, const char *space,
                   uint64_t objectives, uint64_t trial_budget);

// One ask. The case fails where it fails, or gives no answer or two.
enum answer dialogue_ask(struct dialogue *dialogue);

// One tell, of a status ESP_OUTCOME_*; `objectives` NULL where it carries none.
void dialogue_tell(struct dialogue *dialogue, uint64_t trial, uint32_t status,
                   const double *objectives);
// A trial that it did not ask for.
void dialogue_give(struct dialogue *dialogue, struct arch *arch, const double *objectives);
// Done, with objectives that are a formula of the architecture's hash.
void dialogue_tell_done(struct dialogue *dialogue, uint64_t trial);

// Asks and tells, one after the other, until `trials` trials are there, or DONE.
enum answer dialogue_run(struct dialogue *dialogue, uint64_t trials);

// Of the architectures asked for, in order.
uint64_t dialogue_digest(const struct dialogue *dialogue);

#endif
