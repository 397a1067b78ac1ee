// SPDX-License-Identifier: Apache-2.0
// Slice and Pad, which cut from and add to the ends of axes. What ONNX has as inputs are attributes
// here; afterwards they stand in one form, so that engines need not know the others: a Slice has
// axes behind the batch, 0 <= start < end <= size and a step, a Pad two numbers an axis.
#include "graph/operators.h"

// ONNX: a negative place counts from the end, and what is out of range is moved into it.
static int64_t place_within(int64_t place, int64_t size)
{
    if (place < 0)
        place = place < -size ? 0 : place + size;
    return place < size ? place : size;
}

// A list that was not given is filled in with `value`.
static esp_status take_list(struct operator_call *call, const char *name, uint64_t count,
                            int64_t value, struct error *error)
{
    struct operator_attribute *list = call_attribute(call, name);
    for (uint64_t i = 0; list->absent && i < count; i++)
        list->ints[i] = value;
    list->count = list->absent ? count : list->count;
    list->absent = false;
    if (list->count == count)
        return ESP_OK;
    return call_wrong(call, error, "%s: expected %llu numbers, as many as starts, got %llu", name,
                      (unsigned long long)count, (unsigned long long)list->count);
}

static esp_status cut_axis(struct operator_call *call, uint64_t i, uint32_t *seen,
                           struct error *error)
{
    int64_t *axis = &call_attribute(call, "axes")->ints[i];
    int64_t *start = &call_attribute(call, "starts")->ints[i];
    int64_t *end = &call_attribute(call, "ends")->ints[i];
    int64_t step = call_attribute(call, "steps")->ints[i];
    if (!call_axis(call, "axes", axis, error))
        return ESP_ERROR_INVALID;
    if (*seen & (1u << *axis))
        return call_wrong(call, error, "axes: %lld is given twice", (long long)*axis);
    *seen |= 1u << *axis;
    int64_t size = call->inputs[0].dims[*axis], from = *start, to = *end;
    *start = place_within(from, size);
    *end = place_within(to, size);
    if (*start >= *end)
        return call_wrong(call, error, "from %lld to %lld of the %lld of axis %lld nothing is left",
                          (long long)from, (long long)to, (long long)size, (long long)*axis);
    call->shape.dims[*axis] = (*end - *start + step - 1) / step;
    return ESP_OK;
}

esp_status infer_slice(struct operator_call *call, struct error *error)
{
    const struct operator_attribute *starts = call_attribute(call, "starts");
    struct operator_attribute *axes = call_attribute(call, "axes");
    uint32_t seen = 0;
    if (starts->absent || call_attribute(call, "ends")->absent)
        return call_wrong(call, error, "it needs the attributes starts and ends");
    uint64_t count = starts->count;
    bool first = axes->absent; // ONNX: the first ones
    if (take_list(call, "ends", count, 0, error) != ESP_OK ||
        take_list(call, "axes", count, 0, error) != ESP_OK ||
        take_list(call, "steps", count, 1, error) != ESP_OK)
        return ESP_ERROR_INVALID;
    call->shape = call->inputs[0];
    for (uint64_t i = 0; i < count; i++) {
        if (first)
            axes->ints[i] = (int64_t)i;
        if (cut_axis(call, i, &seen, error) != ESP_OK)
            return ESP_ERROR_INVALID;
    }
    return ESP_OK;
}

esp_status infer_pad(struct operator_call *call, struct error *error)
{
    const struct operator_attribute *pads = call_attribute(call, "pads");
    uint32_t rank = call->inputs[0].rank;
    if (pads->count != 2 * (uint64_t)rank)
        return call_wrong(call, error,
                          "pads: expected %u numbers, what goes before each axis and then what "
                          "goes behind each, got %llu",
                          2 * rank, (unsigned long long)pads->count);
    if (pads->ints[0] != 0 || pads->ints[rank] != 0)
        return call_wrong(call, error, "pads: expected 0 for the batch, got %lld and %lld",
                          (long long)pads->ints[0], (long long)pads->ints[rank]);
    call->shape = call->inputs[0];
    for (uint32_t i = 1; i < rank; i++)
        call->shape.dims[i] += pads->ints[i] + pads->ints[rank + i];
    return ESP_OK;
}
