// SPDX-License-Identifier: Apache-2.0
// Files of CIFAR-10 records, plain and gzipped. Law: labels are classes, and records read one by one are
// those read at once.
#include "fuzz.h"

#include "plugins/datasets/cifar10/record_file.h"

#include <string.h>

#define MOST_RECORDS 8

static void run(const uint8_t *bytes, size_t size)
{
    static unsigned char images[MOST_RECORDS * RECORD_IMAGE], image[RECORD_IMAGE];
    uint32_t labels[MOST_RECORDS], label;
    struct error error;
    esp_handle handle;
    struct record_file file = {0};
    const char *path = fuzz_file("fuzz.bin", bytes, size);
    error_clear(&error);
    handle_init(&handle, sizeof handle, &error);
    esp_status status = record_file_open(&file, path, &handle);
    fuzz_refused(status, &error);
    uint64_t count = status == ESP_OK && file.count < MOST_RECORDS ? file.count : MOST_RECORDS;
    if (status == ESP_OK) {
        status = record_file_read(&file, 0, count, images, labels, &handle);
        fuzz_refused(status, &error);
    }
    for (uint64_t i = 0; status == ESP_OK && i < count; i++) {
        uint64_t at = count - 1 - i;
        FUZZ_LAW(labels[at] < RECORD_CLASSES, "label %u", labels[at]);
        FUZZ_LAW(record_file_read(&file, at, 1, image, &label, &handle) == ESP_OK, "%s",
                 error.message);
        FUZZ_LAW(label == labels[at] && !memcmp(image, images + at * RECORD_IMAGE, RECORD_IMAGE),
                 "record %d", (int)at);
    }
    record_file_close(&file);
}

const struct fuzz_target fuzz_cifar10 = {"cifar10", NULL, run};
