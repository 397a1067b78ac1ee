// SPDX-License-Identifier: Apache-2.0
// A test of ONNX's: a model of one operator, and the tensors that go in and come out.
#ifndef ONNX_MODEL_H
#define ONNX_MODEL_H

#include <espalier/graph.h>

#include "onnx.pb-c.h"

#include <stdbool.h>

#define MODEL_MOST_TENSORS 64

// A tensor with a name. `data` is NULL where it is not of f32.
struct tensor {
    const char *name; // the model's
    esp_shape shape;  // as it is, the batch with its size
    bool is_f32;
    uint64_t size;
    float *data;
    int64_t *integers; // of an INT64; else NULL
    bool is_true;      // a BOOL of one element: its value
};

struct model {
    Onnx__ModelProto *proto;
    const Onnx__NodeProto *node; // its one operator beside constants; NULL: there are several
    // Constants and initialisers first, then what a data set gives.
    struct tensor tensors[MODEL_MOST_TENSORS];
    uint64_t constant_count, tensor_count;
    struct tensor outputs[MODEL_MOST_TENSORS];
    uint64_t output_count;
};

// Reads `<folder>/model.onnx`. A file that cannot be read fails the test.
void model_read(struct model *model, const char *folder);
// Reads the data set `number`; false: there is none. The one before is forgotten.
bool model_read_data(struct model *model, const char *folder, unsigned number);
void model_free(struct model *model);

// A tensor of a message. Owner of its data: the caller (tensor_free).
struct tensor tensor_read(const Onnx__TensorProto *proto, const char *name);
void tensor_free(struct tensor *tensor);
// The model in a file. Owner: the caller (onnx__model_proto__free_unpacked).
Onnx__ModelProto *model_load(const char *path);

// True if the first input and the first output of the model are tensors of f32 (further ones may be
// an index, a mask, a truth value).
bool model_is_f32(const struct model *model);
// Input `i` of the operator; NULL: not given.
const struct tensor *model_input(const struct model *model, uint64_t i);
const Onnx__AttributeProto *model_attribute(const struct model *model, const char *name);
int64_t model_int(const struct model *model, const char *name, int64_t missing);
double model_real(const struct model *model, const char *name, double missing);

#endif
