// SPDX-License-Identifier: Apache-2.0
// The table of operators, with the semantics of ONNX opset 17 (shapes, padding, rounding). Beside
// ONNX's attributes those that declare weights: channels, bias, affine (builder.h of the SDK).
#include "graph/operators.h"

#include "text/nearest.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

// ---- Shapes and messages ----------------------------------------------------------------------

void shape_words(char *text, size_t size, const esp_shape *shape)
{
    size_t used = 0;
    text[0] = '\0';
    if (shape->rank == 0)
        snprintf(text, size, "()");
    for (uint32_t i = 0; i < shape->rank && i < ESP_MAX_RANK && used < size; i++) {
        const char *times = i ? "x" : "";
        int length = shape->dims[i] == ESP_BATCH ? snprintf(text + used, size - used, "%sN", times)
                                                 : snprintf(text + used, size - used, "%s%lld",
                                                            times, (long long)shape->dims[i]);
        used += length > 0 ? (size_t)length : size;
    }
}

bool shape_equal(const esp_shape *a, const esp_shape *b)
{
    return a->rank == b->rank && memcmp(a->dims, b->dims, a->rank * sizeof a->dims[0]) == 0;
}

// A message shows the shapes of so many inputs.
#define MOST_SHAPES 4

esp_status call_wrong(const struct operator_call *call, struct error *error, const char *format,
                      ...)
{
    char message[512], shapes[MOST_SHAPES * (SHAPE_WORDS_SIZE + 5) + 8] = "";
    size_t used = 0;
    va_list list;
    va_start(list, format);
    if (vsnprintf(message, sizeof message, format, list) < 0)
        message[0] = '\0';
    va_end(list);
    for (uint64_t i = 0; i < call->input_count && i < MOST_SHAPES; i++) {
        char shape[SHAPE_WORDS_SIZE];
        shape_words(shape, sizeof shape, &call->inputs[i]);
        used +=
            (size_t)snprintf(shapes + used, sizeof shapes - used, "%s%s", i ? ", " : " of ", shape);
    }
    if (call->input_count > MOST_SHAPES)
        snprintf(shapes + used, sizeof shapes - used, ", ...");
    return error_set(error, ESP_ERROR_INVALID, "%s '%s'%s: %s", call->op, call->path, shapes,
                     message);
}

static esp_status need_image(const struct operator_call *call, struct error *error)
{
    if (call->inputs[0].rank == 4)
        return ESP_OK;
    return call_wrong(call, error,
                      "expected an input of 4 dimensions [N, channels, height, width]");
}

esp_status call_wrong_pair(const struct operator_call *call, uint64_t i, const char *expected,
                           struct error *error)
{
    char a[SHAPE_WORDS_SIZE], b[SHAPE_WORDS_SIZE];
    shape_words(a, sizeof a, &call->inputs[0]);
    shape_words(b, sizeof b, &call->inputs[i]);
    return call_wrong(call, error, "inputs 0 and %llu have the shapes %s and %s, expected %s",
                      (unsigned long long)i, a, b, expected);
}

void call_add_weight(struct operator_call *call, const char *name, uint32_t rank,
                     const int64_t *dims, uint32_t role, uint32_t init)
{
    struct operator_weight *weight = &call->weights[call->weight_count++];
    weight->name = name;
    memset(&weight->shape, 0, sizeof weight->shape);
    weight->shape.rank = rank;
    for (uint32_t i = 0; i < rank; i++)
        weight->shape.dims[i] = dims[i];
    weight->role = role;
    weight->init = init;
    weight->values = NULL;
}

// ---- Convolutions and pools -------------------------------------------------------------------

static void set_image_shape(struct operator_call *call, int64_t channels, const int64_t *out)
{
    call->shape.rank = 4;
    call->shape.dims[0] = call->inputs[0].dims[0];
    call->shape.dims[1] = channels;
    call->shape.dims[2] = out[0];
    call->shape.dims[3] = out[1];
}

static esp_status infer_conv(struct operator_call *call, struct error *error)
{
    struct window window;
    int64_t channels = call_attribute(call, "channels")->integer;
    int64_t group = call_attribute(call, "group")->integer;
    if (need_image(call, error) != ESP_OK || window_read(&window, call, error) != ESP_OK)
        return ESP_ERROR_INVALID;
    int64_t in = call->inputs[0].dims[1];
    if (in % group != 0 || channels % group != 0)
        return call_wrong(call, error,
                          "%lld input and %lld output channels do not divide into %lld groups",
                          (long long)in, (long long)channels, (long long)group);
    set_image_shape(call, channels, window.out);
    int64_t dims[4] = {channels, in / group, window.kernel[0], window.kernel[1]};
    call_add_weight(call, "weight", 4, dims, ESP_WEIGHT_TRAINED, ESP_INIT_KAIMING_NORMAL);
    if (call_attribute(call, "bias")->integer)
        call_add_weight(call, "bias", 1, dims, ESP_WEIGHT_TRAINED, ESP_INIT_ZEROS);
    return ESP_OK;
}

static esp_status infer_pool(struct operator_call *call, struct error *error)
{
    struct window window;
    if (need_image(call, error) != ESP_OK || window_read(&window, call, error) != ESP_OK ||
        window_check_places(&window, call, error) != ESP_OK)
        return ESP_ERROR_INVALID;
    set_image_shape(call, call->inputs[0].dims[1], window.out);
    return ESP_OK;
}

static esp_status infer_global_pool(struct operator_call *call, struct error *error)
{
    static const int64_t one[2] = {1, 1};
    if (need_image(call, error) != ESP_OK)
        return ESP_ERROR_INVALID;
    set_image_shape(call, call->inputs[0].dims[1], one);
    return ESP_OK;
}

// ---- The others -------------------------------------------------------------------------------

static esp_status infer_batch_norm(struct operator_call *call, struct error *error)
{
    if (call->inputs[0].rank != 4 && call->inputs[0].rank != 2)
        return call_wrong(call, error, "expected an input of 2 or 4 dimensions");
    int64_t channels = call->inputs[0].dims[1];
    call->shape = call->inputs[0];
    if (call_attribute(call, "affine")->integer) {
        call_add_weight(call, "scale", 1, &channels, ESP_WEIGHT_TRAINED, ESP_INIT_ONES);
        call_add_weight(call, "bias", 1, &channels, ESP_WEIGHT_TRAINED, ESP_INIT_ZEROS);
    }
    call_add_weight(call, "mean", 1, &channels, ESP_WEIGHT_STATE, ESP_INIT_ZEROS);
    call_add_weight(call, "variance", 1, &channels, ESP_WEIGHT_STATE, ESP_INIT_ONES);
    return ESP_OK;
}

static esp_status infer_same(struct operator_call *call, struct error *error)
{
    (void)error;
    call->shape = call->inputs[0];
    return ESP_OK;
}

static esp_status infer_equal(struct operator_call *call, struct error *error)
{
    for (uint64_t i = 1; i < call->input_count; i++)
        if (!shape_equal(&call->inputs[0], &call->inputs[i]))
            return call_wrong_pair(call, i, "equal ones (nothing is broadcast)", error);
    return infer_same(call, error);
}

// As ONNX broadcasts, among inputs of the same number of dimensions: along each axis the sizes are
// equal, or one of them is 1 and its numbers are repeated.
static esp_status infer_mul(struct operator_call *call, struct error *error)
{
    const esp_shape *a = &call->inputs[0], *b = &call->inputs[1];
    bool fits = a->rank == b->rank;
    call->shape = *a;
    for (uint32_t d = 0; fits && d < a->rank; d++) {
        fits = a->dims[d] == b->dims[d] || a->dims[d] == 1 || b->dims[d] == 1;
        if (a->dims[d] == 1)
            call->shape.dims[d] = b->dims[d];
    }
    if (!fits)
        return call_wrong_pair(call, 1, "ones of equal sizes, or of 1 where they differ", error);
    return ESP_OK;
}

static esp_status infer_concat(struct operator_call *call, struct error *error)
{
    struct operator_attribute *axis = call_attribute(call, "axis");
    const esp_shape *first = &call->inputs[0];
    if (!call_axis(call, "axis", &axis->integer, error))
        return ESP_ERROR_INVALID;
    int64_t place = axis->integer;
    call->shape = *first;
    for (uint64_t i = 1; i < call->input_count; i++) {
        esp_shape other = call->inputs[i];
        int64_t along = other.rank == first->rank ? other.dims[place] : 0;
        other.dims[place] = first->dims[place];
        if (!shape_equal(first, &other)) {
            char expected[64];
            snprintf(expected, sizeof expected, "ones that differ along axis %lld alone",
                     (long long)place);
            return call_wrong_pair(call, i, expected, error);
        }
        call->shape.dims[place] += along;
        if (call->shape.dims[place] > OPERATOR_MOST_ELEMENTS)
            break; // refused by operator_infer; further ones could overflow
    }
    return ESP_OK;
}

// y = x weight^T + bias: ONNX's Gemm with alpha = beta = 1, transA = 0, transB = 1.
static esp_status infer_gemm(struct operator_call *call, struct error *error)
{
    int64_t channels = call_attribute(call, "channels")->integer;
    if (call->inputs[0].rank != 2)
        return call_wrong(call, error,
                          "expected an input of 2 dimensions [N, features] (Flatten makes it so)");
    int64_t dims[2] = {channels, call->inputs[0].dims[1]};
    call->shape = call->inputs[0];
    call->shape.dims[1] = channels;
    call_add_weight(call, "weight", 2, dims, ESP_WEIGHT_TRAINED, ESP_INIT_KAIMING_UNIFORM);
    if (call_attribute(call, "bias")->integer)
        call_add_weight(call, "bias", 1, dims, ESP_WEIGHT_TRAINED, ESP_INIT_ZEROS);
    const struct operator_attribute *values = call_attribute(call, "values");
    if (values->absent)
        return ESP_OK;
    uint64_t expected =
        (uint64_t)channels * (uint64_t)dims[1] + (call->weight_count > 1 ? (uint64_t)channels : 0);
    if (values->count != expected)
        return call_wrong(call, error,
                          "values: expected %llu, the weight's and the bias's, got %llu",
                          (unsigned long long)expected, (unsigned long long)values->count);
    for (uint64_t i = 0; i < call->weight_count; i++) {
        call->weights[i].init = ESP_INIT_GIVEN;
        call->weights[i].values = values->reals + (i ? channels * dims[1] : 0);
    }
    return ESP_OK;
}

static esp_status infer_flatten(struct operator_call *call, struct error *error)
{
    struct operator_attribute *axis = call_attribute(call, "axis");
    int64_t rank = call->inputs[0].rank;
    if (axis->integer != 1 && axis->integer + rank != 1)
        return call_wrong(call, error, "axis: expected 1, behind the batch, got %lld",
                          (long long)axis->integer);
    axis->integer = 1;
    call->shape.rank = 2;
    call->shape.dims[0] = call->inputs[0].dims[0];
    call->shape.dims[1] = (int64_t)esp_shape_size(&call->inputs[0]);
    return ESP_OK;
}

static esp_status infer_clip(struct operator_call *call, struct error *error)
{
    double min = call_attribute(call, "min")->real, max = call_attribute(call, "max")->real;
    if (min > max)
        return call_wrong(call, error, "min: expected at most max, got %g and %g", min, max);
    return infer_same(call, error);
}

static esp_status infer_dropout(struct operator_call *call, struct error *error)
{
    if (call_attribute(call, "ratio")->real == 1)
        return call_wrong(call, error, "ratio: expected a number below 1, or nothing is left");
    return infer_same(call, error);
}

// Zeros: of the input's shape, or of a convolution's of that stride that is padded to keep sizes.
static esp_status infer_none(struct operator_call *call, struct error *error)
{
    int64_t stride = call_attribute(call, "stride")->integer;
    call->shape = call->inputs[0];
    if (stride == 1)
        return ESP_OK;
    if (need_image(call, error) != ESP_OK)
        return ESP_ERROR_INVALID;
    for (int i = 2; i < 4; i++)
        call->shape.dims[i] = (call->shape.dims[i] + stride - 1) / stride;
    return ESP_OK;
}

// ---- The table --------------------------------------------------------------------------------

// clang-format off
#define INTS(name, least) \
    {name, ESP_ATTRIBUTE_INTS, 0, least, OPERATOR_MOST_SIZE, 0, 0, 0, NULL, NULL}
#define INTS_OF(name, least, most) \
    {name, ESP_ATTRIBUTE_INTS, 0, least, most, 0, 0, 0, NULL, NULL}
#define INT(name, value, least, most) \
    {name, ESP_ATTRIBUTE_INT, value, least, most, 0, 0, 0, NULL, NULL}
#define FLAG(name, value) INT(name, value, 0, 1)
#define REAL(name, value, least, most) \
    {name, ESP_ATTRIBUTE_REAL, 0, 0, 0, value, least, most, NULL, NULL}
#define FACTOR(name, value) REAL(name, value, -FLT_MAX, FLT_MAX)
#define TEXT(name, value, choices) \
    {name, ESP_ATTRIBUTE_TEXT, 0, 0, 0, 0, 0, 0, value, choices}
#define WINDOW \
    INTS("kernel_shape", 1), INTS("strides", 1), INTS("dilations", 1), INTS("pads", 0), \
    TEXT("auto_pad", "NOTSET", "NOTSET SAME_UPPER SAME_LOWER VALID")
// Last in its row: it becomes the weights' values, and stands in no node.
#define REALS(name) \
    {name, ESP_ATTRIBUTE_REALS, 0, 0, 0, 0, -FLT_MAX, FLT_MAX, NULL, NULL}
// The default 0 of `channels` is outside its range: it must be given.
#define CHANNELS INT("channels", 0, 1, OPERATOR_MOST_SIZE)
#define AXIS(value) INT("axis", value, -ESP_MAX_RANK, ESP_MAX_RANK - 1)

static const struct operator_row table[] = {
    {"Conv", 1, 1, false,
     {WINDOW, INT("group", 1, 1, OPERATOR_MOST_SIZE), CHANNELS, FLAG("bias", 0)}, infer_conv},
    {"BatchNormalization", 1, 1, false,
     {REAL("epsilon", 1e-5, DBL_MIN, 1), REAL("momentum", 0.9, 0, 1), FLAG("affine", 1)},
     infer_batch_norm},
    {"LayerNormalization", 1, 1, false,
     {AXIS(-1), REAL("epsilon", 1e-5, DBL_MIN, 1), FLAG("affine", 1)}, infer_layer_norm},
    {"Softmax", 1, 1, false, {AXIS(-1)}, infer_softmax},
    {"Relu", 1, 1, false, {{0}}, infer_same},
    {"Sigmoid", 1, 1, false, {{0}}, infer_same},
    {"Tanh", 1, 1, false, {{0}}, infer_same},
    {"LeakyRelu", 1, 1, false, {FACTOR("alpha", 0.01)}, infer_same},
    {"Elu", 1, 1, false, {FACTOR("alpha", 1)}, infer_same},
    {"Clip", 1, 1, false, {FACTOR("min", -FLT_MAX), FACTOR("max", FLT_MAX)}, infer_clip},
    {"HardSigmoid", 1, 1, false, {FACTOR("alpha", 0.2), FACTOR("beta", 0.5)}, infer_same},
    {"HardSwish", 1, 1, false, {{0}}, infer_same},
    // x sigmoid(x), and x times the normal distribution's function (opset 20's, exact).
    {"Swish", 1, 1, false, {{0}}, infer_same},
    {"Gelu", 1, 1, false, {{0}}, infer_same},
    {"Identity", 1, 1, false, {{0}}, infer_same},
    {"MaxPool", 1, 1, false, {WINDOW, FLAG("ceil_mode", 0)}, infer_pool},
    {"AveragePool", 1, 1, false, {WINDOW, FLAG("ceil_mode", 0), FLAG("count_include_pad", 0)},
     infer_pool},
    {"GlobalAveragePool", 1, 1, false, {{0}}, infer_global_pool},
    {"GlobalMaxPool", 1, 1, false, {{0}}, infer_global_pool},
    {"Add", 2, 2, false, {{0}}, infer_equal},
    {"Mul", 2, 2, false, {{0}}, infer_mul},
    {"Concat", 1, 0, false, {AXIS(1)}, infer_concat},
    {"Slice", 1, 1, false,
     {INTS_OF("starts", INT64_MIN, INT64_MAX), INTS_OF("ends", INT64_MIN, INT64_MAX),
      INTS_OF("axes", -ESP_MAX_RANK, ESP_MAX_RANK - 1), INTS("steps", 1)}, infer_slice},
    {"Pad", 1, 1, false,
     {INTS("pads", 0), TEXT("mode", "constant", "constant"), FACTOR("value", 0)},
     infer_pad},
    // Its values, where they are given: weight [channels, features], then bias [channels].
    {"Gemm", 1, 1, false, {CHANNELS, FLAG("bias", 1), REALS("values")}, infer_gemm},
    {"MatMul", 2, 2, false, {{0}}, infer_matmul},
    {"Flatten", 1, 1, false, {AXIS(1)}, infer_flatten},
    {"Reshape", 1, 1, false, {INTS("shape", -1)}, infer_reshape},
    {"Transpose", 1, 1, false, {INTS_OF("perm", 0, ESP_MAX_RANK - 1)}, infer_transpose},
    {"ReduceMean", 1, 1, false,
     {INTS_OF("axes", -ESP_MAX_RANK, ESP_MAX_RANK - 1), FLAG("keepdims", 1)}, infer_reduce_mean},
    {"Dropout", 1, 1, true, {REAL("ratio", 0.5, 0, 1)}, infer_dropout},
    // Zeros for a whole sample (Larsson et al. 2017), with a probability that rises to `ratio`.
    {"DropPath", 1, 1, true, {REAL("ratio", 0.2, 0, 1)}, infer_dropout},
    // All alternatives of a relaxed decision, its path, and their names joined by '|'.
    {"Choice", 1, 0, false, {TEXT("path", "", NULL), TEXT("names", "", NULL)}, infer_equal},
    {"None", 1, 1, false, {INT("stride", 1, 1, OPERATOR_MOST_SIZE)}, infer_none},
};
// clang-format on

static const struct operator_row *find_row(const char *name)
{
    for (size_t i = 0; i < ESP_COUNT(table); i++)
        if (table[i].name[0] == name[0] && strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

const struct operator_row *operator_find(const struct operator_call *call, struct error *error)
{
    const char *names[ESP_COUNT(table)];
    const struct operator_row *row = find_row(call->op);
    if (row)
        return row;
    for (size_t i = 0; i < ESP_COUNT(table); i++)
        names[i] = table[i].name;
    const char *nearest = text_nearest(call->op, names, ESP_COUNT(names));
    call_wrong(call, error, "there is no operator '%s'%s%s%s", call->op,
               nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
    return NULL;
}

bool operator_is_random(const char *name)
{
    const struct operator_row *row = find_row(name);
    return row && row->random;
}

const struct operator_row *operator_at(uint64_t i)
{
    return i < ESP_COUNT(table) ? &table[i] : NULL;
}

// The number of elements; false: a size below 1, or too many of them.
static bool shape_measure(const esp_shape *shape, int64_t *elements)
{
    *elements = 1;
    for (uint32_t i = 0; i < shape->rank; i++) {
        if (i == 0 && shape->dims[0] == ESP_BATCH)
            continue;
        if (shape->dims[i] < 1 || shape->dims[i] > OPERATOR_MOST_ELEMENTS / *elements)
            return false;
        *elements *= shape->dims[i];
    }
    return true;
}

// Convolutions and linear layers, who alone have a weight of that name, do one multiply-add for each
// number of it at each place of the output (a place holds all channels).
static esp_status count_macs(struct operator_call *call, int64_t elements, struct error *error)
{
    int64_t macs;
    if (call->weight_count == 0 || strcmp(call->weights[0].name, "weight") != 0)
        return ESP_OK;
    if (__builtin_mul_overflow(elements / call->shape.dims[1],
                               (int64_t)esp_shape_size(&call->weights[0].shape), &macs) ||
        macs > OPERATOR_MOST_MACS)
        return call_wrong(call, error, "it would need more than 2^53 multiply-adds");
    call->macs = (uint64_t)macs;
    return ESP_OK;
}

esp_status operator_infer(struct operator_call *call, const struct operator_row *row,
                          struct error *error)
{
    char words[SHAPE_WORDS_SIZE];
    int64_t elements, size;
    if (row->infer(call, error) != ESP_OK)
        return ESP_ERROR_INVALID;
    if (!shape_measure(&call->shape, &elements)) {
        shape_words(words, sizeof words, &call->shape);
        return call_wrong(call, error, "its output of %s has a size below 1 or is too large",
                          words);
    }
    for (uint64_t i = 0; i < call->weight_count; i++)
        if (!shape_measure(&call->weights[i].shape, &size)) {
            shape_words(words, sizeof words, &call->weights[i].shape);
            return call_wrong(call, error, "its %s of %s is too large", call->weights[i].name,
                              words);
        }
    return count_macs(call, elements, error);
}
