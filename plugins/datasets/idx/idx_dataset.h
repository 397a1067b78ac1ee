// SPDX-License-Identifier: Apache-2.0
// A dataset of IDX files: up to three splits, each of a file of samples and one of labels. The
// plugins idx and fashion_mnist differ in how they find the files.
#ifndef IDX_DATASET_H
#define IDX_DATASET_H

#include <espalier/dataset.h>

// The files of the splits (ESP_SPLIT_*). "" or NULL for both where there is no such split; TRAIN is
// needed.
struct idx_files {
    const char *samples[ESP_SPLIT_COUNT];
    const char *labels[ESP_SPLIT_COUNT];
    uint64_t classes; // 0: one more than the largest label of TRAIN
};

// Reads the headers of the samples and all labels; the samples stay where they are.
esp_status idx_dataset_open(const struct idx_files *files, esp_create *create, void **out);

// As esp_dataset_type says.
void idx_dataset_close(void *self);
const esp_dataset_info *idx_dataset_describe(void *self);
esp_status idx_dataset_read(void *self, esp_read *read, uint32_t split, uint64_t first,
                            uint64_t count, void *samples, uint32_t *labels);

#endif
