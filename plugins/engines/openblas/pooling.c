// SPDX-License-Identifier: Apache-2.0
// MaxPool (the first maximum of a window gets the gradient; padding never wins), AveragePool with and
// without the padding counted, GlobalAveragePool.
#include "program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static esp_status prepare_pool(struct program *program, struct op *op, const esp_graph_node *node,
                               esp_call *call)
{
    (void)call;
    window_read(&op->window, node, &program->ops[op->inputs[0]].shape);
    return ESP_OK;
}

static esp_status prepare_max(struct program *program, struct op *op, const esp_graph_node *node,
                              esp_call *call)
{
    window_read(&op->window, node, &program->ops[op->inputs[0]].shape);
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
                    if (place < 0 || v > best) {
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
    .prepare = prepare_max,
    .forward = max_forward,
    .backward = max_backward,
};

// ---- Averages ---------------------------------------------------------------------------------

// The part of a window that lies in the plane, and what its sum is divided by. Padding that is
// counted ends where the padded plane ends: a window that ceil_mode lets reach further counts less.
struct area {
    int64_t top, bottom, left, right; // bottom and right are one past
    double divisor;
};

static struct area area_at(const struct window *w, const struct op *op, int64_t oh, int64_t ow)
{
    int64_t top = oh * w->stride_h - w->pad_top, left = ow * w->stride_w - w->pad_left;
    int64_t bottom = top + (w->kernel_h - 1) * w->dilation_h + 1;
    int64_t right = left + (w->kernel_w - 1) * w->dilation_w + 1;
    struct area area = {top < 0 ? 0 : top, bottom > w->height ? w->height : bottom,
                        left < 0 ? 0 : left, right > w->width ? w->width : right, 0};
    int64_t rows = (area.bottom - area.top + w->dilation_h - 1) / w->dilation_h;
    int64_t columns = (area.right - area.left + w->dilation_w - 1) / w->dilation_w;
    area.divisor = (double)(rows * columns);
    if (w->count_padding) {
        int64_t end_h = w->height + op->outer, end_w = w->width + op->inner; // with the padding
        int64_t h = (bottom < end_h ? bottom : end_h) - top;
        int64_t v = (right < end_w ? right : end_w) - left;
        area.divisor = (double)(((h + w->dilation_h - 1) / w->dilation_h) *
                                ((v + w->dilation_w - 1) / w->dilation_w));
    }
    // A dilated window's first tap may lie outside.
    while (area.top > top && (area.top - top) % w->dilation_h != 0)
        area.top++;
    while (area.left > left && (area.left - left) % w->dilation_w != 0)
        area.left++;
    return area;
}

static esp_status prepare_average(struct program *program, struct op *op,
                                  const esp_graph_node *node, esp_call *call)
{
    const esp_attribute *pads = esp_graph_attribute(node, "pads");
    op->outer = pads && pads->count == 4 ? pads->ints[2] : 0; // behind the last row
    op->inner = pads && pads->count == 4 ? pads->ints[3] : 0; // behind the last column
    return prepare_pool(program, op, node, call);
}

static void average_forward(struct program *program, struct op *op)
{
    const struct window *w = &op->window;
    const struct value *in = &program->values[op->inputs[0]], *out = &program->values[op->index];
    int64_t plane = w->height * w->width, out_plane = w->out_height * w->out_width;
    for (int64_t oh = 0; oh < w->out_height; oh++)
        for (int64_t ow = 0; ow < w->out_width; ow++) {
            struct area a = area_at(w, op, oh, ow);
            for (int64_t i = 0; i < (int64_t)program->batch * w->channels; i++) {
                const float *x = in->data + i * plane;
                float sum = 0.0f;
                for (int64_t ih = a.top; ih < a.bottom; ih += w->dilation_h)
                    for (int64_t iw = a.left; iw < a.right; iw += w->dilation_w)
                        sum += x[ih * w->width + iw];
                out->data[i * out_plane + oh * w->out_width + ow] = sum / (float)a.divisor;
            }
        }
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
    for (int64_t oh = 0; oh < w->out_height; oh++)
        for (int64_t ow = 0; ow < w->out_width; ow++) {
            struct area a = area_at(w, op, oh, ow);
            for (int64_t i = 0; i < (int64_t)program->batch * w->channels; i++) {
                float *gx = in->grad + i * plane;
                float g = out->grad[i * out_plane + oh * w->out_width + ow] / (float)a.divisor;
                for (int64_t ih = a.top; ih < a.bottom; ih += w->dilation_h)
                    for (int64_t iw = a.left; iw < a.right; iw += w->dilation_w)
                        gx[ih * w->width + iw] += g;
            }
        }
    in->filled = true;
}

const struct op_type op_average_pool = {
    .name = "AveragePool",
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
