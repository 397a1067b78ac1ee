// SPDX-License-Identifier: Apache-2.0
// Windows of convolutions and pools, as ONNX computes them (opset 17: Conv, MaxPool, AveragePool).
// With p the padding, d the dilation, s the stride and e = (kernel - 1) d + 1 the extent:
//   places = (size + p_begin + p_end - e) / s + 1, rounded down, or up with ceil_mode
//   SAME_UPPER, SAME_LOWER: places = ceil(size / s), padded by what that needs, the odd one at the
//   end or at the beginning
// Of ceil_mode's places one that begins behind the padded beginning and the input is none (as ONNX
// says from AveragePool 19 on, and PyTorch does): it would see padding alone.
#include "graph/operators.h"

#include <string.h>

static const char *const sides[2] = {"height", "width"};

static esp_status list_length(const struct operator_call *call, const char *name, uint64_t got,
                              uint64_t expected, struct error *error)
{
    return call_wrong(call, error, "%s: expected %llu numbers, got %llu", name,
                      (unsigned long long)expected, (unsigned long long)got);
}

// Fills in a list that was not given, and tests the length of one that was.
static esp_status take_list(struct operator_call *call, const char *name, uint64_t count,
                            int64_t value, struct error *error)
{
    struct operator_attribute *list = call_attribute(call, name);
    if (!list->absent)
        return list->count == count ? ESP_OK : list_length(call, name, list->count, count, error);
    list->count = count;
    for (uint64_t i = 0; i < count; i++)
        list->ints[i] = value;
    list->absent = false;
    return ESP_OK;
}

static int64_t extent(const struct window *window, int side)
{
    return (window->kernel[side] - 1) * window->dilation[side] + 1;
}

static void pad_same(struct window *window, int side, int64_t size, bool upper)
{
    int64_t places = (size + window->stride[side] - 1) / window->stride[side];
    int64_t need = (places - 1) * window->stride[side] + extent(window, side) - size;
    need = need > 0 ? need : 0;
    window->pad_begin[side] = upper ? need / 2 : need - need / 2;
    window->pad_end[side] = need - window->pad_begin[side];
}

static esp_status count_places(struct window *window, const struct operator_call *call, int side,
                               bool up, struct error *error)
{
    int64_t size = call->inputs[0].dims[2 + side], stride = window->stride[side];
    int64_t span = size + window->pad_begin[side] + window->pad_end[side] - extent(window, side);
    if (span < 0)
        return call_wrong(call, error,
                          "a window of %lldx%lld with dilations %lld, %lld spans %lld and does not "
                          "fit into the %s %lld, padded by %lld and %lld",
                          (long long)window->kernel[0], (long long)window->kernel[1],
                          (long long)window->dilation[0], (long long)window->dilation[1],
                          (long long)extent(window, side), sides[side], (long long)size,
                          (long long)window->pad_begin[side], (long long)window->pad_end[side]);
    window->out[side] = (up ? span + stride - 1 : span) / stride + 1;
    if (up && (window->out[side] - 1) * stride >= size + window->pad_begin[side])
        window->out[side]--;
    return ESP_OK;
}

esp_status window_read(struct window *window, struct operator_call *call, struct error *error)
{
    struct operator_attribute *kernel = call_attribute(call, "kernel_shape");
    struct operator_attribute *pads = call_attribute(call, "pads");
    struct operator_attribute *auto_pad = call_attribute(call, "auto_pad");
    const struct operator_attribute *ceil_mode = call_attribute(call, "ceil_mode");
    bool given = !pads->absent;
    if (kernel->count != 2)
        return list_length(call, "kernel_shape", kernel->count, 2, error);
    if (take_list(call, "strides", 2, 1, error) != ESP_OK ||
        take_list(call, "dilations", 2, 1, error) != ESP_OK ||
        take_list(call, "pads", 4, 0, error) != ESP_OK)
        return ESP_ERROR_INVALID;
    bool set = strcmp(auto_pad->text, "NOTSET") != 0;
    for (int i = 0; set && given && i < 4; i++)
        if (pads->ints[i] != 0)
            return call_wrong(call, error, "auto_pad %s and pads exclude each other",
                              auto_pad->text);
    for (int side = 0; side < 2; side++) {
        window->kernel[side] = kernel->ints[side];
        window->stride[side] = call_attribute(call, "strides")->ints[side];
        window->dilation[side] = call_attribute(call, "dilations")->ints[side];
        window->pad_begin[side] = pads->ints[side];
        window->pad_end[side] = pads->ints[2 + side];
    }
    for (int side = 0; side < 2; side++) {
        if (strncmp(auto_pad->text, "SAME", 4) == 0)
            pad_same(window, side, call->inputs[0].dims[2 + side],
                     strcmp(auto_pad->text, "SAME_UPPER") == 0);
        if (count_places(window, call, side, ceil_mode && ceil_mode->integer, error) != ESP_OK)
            return ESP_ERROR_INVALID;
        pads->ints[side] = window->pad_begin[side];
        pads->ints[2 + side] = window->pad_end[side];
    }
    auto_pad->text = "NOTSET";
    return ESP_OK;
}

// Only places near the ends can, and they are few, but for strides and dilations no rule is as plain
// as a look at each.
esp_status window_check_places(const struct window *window, const struct operator_call *call,
                               struct error *error)
{
    for (int side = 0; side < 2; side++) {
        int64_t size = call->inputs[0].dims[2 + side], dilation = window->dilation[side];
        for (int64_t place = 0; place < window->out[side]; place++) {
            int64_t begin = place * window->stride[side] - window->pad_begin[side];
            int64_t skipped = begin < 0 ? (-begin + dilation - 1) / dilation : 0;
            if (skipped >= window->kernel[side] || begin + skipped * dilation >= size)
                return call_wrong(call, error,
                                  "place %lld of its window in the %s sees padding alone (pads "
                                  "%lld, %lld)",
                                  (long long)place, sides[side], (long long)window->pad_begin[side],
                                  (long long)window->pad_end[side]);
        }
    }
    return ESP_OK;
}
