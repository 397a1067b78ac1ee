// SPDX-License-Identifier: Apache-2.0
// IDX files, plain and gzipped. Law: items read one by one are those read at once.
#include "fuzz.h"

#include "plugins/datasets/idx/idx_file.h"

#include <string.h>

#define MOST_BYTES 65536

static void read_items(struct idx_file *file, const esp_handle *handle, struct error *error)
{
    static unsigned char all[MOST_BYTES], one[MOST_BYTES];
    uint64_t item, count = file->dimensions[0];
    if (__builtin_mul_overflow(file->item_values, file->value_size, &item) || item > MOST_BYTES)
        return;
    if (count > MOST_BYTES / item)
        count = MOST_BYTES / item;
    if (count > 64)
        count = 64;
    esp_status status = idx_file_read(file, 0, count, all, handle);
    fuzz_refused(status, error);
    for (uint64_t i = 0; status == ESP_OK && i < count; i++) {
        uint64_t at = count - 1 - i;
        FUZZ_LAW(idx_file_read(file, at, 1, one, handle) == ESP_OK, "%s", error->message);
        FUZZ_LAW(!memcmp(one, all + at * item, item), "item %d", (int)at);
    }
}

static void run(const uint8_t *bytes, size_t size)
{
    struct error error;
    esp_handle handle;
    struct idx_file file = {0};
    char shape[IDX_SHAPE_SIZE];
    const char *path = fuzz_file("fuzz.idx", bytes, size);
    error_clear(&error);
    handle_init(&handle, sizeof handle, &error);
    esp_status status = idx_file_open(&file, path, &handle);
    fuzz_refused(status, &error);
    if (status == ESP_OK) {
        FUZZ_LAW(file.dimension_count >= 1 && file.dimension_count <= IDX_MOST_DIMENSIONS, "%u",
                 file.dimension_count);
        idx_file_shape(&file, shape);
        read_items(&file, &handle, &error);
    }
    idx_file_close(&file);
}

const struct fuzz_target fuzz_idx = {"idx", NULL, run};
