// SPDX-License-Identifier: Apache-2.0
// The operators there are: a row each, with their attributes, shapes, weights and multiply-adds.
// operators.c is the table, window.c the windows of convolutions and pools, cut.c Slice and Pad,
// axes.c what works along axes, attributes.c reads and tests the attributes that a space gives.
#ifndef GRAPH_OPERATORS_H
#define GRAPH_OPERATORS_H

#include "error/error.h"

#include <espalier/graph.h>

#define OPERATOR_MOST_ATTRIBUTES 12
#define OPERATOR_MOST_WEIGHTS 4
// Kernels, strides, pads and the like; what is larger is a mistake, and could overflow.
#define OPERATOR_MOST_SIZE (INT64_C(1) << 24)
// Elements of a sample and of a weight.
#define OPERATOR_MOST_ELEMENTS (INT64_C(1) << 40)
// Multiply-adds of a node: the metric `macs` is a binary64 and must hold them exactly.
#define OPERATOR_MOST_MACS (INT64_C(1) << 53)

struct operator_attribute {
    const char *name;
    uint32_t type;
    int64_t integer;
    double real;
    int64_t ints[2 * ESP_MAX_RANK];
    uint64_t count;
    const char *text;
    const double *reals; // the caller's
    bool absent;         // a list that was not given
};

struct operator_weight {
    const char *name;
    esp_shape shape;
    uint32_t role, init;
    const double *values; // of ESP_INIT_GIVEN; the caller's
};

// What the functions of a row are given and fill in.
struct operator_call {
    const char *path; // for messages
    const char *op;
    const esp_shape *inputs;
    uint64_t input_count;
    // In the order of the row's table, all of them: what was not given has its default. A row's
    // function may fill in what it resolves (pads from auto_pad).
    struct operator_attribute attributes[OPERATOR_MOST_ATTRIBUTES];
    uint64_t attribute_count;
    // To fill in.
    esp_shape shape;
    uint64_t macs;
    struct operator_weight weights[OPERATOR_MOST_WEIGHTS];
    uint64_t weight_count;
};

struct operator_attribute_row {
    const char *name; // NULL: no more
    uint32_t type;
    int64_t integer;           // INT: the default
    int64_t least, most;       // INT, and each number of INTS
    double real;               // REAL: the default
    double real_min, real_max; // REAL
    const char *text;          // TEXT: the default
    const char *choices;       // TEXT: the valid ones, with a space between; NULL = any
};

struct operator_row {
    const char *name;
    uint64_t least_inputs, most_inputs; // most 0: any number
    bool random;                        // its path names a stream: it must be unique
    struct operator_attribute_row attributes[OPERATOR_MOST_ATTRIBUTES];
    // Infers the shape, declares weights, counts multiply-adds.
    esp_status (*infer)(struct operator_call *call, struct error *error);
};

// A call of no inputs, attributes and weights. What lies behind the counts of its arrays is not cleared:
// a call is large, and there is one a node.
void call_begin(struct operator_call *call, const char *op);

// The row of the call's operator; NULL with the nearest name in the error where there is none.
const struct operator_row *operator_find(const struct operator_call *call, struct error *error);

// Does an operator of that name draw: is its path the name of a stream?
bool operator_is_random(const char *name);

// Row `i` of the table; NULL behind the last.
const struct operator_row *operator_at(uint64_t i);

// Fills the call's attributes: the row's defaults, then what was given, each tested.
esp_status operator_take_attributes(struct operator_call *call, const struct operator_row *row,
                                    const esp_attribute *attributes, uint64_t count,
                                    uint64_t stride, struct error *error);
// Infers, and tests what came out: sizes of at least 1, and none that is beyond all measure.
esp_status operator_infer(struct operator_call *call, const struct operator_row *row,
                          struct error *error);

// The attribute of a call; the row has one of that name.
struct operator_attribute *call_attribute(struct operator_call *call, const char *name);
// An ESP_ERROR_INVALID that begins with the operator, its path and the shapes of its first inputs.
ESP_PRINTF(3, 4)
esp_status call_wrong(const struct operator_call *call, struct error *error, const char *format,
                      ...);

// The same, with the shapes of inputs 0 and `i`.
esp_status call_wrong_pair(const struct operator_call *call, uint64_t i, const char *expected,
                           struct error *error);
// Makes an axis of input 0 positive; false, with the error set, where it is none behind the batch.
// `name`: of the attribute.
bool call_axis(const struct operator_call *call, const char *name, int64_t *axis,
               struct error *error);
void call_add_weight(struct operator_call *call, const char *name, uint32_t rank,
                     const int64_t *dims, uint32_t role, uint32_t init);

// Of axes.c.
esp_status infer_softmax(struct operator_call *call, struct error *error);
esp_status infer_layer_norm(struct operator_call *call, struct error *error);
esp_status infer_reduce_mean(struct operator_call *call, struct error *error);
esp_status infer_reshape(struct operator_call *call, struct error *error);
esp_status infer_transpose(struct operator_call *call, struct error *error);
esp_status infer_matmul(struct operator_call *call, struct error *error);

// Slice and Pad: cut.c.
esp_status infer_slice(struct operator_call *call, struct error *error);
esp_status infer_pad(struct operator_call *call, struct error *error);

// A window that moves over the height and width of [N, C, H, W].
struct window {
    int64_t kernel[2], stride[2], dilation[2], pad_begin[2], pad_end[2], out[2];
};

// Reads kernel_shape, strides, dilations, pads, auto_pad and ceil_mode of the call, whose input has
// four dimensions, and computes the output's size. Afterwards the call's `pads` hold the real
// padding and auto_pad is NOTSET, so that engines need not know the other forms.
esp_status window_read(struct window *window, struct operator_call *call, struct error *error);
// An error where a place of the window lies in the padding alone: a pool has nothing to take there.
esp_status window_check_places(const struct window *window, const struct operator_call *call,
                               struct error *error);

// "Nx16x28x28", N for the batch; cut where `size` does not hold it.
void shape_words(char *text, size_t size, const esp_shape *shape);
#define SHAPE_WORDS_SIZE 160

bool shape_equal(const esp_shape *a, const esp_shape *b);

#endif
