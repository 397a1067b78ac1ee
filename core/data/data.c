// SPDX-License-Identifier: Apache-2.0
// The host's side of a dataset: normalised samples of splits (split.c) out of the decoded cache
// (cache.c); see data.h.
#include "data/data.h"

#include "data/cache.h"
#include "data/moments.h"
#include "data/split.h"

#include <stdlib.h>
#include <string.h>

struct data {
    struct cache cache;
    struct split split;
    esp_task task;
    uint32_t element;
    bool test;
    uint64_t plane;      // values of one channel
    float *mean, *scale; // [channels]: a value becomes (value - mean) * scale
};

esp_status data_describe(const esp_dataset_info **out, const struct instance *dataset,
                         struct error *error)
{
    const esp_dataset_type *type = dataset->component->type;
    const esp_dataset_info *info = type->describe(dataset->self);
    const char *wrong = NULL;
    if (!info || info->struct_size < sizeof *info)
        wrong = "nothing";
    else if (info->task.kind != ESP_TASK_IMAGES && info->task.kind != ESP_TASK_ROWS)
        wrong = "an unknown kind of task";
    else if (info->task.channels == 0 || info->task.height == 0 || info->task.width == 0)
        wrong = "samples without a value";
    else if (info->task.kind == ESP_TASK_ROWS && (info->task.height != 1 || info->task.width != 1))
        wrong = "rows with a height or a width";
    else if (info->task.classes < 2)
        wrong = "fewer than 2 classes";
    else if (info->element != ESP_ELEMENT_U8 && info->element != ESP_ELEMENT_F32)
        wrong = "an unknown element";
    else if (info->split_sizes[ESP_SPLIT_TRAIN] == 0)
        wrong = "no training sample";
    if (wrong)
        return error_set(error, ESP_ERROR_MISUSE, "dataset %s describes %s", dataset->component->id,
                         wrong);
    *out = info;
    return ESP_OK;
}

// The bytes of a training or validation sample.
static const unsigned char *sample_at(const struct data *data, uint64_t place, uint64_t *index,
                                      const struct cache_split **split)
{
    *split = &data->cache.splits[place & SPLIT_OWN_VALID ? ESP_SPLIT_VALID : ESP_SPLIT_TRAIN];
    *index = place & ~SPLIT_OWN_VALID;
    return (*split)->samples + *index * data->cache.sample_bytes;
}

// ---- Normalisation ----------------------------------------------------------------------------

// Adds one row, a value a channel.
static void add_row(const struct data *data, double *restrict sum, double *restrict square,
                    const unsigned char *restrict bytes, const float *restrict pivots)
{
    const float *restrict values = (const float *)(const void *)bytes;
    if (data->element == ESP_ELEMENT_U8) {
        for (uint64_t c = 0; c < data->task.channels; c++) {
            double x = bytes[c];
            sum[c] += x;
            square[c] += x * x;
        }
        return;
    }
    for (uint64_t c = 0; c < data->task.channels; c++) {
        double x = (double)values[c] - (double)pivots[c];
        sum[c] += x;
        square[c] += x * x;
    }
}

// Adds up the training samples in use, in their order: `sum` and `square` [channels].
static void add_samples(const struct data *data, double *sum, double *square, const float *pivots)
{
    const struct cache_split *split;
    uint64_t index, channels = data->task.channels;
    for (uint64_t i = 0; i < data->split.train_count; i++) {
        const unsigned char *bytes = sample_at(data, data->split.train[i], &index, &split);
        if (!split->moments) {
            add_row(data, sum, square, bytes, pivots);
            continue;
        }
        const double *moments = split->moments + index * channels * 2;
        for (uint64_t c = 0; c < channels; c++) {
            sum[c] += moments[2 * c];
            square[c] += moments[2 * c + 1];
        }
    }
}

static esp_status normalise(struct data *data, struct error *error)
{
    uint64_t channels = data->task.channels;
    double *sums = calloc(channels, 2 * sizeof *sums);
    float *pivots = calloc(channels, sizeof *pivots);
    data->mean = malloc(channels * sizeof *data->mean);
    data->scale = malloc(channels * sizeof *data->scale);
    esp_status status = ESP_OK;
    if (!sums || !pivots || !data->mean || !data->scale) {
        status = error_memory(error);
        goto cleanup;
    }
    if (data->element == ESP_ELEMENT_F32) {
        const float *first = (const float *)(const void *)data->cache.splits[0].samples;
        for (uint64_t c = 0; c < channels; c++)
            pivots[c] = first[c * data->plane];
    }
    add_samples(data, sums, sums + channels, pivots);
    for (uint64_t c = 0; c < channels; c++)
        moments_scale(&data->mean[c], &data->scale[c], (double[]){sums[c], sums[channels + c]},
                      data->split.train_count * data->plane, pivots[c]);
cleanup:
    free(sums);
    free(pivots);
    return status;
}

static void convert_u8(float *restrict to, const unsigned char *restrict from, uint64_t count,
                       float mean, float scale)
{
    for (uint64_t i = 0; i < count; i++)
        to[i] = ((float)from[i] - mean) * scale;
}

static void convert_f32(float *restrict to, const float *restrict from, uint64_t count, float mean,
                        float scale)
{
    for (uint64_t i = 0; i < count; i++)
        to[i] = (from[i] - mean) * scale;
}

// One column a channel.
static void convert_row(const struct data *data, float *restrict to,
                        const unsigned char *restrict from)
{
    const float *restrict mean = data->mean, *restrict scale = data->scale;
    const float *restrict values = (const float *)(const void *)from;
    if (data->element == ESP_ELEMENT_U8)
        for (uint64_t c = 0; c < data->task.channels; c++)
            to[c] = ((float)from[c] - mean[c]) * scale[c];
    else
        for (uint64_t c = 0; c < data->task.channels; c++)
            to[c] = (values[c] - mean[c]) * scale[c];
}

static void convert(const struct data *data, float *to, const unsigned char *from)
{
    uint64_t plane = data->plane;
    if (plane == 1) {
        convert_row(data, to, from);
        return;
    }
    for (uint64_t c = 0; c < data->task.channels; c++)
        if (data->element == ESP_ELEMENT_U8)
            convert_u8(to + c * plane, from + c * plane, plane, data->mean[c], data->scale[c]);
        else
            convert_f32(to + c * plane, (const float *)(const void *)from + c * plane, plane,
                        data->mean[c], data->scale[c]);
}

// ---- Opening and reading ----------------------------------------------------------------------

esp_status data_open(struct data **out, const struct instance *dataset,
                     const struct data_options *options, bool verify, struct error *error)
{
    const esp_dataset_info *info = NULL;
    struct data *data = calloc(1, sizeof *data);
    if (!data)
        return error_memory(error);
    esp_status status = data_describe(&info, dataset, error);
    if (status == ESP_OK) {
        data->task = info->task;
        data->element = info->element;
        data->test = options->test;
        data->plane = info->task.height * info->task.width;
        status = split_make(&data->split, info->split_sizes[ESP_SPLIT_TRAIN],
                            info->split_sizes[ESP_SPLIT_VALID], options, error);
    }
    if (status == ESP_OK)
        status = cache_open(&data->cache, dataset, info, verify, error);
    if (status == ESP_OK)
        status = normalise(data, error);
    if (status != ESP_OK) {
        data_close(data);
        return status;
    }
    *out = data;
    return ESP_OK;
}

void data_close(struct data *data)
{
    if (!data)
        return;
    cache_close(&data->cache);
    split_free(&data->split);
    free(data->mean);
    free(data->scale);
    free(data);
}

const esp_task *data_task(const struct data *data)
{
    return &data->task;
}

const char *data_sha256(const struct data *data)
{
    return data->cache.sha256;
}

bool data_decoded(const struct data *data)
{
    return data->cache.decoded;
}

struct data_normalisation data_normalisation(const struct data *data)
{
    double unit = data->element == ESP_ELEMENT_U8 ? 255.0 : 1.0;
    return (struct data_normalisation){data->mean, data->scale, unit};
}

esp_status data_size(const struct data *data, uint32_t split, uint64_t *out, struct error *error)
{
    switch (split) {
    case ESP_SPLIT_TRAIN:
        *out = data->split.train_count;
        return ESP_OK;
    case ESP_SPLIT_VALID:
        *out = data->split.valid_count;
        return ESP_OK;
    case ESP_SPLIT_TEST:
        if (!data->test)
            return error_set(error, ESP_ERROR_UNSUPPORTED,
                             "the test split cannot be opened in a search; a final training reads "
                             "it once, at its end");
        *out = data->cache.splits[ESP_SPLIT_TEST].count;
        return ESP_OK;
    default:
        return error_set(error, ESP_ERROR_MISUSE, "there is no split %u", split);
    }
}

esp_status data_read(const struct data *data, uint32_t split, const uint64_t *indices,
                     uint64_t count, float *samples, uint32_t *labels, struct error *error)
{
    uint64_t size = 0, values = data->task.channels * data->plane;
    const uint64_t *places = split == ESP_SPLIT_TRAIN ? data->split.train : data->split.valid;
    esp_status status = data_size(data, split, &size, error);
    if (status != ESP_OK)
        return status;
    for (uint64_t i = 0; i < count; i++) {
        const struct cache_split *from = &data->cache.splits[ESP_SPLIT_TEST];
        uint64_t index = indices[i];
        if (index >= size)
            return error_set(error, ESP_ERROR_MISUSE,
                             "sample %llu was asked for; the split has %llu",
                             (unsigned long long)index, (unsigned long long)size);
        const unsigned char *bytes = split == ESP_SPLIT_TEST
                                         ? from->samples + index * data->cache.sample_bytes
                                         : sample_at(data, places[index], &index, &from);
        if (samples)
            convert(data, samples + i * values, bytes);
        if (labels)
            labels[i] = from->labels[index];
    }
    return ESP_OK;
}
