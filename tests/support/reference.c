// SPDX-License-Identifier: Apache-2.0
// Plain loops over every operator; those along axes are reference_axes.c's.
#include "support/reference.h"

#include "support/reference_axes.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// A central difference is wrong by about step^2 (times the third derivative) and 1e-15 / step (by
// rounding); and a smaller step meets fewer kinks of Relu and MaxPool.
#define STEP 1e-7

static int64_t number(const esp_graph_node *node, const char *name, int64_t missing)
{
    const esp_attribute *attribute = esp_graph_attribute(node, name);
    return attribute ? attribute->integer : missing;
}

static double real(const esp_graph_node *node, const char *name, double missing)
{
    const esp_attribute *attribute = esp_graph_attribute(node, name);
    return attribute ? attribute->real : missing;
}

static int64_t entry(const esp_graph_node *node, const char *name, uint64_t i, int64_t missing)
{
    const esp_attribute *attribute = esp_graph_attribute(node, name);
    return attribute && i < attribute->count ? attribute->ints[i] : missing;
}

// ---- Windows ----------------------------------------------------------------------------------

struct reference_window {
    int64_t channels, size[2], out_channels, out[2];
    int64_t kernel[2], stride[2], dilation[2], begin[2], end[2];
};

static struct reference_window window_of(const struct reference_node *out,
                                         const struct reference_node *in)
{
    const esp_graph_node *node = out->node;
    struct reference_window w = {.channels = in->node->shape.dims[1],
                                 .out_channels = node->shape.dims[1]};
    for (uint64_t side = 0; side < 2; side++) {
        w.size[side] = in->node->shape.dims[2 + side];
        w.out[side] = node->shape.dims[2 + side];
        w.kernel[side] = entry(node, "kernel_shape", side, 1);
        w.stride[side] = entry(node, "strides", side, 1);
        w.dilation[side] = entry(node, "dilations", side, 1);
        w.begin[side] = entry(node, "pads", side, 0);
        w.end[side] = entry(node, "pads", 2 + side, 0);
    }
    return w;
}

// The element of a plane that place (oh, ow) sees at tap (kh, kw); NULL: padding.
static const double *tap(const struct reference_window *w, const double *plane, int64_t oh,
                         int64_t ow, int64_t kh, int64_t kw)
{
    int64_t ih = oh * w->stride[0] - w->begin[0] + kh * w->dilation[0];
    int64_t iw = ow * w->stride[1] - w->begin[1] + kw * w->dilation[1];
    if (ih < 0 || ih >= w->size[0] || iw < 0 || iw >= w->size[1])
        return NULL;
    return plane + ih * w->size[1] + iw;
}

static void conv(const struct reference *r, struct reference_node *out,
                 const struct reference_node *in)
{
    struct reference_window w = window_of(out, in);
    int64_t groups = number(out->node, "group", 1), group_in = w.channels / groups;
    double *y = out->value;
    for (uint64_t n = 0; n < r->batch; n++)
        for (int64_t m = 0; m < w.out_channels; m++)
            for (int64_t oh = 0; oh < w.out[0]; oh++)
                for (int64_t ow = 0; ow < w.out[1]; ow++, y++) {
                    int64_t first = m / (w.out_channels / groups) * group_in;
                    const double *weight =
                        out->weights[0] + m * group_in * w.kernel[0] * w.kernel[1];
                    *y = out->weights[1] ? out->weights[1][m] : 0.0;
                    for (int64_t c = 0; c < group_in; c++)
                        for (int64_t kh = 0; kh < w.kernel[0]; kh++)
                            for (int64_t kw = 0; kw < w.kernel[1]; kw++, weight++) {
                                const double *x =
                                    tap(&w,
                                        in->value + ((int64_t)n * w.channels + first + c) *
                                                        w.size[0] * w.size[1],
                                        oh, ow, kh, kw);
                                *y += x ? *x * *weight : 0.0;
                            }
                }
}

static void max_pool(const struct reference *r, struct reference_node *out,
                     const struct reference_node *in)
{
    struct reference_window w = window_of(out, in);
    double *y = out->value;
    for (int64_t plane = 0; plane < (int64_t)r->batch * w.channels; plane++)
        for (int64_t oh = 0; oh < w.out[0]; oh++)
            for (int64_t ow = 0; ow < w.out[1]; ow++, y++) {
                *y = -INFINITY;
                for (int64_t k = 0; k < w.kernel[0] * w.kernel[1]; k++) {
                    const double *x = tap(&w, in->value + plane * w.size[0] * w.size[1], oh, ow,
                                          k / w.kernel[1], k % w.kernel[1]);
                    *y = x && *x > *y ? *x : *y;
                }
            }
}

// count_include_pad counts the padding that `pads` names: not what ceil_mode reaches beyond it.
static bool in_padding(const struct reference_window *w, int64_t oh, int64_t ow, int64_t kh,
                       int64_t kw)
{
    int64_t ih = oh * w->stride[0] - w->begin[0] + kh * w->dilation[0];
    int64_t iw = ow * w->stride[1] - w->begin[1] + kw * w->dilation[1];
    return ih < w->size[0] + w->end[0] && iw < w->size[1] + w->end[1];
}

static void average_pool(const struct reference *r, struct reference_node *out,
                         const struct reference_node *in)
{
    struct reference_window w = window_of(out, in);
    bool include = number(out->node, "count_include_pad", 0) != 0;
    double *y = out->value;
    for (int64_t plane = 0; plane < (int64_t)r->batch * w.channels; plane++)
        for (int64_t oh = 0; oh < w.out[0]; oh++)
            for (int64_t ow = 0; ow < w.out[1]; ow++, y++) {
                double sum = 0.0, count = 0.0;
                for (int64_t k = 0; k < w.kernel[0] * w.kernel[1]; k++) {
                    int64_t kh = k / w.kernel[1], kw = k % w.kernel[1];
                    const double *x =
                        tap(&w, in->value + plane * w.size[0] * w.size[1], oh, ow, kh, kw);
                    sum += x ? *x : 0.0;
                    count += x || (include && in_padding(&w, oh, ow, kh, kw));
                }
                *y = sum / count;
            }
}

static void global_average_pool(const struct reference *r, struct reference_node *out,
                                const struct reference_node *in)
{
    size_t area = in->size / out->size;
    (void)r;
    for (size_t i = 0; i < out->size; i++) {
        double sum = 0.0;
        for (size_t j = 0; j < area; j++)
            sum += in->value[i * area + j];
        out->value[i] = sum / (double)area;
    }
}

static void global_max_pool(const struct reference *r, struct reference_node *out,
                            const struct reference_node *in)
{
    size_t area = in->size / out->size;
    (void)r;
    for (size_t i = 0; i < out->size; i++) {
        out->value[i] = in->value[i * area];
        for (size_t j = 1; j < area; j++)
            out->value[i] = fmax(out->value[i], in->value[i * area + j]);
    }
}

// ---- The others -------------------------------------------------------------------------------

static void normalize_channel(const struct reference *r, struct reference_node *out,
                              const struct reference_node *in, size_t c, size_t area)
{
    size_t channels = (size_t)in->node->shape.dims[1], affine = out->weights[2] ? 2 : 0;
    double *running = out->weights[affine], *running_variance = out->weights[affine + 1];
    double mean = running[c], variance = running_variance[c];
    if (r->training) {
        double count = (double)(area * r->batch), keep = real(out->node, "momentum", 0.9);
        mean = variance = 0.0;
        for (size_t i = 0; i < area * r->batch; i++)
            mean += in->value[(i / area * channels + c) * area + i % area] / count;
        for (size_t i = 0; i < area * r->batch; i++) {
            double x = in->value[(i / area * channels + c) * area + i % area] - mean;
            variance += x * x / count;
        }
        out->moved[affine][c] = keep * running[c] + (1.0 - keep) * mean;
        out->moved[affine + 1][c] = keep * running_variance[c] + (1.0 - keep) * variance;
    }
    for (size_t i = 0; i < area * r->batch; i++) {
        size_t at = (i / area * channels + c) * area + i % area;
        double x = (in->value[at] - mean) / sqrt(variance + real(out->node, "epsilon", 1e-5));
        out->value[at] = affine ? x * out->weights[0][c] + out->weights[1][c] : x;
    }
}

static void batch_normalization(const struct reference *r, struct reference_node *out,
                                const struct reference_node *in)
{
    size_t channels = (size_t)in->node->shape.dims[1];
    for (size_t c = 0; c < channels; c++)
        normalize_channel(r, out, in, c, in->size / channels / r->batch);
}

static void gemm(const struct reference *r, struct reference_node *out,
                 const struct reference_node *in)
{
    size_t features = out->size / r->batch, inputs = in->size / r->batch;
    for (size_t n = 0; n < r->batch; n++)
        for (size_t m = 0; m < features; m++) {
            double sum = out->weights[1] ? out->weights[1][m] : 0.0;
            for (size_t k = 0; k < inputs; k++)
                sum += in->value[n * inputs + k] * out->weights[0][m * inputs + k];
            out->value[n * features + m] = sum;
        }
}

static double clipped(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

static double curve(const esp_graph_node *node, double x)
{
    const char *op = node->op;
    if (strcmp(op, "Relu") == 0)
        return x > 0.0 ? x : 0.0;
    if (strcmp(op, "Sigmoid") == 0)
        return 1.0 / (1.0 + exp(-x));
    if (strcmp(op, "Tanh") == 0)
        return tanh(x);
    if (strcmp(op, "LeakyRelu") == 0)
        return x < 0.0 ? real(node, "alpha", 0.01) * x : x;
    if (strcmp(op, "Elu") == 0)
        return x < 0.0 ? real(node, "alpha", 1.0) * (exp(x) - 1.0) : x;
    if (strcmp(op, "Clip") == 0)
        return clipped(x, real(node, "min", -INFINITY), real(node, "max", INFINITY));
    if (strcmp(op, "HardSigmoid") == 0)
        return clipped(real(node, "alpha", 0.2) * x + real(node, "beta", 0.5), 0.0, 1.0);
    if (strcmp(op, "HardSwish") == 0)
        return x * clipped(x / 6.0 + 0.5, 0.0, 1.0);
    if (strcmp(op, "Swish") == 0)
        return x / (1.0 + exp(-x));
    if (strcmp(op, "Gelu") == 0)
        return x * 0.5 * (1.0 + erf(x / sqrt(2.0)));
    return strcmp(op, "None") == 0 ? 0.0 : x; // Identity, Flatten
}

static void elementwise(const struct reference *r, struct reference_node *out,
                        const struct reference_node *in)
{
    const char *op = out->node->op;
    double ratio = real(out->node, "ratio", 0.5);
    esp_random random = esp_random_fork(&r->random, out->node->path_hash);
    for (size_t i = 0; i < out->size; i++) {
        double x = in->value[i];
        if (strcmp(op, "Dropout") == 0 && r->training)
            x = esp_random_real(&random) >= ratio ? x / (1.0 - ratio) : 0.0;
        out->value[i] = curve(out->node, x);
    }
}

static void drop_path(const struct reference *r, struct reference_node *out,
                      const struct reference_node *in)
{
    double ratio = r->training ? real(out->node, "ratio", 0.2) * r->progress : 0.0, factor = 0.0;
    esp_random random = esp_random_fork(&r->random, out->node->path_hash);
    for (size_t i = 0; i < out->size; i++) {
        if (i % (out->size / r->batch) == 0)
            factor = esp_random_real(&random) >= ratio ? 1.0 / (1.0 - ratio) : 0.0;
        out->value[i] = in->value[i] * factor;
    }
}

static void slice(const struct reference *r, struct reference_node *out,
                  const struct reference_node *in)
{
    int64_t places[ESP_MAX_RANK];
    (void)r;
    for (size_t i = 0; i < out->size; i++) {
        reference_places(i, &out->node->shape, places);
        for (uint64_t k = 0; entry(out->node, "axes", k, 0) > 0; k++) {
            int64_t *place = &places[entry(out->node, "axes", k, 0)];
            *place = entry(out->node, "starts", k, 0) + *place * entry(out->node, "steps", k, 1);
        }
        out->value[i] = in->value[reference_element(places, &in->node->shape)];
    }
}

static void pad(const struct reference *r, struct reference_node *out,
                const struct reference_node *in)
{
    int64_t places[ESP_MAX_RANK];
    (void)r;
    for (size_t i = 0; i < out->size; i++) {
        reference_places(i, &out->node->shape, places);
        for (uint32_t d = 1; d < out->node->shape.rank; d++)
            places[d] -= entry(out->node, "pads", d, 0);
        int64_t from = reference_element(places, &in->node->shape);
        out->value[i] = from < 0 ? real(out->node, "value", 0.0) : in->value[from];
    }
}

static void add(struct reference *r, struct reference_node *out)
{
    const double *a = r->nodes[out->node->inputs[0]].value;
    const double *b = r->nodes[out->node->inputs[1]].value;
    for (size_t i = 0; i < out->size; i++)
        out->value[i] = a[i] + b[i];
}

static void concat(struct reference *r, struct reference_node *out)
{
    int64_t axis = number(out->node, "axis", 1);
    size_t outer = r->batch, inner = 1, offset = 0;
    const esp_shape *shape = &out->node->shape;
    for (int64_t d = 1; d < axis; d++)
        outer *= (size_t)shape->dims[d];
    for (int64_t d = axis + 1; d < (int64_t)shape->rank; d++)
        inner *= (size_t)shape->dims[d];
    for (uint64_t j = 0; j < out->node->input_count; j++) {
        const struct reference_node *in = &r->nodes[out->node->inputs[j]];
        size_t along = (size_t)in->node->shape.dims[axis] * inner;
        for (size_t i = 0; i < outer * along; i++)
            out->value[i / along * (size_t)shape->dims[axis] * inner + offset + i % along] =
                in->value[i];
        offset += along;
    }
}

static void compute(struct reference *r, struct reference_node *out)
{
    static const struct {
        const char *op;
        void (*compute)(const struct reference *r, struct reference_node *out,
                        const struct reference_node *in);
    } rows[] = {
        {"Conv", conv},
        {"MaxPool", max_pool},
        {"AveragePool", average_pool},
        {"GlobalAveragePool", global_average_pool},
        {"GlobalMaxPool", global_max_pool},
        {"BatchNormalization", batch_normalization},
        {"Gemm", gemm},
        {"DropPath", drop_path},
        {"Slice", slice},
        {"Pad", pad},
    };
    const char *op = out->node->op;
    if (strcmp(op, "Input") == 0)
        return;
    if (strcmp(op, "Add") == 0) {
        add(r, out);
        return;
    }
    if (reference_axes(r, out))
        return;
    if (strcmp(op, "Concat") == 0) {
        concat(r, out);
        return;
    }
    const struct reference_node *in = &r->nodes[out->node->inputs[0]];
    for (size_t i = 0; i < ESP_COUNT(rows); i++)
        if (strcmp(op, rows[i].op) == 0) {
            rows[i].compute(r, out, in);
            return;
        }
    elementwise(r, out, in);
}

// ---- The whole --------------------------------------------------------------------------------

static double *doubles(size_t count)
{
    double *made = calloc(count + 1, sizeof *made);
    cr_assert(made);
    return made;
}

struct reference *reference_create(const esp_graph *graph, uint64_t batch)
{
    struct reference *r = calloc(1, sizeof *r);
    cr_assert(r);
    r->graph = graph;
    r->batch = batch;
    r->count = (uint32_t)esp_graph_node_count(graph);
    r->nudged = UINT32_MAX;
    r->nodes = calloc(r->count, sizeof *r->nodes);
    cr_assert(r->nodes);
    for (uint32_t i = 0; i < r->count; i++) {
        struct reference_node *to = &r->nodes[i];
        to->node = esp_graph_get(graph, i);
        to->size = esp_shape_size(&to->node->shape) * batch;
        to->value = doubles(to->size);
        cr_assert_leq(to->node->weight_count, REFERENCE_MOST_WEIGHTS);
        for (uint64_t j = 0; j < to->node->weight_count; j++) {
            to->weight_sizes[j] = esp_shape_size(&to->node->weights[j].shape);
            to->weights[j] = doubles(to->weight_sizes[j]);
            to->moved[j] = doubles(to->weight_sizes[j]);
        }
    }
    return r;
}

void reference_destroy(struct reference *r)
{
    for (uint32_t i = 0; i < r->count; i++) {
        free(r->nodes[i].value);
        for (uint64_t j = 0; j < REFERENCE_MOST_WEIGHTS; j++) {
            free(r->nodes[i].weights[j]);
            free(r->nodes[i].moved[j]);
        }
    }
    free(r->nodes);
    free(r);
}

struct reference_node *reference_find(struct reference *r, const char *path)
{
    for (uint32_t i = 0; i < r->count; i++)
        if (strcmp(r->nodes[i].node->path, path) == 0)
            return &r->nodes[i];
    cr_assert_fail("the graph has no node '%s'", path);
    return NULL;
}

void reference_forward(struct reference *r)
{
    for (uint32_t i = 0; i < r->count; i++) {
        compute(r, &r->nodes[i]);
        if (i == r->nudged)
            r->nodes[i].value[r->nudged_element] += r->nudge;
    }
}

double reference_objective(struct reference *r, const float *const *gradients)
{
    double sum = 0.0;
    reference_forward(r);
    for (uint64_t o = 0; o < esp_graph_output_count(r->graph); o++) {
        const struct reference_node *out = &r->nodes[esp_graph_output(r->graph, o)];
        for (size_t i = 0; gradients[o] && i < out->size; i++)
            sum += (double)gradients[o][i] * out->value[i];
    }
    return sum;
}

double reference_slope(struct reference *r, const float *const *gradients, double *place)
{
    double middle = *place;
    *place = middle + STEP;
    double above = reference_objective(r, gradients);
    *place = middle - STEP;
    double below = reference_objective(r, gradients);
    *place = middle;
    return (above - below) / (2.0 * STEP);
}

double reference_slope_of(struct reference *r, const float *const *gradients, uint32_t node,
                          size_t element)
{
    // An input's value is no result: it would stay nudged.
    if (strcmp(r->nodes[node].node->op, "Input") == 0)
        return reference_slope(r, gradients, &r->nodes[node].value[element]);
    r->nudged = node;
    r->nudged_element = element;
    double slope = reference_slope(r, gradients, &r->nudge);
    r->nudged = UINT32_MAX;
    return slope;
}
