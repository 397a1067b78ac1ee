// SPDX-License-Identifier: Apache-2.0
// Adaptive Parzen estimators for the tree-structured estimator of Bergstra et al. 2011 ("Algorithms for
// hyper-parameter optimization"), with the settings of Optuna 3: one mixture component an observation and
// one more, the prior. Nothing here draws but from the stream given; no function is safe for two threads
// on one object.
//
// The weights of n observations, oldest first: all 1 below 25; else the oldest n - 25 rise from 1/n to 1,
// the newest 25 have 1. The prior has a weight of its own.
#ifndef ESPALIER_SUPPORT_PARZEN_H
#define ESPALIER_SUPPORT_PARZEN_H

#include <espalier/random.h>
#include <espalier/status.h>

#ifdef __cplusplus
extern "C" {
#endif

// One number of an observation.
enum {
    ESP_PARZEN_CHOICE = 1, // 0, 1, ... choices - 1, without an order
    ESP_PARZEN_CONTINUOUS =
        2 // in [0, 1], with a density; or, where `steps` > 0, the middle of one of
          // so many equal parts of [0, 1], with a probability
};
enum {
    // CONTINUOUS without steps: kernels are of equal height, not of equal mass, so that wide ones weigh more:
    // as in Optuna before the fix of its issue 5109, which searches better on some functions.
    ESP_PARZEN_EQUAL_HEIGHT = 1
};
typedef struct esp_parzen_axis {
    uint32_t kind;
    uint32_t flags;   // ESP_PARZEN_*
    uint64_t choices; // CHOICE: at least 1
    uint64_t steps;   // CONTINUOUS: 0 = none
} esp_parzen_axis;

// ---- One axis -------------------------------------------------------------------------------------

// A mixture over one axis whose observations come and go. Adding, removing and the density of one place
// cost no more for 10,000 observations than for 300 but for a memmove: above ESP_PARZEN_EXACT of them all
// but the newest 25 are summed into a table, of 2,048 places for a continuous axis (linear between them),
// in which a component's age is its order between the first and the newest, not its rank.
typedef struct esp_parzen esp_parzen;
#define ESP_PARZEN_EXACT 256

// `prior_weight` > 0. ESP_ERROR_MEMORY. `*out`: the caller's, esp_parzen_destroy.
esp_status esp_parzen_create(esp_parzen **out, const esp_parzen_axis *axis, double prior_weight);
// NULL is allowed.
void esp_parzen_destroy(esp_parzen *parzen);

// Adds an observation. `order`: its place in time, no two equal, in any sequence. ESP_ERROR_MEMORY.
esp_status esp_parzen_add(esp_parzen *parzen, double value, uint64_t order);
// Removes the one of this order; it is there. ESP_ERROR_MEMORY.
esp_status esp_parzen_remove(esp_parzen *parzen, uint64_t order);
uint64_t esp_parzen_count(const esp_parzen *parzen);

// The logarithm of the density (of the probability for CHOICE and steps) at `value`; finite.
double esp_parzen_log_density(const esp_parzen *parzen, double value);
// A draw: a component by weight, a value of it.
double esp_parzen_sample(const esp_parzen *parzen, esp_random *random);

// ---- Many axes ------------------------------------------------------------------------------------

// A mixture of products (Falkner, Klein and Hutter 2018, "BOHB"; Optuna's multivariate option): one
// product kernel an observation. On continuous axes its sd is 0.2 n^(-1 / (axes + 4)) for n observations
// (Scott's rule; n at least 1). Axes join while it grows: an observation without a number on an axis has
// the prior there, so spaces with conditional decisions have one mixture.
typedef struct esp_parzen_joint esp_parzen_joint;

esp_status esp_parzen_joint_create(esp_parzen_joint **out, double prior_weight);
void esp_parzen_joint_destroy(esp_parzen_joint *joint);
// Adds an axis, on which all rows have nothing yet; axes are numbered from 0. ESP_ERROR_MEMORY.
esp_status esp_parzen_joint_add_axis(esp_parzen_joint *joint, const esp_parzen_axis *axis);
// Adds a row with nothing on any axis; rows are numbered from 0, oldest first. ESP_ERROR_MEMORY.
esp_status esp_parzen_joint_add_row(esp_parzen_joint *joint);
void esp_parzen_joint_set(esp_parzen_joint *joint, uint64_t row, uint64_t axis, double value);

// Which rows make a mixture, and what follows from their number: made anew for each use.
typedef struct esp_parzen_view esp_parzen_view;
// `chosen`: one byte a row, 1 = it takes part. `axes`: how many a point has (Scott's rule).
// ESP_ERROR_MEMORY. `*out`: the caller's until esp_parzen_view_destroy. While there is a view no rows are added or
// set; axes may join, on which all its rows have nothing.
esp_status esp_parzen_view_create(esp_parzen_view **out, esp_parzen_joint *joint,
                                  const uint8_t *chosen, uint64_t axes);
void esp_parzen_view_destroy(esp_parzen_view *view);

// A component by weight: a row, or -1 for the prior.
int64_t esp_parzen_view_pick(const esp_parzen_view *view, esp_random *random);
// A draw on `axis` of the component `row` (-1: the prior).
double esp_parzen_view_sample(const esp_parzen_view *view, int64_t row, uint64_t axis,
                              esp_random *random);
// The logarithm of the density at a point that has numbers on `count` axes, each once, in any order; in
// f32 but for the sum over axes of the prior. ESP_ERROR_MEMORY.
esp_status esp_parzen_view_log_density(esp_parzen_view *view, const uint64_t *axes,
                                       const double *values, uint64_t count, double *out);

#ifdef __cplusplus
}
#endif

#endif
