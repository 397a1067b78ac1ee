// SPDX-License-Identifier: Apache-2.0
// The made dataset: the same for the same parameters, in any order; learnable, but not at once.
#include "support/dataset.h"
#include "support/leak.h"

#include <espalier/plugin.h>

#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

const void *esp_plugin_entry(uint32_t kind, const char *id);

static struct component component;

static void begin(void)
{
    component = dataset_component("synthetic", esp_plugin_entry(ESP_KIND_DATASET, "synthetic"));
}

TestSuite(synthetic, .init = begin);

struct content {
    esp_dataset_info info;
    uint64_t count, size; // samples, values of one
    float *samples;
    uint32_t *labels;
};

static struct content read_split(const char *lines, uint32_t split)
{
    struct error error = {0};
    struct instance *dataset = dataset_expect(&component, lines);
    struct content content = {
        .info = *((const esp_dataset_type *)component.type)->describe(dataset->self)};
    const esp_task *task = &content.info.task;
    content.count = content.info.split_sizes[split];
    content.size = task->channels * task->height * task->width;
    content.samples = malloc(content.count * content.size * sizeof(float));
    content.labels = malloc(content.count * sizeof(uint32_t));
    cr_assert_eq(
        dataset_read(dataset, split, 0, content.count, content.samples, content.labels, &error),
        ESP_OK, "%s", error.message);
    instance_destroy(dataset);
    return content;
}

static void content_free(struct content *content)
{
    free(content->samples);
    free(content->labels);
}

// Assigns each sample of `test` to the nearest class mean of `train`; the share that is right.
static double nearest_mean_accuracy(const struct content *train, const struct content *test)
{
    uint64_t classes = train->info.task.classes, size = train->size, right = 0;
    double *means = calloc(classes * size, sizeof *means);
    double *counts = calloc(classes, sizeof *counts);
    for (uint64_t i = 0; i < train->count; i++) {
        counts[train->labels[i]]++;
        for (uint64_t j = 0; j < size; j++)
            means[train->labels[i] * size + j] += train->samples[i * size + j];
    }
    for (uint64_t i = 0; i < test->count; i++) {
        double least = INFINITY;
        uint64_t nearest = 0;
        for (uint64_t c = 0; c < classes; c++) {
            double distance = 0;
            for (uint64_t j = 0; j < size; j++) {
                double d = test->samples[i * size + j] - means[c * size + j] / counts[c];
                distance += d * d;
            }
            if (distance < least) {
                least = distance;
                nearest = c;
            }
        }
        right += nearest == test->labels[i];
    }
    free(means);
    free(counts);
    return (double)right / (double)test->count;
}

TestLeak(synthetic, is_learnable_but_not_at_once)
{
    static const char *const cases[] = {"data_seed = 0\n", "data_seed = 1\n",
                                        "height = 16\nwidth = 16\ntrain = 1000\nnoise = 2\n"};
    for (size_t i = 0; i < ESP_COUNT(cases); i++) {
        struct content train = read_split(cases[i], ESP_SPLIT_TRAIN);
        struct content valid = read_split(cases[i], ESP_SPLIT_VALID);
        double accuracy = nearest_mean_accuracy(&train, &valid);
        cr_assert(accuracy > 0.4 && accuracy < 0.99, "%s: accuracy %g", cases[i], accuracy);
        content_free(&train);
        content_free(&valid);
    }
}

TestLeak(synthetic, defaults)
{
    struct content test = read_split("", ESP_SPLIT_TEST);
    const esp_dataset_info *info = &test.info;
    const esp_task *task = &info->task;
    cr_assert(task->channels == 3 && task->height == 32 && task->width == 32);
    cr_assert_eq(task->classes, 10);
    cr_assert_eq(task->kind, ESP_TASK_IMAGES);
    cr_assert_eq(info->element, ESP_ELEMENT_F32);
    cr_assert_eq(info->split_sizes[ESP_SPLIT_TRAIN], 2000);
    cr_assert_eq(info->split_sizes[ESP_SPLIT_VALID], 500);
    cr_assert_eq(info->split_sizes[ESP_SPLIT_TEST], 500);
    cr_assert_eq(info->file_count, 0);
    int seen[10] = {0};
    for (int i = 0; i < 500; i++) {
        cr_assert(test.labels[i] < 10);
        seen[test.labels[i]]++;
    }
    for (int c = 0; c < 10; c++)
        cr_assert(seen[c] > 20, "class %d: %d of 500", c, seen[c]);
    content_free(&test);
}

// Sample i is the same whatever was read before it.
TestLeak(synthetic, any_range_in_any_order)
{
    static const char *const lines = "height = 8\nwidth = 6\ntrain = 40\n";
    struct content all = read_split(lines, ESP_SPLIT_TRAIN);
    struct instance *dataset = dataset_expect(&component, lines);
    for (uint64_t first = 40; first-- > 0;) {
        float samples[3 * 8 * 6];
        uint32_t label;
        struct error error = {0};
        dataset_read(dataset, ESP_SPLIT_TRAIN, first, 1, samples, &label, &error);
        cr_assert_eq(label, all.labels[first]);
        cr_assert_arr_eq(samples, all.samples + first * all.size, sizeof samples);
    }
    instance_destroy(dataset);
    content_free(&all);
}

static bool same(const char *a_lines, uint32_t a_split, const char *b_lines, uint32_t b_split)
{
    struct content a = read_split(a_lines, a_split), b = read_split(b_lines, b_split);
    uint64_t count = a.count < b.count ? a.count : b.count;
    bool equal = memcmp(a.samples, b.samples, count * a.size * sizeof(float)) == 0 &&
                 memcmp(a.labels, b.labels, count * sizeof(uint32_t)) == 0;
    content_free(&a);
    content_free(&b);
    return equal;
}

// Splits and seeds differ; a larger split begins as the smaller one.
TestLeak(synthetic, the_seed_and_the_split_name_the_data)
{
    cr_assert(same("", ESP_SPLIT_TRAIN, "data_seed = 0\ntrain = 100\n", ESP_SPLIT_TRAIN));
    cr_assert(!same("", ESP_SPLIT_TRAIN, "data_seed = 1\n", ESP_SPLIT_TRAIN));
    cr_assert(!same("", ESP_SPLIT_TRAIN, "", ESP_SPLIT_VALID));
    cr_assert(!same("", ESP_SPLIT_TEST, "", ESP_SPLIT_VALID));
    cr_assert(!same("", ESP_SPLIT_TRAIN, "shift = 5\n", ESP_SPLIT_TRAIN));
}

// Without noise and shift a sample is its prototype times its contrast: mean 0, deviation of the
// contrast, from 0.5 to 1.5; and noise adds its own variance.
TestLeak(synthetic, noise_and_contrast_are_as_said)
{
    struct content clear = read_split("noise = 0\nshift = 0\n", ESP_SPLIT_VALID);
    struct content noisy = read_split("noise = 3\nshift = 0\n", ESP_SPLIT_VALID);
    double least = 10, most = 0, noise = 0, mean = 0;
    for (uint64_t i = 0; i < clear.count; i++) {
        double sum = 0, square = 0;
        for (uint64_t j = 0; j < clear.size; j++) {
            double x = clear.samples[i * clear.size + j];
            double d = noisy.samples[i * clear.size + j] - x;
            sum += x;
            square += x * x;
            noise += d * d;
            mean += d;
        }
        double deviation = sqrt(square / (double)clear.size);
        cr_assert_float_eq(sum / (double)clear.size, 0, 1e-5);
        least = fmin(least, deviation);
        most = fmax(most, deviation);
    }
    double n = (double)(clear.count * clear.size);
    cr_assert(least >= 0.5 && least < 0.52, "%g", least);
    cr_assert(most <= 1.5001 && most > 1.48, "%g", most);
    cr_assert_float_eq(mean / n, 0, 0.01);
    cr_assert_float_eq(sqrt(noise / n), 3, 0.01);
    content_free(&clear);
    content_free(&noisy);
}

// A sample moved is the prototype, read around the edges.
TestLeak(synthetic, shifts_go_around_the_edges)
{
    static const char *const still = "noise = 0\nshift = 0\nchannels = 1\nheight = 9\nwidth = 7\n";
    static const char *const moved = "noise = 0\nshift = 20\nchannels = 1\nheight = 9\nwidth = 7\n";
    struct content a = read_split(still, ESP_SPLIT_VALID), b = read_split(moved, ESP_SPLIT_VALID);
    bool seen[9][7] = {{false}};
    for (uint64_t i = 0; i < b.count; i++) {
        const float *x = b.samples + i * 63;
        uint64_t other = 0;
        while (a.labels[other] != b.labels[i])
            other++;
        const float *prototype = a.samples + other * 63;
        bool found = false;
        for (int down = 0; down < 9 && !found; down++)
            for (int right = 0; right < 7 && !found; right++) {
                double dot = 0, xx = 0, pp = 0;
                for (int y = 0; y < 9; y++)
                    for (int column = 0; column < 7; column++) {
                        double p = prototype[(y + down) % 9 * 7 + (column + right) % 7];
                        double v = x[y * 7 + column];
                        dot += p * v;
                        xx += v * v;
                        pp += p * p;
                    }
                found = dot > 0.99999 * sqrt(xx * pp); // the same but for the contrast
                if (found)
                    seen[down][right] = true;
            }
        cr_assert(found, "sample %d is no shift of its prototype", (int)i);
    }
    int places = 0;
    for (int i = 0; i < 63; i++)
        places += seen[i / 7][i % 7];
    cr_assert(places > 55, "only %d of 63 shifts were drawn", places);
    content_free(&a);
    content_free(&b);
}

// Images as small as there are.
TestLeak(synthetic, tiny_images_are_finite)
{
    struct content one = read_split("height = 1\nwidth = 1\nchannels = 1\nclasses = 2\n", 0);
    for (uint64_t i = 0; i < one.count; i++)
        cr_assert(isfinite(one.samples[i]));
    content_free(&one);
}

// The streams' names, of which the source holds the hashes.
Test(synthetic, streams_are_named)
{
    cr_assert_eq(XXH3_64bits("synthetic.prototype", 19), UINT64_C(0xA6E9639C731974C7));
    cr_assert_eq(XXH3_64bits("synthetic.sample", 16), UINT64_C(0x90D3A9EA50F4D880));
}
