// SPDX-License-Identifier: Apache-2.0
// MaxPool (the first maximum of a window gets the gradient; padding never wins), AveragePool with and
// without the padding counted, GlobalAveragePool.
#include "program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static esp_status prepare_max(struct program *program, struct op *op, const esp_graph_node *node,
                              esp_call *call)
{
    esp_status status = window_of_node(&op->window, node, &program->ops[op->inputs[0]].shape, call);
    if (status != ESP_OK)
        return status;
    op->places =
        malloc((program->values[op->index].size * program->max_batch + 1) * sizeof *op->places);
    return op->places ? ESP_OK : esp_fail(call, ESP_ERROR_MEMORY, "out of memory");
}

static void max_plane(const struct window *w, const float *x, float *y, uint32_t *places)
{
    for (int64_t oh = 0; oh < w->out_height; oh++)
        for (int64_t ow = 0; ow < w->out_width; ow++) {
            int64_t top = oh * w->stride_h - w->pad_top, left = ow * w->stride_w - w->pad_left;
            float best = -INFINITY;
            int64_t place = -1;
            for (int64_t kh = 0; kh < w->kernel_h; kh++) {
                int64_t ih = top + kh * w->dilation_h;
                if (ih < 0 || ih >= w->height)
                    continue;
                for (int64_t kw = 0; kw < w->kernel_w; kw++) {
                    int64_t iw = left + kw * w->dilation_w;
                    if (iw < 0 || iw >= w->width)
                        continue;
                    float v = x[ih * w->width + iw];
                    if (place < 0 || v > best || v != v) {
                        best = v;
                        place = ih * w->width + iw;
                    }
                }
            }
            *y++ = best;
            *places++ = (uint32_t)place;
        }
}

static void max_forward(struct program *program, struct op *op)
{
    const struct window *w = &op->window;
    const struct value *in = &program->values[op->inputs[0]], *out = &program->values[op->index];
    int64_t plane = w->height * w->width, out_plane = w->out_height * w->out_width;
    for (int64_t i = 0; i < (int64_t)program->batch * w->channels; i++)
        max_plane(w, in->data + i * plane, out->data + i * out_plane, op->places + i * out_plane);
}

static void max_backward(struct program *program, struct op *op)
{
    const struct window *w = &op->window;
    struct value *in = &program->values[op->inputs[0]];
    const struct value *out = &program->values[op->index];
    int64_t plane = w->height * w->width, out_plane = w->out_height * w->out_width;
    if (!in->grad)
        return;
    if (!in->filled)
        memset(in->grad, 0, in->size * program->batch * sizeof(float));
    for (int64_t i = 0; i < (int64_t)program->batch * w->channels; i++)
        for (int64_t p = 0; p < out_plane; p++)
            in->grad[i * plane + op->places[i * out_plane + p]] += out->grad[i * out_plane + p];
    in->filled = true;
}

const struct op_type op_max_pool = {
    .name = "MaxPool",
    .attributes = WINDOW_ATTRIBUTES " ceil_mode",
    .prepare = prepare_max,
    .forward = max_forward,
    .backward = max_backward,
};

// ---- Averages ---------------------------------------------------------------------------------

// How far the padded plane reaches behind the last row and column: what ONNX counts as padding.
struct reach {
    int64_t height, width;
};

// Padding that is counted ends where the padded plane ends: a window that ceil_mode lets reach
// further counts less.
static struct area area_at(const struct window *w, struct reach reach, int64_t oh, int64_t ow)
{
    int64_t top = oh * w->stride_h - w->pad_top, left = ow * w->stride_w - w->pad_left;
    int64_t bottom = top + (w->kernel_h - 1) * w->dilation_h + 1;
    int64_t right = left + (w->kernel_w - 1) * w->dilation_w + 1;
    struct area area = {top, bottom > w->height ? w->height : bottom, left,
                        right > w->width ? w->width : right, 0};
    // The first tap inside: taps lie a dilation apart.
    while (area.top < 0)
        area.top += w->dilation_h;
    while (area.left < 0)
        area.left += w->dilation_w;
    int64_t rows = (area.bottom - area.top + w->dilation_h - 1) / w->dilation_h;
    int64_t columns = (area.right - area.left + w->dilation_w - 1) / w->dilation_w;
    if (w->count_padding) {
        int64_t end_h = bottom < reach.height ? bottom : reach.height;
        int64_t end_w = right < reach.width ? right : reach.width;
        rows = (end_h - top + w->dilation_h - 1) / w->dilation_h;
        columns = (end_w - left + w->dilation_w - 1) / w->dilation_w;
    }
    area.divisor = (float)(rows * columns);
    return area;
}

static esp_status prepare_average(struct program *program, struct op *op,
                                  const esp_graph_node *node, esp_call *call)
{
    struct window *w = &op->window;
    esp_status status = window_of_node(w, node, &program->ops[op->inputs[0]].shape, call);
    if (status != ESP_OK)
        return status;
    struct reach reach = {w->height + w->pad_bottom, w->width + w->pad_right};
    op->areas = malloc((size_t)(w->out_height * w->out_width) * sizeof *op->areas);
    if (!op->areas)
        return esp_fail(call, ESP_ERROR_MEMORY, "out of memory");
    for (int64_t oh = 0; oh < w->out_height; oh++)
        for (int64_t ow = 0; ow < w->out_width; ow++)
            op->areas[oh * w->out_width + ow] = area_at(w, reach, oh, ow);
    return ESP_OK;
}

static void average_plane(const struct window *w, const struct area *areas, const float *x,
                          float *y)
{
    for (int64_t p = 0; p < w->out_height * w->out_width; p++) {
        const struct area a = areas[p];
        float sum = 0.0f;
        for (int64_t ih = a.top; ih < a.bottom; ih += w->dilation_h)
            for (int64_t iw = a.left; iw < a.right; iw += w->dilation_w)
                sum += x[ih * w->width + iw];
        y[p] = sum / a.divisor;
    }
}

static void spread_plane(const struct window *w, const struct area *areas, const float *gy,
                         float *gx)
{
    for (int64_t p = 0; p < w->out_height * w->out_width; p++) {
        const struct area a = areas[p];
        float g = gy[p] / a.divisor;
        for (int64_t ih = a.top; ih < a.bottom; ih += w->dilation_h)
            for (int64_t iw = a.left; iw < a.right; iw += w->dilation_w)
                gx[ih * w->width + iw] += g;
    }
}

static void average_forward(struct program *program, struct op *op)
{
    const struct window *w = &op->window;
    const struct value *in = &program->values[op->inputs[0]], *out = &program->values[op->index];
    int64_t plane = w->height * w->width, out_plane = w->out_height * w->out_width;
    for (int64_t i = 0; i < (int64_t)program->batch * w->channels; i++)
        average_plane(w, op->areas, in->data + i * plane, out->data + i * out_plane);
}

static void average_backward(struct program *program, struct op *op)
{
    const struct window *w = &op->window;
    struct value *in = &program->values[op->inputs[0]];
    const struct value *out = &program->values[op->index];
    int64_t plane = w->height * w->width, out_plane = w->out_height * w->out_width;
    if (!in->grad)
        return;
    if (!in->filled)
        memset(in->grad, 0, in->size * program->batch * sizeof(float));
    for (int64_t i = 0; i < (int64_t)program->batch * w->channels; i++)
        spread_plane(w, op->areas, out->grad + i * out_plane, in->grad + i * plane);
    in->filled = true;
}

const struct op_type op_average_pool = {
    .name = "AveragePool",
    .attributes = WINDOW_ATTRIBUTES " ceil_mode count_include_pad",
    .prepare = prepare_average,
    .forward = average_forward,
    .backward = average_backward,
};

static void global_forward(struct program *program, struct op *op)
{
    const struct value *in = &program->values[op->inputs[0]], *out = &program->values[op->index];
    size_t plane = in->size / out->size;
    for (size_t i = 0; i < out->size * program->batch; i++) {
        double sum = 0.0;
        for (size_t j = 0; j < plane; j++)
            sum += in->data[i * plane + j];
        out->data[i] = (float)(sum / (double)plane);
    }
}

static void global_backward(struct program *program, struct op *op)
{
    struct value *in = &program->values[op->inputs[0]];
    const struct value *out = &program->values[op->index];
    size_t plane = in->size / out->size;
    if (!in->grad)
        return;
    for (size_t i = 0; i < out->size * program->batch; i++) {
        float g = out->grad[i] / (float)plane, *gx = in->grad + i * plane;
        for (size_t j = 0; j < plane; j++)
            gx[j] = in->filled ? gx[j] + g : g;
    }
    in->filled = true;
}

const struct op_type op_global_average_pool = {
    .name = "GlobalAveragePool",
    .forward = global_forward,
    .backward = global_backward,
};
