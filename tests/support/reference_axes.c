// SPDX-License-Identifier: Apache-2.0
// Each element of the output from the places that ONNX's definition names; see reference_axes.h.
#include "support/reference_axes.h"

#include <math.h>
#include <string.h>

void reference_places(size_t i, const esp_shape *shape, int64_t *places)
{
    for (uint32_t d = shape->rank; d-- > 1; i /= (size_t)shape->dims[d])
        places[d] = (int64_t)(i % (size_t)shape->dims[d]);
    places[0] = (int64_t)i;
}

int64_t reference_element(const int64_t *places, const esp_shape *shape)
{
    int64_t at = places[0];
    for (uint32_t d = 1; d < shape->rank; d++) {
        if (places[d] < 0 || places[d] >= shape->dims[d])
            return -1;
        at = at * shape->dims[d] + places[d];
    }
    return at;
}

static const struct reference_node *input(const struct reference *r,
                                          const struct reference_node *out, int i)
{
    return &r->nodes[out->node->inputs[i]];
}

// Places before the axis (with the batch), along it and behind it.
struct split {
    size_t outer, along, inner;
};

static struct split split_at(const struct reference *r, const struct reference_node *out)
{
    const esp_shape *shape = &out->node->shape;
    int64_t axis = esp_graph_attribute(out->node, "axis")->integer;
    struct split split = {r->batch, (size_t)shape->dims[axis], 1};
    for (int64_t d = 1; d < axis; d++)
        split.outer *= (size_t)shape->dims[d];
    for (uint32_t d = (uint32_t)axis + 1; d < shape->rank; d++)
        split.inner *= (size_t)shape->dims[d];
    return split;
}

static void softmax(const struct reference *r, struct reference_node *out)
{
    struct split split = split_at(r, out);
    const double *x = input(r, out, 0)->value;
    for (size_t o = 0; o < split.outer; o++)
        for (size_t i = 0; i < split.inner; i++) {
            double sum = 0.0;
            for (size_t a = 0; a < split.along; a++)
                sum += exp(x[(o * split.along + a) * split.inner + i]);
            for (size_t a = 0; a < split.along; a++) {
                size_t at = (o * split.along + a) * split.inner + i;
                out->value[at] = exp(x[at]) / sum;
            }
        }
}

static void layer_normalization(const struct reference *r, struct reference_node *out)
{
    struct split split = split_at(r, out);
    size_t row = split.along * split.inner;
    double epsilon = esp_graph_attribute(out->node, "epsilon")->real;
    for (size_t o = 0; o < split.outer; o++) {
        const double *x = input(r, out, 0)->value + o * row;
        double mean = 0.0, variance = 0.0;
        for (size_t i = 0; i < row; i++)
            mean += x[i] / (double)row;
        for (size_t i = 0; i < row; i++)
            variance += (x[i] - mean) * (x[i] - mean) / (double)row;
        for (size_t i = 0; i < row; i++) {
            double normal = (x[i] - mean) / sqrt(variance + epsilon);
            out->value[o * row + i] =
                out->weights[0] ? normal * out->weights[0][i] + out->weights[1][i] : normal;
        }
    }
}

static void reshape(const struct reference *r, struct reference_node *out)
{
    memcpy(out->value, input(r, out, 0)->value, out->size * sizeof *out->value);
}

static void transpose(const struct reference *r, struct reference_node *out)
{
    const int64_t *perm = esp_graph_attribute(out->node, "perm")->ints;
    const struct reference_node *in = input(r, out, 0);
    int64_t places[ESP_MAX_RANK], from[ESP_MAX_RANK];
    for (size_t i = 0; i < out->size; i++) {
        reference_places(i, &out->node->shape, places);
        for (uint32_t d = 0; d < out->node->shape.rank; d++)
            from[perm[d]] = places[d];
        out->value[i] = in->value[reference_element(from, &in->node->shape)];
    }
}

static void reduce_mean(const struct reference *r, struct reference_node *out)
{
    const esp_attribute *axes = esp_graph_attribute(out->node, "axes");
    const struct reference_node *in = input(r, out, 0);
    esp_shape kept = in->node->shape;
    int64_t places[ESP_MAX_RANK];
    for (uint64_t k = 0; k < axes->count; k++)
        kept.dims[axes->ints[k]] = 1;
    memset(out->value, 0, out->size * sizeof *out->value);
    for (size_t i = 0; i < in->size; i++) {
        reference_places(i, &in->node->shape, places);
        for (uint64_t k = 0; k < axes->count; k++)
            places[axes->ints[k]] = 0;
        out->value[reference_element(places, &kept)] +=
            in->value[i] * (double)out->size / (double)in->size;
    }
}

static void matmul(const struct reference *r, struct reference_node *out)
{
    const struct reference_node *a = input(r, out, 0), *b = input(r, out, 1);
    const esp_shape *shape = &out->node->shape;
    size_t m = (size_t)shape->dims[shape->rank - 2], p = (size_t)shape->dims[shape->rank - 1];
    size_t k = (size_t)a->node->shape.dims[shape->rank - 1];
    for (size_t i = 0; i < out->size; i++) {
        size_t matrix = i / (m * p), row = i / p % m, column = i % p;
        out->value[i] = 0.0;
        for (size_t j = 0; j < k; j++)
            out->value[i] +=
                a->value[matrix * m * k + row * k + j] * b->value[matrix * k * p + j * p + column];
    }
}

static double broadcast(const struct reference_node *from, const int64_t *places)
{
    int64_t own[ESP_MAX_RANK] = {0};
    for (uint32_t d = 0; d < from->node->shape.rank; d++)
        own[d] = from->node->shape.dims[d] == 1 ? 0 : places[d];
    return from->value[reference_element(own, &from->node->shape)];
}

static void mul(const struct reference *r, struct reference_node *out)
{
    int64_t places[ESP_MAX_RANK];
    for (size_t i = 0; i < out->size; i++) {
        reference_places(i, &out->node->shape, places);
        out->value[i] = broadcast(input(r, out, 0), places) * broadcast(input(r, out, 1), places);
    }
}

bool reference_axes(struct reference *reference, struct reference_node *out)
{
    static const struct {
        const char *op;
        void (*compute)(const struct reference *r, struct reference_node *out);
    } rows[] = {
        {"Softmax", softmax}, {"LayerNormalization", layer_normalization},
        {"Reshape", reshape}, {"Transpose", transpose},
        {"MatMul", matmul},   {"ReduceMean", reduce_mean},
        {"Mul", mul},
    };
    for (size_t i = 0; i < ESP_COUNT(rows); i++)
        if (strcmp(out->node->op, rows[i].op) == 0) {
            rows[i].compute(reference, out);
            return true;
        }
    return false;
}
