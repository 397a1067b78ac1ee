// SPDX-License-Identifier: Apache-2.0
// Reading models and tensors; see model.h. Files are protocol buffers, their raw data little-endian.
#include "model.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The whole of a file; NULL where there is none.
static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    size_t capacity = 1 << 16;
    uint8_t *bytes = malloc(capacity);
    *size = 0;
    for (size_t got; bytes && (got = fread(bytes + *size, 1, capacity - *size, file)) > 0;) {
        *size += got;
        if (*size == capacity)
            bytes = realloc(bytes, capacity *= 2);
    }
    cr_assert(bytes && !ferror(file), "%s", path);
    fclose(file);
    return bytes;
}

// The numbers of a tensor, which lie in its raw data or in a list of their type. Owner: the caller.
static void *copy_numbers(const Onnx__TensorProto *proto, const struct tensor *tensor,
                          const void *list, size_t count, size_t size)
{
    const void *data = proto->has_raw_data ? (const void *)proto->raw_data.data : list;
    size_t bytes = proto->has_raw_data ? proto->raw_data.len : count * size;
    void *copy = malloc((tensor->size + 1) * size);
    cr_assert_not_null(copy);
    cr_assert_eq(bytes, tensor->size * size, "%s", tensor->name);
    if (bytes > 0)
        memcpy(copy, data, bytes);
    return copy;
}

struct tensor tensor_read(const Onnx__TensorProto *proto, const char *name)
{
    struct tensor tensor = {.name = name, .size = 1};
    cr_assert_leq(proto->n_dims, ESP_MAX_RANK, "%s", name);
    tensor.shape.rank = (uint32_t)proto->n_dims;
    for (size_t i = 0; i < proto->n_dims; i++) {
        tensor.shape.dims[i] = proto->dims[i];
        tensor.size *= (uint64_t)proto->dims[i];
    }
    if (proto->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__BOOL)
        tensor.is_true = proto->raw_data.len > 0 && proto->raw_data.data[0];
    if (proto->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__INT64)
        tensor.integers = copy_numbers(proto, &tensor, proto->int64_data, proto->n_int64_data,
                                       sizeof *tensor.integers);
    tensor.is_f32 = proto->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    if (tensor.is_f32)
        tensor.data = copy_numbers(proto, &tensor, proto->float_data, proto->n_float_data,
                                   sizeof *tensor.data);
    return tensor;
}

void tensor_free(struct tensor *tensor)
{
    free(tensor->data);
    free(tensor->integers);
}

static void add_constant(struct model *model, const Onnx__TensorProto *proto, const char *name)
{
    cr_assert_lt(model->constant_count, MODEL_MOST_TENSORS);
    model->tensors[model->constant_count++] = tensor_read(proto, name);
}

Onnx__ModelProto *model_load(const char *path)
{
    size_t size;
    uint8_t *bytes = read_file(path, &size);
    cr_assert_not_null(bytes, "%s", path);
    Onnx__ModelProto *proto = onnx__model_proto__unpack(NULL, size, bytes);
    free(bytes);
    cr_assert(proto && proto->graph, "%s is no model", path);
    return proto;
}

void model_read(struct model *model, const char *folder)
{
    char path[512];
    memset(model, 0, sizeof *model);
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    model->proto = model_load(path);
    const Onnx__GraphProto *graph = model->proto->graph;
    size_t operators = 0;
    for (size_t i = 0; i < graph->n_node; i++) {
        if (strcmp(graph->node[i]->op_type, "Constant") == 0)
            continue;
        model->node = graph->node[i];
        operators++;
    }
    if (operators != 1) {
        model->node = NULL;
        return;
    }
    for (size_t i = 0; i < graph->n_initializer; i++)
        add_constant(model, graph->initializer[i], graph->initializer[i]->name);
    for (size_t i = 0; i < graph->n_node; i++)
        if (graph->node[i] != model->node && graph->node[i]->n_attribute == 1 &&
            graph->node[i]->attribute[0]->t)
            add_constant(model, graph->node[i]->attribute[0]->t, graph->node[i]->output[0]);
    model->tensor_count = model->constant_count;
}

// Reads `<kind>_<i>.pb` into the place that is next.
static bool read_data(struct tensor *to, uint64_t *count, const char *folder, unsigned number,
                      const char *kind, size_t i, const char *name)
{
    char path[512];
    size_t size;
    snprintf(path, sizeof path, "%s/test_data_set_%u/%s_%zu.pb", folder, number, kind, i);
    uint8_t *bytes = read_file(path, &size);
    if (!bytes)
        return false;
    Onnx__TensorProto *proto = onnx__tensor_proto__unpack(NULL, size, bytes);
    free(bytes);
    cr_assert_not_null(proto, "%s is no tensor", path);
    cr_assert_lt(*count, MODEL_MOST_TENSORS);
    to[(*count)++] = tensor_read(proto, name);
    onnx__tensor_proto__free_unpacked(proto, NULL);
    return true;
}

static void forget_data(struct model *model)
{
    for (uint64_t i = model->constant_count; i < model->tensor_count; i++)
        tensor_free(&model->tensors[i]);
    for (uint64_t i = 0; i < model->output_count; i++)
        tensor_free(&model->outputs[i]);
    model->tensor_count = model->constant_count;
    model->output_count = 0;
}

bool model_read_data(struct model *model, const char *folder, unsigned number)
{
    const Onnx__GraphProto *graph = model->proto->graph;
    forget_data(model);
    for (size_t i = 0; i < graph->n_input; i++)
        if (!read_data(model->tensors, &model->tensor_count, folder, number, "input", i,
                       graph->input[i]->name))
            break; // the rest are initialisers
    for (size_t i = 0; i < graph->n_output; i++)
        if (!read_data(model->outputs, &model->output_count, folder, number, "output", i,
                       graph->output[i]->name))
            break;
    return model->output_count > 0;
}

void model_free(struct model *model)
{
    forget_data(model);
    for (uint64_t i = 0; i < model->constant_count; i++)
        tensor_free(&model->tensors[i]);
    onnx__model_proto__free_unpacked(model->proto, NULL);
}

static bool is_f32(const Onnx__ValueInfoProto *value)
{
    return value->type && value->type->tensor_type &&
           value->type->tensor_type->elem_type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
}

bool model_is_f32(const struct model *model)
{
    const Onnx__GraphProto *graph = model->proto->graph;
    return graph->n_input > 0 && graph->n_output > 0 && is_f32(graph->input[0]) &&
           is_f32(graph->output[0]);
}

const struct tensor *model_input(const struct model *model, uint64_t i)
{
    if (i >= model->node->n_input)
        return NULL;
    for (uint64_t t = 0; t < model->tensor_count; t++)
        if (strcmp(model->tensors[t].name, model->node->input[i]) == 0)
            return &model->tensors[t];
    return NULL;
}

const Onnx__AttributeProto *model_attribute(const struct model *model, const char *name)
{
    for (size_t i = 0; i < model->node->n_attribute; i++)
        if (strcmp(model->node->attribute[i]->name, name) == 0)
            return model->node->attribute[i];
    return NULL;
}

int64_t model_int(const struct model *model, const char *name, int64_t missing)
{
    const Onnx__AttributeProto *attribute = model_attribute(model, name);
    return attribute ? attribute->i : missing;
}

double model_real(const struct model *model, const char *name, double missing)
{
    const Onnx__AttributeProto *attribute = model_attribute(model, name);
    return attribute ? (double)attribute->f : missing;
}
