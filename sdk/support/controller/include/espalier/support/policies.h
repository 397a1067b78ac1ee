// SPDX-License-Identifier: Apache-2.0
// Distributions over the values of a decision, made of logits, for policy gradients: one of n by a softmax,
// k of n by a sigmoid for each option, given that as many are taken as may be. Draws, log-probabilities,
// entropies, and the gradients of both by the logits.
#ifndef ESPALIER_SUPPORT_POLICIES_H
#define ESPALIER_SUPPORT_POLICIES_H

#include <espalier/random.h>
#include <espalier/status.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- One of n -----------------------------------------------------------------------------------------

// Writes the probabilities [count]; answers log sum exp(logits): the log-probability of option i is
// logits[i] less that. Logits are finite, count at least 1.
double esp_softmax(const double *logits, uint64_t count, double *probabilities);
uint64_t esp_softmax_draw(const double *probabilities, uint64_t count, esp_random *random);
double esp_softmax_entropy(const double *probabilities, uint64_t count);
// slope * log-probability of `chosen` + weight * entropy: its gradient by the logits, written to `out`
// [count].
void esp_softmax_gradient(const double *probabilities, uint64_t count, uint64_t chosen,
                          double slope, double weight, double *out);

// ---- k of n -------------------------------------------------------------------------------------------

// P(S) is proportional to the product of exp(logit) over S, for all S of `least` to `most` options. With 0 to
// n that is a sigmoid for each option by itself (the skip connections of Zoph and Le 2017), with exactly one
// a softmax. Zeros are an empty one.
typedef struct esp_subsets {
    uint64_t count, least, most;
    double log_sum;   // of the weights of all S
    double *logits;   // [count], owned, as all below
    double *included; // [count]: the probability that an option is in S
    // [count + 1, most + 2]: log sum of the weights of what may follow, a options of the first j taken.
    double *follow;
    double *work;
    uint64_t capacity; // doubles of the one allocation
} esp_subsets;

// least <= most <= count, least + 1 <= count. Takes count * most time where sizes are bounded.
// ESP_ERROR_MEMORY.
esp_status esp_subsets_set(esp_subsets *subsets, const double *logits, uint64_t count,
                           uint64_t least, uint64_t most);
void esp_subsets_free(esp_subsets *subsets);
// Writes ascending indices, room for `most`; answers how many.
uint32_t esp_subsets_draw(const esp_subsets *subsets, esp_random *random, uint32_t *indices);
double esp_subsets_log_probability(const esp_subsets *subsets, const uint32_t *indices,
                                   uint64_t count);
double esp_subsets_entropy(const esp_subsets *subsets);
// As esp_softmax_gradient; `out` [count of options].
void esp_subsets_gradient(esp_subsets *subsets, const uint32_t *indices, uint64_t count,
                          double slope, double weight, double *out);

#ifdef __cplusplus
}
#endif

#endif
