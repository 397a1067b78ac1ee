// SPDX-License-Identifier: Apache-2.0
// Depthwise convolutions: each channel has a filter of its own, too little work for matrix products.
// Rows are added up as whole vectors, one filter tap after another.
#include "program.h"

#include <string.h>

bool is_depthwise(const struct window *w)
{
    return w->groups == w->channels && w->out_channels == w->channels;
}

VECTOR static void add_row(float *restrict y, const float *restrict x, float tap, int64_t count,
                           int64_t stride)
{
    if (stride == 1)
        for (int64_t i = 0; i < count; i++)
            y[i] += tap * x[i];
    else
        for (int64_t i = 0; i < count; i++)
            y[i] += tap * x[i * stride];
}

VECTOR static void spread_row(float *restrict x, const float *restrict y, float tap, int64_t count,
                              int64_t stride)
{
    if (stride == 1)
        for (int64_t i = 0; i < count; i++)
            x[i] += tap * y[i];
    else
        for (int64_t i = 0; i < count; i++)
            x[i * stride] += tap * y[i];
}

VECTOR static float product_row(const float *restrict x, const float *restrict y, int64_t count,
                                int64_t stride)
{
    float lanes[LANES] = {0};
    int64_t i = 0;
    float sum = 0.0f;
    if (stride == 1)
        for (; i + LANES <= count; i += LANES)
            for (int l = 0; l < LANES; l++)
                lanes[l] += x[i + l] * y[i + l];
    for (; i < count; i++)
        sum += x[i * stride] * y[i];
    for (int l = 0; l < LANES; l++)
        sum += lanes[l];
    return sum;
}

void depthwise_forward(const struct window *w, const float *x, const float *weight, float *y)
{
    int64_t plane = w->height * w->width, out_plane = w->out_height * w->out_width;
    memset(y, 0, (size_t)(w->channels * out_plane) * sizeof *y);
    for (int64_t c = 0; c < w->channels; c++, x += plane, y += out_plane)
        for (int64_t kh = 0; kh < w->kernel_h; kh++)
            for (int64_t kw = 0; kw < w->kernel_w; kw++) {
                float tap = *weight++;
                int64_t first, end, offset = kw * w->dilation_w - w->pad_left;
                window_inside(w->out_width, w->stride_w, offset, w->width, &first, &end);
                for (int64_t oh = 0; oh < w->out_height; oh++) {
                    int64_t ih = oh * w->stride_h - w->pad_top + kh * w->dilation_h;
                    if (ih >= 0 && ih < w->height)
                        add_row(y + oh * w->out_width + first,
                                x + ih * w->width + first * w->stride_w + offset, tap, end - first,
                                w->stride_w);
                }
            }
}

void depthwise_backward(const struct window *w, const float *x, const float *weight,
                        const float *gy, float *gx, float *gw)
{
    int64_t plane = w->height * w->width, out_plane = w->out_height * w->out_width;
    for (int64_t c = 0; c < w->channels; c++, x += plane, gy += out_plane) {
        for (int64_t kh = 0; kh < w->kernel_h; kh++)
            for (int64_t kw = 0; kw < w->kernel_w; kw++) {
                float tap = *weight++;
                double sum = 0.0;
                int64_t first, end, offset = kw * w->dilation_w - w->pad_left;
                window_inside(w->out_width, w->stride_w, offset, w->width, &first, &end);
                for (int64_t oh = 0; oh < w->out_height; oh++) {
                    int64_t ih = oh * w->stride_h - w->pad_top + kh * w->dilation_h;
                    if (ih < 0 || ih >= w->height)
                        continue;
                    int64_t place = ih * w->width + first * w->stride_w + offset;
                    const float *go = gy + oh * w->out_width + first;
                    sum += product_row(x + place, go, end - first, w->stride_w);
                    if (gx)
                        spread_row(gx + place, go, tap, end - first, w->stride_w);
                }
                *gw++ += (float)sum;
            }
        gx = gx ? gx + plane : NULL;
    }
}
