// SPDX-License-Identifier: Apache-2.0
// The controller's weights: made, grown with the options that are met, moved up the gradient; see
// controller.h.
#include "parts.h"

#include <stdlib.h>
#include <string.h>

// The streams of initial weights: any word of its own.
#define STREAM UINT64_C(0x636f6e74726f6c) // "control"
// Weights stay within this, which keeps all that is made of them within what f32 holds.
#define LARGEST 1e6f

// Initial values [count], drawn by a key of their own.
static void draw(const esp_controller *controller, float *values, uint64_t count, uint64_t key)
{
    const esp_controller_options *options = &controller->options;
    esp_random random = esp_random_stream(options->seed, STREAM ^ key, 0, 0, 0);
    for (uint64_t i = 0; i < count; i++)
        values[i] =
            (float)(options->range * (controller->units ? 2.0 * esp_random_real(&random) - 1.0
                                                        : esp_random_normal(&random)));
}

static int grow(float **values, uint64_t capacity)
{
    float *grown = realloc(*values, capacity * sizeof *grown);
    if (grown)
        *values = grown;
    return grown != NULL;
}

static esp_status reserve(esp_controller *controller, uint64_t count)
{
    if (count <= controller->capacity)
        return ESP_OK;
    const uint64_t capacity = count + count / 2;
    if (!grow(&controller->weights, capacity) || !grow(&controller->gradient, capacity) ||
        !grow(&controller->first, capacity) || !grow(&controller->second, capacity))
        return ESP_ERROR_MEMORY;
    controller->capacity = capacity;
    return ESP_OK;
}

esp_status controller_grow(esp_controller *controller)
{
    const uint64_t before = controller->count;
    const uint64_t count = row_at(controller, controller->slots.rows.count);
    if (reserve(controller, count) != ESP_OK)
        return ESP_ERROR_MEMORY;
    for (uint64_t row = 0; row < controller->slots.rows.count; row++)
        if (row_at(controller, row) >= before)
            draw(controller, controller->weights + row_at(controller, row), controller->stride,
                 controller->slots.row_keys[row]);
    for (uint64_t i = before; i < count; i++)
        controller->gradient[i] = controller->first[i] = controller->second[i] = 0.0f;
    controller->count = count;
    return ESP_OK;
}

struct slot *controller_slot(esp_controller *controller, const char *path, const esp_domain *domain,
                             uint32_t *number)
{
    const int64_t found = slots_find(&controller->slots, path, domain);
    if (found < 0)
        return NULL;
    if (controller->count < row_at(controller, controller->slots.rows.count) &&
        controller_grow(controller) != ESP_OK)
        return NULL;
    *number = (uint32_t)found;
    return &controller->slots.all[found];
}

esp_status esp_controller_create(esp_controller **out, const esp_controller_options *options)
{
    esp_controller *made = calloc(1, sizeof *made);
    if (!made)
        return ESP_ERROR_MEMORY;
    made->options = *options;
    made->units = options->layers ? options->units : 0;
    if (!made->units)
        made->options.layers = 0;
    if (!made->options.layers) // a table has no states to select by, and nothing that is shared
        made->options.flags = 0;
    made->slots.parts = options->parts;
    made->slots.share = (made->options.flags & ESP_CONTROLLER_SHARE) != 0;
    made->stride = 2 * made->units + 1;
    made->fixed = made->options.layers ? attention_at(made) : 0;
    if (made->options.flags & ESP_CONTROLLER_SET_SELECTION)
        made->fixed += made->units * (2 * made->units + 1);
    made->adam.decay1 = made->adam.decay2 = 1.0;
    made->state = calloc(made->units * (2 * made->options.layers + 7) + 1, sizeof *made->state);
    if (!made->state || reserve(made, made->fixed + 1) != ESP_OK) {
        esp_controller_destroy(made);
        return ESP_ERROR_MEMORY;
    }
    made->query = made->state + made->units * (2 * made->options.layers + 5);
    made->query_slope = made->query + made->units;
    draw(made, made->weights, made->fixed, 0);
    memset(made->gradient, 0, made->fixed * sizeof *made->gradient);
    memset(made->first, 0, made->fixed * sizeof *made->first);
    memset(made->second, 0, made->fixed * sizeof *made->second);
    made->count = made->fixed;
    *out = made;
    return ESP_OK;
}

void esp_controller_destroy(esp_controller *controller)
{
    if (!controller)
        return;
    slots_free(&controller->slots);
    esp_subsets_free(&controller->subsets);
    free(controller->weights);
    free(controller->gradient);
    free(controller->first);
    free(controller->second);
    free(controller->state);
    free(controller->tops);
    free(controller->keys);
    free(controller->keyed);
    free(controller->last);
    free(controller->logits);
    free(controller->squashed);
    free(controller->sequence);
    free(controller);
}

float *esp_controller_weights(esp_controller *controller, uint64_t *count)
{
    *count = controller->count;
    return controller->weights;
}

float *esp_controller_gradient(esp_controller *controller, uint64_t *count)
{
    *count = controller->count;
    return controller->gradient;
}

// ---- Learning ---------------------------------------------------------------------------------------

// The gradient times `scale`; 0: it is not finite.
static int rescale(float *restrict gradient, uint64_t count, float scale)
{
    int finite = 1;
    for (uint64_t i = 0; i < count; i++) {
        gradient[i] *= scale;
        finite &= fabsf(gradient[i]) <= 3.4e38f;
    }
    return finite;
}

static void bound(float *restrict weights, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        weights[i] = weights[i] < -LARGEST ? -LARGEST : weights[i];
        weights[i] = weights[i] > LARGEST ? LARGEST : weights[i];
    }
}

void esp_controller_climb(esp_controller *controller, const esp_climb *climb, double scale)
{
    const uint64_t count = controller->count;
    if (rescale(controller->gradient, count, (float)-scale)) {
        if (climb->rule == ESP_CLIMB_ADAM) {
            controller->adam.learning_rate = climb->learning_rate;
            controller->adam.beta1 = climb->beta1;
            controller->adam.beta2 = climb->beta2;
            controller->adam.epsilon = climb->epsilon;
            esp_adam_step(&controller->adam, controller->weights, controller->gradient,
                          controller->first, controller->second, count);
        } else {
            for (uint64_t i = 0; i < count; i++)
                controller->weights[i] -= (float)climb->learning_rate * controller->gradient[i];
        }
        bound(controller->weights, count);
    }
    memset(controller->gradient, 0, count * sizeof *controller->gradient);
}
