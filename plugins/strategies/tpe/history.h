// SPDX-License-Identifier: Apache-2.0
// What was asked and told: every trial as numbers on axes, and which of them are good. The good ones are
// the best min(ceil(gamma n), most) of the n known; all others are bad: known, failed, and (with a
// constant liar) open ones.
#ifndef TPE_HISTORY_H
#define TPE_HISTORY_H

#include "dimensions.h"

enum { RULE_LINEAR, RULE_SQRT };

struct rule {
    double gamma;
    int64_t rule;  // RULE_LINEAR: ceil(gamma n); RULE_SQRT: ceil(gamma sqrt n)
    uint64_t most; // good ones
    double prior_weight;
    int joint;        // one mixture over all axes, not one each
    int equal_height; // kernels of reals are of equal height
};

enum place { PLACE_NONE, PLACE_OPEN, PLACE_LIED, PLACE_BAD, PLACE_GOOD };

struct record {
    enum place place;
    uint32_t count;   // of its numbers
    uint64_t *axes;   // [count]
    double *numbers;  // [count], the same allocation
    double objective; // known ones: less is better
    double violation;
};

struct history {
    struct rule rule;
    struct dimensions dimensions;
    struct record *records; // by the trial's number; a row each in the joint estimator
    uint64_t record_count, record_capacity;
    uint64_t known; // told with an objective
    uint64_t *good; // numbers, the best first
    uint64_t good_count;
    uint64_t *heap; // numbers of known bad ones, the best on top
    uint64_t heap_count, heap_capacity;
    uint64_t *open; // numbers
    uint64_t open_count, open_capacity;
    // One axis each: of the good and of the bad. NULL with `joint`, and until an axis is met.
    esp_parzen **good_axes, **bad_axes;
    uint64_t axis_count, axis_capacity; // as far as estimators are made
    esp_parzen_joint *joint;
};

esp_status history_create(struct history *history, const struct rule *rule);
void history_free(struct history *history);

// Estimators for all axes that were met. Needed after dimensions_find, before the axes are used.
esp_status history_meet_axes(struct history *history);

// A trial is asked for.
esp_status history_asked(struct history *history, uint64_t number, const esp_arch *arch);
// Open trials count as bad ones from now on.
esp_status history_lie(struct history *history);
// An outcome; `objective` NULL: it has none. It need not have been asked for.
esp_status history_told(struct history *history, uint64_t number, const esp_arch *arch,
                        const double *objective, double violation);

#endif
