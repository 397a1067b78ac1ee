// SPDX-License-Identifier: Apache-2.0
// The dataset `fashion_mnist` (Xiao, Rasul, Vollgraf 2017, "Fashion-MNIST: a novel image dataset for
// benchmarking machine learning algorithms"): where Debian's package puts it. Reading its IDX files
// is ../idx/idx_dataset.c's.
#include "../idx/idx_dataset.h"

#include <espalier/plugin.h>

#include <limits.h>
#include <unistd.h>

#define DEBIAN_FOLDER "/usr/share/datasets/fashion-mnist"

enum { CLASSES = 10, SIDE = 28 }; // pixels

static const esp_param fashion_mnist_params[] = {
    ESP_PARAM_PATH("path", DEBIAN_FOLDER, "folder that holds the four files, gzipped or plain"),
};

// The path of `name` in `folder`, with .gz or without.
static esp_status find_file(char out[PATH_MAX], const char *folder, const char *name,
                            esp_create *create)
{
    static const char *const endings[] = {".gz", ""};
    for (size_t i = 0; i < ESP_COUNT(endings); i++) {
        int length = snprintf(out, PATH_MAX, "%s/%s%s", folder, name, endings[i]);
        if (length < 0 || length >= PATH_MAX)
            return esp_fail(create, ESP_ERROR_INVALID, "path is longer than %d bytes", PATH_MAX);
        if (access(out, F_OK) == 0)
            return ESP_OK;
    }
    return esp_fail(create, ESP_ERROR_NOT_FOUND,
                    "Fashion-MNIST is not in %s: there is no %s.gz; install the Debian package "
                    "dataset-fashion-mnist (apt-get install dataset-fashion-mnist), or let path "
                    "name the folder that holds its files",
                    folder, name);
}

static esp_status check_shape(const esp_task *task, const char *folder, esp_create *create)
{
    if (task->kind == ESP_TASK_IMAGES && task->channels == 1 && task->height == SIDE &&
        task->width == SIDE)
        return ESP_OK;
    return esp_fail(create, ESP_ERROR_DATA,
                    "the samples in %s are %llux%llux%llu; 1x%dx%d of Fashion-MNIST was expected",
                    folder, (unsigned long long)task->channels, (unsigned long long)task->height,
                    (unsigned long long)task->width, SIDE, SIDE);
}

static esp_status fashion_mnist_open(esp_create *create, void **out)
{
    const char *folder = esp_param_text(create, "path");
    char paths[4][PATH_MAX];
    static const char *const names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                        "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
    if (!folder || folder[0] == '\0')
        folder = DEBIAN_FOLDER;
    for (size_t i = 0; i < ESP_COUNT(names); i++) {
        esp_status status = find_file(paths[i], folder, names[i], create);
        if (status != ESP_OK)
            return status;
    }
    struct idx_files files = {.classes = CLASSES};
    files.samples[ESP_SPLIT_TRAIN] = paths[0];
    files.labels[ESP_SPLIT_TRAIN] = paths[1];
    files.samples[ESP_SPLIT_TEST] = paths[2];
    files.labels[ESP_SPLIT_TEST] = paths[3];
    void *dataset;
    esp_status status = idx_dataset_open(&files, create, &dataset);
    if (status != ESP_OK)
        return status;
    status = check_shape(&idx_dataset_describe(dataset)->task, folder, create);
    if (status != ESP_OK) {
        idx_dataset_close(dataset);
        return status;
    }
    *out = dataset;
    return ESP_OK;
}

static void fashion_mnist_describe(esp_dataset_type *out)
{
    out->summary = "Fashion-MNIST: 70,000 grey images of clothes, 28x28, 10 classes";
    out->source = "Xiao, Rasul, Vollgraf 2017, arXiv:1708.07747";
    ESP_SET_PARAMS(out, fashion_mnist_params);
    out->open = fashion_mnist_open;
    out->close = idx_dataset_close;
    out->describe = idx_dataset_describe;
    out->read = idx_dataset_read;
}

ESP_PLUGIN("1.0.0", ESP_DATASET("fashion_mnist", fashion_mnist_describe))
