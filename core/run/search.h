// SPDX-License-Identifier: Apache-2.0
// The run as its strategy sees it (esp_search), and one ask (esp_ask). Architectures are made by the
// builder of the session; the set of architectures that were asked is kept here.
#ifndef RUN_SEARCH_H
#define RUN_SEARCH_H

#include "evaluate/session.h"

#include <espalier/strategy.h>

struct search;

// `session` outlives it.
esp_status search_create(struct search **out, struct session *session, uint64_t objective_count,
                         uint64_t trial_budget, bool may_have_parents, struct error *error);
void search_destroy(struct search *search);
esp_search *search_handle(struct search *search);

// The error of the call that runs, cleared at each begin.
struct error *search_error(struct search *search);
// Before each call of the strategy: its stream is ("ask" or "tell", lineage 0, epoch `trial`).
void search_begin(struct search *search, const char *call, uint64_t trial);

// Marks an architecture as asked, by the run's identity: its hash, or its canonical form.
esp_status search_mark_seen(struct search *search, const struct arch *arch, struct error *error);

// How often decisions stood outside the survey.
uint64_t search_outside_survey(const struct search *search);
// The survey, made at the first call.
esp_status search_survey(struct search *search, const esp_survey **out);

// What one ask answered.
enum answer { ANSWER_NONE, ANSWER_TRIAL, ANSWER_WAIT, ANSWER_DONE };

struct ask {
    esp_ask handle; // first: lent to the strategy
    struct search *search;
    enum answer answer;
    uint64_t number;
    struct arch *arch; // one reference
    int64_t parent;    // -1 = none
    uint32_t mode;
    struct fidelity *fidelity;
    uint64_t fidelity_count;
    char reason[128];
};

void ask_begin(struct ask *ask, struct search *search, uint64_t number);
void ask_end(struct ask *ask); // releases what was not taken

#endif
