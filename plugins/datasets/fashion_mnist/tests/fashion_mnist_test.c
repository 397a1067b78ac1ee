// SPDX-License-Identifier: Apache-2.0
// Fashion-MNIST: facts of the real files, and what is said where they are not.
#include "support/dataset.h"
#include "support/folder.h"
#include "support/idx_write.h"
#include "support/leak.h"

#include <espalier/plugin.h>

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const void *esp_plugin_entry(uint32_t kind, const char *id);

enum { U8 = 0x08, IMAGE = 28 * 28 };

static struct component component;

static void begin(void)
{
    component =
        dataset_component("fashion_mnist", esp_plugin_entry(ESP_KIND_DATASET, "fashion_mnist"));
}

TestSuite(fashion_mnist, .init = begin);

static const esp_dataset_info *info_of(const struct instance *dataset)
{
    return ((const esp_dataset_type *)component.type)->describe(dataset->self);
}

// As Xiao, Rasul and Vollgraf made it: classes of equal size, in random order.
TestLeak(fashion_mnist, is_what_it_is)
{
    static const uint64_t sizes[] = {60000, 0, 10000};
    static const uint32_t first_labels[2][5] = {{9, 0, 0, 3, 0}, {9, 2, 1, 1, 6}};
    if (access("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz", R_OK) != 0)
        cr_skip_test("the package dataset-fashion-mnist is not installed");
    struct error error = {0};
    struct instance *dataset = dataset_expect(&component, "");
    const esp_task *task = &info_of(dataset)->task;
    cr_assert(task->channels == 1 && task->height == 28 && task->width == 28);
    cr_assert_eq(task->classes, 10);
    unsigned char *samples = malloc(60000 * IMAGE);
    uint32_t *labels = malloc(60000 * sizeof *labels);
    for (uint32_t split = 0; split < ESP_SPLIT_COUNT; split++) {
        uint64_t count = info_of(dataset)->split_sizes[split], counts[10] = {0}, sum = 0;
        cr_assert_eq(count, sizes[split]);
        if (count == 0)
            continue;
        cr_assert_eq(dataset_read(dataset, split, 0, count, samples, labels, &error), ESP_OK, "%s",
                     error.message);
        cr_assert_arr_eq(labels, first_labels[split != 0], sizeof first_labels[0]);
        for (uint64_t i = 0; i < count; i++)
            counts[labels[i]]++;
        for (int c = 0; c < 10; c++)
            cr_assert_eq(counts[c], count / 10, "class %d of split %d", c, (int)split);
        for (uint64_t i = 0; i < count * IMAGE; i++)
            sum += samples[i];
        // The mean of the training images is known to be 0.2860, of the test images 0.2868.
        cr_assert_float_eq((double)sum / (double)(count * IMAGE) / 255,
                           split == ESP_SPLIT_TRAIN ? 0.2860 : 0.2868, 5e-5);
    }
    free(samples);
    free(labels);
    instance_destroy(dataset);
}

TestLeak(fashion_mnist, where_it_is_missing_the_package_is_named)
{
    char lines[512], expected[1024];
    struct error error = {0};
    char *folder = folder_temporary();
    snprintf(lines, sizeof lines, "path = %s\n", folder);
    cr_assert_null(dataset_open(&component, lines, &error));
    snprintf(expected, sizeof expected,
             "dataset fashion_mnist: Fashion-MNIST is not in %s: there is no "
             "train-images-idx3-ubyte.gz; install the Debian package dataset-fashion-mnist "
             "(apt-get install dataset-fashion-mnist), or let path name the folder that holds its "
             "files",
             folder);
    cr_assert_str_eq(error.message, expected);
    cr_assert_eq(error.status, ESP_ERROR_NOT_FOUND);
    folder_delete(folder);
}

// Small files of the same names in another folder, gzipped or plain.
static void write_small(const char *folder, const char *ending, bool gzipped, uint32_t height,
                        uint32_t width)
{
    static const char *const names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                        "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
    for (uint32_t i = 0; i < 4; i++) {
        char name[64];
        struct idx_content content = {.type = U8, .dimensions = {4 - i / 2}};
        if (i % 2 == 0) {
            content.dimensions[1] = height;
            content.dimensions[2] = width;
        }
        snprintf(name, sizeof name, "%s%s", names[i], ending);
        idx_write(folder, name, gzipped, &content);
    }
}

TestLeak(fashion_mnist, another_folder_plain_or_gzipped)
{
    for (int gzipped = 0; gzipped < 2; gzipped++) {
        char lines[512];
        unsigned char sample[IMAGE];
        uint32_t label;
        struct error error = {0};
        char *folder = folder_temporary();
        write_small(folder, gzipped ? ".gz" : "", gzipped, 28, 28);
        snprintf(lines, sizeof lines, "path = %s\n", folder);
        struct instance *dataset = dataset_expect(&component, lines);
        cr_assert_eq(info_of(dataset)->split_sizes[ESP_SPLIT_TRAIN], 4);
        cr_assert_eq(info_of(dataset)->split_sizes[ESP_SPLIT_TEST], 3);
        cr_assert_eq(dataset_read(dataset, ESP_SPLIT_TEST, 2, 1, sample, &label, &error), ESP_OK);
        cr_assert_eq(label, 2);
        cr_assert_eq(sample[5], (2 * IMAGE + 5) % 256);
        instance_destroy(dataset);
        folder_delete(folder);
    }
}

TestLeak(fashion_mnist, files_of_something_else_are_refused)
{
    char lines[512];
    struct error error = {0};
    char *folder = folder_temporary();
    snprintf(lines, sizeof lines, "path = %s\n", folder);
    for (uint32_t wide = 0; wide < 2; wide++) {
        error_clear(&error);
        write_small(folder, "", false, wide ? 28 : 32, wide ? 32 : 28);
        cr_assert_null(dataset_open(&component, lines, &error));
        cr_assert_not_null(strstr(error.message, wide ? "are 1x28x32; 1x28x28 of Fashion-MNIST"
                                                      : "are 1x32x28; 1x28x28 of Fashion-MNIST"),
                           "%s", error.message);
    }

    error_clear(&error);
    write_small(folder, "", false, 28, 28);
    idx_write(folder, "train-labels-idx1-ubyte", false,
              &(struct idx_content){.type = U8, .dimensions = {4}, "\1\2\3\xa", 4});
    cr_assert_null(dataset_open(&component, lines, &error));
    cr_assert_not_null(strstr(error.message,
                              "train-labels-idx1-ubyte: label 10 at index 3 is outside the classes "
                              "0 to 9"),
                       "%s", error.message);
    folder_delete(folder);
}
