// SPDX-License-Identifier: Apache-2.0
// A dataset: raw samples, as they are. The host owns splits, the decoded cache (memory-mapped and
// shared by the workers) and normalisation; augmentation belongs to the estimator.
//
// Clauses, as `espalier check` cites them:
//   1  What describe says is sound: task, sizes, absolute paths of files that are there.
//   2  Labels lie below the classes; f32 values are finite.
//   3  A sample is the same bytes each time, alone and among others, in any process.
//   4  The splits have no samples in common.
//   5  A read writes what it was given room for, and bears that any allocation fails.
#ifndef ESPALIER_DATASET_H
#define ESPALIER_DATASET_H

#include <espalier/create.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { ESP_SPLIT_TRAIN = 0, ESP_SPLIT_VALID = 1, ESP_SPLIT_TEST = 2, ESP_SPLIT_COUNT = 3 };

enum { ESP_ELEMENT_U8 = 1, ESP_ELEMENT_F32 = 2 };

// What open found. Owner: the dataset's instance; lives until close.
typedef struct esp_dataset_info {
    uint64_t struct_size;
    esp_task task;
    uint32_t element; // ESP_ELEMENT_*: of the samples
    uint32_t reserved;
    uint64_t split_sizes[ESP_SPLIT_COUNT]; // samples; VALID 0: the host cuts it off TRAIN
    // The files that the samples come from: name, size and time of change tell a stale cache. NULL
    // for data that is made.
    const char *const *files;
    uint64_t file_count;
} esp_dataset_info;

// A dataset's handle for one read. [any] [call]
typedef struct esp_read {
    esp_handle base;
} esp_read;

// The description of a dataset. Owner: the plugin; lives as long as the process.
typedef struct esp_dataset_type {
    uint64_t struct_size;
    const char *summary;
    const char *source;
    const esp_param *params;
    uint64_t param_count, param_stride;

    // Finds the files and reads what describes them (sizes, shapes). A missing, short or foreign
    // file is an error that names it. Required. [any] [create]
    esp_status (*open)(esp_create *create, void **out);

    // Required. [any] [created]
    void (*close)(void *self);

    // What open found. Required. [any] [created]
    const esp_dataset_info *(*describe)(void *self);

    // Reads samples `first` to `first + count - 1` of a split, in the order of the files: `samples`
    // is [count, channels, height, width] (or [count, channels]) of the element type, `labels`
    // [count], each below task.classes. Memory is the caller's. The same call gives the same bytes
    // each time. Required. [any] [created]
    esp_status (*read)(void *self, esp_read *read, uint32_t split, uint64_t first, uint64_t count,
                       void *samples, uint32_t *labels);

    // The table of an ability by id, or NULL. Optional. [any] [loaded]
    const void *(*ability)(const char *id);
} esp_dataset_type;

#ifdef __cplusplus
}
#endif

#endif
