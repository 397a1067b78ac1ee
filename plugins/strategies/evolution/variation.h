// SPDX-License-Identifier: Apache-2.0
// Children of one parent and of two, through decisions, so for every space.
#ifndef EVOLUTION_VARIATION_H
#define EVOLUTION_VARIATION_H

#include <espalier/espalier.h>

enum { CROSS_UNIFORM, CROSS_ONE_POINT, CROSS_SCOPE };
enum { MUTATE_ONE, MUTATE_RATE, MUTATE_SUBTREE };

// A child that differs from `parent` in at least one decision. MUTATE_SUBTREE: a decision is drawn, and of
// the scopes around it and itself one; all below that is drawn anew. `rate`: of MUTATE_RATE.
esp_status variation_mutate(esp_search *search, const esp_arch *parent, int64_t kind, double rate,
                            esp_random *random, esp_arch **out);

// A child of both. CROSS_ONE_POINT: decisions before a point of the trace are `a`'s, those from there on
// `b`'s. CROSS_SCOPE: `a`'s, but below one of its scopes (drawn as above) `b`'s. What the one parent does
// not have is the other's; what neither has is drawn.
esp_status variation_cross(esp_search *search, const esp_arch *a, const esp_arch *b, int64_t kind,
                           esp_random *random, esp_arch **out);

#endif
