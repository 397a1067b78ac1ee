// SPDX-License-Identifier: Apache-2.0
// What the acquisition is evaluated at: random members, and changes of the best ones.
#ifndef GP_CANDIDATES_H
#define GP_CANDIDATES_H

#include "observations.h"

struct candidates {
    esp_arch **archs; // one reference each, none of them tried before unless that is allowed
    double *points;   // [count, width]
    uint64_t count, capacity;
};

// `most`: room.
int candidates_create(struct candidates *candidates, uint64_t most, uint64_t width);
void candidates_free(struct candidates *candidates);

// `count` random members.
esp_status candidates_random(struct candidates *candidates, const struct observations *observations,
                             esp_search *search, esp_random *random, uint64_t count, int repeat);
// `count` changes of `arch`: one decision takes another value, or (half of them, where there are numbers) all
// numbers are moved by a normal step of sd `step`, in units of their range.
esp_status candidates_near(struct candidates *candidates, const struct observations *observations,
                           esp_search *search, esp_random *random, esp_arch *arch, uint64_t count,
                           double step, int repeat);

#endif
