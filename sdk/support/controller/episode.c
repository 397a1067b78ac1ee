// SPDX-License-Identifier: Apache-2.0
// Passes: decisions drawn one after the other, or read from what is known; see controller.h.
#include "parts.h"

#include <stdlib.h>
#include <string.h>

// Passes that the space rejected before decisions are left to chance.
#define PASSES 100

void esp_episode_free(esp_episode *episode)
{
    free(episode->tokens);
    free(episode->indices);
    *episode = (esp_episode){0};
}

static esp_token *add_token(esp_episode *episode)
{
    if (episode->count == episode->capacity) {
        const uint64_t capacity = episode->capacity ? 2 * episode->capacity : 16;
        esp_token *tokens = realloc(episode->tokens, capacity * sizeof *tokens);
        if (!tokens)
            return NULL;
        episode->tokens = tokens;
        episode->capacity = capacity;
    }
    return &episode->tokens[episode->count];
}

// Room for `count` indices behind those there are.
static uint32_t *add_indices(esp_episode *episode, uint64_t count)
{
    const uint64_t need = episode->index_count + count + 1;
    if (need > episode->index_capacity) {
        uint32_t *indices = realloc(episode->indices, 2 * need * sizeof *indices);
        if (!indices)
            return NULL;
        episode->indices = indices;
        episode->index_capacity = 2 * need;
    }
    return episode->indices + episode->index_count;
}

void esp_controller_begin(esp_controller *controller, esp_episode *episode)
{
    episode->count = episode->index_count = 0;
    memset(controller->state, 0,
           2 * controller->options.layers * controller->units * sizeof *controller->state);
    if (controller->step_capacity)
        memset(controller->keyed, 0, controller->step_capacity);
    heads_begin(controller);
}

// ---- Drawing ----------------------------------------------------------------------------------------

static int reserve_steps(esp_controller *controller, uint64_t steps)
{
    const uint64_t units = controller->units;
    if (steps <= controller->step_capacity)
        return 1;
    const uint64_t capacity = 2 * steps + 16;
    float *tops = realloc(controller->tops, capacity * units * sizeof *tops);
    controller->tops = tops ? tops : controller->tops;
    float *keys = realloc(controller->keys, capacity * units * sizeof *keys);
    controller->keys = keys ? keys : controller->keys;
    uint8_t *keyed = realloc(controller->keyed, capacity);
    controller->keyed = keyed ? keyed : controller->keyed;
    if (!tops || !keys || !keyed)
        return 0;
    memset(keyed + controller->step_capacity, 0, capacity - controller->step_capacity);
    controller->step_capacity = capacity;
    return 1;
}

// The layers' step before decision `t`: its top state.
static esp_status advance(esp_controller *controller, const esp_episode *episode)
{
    const uint64_t units = controller->units, layers = controller->options.layers;
    const uint64_t t = episode->count;
    const esp_lstm lstm = controller_layer(controller);
    float *x = controller->state + 2 * layers * units, *work = x + units;
    if (!units)
        return ESP_OK;
    if (!reserve_steps(controller, t + 1))
        return ESP_ERROR_MEMORY;
    if (t == 0)
        memcpy(x, controller->weights + start_at(controller), units * sizeof *x);
    else
        token_embed(controller, &episode->tokens[t - 1], episode->indices, x);
    for (uint64_t layer = 0; layer < layers; layer++) {
        float *h = controller->state + 2 * layer * units;
        esp_lstm_step(&lstm, controller->weights + layer_at(controller, layer),
                      layer == 0 ? x : h - 2 * units, h, h + units, work);
    }
    memcpy(controller->tops + t * units, controller->state + 2 * (layers - 1) * units,
           units * sizeof *x);
    return ESP_OK;
}

static esp_status draw(esp_controller *controller, const struct slot *slot, esp_episode *episode,
                       esp_token *token, esp_random *random, esp_value *out)
{
    const esp_domain *domain = slot->domain;
    if (domain->kind == ESP_DECISION_SUBSET) {
        uint32_t *indices = add_indices(episode, domain->most);
        if (!indices)
            return ESP_ERROR_MEMORY;
        token->first = (uint32_t)episode->index_count;
        token->count = esp_subsets_draw(&controller->subsets, random, indices);
        episode->index_count += token->count;
        *out = esp_value_subset(indices, token->count);
        return ESP_OK;
    }
    token->choice = (uint32_t)esp_softmax_draw(controller->probabilities, slot->options, random);
    *out = slot_decode(slot, token->choice, random);
    token->choice = slot_encode(slot, *out); // rounding may leave the part
    return ESP_OK;
}

esp_status esp_controller_choose(esp_controller *controller, esp_episode *episode, const char *path,
                                 const esp_domain *domain, esp_random *random, esp_value *out)
{
    uint32_t number;
    const struct slot *slot = controller_slot(controller, path, domain, &number);
    esp_token *token = add_token(episode);
    if (!slot || !token || advance(controller, episode) != ESP_OK)
        return ESP_ERROR_MEMORY;
    const struct pass pass = {controller->tops, controller->keys, controller->keyed};
    esp_status status = heads_set(controller, slot, &pass, episode->count);
    *token = (esp_token){.slot = number};
    if (status == ESP_OK)
        status = draw(controller, slot, episode, token, random, out);
    if (status != ESP_OK)
        return status;
    token->log_probability = heads_log_probability(controller, slot, token, episode->indices);
    heads_pass(controller, slot, episode->count++);
    return ESP_OK;
}

// ---- Reading ----------------------------------------------------------------------------------------

esp_status esp_controller_read(esp_controller *controller, esp_episode *episode, const char *path,
                               const esp_domain *domain, esp_value value)
{
    uint32_t number;
    const struct slot *slot = controller_slot(controller, path, domain, &number);
    esp_token *token = add_token(episode);
    if (!slot || !token)
        return ESP_ERROR_MEMORY;
    *token = (esp_token){.slot = number};
    if (domain->kind == ESP_DECISION_SUBSET) {
        uint32_t *indices = add_indices(episode, value.count);
        if (!indices)
            return ESP_ERROR_MEMORY;
        for (uint32_t i = 0; i < value.count; i++)
            indices[i] = value.as.indices[i];
        token->first = (uint32_t)episode->index_count;
        token->count = value.count;
        episode->index_count += value.count;
    } else {
        token->choice = slot_encode(slot, value);
    }
    episode->count++;
    return ESP_OK;
}

esp_status esp_controller_read_arch(esp_controller *controller, esp_episode *episode,
                                    const esp_arch *arch)
{
    const uint64_t count = esp_arch_count(arch);
    episode->count = episode->index_count = 0;
    for (uint64_t i = 0; i < count; i++) {
        esp_status status = esp_controller_read(controller, episode, esp_arch_path(arch, i),
                                                esp_arch_domain(arch, i), esp_arch_value(arch, i));
        if (status != ESP_OK)
            return status;
    }
    return ESP_OK;
}

// ---- Proposals --------------------------------------------------------------------------------------

struct proposal {
    esp_controller *controller;
    esp_search *search;
    esp_episode *episode;
    const char *first; // the path that each pass begins with
    uint64_t passes;
};

static esp_status decide(void *context, const char *path, const esp_domain *domain, esp_value *out)
{
    struct proposal *proposal = context;
    esp_random *random = esp_search_random(proposal->search);
    esp_status status;
    if (!proposal->first || strcmp(path, proposal->first) == 0) {
        proposal->first = path;
        proposal->passes++;
        esp_controller_begin(proposal->controller, proposal->episode);
    }
    if (proposal->passes <= PASSES) {
        status = esp_controller_choose(proposal->controller, proposal->episode, path, domain,
                                       random, out);
    } else {
        status = esp_search_draw(proposal->search, domain, NULL, random, out);
        if (status == ESP_OK)
            status =
                esp_controller_read(proposal->controller, proposal->episode, path, domain, *out);
    }
    return status == ESP_ERROR_MEMORY
               ? esp_fail(proposal->search, ESP_ERROR_MEMORY, "out of memory")
               : status;
}

esp_status esp_controller_propose(esp_controller *controller, esp_search *search,
                                  esp_episode *episode, esp_arch **out)
{
    struct proposal proposal = {controller, search, episode, NULL, 0};
    esp_controller_begin(controller, episode); // a space may have no decision
    *out = NULL;
    esp_status status = esp_search_decide(search, decide, &proposal, out);
    if (status != ESP_OK || proposal.passes <= PASSES)
        return status;
    status = esp_controller_measure(controller, episode, NULL);
    if (status == ESP_OK)
        return status;
    esp_arch_release(*out);
    *out = NULL;
    return esp_fail(search, status, "out of memory");
}
