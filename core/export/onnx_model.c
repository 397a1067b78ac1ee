// SPDX-License-Identifier: Apache-2.0
// Messages of ONNX; see onnx_model.h. Numbers are written as raw data, little-endian as the machine is.
#include "export/onnx_model.h"

#include "export/file.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// The version of the format that goes with opset 17 (ONNX 1.12).
#define IR_VERSION 8
// A message of protocol buffers is at most 2 GiB.
#define MOST_BYTES (UINT64_C(1) << 31)

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "raw data is little-endian");

// protobuf-c's texts are not const; none is written to.
static char *lent(const char *text)
{
    return (char *)(uintptr_t)text;
}

static void *take(struct onnx_model *model, size_t size)
{
    void *memory = arena_take(&model->arena, size + 1);
    model->failed = model->failed || !memory;
    return memory;
}

// One more pointer at the end of a list of the model, which doubles.
static bool append(struct onnx_model *model, void *list, size_t *count, size_t *capacity,
                   void *item)
{
    void **items;
    memcpy(&items, list, sizeof items);
    if (!item)
        return false;
    if (*count == *capacity) {
        size_t grown = *capacity ? 2 * *capacity : 8;
        void **copy = take(model, grown * sizeof *copy);
        if (!copy)
            return false;
        if (*count)
            memcpy(copy, items, *count * sizeof *copy);
        items = copy;
        memcpy(list, &items, sizeof items);
        *capacity = grown;
    }
    items[(*count)++] = item;
    return true;
}

// The same where the list is short, and a power of two is its capacity.
static bool append_few(struct onnx_model *model, void *list, size_t *count, void *item)
{
    bool full = *count == 0 || (*count >= 8 && (*count & (*count - 1)) == 0);
    size_t capacity = full ? *count : *count + 1;
    return append(model, list, count, &capacity, item);
}

void onnx_begin(struct onnx_model *model, const char *name, int64_t opset)
{
    memset(model, 0, sizeof *model);
    onnx__model_proto__init(&model->proto);
    onnx__graph_proto__init(&model->graph);
    onnx__operator_set_id_proto__init(&model->opset);
    model->opset.domain = lent("");
    model->opset.version = opset;
    model->opset.has_version = 1;
    model->opsets = &model->opset;
    model->graph.name = lent(name);
    model->proto.has_ir_version = 1;
    model->proto.ir_version = IR_VERSION;
    model->proto.producer_name = lent("espalier");
    model->proto.producer_version = lent(ESPALIER_VERSION);
    model->proto.graph = &model->graph;
    model->proto.n_opset_import = 1;
    model->proto.opset_import = &model->opsets;
}

void onnx_end(struct onnx_model *model)
{
    arena_free(&model->arena);
}

const char *onnx_text(struct onnx_model *model, const char *format, ...)
{
    va_list list, again;
    va_start(list, format);
    va_copy(again, list);
    int length = vsnprintf(NULL, 0, format, list);
    char *text = length < 0 ? NULL : take(model, (size_t)length);
    if (text)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    va_end(list);
    return text ? text : "";
}

// ---- Nodes ------------------------------------------------------------------------------------

Onnx__NodeProto *onnx_node(struct onnx_model *model, const char *op, const char *name,
                           const char *const *inputs, uint64_t count, const char *output)
{
    Onnx__NodeProto *node = take(model, sizeof *node);
    char **names = take(model, (count + 1) * sizeof *names);
    if (!node || !names)
        return NULL;
    onnx__node_proto__init(node);
    for (uint64_t i = 0; i < count; i++)
        names[i] = lent(inputs[i]);
    names[count] = lent(output);
    node->op_type = lent(op);
    node->name = lent(name);
    node->input = names;
    node->n_input = count;
    node->output = names + count;
    node->n_output = 1;
    return append(model, &model->graph.node, &model->graph.n_node, &model->node_capacity, node)
               ? node
               : NULL;
}

static Onnx__AttributeProto *add_attribute(struct onnx_model *model, Onnx__NodeProto *node,
                                           const char *name, int32_t type)
{
    Onnx__AttributeProto *attribute = node ? take(model, sizeof *attribute) : NULL;
    if (!attribute)
        return NULL;
    onnx__attribute_proto__init(attribute);
    attribute->name = lent(name);
    attribute->has_type = 1;
    attribute->type = type;
    return append_few(model, &node->attribute, &node->n_attribute, attribute) ? attribute : NULL;
}

void onnx_set_int(struct onnx_model *model, Onnx__NodeProto *node, const char *name, int64_t value)
{
    Onnx__AttributeProto *attribute =
        add_attribute(model, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    if (!attribute)
        return;
    attribute->has_i = 1;
    attribute->i = value;
}

void onnx_set_real(struct onnx_model *model, Onnx__NodeProto *node, const char *name, double value)
{
    Onnx__AttributeProto *attribute =
        add_attribute(model, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    if (!attribute)
        return;
    attribute->has_f = 1;
    attribute->f = (float)value;
}

void onnx_set_ints(struct onnx_model *model, Onnx__NodeProto *node, const char *name,
                   const int64_t *values, uint64_t count)
{
    Onnx__AttributeProto *attribute =
        add_attribute(model, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    int64_t *copy = attribute ? take(model, count * sizeof *copy) : NULL;
    if (!copy)
        return;
    if (count)
        memcpy(copy, values, count * sizeof *copy);
    attribute->ints = copy;
    attribute->n_ints = count;
}

// ---- Initialisers -----------------------------------------------------------------------------

static void add_initializer(struct onnx_model *model, const char *name, int32_t type, uint32_t rank,
                            const int64_t *dims, const void *data, uint64_t size)
{
    Onnx__TensorProto *tensor = take(model, sizeof *tensor);
    int64_t *copy = take(model, rank * sizeof *copy);
    if (!tensor || !copy)
        return;
    onnx__tensor_proto__init(tensor);
    tensor->name = lent(name);
    tensor->has_data_type = 1;
    tensor->data_type = type;
    tensor->dims = copy;
    tensor->n_dims = rank;
    for (uint32_t i = 0; i < rank; i++) {
        copy[i] = dims[i];
        size *= (uint64_t)dims[i];
    }
    tensor->has_raw_data = 1;
    tensor->raw_data.data = (uint8_t *)(uintptr_t)data;
    tensor->raw_data.len = size;
    append(model, &model->graph.initializer, &model->graph.n_initializer,
           &model->initializer_capacity, tensor);
}

const char *onnx_f32(struct onnx_model *model, const char *name, uint32_t rank, const int64_t *dims,
                     const float *data)
{
    if (data)
        add_initializer(model, name, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, rank, dims, data,
                        sizeof *data);
    return name;
}

const char *onnx_scalar(struct onnx_model *model, const char *name, double value)
{
    float *data = onnx_floats(model, 1);
    if (data)
        *data = (float)value;
    return onnx_f32(model, name, 0, NULL, data);
}

const char *onnx_i64(struct onnx_model *model, const char *name, const int64_t *values,
                     uint64_t count)
{
    int64_t dims[1] = {(int64_t)count};
    int64_t *copy = take(model, count * sizeof *copy);
    if (!copy)
        return name;
    if (count)
        memcpy(copy, values, count * sizeof *copy);
    add_initializer(model, name, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 1, dims, copy, sizeof *copy);
    return name;
}

float *onnx_floats(struct onnx_model *model, uint64_t count)
{
    return take(model, count * sizeof(float));
}

// ---- The whole --------------------------------------------------------------------------------

static Onnx__ValueInfoProto *make_value(struct onnx_model *model, const char *name,
                                        const esp_shape *shape)
{
    struct made {
        Onnx__ValueInfoProto value;
        Onnx__TypeProto type;
        Onnx__TypeProto__Tensor tensor;
        Onnx__TensorShapeProto shape;
        Onnx__TensorShapeProto__Dimension dims[ESP_MAX_RANK], *list[ESP_MAX_RANK];
    } *made = take(model, sizeof *made);
    if (!made)
        return NULL;
    onnx__value_info_proto__init(&made->value);
    onnx__type_proto__init(&made->type);
    onnx__type_proto__tensor__init(&made->tensor);
    onnx__tensor_shape_proto__init(&made->shape);
    for (uint32_t i = 0; i < shape->rank; i++) {
        Onnx__TensorShapeProto__Dimension *dim = &made->dims[i];
        onnx__tensor_shape_proto__dimension__init(dim);
        if (shape->dims[i] == ESP_BATCH) {
            dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            dim->dim_param = lent("N");
        } else {
            dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            dim->dim_value = shape->dims[i];
        }
        made->list[i] = dim;
    }
    made->shape.dim = made->list;
    made->shape.n_dim = shape->rank;
    made->tensor.shape = &made->shape;
    made->tensor.has_elem_type = 1;
    made->tensor.elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    made->type.tensor_type = &made->tensor;
    made->value.type = &made->type;
    made->value.name = lent(name);
    return &made->value;
}

void onnx_input(struct onnx_model *model, const char *name, const esp_shape *shape)
{
    append_few(model, &model->graph.input, &model->graph.n_input, make_value(model, name, shape));
}

void onnx_output(struct onnx_model *model, const char *name, const esp_shape *shape)
{
    append_few(model, &model->graph.output, &model->graph.n_output, make_value(model, name, shape));
}

void onnx_note(struct onnx_model *model, const char *key, const char *value)
{
    Onnx__StringStringEntryProto *entry = take(model, sizeof *entry);
    if (!entry)
        return;
    onnx__string_string_entry_proto__init(entry);
    entry->key = lent(key);
    entry->value = lent(value);
    append_few(model, &model->proto.metadata_props, &model->proto.n_metadata_props, entry);
}

// protobuf-c packs piece by piece: no second copy of the weights is made.
struct sink {
    ProtobufCBuffer base;
    FILE *file;
};

static void sink_append(ProtobufCBuffer *base, size_t size, const uint8_t *bytes)
{
    struct sink *sink = (struct sink *)(void *)base;
    fwrite(bytes, 1, size, sink->file); // file_end looks whether all was written
}

esp_status onnx_write(struct onnx_model *model, const char *path, struct error *error)
{
    struct file_aside file;
    if (model->failed)
        return error_memory(error);
    uint64_t size = onnx__model_proto__get_packed_size(&model->proto);
    if (size >= MOST_BYTES)
        return error_set(error, ESP_ERROR_UNSUPPORTED,
                         "%s: the model would have %llu bytes; an ONNX file holds less than 2 GiB "
                         "(--format safetensors has no such limit)",
                         path, (unsigned long long)size);
    esp_status status = file_begin(&file, path, error);
    if (status != ESP_OK)
        return status;
    struct sink sink = {{sink_append}, file.stream};
    onnx__model_proto__pack_to_buffer(&model->proto, &sink.base);
    return file_end(&file, error);
}
