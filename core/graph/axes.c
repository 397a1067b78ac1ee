// SPDX-License-Identifier: Apache-2.0
// Operators that work along the axes of a sample: LayerNormalization, Softmax, ReduceMean, Reshape,
// Transpose, and MatMul of two activations. None of them touches the batch, axis 0. Afterwards their
// attributes stand in one form, so that engines need not know the others: an axis is positive, a
// Reshape's shape is the output's behind a 0, a Transpose's perm begins with 0, the axes of a
// ReduceMean ascend.
#include "graph/operators.h"

#include <stdlib.h>
#include <string.h>

bool call_axis(const struct operator_call *call, const char *name, int64_t *axis,
               struct error *error)
{
    int64_t rank = call->inputs[0].rank, given = *axis;
    *axis = given < 0 ? given + rank : given;
    if (*axis >= 1 && *axis < rank)
        return true;
    if (rank < 2)
        call_wrong(call, error, "%s: there is no axis behind the batch", name);
    else
        call_wrong(call, error, "%s: expected one of 1 to %lld (0 is the batch), got %lld", name,
                   (long long)(rank - 1), (long long)given);
    return false;
}

esp_status infer_softmax(struct operator_call *call, struct error *error)
{
    if (!call_axis(call, "axis", &call_attribute(call, "axis")->integer, error))
        return ESP_ERROR_INVALID;
    call->shape = call->inputs[0];
    return ESP_OK;
}

// Scale and shift have the sizes from `axis` on.
esp_status infer_layer_norm(struct operator_call *call, struct error *error)
{
    const esp_shape *input = &call->inputs[0];
    int64_t *axis = &call_attribute(call, "axis")->integer;
    if (!call_axis(call, "axis", axis, error))
        return ESP_ERROR_INVALID;
    call->shape = *input;
    if (call_attribute(call, "affine")->integer) {
        uint32_t rank = input->rank - (uint32_t)*axis;
        call_add_weight(call, "scale", rank, input->dims + *axis, ESP_WEIGHT_TRAINED,
                        ESP_INIT_ONES);
        call_add_weight(call, "bias", rank, input->dims + *axis, ESP_WEIGHT_TRAINED,
                        ESP_INIT_ZEROS);
    }
    return ESP_OK;
}

static int compare_integers(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

esp_status infer_reduce_mean(struct operator_call *call, struct error *error)
{
    struct operator_attribute *axes = call_attribute(call, "axes");
    bool keep = call_attribute(call, "keepdims")->integer != 0;
    const esp_shape *input = &call->inputs[0];
    bool reduced[ESP_MAX_RANK] = {false};
    if (axes->absent || axes->count == 0)
        return call_wrong(call, error,
                          "it needs the attribute axes (all of them would reduce the batch, too)");
    for (uint64_t i = 0; i < axes->count; i++) {
        if (!call_axis(call, "axes", &axes->ints[i], error))
            return ESP_ERROR_INVALID;
        if (reduced[axes->ints[i]])
            return call_wrong(call, error, "axes: %lld is given twice", (long long)axes->ints[i]);
        reduced[axes->ints[i]] = true;
    }
    qsort(axes->ints, axes->count, sizeof axes->ints[0], compare_integers);
    call->shape.rank = 0;
    for (uint32_t d = 0; d < input->rank; d++)
        if (keep || !reduced[d])
            call->shape.dims[call->shape.rank++] = reduced[d] ? 1 : input->dims[d];
    return ESP_OK;
}

// ---- Shapes -----------------------------------------------------------------------------------

// ONNX: 0 takes the input's size, one -1 what is left. The first is the batch, which stays: 0, or -1
// where it is what is left.
esp_status infer_reshape(struct operator_call *call, struct error *error)
{
    struct operator_attribute *shape = call_attribute(call, "shape");
    const esp_shape *input = &call->inputs[0];
    int64_t size = (int64_t)esp_shape_size(input), known = 1;
    uint64_t open = 0;
    if (shape->absent || shape->count < 1 || shape->count > ESP_MAX_RANK)
        return call_wrong(call, error, "shape: expected 1 to %d numbers, the first 0 (the batch)",
                          ESP_MAX_RANK);
    if (shape->ints[0] > 0)
        return call_wrong(call, error, "shape: expected 0 for the batch, got %lld",
                          (long long)shape->ints[0]);
    for (uint64_t i = 1; i < shape->count; i++) {
        if (shape->ints[i] == 0) {
            if (i >= input->rank)
                return call_wrong(call, error,
                                  "shape: number %llu is 0, and the input has no axis "
                                  "%llu whose size it could take",
                                  (unsigned long long)i, (unsigned long long)i);
            shape->ints[i] = input->dims[i];
        } else if (shape->ints[i] < 0) {
            if (open > 0 || shape->ints[0] < 0)
                return call_wrong(call, error, "shape: -1 is given twice");
            open = i;
            continue;
        }
        if (known > OPERATOR_MOST_ELEMENTS / shape->ints[i])
            return call_wrong(call, error, "shape: a sample of it is too large");
        known *= shape->ints[i];
    }
    if (open > 0 && size % known == 0) {
        shape->ints[open] = size / known;
        known = size;
    }
    if (known != size)
        return call_wrong(call, error, "shape: a sample has %lld numbers, which are not %s%lld",
                          (long long)size, open > 0 ? "a multiple of " : "", (long long)known);
    shape->ints[0] = 0;
    call->shape.rank = (uint32_t)shape->count;
    memcpy(call->shape.dims, shape->ints, shape->count * sizeof shape->ints[0]);
    call->shape.dims[0] = input->dims[0];
    return ESP_OK;
}

esp_status infer_transpose(struct operator_call *call, struct error *error)
{
    struct operator_attribute *perm = call_attribute(call, "perm");
    const esp_shape *input = &call->inputs[0];
    uint32_t seen = 0;
    if (perm->absent)
        return call_wrong(call, error,
                          "it needs the attribute perm (ONNX's own, all axes turned "
                          "round, would move the batch)");
    if (perm->count != input->rank)
        return call_wrong(call, error, "perm: expected %u numbers, one an axis, got %llu",
                          input->rank, (unsigned long long)perm->count);
    if (perm->ints[0] != 0)
        return call_wrong(call, error, "perm: expected 0, the batch, first, got %lld",
                          (long long)perm->ints[0]);
    call->shape.rank = input->rank;
    for (uint32_t d = 0; d < input->rank; d++) {
        int64_t from = perm->ints[d];
        if (from >= (int64_t)input->rank || (seen & (1u << from)))
            return call_wrong(call, error, "perm: expected each of 0 to %u once, got %lld%s",
                              input->rank - 1, (long long)from,
                              from < (int64_t)input->rank ? " again" : "");
        seen |= 1u << from;
        call->shape.dims[d] = input->dims[from];
    }
    return ESP_OK;
}

// ---- Products ---------------------------------------------------------------------------------

// [N, ..., M, K] times [N, ..., K, P], what stands between N and M alike.
esp_status infer_matmul(struct operator_call *call, struct error *error)
{
    const esp_shape *a = &call->inputs[0], *b = &call->inputs[1];
    uint32_t rank = a->rank;
    bool fits = rank >= 3 && b->rank == rank && a->dims[rank - 1] == b->dims[rank - 2];
    for (uint32_t d = 0; fits && d + 2 < rank; d++)
        fits = a->dims[d] == b->dims[d];
    if (!fits)
        return call_wrong_pair(call, 1, "[N, ..., M, K] and [N, ..., K, P]", error);
    call->shape = *a;
    call->shape.dims[rank - 1] = b->dims[rank - 1];
    int64_t elements = 1;
    for (uint32_t d = 1; d < rank; d++)
        if (__builtin_mul_overflow(elements, call->shape.dims[d], &elements))
            return ESP_OK; // refused by operator_infer as too large
    int64_t macs;
    if (__builtin_mul_overflow(elements, a->dims[rank - 1], &macs) || macs > OPERATOR_MOST_MACS)
        return call_wrong(call, error, "it would need more than 2^53 multiply-adds");
    call->macs = (uint64_t)macs;
    return ESP_OK;
}
