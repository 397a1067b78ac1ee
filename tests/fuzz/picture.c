// SPDX-License-Identifier: Apache-2.0
// PNG and JPEG pictures, and what they are made to. Law: every value that was allocated was read.
#include "fuzz.h"

#include "plugins/datasets/images/resize.h"

#define SIDE 8

static volatile uint64_t seen; // so that reads are not optimised away

static void run(const uint8_t *bytes, size_t size)
{
    static unsigned char out[3 * SIDE * SIDE];
    struct error error;
    esp_handle handle;
    struct picture picture = {0};
    const char *path = fuzz_file("fuzz.png", bytes, size);
    error_clear(&error);
    handle_init(&handle, sizeof handle, &error);
    esp_status status = picture_read(&picture, path, &handle);
    fuzz_refused(status, &error);
    if (status == ESP_OK) {
        uint64_t count = picture.height * picture.width * picture.channels;
        FUZZ_LAW(count > 0 && (picture.channels == 1 || picture.channels == 3), "%d channels",
                 (int)picture.channels);
        for (uint64_t i = 0; i < count; i++)
            seen += picture.values[i];
        status = resize(out, size % 2 ? 1 : 3, SIDE, SIDE, &picture,
                        size % 3 ? RESIZE_AREA : RESIZE_BILINEAR, &handle);
        fuzz_refused(status, &error);
    }
    picture_free(&picture);
}

const struct fuzz_target fuzz_picture = {"picture", NULL, run};
