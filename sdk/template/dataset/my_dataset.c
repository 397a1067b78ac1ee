// SPDX-License-Identifier: Apache-2.0
// my_dataset: grey images of shapes, made from a seed: discs, squares, triangles and crosses, each at
// a place and of a size of its own, in noise. The label is the shape.
//
// A dataset says what it has and reads raw samples in their order. The host decodes it once into a
// cache that all workers map, cuts a validation split off the training data where there is none, and
// normalises; augmentation belongs to the estimator. The same call gives the same bytes each time.
#include <espalier/espalier.h>

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

// x and y from the middle of the shape, in halves of its size.
typedef bool (*contains)(double x, double y);

static bool disc(double x, double y)
{
    return x * x + y * y <= 1;
}

static bool square(double x, double y)
{
    return fabs(x) <= 0.9 && fabs(y) <= 0.9;
}

static bool triangle(double x, double y)
{
    return y <= 1 && fabs(x) <= (y + 1) / 2;
}

static bool cross(double x, double y)
{
    return fabs(x) <= 1 && fabs(y) <= 1 && (fabs(x) <= 0.3 || fabs(y) <= 0.3);
}

// One a label.
static const contains shapes[] = {disc, square, triangle, cross};

struct drawings {
    double noise;
    uint64_t seed;
    esp_dataset_info info;
};

// The host reads the INI against this table: `espalier describe dataset/my_dataset` prints it.
static const esp_param drawings_params[] = {
    ESP_PARAM_INT("size", 16, 8, 256, "pixels", "height and width"),
    ESP_PARAM_INT("train", 1000, 1, 1000000, "samples", "training samples"),
    ESP_PARAM_INT("test", 250, 0, 1000000, "samples", "test samples"),
    ESP_PARAM_REAL("noise", 0.1, 0, 1, "", "deviation of the noise; a shape is 0.6 brighter"),
    ESP_PARAM_INT("data_seed", 0, 0, 1000000, "", "which images"),
};

// Opens what there is and says how much; here nothing has to be read. A dataset of files tests them
// here, names them in info.files, and fails with words that name the file.
static esp_status drawings_open(esp_create *create, void **out)
{
    struct drawings *drawings = calloc(1, sizeof *drawings);
    if (!drawings)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    drawings->noise = esp_param_real(create, "noise");
    drawings->seed = (uint64_t)esp_param_int(create, "data_seed");
    esp_dataset_info *info = &drawings->info;
    info->struct_size = sizeof *info;
    info->task.struct_size = sizeof info->task;
    info->task.kind = ESP_TASK_IMAGES;
    info->task.channels = 1;
    info->task.height = info->task.width = (uint64_t)esp_param_int(create, "size");
    info->task.classes = ESP_COUNT(shapes);
    info->element = ESP_ELEMENT_U8;
    info->split_sizes[ESP_SPLIT_TRAIN] = (uint64_t)esp_param_int(create, "train");
    info->split_sizes[ESP_SPLIT_TEST] = (uint64_t)esp_param_int(create, "test");
    *out = drawings;
    return ESP_OK;
}

static void drawings_close(void *self)
{
    free(self);
}

static const esp_dataset_info *drawings_info(void *self)
{
    const struct drawings *drawings = self;
    return &drawings->info;
}

// One sample, `size` x `size` pixels. `random` is a stream of its own.
static uint32_t draw(const struct drawings *drawings, esp_random *random, uint8_t *pixels)
{
    uint64_t size = drawings->info.task.height;
    uint32_t label = (uint32_t)esp_random_below(random, ESP_COUNT(shapes));
    double radius = (0.2 + 0.2 * esp_random_real(random)) * (double)size;
    double left = radius + esp_random_real(random) * ((double)size - 2 * radius);
    double top = radius + esp_random_real(random) * ((double)size - 2 * radius);
    for (uint64_t y = 0; y < size; y++)
        for (uint64_t x = 0; x < size; x++) {
            bool inside =
                shapes[label](((double)x + 0.5 - left) / radius, ((double)y + 0.5 - top) / radius);
            double grey = 0.2 + (inside ? 0.6 : 0) + drawings->noise * esp_random_normal(random);
            *pixels++ = (uint8_t)(255 * fmin(fmax(grey, 0), 1));
        }
    return label;
}

static esp_status drawings_read(void *self, esp_read *read, uint32_t split, uint64_t first,
                                uint64_t count, void *samples, uint32_t *labels)
{
    const struct drawings *drawings = self;
    uint64_t area = drawings->info.task.height * drawings->info.task.width;
    uint8_t *pixels = samples; // [count, 1, size, size]
    (void)read;
    for (uint64_t i = 0; i < count; i++) {
        // The stream depends on the sample alone, not on where a read begins; and no sample of one
        // split is in another.
        esp_random random = esp_random_stream(drawings->seed, split, 0, 0, first + i);
        labels[i] = draw(drawings, &random, pixels + i * area);
    }
    return ESP_OK;
}

static void drawings_describe(esp_dataset_type *out)
{
    out->summary = "grey images of four shapes in noise";
    ESP_SET_PARAMS(out, drawings_params);
    out->open = drawings_open;
    out->close = drawings_close;
    out->describe = drawings_info;
    out->read = drawings_read;
}

ESP_PLUGIN("0.1.0", ESP_DATASET("my_dataset", drawings_describe))
