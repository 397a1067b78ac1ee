// SPDX-License-Identifier: Apache-2.0
// The dataset `cifar10` (Krizhevsky 2009, "Learning multiple layers of features from tiny images"):
// the folder of its binary version, or any files of the same records. A split is one or more files,
// one after the other; reading one is record_file.c's.
#include "record_file.h"

#include <espalier/plugin.h>

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOURCE "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"

enum { TRAINING_FILES = 5, MOST_FILES = TRAINING_FILES + 2 };

static const esp_param cifar10_params[] = {
    ESP_PARAM_PATH("path", "",
                   "folder of the binary version: data_batch_1.bin to data_batch_5.bin and "
                   "test_batch.bin, plain or gzipped"),
    ESP_PARAM_PATH("train_path", "", "a file of training records, instead of the folder's"),
    ESP_PARAM_PATH("valid_path", "", "validation records; without them the host cuts some off"),
    ESP_PARAM_PATH("test_path", "", "a file of test records, instead of the folder's"),
};

struct cifar10 {
    esp_dataset_info info;
    struct record_file files[MOST_FILES]; // of the splits in their order; valid has one at most
    uint32_t splits[MOST_FILES];          // which split a file is of
    const char *paths[MOST_FILES];        // those of `files`
};

static esp_status add_file(struct cifar10 *data, uint32_t split, const char *path,
                           const esp_handle *handle)
{
    uint64_t i = data->info.file_count;
    esp_status status = record_file_open(&data->files[i], path, handle);
    if (status != ESP_OK)
        return status;
    data->splits[i] = split;
    data->paths[i] = data->files[i].packed.path;
    data->info.split_sizes[split] += data->files[i].count;
    data->info.file_count++;
    return ESP_OK;
}

// Adds `name` of the folder, plain or gzipped; the archive's own folder may be in between.
static esp_status add_named(struct cifar10 *data, uint32_t split, const char *folder,
                            const char *name, esp_create *create)
{
    static const char *const between[] = {"", "cifar-10-batches-bin/"};
    static const char *const endings[] = {"", ".gz"};
    for (size_t i = 0; i < ESP_COUNT(between) * ESP_COUNT(endings); i++) {
        char path[PATH_MAX];
        int length =
            snprintf(path, sizeof path, "%s/%s%s%s", folder, between[i / 2], name, endings[i % 2]);
        if (length < 0 || length >= PATH_MAX)
            return esp_fail(create, ESP_ERROR_INVALID, "path is longer than %d bytes", PATH_MAX);
        if (access(path, F_OK) == 0)
            return add_file(data, split, path, &create->base);
    }
    return esp_fail(create, ESP_ERROR_NOT_FOUND,
                    "CIFAR-10 is not in %s: there is no %s, nor %s.gz; unpack " SOURCE
                    " there, or let path name the folder that holds its files",
                    folder, name, name);
}

static esp_status add_training(struct cifar10 *data, const char *folder, esp_create *create)
{
    esp_status status = ESP_OK;
    for (int i = 1; i <= TRAINING_FILES && status == ESP_OK; i++) {
        char name[32];
        snprintf(name, sizeof name, "data_batch_%d.bin", i);
        status = add_named(data, ESP_SPLIT_TRAIN, folder, name, create);
    }
    return status;
}

static esp_status add_files(struct cifar10 *data, esp_create *create)
{
    const char *folder = esp_param_text(create, "path");
    const char *train = esp_param_text(create, "train_path");
    const char *valid = esp_param_text(create, "valid_path");
    const char *test = esp_param_text(create, "test_path");
    esp_status status;
    if (folder[0] == '\0' && train[0] == '\0')
        return esp_fail(create, ESP_ERROR_INVALID,
                        "neither path nor train_path is given; path = FOLDER of the binary version "
                        "of CIFAR-10 was expected (" SOURCE ")");
    if (train[0] != '\0')
        status = add_file(data, ESP_SPLIT_TRAIN, train, &create->base);
    else
        status = add_training(data, folder, create);
    if (status == ESP_OK && valid[0] != '\0')
        status = add_file(data, ESP_SPLIT_VALID, valid, &create->base);
    if (status == ESP_OK && test[0] != '\0')
        status = add_file(data, ESP_SPLIT_TEST, test, &create->base);
    else if (status == ESP_OK && folder[0] != '\0')
        status = add_named(data, ESP_SPLIT_TEST, folder, "test_batch.bin", create);
    return status;
}

static void cifar10_close(void *self)
{
    struct cifar10 *data = self;
    for (uint64_t i = 0; i < data->info.file_count; i++)
        record_file_close(&data->files[i]);
    free(data);
}

static esp_status cifar10_open(esp_create *create, void **out)
{
    struct cifar10 *data = calloc(1, sizeof *data);
    if (!data)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    data->info.struct_size = sizeof data->info;
    data->info.element = ESP_ELEMENT_U8;
    data->info.files = data->paths;
    data->info.task = (esp_task){.struct_size = sizeof data->info.task,
                                 .kind = ESP_TASK_IMAGES,
                                 .channels = RECORD_CHANNELS,
                                 .height = RECORD_SIDE,
                                 .width = RECORD_SIDE,
                                 .classes = RECORD_CLASSES};
    esp_status status = add_files(data, create);
    if (status != ESP_OK) {
        cifar10_close(data);
        return status;
    }
    *out = data;
    return ESP_OK;
}

static const esp_dataset_info *cifar10_info(void *self)
{
    return &((struct cifar10 *)self)->info;
}

static esp_status cifar10_read(void *self, esp_read *read, uint32_t split, uint64_t first,
                               uint64_t count, void *samples, uint32_t *labels)
{
    struct cifar10 *data = self;
    unsigned char *images = samples;
    for (uint64_t i = 0; i < data->info.file_count && count > 0; i++) {
        struct record_file *file = &data->files[i];
        if (data->splits[i] != split)
            continue;
        if (first >= file->count) {
            first -= file->count;
            continue;
        }
        uint64_t now = file->count - first < count ? file->count - first : count;
        esp_status status = record_file_read(file, first, now, images, labels, &read->base);
        if (status != ESP_OK)
            return status;
        images += now * RECORD_IMAGE;
        labels += now;
        count -= now;
        first = 0;
    }
    if (count > 0)
        return esp_fail(read, ESP_ERROR_MISUSE, "%" PRIu64 " samples too many were asked for",
                        count);
    return ESP_OK;
}

static void cifar10_describe(esp_dataset_type *out)
{
    out->summary = "CIFAR-10: 60,000 colour images, 32x32, 10 classes, binary version";
    out->source = "Krizhevsky 2009, Learning multiple layers of features from tiny images";
    ESP_SET_PARAMS(out, cifar10_params);
    out->open = cifar10_open;
    out->close = cifar10_close;
    out->describe = cifar10_info;
    out->read = cifar10_read;
}

ESP_PLUGIN("1.0.0", ESP_DATASET("cifar10", cifar10_describe))
