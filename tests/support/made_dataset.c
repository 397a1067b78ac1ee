// SPDX-License-Identifier: Apache-2.0
// A dataset for tests; see made_dataset.h.
#include "support/made_dataset.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int made_dataset_reads;

enum { FAULT_NONE, FAULT_LABEL, FAULT_INFINITE, FAULT_READ, FAULT_SILENT, FAULT_SHAPE };

struct made {
    esp_dataset_info info;
    double offset;
    int64_t constant, slow, fault;
    unsigned byte;
    const char *files[1];
};

static const char *const elements[] = {"u8", "f32"};
static const char *const kinds[] = {"images", "rows"};
static const char *const faults[] = {"none", "label", "infinite", "read", "silent", "shape"};

static const esp_param made_params[] = {
    ESP_PARAM_CHOICE("element", "u8", elements, ""),
    ESP_PARAM_CHOICE("kind", "images", kinds, ""),
    ESP_PARAM_INT("channels", 2, 1, 10000, "", ""),
    ESP_PARAM_INT("height", 4, 1, 10000, "", ""),
    ESP_PARAM_INT("width", 5, 1, 10000, "", ""),
    ESP_PARAM_INT("classes", 4000, 2, 10000, "", ""),
    ESP_PARAM_INT("train", 100, 1, 1000, "", ""),
    ESP_PARAM_INT("valid", 0, 0, 1000, "", ""),
    ESP_PARAM_INT("test", 20, 0, 1000, "", ""),
    ESP_PARAM_REAL("offset", 0, -1e9, 1e9, "", ""),
    ESP_PARAM_BOOL("constant", 0, ""),
    ESP_PARAM_PATH("file", "", ""),
    ESP_PARAM_INT("slow", 0, 0, 10000, "", ""),
    ESP_PARAM_CHOICE("fault", "none", faults, ""),
};

static esp_status made_open(esp_create *create, void **out)
{
    struct made *made = calloc(1, sizeof *made);
    if (!made)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    esp_dataset_info *info = &made->info;
    bool rows = esp_param_int(create, "kind") == 1;
    made->fault = esp_param_int(create, "fault");
    made->constant = esp_param_int(create, "constant");
    made->slow = esp_param_int(create, "slow");
    made->offset = esp_param_real(create, "offset");
    info->struct_size = sizeof *info;
    info->element = esp_param_int(create, "element") == 0 ? ESP_ELEMENT_U8 : ESP_ELEMENT_F32;
    info->split_sizes[ESP_SPLIT_TRAIN] = (uint64_t)esp_param_int(create, "train");
    info->split_sizes[ESP_SPLIT_VALID] = (uint64_t)esp_param_int(create, "valid");
    info->split_sizes[ESP_SPLIT_TEST] = (uint64_t)esp_param_int(create, "test");
    info->task = (esp_task){.struct_size = sizeof info->task,
                            .kind = rows ? ESP_TASK_ROWS : ESP_TASK_IMAGES,
                            .channels = (uint64_t)esp_param_int(create, "channels"),
                            .height = rows ? 1 : (uint64_t)esp_param_int(create, "height"),
                            .width = rows ? 1 : (uint64_t)esp_param_int(create, "width"),
                            .classes = (uint64_t)esp_param_int(create, "classes")};
    if (made->fault == FAULT_SHAPE)
        info->task.classes = 1;
    made->files[0] = esp_param_text(create, "file");
    if (made->files[0] && made->files[0][0]) {
        info->files = made->files;
        info->file_count = 1;
    }
    *out = made;
    return ESP_OK;
}

static void made_close(void *self)
{
    free(self);
}

static const esp_dataset_info *made_describe(void *self)
{
    const struct made *made = self;
    return &made->info;
}

double made_dataset_value(uint32_t split, uint64_t sample, uint64_t j)
{
    return (double)((sample * sample * 7 + j * 29 + split * 31 + sample * j) % 241);
}

static unsigned first_byte(const struct made *made)
{
    FILE *file = made->info.files ? fopen(made->files[0], "r") : NULL;
    int byte = file ? fgetc(file) : 0;
    if (file)
        fclose(file);
    return byte > 0 ? (unsigned)byte : 0;
}

static esp_status made_read(void *self, esp_read *read, uint32_t split, uint64_t first,
                            uint64_t count, void *samples, uint32_t *labels)
{
    struct made *made = self;
    const esp_task *task = &made->info.task;
    uint64_t plane = task->height * task->width, size = task->channels * plane;
    made_dataset_reads++;
    made->byte = first_byte(made);
    usleep((useconds_t)made->slow * 1000);
    if (made->fault == FAULT_READ)
        return esp_fail(read, ESP_ERROR_DATA, "%s: is cut short", "b.idx");
    if (made->fault == FAULT_SILENT)
        return ESP_ERROR;
    for (uint64_t i = 0; i < count; i++) {
        labels[i] = 1000 * split + (uint32_t)(first + i);
        for (uint64_t j = 0; j < size; j++) {
            double value = made->constant && j < plane
                               ? 77
                               : made_dataset_value(split, first + i, j) + made->byte;
            if (made->info.element == ESP_ELEMENT_U8)
                ((unsigned char *)samples)[i * size + j] =
                    (unsigned char)(int)value; // from 256 on anew
            else
                ((float *)samples)[i * size + j] = (float)(value + made->offset);
        }
    }
    if (made->fault == FAULT_LABEL && split == ESP_SPLIT_TEST)
        labels[count - 1] = (uint32_t)task->classes;
    if (made->fault == FAULT_INFINITE && split == ESP_SPLIT_TRAIN)
        ((float *)samples)[7 * size + 1] = NAN;
    return ESP_OK;
}

const esp_dataset_type *made_dataset(void)
{
    static esp_dataset_type type = {.struct_size = sizeof type,
                                    .summary = "for tests",
                                    .open = made_open,
                                    .close = made_close,
                                    .describe = made_describe,
                                    .read = made_read};
    ESP_SET_PARAMS(&type, made_params);
    return &type;
}
