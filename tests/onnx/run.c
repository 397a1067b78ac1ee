// SPDX-License-Identifier: Apache-2.0
// See run.h. Where ONNX has weights as inputs they are written into the program by their names; Gemm's
// alpha, beta and transpositions are worked into its weights.
#include "run.h"

#include "graph/graph.h"
#include "support/engine.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <espalier/plugin.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ABSOLUTE_TOLERANCE 1e-5
#define RELATIVE_TOLERANCE 1e-4
#define MOST_ATTRIBUTES 16

// ---- The engine -------------------------------------------------------------------------------

void engine_open(struct engine *engine, const char *id)
{
    const char *folder = getenv("ESPALIER_PLUGINS");
    char path[1024];
    esp_plugin_entry_function entry;
    memset(engine, 0, sizeof *engine);
    error_clear(&engine->error);
    handle_init(&engine->call.base, sizeof engine->call, &engine->error);
    cr_assert_not_null(folder, "ESPALIER_PLUGINS is not set");
    snprintf(path, sizeof path, "%.*s/%s.so", (int)strcspn(folder, ":"), folder, id);
    engine->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    cr_assert_not_null(engine->library, "%s", dlerror());
    void *symbol = dlsym(engine->library, "esp_plugin_entry");
    cr_assert_not_null(symbol, "%s", dlerror());
    memcpy(&entry, &symbol, sizeof entry);
    engine->type = entry(ESP_KIND_ENGINE, id);
    cr_assert(engine->type && engine->type->struct_size >= sizeof *engine->type);
    cr_assert_eq(support_engine_open(engine->type, 1, &engine->self, &engine->error), ESP_OK, "%s",
                 engine->error.message);
}

void engine_close(struct engine *engine)
{
    engine->type->close(engine->self);
}

// ---- From ONNX's operator to a graph ----------------------------------------------------------

static bool is_op(const struct model *model, const char *op)
{
    return strcmp(model->node->op_type, op) == 0;
}

static bool is_one_of(const struct model *model, const char *const *ops, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is_op(model, ops[i]))
            return true;
    return false;
}

uint64_t model_flowing(const struct model *model)
{
    static const char *const all[] = {"Add", "Mul", "Concat", "MatMul"};
    return is_one_of(model, all, ESP_COUNT(all)) ? model->node->n_input : 1;
}

bool model_training(const struct model *model)
{
    const struct tensor *training = model_input(model, 2);
    return model_int(model, "training_mode", 0) != 0 ||
           (is_op(model, "Dropout") && training && training->is_true);
}

// Gemm's A may come transposed.
static bool is_transposed(const struct model *model)
{
    return is_op(model, "Gemm") && model_int(model, "transA", 0) != 0;
}

// They treat all axes alike, ours leave the batch as it is: ONNX's tensor is one sample.
static bool is_one_sample(const struct model *model)
{
    static const char *const ops[] = {
        "Slice",     "Pad",        "Mul",     "MatMul", "Softmax", "LayerNormalization",
        "Transpose", "ReduceMean", "Reshape",
    };
    return is_one_of(model, ops, ESP_COUNT(ops));
}

// Ours have as many dimensions in both inputs of a Mul: ONNX's shorter one begins with sizes of 1.
static esp_shape shape_of(const struct model *model, const struct tensor *tensor)
{
    esp_shape shape = tensor->shape;
    uint32_t rank = shape.rank + 1;
    if (!is_one_sample(model))
        return shape;
    for (uint64_t i = 0; is_op(model, "Mul") && i < 2; i++)
        if (model_input(model, i)->shape.rank + 1 > rank)
            rank = model_input(model, i)->shape.rank + 1;
    cr_assert_leq(rank, ESP_MAX_RANK);
    memmove(shape.dims + rank - shape.rank, shape.dims, shape.rank * sizeof shape.dims[0]);
    for (uint32_t d = 0; d < rank - shape.rank; d++)
        shape.dims[d] = 1;
    shape.rank = rank;
    return shape;
}

// Attributes that say nothing to a graph: what is in them is worked in elsewhere (Gemm's, the lists of
// Slice and Pad), says how
// to compute (the forms for tests and for training of old versions), or concerns an output that we
// lack (storage_order).
static bool is_dropped(const struct model *model, const char *name)
{
    static const char *const lists[] = {"starts", "ends",  "axes",      "pads",
                                        "axis",   "shape", "allowzero", "perm"};
    static const char *const dropped[] = {
        "transA", "transB",        "broadcast",     "is_test",         "spatial",
        "seed",   "storage_order", "training_mode", "consumed_inputs", "stash_type",
    };
    for (size_t i = 0; is_one_sample(model) && i < ESP_COUNT(lists); i++)
        if (strcmp(name, lists[i]) == 0)
            return true;
    // The factor of a curve is no one else's alpha.
    if (strcmp(name, "alpha") == 0 || strcmp(name, "beta") == 0)
        return is_op(model, "Gemm");
    for (size_t i = 0; i < ESP_COUNT(dropped); i++)
        if (strcmp(name, dropped[i]) == 0)
            return true;
    return false;
}

struct attributes {
    esp_attribute list[MOST_ATTRIBUTES];
    uint64_t count;
    char text[MOST_ATTRIBUTES][32];
    int64_t lists[4][2 * ESP_MAX_RANK];
};

static void take_attribute(struct attributes *out, const Onnx__AttributeProto *from)
{
    cr_assert_lt(out->count, MOST_ATTRIBUTES);
    esp_attribute *to = &out->list[out->count];
    switch (from->type) {
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT:
        *to = esp_attribute_real(from->name, (double)from->f);
        break;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT:
        *to = esp_attribute_int(from->name, from->i);
        break;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS:
        *to = esp_attribute_ints(from->name, from->ints, from->n_ints);
        break;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING:
        snprintf(out->text[out->count], sizeof out->text[0], "%.*s", (int)from->s.len,
                 (const char *)from->s.data);
        *to = esp_attribute_text(from->name, out->text[out->count]);
        break;
    default:
        cr_assert_fail("attribute %s has the type %d", from->name, (int)from->type);
    }
    out->count++;
}

// A list that ONNX has as input `input`, or in old versions as an attribute.
static const int64_t *read_list(const struct model *model, uint64_t input, const char *name,
                                uint64_t *count)
{
    const struct tensor *tensor = model_input(model, input);
    const Onnx__AttributeProto *attribute = model_attribute(model, name);
    *count = tensor ? tensor->size : attribute ? attribute->n_ints : 0;
    return tensor ? tensor->integers : attribute ? attribute->ints : NULL;
}

// Behind the axis that stands for the batch.
static void take_slice(struct attributes *out, const struct model *model)
{
    static const char *const names[] = {"starts", "ends", "axes", "steps"};
    uint64_t number, count;
    read_list(model, 1, "starts", &number);
    cr_assert_leq(number, ESP_COUNT(out->lists[0]));
    for (uint64_t k = 0; k < ESP_COUNT(names); k++) {
        const int64_t *list = read_list(model, k + 1, names[k], &count);
        bool axes = strcmp(names[k], "axes") == 0;
        if (!list && !axes)
            continue;
        for (uint64_t i = 0; i < number; i++) {
            int64_t value = list ? list[i] : (int64_t)i;
            out->lists[k][i] = axes && value >= 0 ? value + 1 : value;
        }
        out->list[out->count++] = esp_attribute_ints(names[k], out->lists[k], number);
    }
}

static void take_pads(struct attributes *out, const struct model *model)
{
    uint64_t count;
    const int64_t *pads = read_list(model, 1, "pads", &count);
    const struct tensor *value = model_input(model, 2);
    uint64_t rank = count / 2;
    cr_assert_leq(2 * (rank + 1), ESP_COUNT(out->lists[0]));
    for (uint64_t i = 0; i < rank; i++) {
        out->lists[0][1 + i] = pads[i];
        out->lists[0][1 + rank + 1 + i] = pads[rank + i];
    }
    out->list[out->count++] = esp_attribute_ints("pads", out->lists[0], 2 * (rank + 1));
    if (value)
        out->list[out->count++] = esp_attribute_real("value", (double)value->data[0]);
}

// Behind the one that stands for the batch.
static void take_axes(struct attributes *out, const char *name, const int64_t *list, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        out->lists[0][i] = list[i] >= 0 ? list[i] + 1 : list[i];
    out->list[out->count++] = esp_attribute_ints(name, out->lists[0], count);
}

static void take_moves(struct attributes *out, const struct model *model)
{
    uint32_t rank = model_input(model, 0)->shape.rank;
    int64_t all[ESP_MAX_RANK];
    uint64_t count;
    if (is_op(model, "Reshape")) {
        const int64_t *shape = read_list(model, 1, "shape", &count);
        cr_assert_lt(count, ESP_MAX_RANK);
        out->lists[0][0] = 0;
        memcpy(out->lists[0] + 1, shape, count * sizeof *shape);
        out->list[out->count++] = esp_attribute_ints("shape", out->lists[0], count + 1);
    } else if (is_op(model, "ReduceMean")) {
        const int64_t *axes = read_list(model, 1, "axes", &count);
        for (uint32_t d = 0; d < rank; d++)
            all[d] = d;
        take_axes(out, "axes", axes ? axes : all, axes ? count : rank);
    } else {
        const int64_t *perm = read_list(model, 1, "perm", &count);
        for (uint32_t d = 0; d < rank; d++)
            all[d] = perm ? perm[d] : rank - 1 - d;
        out->lists[0][0] = 0;
        for (uint32_t d = 0; d < rank; d++)
            out->lists[0][1 + d] = all[d] + 1;
        out->list[out->count++] = esp_attribute_ints("perm", out->lists[0], rank + 1);
    }
}

static void take_axis(struct attributes *out, const struct model *model)
{
    int64_t axis = model_int(model, "axis", -1);
    out->list[out->count++] = esp_attribute_int("axis", axis >= 0 ? axis + 1 : axis);
    if (is_op(model, "LayerNormalization"))
        out->list[out->count++] = esp_attribute_int("affine", 1);
}

static void take_limits(struct attributes *out, const struct model *model)
{
    static const char *const names[] = {"min", "max"};
    for (uint64_t i = 0; i < 2; i++)
        if (model_input(model, 1 + i))
            out->list[out->count++] =
                esp_attribute_real(names[i], (double)model_input(model, 1 + i)->data[0]);
}

// What ONNX reads from the shapes of weights, or from inputs, a graph is told.
static void take_declarations(struct attributes *out, const struct model *model)
{
    const struct tensor *weight = model_input(model, 1);
    if (is_op(model, "Conv")) {
        out->list[out->count++] = esp_attribute_int("channels", weight->shape.dims[0]);
        out->list[out->count++] = esp_attribute_int("bias", model_input(model, 2) != NULL);
        if (!model_attribute(model, "kernel_shape")) {
            memcpy(out->lists[0], weight->shape.dims + 2, 2 * sizeof out->lists[0][0]);
            out->list[out->count++] = esp_attribute_ints("kernel_shape", out->lists[0], 2);
        }
    } else if (is_op(model, "Gemm")) {
        int64_t transposed = model_int(model, "transB", 0);
        out->list[out->count++] =
            esp_attribute_int("channels", weight->shape.dims[transposed ? 0 : 1]);
        out->list[out->count++] = esp_attribute_int("bias", model_input(model, 2) != NULL);
    } else if (is_op(model, "Slice")) {
        take_slice(out, model);
    } else if (is_op(model, "Pad")) {
        take_pads(out, model);
    } else if (is_op(model, "Softmax") || is_op(model, "LayerNormalization")) {
        take_axis(out, model);
    } else if (is_op(model, "Reshape") || is_op(model, "Transpose") || is_op(model, "ReduceMean")) {
        take_moves(out, model);
    } else if (is_op(model, "Clip")) {
        take_limits(out, model);
    } else if (is_op(model, "Dropout") && weight) {
        out->list[out->count++] = esp_attribute_real("ratio", (double)weight->data[0]);
    }
}

static struct graph *build(const struct model *model, struct error *error)
{
    struct attributes attributes = {.count = 0};
    uint32_t inputs[MODEL_MOST_TENSORS];
    struct graph *graph = graph_create();
    cr_assert_not_null(graph);
    for (uint64_t i = 0; i < model_flowing(model); i++) {
        esp_shape shape = shape_of(model, model_input(model, i));
        if (is_transposed(model))
            shape.dims[1] = shape.dims[0];
        shape.dims[0] = ESP_BATCH;
        inputs[i] = graph_add_input(graph, model_input(model, i)->name, &shape, error);
    }
    for (size_t i = 0; i < model->node->n_attribute; i++)
        if (!is_dropped(model, model->node->attribute[i]->name))
            take_attribute(&attributes, model->node->attribute[i]);
    take_declarations(&attributes, model);
    uint32_t node =
        error->status == ESP_OK
            ? graph_add(graph, "", "op", model->node->op_type, inputs, model_flowing(model),
                        attributes.list, attributes.count, sizeof attributes.list[0], error)
            : GRAPH_NO_NODE;
    if (node != GRAPH_NO_NODE && graph_add_output(graph, node, error) == ESP_OK &&
        graph_finish(graph, error) == ESP_OK)
        return graph;
    graph_destroy(graph);
    return NULL;
}

// ---- Weights ----------------------------------------------------------------------------------

// The program's tensor `op/<name>`, of `size` elements.
static float *weight(struct engine *engine, void *program, const char *name, uint64_t size)
{
    esp_tensor tensor;
    char path[64];
    snprintf(path, sizeof path, "op/%s", name);
    if (engine->type->tensor(program, &engine->call, ESP_TENSOR_WEIGHT, path, &tensor) != ESP_OK)
        return NULL;
    if (esp_shape_size(&tensor.shape) == size)
        return tensor.data;
    error_set(&engine->error, ESP_ERROR, "%s has another size", path);
    return NULL;
}

static bool copy_weight(struct engine *engine, void *program, const char *name,
                        const struct tensor *from)
{
    float *to = weight(engine, program, name, from->size);
    if (to)
        memcpy(to, from->data, from->size * sizeof *to);
    return to != NULL;
}

// y = alpha A B + beta C, as x weight^T + bias: weight[n][k] = alpha B[k][n], bias[n] = beta C[n],
// where C has one element, or one a feature.
static bool write_gemm(struct engine *engine, void *program, const struct model *model)
{
    const struct tensor *b = model_input(model, 1), *c = model_input(model, 2);
    bool transposed = model_int(model, "transB", 0) != 0;
    int64_t features = b->shape.dims[transposed ? 0 : 1], in = b->shape.dims[transposed ? 1 : 0];
    float alpha = (float)model_real(model, "alpha", 1), beta = (float)model_real(model, "beta", 1);
    float *to = weight(engine, program, "weight", b->size);
    for (int64_t n = 0; to && n < features; n++)
        for (int64_t k = 0; k < in; k++)
            to[n * in + k] = alpha * b->data[transposed ? n * in + k : k * features + n];
    if (!to || !c)
        return to != NULL;
    float *bias = weight(engine, program, "bias", (uint64_t)features);
    for (int64_t n = 0; bias && n < features; n++)
        bias[n] = beta * c->data[c->size == 1 ? 0 : n];
    return bias != NULL;
}

static bool write_weights(struct engine *engine, void *program, const struct model *model)
{
    static const char *const of_conv[] = {"weight", "bias"};
    static const char *const of_norm[] = {"scale", "bias", "mean", "variance"};
    if (is_op(model, "Gemm"))
        return write_gemm(engine, program, model);
    bool conv = is_op(model, "Conv"), norm = is_op(model, "BatchNormalization");
    bool layer = is_op(model, "LayerNormalization");
    for (uint64_t i = 0; i < (conv || layer ? 2u : norm ? 4u : 0u); i++) {
        const struct tensor *from = model_input(model, i + 1);
        if (from && !copy_weight(engine, program, conv ? of_conv[i] : of_norm[i], from))
            return false;
    }
    return true;
}

// ---- Computing and comparing ------------------------------------------------------------------

static bool forward(struct engine *engine, void *program, const struct model *model)
{
    esp_tensor inputs[MODEL_MOST_TENSORS];
    float *turned = NULL;
    for (uint64_t i = 0; i < model_flowing(model); i++) {
        const struct tensor *from = model_input(model, i);
        inputs[i] = (esp_tensor){.data = from->data, .shape = shape_of(model, from)};
    }
    if (is_transposed(model)) {
        int64_t rows = inputs[0].shape.dims[1], columns = inputs[0].shape.dims[0];
        turned = malloc((size_t)(rows * columns) * sizeof *turned);
        cr_assert_not_null(turned);
        for (int64_t r = 0; r < rows; r++)
            for (int64_t c = 0; c < columns; c++)
                turned[r * columns + c] = inputs[0].data[c * rows + r];
        inputs[0].data = turned;
        inputs[0].shape.dims[0] = rows;
        inputs[0].shape.dims[1] = columns;
    }
    esp_forward pass = {.struct_size = sizeof pass,
                        .inputs = inputs,
                        .input_count = model_flowing(model),
                        .batch = (uint64_t)inputs[0].shape.dims[0],
                        .training = model_training(model)};
    esp_status status = engine->type->forward(program, &engine->call, &pass);
    free(turned);
    return status == ESP_OK;
}

static bool agree(const struct tensor *expected, const float *got, char *why, size_t size)
{
    for (uint64_t i = 0; i < expected->size; i++) {
        double want = (double)expected->data[i], have = (double)got[i];
        if (fabs(have - want) <= ABSOLUTE_TOLERANCE + RELATIVE_TOLERANCE * fabs(want))
            continue;
        snprintf(why, size, "%s: element %llu is %.9g, expected %.9g", expected->name,
                 (unsigned long long)i, have, want);
        return false;
    }
    return true;
}

static bool same_shape(const esp_shape *a, const esp_shape *b)
{
    return a->rank == b->rank && memcmp(a->dims, b->dims, a->rank * sizeof a->dims[0]) == 0;
}

// The output, and what BatchNormalization's training form gives beside it: the running statistics.
static bool compare(struct engine *engine, void *program, const struct model *model, char *why,
                    size_t size)
{
    static const char *const statistics[] = {NULL, "mean", "variance"};
    const struct tensor *expected = &model->outputs[0];
    esp_tensor out;
    if (engine->type->tensor(program, &engine->call, ESP_TENSOR_OUTPUT, "0", &out) != ESP_OK) {
        snprintf(why, size, "%s", engine->error.message);
        return false;
    }
    esp_shape shape = shape_of(model, expected);
    if (!same_shape(&out.shape, &shape)) {
        snprintf(why, size, "the output has another shape than was recorded");
        return false;
    }
    if (!agree(expected, out.data, why, size))
        return false;
    for (uint64_t i = 1; is_op(model, "BatchNormalization") && i < model->output_count; i++) {
        float *running = weight(engine, program, statistics[i], model->outputs[i].size);
        if (!running || !agree(&model->outputs[i], running, why, size))
            return false;
    }
    return true;
}

// Builds, compiles and computes. The graph is gone afterwards; the program is the caller's.
static void *compute(struct engine *engine, const struct model *model, bool with_backward)
{
    void *program = NULL;
    error_clear(&engine->error);
    struct graph *graph = build(model, &engine->error);
    if (!graph)
        return NULL;
    int64_t batch = shape_of(model, model_input(model, 0)).dims[is_transposed(model) ? 1 : 0];
    esp_compile_options options = {
        .struct_size = sizeof options, .batch = (uint64_t)batch, .training = with_backward};
    esp_status status =
        engine->type->compile(engine->self, &engine->call, graph_handle(graph), &options, &program);
    graph_destroy(graph);
    if (status != ESP_OK)
        return NULL;
    if (write_weights(engine, program, model) && forward(engine, program, model))
        return program;
    engine->type->release(engine->self, program);
    return NULL;
}

bool model_run(struct engine *engine, const struct model *model, bool with_backward, char *why,
               size_t size)
{
    snprintf(why, size, "failed without words");
    void *program = compute(engine, model, with_backward);
    bool done = program && compare(engine, program, model, why, size);
    if (engine->error.status != ESP_OK)
        snprintf(why, size, "%s", engine->error.message);
    if (program)
        engine->type->release(engine->self, program);
    return done;
}

bool model_compute(struct engine *engine, const struct model *model, struct tensor *out, char *why,
                   size_t size)
{
    esp_tensor tensor;
    void *program = compute(engine, model, false);
    bool done = program && engine->type->tensor(program, &engine->call, ESP_TENSOR_OUTPUT, "0",
                                                &tensor) == ESP_OK;
    if (!done)
        snprintf(why, size, "%s '%s': %s", model->node->op_type, model->node->name,
                 engine->error.message);
    *out = (struct tensor){.name = model->node->output[0], .is_f32 = true, .size = 1};
    if (done) {
        bool one = is_one_sample(model);
        out->shape.rank = tensor.shape.rank - one;
        for (uint32_t i = 0; i < out->shape.rank; i++) {
            out->shape.dims[i] = tensor.shape.dims[i + one];
            out->size *= (uint64_t)out->shape.dims[i];
        }
        out->data = malloc(out->size * sizeof *out->data);
        cr_assert_not_null(out->data);
        memcpy(out->data, tensor.data, out->size * sizeof *out->data);
    }
    if (program)
        engine->type->release(engine->self, program);
    return done;
}
