// SPDX-License-Identifier: Apache-2.0
// The table of operators, with the semantics of ONNX opset 17 (shapes, padding, rounding). Beside
// ONNX's attributes those that declare weights: channels, bias, affine (builder.h of the SDK).
#include "graph/operators.h"

#include "text/nearest.h"

#include <stdio.h>
#include <string.h>

void shape_words(char *text, size_t size, const esp_shape *shape)
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < shape->rank && used < size; i++) {
        int length = shape->dims[i] == ESP_BATCH
                         ? snprintf(text + used, size - used, "%sN", i ? "x" : "")
                         : snprintf(text + used, size - used, "%s%lld", i ? "x" : "",
                                    (long long)shape->dims[i]);
        used += length > 0 ? (size_t)length : size;
    }
}

static struct operator_attribute *attribute(struct operator_call *call, const char *name)
{
    for (uint64_t i = 0; i < call->attribute_count; i++)
        if (strcmp(call->attributes[i].name, name) == 0)
            return &call->attributes[i];
    return NULL;
}

ESP_PRINTF(3, 4)
static esp_status wrong(const struct operator_call *call, struct error *error, const char *format,
                        ...)
{
    char message[512];
    va_list list;
    va_start(list, format);
    if (vsnprintf(message, sizeof message, format, list) < 0)
        message[0] = '\0';
    va_end(list);
    return error_set(error, ESP_ERROR_INVALID, "%s '%s': %s", call->op, call->path, message);
}

static esp_status need_rank(const struct operator_call *call, uint32_t rank, struct error *error)
{
    char words[96];
    if (call->inputs[0].rank == rank)
        return ESP_OK;
    shape_words(words, sizeof words, &call->inputs[0]);
    return wrong(call, error, "expected an input of %u dimensions, got %s", rank, words);
}

static void add_weight(struct operator_call *call, const char *name, uint32_t rank,
                       const int64_t *dims, uint32_t role, uint32_t init)
{
    struct operator_weight *weight = &call->weights[call->weight_count++];
    weight->name = name;
    weight->shape.rank = rank;
    for (uint32_t i = 0; i < rank; i++)
        weight->shape.dims[i] = dims[i];
    weight->role = role;
    weight->init = init;
}

// ---- Windows: convolutions and pools ----------------------------------------------------------

struct window {
    int64_t kernel[2], stride[2], dilation[2], pad_begin[2], pad_end[2], out[2];
};

static void fill_list(struct operator_call *call, const char *name, uint64_t count, int64_t value)
{
    struct operator_attribute *list = attribute(call, name);
    if (!list || !list->absent)
        return;
    list->count = count;
    for (uint64_t i = 0; i < count; i++)
        list->ints[i] = value;
    list->absent = false;
}

// One dimension's padding by auto_pad: the output has ceil(size / stride) places.
static void pad_same(struct window *window, int d, int64_t size, bool upper)
{
    int64_t out = (size + window->stride[d] - 1) / window->stride[d];
    int64_t need = (out - 1) * window->stride[d] +
                   (window->kernel[d] - 1) * window->dilation[d] + 1 - size;
    need = need > 0 ? need : 0;
    window->pad_begin[d] = upper ? need / 2 : need - need / 2;
    window->pad_end[d] = need - window->pad_begin[d];
}

// Reads the attributes of a window over [N, C, H, W], resolves auto_pad, and computes the output's
// size. Afterwards `pads` holds the real padding and auto_pad is NOTSET, so that engines need not
// know the other forms.
static esp_status read_window(struct operator_call *call, struct window *window,
                              struct error *error)
{
    struct operator_attribute *kernel = attribute(call, "kernel_shape");
    struct operator_attribute *strides = attribute(call, "strides");
    struct operator_attribute *dilations = attribute(call, "dilations");
    struct operator_attribute *pads = attribute(call, "pads");
    struct operator_attribute *auto_pad = attribute(call, "auto_pad");
    struct operator_attribute *ceil_mode = attribute(call, "ceil_mode");
    fill_list(call, "strides", 2, 1);
    fill_list(call, "dilations", 2, 1);
    fill_list(call, "pads", 4, 0);
    if (kernel->absent || kernel->count != 2 || strides->count != 2 || dilations->count != 2 ||
        pads->count != 4)
        return wrong(call, error,
                     "expected kernel_shape, strides and dilations of 2 numbers, pads of 4");
    for (int d = 0; d < 2; d++) {
        int64_t size = call->inputs[0].dims[2 + d];
        window->kernel[d] = kernel->ints[d];
        window->stride[d] = strides->ints[d];
        window->dilation[d] = dilations->ints[d];
        window->pad_begin[d] = pads->ints[d];
        window->pad_end[d] = pads->ints[2 + d];
        if (window->kernel[d] < 1 || window->stride[d] < 1 || window->dilation[d] < 1 ||
            window->pad_begin[d] < 0 || window->pad_end[d] < 0)
            return wrong(call, error, "kernels, strides and dilations begin at 1, pads at 0");
        if (strncmp(auto_pad->text, "SAME", 4) == 0)
            pad_same(window, d, size, strcmp(auto_pad->text, "SAME_UPPER") == 0);
        else if (strcmp(auto_pad->text, "VALID") == 0)
            window->pad_begin[d] = window->pad_end[d] = 0;
        else if (strcmp(auto_pad->text, "NOTSET") != 0)
            return wrong(call, error,
                         "auto_pad: expected NOTSET, SAME_UPPER, SAME_LOWER or VALID, got '%s'",
                         auto_pad->text);
        int64_t span = size + window->pad_begin[d] + window->pad_end[d] -
                       ((window->kernel[d] - 1) * window->dilation[d] + 1);
        if (span < 0)
            return wrong(call, error, "a window of %lld does not fit into %lld (padded by %lld)",
                         (long long)((window->kernel[d] - 1) * window->dilation[d] + 1),
                         (long long)size, (long long)(window->pad_begin[d] + window->pad_end[d]));
        bool up = ceil_mode && ceil_mode->integer;
        window->out[d] = (span + (up ? window->stride[d] - 1 : 0)) / window->stride[d] + 1;
        // A last window that begins in the padding behind the end is none.
        if (up && (window->out[d] - 1) * window->stride[d] >= size + window->pad_begin[d])
            window->out[d]--;
        pads->ints[d] = window->pad_begin[d];
        pads->ints[2 + d] = window->pad_end[d];
    }
    auto_pad->text = "NOTSET";
    return ESP_OK;
}

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
    int64_t channels = attribute(call, "channels")->integer;
    int64_t group = attribute(call, "group")->integer;
    if (need_rank(call, 4, error) != ESP_OK || read_window(call, &window, error) != ESP_OK)
        return ESP_ERROR_INVALID;
    int64_t in = call->inputs[0].dims[1];
    if (channels < 1 || group < 1 || in % group != 0 || channels % group != 0)
        return wrong(call, error, "%lld input and %lld output channels in %lld groups",
                     (long long)in, (long long)channels, (long long)group);
    set_image_shape(call, channels, window.out);
    int64_t dims[4] = {channels, in / group, window.kernel[0], window.kernel[1]};
    add_weight(call, "weight", 4, dims, ESP_WEIGHT_TRAINED, ESP_INIT_KAIMING_NORMAL);
    if (attribute(call, "bias")->integer)
        add_weight(call, "bias", 1, dims, ESP_WEIGHT_TRAINED, ESP_INIT_ZEROS);
    call->macs = (uint64_t)(window.out[0] * window.out[1] * channels * dims[1] * dims[2] * dims[3]);
    return ESP_OK;
}

static esp_status infer_pool(struct operator_call *call, struct error *error)
{
    struct window window;
    if (need_rank(call, 4, error) != ESP_OK || read_window(call, &window, error) != ESP_OK)
        return ESP_ERROR_INVALID;
    for (int d = 0; d < 2; d++)
        if (window.pad_begin[d] >= window.kernel[d] || window.pad_end[d] >= window.kernel[d])
            return wrong(call, error, "its padding is as large as its window");
    set_image_shape(call, call->inputs[0].dims[1], window.out);
    return ESP_OK;
}

static esp_status infer_global_pool(struct operator_call *call, struct error *error)
{
    static const int64_t one[2] = {1, 1};
    if (need_rank(call, 4, error) != ESP_OK)
        return ESP_ERROR_INVALID;
    set_image_shape(call, call->inputs[0].dims[1], one);
    return ESP_OK;
}

// ---- The others -------------------------------------------------------------------------------

static esp_status infer_batch_norm(struct operator_call *call, struct error *error)
{
    if (call->inputs[0].rank != 4 && call->inputs[0].rank != 2)
        return wrong(call, error, "expected an input of 2 or 4 dimensions");
    int64_t channels = call->inputs[0].dims[1];
    call->shape = call->inputs[0];
    if (attribute(call, "affine")->integer) {
        add_weight(call, "scale", 1, &channels, ESP_WEIGHT_TRAINED, ESP_INIT_ONES);
        add_weight(call, "bias", 1, &channels, ESP_WEIGHT_TRAINED, ESP_INIT_ZEROS);
    }
    add_weight(call, "mean", 1, &channels, ESP_WEIGHT_STATE, ESP_INIT_ZEROS);
    add_weight(call, "variance", 1, &channels, ESP_WEIGHT_STATE, ESP_INIT_ONES);
    return ESP_OK;
}

static esp_status infer_same(struct operator_call *call, struct error *error)
{
    (void)error;
    call->shape = call->inputs[0];
    return ESP_OK;
}

static esp_status infer_dropout(struct operator_call *call, struct error *error)
{
    double ratio = attribute(call, "ratio")->real;
    if (!(ratio >= 0 && ratio < 1))
        return wrong(call, error, "ratio: expected a number from 0 to below 1, got %g", ratio);
    return infer_same(call, error);
}

static bool same_shape(const esp_shape *a, const esp_shape *b)
{
    return a->rank == b->rank && memcmp(a->dims, b->dims, a->rank * sizeof a->dims[0]) == 0;
}

static esp_status infer_equal(struct operator_call *call, struct error *error)
{
    for (uint64_t i = 1; i < call->input_count; i++)
        if (!same_shape(&call->inputs[0], &call->inputs[i])) {
            char a[96], b[96];
            shape_words(a, sizeof a, &call->inputs[0]);
            shape_words(b, sizeof b, &call->inputs[i]);
            return wrong(call, error, "its inputs have the shapes %s and %s, expected one shape",
                         a, b);
        }
    return infer_same(call, error);
}

static esp_status infer_concat(struct operator_call *call, struct error *error)
{
    struct operator_attribute *axis = attribute(call, "axis");
    const esp_shape *first = &call->inputs[0];
    int64_t rank = first->rank, place = axis->integer < 0 ? axis->integer + rank : axis->integer;
    if (place < 1 || place >= rank)
        return wrong(call, error, "axis %lld of %lld dimensions", (long long)axis->integer,
                     (long long)rank);
    axis->integer = place;
    call->shape = *first;
    for (uint64_t i = 1; i < call->input_count; i++) {
        esp_shape other = call->inputs[i];
        int64_t along = other.rank == first->rank ? other.dims[place] : 0;
        other.dims[place] = first->dims[place];
        if (!same_shape(first, &other)) {
            char a[96], b[96];
            shape_words(a, sizeof a, first);
            shape_words(b, sizeof b, &call->inputs[i]);
            return wrong(call, error, "the shapes %s and %s do not join along axis %lld", a, b,
                         (long long)place);
        }
        call->shape.dims[place] += along;
    }
    return ESP_OK;
}

static esp_status infer_gemm(struct operator_call *call, struct error *error)
{
    int64_t channels = attribute(call, "channels")->integer;
    if (need_rank(call, 2, error) != ESP_OK)
        return ESP_ERROR_INVALID;
    if (channels < 1)
        return wrong(call, error, "channels: expected the number of output features");
    int64_t dims[2] = {channels, call->inputs[0].dims[1]};
    call->shape = call->inputs[0];
    call->shape.dims[1] = channels;
    add_weight(call, "weight", 2, dims, ESP_WEIGHT_TRAINED, ESP_INIT_KAIMING_UNIFORM);
    if (attribute(call, "bias")->integer)
        add_weight(call, "bias", 1, dims, ESP_WEIGHT_TRAINED, ESP_INIT_ZEROS);
    call->macs = (uint64_t)(dims[0] * dims[1]);
    return ESP_OK;
}

static esp_status infer_flatten(struct operator_call *call, struct error *error)
{
    if (attribute(call, "axis")->integer != 1)
        return wrong(call, error, "axis: expected 1, behind the batch");
    call->shape.rank = 2;
    call->shape.dims[0] = call->inputs[0].dims[0];
    call->shape.dims[1] = (int64_t)esp_shape_size(&call->inputs[0]);
    return ESP_OK;
}

// ---- The table --------------------------------------------------------------------------------

#define INTS(name)                                                                                 \
    {                                                                                              \
        name, ESP_ATTRIBUTE_INTS, 0, 0, NULL                                                       \
    }
#define INT(name, value)                                                                           \
    {                                                                                              \
        name, ESP_ATTRIBUTE_INT, value, 0, NULL                                                    \
    }
#define REAL(name, value)                                                                          \
    {                                                                                              \
        name, ESP_ATTRIBUTE_REAL, 0, value, NULL                                                   \
    }
#define TEXT(name, value)                                                                          \
    {                                                                                              \
        name, ESP_ATTRIBUTE_TEXT, 0, 0, value                                                      \
    }
#define WINDOW                                                                                     \
    INTS("kernel_shape"), INTS("strides"), INTS("dilations"), INTS("pads"),                        \
        TEXT("auto_pad", "NOTSET")

static const struct operator_row table[] = {
    {"Conv", 1, 1, false, {WINDOW, INT("group", 1), INT("channels", 0), INT("bias", 0)},
     infer_conv},
    {"BatchNormalization", 1, 1, false,
     {REAL("epsilon", 1e-5), REAL("momentum", 0.9), INT("affine", 1)}, infer_batch_norm},
    {"Relu", 1, 1, false, {{0}}, infer_same},
    {"Sigmoid", 1, 1, false, {{0}}, infer_same},
    {"Tanh", 1, 1, false, {{0}}, infer_same},
    {"Identity", 1, 1, false, {{0}}, infer_same},
    {"MaxPool", 1, 1, false, {WINDOW, INT("ceil_mode", 0)}, infer_pool},
    {"AveragePool", 1, 1, false, {WINDOW, INT("ceil_mode", 0), INT("count_include_pad", 0)},
     infer_pool},
    {"GlobalAveragePool", 1, 1, false, {{0}}, infer_global_pool},
    {"Add", 2, 2, false, {{0}}, infer_equal},
    {"Concat", 1, 0, false, {INT("axis", 1)}, infer_concat},
    {"Gemm", 1, 1, false, {INT("channels", 0), INT("bias", 1)}, infer_gemm},
    {"Flatten", 1, 1, false, {INT("axis", 1)}, infer_flatten},
    {"Dropout", 1, 1, true, {REAL("ratio", 0.5)}, infer_dropout},
    {"Choice", 1, 0, false, {TEXT("path", ""), TEXT("names", "")}, infer_equal},
    {"None", 1, 1, false, {{0}}, infer_same},
};

const struct operator_row *operator_find(const char *name, const char *path, struct error *error)
{
    const char *names[ESP_COUNT(table)];
    for (size_t i = 0; i < ESP_COUNT(table); i++) {
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
        names[i] = table[i].name;
    }
    const char *nearest = text_nearest(name, names, ESP_COUNT(names));
    error_set(error, ESP_ERROR_INVALID, "there is no operator '%s' ('%s')%s%s%s", name, path,
              nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
    return NULL;
}
