// SPDX-License-Identifier: Apache-2.0
// The dataset `idx`: any IDX files, named in the INI. Reading them is idx_dataset.c's.
#include "idx_dataset.h"

#include <espalier/plugin.h>

#include <stdbool.h>

static const esp_param idx_params[] = {
    ESP_PARAM_PATH_REQUIRED("train_images", "training samples: [N,H,W], [N,C,H,W] or rows [N,F]"),
    ESP_PARAM_PATH_REQUIRED("train_labels", "training labels: [N]"),
    ESP_PARAM_PATH("valid_images", "", "validation samples; without them the host cuts some off"),
    ESP_PARAM_PATH("valid_labels", "", "validation labels"),
    ESP_PARAM_PATH("test_images", "", "test samples"),
    ESP_PARAM_PATH("test_labels", "", "test labels"),
    ESP_PARAM_INT("classes", 0, 0, INT32_MAX, "",
                  "number of classes; 0: one more than the largest training label"),
};

static esp_status idx_open(esp_create *create, void **out)
{
    static const char *const samples[] = {"train_images", "valid_images", "test_images"};
    static const char *const labels[] = {"train_labels", "valid_labels", "test_labels"};
    struct idx_files files = {.classes = (uint64_t)esp_param_int(create, "classes")};
    if (files.classes == 1)
        return esp_fail(create, ESP_ERROR_INVALID,
                        "classes = 1; at least 2, or 0 for those of the labels, was expected");
    for (int i = 0; i < ESP_SPLIT_COUNT; i++) {
        files.samples[i] = esp_param_text(create, samples[i]);
        files.labels[i] = esp_param_text(create, labels[i]);
        bool has_samples = files.samples[i] && files.samples[i][0] != '\0';
        bool has_labels = files.labels[i] && files.labels[i][0] != '\0';
        if (has_samples != has_labels)
            return esp_fail(create, ESP_ERROR_INVALID, "%s is given, but %s is not",
                            has_samples ? samples[i] : labels[i],
                            has_samples ? labels[i] : samples[i]);
    }
    return idx_dataset_open(&files, create, out);
}

static void idx_describe(esp_dataset_type *out)
{
    out->summary = "images or rows from IDX files, plain or gzipped";
    out->source = "http://yann.lecun.com/exdb/mnist (the format)";
    ESP_SET_PARAMS(out, idx_params);
    out->open = idx_open;
    out->close = idx_dataset_close;
    out->describe = idx_dataset_describe;
    out->read = idx_dataset_read;
}

ESP_PLUGIN("1.0.0", ESP_DATASET("idx", idx_describe))
