// SPDX-License-Identifier: Apache-2.0
// From a state to the distribution of a decision, and back; see parts.h.
#include "parts.h"

#include <espalier/support/matrices.h>

#include <stdlib.h>
#include <string.h>

static int by_selection(const esp_controller *controller, const struct slot *slot)
{
    return slot->domain->kind == ESP_DECISION_SUBSET &&
           (controller->options.flags & ESP_CONTROLLER_SET_SELECTION) != 0;
}

static int is_subset(const struct slot *slot)
{
    return slot->domain->kind == ESP_DECISION_SUBSET;
}

// ---- Room -------------------------------------------------------------------------------------------

static int reserve_scopes(esp_controller *controller)
{
    const uint64_t scopes = controller->slots.scopes.count;
    if (scopes <= controller->scope_capacity)
        return 1;
    uint64_t *last = realloc(controller->last, 2 * scopes * sizeof *last);
    if (!last)
        return 0;
    memset(last + controller->scope_capacity, 0,
           (2 * scopes - controller->scope_capacity) * sizeof *last);
    controller->last = last;
    controller->scope_capacity = 2 * scopes;
    return 1;
}

static int reserve_options(esp_controller *controller, uint64_t options)
{
    if (options <= controller->option_capacity)
        return 1;
    double *logits = realloc(controller->logits, 3 * options * sizeof *logits);
    if (!logits)
        return 0;
    controller->logits = logits;
    controller->probabilities = logits + options;
    controller->slopes = logits + 2 * options;
    float *squashed =
        realloc(controller->squashed, (options * controller->units + 1) * sizeof *squashed);
    if (!squashed) {
        controller->option_capacity = 0;
        return 0;
    }
    controller->squashed = squashed;
    controller->option_capacity = options;
    return 1;
}

void heads_begin(esp_controller *controller)
{
    if (controller->scope_capacity)
        memset(controller->last, 0, controller->scope_capacity * sizeof *controller->last);
}

void heads_pass(esp_controller *controller, const struct slot *slot, uint64_t t)
{
    for (uint64_t i = 0; i < slot->scope_count; i++)
        controller->last[slot->scopes[i]] = t + 1;
}

// ---- Forward ----------------------------------------------------------------------------------------

// The step whose state stands for an option, or -1: the option has a vector of its own.
static int64_t anchor_of(const esp_controller *controller, const struct slot *slot, uint64_t option)
{
    return slot->named[option] < 0 ? -1 : (int64_t)controller->last[slot->named[option]] - 1;
}

static const float *key_of(const esp_controller *controller, const struct slot *slot,
                           const struct pass *pass, uint64_t option)
{
    const uint64_t units = controller->units;
    const int64_t step = anchor_of(controller, slot, option);
    if (step < 0)
        return controller->weights + row_at(controller, slot->rows[option]) + units;
    float *key = pass->keys + (uint64_t)step * units;
    if (!pass->keyed[step]) {
        memset(key, 0, units * sizeof *key);
        esp_matrix_add_product(key, pass->tops + (uint64_t)step * units,
                               controller->weights + attention_at(controller), 1, units, units);
        pass->keyed[step] = 1;
    }
    return key;
}

static void select_logits(esp_controller *controller, const struct slot *slot,
                          const struct pass *pass, uint64_t t)
{
    const uint64_t units = controller->units;
    const float *wc = controller->weights + attention_at(controller) + units * units;
    const float *v = wc + units * units;
    memset(controller->query, 0, units * sizeof *controller->query);
    esp_matrix_add_product(controller->query, pass->tops + t * units, wc, 1, units, units);
    for (uint64_t i = 0; i < slot->options; i++) {
        const float *key = key_of(controller, slot, pass, i);
        float *squashed = controller->squashed + i * units, logit = 0.0f;
        for (uint64_t k = 0; k < units; k++)
            squashed[k] = 1.0f - 2.0f / (expf(2.0f * (key[k] + controller->query[k])) + 1.0f);
        esp_matrix_add_transposed(&logit, squashed, v, 1, 1, units);
        controller->logits[i] = (double)logit;
    }
}

static void linear_logits(esp_controller *controller, const struct slot *slot,
                          const struct pass *pass, uint64_t t)
{
    const uint64_t units = controller->units;
    for (uint64_t i = 0; i < slot->options; i++) {
        const float *row = controller->weights + row_at(controller, slot->rows[i]);
        float logit = row[2 * units];
        if (units)
            esp_matrix_add_transposed(&logit, pass->tops + t * units, row + units, 1, 1, units);
        controller->logits[i] = (double)logit;
    }
}

esp_status heads_set(esp_controller *controller, const struct slot *slot, const struct pass *pass,
                     uint64_t t)
{
    const esp_domain *domain = slot->domain;
    if (!reserve_scopes(controller) || !reserve_options(controller, slot->options))
        return ESP_ERROR_MEMORY;
    if (by_selection(controller, slot))
        select_logits(controller, slot, pass, t);
    else
        linear_logits(controller, slot, pass, t);
    if (is_subset(slot))
        return esp_subsets_set(&controller->subsets, controller->logits, domain->count,
                               domain->least, domain->most);
    controller->log_sum = esp_softmax(controller->logits, slot->options, controller->probabilities);
    return ESP_OK;
}

double heads_log_probability(const esp_controller *controller, const struct slot *slot,
                             const esp_token *token, const uint32_t *indices)
{
    if (is_subset(slot))
        return esp_subsets_log_probability(&controller->subsets, indices + token->first,
                                           token->count);
    return controller->logits[token->choice] - controller->log_sum;
}

double heads_entropy(const esp_controller *controller, const struct slot *slot)
{
    return is_subset(slot) ? esp_subsets_entropy(&controller->subsets)
                           : esp_softmax_entropy(controller->probabilities, slot->options);
}

// ---- Back -------------------------------------------------------------------------------------------

static void linear_back(esp_controller *controller, const struct slot *slot,
                        const struct pass *pass, uint64_t t, float *tops)
{
    const uint64_t units = controller->units;
    for (uint64_t i = 0; i < slot->options; i++) {
        const uint64_t at = row_at(controller, slot->rows[i]);
        const float *restrict weights = controller->weights + at + units;
        float *restrict gradient = controller->gradient + at + units;
        const float slope = (float)controller->slopes[i];
        gradient[units] += slope;
        for (uint64_t k = 0; k < units; k++) {
            gradient[k] += slope * pass->tops[t * units + k];
            tops[t * units + k] += slope * weights[k];
        }
    }
}

static void select_back(esp_controller *controller, const struct slot *slot,
                        const struct pass *pass, uint64_t t, float *tops, float *keys)
{
    const uint64_t units = controller->units, at = attention_at(controller) + units * units;
    const float *wc = controller->weights + at, *v = wc + units * units;
    float *v_slope = controller->gradient + at + units * units, *query = controller->query_slope;
    memset(query, 0, units * sizeof *query);
    for (uint64_t i = 0; i < slot->options; i++) {
        const int64_t step = anchor_of(controller, slot, i);
        const float *squashed = controller->squashed + i * units;
        const float slope = (float)controller->slopes[i];
        float *key = step < 0 ? controller->gradient + row_at(controller, slot->rows[i]) + units
                              : keys + (uint64_t)step * units;
        for (uint64_t k = 0; k < units; k++) {
            const float inner = slope * v[k] * (1.0f - squashed[k] * squashed[k]);
            v_slope[k] += slope * squashed[k];
            query[k] += inner;
            key[k] += inner;
        }
    }
    esp_matrix_add_outer(controller->gradient + at, pass->tops + t * units, query, 1, units, units);
    esp_matrix_add_transposed(tops + t * units, query, wc, 1, units, units);
}

void heads_back(esp_controller *controller, const struct slot *slot, const struct pass *pass,
                uint64_t t, const esp_token *token, const uint32_t *indices, double slope,
                double weight, float *tops, float *keys)
{
    if (slope == 0.0 && weight == 0.0)
        return;
    if (is_subset(slot))
        esp_subsets_gradient(&controller->subsets, indices + token->first, token->count, slope,
                             weight, controller->slopes);
    else
        esp_softmax_gradient(controller->probabilities, slot->options, token->choice, slope, weight,
                             controller->slopes);
    if (by_selection(controller, slot))
        select_back(controller, slot, pass, t, tops, keys);
    else
        linear_back(controller, slot, pass, t, tops);
}

void heads_keys_back(esp_controller *controller, const struct pass *pass, uint64_t steps,
                     const float *keys, float *tops)
{
    const uint64_t units = controller->units, at = attention_at(controller);
    if (!(controller->options.flags & ESP_CONTROLLER_SET_SELECTION))
        return;
    for (uint64_t t = 0; t < steps; t++) {
        if (!pass->keyed[t])
            continue;
        esp_matrix_add_outer(controller->gradient + at, pass->tops + t * units, keys + t * units, 1,
                             units, units);
        esp_matrix_add_transposed(tops + t * units, keys + t * units, controller->weights + at, 1,
                                  units, units);
    }
}

// ---- Embeddings -------------------------------------------------------------------------------------

void token_embed(const esp_controller *controller, const esp_token *token, const uint32_t *indices,
                 float *x)
{
    const struct slot *slot = &controller->slots.all[token->slot];
    const uint64_t units = controller->units;
    const float *weights = controller->weights;
    if (!is_subset(slot)) {
        memcpy(x, weights + row_at(controller, slot->rows[token->choice]), units * sizeof *x);
        return;
    }
    const float share = 1.0f / (1.0f + (float)token->count);
    memset(x, 0, units * sizeof *x);
    for (uint32_t i = 0; i < token->count; i++) {
        const float *row = weights + row_at(controller, slot->rows[indices[token->first + i]]);
        for (uint64_t k = 0; k < units; k++)
            x[k] += share * row[k];
    }
}

void token_embed_back(esp_controller *controller, const esp_token *token, const uint32_t *indices,
                      const float *dx)
{
    const struct slot *slot = &controller->slots.all[token->slot];
    const uint64_t units = controller->units;
    const int subset = is_subset(slot);
    const float share = subset ? 1.0f / (1.0f + (float)token->count) : 1.0f;
    for (uint32_t i = 0; i < (subset ? token->count : 1); i++) {
        const uint32_t option = subset ? indices[token->first + i] : token->choice;
        float *row = controller->gradient + row_at(controller, slot->rows[option]);
        for (uint64_t k = 0; k < units; k++)
            row[k] += share * dx[k];
    }
}
