// SPDX-License-Identifier: Apache-2.0
// Fitting and conditioning; see model.h.
#include "model.h"

#include <stdlib.h>
#include <string.h>

// The fits' stream: any word of its own.
#define STREAM UINT64_C(0x676175737369616e) // "gaussian"
#define FIT_STEPS 15

struct data {
    uint64_t *chosen;
    double *points, *values;
    uint64_t count;
    double lie, best;
};

static void data_free(struct data *data)
{
    free(data->chosen);
    free(data->points);
    free(data->values);
}

// At most `most` of the first `count` told ones, with room for `more`.
static int gather(struct data *data, const struct observations *observations, uint64_t count,
                  uint64_t most, uint64_t more)
{
    const uint64_t width = observations->width, room = most + more + 1;
    *data = (struct data){.chosen = malloc(room * sizeof *data->chosen),
                          .points = malloc((room * width + 1) * sizeof *data->points),
                          .values = malloc(room * sizeof *data->values)};
    if (!data->chosen || !data->points || !data->values)
        return 0;
    data->count = observations_choose(observations, count, most, data->chosen);
    for (uint64_t i = 0; i < data->count; i++)
        memcpy(data->points + i * width, observations->points + data->chosen[i] * width,
               width * sizeof *data->points);
    return data->count > 0 && observations_values(observations, data->chosen, data->count,
                                                  data->values, &data->lie, &data->best);
}

static esp_status fit(struct model *model, const struct observations *observations, uint64_t seed)
{
    const uint64_t count = observations->count < model->refit
                               ? observations->count
                               : observations->count - observations->count % model->refit;
    struct data data;
    esp_status status = ESP_ERROR_MEMORY;
    if (model->fitted == count)
        return ESP_OK;
    esp_random random = esp_random_stream(seed, STREAM, count, 0, 0);
    if (gather(&data, observations, count, model->fit_points, 0))
        status = esp_gp_fit(&model->shape, data.points, data.values, data.count, model->restarts,
                            FIT_STEPS, &random, model->parameters);
    model->fitted = status == ESP_OK ? count : 0;
    data_free(&data);
    return status;
}

static void add_open(struct data *data, const struct observations *observations)
{
    for (uint64_t i = 0; i < observations->open_count; i++) {
        esp_mixed_encoding_write(observations->encoding, observations->open[i].arch,
                                 data->points + data->count * observations->width);
        data->values[data->count++] = data->lie;
    }
}

esp_status model_posterior(struct model *model, const struct observations *observations,
                           uint64_t seed, int lies, struct posterior *out)
{
    struct data data;
    esp_status status = fit(model, observations, seed);
    if (status != ESP_OK)
        return status;
    if (!gather(&data, observations, observations->count, model->most_points,
                observations->open_count)) {
        data_free(&data);
        return ESP_ERROR_MEMORY;
    }
    if (lies)
        add_open(&data, observations);
    out->best = data.best;
    status = esp_gp_create(&out->gp, &model->shape, model->parameters, data.points, data.values,
                           data.count);
    if (status == ESP_ERROR_DATA) {
        // Too many points upon each other for so little noise.
        double *noise = &model->parameters[esp_gp_parameter_count(&model->shape) - 1];
        double before = *noise;
        *noise = 0.0; // as much as signal
        status = esp_gp_create(&out->gp, &model->shape, model->parameters, data.points, data.values,
                               data.count);
        *noise = before;
    }
    data_free(&data);
    return status;
}
