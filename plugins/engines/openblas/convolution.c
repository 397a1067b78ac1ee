// SPDX-License-Identifier: Apache-2.0
// Conv of one image at a time, so that all it touches stays in the second-level cache, and images add
// to the weight's gradient one after the other, whatever the batch is. Four ways:
//   pointwise (1x1 of stride 1): one matrix product [M, C] x [C, H W];
//   by taps: the output is the sum over taps of [M, C] x [C, places], where the second matrix is the
//     input's planes, shifted (planes.h): no columns are made;
//   by columns, where an image has few channels or the output few places, and the products by taps
//     would be too small: the shifted planes are copied under each other, [C taps, places];
//   depthwise: loops of their own (depthwise.c).
#include "depthwise.h"
#include "planes.h"

#include <cblas.h>
#include <stdlib.h>
#include <string.h>

// Below so many channels of a group, or places, columns are faster.
#define FEW_CHANNELS 4
#define FEW_PLACES 24

// Of one group, and where its parts lie in the scratch.
struct layout {
    int64_t m, c; // channels out and in
    int64_t taps;
    int64_t x, y, gx, gw, w, columns; // offsets into the scratch
    int64_t total;
};

static bool is_pointwise(const struct window *w)
{
    return w->kernel_h == 1 && w->kernel_w == 1 && w->stride_h == 1 && w->stride_w == 1 &&
           w->pad_top == 0 && w->pad_left == 0 && w->out_height == w->height &&
           w->out_width == w->width;
}

static bool is_depthwise(const struct window *w)
{
    return w->groups == w->channels && w->out_channels == w->channels;
}

static bool by_columns(const struct window *w)
{
    return w->channels / w->groups < FEW_CHANNELS || w->out_height * w->out_width < FEW_PLACES;
}

static struct layout layout_of(const struct program *program, const struct op *op)
{
    const struct window *w = &op->window;
    const struct planes *p = op->planes;
    struct layout s = {.m = w->out_channels / w->groups,
                       .c = w->channels / w->groups,
                       .taps = w->kernel_h * w->kernel_w};
    int64_t weights = (w->out_channels * s.c * s.taps + LANES - 1) / LANES * LANES;
    s.y = s.x + s.c * p->channel + LANES;
    s.w = s.y + s.m * p->span;
    s.columns = s.w;
    s.gw = s.total = s.w + (by_columns(w) ? s.c * s.taps * p->span : weights);
    if (!program->training)
        return s;
    s.gx = s.gw + (by_columns(w) ? 0 : weights);
    s.total = s.gx + s.c * p->channel;
    return s;
}

static esp_status prepare(struct program *program, struct op *op, const esp_graph_node *node,
                          esp_call *call)
{
    struct window *w = &op->window;
    esp_status status = window_of_node(w, node, &program->ops[op->inputs[0]].shape, call);
    if (status != ESP_OK || is_pointwise(w))
        return status;
    op->planes = planes_create(w);
    bool made = op->planes &&
                (is_depthwise(w) ? depthwise_prepare(program, op)
                                 : need_scratch(program, (size_t)layout_of(program, op).total));
    return made ? ESP_OK : esp_fail(call, ESP_ERROR_MEMORY, "out of memory");
}

// c = a b (+ c): all row-major, of the sizes after transposition.
static void multiply(bool a_transposed, bool b_transposed, int64_t m, int64_t n, int64_t k,
                     const float *a, int64_t lda, const float *b, int64_t ldb, bool add, float *c,
                     int64_t ldc)
{
    cblas_sgemm(CblasRowMajor, a_transposed ? CblasTrans : CblasNoTrans,
                b_transposed ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)k, 1.0f, a, (int)lda,
                b, (int)ldb, add ? 1.0f : 0.0f, c, (int)ldc);
}

// Weights [M, C, taps] of all groups as [group, tap, m, C], and gradients back.
static void pack(const struct op *op, const struct layout *s, const float *weight, float *to)
{
    for (int64_t m = 0; m < op->window.out_channels; m++)
        for (int64_t c = 0; c < s->c; c++)
            for (int64_t t = 0; t < s->taps; t++)
                to[((m / s->m * s->taps + t) * s->m + m % s->m) * s->c + c] = *weight++;
}

static void unpack(const struct op *op, const struct layout *s, const float *from, float *gradient)
{
    for (int64_t m = 0; m < op->window.out_channels; m++)
        for (int64_t c = 0; c < s->c; c++)
            for (int64_t t = 0; t < s->taps; t++)
                *gradient++ = from[((m / s->m * s->taps + t) * s->m + m % s->m) * s->c + c];
}

static void fill_planes(const struct op *op, const struct layout *s, const float *x, float *to)
{
    for (int64_t c = 0; c < s->c; c++)
        planes_fill(op->planes, x + c * op->window.height * op->window.width,
                    to + c * op->planes->channel);
}

// [C taps, span]: the planes under each other, shifted by each tap.
static void fill_columns(const struct op *op, const struct layout *s, const float *planes,
                         float *columns)
{
    const struct planes *p = op->planes;
    for (int64_t c = 0; c < s->c; c++)
        for (int64_t t = 0; t < s->taps; t++, columns += p->span)
            memcpy(columns, planes + c * p->channel + p->offsets[t],
                   (size_t)p->places * sizeof *columns);
}

static void add_columns(const struct op *op, const struct layout *s, const float *columns,
                        float *planes)
{
    const struct planes *p = op->planes;
    for (int64_t c = 0; c < s->c; c++)
        for (int64_t t = 0; t < s->taps; t++, columns += p->span)
            p->loops->add(planes + c * p->channel + p->offsets[t], columns, p->places);
}

// ---- Forward ----------------------------------------------------------------------------------

// One group g of an image: y = the planes' product, at the pitch of the planes.
static void forward_group(struct program *program, const struct op *op, const struct layout *s,
                          int64_t g, const float *x)
{
    const struct planes *p = op->planes;
    float *planes = program->scratch + s->x, *y = program->scratch + s->y;
    float *columns = program->scratch + s->columns;
    fill_planes(op, s, x, planes);
    if (by_columns(&op->window)) {
        fill_columns(op, s, planes, columns);
        multiply(false, false, s->m, p->places, s->c * s->taps,
                 op->weights[0]->value + g * s->m * s->c * s->taps, s->c * s->taps, columns,
                 p->span, false, y, p->span);
        return;
    }
    const float *weight = program->scratch + s->w + g * s->taps * s->m * s->c;
    for (int64_t t = 0; t < s->taps; t++)
        multiply(false, false, s->m, p->places, s->c, weight + t * s->m * s->c, s->c,
                 planes + p->offsets[t], p->channel, t > 0, y, p->span);
}

static void forward_windows(struct program *program, struct op *op)
{
    const struct window *w = &op->window;
    const struct value *in = &program->values[op->inputs[0]], *out = &program->values[op->index];
    const float *bias = op->weight_count > 1 ? op->weights[1]->value : NULL;
    struct layout s = layout_of(program, op);
    int64_t area = w->out_height * w->out_width;
    memset(program->scratch, 0, (size_t)s.y * sizeof(float));
    if (!by_columns(w))
        pack(op, &s, op->weights[0]->value, program->scratch + s.w);
    for (uint64_t n = 0; n < program->batch; n++)
        for (int64_t g = 0; g < w->groups; g++) {
            forward_group(program, op, &s, g,
                          in->data + n * in->size + g * s.c * w->height * w->width);
            for (int64_t m = 0; m < s.m; m++)
                planes_drop(op->planes, program->scratch + s.y + m * op->planes->span,
                            bias ? bias[g * s.m + m] : 0.0f,
                            out->data + n * out->size + (g * s.m + m) * area);
        }
}

static void forward_pointwise(struct program *program, struct op *op)
{
    const struct window *w = &op->window;
    const struct value *in = &program->values[op->inputs[0]], *out = &program->values[op->index];
    int64_t m = w->out_channels / w->groups, c = w->channels / w->groups;
    int64_t area = w->height * w->width;
    for (uint64_t n = 0; n < program->batch; n++) {
        float *y = out->data + n * out->size;
        for (int64_t g = 0; g < w->groups; g++)
            multiply(false, false, m, area, c, op->weights[0]->value + g * m * c, c,
                     in->data + n * in->size + g * c * area, area, false, y + g * m * area, area);
        for (int64_t k = 0; op->weight_count > 1 && k < w->out_channels; k++)
            program->loops->add_constant(y + k * area, op->weights[1]->value[k], y + k * area,
                                         area);
    }
}

static void conv_forward(struct program *program, struct op *op)
{
    if (!op->planes)
        forward_pointwise(program, op);
    else if (is_depthwise(&op->window))
        depthwise_forward(program, op);
    else
        forward_windows(program, op);
}

// ---- Backward ---------------------------------------------------------------------------------

// One group of an image, whose output's gradient lies in the scratch: the weight's gradient is added
// to, the gradient of the planes is made where `gx`.
static void backward_columns(struct program *program, const struct op *op, const struct layout *s,
                             int64_t g, bool gx)
{
    const struct planes *p = op->planes;
    const float *gy = program->scratch + s->y;
    float *columns = program->scratch + s->columns;
    int64_t rows = s->c * s->taps, first = g * s->m * rows;
    fill_columns(op, s, program->scratch + s->x, columns);
    multiply(false, true, s->m, rows, p->places, gy, p->span, columns, p->span, true,
             op->weights[0]->gradient + first, rows);
    if (!gx)
        return;
    multiply(true, false, rows, p->places, s->m, op->weights[0]->value + first, rows, gy, p->span,
             false, columns, p->span);
    add_columns(op, s, columns, program->scratch + s->gx);
}

static void backward_taps(struct program *program, const struct op *op, const struct layout *s,
                          int64_t g, bool gx)
{
    const struct planes *p = op->planes;
    const float *gy = program->scratch + s->y, *planes = program->scratch + s->x;
    int64_t size = s->m * s->c, first = g * s->taps * size;
    for (int64_t t = 0; t < s->taps; t++)
        multiply(false, true, s->m, s->c, p->places, gy, p->span, planes + p->offsets[t],
                 p->channel, true, program->scratch + s->gw + first + t * size, s->c);
    for (int64_t t = 0; gx && t < s->taps; t++)
        multiply(true, false, s->c, p->places, s->m, program->scratch + s->w + first + t * size,
                 s->c, gy, p->span, true, program->scratch + s->gx + p->offsets[t], p->channel);
}

static void backward_group(struct program *program, const struct op *op, const struct layout *s,
                           int64_t g, uint64_t n, bool set)
{
    const struct window *w = &op->window;
    const struct planes *p = op->planes;
    const struct value *in = &program->values[op->inputs[0]], *out = &program->values[op->index];
    int64_t area = w->out_height * w->out_width, plane = w->height * w->width;
    const float *gy = out->grad + n * out->size + g * s->m * area;
    int64_t x = (int64_t)(n * in->size) + g * s->c * plane;
    float *gradient = program->scratch + s->gx;
    for (int64_t m = 0; m < s->m; m++)
        planes_lift(p, gy + m * area, program->scratch + s->y + m * p->span);
    fill_planes(op, s, in->data + x, program->scratch + s->x);
    if (in->grad)
        memset(gradient, 0, (size_t)(s->c * p->channel) * sizeof *gradient);
    if (by_columns(w))
        backward_columns(program, op, s, g, in->grad != NULL);
    else
        backward_taps(program, op, s, g, in->grad != NULL);
    for (int64_t c = 0; in->grad && c < s->c; c++)
        planes_take(p, gradient + c * p->channel, in->grad + x + c * plane, set);
}

static void backward_windows(struct program *program, struct op *op, bool set)
{
    struct layout s = layout_of(program, op);
    // The planes' padding, and the elements of the gradient that are of no place.
    memset(program->scratch, 0, (size_t)s.w * sizeof(float));
    if (!by_columns(&op->window)) {
        pack(op, &s, op->weights[0]->value, program->scratch + s.w);
        memset(program->scratch + s.gw, 0, op->weights[0]->size * sizeof(float));
    }
    for (uint64_t n = 0; n < program->batch; n++)
        for (int64_t g = 0; g < op->window.groups; g++)
            backward_group(program, op, &s, g, n, set);
    if (!by_columns(&op->window))
        unpack(op, &s, program->scratch + s.gw, op->weights[0]->gradient);
}

static void backward_pointwise(struct program *program, struct op *op, bool set)
{
    const struct window *w = &op->window;
    const struct value *in = &program->values[op->inputs[0]], *out = &program->values[op->index];
    const struct weight *weight = op->weights[0];
    int64_t m = w->out_channels / w->groups, c = w->channels / w->groups;
    int64_t area = w->height * w->width;
    for (uint64_t n = 0; n < program->batch; n++)
        for (int64_t g = 0; g < w->groups; g++) {
            const float *gy = out->grad + n * out->size + g * m * area;
            int64_t x = (int64_t)(n * in->size) + g * c * area;
            multiply(false, true, m, c, area, gy, area, in->data + x, area, true,
                     weight->gradient + g * m * c, c);
            if (in->grad)
                multiply(true, false, c, area, m, weight->value + g * m * c, c, gy, area, !set,
                         in->grad + x, area);
        }
}

static void bias_gradient(struct program *program, const struct op *op)
{
    const struct value *out = &program->values[op->index];
    int64_t area = op->window.out_height * op->window.out_width;
    for (int64_t m = 0; m < op->window.out_channels; m++) {
        double sum = 0.0;
        for (uint64_t n = 0; n < program->batch; n++)
            sum += (double)program->loops->sum(out->grad + n * out->size + m * area, area);
        op->weights[1]->gradient[m] = (float)sum;
    }
}

static void conv_backward(struct program *program, struct op *op)
{
    struct value *in = &program->values[op->inputs[0]];
    bool set = !in->filled;
    if (!op->planes)
        backward_pointwise(program, op, set);
    else if (is_depthwise(&op->window))
        depthwise_backward(program, op, set);
    else
        backward_windows(program, op, set);
    if (op->weight_count > 1)
        bias_gradient(program, op);
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
