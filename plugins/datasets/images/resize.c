// SPDX-License-Identifier: Apache-2.0
// See resize.h. Along each axis a pixel is a weighted sum of some pixels of the picture ("taps").
#include "resize.h"

#include <stdlib.h>

// The taps of one pixel along one axis: those from `first` on.
struct taps {
    uint64_t first, count;
    const uint64_t *weights; // [count]
};

struct axis {
    struct taps *taps; // [size]
    uint64_t *weights; // of all taps
    uint64_t total;    // the sum of one pixel's weights
};

static void axis_free(struct axis *axis)
{
    free(axis->taps);
    free(axis->weights);
}

// Pixel i of `to` covers [i * from, (i + 1) * from), pixel j of `from` [j * to, (j + 1) * to).
static uint64_t add_area(struct taps *taps, uint64_t *weights, uint64_t i, uint64_t from,
                         uint64_t to)
{
    uint64_t begin = i * from, end = begin + from;
    taps->first = begin / to;
    for (uint64_t j = taps->first; j < from && j * to < end; j++) {
        uint64_t low = j * to > begin ? j * to : begin;
        uint64_t high = (j + 1) * to < end ? (j + 1) * to : end;
        weights[taps->count++] = high - low;
    }
    return taps->count;
}

// The centre of pixel i of `to` lies at ((2i + 1) * from - to) / (2 to) of the centres of `from`.
static uint64_t add_bilinear(struct taps *taps, uint64_t *weights, uint64_t i, uint64_t from,
                             uint64_t to)
{
    uint64_t place = (2 * i + 1) * from, unit = 2 * to;
    place = place > to ? place - to : 0;
    taps->first = place / unit;
    uint64_t second = place % unit;
    if (second == 0 || taps->first + 1 >= from) {
        weights[0] = unit;
        return taps->count = 1;
    }
    weights[0] = unit - second;
    weights[1] = second;
    return taps->count = 2;
}

static int axis_make(struct axis *axis, uint64_t from, uint64_t to, enum resize_method method)
{
    // A pixel's area touches at most from / to + 2 pixels.
    uint64_t most = method == RESIZE_AREA ? from / to + 2 : 2, used = 0;
    axis->taps = calloc(to, sizeof *axis->taps);
    axis->weights = malloc(to * most * sizeof *axis->weights);
    axis->total = method == RESIZE_AREA ? from : 2 * to;
    if (!axis->taps || !axis->weights)
        return 0;
    for (uint64_t i = 0; i < to; i++) {
        uint64_t *weights = axis->weights + used;
        axis->taps[i].weights = weights;
        used += method == RESIZE_AREA ? add_area(&axis->taps[i], weights, i, from, to)
                                      : add_bilinear(&axis->taps[i], weights, i, from, to);
    }
    return 1;
}

static unsigned char grey(const unsigned char *rgb)
{
    return (unsigned char)((299u * rgb[0] + 587u * rgb[1] + 114u * rgb[2] + 500) / 1000);
}

// To grey, in place.
static void drop_colour(struct picture *picture)
{
    uint64_t pixels = picture->height * picture->width;
    if (picture->channels == 1)
        return;
    for (uint64_t i = 0; i < pixels; i++)
        picture->values[i] = grey(picture->values + 3 * i);
    picture->channels = 1;
}

static unsigned char weigh(const struct picture *picture, uint64_t channel, const struct taps *rows,
                           const struct taps *columns, uint64_t total)
{
    uint64_t sum = total / 2;
    for (uint64_t y = 0; y < rows->count; y++) {
        uint64_t of_row = 0;
        const unsigned char *row =
            picture->values +
            ((rows->first + y) * picture->width + columns->first) * picture->channels + channel;
        for (uint64_t x = 0; x < columns->count; x++)
            of_row += columns->weights[x] * row[x * picture->channels];
        sum += rows->weights[y] * of_row;
    }
    return (unsigned char)(sum / total);
}

esp_status resize(unsigned char *out, uint64_t channels, uint64_t height, uint64_t width,
                  struct picture *picture, enum resize_method method, const esp_handle *handle)
{
    struct axis rows = {0}, columns = {0};
    esp_status status = ESP_OK;
    if (!axis_make(&rows, picture->height, height, method) ||
        !axis_make(&columns, picture->width, width, method))
        status = esp_fail_handle(handle, ESP_ERROR_MEMORY, "out of memory");
    if (channels == 1)
        drop_colour(picture);
    uint64_t total = rows.total * columns.total;
    for (uint64_t c = 0; c < channels && status == ESP_OK; c++) {
        // A grey picture's one channel is each of red, green, blue.
        uint64_t channel = picture->channels == 1 ? 0 : c;
        for (uint64_t y = 0; y < height; y++)
            for (uint64_t x = 0; x < width; x++)
                *out++ = weigh(picture, channel, &rows.taps[y], &columns.taps[x], total);
    }
    axis_free(&rows);
    axis_free(&columns);
    return status;
}
