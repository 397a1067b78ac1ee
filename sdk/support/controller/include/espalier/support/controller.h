// SPDX-License-Identifier: Apache-2.0
// A controller (Zoph and Le 2017; Zoph et al. 2018): a policy over architectures that draws one decision after
// the other, and learns by policy gradients.
//
// A recurrent one: layers of LSTM, whose first input is a vector of its own and every other one the embedding
// of what was decided before; each decision draws from logits made of the top layer's state. With no layer
// it is the plain table of logits of the benchmark papers (Dong and Yang 2020), one number an option.
//
//   one of n    a softmax over the options
//   k of n      a sigmoid an option, given that as many are taken as may be. By set selection the logit of
//               option j is v . tanh(Wp h_j + Wc h): h the state now, h_j that of the last decision below
//               the scope that option j names; of an option that names none a vector of its own. "Names":
//               option `1` or `layer_1` of layer/3/inputs names layer/1, the path's last number replaced. What was
//               chosen goes on as the sum of the options' embeddings over 1 + k.
//   integers    a softmax over the values, or over `parts` of equal width (logarithmic where the decision
//               is) where they are more, uniform within
//   reals       over `parts`, likewise: the density is constant within a part
//
// Decisions are met as the space asks for them: weights of an option are made when it is first met, and each
// has initial values of its own whatever was met before. A controller of layers may share the options'
// weights among decisions of one name whose paths differ in numbers alone.
//
// All is [coordinator]. The same calls give the same bits.
#ifndef ESPALIER_SUPPORT_CONTROLLER_H
#define ESPALIER_SUPPORT_CONTROLLER_H

#include <espalier/strategy.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct esp_controller esp_controller;

enum {
    ESP_CONTROLLER_SET_SELECTION = 1, // k of n by attention; else by logits of the options
    ESP_CONTROLLER_SHARE = 2          // weights of options, by path without numbers
};

typedef struct esp_controller_options {
    uint64_t layers, units; // of LSTM; 0 layers: a table
    double range;           // initial weights: uniform in +-range; of a table normal, sd = range
    uint64_t parts;         // of reals and wide integers, at least 2
    uint32_t flags;         // ESP_CONTROLLER_*
    uint64_t seed;          // of initial weights
} esp_controller_options;

// ESP_ERROR_MEMORY. `*out`: the caller's, esp_controller_destroy.
esp_status esp_controller_create(esp_controller **out, const esp_controller_options *options);
// NULL is allowed.
void esp_controller_destroy(esp_controller *controller);

// ---- Episodes -----------------------------------------------------------------------------------------

// One decision as the controller sees it.
typedef struct esp_token {
    uint32_t slot;          // which decision: the controller's number of (path, domain)
    uint32_t choice;        // option, value or part
    uint32_t first, count;  // k of n: where its indices lie
    double log_probability; // when it was drawn, or measured
} esp_token;

// The decisions of one pass, in order. Zeros are an empty one; owner: the caller, esp_episode_free.
typedef struct esp_episode {
    esp_token *tokens;
    uint64_t count, capacity;
    uint32_t *indices;
    uint64_t index_count, index_capacity;
} esp_episode;

void esp_episode_free(esp_episode *episode);

// A new pass: state and `episode` as before the first decision.
void esp_controller_begin(esp_controller *controller, esp_episode *episode);
// Draws the next decision of the pass. `path` and `domain`: as the host gave them. A subset's indices:
// until the next call. ESP_ERROR_MEMORY.
esp_status esp_controller_choose(esp_controller *controller, esp_episode *episode, const char *path,
                                 const esp_domain *domain, esp_random *random, esp_value *out);
// Adds the next decision with a value that is known. ESP_ERROR_MEMORY.
esp_status esp_controller_read(esp_controller *controller, esp_episode *episode, const char *path,
                               const esp_domain *domain, esp_value value);
// The decisions of an architecture; their log-probabilities are 0 until they are measured.
esp_status esp_controller_read_arch(esp_controller *controller, esp_episode *episode,
                                    const esp_arch *arch);
// A member of the space. Passes that the space rejects are drawn again; after 100 of them decisions are
// uniform, for the controller may know no member. `*out`: one reference, the caller's.
esp_status esp_controller_propose(esp_controller *controller, esp_search *search,
                                  esp_episode *episode, esp_arch **out);

// ---- Learning -----------------------------------------------------------------------------------------

// The slope of what is maximised by the log-probability of a token, which is now `log_probability`.
typedef double (*esp_token_slope)(void *self, const esp_token *token, double log_probability);

// Adds the gradient of (what has these slopes + entropy_weight * the sum of the decisions' entropies).
// ESP_ERROR_MEMORY.
esp_status esp_controller_add_gradient(esp_controller *controller, const esp_episode *episode,
                                       esp_token_slope slope, void *self, double entropy_weight);
// Writes the log-probabilities of all tokens; `*entropy` (NULL: not wanted): the sum of the decisions'.
// ESP_ERROR_MEMORY.
esp_status esp_controller_measure(esp_controller *controller, esp_episode *episode,
                                  double *entropy);

// How weights go up the gradient.
enum { ESP_CLIMB_ADAM, ESP_CLIMB_SGD };
typedef struct esp_climb {
    uint32_t rule; // ESP_CLIMB_*
    double learning_rate;
    double beta1, beta2, epsilon; // Adam's
} esp_climb;

// One step up the gradient times `scale`, which then is zero. A gradient that is not finite is left out,
// and weights stay within +-1e6, so that states, logits and probabilities are finite whatever was told.
void esp_controller_climb(esp_controller *controller, const esp_climb *climb, double scale);

// The weights and their gradient, `*count` of them: LSTM layers as lstm.h has them, the first input [units],
// with set selection Wp, Wc [units, units] and v [units]; then for each option its embedding [units], its
// weights, or its vector for set selection, [units], and its bias; of a table the logit alone. Owner: the
// controller, until it meets another decision.
float *esp_controller_weights(esp_controller *controller, uint64_t *count);
float *esp_controller_gradient(esp_controller *controller, uint64_t *count);

#ifdef __cplusplus
}
#endif

#endif
