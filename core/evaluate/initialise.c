// SPDX-License-Identifier: Apache-2.0
// How the weights of a compiled network begin; see initialise.h.
#include "evaluate/initialise.h"

#include "evaluate/safetensors.h"

#include <espalier/random.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

// ---- Initialisers -----------------------------------------------------------------------------

// The factor of a draw, or 0 where nothing is drawn. Weights are [out, in, ...].
static double scale_of(const esp_weight *weight, uint32_t init)
{
    double fan_in = 1.0, fan_out = weight->shape.rank > 0 ? (double)weight->shape.dims[0] : 1.0;
    for (uint32_t i = 1; i < weight->shape.rank; i++)
        fan_in *= (double)weight->shape.dims[i];
    for (uint32_t i = 2; i < weight->shape.rank; i++)
        fan_out *= (double)weight->shape.dims[i];
    switch (init) {
    case ESP_INIT_KAIMING_NORMAL:
        return sqrt(2.0 / fan_in);
    case ESP_INIT_KAIMING_UNIFORM:
        return sqrt(1.0 / fan_in);
    case ESP_INIT_XAVIER_UNIFORM:
        return sqrt(6.0 / (fan_in + fan_out));
    case ESP_INIT_XAVIER_NORMAL:
        return sqrt(2.0 / (fan_in + fan_out));
    case ESP_INIT_HE_UNIFORM:
        return sqrt(6.0 / fan_in);
    default:
        return 0.0;
    }
}

static void fill(float *data, uint64_t size, const esp_weight *weight, uint32_t init,
                 esp_random *random)
{
    double scale = scale_of(weight, init);
    if (init == ESP_INIT_KAIMING_NORMAL || init == ESP_INIT_XAVIER_NORMAL)
        for (uint64_t i = 0; i < size; i++)
            data[i] = (float)(scale * esp_random_normal(random));
    else if (scale > 0.0)
        for (uint64_t i = 0; i < size; i++)
            data[i] = (float)(scale * (2.0 * esp_random_real(random) - 1.0));
    else
        for (uint64_t i = 0; i < size; i++)
            data[i] = init == ESP_INIT_ONES ? 1.0f : 0.0f;
}

struct start {
    uint64_t seed, lineage;
    const uint32_t *init; // of all that is drawn; NULL: each as its operator says
};

static esp_status initialise_weight(struct program *program, const esp_weight *weight, void *self)
{
    const struct start *start = self;
    char *name = NULL;
    float *data = NULL;
    int length = asprintf(&name, "init:%s", weight->path);
    if (length < 0)
        return error_memory(program_error(program));
    esp_random random =
        esp_random_stream(start->seed, XXH3_64bits(name, (size_t)length), start->lineage, 0, 0);
    free(name);
    bool drawn = weight->init != ESP_INIT_ZEROS && weight->init != ESP_INIT_ONES &&
                 weight->init != ESP_INIT_GIVEN;
    uint32_t init = drawn && start->init ? *start->init : weight->init;
    esp_status status = program_weight(program, ESP_TENSOR_WEIGHT, weight, &data);
    if (status == ESP_OK && weight->values)
        memcpy(data, weight->values, esp_shape_size(&weight->shape) * sizeof *data);
    else if (status == ESP_OK)
        fill(data, esp_shape_size(&weight->shape), weight, init, &random);
    return status;
}

esp_status program_initialise(struct program *program, uint64_t seed, uint64_t lineage,
                              const uint32_t *init)
{
    struct start start = {seed, lineage, init};
    return program_each_weight(program, initialise_weight, &start);
}

// ---- Inheritance ------------------------------------------------------------------------------

struct parent {
    struct safetensors *file;
    uint64_t count;
};

static esp_status inherit_weight(struct program *program, const esp_weight *weight, void *self)
{
    struct parent *parent = self;
    struct safetensors_entry entry;
    float *data = NULL;
    if (!safetensors_find(parent->file, "", weight->path, &entry) ||
        !safetensors_shaped(&entry, &weight->shape))
        return ESP_OK;
    esp_status status = program_weight(program, ESP_TENSOR_WEIGHT, weight, &data);
    if (status != ESP_OK)
        return status;
    memcpy(data, entry.data, esp_shape_size(&weight->shape) * sizeof *data);
    parent->count++;
    return ESP_OK;
}

esp_status program_inherit(struct program *program, const char *path, uint64_t *count)
{
    struct safetensors *file = NULL;
    esp_status status = safetensors_open(&file, path, program_error(program));
    struct parent parent = {file, 0};
    if (status == ESP_OK)
        status = program_each_weight(program, inherit_weight, &parent);
    *count = parent.count;
    safetensors_close(file);
    return status;
}
