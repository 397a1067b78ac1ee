// SPDX-License-Identifier: Apache-2.0
// The dataset `synthetic`: images made from a seed, no files. Each class has a prototype, a sum of a
// few waves of low frequency in each channel; a sample is its class's prototype, shifted by a few
// pixels (round the edges), with noise. A small convolutional network learns it, but not at once.
//
// Sample i of a split is drawn from a stream of its own, so any range can be read in any order. The
// data depends on `data_seed`, never on the run's seed.
#include <espalier/espalier.h>

#include <math.h>
#include <stdlib.h>

#define WAVES 6

// Names of streams: parts of the Philox key.
enum { STREAM_PROTOTYPES = 1, STREAM_SAMPLES = 2 };

struct synthetic {
    double noise;
    int64_t shift;
    uint64_t seed;
    esp_dataset_info info;
    float *prototypes; // [classes, channels, height, width]
};

static const esp_param synthetic_params[] = {
    ESP_PARAM_INT("channels", 3, 1, 1024, "", "channels of an image"),
    ESP_PARAM_INT("height", 32, 1, 4096, "pixels", "height of an image"),
    ESP_PARAM_INT("width", 32, 1, 4096, "pixels", "width of an image"),
    ESP_PARAM_INT("classes", 10, 2, 100000, "", "number of classes"),
    ESP_PARAM_INT("train", 2000, 1, 100000000, "samples", "size of the training split"),
    ESP_PARAM_INT("valid", 500, 0, 100000000, "samples",
                  "size of the validation split; 0 = cut off the training split"),
    ESP_PARAM_INT("test", 500, 0, 100000000, "samples", "size of the test split"),
    ESP_PARAM_REAL("noise", 1.0, 0, 100, "", "deviation of the noise; a prototype's is 1"),
    ESP_PARAM_INT("shift", 2, 0, 1024, "pixels", "a sample is shifted by up to so much"),
    ESP_PARAM_INT("data_seed", 0, 0, INT64_MAX, "", "which data"),
};

// Fills one plane with waves and scales it to mean 0 and deviation 1.
static void make_plane(float *plane, int64_t height, int64_t width, esp_random *random)
{
    double sum = 0.0, square = 0.0;
    int64_t count = height * width;
    for (int64_t i = 0; i < count; i++)
        plane[i] = 0.0f;
    for (int wave = 0; wave < WAVES; wave++) {
        double down = (double)esp_random_below(random, 4),
               right = (double)esp_random_below(random, 4);
        double phase = 2.0 * esp_random_real(random), size = esp_random_normal(random);
        for (int64_t y = 0; y < height; y++)
            for (int64_t x = 0; x < width; x++) {
                double turn =
                    2.0 * (down * (double)y / (double)height + right * (double)x / (double)width) +
                    phase;
                plane[y * width + x] += (float)(size * cos(3.14159265358979323846 * turn));
            }
    }
    for (int64_t i = 0; i < count; i++) {
        sum += plane[i];
        square += (double)plane[i] * plane[i];
    }
    double mean = sum / (double)count;
    double deviation = sqrt(fmax(square / (double)count - mean * mean, 0.0));
    for (int64_t i = 0; i < count; i++)
        plane[i] = (float)((plane[i] - mean) / (deviation > 0 ? deviation : 1.0));
}

static esp_status make_prototypes(struct synthetic *self, esp_read *read)
{
    const esp_task *task = &self->info.task;
    uint64_t plane = task->height * task->width, planes = task->classes * task->channels;
    self->prototypes = malloc(planes * plane * sizeof *self->prototypes);
    if (!self->prototypes)
        return esp_fail(read, ESP_ERROR_MEMORY, "out of memory");
    for (uint64_t i = 0; i < planes; i++) {
        esp_random random = esp_random_stream(self->seed, STREAM_PROTOTYPES, 0, 0, i);
        make_plane(self->prototypes + i * plane, (int64_t)task->height, (int64_t)task->width,
                   &random);
    }
    return ESP_OK;
}

static void synthetic_close(void *handle)
{
    struct synthetic *self = handle;
    free(self->prototypes);
    free(self);
}

static esp_status synthetic_open(esp_create *create, void **out)
{
    struct synthetic *self = calloc(1, sizeof *self);
    if (!self)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    esp_dataset_info *info = &self->info;
    info->struct_size = sizeof *info;
    info->task.struct_size = sizeof info->task;
    info->task.kind = ESP_TASK_IMAGES;
    info->task.channels = (uint64_t)esp_param_int(create, "channels");
    info->task.height = (uint64_t)esp_param_int(create, "height");
    info->task.width = (uint64_t)esp_param_int(create, "width");
    info->task.classes = (uint64_t)esp_param_int(create, "classes");
    info->element = ESP_ELEMENT_F32;
    info->split_sizes[ESP_SPLIT_TRAIN] = (uint64_t)esp_param_int(create, "train");
    info->split_sizes[ESP_SPLIT_VALID] = (uint64_t)esp_param_int(create, "valid");
    info->split_sizes[ESP_SPLIT_TEST] = (uint64_t)esp_param_int(create, "test");
    self->noise = esp_param_real(create, "noise");
    self->shift = esp_param_int(create, "shift");
    self->seed = (uint64_t)esp_param_int(create, "data_seed");
    *out = self;
    return ESP_OK;
}

static const esp_dataset_info *synthetic_info(void *handle)
{
    return &((struct synthetic *)handle)->info;
}

// The plane of a prototype, moved round the edges, with noise.
static void make_sample(const struct synthetic *self, const float *prototype, float *out,
                        int64_t down, int64_t right, esp_random *random)
{
    int64_t height = (int64_t)self->info.task.height, width = (int64_t)self->info.task.width;
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++) {
            int64_t from_y = ((y - down) % height + height) % height;
            int64_t from_x = ((x - right) % width + width) % width;
            *out++ = prototype[from_y * width + from_x] +
                     (float)(self->noise * esp_random_normal(random));
        }
}

static esp_status synthetic_read(void *handle, esp_read *read, uint32_t split, uint64_t first,
                                 uint64_t count, void *samples, uint32_t *labels)
{
    struct synthetic *self = handle;
    const esp_task *task = &self->info.task;
    uint64_t plane = task->height * task->width, range = (uint64_t)(2 * self->shift + 1);
    float *out = samples;
    // Made at the first read: opening costs nothing.
    esp_status status = self->prototypes ? ESP_OK : make_prototypes(self, read);
    if (status != ESP_OK)
        return status;
    for (uint64_t i = 0; i < count; i++) {
        esp_random random = esp_random_stream(self->seed, STREAM_SAMPLES, split, 0, first + i);
        uint64_t label = esp_random_below(&random, task->classes);
        int64_t down = (int64_t)esp_random_below(&random, range) - self->shift;
        int64_t right = (int64_t)esp_random_below(&random, range) - self->shift;
        labels[i] = (uint32_t)label;
        for (uint64_t c = 0; c < task->channels; c++, out += plane)
            make_sample(self, self->prototypes + (label * task->channels + c) * plane, out, down,
                        right, &random);
    }
    return ESP_OK;
}

static void synthetic_describe(esp_dataset_type *out)
{
    out->summary = "images made from a seed: shifted prototypes with noise, no files";
    ESP_SET_PARAMS(out, synthetic_params);
    out->open = synthetic_open;
    out->close = synthetic_close;
    out->describe = synthetic_info;
    out->read = synthetic_read;
}

ESP_PLUGIN("0.1.0", ESP_DATASET("synthetic", synthetic_describe))
