// SPDX-License-Identifier: Apache-2.0
// The host's side of a dataset: splits and normalisation over the decoded cache (cache.c); see
// data.h.
#include "data/data.h"

#include "data/cache.h"

#include <espalier/random.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

// A sample: bit 63 says that it lies in the dataset's own validation split.
#define IN_VALID (UINT64_C(1) << 63)

struct data {
    struct cache cache;
    esp_task task;
    uint32_t element;
    bool test;
    uint64_t *train, *valid; // samples of the splits in use
    uint64_t train_count, valid_count;
    uint64_t plane;      // elements of one channel
    float *mean, *scale; // [channels]: (x - mean) * scale
    float (*table)[256]; // [channels]: the same for each u8
};

esp_status data_describe(const esp_dataset_info **out, const struct instance *dataset,
                         struct error *error)
{
    const esp_dataset_type *type = dataset->component->type;
    const esp_dataset_info *info = type->describe(dataset->self);
    if (!info || info->struct_size < sizeof *info || info->task.channels == 0 ||
        info->task.height == 0 || info->task.width == 0 || info->task.classes < 2 ||
        info->split_sizes[ESP_SPLIT_TRAIN] == 0 ||
        (info->element != ESP_ELEMENT_U8 && info->element != ESP_ELEMENT_F32))
        return error_set(error, ESP_ERROR_MISUSE,
                         "dataset %s describes itself wrongly: a shape, a number of classes, an "
                         "element or a training split is missing",
                         dataset->component->id);
    *out = info;
    return ESP_OK;
}

// ---- Splits -----------------------------------------------------------------------------------

static uint64_t *list(uint64_t count, struct error *error)
{
    uint64_t *made = malloc((count + 1) * sizeof *made);
    if (!made)
        error_memory(error);
    return made;
}

// All training and validation samples, in the order of the files.
static esp_status split_whole(struct data *data, struct error *error)
{
    uint64_t train = data->cache.splits[ESP_SPLIT_TRAIN].count;
    uint64_t valid = data->cache.splits[ESP_SPLIT_VALID].count;
    data->train = list(train + valid, error);
    if (!data->train)
        return ESP_ERROR_MEMORY;
    for (uint64_t i = 0; i < train; i++)
        data->train[i] = i;
    for (uint64_t i = 0; i < valid; i++)
        data->train[train + i] = IN_VALID | i;
    data->train_count = train + valid;
    return ESP_OK;
}

static esp_status split_search(struct data *data, const struct data_options *options,
                               struct error *error)
{
    uint64_t total = data->cache.splits[ESP_SPLIT_TRAIN].count;
    uint64_t own = data->cache.splits[ESP_SPLIT_VALID].count;
    uint64_t cut = own ? 0 : (uint64_t)llround((double)total * options->valid_fraction);
    uint64_t *order = list(total, error);
    data->valid = list(own + cut, error);
    data->train = list(total, error);
    if (!order || !data->valid || !data->train) {
        free(order);
        return ESP_ERROR_MEMORY;
    }
    esp_random random =
        esp_random_stream(options->split_seed, XXH3_64bits("split", strlen("split")), 0, 0, 0);
    esp_random_permutation(&random, order, total);
    for (uint64_t i = 0; i < own; i++)
        data->valid[data->valid_count++] = IN_VALID | i;
    for (uint64_t i = 0; i < cut; i++)
        data->valid[data->valid_count++] = order[i];
    uint64_t rest = total - cut;
    if (options->train_limit > 0 && options->train_limit < rest)
        rest = options->train_limit;
    for (uint64_t i = 0; i < rest; i++)
        data->train[data->train_count++] = order[cut + i];
    free(order);
    if (data->train_count == 0)
        return error_set(error, ESP_ERROR_INVALID,
                         "[dataset] valid_fraction leaves no training samples of %llu",
                         (unsigned long long)total);
    return ESP_OK;
}

static const unsigned char *sample(const struct data *data, uint64_t place, uint32_t *label)
{
    const struct cache_split *split =
        &data->cache.splits[place & IN_VALID ? ESP_SPLIT_VALID : ESP_SPLIT_TRAIN];
    uint64_t i = place & ~IN_VALID;
    *label = split->labels[i];
    return split->samples + i * data->cache.sample_bytes;
}

// ---- Normalisation ----------------------------------------------------------------------------

// From exact counts of each u8, so that every process computes the same bits.
static void statistics_u8(const struct data *data, uint64_t channel, double *mean,
                          double *deviation)
{
    uint64_t counts[256] = {0};
    uint32_t label;
    for (uint64_t i = 0; i < data->train_count; i++) {
        const unsigned char *x = sample(data, data->train[i], &label) + channel * data->plane;
        for (uint64_t j = 0; j < data->plane; j++)
            counts[x[j]]++;
    }
    double n = (double)(data->train_count * data->plane), sum = 0, square = 0;
    for (int v = 0; v < 256; v++) {
        sum += (double)counts[v] * v;
        square += (double)counts[v] * v * v;
    }
    *mean = sum / n;
    *deviation = sqrt(fmax(square / n - *mean * *mean, 0.0));
}

// Two passes in double, in order.
static void statistics_f32(const struct data *data, uint64_t channel, double *mean,
                           double *deviation)
{
    double n = (double)(data->train_count * data->plane), sum = 0, square = 0;
    uint32_t label;
    for (int pass = 0; pass < 2; pass++) {
        for (uint64_t i = 0; i < data->train_count; i++) {
            const float *x = (const float *)(const void *)sample(data, data->train[i], &label) +
                             channel * data->plane;
            for (uint64_t j = 0; j < data->plane; j++) {
                double centred = (double)x[j] - *mean;
                if (pass == 0)
                    sum += x[j];
                else
                    square += centred * centred;
            }
        }
        if (pass == 0)
            *mean = sum / n;
    }
    *deviation = sqrt(square / n);
}

static esp_status normalise(struct data *data, struct error *error)
{
    uint64_t channels = data->task.channels;
    data->mean = calloc(channels, sizeof *data->mean);
    data->scale = calloc(channels, sizeof *data->scale);
    data->table = calloc(channels, sizeof *data->table);
    if (!data->mean || !data->scale || !data->table)
        return error_memory(error);
    for (uint64_t c = 0; c < channels; c++) {
        double mean = 0, deviation = 0;
        if (data->element == ESP_ELEMENT_U8)
            statistics_u8(data, c, &mean, &deviation);
        else
            statistics_f32(data, c, &mean, &deviation);
        // A channel that never changes is only centred.
        double scale = deviation > 0 ? 1.0 / deviation : 1.0;
        data->mean[c] = (float)mean;
        data->scale[c] = (float)scale;
        for (int v = 0; v < 256; v++)
            data->table[c][v] = (float)((v - mean) * scale);
    }
    return ESP_OK;
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
    if (status == ESP_OK)
        status = cache_open(&data->cache, dataset, info, verify, error);
    if (status == ESP_OK) {
        data->task = info->task;
        data->element = info->element;
        data->test = options->test;
        data->plane = info->task.height * info->task.width;
        status =
            options->whole_training ? split_whole(data, error) : split_search(data, options, error);
    }
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
    free(data->train);
    free(data->valid);
    free(data->mean);
    free(data->scale);
    free(data->table);
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

esp_status data_size(const struct data *data, uint32_t split, uint64_t *out, struct error *error)
{
    switch (split) {
    case ESP_SPLIT_TRAIN:
        *out = data->train_count;
        return ESP_OK;
    case ESP_SPLIT_VALID:
        *out = data->valid_count;
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

static void convert(const struct data *data, const unsigned char *from, float *to)
{
    for (uint64_t c = 0; c < data->task.channels; c++, to += data->plane) {
        if (data->element == ESP_ELEMENT_U8) {
            const float *table = data->table[c];
            const unsigned char *x = from + c * data->plane;
            for (uint64_t j = 0; j < data->plane; j++)
                to[j] = table[x[j]];
        } else {
            const float *x = (const float *)(const void *)from + c * data->plane;
            float mean = data->mean[c], scale = data->scale[c];
            for (uint64_t j = 0; j < data->plane; j++)
                to[j] = (x[j] - mean) * scale;
        }
    }
}

esp_status data_read(const struct data *data, uint32_t split, const uint64_t *indices,
                     uint64_t count, float *samples, uint32_t *labels, struct error *error)
{
    uint64_t size = 0;
    esp_status status = data_size(data, split, &size, error);
    if (status != ESP_OK)
        return status;
    uint64_t elements = data->task.channels * data->plane;
    const struct cache_split *test = &data->cache.splits[ESP_SPLIT_TEST];
    for (uint64_t i = 0; i < count; i++) {
        uint64_t index = indices[i];
        uint32_t label;
        const unsigned char *bytes;
        if (index >= size)
            return error_set(error, ESP_ERROR_MISUSE, "sample %llu of a split of %llu",
                             (unsigned long long)index, (unsigned long long)size);
        if (split == ESP_SPLIT_TEST) {
            bytes = test->samples + index * data->cache.sample_bytes;
            label = test->labels[index];
        } else {
            bytes = sample(data, split == ESP_SPLIT_TRAIN ? data->train[index] : data->valid[index],
                           &label);
        }
        convert(data, bytes, samples + i * elements);
        if (labels)
            labels[i] = label;
    }
    return ESP_OK;
}
