// SPDX-License-Identifier: Apache-2.0
// The controller from within: its weights, what it keeps of a pass, and the heads that make distributions.
#ifndef CONTROLLER_PARTS_H
#define CONTROLLER_PARTS_H

#include "slots.h"

#include <espalier/support/adam.h>
#include <espalier/support/controller.h>
#include <espalier/support/lstm.h>
#include <espalier/support/policies.h>

// The top layer's states in a pass, and what set selection makes of them: keys Wp h.
struct pass {
    const float *tops; // [steps, units]
    float *keys;       // [steps, units]
    uint8_t *keyed;    // [steps]: whether there is a key
};

struct esp_controller {
    esp_controller_options options;
    uint64_t units;  // 0 of a table
    uint64_t fixed;  // the number of weights that are no option's
    uint64_t stride; // of an option's weights
    struct slots slots;
    float *weights, *gradient, *first, *second; // [capacity]; the last two: moments
    uint64_t count, capacity;
    esp_adam adam;
    // A pass that is drawn.
    float *state; // [layers, 2, units] h and c, then x [units], then work [4, units]
    float *tops, *keys;
    uint8_t *keyed;
    uint64_t step_capacity;
    // Of a pass, drawn or learnt from: the last step in a scope + 1, or 0. [scope_capacity]
    uint64_t *last;
    uint64_t scope_capacity;
    // Of the decision at hand: logits, probabilities and slopes, [option_capacity] each; of set selection
    // tanh(key + query), [option_capacity, units].
    double *logits, *probabilities, *slopes;
    double log_sum;
    esp_subsets subsets;
    float *squashed, *query, *query_slope; // the last two: [units]
    uint64_t option_capacity;
    // Of a sequence.
    float *sequence;
    uint64_t sequence_capacity;
};

// Weights for every option that was met.
esp_status controller_grow(esp_controller *controller);
// The slot of a decision, its weights made; NULL: out of memory.
struct slot *controller_slot(esp_controller *controller, const char *path, const esp_domain *domain,
                             uint32_t *number);

static inline esp_lstm controller_layer(const esp_controller *controller)
{
    return (esp_lstm){controller->units, controller->units};
}

// Offsets of weights.
static inline uint64_t layer_at(const esp_controller *controller, uint64_t layer)
{
    const esp_lstm lstm = controller_layer(controller);
    return layer * esp_lstm_count(&lstm);
}

static inline uint64_t start_at(const esp_controller *controller)
{
    return layer_at(controller, controller->options.layers);
}

// Wp, then Wc, then v.
static inline uint64_t attention_at(const esp_controller *controller)
{
    return start_at(controller) + controller->units;
}

static inline uint64_t row_at(const esp_controller *controller, uint64_t row)
{
    return controller->fixed + row * controller->stride;
}

// ---- Heads ------------------------------------------------------------------------------------------

// No step is in any scope.
void heads_begin(esp_controller *controller);
// The distribution of the decision at step `t`.
esp_status heads_set(esp_controller *controller, const struct slot *slot, const struct pass *pass,
                     uint64_t t);
// The step has been decided: later options may name its scopes.
void heads_pass(esp_controller *controller, const struct slot *slot, uint64_t t);
double heads_log_probability(const esp_controller *controller, const struct slot *slot,
                             const esp_token *token, const uint32_t *indices);
double heads_entropy(const esp_controller *controller, const struct slot *slot);
// Adds to the gradient, and to that by the states and keys: `tops` and `keys` [steps, units].
void heads_back(esp_controller *controller, const struct slot *slot, const struct pass *pass,
                uint64_t t, const esp_token *token, const uint32_t *indices, double slope,
                double weight, float *tops, float *keys);
// What the keys' gradient gives the states that they were made of.
void heads_keys_back(esp_controller *controller, const struct pass *pass, uint64_t steps,
                     const float *keys, float *tops);

// ---- Tokens -----------------------------------------------------------------------------------------

// The input after a decision: [units].
void token_embed(const esp_controller *controller, const esp_token *token, const uint32_t *indices,
                 float *x);
// The gradient of the embedding, from that by the input.
void token_embed_back(esp_controller *controller, const esp_token *token, const uint32_t *indices,
                      const float *dx);

#endif
