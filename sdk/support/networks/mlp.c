// SPDX-License-Identifier: Apache-2.0
// Dense networks: forward, backward and training; see networks.h. Vectors of a layer lie together, so that the
// inner loops run over a layer's outputs; inputs that are 0, as most of an encoding and half of what ReLU
// gives, cost nothing.
#include <espalier/support/adam.h>
#include <espalier/support/networks.h>

#include <stdlib.h>
#include <string.h>

struct esp_mlp {
    uint64_t inputs, layers, units;
    uint64_t count; // of parameters
    float *parameters;
};

static uint64_t layer_inputs(const esp_mlp *mlp, uint64_t layer)
{
    return layer == 0 ? mlp->inputs : mlp->units;
}

static uint64_t layer_outputs(const esp_mlp *mlp, uint64_t layer)
{
    return layer == mlp->layers ? 1 : mlp->units;
}

// Where a layer's parameters begin; the last layer is the output.
static uint64_t layer_start(const esp_mlp *mlp, uint64_t layer)
{
    return layer == 0
               ? 0
               : (mlp->inputs + 1) * mlp->units + (layer - 1) * (mlp->units + 1) * mlp->units;
}

esp_status esp_mlp_create(esp_mlp **out, uint64_t inputs, uint64_t layers, uint64_t units,
                          esp_random *random)
{
    esp_mlp *mlp = calloc(1, sizeof *mlp);
    if (!mlp)
        return ESP_ERROR_MEMORY;
    mlp->inputs = inputs;
    mlp->layers = layers;
    mlp->units = units;
    mlp->count = layer_start(mlp, layers) + units + 1;
    mlp->parameters = calloc(mlp->count, sizeof *mlp->parameters);
    if (!mlp->parameters) {
        free(mlp);
        return ESP_ERROR_MEMORY;
    }
    for (uint64_t layer = 0; layer <= layers; layer++) {
        uint64_t in = layer_inputs(mlp, layer), to = layer_outputs(mlp, layer);
        double bound = sqrt(6.0 / (double)(in + to));
        float *weights = mlp->parameters + layer_start(mlp, layer);
        for (uint64_t i = 0; i < in * to; i++)
            weights[i] = (float)(bound * (2.0 * esp_random_real(random) - 1.0));
    }
    *out = mlp;
    return ESP_OK;
}

void esp_mlp_destroy(esp_mlp *mlp)
{
    if (!mlp)
        return;
    free(mlp->parameters);
    free(mlp);
}

float *esp_mlp_parameters(esp_mlp *mlp, uint64_t *count)
{
    *count = mlp->count;
    return mlp->parameters;
}

// ---- Forward and backward -------------------------------------------------------------------------

static void dense(const float *restrict weights, uint64_t in, uint64_t to, const float *restrict x,
                  float *restrict y)
{
    memcpy(y, weights + in * to, to * sizeof *y);
    for (uint64_t i = 0; i < in; i++) {
        const float at = x[i], *restrict row = weights + i * to;
        if (at == 0.0f)
            continue;
        for (uint64_t k = 0; k < to; k++)
            y[k] += at * row[k];
    }
}

// One sample; `kept`: [layers, units], the hidden layers' outputs.
static float forward(const esp_mlp *mlp, const float *x, float *kept)
{
    float out = 0.0f;
    for (uint64_t layer = 0; layer < mlp->layers; layer++) {
        float *y = kept + layer * mlp->units;
        dense(mlp->parameters + layer_start(mlp, layer), layer_inputs(mlp, layer), mlp->units, x,
              y);
        for (uint64_t k = 0; k < mlp->units; k++)
            y[k] = y[k] > 0.0f ? y[k] : 0.0f;
        x = y;
    }
    dense(mlp->parameters + layer_start(mlp, mlp->layers), mlp->units, 1, x, &out);
    return out;
}

// Adds a sample's part to the gradient. `slope`: of the loss by the output; `work`: [2, units].
static void backward(const esp_mlp *mlp, const float *x, const float *kept, float slope,
                     float *work, float *gradient)
{
    float *above = work, *below = work + mlp->units;
    above[0] = slope;
    for (uint64_t layer = mlp->layers + 1; layer-- > 0;) {
        const uint64_t in = layer_inputs(mlp, layer), to = layer_outputs(mlp, layer);
        const float *weights = mlp->parameters + layer_start(mlp, layer);
        const float *from = layer == 0 ? x : kept + (layer - 1) * mlp->units;
        float *slopes = gradient + layer_start(mlp, layer), *biases = slopes + in * to;
        for (uint64_t k = 0; k < to; k++)
            biases[k] += above[k];
        for (uint64_t i = 0; i < in; i++) {
            if (from[i] == 0.0f) { // ReLU passes nothing back either
                if (layer > 0)
                    below[i] = 0.0f;
                continue;
            }
            float sum = 0.0f;
            for (uint64_t k = 0; k < to; k++)
                slopes[i * to + k] += from[i] * above[k];
            for (uint64_t k = 0; k < to && layer > 0; k++)
                sum += weights[i * to + k] * above[k];
            if (layer > 0)
                below[i] = sum;
        }
        float *held = above;
        above = below;
        below = held;
    }
}

struct room {
    float *kept, *work, *gradient;
};

static int room_make(struct room *room, const esp_mlp *mlp)
{
    room->kept = calloc((mlp->layers + 2) * (mlp->units + 1) + mlp->count, sizeof *room->kept);
    if (!room->kept)
        return 0;
    room->work = room->kept + mlp->layers * mlp->units;
    room->gradient = room->work + 2 * mlp->units;
    return 1;
}

// The loss of the samples `order` (NULL: the first ones), and its gradient.
static double losses(const esp_mlp *mlp, const float *x, const float *y, const float *weights,
                     const uint64_t *order, uint64_t count, const struct room *room,
                     float *gradient)
{
    double loss = 0.0;
    memset(gradient, 0, mlp->count * sizeof *gradient);
    for (uint64_t i = 0; i < count; i++) {
        const uint64_t sample = order ? order[i] : i;
        const float *at = x + sample * mlp->inputs;
        float apart = forward(mlp, at, room->kept) - y[sample];
        float weight = (weights ? weights[sample] : 1.0f) / (float)count;
        float slope = apart > 0.0f ? weight : apart < 0.0f ? -weight : 0.0f;
        loss += (double)(weight * fabsf(apart));
        if (slope != 0.0f)
            backward(mlp, at, room->kept, slope, room->work, gradient);
    }
    return loss;
}

esp_status esp_mlp_predict(const esp_mlp *mlp, const float *x, uint64_t count, float *out)
{
    struct room room;
    if (!room_make(&room, mlp))
        return ESP_ERROR_MEMORY;
    for (uint64_t i = 0; i < count; i++)
        out[i] = forward(mlp, x + i * mlp->inputs, room.kept);
    free(room.kept);
    return ESP_OK;
}

esp_status esp_mlp_gradient(const esp_mlp *mlp, const float *x, const float *y,
                            const float *weights, uint64_t count, double *loss, float *gradient)
{
    struct room room;
    if (!room_make(&room, mlp))
        return ESP_ERROR_MEMORY;
    *loss = losses(mlp, x, y, weights, NULL, count, &room, gradient);
    free(room.kept);
    return ESP_OK;
}

// ---- Training -------------------------------------------------------------------------------------

esp_status esp_mlp_train(esp_mlp *mlp, const esp_mlp_training *training, const float *x,
                         const float *y, const float *weights, uint64_t count, esp_random *random)
{
    struct room room = {0};
    esp_adam adam = {
        training->learning_rate, training->beta1, training->beta2, training->epsilon, 1.0, 1.0};
    uint64_t *order = malloc((count + 1) * sizeof *order);
    float *moments = calloc(2 * mlp->count, sizeof *moments);
    esp_status status = ESP_ERROR_MEMORY;
    if (!order || !moments || !room_make(&room, mlp))
        goto cleanup;
    status = ESP_OK;
    for (uint64_t epoch = 0; epoch < training->epochs; epoch++) {
        esp_random_permutation(random, order, count);
        for (uint64_t first = 0; first < count; first += training->batch) {
            uint64_t size = count - first < training->batch ? count - first : training->batch;
            losses(mlp, x, y, weights, order + first, size, &room, room.gradient);
            esp_adam_step(&adam, mlp->parameters, room.gradient, moments, moments + mlp->count,
                          mlp->count);
        }
    }
cleanup:
    free(room.kept);
    free(order);
    free(moments);
    return status;
}
