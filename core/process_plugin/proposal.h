// SPDX-License-Identifier: Apache-2.0
// The architecture of a trial that a program answered with: values by path, an earlier trial's, drawn
// or asked for one by one; or a mutation, or a cross, of earlier trials.
#ifndef PROCESS_PLUGIN_PROPOSAL_H
#define PROCESS_PLUGIN_PROPOSAL_H

#include "process_plugin/program.h"

#include <espalier/strategy.h>

// The architectures of a strategy's trials, by number.
struct trials {
    esp_arch **archs; // one reference each; NULL: not known yet
    uint64_t count;
    size_t capacity;
};

// NULL: there is none of that number.
esp_arch *trials_get(const struct trials *trials, int64_t number);
// Takes a reference of its own, where there is none yet.
esp_status trials_keep(struct trials *trials, uint64_t number, esp_arch *arch, struct error *error);
void trials_release(struct trials *trials);

// Of `answer`, whose fields have names that are known. `*out`: one reference, the caller's. What the
// host's own tables say to a failure is in their handle, and then `error` may be without words.
esp_status proposal_arch(esp_arch **out, struct program *program, const json_t *answer,
                         const struct trials *trials, uint64_t number, esp_search *search,
                         struct error *error);

#endif
