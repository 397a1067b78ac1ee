// SPDX-License-Identifier: Apache-2.0
// my_dataset: grey images of shapes, made from a seed: discs, squares, triangles and crosses, each at
// a place and of a size of its own, in noise. The label is the shape.
//
// A dataset says what it has and reads raw samples in their order. The host decodes it once into a
// cache that all workers map, cuts a validation split off the training data where there is none, and
// normalises; augmentation belongs to the estimator. The same call gives the same bytes each time.
#include <espalier/espalier.h>

#include <algorithm>
#include <cmath>
#include <new>

namespace
{

// Whether a place belongs to the shape: x and y from its middle, in halves of its size.
using contains = bool (*)(double x, double y);

bool disc(double x, double y)
{
    return x * x + y * y <= 1;
}

bool square(double x, double y)
{
    return std::fabs(x) <= 0.9 && std::fabs(y) <= 0.9;
}

bool triangle(double x, double y)
{
    return y <= 1 && std::fabs(x) <= (y + 1) / 2;
}

bool cross(double x, double y)
{
    x = std::fabs(x);
    y = std::fabs(y);
    return std::max(x, y) <= 1 && std::min(x, y) <= 0.3;
}

// One a label.
const contains shapes[] = {disc, square, triangle, cross};

// The host reads the INI against this table: `espalier describe dataset/my_dataset` prints it.
const esp_param drawings_params[] = {
    ESP_PARAM_INT("size", 16, 8, 256, "pixels", "height and width"),
    ESP_PARAM_INT("train", 1000, 1, 1000000, "samples", "training samples"),
    ESP_PARAM_INT("test", 250, 0, 1000000, "samples", "test samples"),
    ESP_PARAM_REAL("noise", 0.1, 0, 1, "", "deviation of the noise; a shape is 0.6 brighter"),
    ESP_PARAM_INT("data_seed", 0, 0, 1000000, "", "which images"),
};

struct drawings {
    double noise;
    uint64_t seed;
    esp_dataset_info info = {};

    // Here nothing has to be read. A dataset of files looks at them when it is opened, names them in
    // info.files, and fails with words that name the file.
    explicit drawings(esp_create *create)
        : noise(esp_param_real(create, "noise")),
          seed(static_cast<uint64_t>(esp_param_int(create, "data_seed")))
    {
        info.struct_size = sizeof info;
        info.task.struct_size = sizeof info.task;
        info.task.kind = ESP_TASK_IMAGES;
        info.task.channels = 1;
        info.task.height = static_cast<uint64_t>(esp_param_int(create, "size"));
        info.task.width = info.task.height;
        info.task.classes = ESP_COUNT(shapes);
        info.element = ESP_ELEMENT_U8;
        info.split_sizes[ESP_SPLIT_TRAIN] = static_cast<uint64_t>(esp_param_int(create, "train"));
        info.split_sizes[ESP_SPLIT_TEST] = static_cast<uint64_t>(esp_param_int(create, "test"));
    }

    // One sample, [1, size, size]. `random` is a stream of its own.
    uint32_t draw(esp_random random, uint8_t *pixels) const
    {
        double size = static_cast<double>(info.task.height);
        uint32_t label = static_cast<uint32_t>(esp_random_below(&random, ESP_COUNT(shapes)));
        double radius = (0.2 + 0.2 * esp_random_real(&random)) * size;
        double left = radius + esp_random_real(&random) * (size - 2 * radius);
        double top = radius + esp_random_real(&random) * (size - 2 * radius);
        for (double y = 0.5; y < size; y++)
            for (double x = 0.5; x < size; x++) {
                bool inside = shapes[label]((x - left) / radius, (y - top) / radius);
                double grey = (inside ? 0.8 : 0.2) + noise * esp_random_normal(&random);
                *pixels++ = static_cast<uint8_t>(255 * std::clamp(grey, 0.0, 1.0));
            }
        return label;
    }
};

// ---- The table of functions ---------------------------------------------------------------------
// What the host calls is C: no exception may come out of it. Nothing above throws.

esp_status drawings_open(esp_create *create, void **out)
{
    drawings *made = new (std::nothrow) drawings(create);
    if (!made)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    *out = made;
    return ESP_OK;
}

void drawings_close(void *self)
{
    delete static_cast<drawings *>(self);
}

const esp_dataset_info *drawings_info(void *self)
{
    return &static_cast<const drawings *>(self)->info;
}

esp_status drawings_read(void *self, esp_read *, uint32_t split, uint64_t first, uint64_t count,
                         void *samples, uint32_t *labels)
{
    const drawings &data = *static_cast<const drawings *>(self);
    uint64_t area = data.info.task.height * data.info.task.width;
    uint8_t *pixels = static_cast<uint8_t *>(samples); // [count, 1, size, size]
    // The stream depends on the sample alone, not on where a read begins; and no sample of one split
    // is in another.
    for (uint64_t i = 0; i < count; i++)
        labels[i] =
            data.draw(esp_random_stream(data.seed, split, 0, 0, first + i), pixels + i * area);
    return ESP_OK;
}

void drawings_describe(esp_dataset_type *out)
{
    out->summary = "grey images of four shapes in noise";
    ESP_SET_PARAMS(out, drawings_params);
    out->open = drawings_open;
    out->close = drawings_close;
    out->describe = drawings_info;
    out->read = drawings_read;
}

} // namespace

ESP_PLUGIN("0.1.0", ESP_DATASET("my_dataset", drawings_describe))
