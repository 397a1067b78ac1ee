// SPDX-License-Identifier: Apache-2.0
// A dataset that breaks one clause of the contract: BAD says which.
#include <espalier/espalier.h>
#include <stdlib.h>
#include <unistd.h>

static esp_status dataset_open(esp_create *c, void **out)
{
    esp_dataset_info *info = (esp_dataset_info *)calloc(1, sizeof *info);
    if (!info)
        return esp_fail(c, ESP_ERROR_MEMORY, "out of memory");
    info->struct_size = sizeof *info;
    info->task.struct_size = sizeof info->task;
    info->task.kind = ESP_TASK_IMAGES;
    info->task.channels = 1;
    info->task.height = info->task.width = 8;
    info->task.classes = 4;
    info->element = ESP_ELEMENT_U8;
    info->split_sizes[ESP_SPLIT_TRAIN] = 40;
    info->split_sizes[ESP_SPLIT_TEST] = 20;
#if BAD_described
    static const char *const files[] = {"/no/such/file"};
    info->files = files;
    info->file_count = 1;
#endif
    *out = info;
    return ESP_OK;
}

static const esp_dataset_info *dataset_info(void *self)
{
    return (const esp_dataset_info *)self;
}

static esp_status dataset_read(void *self, esp_read *read, uint32_t split, uint64_t first,
                               uint64_t count, void *samples, uint32_t *labels)
{
    static uint64_t reads;
    unsigned char *to = (unsigned char *)samples;
    (void)self;
    (void)read;
    reads++;
#if BAD_memory
    volatile char *memory = (volatile char *)malloc(16);
    memory[0] = 1;
    free((void *)(uintptr_t)memory);
#endif
    for (uint64_t i = 0; i < count; i++) {
        uint64_t stream = BAD_apart ? 0 : split;
        stream += BAD_again ? 100 * (reads % 2) : BAD_processes ? 1000 * (uint64_t)getpid() : 0;
        esp_random random = esp_random_stream(1, stream, first + i, 0, 0);
        for (uint64_t j = 0; j < 64; j++)
            to[64 * i + j] = (unsigned char)esp_random_below(&random, 256);
        labels[i] = (uint32_t)((first + i) % (BAD_values ? 5 : 4));
    }
    return ESP_OK;
}

static void describe(esp_dataset_type *out)
{
    out->summary = "wrong";
    out->open = dataset_open;
    out->close = free;
    out->describe = dataset_info;
    out->read = dataset_read;
}

ESP_PLUGIN("1.0.0", ESP_DATASET("bad", describe))
