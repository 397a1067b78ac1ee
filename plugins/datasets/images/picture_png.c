// SPDX-License-Identifier: Apache-2.0
// PNG files, by libpng; see picture.h.
#include "picture.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

// libpng reports errors by a jump; what is needed after it lives here.
struct reading {
    struct picture *out;
    const char *path;
    const esp_handle *handle;
    png_structp png;
    png_infop info;
    unsigned char **rows; // [height], into the picture
};

static void on_error(png_structp png, png_const_charp words)
{
    const struct reading *reading = png_get_error_ptr(png);
    esp_fail_handle(reading->handle, ESP_ERROR_DATA, "%s: is no whole PNG image: %s", reading->path,
                    words);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp words)
{
    (void)png;
    (void)words;
}

// Asks libpng for 8 bits, grey or red, green, blue, without transparency.
static void set_transformations(const struct reading *reading)
{
    png_structp png = reading->png;
    png_set_scale_16(png);
    png_set_expand(png);
    png_set_strip_alpha(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, reading->info);
}

// Nothing that is changed after a jump's setting is read after the jump but what `reading` holds.
static esp_status read_image(struct reading *reading)
{
    if (setjmp(png_jmpbuf(reading->png)))
        return ESP_ERROR_DATA;
    png_read_info(reading->png, reading->info);
    set_transformations(reading);
    esp_status status = picture_allocate(
        reading->out, png_get_image_height(reading->png, reading->info),
        png_get_image_width(reading->png, reading->info),
        png_get_channels(reading->png, reading->info), reading->path, reading->handle);
    if (status != ESP_OK)
        return status;
    const struct picture *out = reading->out;
    reading->rows = malloc(out->height * sizeof *reading->rows);
    if (!reading->rows)
        return esp_fail_handle(reading->handle, ESP_ERROR_MEMORY, "out of memory");
    for (uint64_t y = 0; y < out->height; y++)
        reading->rows[y] = out->values + y * out->width * out->channels;
    png_read_image(reading->png, reading->rows);
    png_read_end(reading->png, NULL);
    return ESP_OK;
}

esp_status picture_read_png(struct picture *out, FILE *stream, const char *path,
                            const esp_handle *handle)
{
    struct reading reading = {.out = out, .path = path, .handle = handle};
    esp_status status;
    reading.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reading, on_error, on_warning);
    reading.info = reading.png ? png_create_info_struct(reading.png) : NULL;
    if (reading.info) {
        png_init_io(reading.png, stream);
        status = read_image(&reading);
    } else {
        status = esp_fail_handle(handle, ESP_ERROR_MEMORY, "out of memory");
    }
    png_destroy_read_struct(&reading.png, &reading.info, NULL);
    free(reading.rows);
    return status;
}
