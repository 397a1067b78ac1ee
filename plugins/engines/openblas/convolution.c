// SPDX-License-Identifier: Apache-2.0
// Conv as matrix products over the columns of one image at a time, so that the columns stay in the
// second-level cache: output [M, P] = weight [M, K] x columns [K, P], with K = channels of a group x
// kernel, P = output places. A 1x1 convolution of stride 1 needs no columns. Images come one after
// the other into the weight's gradient, so that the result does not depend on the batch compiled for.
#include "program.h"

#include <cblas.h>
#include <string.h>

static bool is_pointwise(const struct window *w)
{
    return w->kernel_h == 1 && w->kernel_w == 1 && w->stride_h == 1 && w->stride_w == 1 &&
           w->pad_top == 0 && w->pad_left == 0 && w->out_height == w->height &&
           w->out_width == w->width;
}

static esp_status prepare(struct program *program, struct op *op, const esp_graph_node *node,
                          esp_call *call)
{
    struct window *w = &op->window;
    esp_status status = window_of_node(w, node, &program->ops[op->inputs[0]].shape, call);
    if (status != ESP_OK)
        return status;
    if (is_depthwise(w) || is_pointwise(w))
        return ESP_OK;
    size_t rows = (size_t)(w->channels / w->groups * w->kernel_h * w->kernel_w);
    size_t places = (size_t)(w->out_height * w->out_width);
    // Columns, and in backward their gradient.
    return need_scratch(program, (program->training ? 2 : 1) * rows * places + 32)
               ? ESP_OK
               : esp_fail(call, ESP_ERROR_MEMORY, "out of memory");
}

// Columns [channels x kernel_h x kernel_w, out_height x out_width] of one group of an image.
VECTOR static void to_columns(const struct window *w, const float *restrict x, int64_t channels,
                              float *restrict columns)
{
    for (int64_t c = 0; c < channels; c++, x += w->height * w->width)
        for (int64_t kh = 0; kh < w->kernel_h; kh++)
            for (int64_t kw = 0; kw < w->kernel_w; kw++) {
                int64_t column_offset = kw * w->dilation_w - w->pad_left;
                int64_t first, end;
                window_inside(w->out_width, w->stride_w, column_offset, w->width, &first, &end);
                for (int64_t oh = 0; oh < w->out_height; oh++, columns += w->out_width) {
                    int64_t ih = oh * w->stride_h - w->pad_top + kh * w->dilation_h;
                    if (ih < 0 || ih >= w->height) {
                        memset(columns, 0, (size_t)w->out_width * sizeof *columns);
                        continue;
                    }
                    const float *row = x + ih * w->width;
                    for (int64_t ow = 0; ow < first; ow++)
                        columns[ow] = 0.0f;
                    if (w->stride_w == 1)
                        memcpy(columns + first, row + first + column_offset,
                               (size_t)(end - first) * sizeof *columns);
                    else
                        for (int64_t ow = first; ow < end; ow++)
                            columns[ow] = row[ow * w->stride_w + column_offset];
                    for (int64_t ow = end; ow < w->out_width; ow++)
                        columns[ow] = 0.0f;
                }
            }
}

// Adds columns back to where they came from.
VECTOR static void add_columns(const struct window *w, float *restrict x, int64_t channels,
                               const float *restrict columns)
{
    for (int64_t c = 0; c < channels; c++, x += w->height * w->width)
        for (int64_t kh = 0; kh < w->kernel_h; kh++)
            for (int64_t kw = 0; kw < w->kernel_w; kw++) {
                int64_t column_offset = kw * w->dilation_w - w->pad_left;
                int64_t first, end;
                window_inside(w->out_width, w->stride_w, column_offset, w->width, &first, &end);
                for (int64_t oh = 0; oh < w->out_height; oh++, columns += w->out_width) {
                    int64_t ih = oh * w->stride_h - w->pad_top + kh * w->dilation_h;
                    if (ih < 0 || ih >= w->height)
                        continue;
                    float *row = x + ih * w->width + column_offset;
                    if (w->stride_w == 1)
                        for (int64_t ow = first; ow < end; ow++)
                            row[ow] += columns[ow];
                    else
                        for (int64_t ow = first; ow < end; ow++)
                            row[ow * w->stride_w] += columns[ow];
                }
            }
}

static void add_bias(const struct window *w, const float *bias, float *y)
{
    int64_t places = w->out_height * w->out_width;
    for (int64_t m = 0; m < w->out_channels; m++, y += places)
        for (int64_t p = 0; p < places; p++)
            y[p] += bias[m];
}

static void forward_image(struct program *program, const struct op *op, const float *x, float *y)
{
    const struct window *w = &op->window;
    const float *weight = op->weights[0]->value;
    int64_t m = w->out_channels / w->groups, in = w->channels / w->groups;
    int64_t k = in * w->kernel_h * w->kernel_w, p = w->out_height * w->out_width;
    bool pointwise = is_pointwise(w);
    for (int64_t g = 0; g < w->groups; g++) {
        const float *from = x + g * in * w->height * w->width, *columns = from;
        if (!pointwise) {
            to_columns(w, from, in, program->scratch);
            columns = program->scratch;
        }
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)m, (int)p, (int)k, 1.0f,
                    weight + g * m * k, (int)k, columns, (int)p, 0.0f, y + g * m * p, (int)p);
    }
}

static void conv_forward(struct program *program, struct op *op)
{
    const struct window *w = &op->window;
    const struct value *in = &program->values[op->inputs[0]], *out = &program->values[op->index];
    for (uint64_t n = 0; n < program->batch; n++) {
        const float *x = in->data + n * in->size;
        float *y = out->data + n * out->size;
        if (is_depthwise(w))
            depthwise_forward(w, x, op->weights[0]->value, y);
        else
            forward_image(program, op, x, y);
        if (op->weight_count > 1)
            add_bias(w, op->weights[1]->value, y);
    }
}

// Gradients of one image: the weight's is added to, the input's is set where `set`, else added to.
static void backward_image(struct program *program, const struct op *op, const float *x,
                           const float *gy, float *gx, bool set)
{
    const struct window *w = &op->window;
    const float *weight = op->weights[0]->value;
    float *gw = op->weights[0]->gradient;
    int64_t m = w->out_channels / w->groups, in = w->channels / w->groups;
    int64_t k = in * w->kernel_h * w->kernel_w, p = w->out_height * w->out_width;
    int64_t plane = w->height * w->width;
    bool pointwise = is_pointwise(w);
    for (int64_t g = 0; g < w->groups; g++) {
        const float *from = x + g * in * plane, *columns = from, *go = gy + g * m * p;
        float *column_gradient = program->scratch + (k * p + 15) / 16 * 16;
        if (!pointwise) {
            to_columns(w, from, in, program->scratch);
            columns = program->scratch;
        }
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)m, (int)k, (int)p, 1.0f, go,
                    (int)p, columns, (int)p, 1.0f, gw + g * m * k, (int)k);
        if (!gx)
            continue;
        float *to = pointwise ? gx + g * in * plane : column_gradient;
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)k, (int)p, (int)m, 1.0f,
                    weight + g * m * k, (int)k, go, (int)p, pointwise && !set ? 1.0f : 0.0f, to,
                    (int)p);
        if (pointwise)
            continue;
        if (set)
            memset(gx + g * in * plane, 0, (size_t)(in * plane) * sizeof *gx);
        add_columns(w, gx + g * in * plane, in, column_gradient);
    }
}

static void bias_gradient(const struct window *w, const float *gy, float *gb)
{
    int64_t places = w->out_height * w->out_width;
    for (int64_t m = 0; m < w->out_channels; m++, gy += places) {
        double sum = 0.0;
        for (int64_t p = 0; p < places; p++)
            sum += gy[p];
        gb[m] += (float)sum;
    }
}

static void conv_backward(struct program *program, struct op *op)
{
    const struct window *w = &op->window;
    struct value *in = &program->values[op->inputs[0]];
    const struct value *out = &program->values[op->index];
    bool depthwise = is_depthwise(w), set = !in->filled;
    for (uint64_t n = 0; n < program->batch; n++) {
        const float *x = in->data + n * in->size, *gy = out->grad + n * out->size;
        float *gx = in->grad ? in->grad + n * in->size : NULL;
        if (depthwise && gx && set)
            memset(gx, 0, in->size * sizeof *gx);
        if (depthwise)
            depthwise_backward(w, x, op->weights[0]->value, gy, gx, op->weights[0]->gradient);
        else
            backward_image(program, op, x, gy, gx, set);
        if (op->weight_count > 1)
            bias_gradient(w, gy, op->weights[1]->gradient);
    }
    in->filled = in->grad != NULL;
}

const struct op_type op_conv = {
    .name = "Conv",
    .attributes = WINDOW_ATTRIBUTES " group channels bias",
    .reads_input = true,
    .prepare = prepare,
    .forward = conv_forward,
    .backward = conv_backward,
};
