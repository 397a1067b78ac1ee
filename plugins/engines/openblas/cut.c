// SPDX-License-Identifier: Apache-2.0
// Slice and Pad: one tensor is a box within the other. Slice takes the box out of its input, Pad
// puts its input into one; backward each does what the other does forward.
#include "program.h"

#include <string.h>

#define LAST (BOX_RANK - 1)

// The box of a sample: axes of the large tensor, aligned at the end; those in front are of size 1.
static struct box box_of(const esp_shape *large, const esp_shape *small)
{
    struct box box;
    for (int d = 0; d < BOX_RANK; d++) {
        int from = d - BOX_RANK + (int)large->rank;
        box.whole[d] = from > 0 ? large->dims[from] : 1;
        box.size[d] = from > 0 ? small->dims[from] : 1;
        box.start[d] = 0;
        box.step[d] = 1;
    }
    return box;
}

// Makes rows longer: where the last axis is whole, it and the one before it are one.
static void join_axes(struct box *box)
{
    for (int joined = 1; joined < BOX_RANK; joined++) {
        if (box->size[LAST] != box->whole[LAST] || box->step[LAST - 1] != 1)
            return;
        box->start[LAST] = box->start[LAST - 1] * box->whole[LAST];
        box->size[LAST] *= box->size[LAST - 1];
        box->whole[LAST] *= box->whole[LAST - 1];
        box->step[LAST] = 1; // of a single place it may be another
        for (int d = LAST - 1; d > 0; d--) {
            box->whole[d] = box->whole[d - 1];
            box->size[d] = box->size[d - 1];
            box->start[d] = box->start[d - 1];
            box->step[d] = box->step[d - 1];
        }
        box->whole[0] = box->size[0] = box->step[0] = 1;
        box->start[0] = 0;
    }
}

// Rows of the box in one sample.
static int64_t box_rows(const struct box *box)
{
    int64_t rows = 1;
    for (int d = 0; d < LAST; d++)
        rows *= box->size[d];
    return rows;
}

// Where a row of the box begins in the large tensor.
static int64_t row_begin(const struct box *box, int64_t row)
{
    int64_t begin = box->start[LAST], pitch = box->whole[LAST];
    for (int d = LAST - 1; d >= 0; d--) {
        begin += (box->start[d] + row % box->size[d] * box->step[d]) * pitch;
        row /= box->size[d];
        pitch *= box->whole[d];
    }
    return begin;
}

// small = or += the box of large.
static void take_out(const struct program *program, const struct box *box, const float *large,
                     float *small, bool set)
{
    int64_t count = box->size[LAST], step = box->step[LAST];
    for (int64_t row = 0; row < box_rows(box); row++, small += count) {
        const float *from = large + row_begin(box, row);
        if (step == 1 && set)
            memcpy(small, from, (size_t)count * sizeof(float));
        else if (step == 1)
            program->loops->add(small, from, count);
        for (int64_t i = 0; step != 1 && i < count; i++)
            small[i] = set ? from[i * step] : small[i] + from[i * step];
    }
}

// The box of large = or += small; what is beside it stays.
static void put_in(const struct program *program, const struct box *box, const float *small,
                   float *large, bool set)
{
    int64_t count = box->size[LAST], step = box->step[LAST];
    for (int64_t row = 0; row < box_rows(box); row++, small += count) {
        float *to = large + row_begin(box, row);
        if (step == 1 && set)
            memcpy(to, small, (size_t)count * sizeof(float));
        else if (step == 1)
            program->loops->add(to, small, count);
        for (int64_t i = 0; step != 1 && i < count; i++)
            to[i * step] = set ? small[i] : to[i * step] + small[i];
    }
}

static esp_status check_rank(const esp_graph_node *node, const esp_shape *shape, esp_call *call)
{
    if (shape->rank >= 2 && shape->rank <= BOX_RANK + 1)
        return ESP_OK;
    return esp_fail(call, ESP_ERROR_UNSUPPORTED,
                    "'%s': the engine " ENGINE_ID " has %s for 2 to %d dimensions", node->path,
                    node->op, BOX_RANK + 1);
}

// ---- Slice ------------------------------------------------------------------------------------

// The host gives axes behind the batch and starts within them; what is left is in the shape.
static esp_status prepare_slice(struct program *program, struct op *op, const esp_graph_node *node,
                                esp_call *call)
{
    const esp_shape *in = &program->ops[op->inputs[0]].shape;
    const esp_attribute *axes = esp_graph_attribute(node, "axes");
    const esp_attribute *starts = esp_graph_attribute(node, "starts");
    const esp_attribute *steps = esp_graph_attribute(node, "steps");
    if (check_rank(node, in, call) != ESP_OK)
        return ESP_ERROR_UNSUPPORTED;
    op->box = box_of(in, &op->shape);
    for (uint64_t i = 0; axes && starts && i < axes->count && i < starts->count; i++) {
        int64_t d = axes->ints[i] + BOX_RANK - in->rank;
        if (axes->ints[i] < 1 || d > LAST || starts->ints[i] < 0)
            return esp_fail(call, ESP_ERROR_UNSUPPORTED,
                            "'%s': the engine " ENGINE_ID
                            " has Slice for axes behind the batch and "
                            "starts of 0 or more",
                            node->path);
        op->box.start[d] = starts->ints[i];
        op->box.step[d] = steps && i < steps->count ? steps->ints[i] : 1;
    }
    join_axes(&op->box);
    return ESP_OK;
}

static void slice_forward(struct program *program, struct op *op)
{
    const struct value *in = &program->values[op->inputs[0]], *out = &program->values[op->index];
    for (uint64_t n = 0; n < program->batch; n++)
        take_out(program, &op->box, in->data + n * in->size, out->data + n * out->size, true);
}

static void slice_backward(struct program *program, struct op *op)
{
    struct value *in = &program->values[op->inputs[0]];
    const struct value *out = &program->values[op->index];
    if (!in->grad)
        return;
    for (uint64_t n = 0; n < program->batch; n++) {
        float *to = in->grad + n * in->size;
        if (!in->filled)
            memset(to, 0, in->size * sizeof(float));
        put_in(program, &op->box, out->grad + n * out->size, to, !in->filled);
    }
    in->filled = true;
}

const struct op_type op_slice = {
    .name = "Slice",
    .attributes = "starts ends axes steps",
    .prepare = prepare_slice,
    .forward = slice_forward,
    .backward = slice_backward,
};

// ---- Pad --------------------------------------------------------------------------------------

static esp_status prepare_pad(struct program *program, struct op *op, const esp_graph_node *node,
                              esp_call *call)
{
    const esp_shape *in = &program->ops[op->inputs[0]].shape;
    const esp_attribute *pads = esp_graph_attribute(node, "pads");
    const esp_attribute *mode = esp_graph_attribute(node, "mode");
    if (check_rank(node, in, call) != ESP_OK)
        return ESP_ERROR_UNSUPPORTED;
    if (mode && mode->text && strcmp(mode->text, "constant") != 0)
        return esp_fail(call, ESP_ERROR_UNSUPPORTED,
                        "'%s': the engine " ENGINE_ID " has no Pad of %s", node->path, mode->text);
    op->box = box_of(&op->shape, in);
    op->constant = attribute_real(node, "value", 0.0);
    for (uint32_t i = 1; i < in->rank; i++) {
        int64_t before = pads && i < pads->count ? pads->ints[i] : -1;
        if (before < 0)
            return esp_fail(call, ESP_ERROR_UNSUPPORTED,
                            "'%s': the engine " ENGINE_ID " has Pad for pads of 0 or more",
                            node->path);
        op->box.start[i + BOX_RANK - in->rank] = before;
    }
    join_axes(&op->box);
    return ESP_OK;
}

static void pad_forward(struct program *program, struct op *op)
{
    const struct value *in = &program->values[op->inputs[0]], *out = &program->values[op->index];
    for (uint64_t n = 0; n < program->batch; n++) {
        float *to = out->data + n * out->size;
        for (size_t i = 0; i < out->size; i++)
            to[i] = (float)op->constant;
        put_in(program, &op->box, in->data + n * in->size, to, true);
    }
}

static void pad_backward(struct program *program, struct op *op)
{
    struct value *in = &program->values[op->inputs[0]];
    const struct value *out = &program->values[op->index];
    for (uint64_t n = 0; in->grad && n < program->batch; n++)
        take_out(program, &op->box, out->grad + n * out->size, in->grad + n * in->size,
                 !in->filled);
    in->filled = in->grad != NULL;
}

const struct op_type op_pad = {
    .name = "Pad",
    .attributes = "pads mode value",
    .prepare = prepare_pad,
    .forward = pad_forward,
    .backward = pad_backward,
};
