// SPDX-License-Identifier: Apache-2.0
// JPEG files, by libjpeg; see picture.h.
#include "picture.h"

#include <jpeglib.h>
#include <jerror.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

// libjpeg reports errors by a call that must not return; what is needed after it lives here.
struct reading {
    struct jpeg_error_mgr errors; // first: libjpeg hands back its address
    jmp_buf out_of_here;
    struct jpeg_decompress_struct jpeg;
    struct picture *out;
    const char *path;
    const esp_handle *handle;
    unsigned char *row; // of a CMYK image
};

static void fail_here(struct reading *reading)
{
    char words[JMSG_LENGTH_MAX];
    reading->errors.format_message((j_common_ptr)&reading->jpeg, words);
    esp_fail_handle(reading->handle, ESP_ERROR_DATA, "%s: is no whole JPEG image: %s",
                    reading->path, words);
    longjmp(reading->out_of_here, 1);
}

static void on_error(j_common_ptr jpeg)
{
    fail_here((struct reading *)jpeg->err);
}

// Where libjpeg warns it goes on with grey; only bytes between markers do no harm to the image.
static void on_message(j_common_ptr jpeg, int level)
{
    if (level < 0 && jpeg->err->msg_code != JWRN_EXTRANEOUS_DATA)
        fail_here((struct reading *)jpeg->err);
}

// One row of CMYK, inverted where Adobe's marker says so, to red, green, blue.
static void convert_row(unsigned char *to, const unsigned char *from, uint64_t width, int inverted)
{
    for (uint64_t x = 0; x < width; x++, to += 3, from += 4) {
        unsigned black = inverted ? from[3] : 255u - from[3];
        for (int c = 0; c < 3; c++)
            to[c] = (unsigned char)(((inverted ? from[c] : 255u - from[c]) * black + 127) / 255);
    }
}

static esp_status start(struct reading *reading)
{
    struct jpeg_decompress_struct *jpeg = &reading->jpeg;
    jpeg_read_header(jpeg, TRUE);
    uint64_t channels = 3;
    if (jpeg->jpeg_color_space == JCS_GRAYSCALE) {
        jpeg->out_color_space = JCS_GRAYSCALE;
        channels = 1;
    } else if (jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK) {
        jpeg->out_color_space = JCS_CMYK;
    } else {
        jpeg->out_color_space = JCS_RGB;
    }
    jpeg->dct_method = JDCT_ISLOW; // the same bits on every machine
    esp_status status = picture_allocate(reading->out, jpeg->image_height, jpeg->image_width,
                                         channels, reading->path, reading->handle);
    if (status == ESP_OK && jpeg->out_color_space == JCS_CMYK) {
        reading->row = malloc((size_t)jpeg->image_width * 4);
        if (!reading->row)
            status = esp_fail_handle(reading->handle, ESP_ERROR_MEMORY, "out of memory");
    }
    if (status == ESP_OK)
        jpeg_start_decompress(jpeg);
    return status;
}

// Nothing that is changed after the jump's setting is read after the jump but what `reading` holds.
static esp_status read_image(struct reading *reading)
{
    struct jpeg_decompress_struct *jpeg = &reading->jpeg;
    if (setjmp(reading->out_of_here))
        return ESP_ERROR_DATA;
    esp_status status = start(reading);
    if (status != ESP_OK)
        return status;
    const struct picture *out = reading->out;
    while (jpeg->output_scanline < jpeg->output_height) {
        unsigned char *to = out->values + jpeg->output_scanline * out->width * out->channels;
        unsigned char *row = reading->row ? reading->row : to;
        jpeg_read_scanlines(jpeg, &row, 1);
        if (reading->row)
            convert_row(to, row, out->width, jpeg->saw_Adobe_marker);
    }
    jpeg_finish_decompress(jpeg);
    return ESP_OK;
}

esp_status picture_read_jpeg(struct picture *out, FILE *stream, const char *path,
                             const esp_handle *handle)
{
    struct reading *reading = calloc(1, sizeof *reading);
    if (!reading)
        return esp_fail_handle(handle, ESP_ERROR_MEMORY, "out of memory");
    reading->out = out;
    reading->path = path;
    reading->handle = handle;
    reading->jpeg.err = jpeg_std_error(&reading->errors);
    reading->errors.error_exit = on_error;
    reading->errors.emit_message = on_message;
    esp_status status = ESP_ERROR_DATA;
    if (!setjmp(reading->out_of_here)) {
        jpeg_create_decompress(&reading->jpeg);
        jpeg_stdio_src(&reading->jpeg, stream);
        status = read_image(reading);
    }
    jpeg_destroy_decompress(&reading->jpeg);
    free(reading->row);
    free(reading);
    return status;
}
