// SPDX-License-Identifier: Apache-2.0
// Clipping of gradients; see gradients.h.
#include "evaluate/gradients.h"

#include <math.h>

struct clip {
    double squares; // so far
    float factor, most;
};

static esp_status gradient_of(struct program *program, const esp_weight *weight, float **data,
                              uint64_t *size)
{
    *size = weight->role == ESP_WEIGHT_TRAINED ? esp_shape_size(&weight->shape) : 0;
    return *size ? program_weight(program, ESP_TENSOR_GRADIENT, weight, data) : ESP_OK;
}

static esp_status add_squares(struct program *program, const esp_weight *weight, void *self)
{
    struct clip *clip = self;
    float *g = NULL;
    uint64_t size;
    esp_status status = gradient_of(program, weight, &g, &size);
    for (uint64_t i = 0; status == ESP_OK && i < size; i++)
        clip->squares += (double)g[i] * (double)g[i];
    return status;
}

static esp_status scale(struct program *program, const esp_weight *weight, void *self)
{
    const struct clip *clip = self;
    float *g = NULL;
    uint64_t size;
    esp_status status = gradient_of(program, weight, &g, &size);
    for (uint64_t i = 0; status == ESP_OK && i < size; i++)
        g[i] *= clip->factor;
    return status;
}

static esp_status clamp(struct program *program, const esp_weight *weight, void *self)
{
    float most = ((const struct clip *)self)->most, *g = NULL;
    uint64_t size;
    esp_status status = gradient_of(program, weight, &g, &size);
    // What is no number stays so.
    for (uint64_t i = 0; status == ESP_OK && i < size; i++)
        g[i] = g[i] > most ? most : g[i] < -most ? -most : g[i];
    return status;
}

static esp_status check(struct program *program, double most, const char *what)
{
    if (!program_trains(program))
        return error_set(program_error(program), ESP_ERROR_MISUSE,
                         "%s: the program was compiled for evaluation alone", what);
    return most > 0.0 ? ESP_OK
                      : error_set(program_error(program), ESP_ERROR_MISUSE,
                                  "%s: expected a bound above 0, got %g", what, most);
}

esp_status gradients_clip_norm(struct program *program, double most, double *norm)
{
    struct clip clip = {0};
    esp_status status = check(program, most, "clip_norm");
    if (status == ESP_OK)
        status = program_each_weight(program, add_squares, &clip);
    double found = sqrt(clip.squares);
    if (norm)
        *norm = found;
    if (status != ESP_OK || !(found > most))
        return status;
    clip.factor = (float)(most / found);
    return program_each_weight(program, scale, &clip);
}

esp_status gradients_clip_values(struct program *program, double most)
{
    struct clip clip = {.most = (float)most};
    esp_status status = check(program, most, "clip_values");
    return status == ESP_OK ? program_each_weight(program, clamp, &clip) : status;
}
