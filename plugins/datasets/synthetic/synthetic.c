// SPDX-License-Identifier: Apache-2.0
// The dataset `synthetic`: images made from parameters and a seed, no files. Each class has a
// prototype, a smooth random pattern of few plane waves; a sample is its class's prototype, moved by
// a few pixels around the edges, of random contrast, with noise. Sample i of a split has a random
// stream of its own, so that any range can be read in any order. The data depends on `data_seed`,
// never on the run's seed.
#include <espalier/plugin.h>
#include <espalier/random.h>

#include <stdlib.h>

// XXH3-64 of "synthetic.prototype" and of "synthetic.sample".
#define PROTOTYPE_STREAM UINT64_C(0xA6E9639C731974C7)
#define SAMPLE_STREAM UINT64_C(0x90D3A9EA50F4D880)

enum {
    WAVES = 6,            // of one channel of a prototype
    HIGHEST_FREQUENCY = 3 // periods across the image
};

struct synthetic {
    esp_dataset_info info;
    uint64_t seed;
    uint64_t shift;    // pixels
    float noise;       // standard deviation, where a prototype's is 1
    float *prototypes; // [classes, channels, height, width]; NULL until the first read
};

static const esp_param synthetic_params[] = {
    ESP_PARAM_INT("channels", 3, 1, 1024, "", "channels of an image"),
    ESP_PARAM_INT("height", 32, 1, 4096, "pixels", "height of an image"),
    ESP_PARAM_INT("width", 32, 1, 4096, "pixels", "width of an image"),
    ESP_PARAM_INT("classes", 10, 2, 100000, "", "number of classes"),
    ESP_PARAM_INT("train", 2000, 1, 100000000, "samples", "size of the training split"),
    ESP_PARAM_INT("valid", 500, 0, 100000000, "samples",
                  "size of the validation split; 0: cut off the training split"),
    ESP_PARAM_INT("test", 500, 0, 100000000, "samples", "size of the test split"),
    ESP_PARAM_REAL("noise", 1.0, 0, 100, "", "deviation of the noise, where a prototype's is 1"),
    ESP_PARAM_INT("shift", 4, 0, 1024, "pixels", "a sample is moved by up to so much"),
    ESP_PARAM_INT("data_seed", 0, 0, INT64_MAX, "", "which data"),
};

static esp_status synthetic_open(esp_create *create, void **out)
{
    struct synthetic *data = calloc(1, sizeof *data);
    if (!data)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    esp_task *task = &data->info.task;
    data->info.struct_size = sizeof data->info;
    data->info.element = ESP_ELEMENT_F32;
    data->info.split_sizes[ESP_SPLIT_TRAIN] = (uint64_t)esp_param_int(create, "train");
    data->info.split_sizes[ESP_SPLIT_VALID] = (uint64_t)esp_param_int(create, "valid");
    data->info.split_sizes[ESP_SPLIT_TEST] = (uint64_t)esp_param_int(create, "test");
    task->struct_size = sizeof *task;
    task->kind = ESP_TASK_IMAGES;
    task->channels = (uint64_t)esp_param_int(create, "channels");
    task->height = (uint64_t)esp_param_int(create, "height");
    task->width = (uint64_t)esp_param_int(create, "width");
    task->classes = (uint64_t)esp_param_int(create, "classes");
    data->noise = (float)esp_param_real(create, "noise");
    data->shift = (uint64_t)esp_param_int(create, "shift");
    data->seed = (uint64_t)esp_param_int(create, "data_seed");
    *out = data;
    return ESP_OK;
}

static void synthetic_close(void *self)
{
    struct synthetic *data = self;
    free(data->prototypes);
    free(data);
}

static const esp_dataset_info *synthetic_info(void *self)
{
    const struct synthetic *data = self;
    return &data->info;
}

// ---- Prototypes -------------------------------------------------------------------------------

// A whole number of periods, so that the pattern has no seam at the edges.
static double draw_frequency(esp_random *random)
{
    return (double)esp_random_below(random, 2 * HIGHEST_FREQUENCY + 1) - HIGHEST_FREQUENCY;
}

// Adds a plane wave to a channel [height, width].
static void add_wave(float *plane, const esp_task *task, esp_random *random)
{
    const double turn = 6.283185307179586476925286766559;
    double down = turn * draw_frequency(random) / (double)task->height;
    double right = turn * draw_frequency(random) / (double)task->width;
    double phase = turn * esp_random_real(random), amplitude = esp_random_normal(random);
    for (uint64_t y = 0; y < task->height; y++)
        for (uint64_t x = 0; x < task->width; x++) {
            double angle = down * (double)y + right * (double)x + phase;
            *plane++ += (float)(amplitude * cos(angle));
        }
}

// To mean 0 and deviation 1, so that no brightness or contrast gives the class away.
static void standardise(float *plane, uint64_t count)
{
    double sum = 0, square = 0;
    for (uint64_t i = 0; i < count; i++)
        sum += plane[i];
    double mean = sum / (double)count;
    for (uint64_t i = 0; i < count; i++)
        square += (plane[i] - mean) * (plane[i] - mean);
    double deviation = sqrt(square / (double)count);
    for (uint64_t i = 0; i < count; i++)
        plane[i] = (float)((plane[i] - mean) / (deviation > 0 ? deviation : 1.0));
}

static esp_status make_prototypes(struct synthetic *data, esp_read *read)
{
    const esp_task *task = &data->info.task;
    uint64_t plane = task->height * task->width, planes = task->classes * task->channels;
    data->prototypes = calloc(planes, plane * sizeof *data->prototypes);
    if (!data->prototypes)
        return esp_fail(read, ESP_ERROR_MEMORY, "out of memory");
    for (uint64_t i = 0; i < planes; i++) {
        esp_random random = esp_random_stream(data->seed, PROTOTYPE_STREAM, 0, 0, i);
        for (int wave = 0; wave < WAVES; wave++)
            add_wave(data->prototypes + i * plane, task, &random);
        standardise(data->prototypes + i * plane, plane);
    }
    return ESP_OK;
}

// ---- Samples ----------------------------------------------------------------------------------

// Noise of mean 0 and deviation 1 from one draw: the sum of four uniform numbers of 16 bits (Irwin
// 1927, Hall 1927), near enough to normal, quick, and of the same bits on every machine.
static float draw_noise(esp_random *random)
{
    const float deviation = 37837.2274f; // sqrt(4 * (65536^2 - 1) / 12)
    uint64_t bits = esp_random_bits(random);
    int32_t sum = (int32_t)(bits & 0xffff) + (int32_t)(bits >> 16 & 0xffff) +
                  (int32_t)(bits >> 32 & 0xffff) + (int32_t)(bits >> 48);
    return (float)(sum - 2 * 65535) / deviation;
}

// A shift of up to `most` pixels either way, around the edge: a number below `pixels`.
static uint64_t draw_shift(esp_random *random, uint64_t most, uint64_t pixels)
{
    uint64_t drawn = esp_random_below(random, 2 * most + 1);
    return (drawn + pixels - most % pixels) % pixels;
}

static void make_sample(const struct synthetic *data, uint32_t split, uint64_t i, float *out,
                        uint32_t *label)
{
    const esp_task *task = &data->info.task;
    uint64_t height = task->height, width = task->width;
    esp_random random = esp_random_stream(data->seed, SAMPLE_STREAM, split, 0, i);
    *label = (uint32_t)esp_random_below(&random, task->classes);
    uint64_t down = draw_shift(&random, data->shift, height);
    uint64_t right = draw_shift(&random, data->shift, width);
    float contrast = (float)(0.5 + esp_random_real(&random));
    const float *prototype = data->prototypes + *label * task->channels * height * width;
    for (uint64_t channel = 0; channel < task->channels; channel++)
        for (uint64_t y = 0; y < height; y++) {
            const float *from = prototype + (channel * height + (y + down) % height) * width;
            for (uint64_t x = 0; x < width; x++)
                *out++ = contrast * from[(x + right) % width] + data->noise * draw_noise(&random);
        }
}

static esp_status synthetic_read(void *self, esp_read *read, uint32_t split, uint64_t first,
                                 uint64_t count, void *samples, uint32_t *labels)
{
    struct synthetic *data = self;
    const esp_task *task = &data->info.task;
    uint64_t size = task->channels * task->height * task->width;
    // At the first read: workers that find the data cached make none.
    esp_status status = data->prototypes ? ESP_OK : make_prototypes(data, read);
    for (uint64_t i = 0; i < count && status == ESP_OK; i++)
        make_sample(data, split, first + i, (float *)samples + i * size, labels + i);
    return status;
}

static void synthetic_describe(esp_dataset_type *out)
{
    out->summary = "images made from a seed: shifted smooth patterns with noise, no files";
    ESP_SET_PARAMS(out, synthetic_params);
    out->open = synthetic_open;
    out->close = synthetic_close;
    out->describe = synthetic_info;
    out->read = synthetic_read;
}

ESP_PLUGIN("0.2.0", ESP_DATASET("synthetic", synthetic_describe))
