// SPDX-License-Identifier: Apache-2.0
// A dataset of IDX files; see idx_dataset.h.
#include "idx_dataset.h"
#include "idx_file.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct split {
    struct idx_file samples; // path NULL where there is no such split
    struct idx_file labels;
    uint32_t *classes; // [count]: the label of each sample
};

struct idx_dataset {
    esp_dataset_info info;
    struct split splits[ESP_SPLIT_COUNT];
    const char *paths[2 * ESP_SPLIT_COUNT]; // those of the files above
};

static esp_status fail_memory(const esp_handle *handle)
{
    return esp_fail_handle(handle, ESP_ERROR_MEMORY, "out of memory");
}

static esp_status check_samples(const struct idx_file *file, const esp_handle *handle)
{
    char shape[IDX_SHAPE_SIZE];
    if (file->type != IDX_TYPE_U8 && file->type != IDX_TYPE_F32)
        return esp_fail_handle(handle, ESP_ERROR_DATA,
                               "%s: holds i32; samples were expected as u8 or f32", file->path);
    if (file->dimension_count < 2)
        return esp_fail_handle(handle, ESP_ERROR_DATA,
                               "%s: has the dimensions %s; images [N, H, W] or [N, C, H, W] or "
                               "rows [N, F] were expected",
                               file->path, idx_file_shape(file, shape));
    return ESP_OK;
}

static esp_status check_labels(const struct idx_file *labels, const struct idx_file *samples,
                               const esp_handle *handle)
{
    char shape[IDX_SHAPE_SIZE];
    if (labels->type == IDX_TYPE_F32)
        return esp_fail_handle(handle, ESP_ERROR_DATA,
                               "%s: holds f32; labels were expected as u8 or i32", labels->path);
    if (labels->dimension_count != 1)
        return esp_fail_handle(handle, ESP_ERROR_DATA,
                               "%s: has the dimensions %s; labels [N] were expected", labels->path,
                               idx_file_shape(labels, shape));
    if (labels->dimensions[0] != samples->dimensions[0])
        return esp_fail_handle(handle, ESP_ERROR_DATA,
                               "%s: holds %" PRIu64 " labels, but %s holds %" PRIu64 " samples",
                               labels->path, labels->dimensions[0], samples->path,
                               samples->dimensions[0]);
    return ESP_OK;
}

// Samples of all splits have one shape and one type.
static esp_status check_alike(const struct idx_file *file, const struct idx_file *train,
                              const esp_handle *handle)
{
    char shape[IDX_SHAPE_SIZE], train_shape[IDX_SHAPE_SIZE];
    bool alike = file->type == train->type && file->dimension_count == train->dimension_count &&
                 memcmp(file->dimensions + 1, train->dimensions + 1,
                        (file->dimension_count - 1) * sizeof file->dimensions[0]) == 0;
    if (alike)
        return ESP_OK;
    return esp_fail_handle(
        handle, ESP_ERROR_DATA, "%s: holds %s %s; samples like those of %s were expected, %s %s",
        file->path, file->type == IDX_TYPE_U8 ? "u8" : "f32", idx_file_shape(file, shape),
        train->path, train->type == IDX_TYPE_U8 ? "u8" : "f32", idx_file_shape(train, train_shape));
}

static esp_status read_labels(struct split *split, const esp_handle *handle)
{
    struct idx_file *file = &split->labels;
    uint64_t count = file->dimensions[0];
    split->classes = malloc(count * sizeof *split->classes);
    if (!split->classes)
        return fail_memory(handle);
    esp_status status = idx_file_read(file, 0, count, split->classes, handle);
    if (status != ESP_OK || file->type != IDX_TYPE_U8)
        return status;
    // Widened in place, from the end: a label stands at or after its byte.
    const unsigned char *bytes = (const unsigned char *)split->classes;
    for (uint64_t i = count; i-- > 0;)
        split->classes[i] = bytes[i];
    return ESP_OK;
}

static esp_status open_split(struct split *split, const char *samples, const char *labels,
                             const esp_handle *handle)
{
    esp_status status = idx_file_open(&split->samples, samples, handle);
    if (status == ESP_OK)
        status = check_samples(&split->samples, handle);
    if (status == ESP_OK)
        status = idx_file_open(&split->labels, labels, handle);
    if (status == ESP_OK)
        status = check_labels(&split->labels, &split->samples, handle);
    if (status == ESP_OK)
        status = read_labels(split, handle);
    return status;
}

static esp_status check_classes(const struct split *split, uint64_t classes,
                                const esp_handle *handle)
{
    for (uint64_t i = 0; i < split->labels.dimensions[0]; i++)
        if (split->classes[i] >= classes)
            return esp_fail_handle(handle, ESP_ERROR_DATA,
                                   "%s: label %" PRId32 " at index %" PRIu64
                                   " is outside the classes 0 to %" PRIu64,
                                   split->labels.path, (int32_t)split->classes[i], i, classes - 1);
    return ESP_OK;
}

static esp_status count_classes(const struct split *train, uint64_t *classes,
                                const esp_handle *handle)
{
    uint32_t largest = 0;
    for (uint64_t i = 0; i < train->labels.dimensions[0]; i++)
        if (train->classes[i] > largest && train->classes[i] <= INT32_MAX)
            largest = train->classes[i];
    if (largest == 0)
        return esp_fail_handle(handle, ESP_ERROR_DATA,
                               "%s: every label is 0; at least 2 classes were expected",
                               train->labels.path);
    *classes = (uint64_t)largest + 1;
    return ESP_OK;
}

static void fill_info(struct idx_dataset *dataset, uint64_t classes)
{
    const struct idx_file *train = &dataset->splits[ESP_SPLIT_TRAIN].samples;
    const uint64_t *dimensions = train->dimensions;
    esp_dataset_info *info = &dataset->info;
    esp_task *task = &info->task;
    info->struct_size = sizeof *info;
    info->element = train->type == IDX_TYPE_U8 ? ESP_ELEMENT_U8 : ESP_ELEMENT_F32;
    task->struct_size = sizeof *task;
    task->classes = classes;
    task->kind = train->dimension_count == 2 ? ESP_TASK_ROWS : ESP_TASK_IMAGES;
    task->channels = train->dimension_count == 3 ? 1 : dimensions[1];
    task->height = train->dimension_count == 2 ? 1 : dimensions[train->dimension_count - 2];
    task->width = train->dimension_count == 2 ? 1 : dimensions[train->dimension_count - 1];
    info->files = dataset->paths;
    for (uint32_t i = 0; i < ESP_SPLIT_COUNT; i++) {
        const struct split *split = &dataset->splits[i];
        if (!split->samples.path)
            continue;
        info->split_sizes[i] = split->samples.dimensions[0];
        dataset->paths[info->file_count++] = split->samples.path;
        dataset->paths[info->file_count++] = split->labels.path;
    }
}

static esp_status open_splits(struct idx_dataset *dataset, const struct idx_files *files,
                              const esp_handle *handle)
{
    const struct split *train = &dataset->splits[ESP_SPLIT_TRAIN];
    uint64_t classes = files->classes;
    esp_status status = ESP_OK;
    for (uint32_t i = 0; i < ESP_SPLIT_COUNT && status == ESP_OK; i++) {
        struct split *split = &dataset->splits[i];
        if (!files->samples[i] || files->samples[i][0] == '\0')
            continue;
        status = open_split(split, files->samples[i], files->labels[i], handle);
        if (status == ESP_OK)
            status = check_alike(&split->samples, &train->samples, handle);
        if (status == ESP_OK && classes == 0)
            status = count_classes(train, &classes, handle);
        if (status == ESP_OK)
            status = check_classes(split, classes, handle);
    }
    if (status == ESP_OK)
        fill_info(dataset, classes);
    return status;
}

esp_status idx_dataset_open(const struct idx_files *files, esp_create *create, void **out)
{
    struct idx_dataset *dataset = calloc(1, sizeof *dataset);
    if (!dataset)
        return fail_memory(&create->base);
    esp_status status = open_splits(dataset, files, &create->base);
    if (status != ESP_OK) {
        idx_dataset_close(dataset);
        return status;
    }
    *out = dataset;
    return ESP_OK;
}

void idx_dataset_close(void *self)
{
    struct idx_dataset *dataset = self;
    for (uint32_t i = 0; i < ESP_SPLIT_COUNT; i++) {
        idx_file_close(&dataset->splits[i].samples);
        idx_file_close(&dataset->splits[i].labels);
        free(dataset->splits[i].classes);
    }
    free(dataset);
}

const esp_dataset_info *idx_dataset_describe(void *self)
{
    struct idx_dataset *dataset = self;
    return &dataset->info;
}

esp_status idx_dataset_read(void *self, esp_read *read, uint32_t split, uint64_t first,
                            uint64_t count, void *samples, uint32_t *labels)
{
    struct idx_dataset *dataset = self;
    struct split *from = &dataset->splits[split];
    if (!from->samples.path)
        return esp_fail(read, ESP_ERROR_MISUSE, "there are no files of split %u", (unsigned)split);
    esp_status status = idx_file_read(&from->samples, first, count, samples, &read->base);
    if (status == ESP_OK)
        memcpy(labels, from->classes + first, count * sizeof *labels);
    return status;
}
