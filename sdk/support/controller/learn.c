// SPDX-License-Identifier: Apache-2.0
// A whole episode at once: its log-probabilities, entropies, and their gradient back through the heads, the
// layers and the embeddings; see controller.h.
#include "parts.h"

#include <stdlib.h>
#include <string.h>

// What is kept of an episode of `steps`; shapes as they lie in one block.
struct sequence {
    uint64_t steps;
    float *x;    // [steps, units], the first layer's input
    float *h;    // [layers, steps, units]
    float *kept; // [layers, steps, 6, units]
    float *dh;   // [steps, units]: of the layer at hand's output
    float *dx;   // [steps, units]: of its input
    float *keys; // [steps, units]
    float *dkeys;
    float *work;    // [2, units]
    uint8_t *keyed; // [steps]
};

static esp_status reserve(esp_controller *controller, uint64_t steps, struct sequence *sequence)
{
    const uint64_t units = controller->units, layers = controller->options.layers;
    const uint64_t plane = steps * units, marks = steps / sizeof(float) + 1;
    const uint64_t need = plane * (5 + 7 * layers) + 2 * units + marks;
    if (need > controller->sequence_capacity) {
        float *grown = realloc(controller->sequence, 2 * need * sizeof *grown);
        if (!grown)
            return ESP_ERROR_MEMORY;
        controller->sequence = grown;
        controller->sequence_capacity = 2 * need;
    }
    sequence->steps = steps;
    sequence->x = controller->sequence;
    sequence->h = sequence->x + plane;
    sequence->kept = sequence->h + layers * plane;
    sequence->dh = sequence->kept + 6 * layers * plane;
    sequence->dx = sequence->dh + plane;
    sequence->keys = sequence->dx + plane;
    sequence->dkeys = sequence->keys + plane;
    sequence->work = sequence->dkeys + plane;
    sequence->keyed = (uint8_t *)(void *)(sequence->work + 2 * units);
    memset(sequence->dh, 0, plane * sizeof *sequence->dh);
    memset(sequence->dkeys, 0, plane * sizeof *sequence->dkeys);
    memset(sequence->keyed, 0, steps);
    heads_begin(controller);
    return ESP_OK;
}

static struct pass pass_of(const esp_controller *controller, const struct sequence *sequence)
{
    const uint64_t layers = controller->options.layers;
    const float *tops =
        layers ? sequence->h + (layers - 1) * sequence->steps * controller->units : NULL;
    return (struct pass){tops, sequence->keys, sequence->keyed};
}

static void forward(const esp_controller *controller, const esp_episode *episode,
                    const struct sequence *sequence)
{
    const uint64_t units = controller->units, plane = sequence->steps * units;
    const esp_lstm lstm = controller_layer(controller);
    if (!units)
        return;
    memcpy(sequence->x, controller->weights + start_at(controller), units * sizeof(float));
    for (uint64_t t = 1; t < sequence->steps; t++)
        token_embed(controller, &episode->tokens[t - 1], episode->indices, sequence->x + t * units);
    for (uint64_t layer = 0; layer < controller->options.layers; layer++)
        esp_lstm_forward(&lstm, controller->weights + layer_at(controller, layer),
                         layer == 0 ? sequence->x : sequence->h + (layer - 1) * plane,
                         sequence->steps, sequence->h + layer * plane,
                         sequence->kept + 6 * layer * plane);
}

static void backward(esp_controller *controller, const esp_episode *episode,
                     struct sequence *sequence)
{
    const uint64_t units = controller->units, plane = sequence->steps * units;
    const esp_lstm lstm = controller_layer(controller);
    if (!units)
        return;
    for (uint64_t layer = controller->options.layers; layer-- > 0;) {
        memset(sequence->dx, 0, plane * sizeof *sequence->dx);
        esp_lstm_backward(&lstm, controller->weights + layer_at(controller, layer),
                          layer == 0 ? sequence->x : sequence->h + (layer - 1) * plane,
                          sequence->steps, sequence->h + layer * plane,
                          sequence->kept + 6 * layer * plane, sequence->dh, sequence->dx,
                          controller->gradient + layer_at(controller, layer), sequence->work);
        float *held = sequence->dh;
        sequence->dh = sequence->dx;
        sequence->dx = held;
    }
    float *start = controller->gradient + start_at(controller);
    for (uint64_t k = 0; k < units; k++)
        start[k] += sequence->dh[k];
    for (uint64_t t = 1; t < sequence->steps; t++)
        token_embed_back(controller, &episode->tokens[t - 1], episode->indices,
                         sequence->dh + t * units);
}

esp_status esp_controller_add_gradient(esp_controller *controller, const esp_episode *episode,
                                       esp_token_slope slope, void *self, double entropy_weight)
{
    struct sequence sequence;
    if (episode->count == 0)
        return ESP_OK;
    if (reserve(controller, episode->count, &sequence) != ESP_OK)
        return ESP_ERROR_MEMORY;
    forward(controller, episode, &sequence);
    const struct pass pass = pass_of(controller, &sequence);
    for (uint64_t t = 0; t < episode->count; t++) {
        const esp_token *token = &episode->tokens[t];
        const struct slot *slot = &controller->slots.all[token->slot];
        if (heads_set(controller, slot, &pass, t) != ESP_OK)
            return ESP_ERROR_MEMORY;
        const double now = heads_log_probability(controller, slot, token, episode->indices);
        heads_back(controller, slot, &pass, t, token, episode->indices, slope(self, token, now),
                   entropy_weight, sequence.dh, sequence.dkeys);
        heads_pass(controller, slot, t);
    }
    heads_keys_back(controller, &pass, episode->count, sequence.dkeys, sequence.dh);
    backward(controller, episode, &sequence);
    return ESP_OK;
}

esp_status esp_controller_measure(esp_controller *controller, esp_episode *episode, double *entropy)
{
    struct sequence sequence;
    double sum = 0.0;
    if (episode->count > 0 && reserve(controller, episode->count, &sequence) != ESP_OK)
        return ESP_ERROR_MEMORY;
    if (episode->count > 0)
        forward(controller, episode, &sequence);
    for (uint64_t t = 0; t < episode->count; t++) {
        const struct pass pass = pass_of(controller, &sequence);
        esp_token *token = &episode->tokens[t];
        const struct slot *slot = &controller->slots.all[token->slot];
        if (heads_set(controller, slot, &pass, t) != ESP_OK)
            return ESP_ERROR_MEMORY;
        token->log_probability = heads_log_probability(controller, slot, token, episode->indices);
        sum += heads_entropy(controller, slot);
        heads_pass(controller, slot, t);
    }
    if (entropy)
        *entropy = sum;
    return ESP_OK;
}
