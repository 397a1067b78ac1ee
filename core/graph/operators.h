// SPDX-License-Identifier: Apache-2.0
// The operators there are: a row each, with their attributes, shapes, weights and multiply-adds.
#ifndef GRAPH_OPERATORS_H
#define GRAPH_OPERATORS_H

#include "error/error.h"

#include <espalier/graph.h>

#define OPERATOR_MOST_ATTRIBUTES 12
#define OPERATOR_MOST_WEIGHTS 4

// What the functions of a row are given and fill in.
struct operator_call {
    const char *path; // for messages
    const char *op;
    const esp_shape *inputs;
    uint64_t input_count;
    // In the order of the row's table, all of them: what was not given has its default.
    struct operator_attribute {
        const char *name;
        uint32_t type;
        int64_t integer;
        double real;
        int64_t ints[2 * ESP_MAX_RANK];
        uint64_t count;
        const char *text;
        bool absent; // a list that was not given
    } attributes[OPERATOR_MOST_ATTRIBUTES];
    uint64_t attribute_count;
    // To fill in.
    esp_shape shape;
    uint64_t macs;
    struct operator_weight {
        const char *name;
        esp_shape shape;
        uint32_t role, init;
    } weights[OPERATOR_MOST_WEIGHTS];
    uint64_t weight_count;
};

struct operator_attribute_row {
    const char *name;
    uint32_t type;
    int64_t integer;
    double real;
    const char *text;
};

struct operator_row {
    const char *name;
    uint64_t least_inputs, most_inputs; // most 0: any number
    bool random; // its path names a stream: it must be unique
    struct operator_attribute_row attributes[OPERATOR_MOST_ATTRIBUTES]; // ends at a NULL name
    // Infers the shape, declares weights, counts multiply-adds.
    esp_status (*infer)(struct operator_call *call, struct error *error);
};

// NULL with the nearest name in the error where there is none.
const struct operator_row *operator_find(const char *name, const char *path, struct error *error);

// "1x16x28x28", N for the batch.
void shape_words(char *text, size_t size, const esp_shape *shape);

#endif
