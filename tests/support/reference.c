// SPDX-License-Identifier: Apache-2.0
// Every operator as a plain loop in double precision; see reference.h.
#include "support/reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t at(const esp_graph_node *node, const char *name, uint64_t i, int64_t missing)
{
    const esp_attribute *found = esp_graph_attribute(node, name);
    return found && i < found->count ? found->ints[i] : missing;
}

static int64_t integer(const esp_graph_node *node, const char *name, int64_t missing)
{
    const esp_attribute *found = esp_graph_attribute(node, name);
    return found ? found->integer : missing;
}

static double real(const esp_graph_node *node, const char *name, double missing)
{
    const esp_attribute *found = esp_graph_attribute(node, name);
    return found ? found->real : missing;
}

uint64_t reference_size(const struct reference *r, uint64_t node)
{
    return r->batch * esp_shape_size(&esp_graph_get(r->graph, node)->shape);
}

struct reference *reference_create(const esp_graph *graph, uint64_t batch)
{
    struct reference *r = calloc(1, sizeof *r);
    r->graph = graph;
    r->batch = batch;
    r->count = esp_graph_node_count(graph);
    r->values = calloc(r->count, sizeof *r->values);
    r->weights = calloc(r->count, sizeof *r->weights);
    for (uint64_t i = 0; i < r->count; i++) {
        const esp_graph_node *node = esp_graph_get(graph, i);
        r->values[i] = calloc(reference_size(r, i) + 1, sizeof(double));
        r->weights[i] = calloc(node->weight_count + 1, sizeof(double *));
        for (uint64_t w = 0; w < node->weight_count; w++)
            r->weights[i][w] = calloc(esp_shape_size(&node->weights[w].shape) + 1, sizeof(double));
    }
    return r;
}

void reference_destroy(struct reference *r)
{
    for (uint64_t i = 0; i < r->count; i++) {
        for (uint64_t w = 0; w < esp_graph_get(r->graph, i)->weight_count; w++)
            free(r->weights[i][w]);
        free(r->weights[i]);
        free(r->values[i]);
    }
    free(r->weights);
    free(r->values);
    free(r);
}

static void conv(const esp_graph_node *node, const esp_shape *in, uint64_t batch, const double *x,
                 double *const *weights, double *y)
{
    int64_t group = integer(node, "group", 1), cin = in->dims[1] / group;
    int64_t m = node->shape.dims[1], oh = node->shape.dims[2], ow = node->shape.dims[3];
    int64_t kh = at(node, "kernel_shape", 0, 1), kw = at(node, "kernel_shape", 1, 1);
    for (uint64_t n = 0; n < batch; n++)
        for (int64_t o = 0; o < m; o++)
            for (int64_t i = 0; i < oh; i++)
                for (int64_t j = 0; j < ow; j++) {
                    double sum = node->weight_count > 1 ? weights[1][o] : 0.0;
                    int64_t first = o / (m / group) * cin;
                    for (int64_t c = 0; c < cin; c++)
                        for (int64_t a = 0; a < kh; a++)
                            for (int64_t b = 0; b < kw; b++) {
                                int64_t h = i * at(node, "strides", 0, 1) - at(node, "pads", 0, 0) +
                                            a * at(node, "dilations", 0, 1);
                                int64_t w = j * at(node, "strides", 1, 1) - at(node, "pads", 1, 0) +
                                            b * at(node, "dilations", 1, 1);
                                if (h < 0 || w < 0 || h >= in->dims[2] || w >= in->dims[3])
                                    continue;
                                sum +=
                                    weights[0][((o * cin + c) * kh + a) * kw + b] *
                                    x[(((int64_t)n * in->dims[1] + first + c) * in->dims[2] + h) *
                                          in->dims[3] +
                                      w];
                            }
                    *y++ = sum;
                }
}

static void batch_norm(const esp_graph_node *node, const esp_shape *in, uint64_t batch,
                       const double *x, double *const *weights, double *y, int training)
{
    int64_t channels = in->dims[1], plane = (int64_t)esp_shape_size(in) / channels;
    uint64_t states = node->weight_count - 2;
    for (int64_t c = 0; c < channels; c++) {
        double mean = weights[states][c], variance = weights[states + 1][c], sum = 0, square = 0;
        double count = (double)plane * (double)batch;
        for (int pass = 0; training && pass < 2; pass++) {
            for (uint64_t n = 0; n < batch; n++)
                for (int64_t p = 0; p < plane; p++) {
                    double v = x[((int64_t)n * channels + c) * plane + p];
                    if (pass == 0)
                        sum += v;
                    else
                        square += (v - mean) * (v - mean);
                }
            mean = sum / count;
            variance = square / count;
        }
        for (uint64_t n = 0; n < batch; n++)
            for (int64_t p = 0; p < plane; p++) {
                int64_t i = ((int64_t)n * channels + c) * plane + p;
                double v = (x[i] - mean) / sqrt(variance + real(node, "epsilon", 1e-5));
                y[i] = states ? v * weights[0][c] + weights[1][c] : v;
            }
    }
}

static void pool(const esp_graph_node *node, const esp_shape *in, uint64_t batch, const double *x,
                 double *y)
{
    int maximum = strcmp(node->op, "MaxPool") == 0;
    int64_t end_h = in->dims[2] + at(node, "pads", 2, 0),
            end_w = in->dims[3] + at(node, "pads", 3, 0);
    for (int64_t plane = 0; plane < (int64_t)batch * in->dims[1]; plane++)
        for (int64_t i = 0; i < node->shape.dims[2]; i++)
            for (int64_t j = 0; j < node->shape.dims[3]; j++) {
                double best = -INFINITY, sum = 0.0;
                int64_t inside = 0, padded = 0;
                for (int64_t a = 0; a < at(node, "kernel_shape", 0, 1); a++)
                    for (int64_t b = 0; b < at(node, "kernel_shape", 1, 1); b++) {
                        int64_t h = i * at(node, "strides", 0, 1) - at(node, "pads", 0, 0) +
                                    a * at(node, "dilations", 0, 1);
                        int64_t w = j * at(node, "strides", 1, 1) - at(node, "pads", 1, 0) +
                                    b * at(node, "dilations", 1, 1);
                        padded += h < end_h && w < end_w;
                        if (h < 0 || w < 0 || h >= in->dims[2] || w >= in->dims[3])
                            continue;
                        double v = x[(plane * in->dims[2] + h) * in->dims[3] + w];
                        best = v > best ? v : best;
                        sum += v;
                        inside++;
                    }
                int64_t divisor = integer(node, "count_include_pad", 0) ? padded : inside;
                *y++ = maximum ? best : sum / (double)divisor;
            }
}

static double unary(const char *op, double v)
{
    if (strcmp(op, "Relu") == 0)
        return v > 0 ? v : 0;
    if (strcmp(op, "Sigmoid") == 0)
        return 1.0 / (1.0 + exp(-v));
    if (strcmp(op, "Tanh") == 0)
        return tanh(v);
    return strcmp(op, "None") == 0 ? 0.0 : v;
}

static void concat(const struct reference *r, const esp_graph_node *node, double *y)
{
    int64_t axis = integer(node, "axis", 1), outer = (int64_t)r->batch, inner = 1;
    for (int64_t d = 1; d < axis; d++)
        outer *= node->shape.dims[d];
    for (int64_t d = axis + 1; d < (int64_t)node->shape.rank; d++)
        inner *= node->shape.dims[d];
    for (int64_t o = 0; o < outer; o++)
        for (uint64_t j = 0; j < node->input_count; j++) {
            int64_t part = esp_graph_get(r->graph, node->inputs[j])->shape.dims[axis] * inner;
            memcpy(y, r->values[node->inputs[j]] + o * part, (size_t)part * sizeof *y);
            y += part;
        }
}

static void dropout(const struct reference *r, const esp_graph_node *node, const double *x,
                    double *y, uint64_t size)
{
    double ratio = real(node, "ratio", 0.5);
    esp_random random = esp_random_fork(&r->random, node->path_hash);
    for (uint64_t i = 0; i < size; i++)
        y[i] = !r->training ? x[i] : esp_random_real(&random) >= ratio ? x[i] / (1 - ratio) : 0.0;
}

static void compute(struct reference *r, uint64_t index)
{
    const esp_graph_node *node = esp_graph_get(r->graph, index);
    const char *op = node->op;
    double *y = r->values[index];
    uint64_t size = reference_size(r, index);
    if (strcmp(op, "Input") == 0)
        return;
    const esp_shape *in = &esp_graph_get(r->graph, node->inputs[0])->shape;
    const double *x = r->values[node->inputs[0]];
    if (strcmp(op, "Conv") == 0) {
        conv(node, in, r->batch, x, r->weights[index], y);
    } else if (strcmp(op, "BatchNormalization") == 0) {
        batch_norm(node, in, r->batch, x, r->weights[index], y, r->training);
    } else if (strcmp(op, "MaxPool") == 0 || strcmp(op, "AveragePool") == 0) {
        pool(node, in, r->batch, x, y);
    } else if (strcmp(op, "GlobalAveragePool") == 0) {
        uint64_t plane = (uint64_t)(in->dims[2] * in->dims[3]);
        for (uint64_t i = 0; i < size; i++) {
            y[i] = 0;
            for (uint64_t p = 0; p < plane; p++)
                y[i] += x[i * plane + p] / (double)plane;
        }
    } else if (strcmp(op, "Gemm") == 0) {
        uint64_t m = (uint64_t)node->shape.dims[1], k = (uint64_t)in->dims[1];
        for (uint64_t i = 0; i < size; i++) {
            y[i] = node->weight_count > 1 ? r->weights[index][1][i % m] : 0.0;
            for (uint64_t j = 0; j < k; j++)
                y[i] += x[i / m * k + j] * r->weights[index][0][i % m * k + j];
        }
    } else if (strcmp(op, "Add") == 0) {
        for (uint64_t i = 0; i < size; i++)
            y[i] = x[i] + r->values[node->inputs[1]][i];
    } else if (strcmp(op, "Concat") == 0) {
        concat(r, node, y);
    } else if (strcmp(op, "Dropout") == 0) {
        dropout(r, node, x, y, size);
    } else {
        for (uint64_t i = 0; i < size; i++)
            y[i] = unary(op, x[i]);
    }
}

void reference_forward(struct reference *r)
{
    for (uint64_t i = 0; i < r->count; i++)
        compute(r, i);
}
