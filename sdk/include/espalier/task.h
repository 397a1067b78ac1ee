// SPDX-License-Identifier: Apache-2.0
// The task that a network is built for: the shape of one sample and what is predicted.
#ifndef ESPALIER_TASK_H
#define ESPALIER_TASK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    ESP_TASK_IMAGES = 1, // samples are [channels, height, width]
    ESP_TASK_ROWS = 2    // samples are [channels], one column each; height and width are 1
};

// Owner: whoever hands it out; it is read only.
typedef struct esp_task {
    uint64_t struct_size;
    uint32_t kind;
    uint32_t reserved;
    uint64_t channels; // of an image, or the number of columns
    uint64_t height;
    uint64_t width;
    uint64_t classes; // >= 2
} esp_task;

#ifdef __cplusplus
}
#endif

#endif
