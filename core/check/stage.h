// SPDX-License-Identifier: Apache-2.0
// The component under test among others that are part of the program (stand_ins.h), as an INI puts them
// together: what a run has, without a run. It is never taken down: the process of a case ends.
#ifndef CHECK_STAGE_H
#define CHECK_STAGE_H

#include "check/case.h"
#include "evaluate/session.h"
#include "run/search.h"

struct stage {
    struct registry *registry;
    struct experiment *experiment;
    struct session *session;
    struct builder *builder; // the session's
    struct search *search;   // NULL before stage_search
    struct error error;
};

// Opens it. Where a space serves no images, or an estimator no space of the stand-in's, rows are tried;
// one that serves neither is skipped in its own words. `space`: lines of the stand-in's section [space],
// "members = mixed\n", or "".
void stage_open(struct stage *stage, const struct check *check);
void stage_open_with(struct stage *stage, const struct check *check, const char *space);
// The same, answering why it was refused instead of ending the case.
esp_status stage_try(struct stage *stage, const struct check *check, const char *rows,
                     const char *space);

// The search that a strategy is given; budget of trials, 0: none.
void stage_search(struct stage *stage, const struct check *check, uint64_t objectives,
                  uint64_t trials);

// The component under test with the parameters of the INI, or with others; and its part.
const struct part *stage_part(const struct stage *stage, const struct check *check);
esp_status stage_create(struct stage *stage, const struct check *check,
                        const struct parameters *parameters, struct instance **out,
                        struct error *error);

// A sample of the seed's own stream; the case fails where there is none.
struct arch *stage_sample(struct stage *stage, const struct check *check, uint64_t seed);

#endif
