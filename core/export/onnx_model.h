// SPDX-License-Identifier: Apache-2.0
// An ONNX model that is put together and written: messages of onnx.proto in one arena. A part that could
// not be had for want of memory is noted in `failed`, and what is added to it afterwards is passed over.
#ifndef EXPORT_ONNX_MODEL_H
#define EXPORT_ONNX_MODEL_H

#include "arch/memory.h"
#include "error/error.h"

#include <espalier/graph.h>

#include "onnx.pb-c.h"

struct onnx_model {
    struct arena arena;
    Onnx__ModelProto proto;
    Onnx__GraphProto graph;
    Onnx__OperatorSetIdProto opset, *opsets;
    size_t node_capacity, initializer_capacity;
    bool failed; // out of memory
};

void onnx_begin(struct onnx_model *model, const char *name, int64_t opset);
void onnx_end(struct onnx_model *model);

// Texts made for the model live as long as it.
ESP_PRINTF(2, 3)
const char *onnx_text(struct onnx_model *model, const char *format, ...);

// A node of one output. `inputs`: names; they are lent, as `name` and `output` are.
Onnx__NodeProto *onnx_node(struct onnx_model *model, const char *op, const char *name,
                           const char *const *inputs, uint64_t count, const char *output);
void onnx_set_int(struct onnx_model *model, Onnx__NodeProto *node, const char *name, int64_t value);
void onnx_set_real(struct onnx_model *model, Onnx__NodeProto *node, const char *name, double value);
void onnx_set_ints(struct onnx_model *model, Onnx__NodeProto *node, const char *name,
                   const int64_t *values, uint64_t count);

// Initialisers. f32: `data` is lent. They answer with the name.
const char *onnx_f32(struct onnx_model *model, const char *name, uint32_t rank, const int64_t *dims,
                     const float *data);
const char *onnx_scalar(struct onnx_model *model, const char *name, double value);
const char *onnx_i64(struct onnx_model *model, const char *name, const int64_t *values,
                     uint64_t count);
// As many floats, for an initialiser; NULL where memory ran out.
float *onnx_floats(struct onnx_model *model, uint64_t count);

// The model's inputs and outputs: f32, the batch is `N`.
void onnx_input(struct onnx_model *model, const char *name, const esp_shape *shape);
void onnx_output(struct onnx_model *model, const char *name, const esp_shape *shape);
void onnx_note(struct onnx_model *model, const char *key, const char *value);

// Written aside, then renamed.
esp_status onnx_write(struct onnx_model *model, const char *path, struct error *error);

#endif
