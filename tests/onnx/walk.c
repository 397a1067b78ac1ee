// SPDX-License-Identifier: Apache-2.0
// See walk.h.
#include "walk.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct walk {
    struct engine *engine;
    const Onnx__NodeProto *node;
    struct tensor *tensors;
    uint64_t count;
    char *why;
    size_t size;
};

static const struct tensor *find(const struct walk *walk, const char *name)
{
    for (uint64_t i = walk->count; i-- > 0;)
        if (strcmp(walk->tensors[i].name, name) == 0)
            return &walk->tensors[i];
    cr_assert_fail("%s: there is no value '%s' before it", walk->node->name, name);
    return NULL;
}

static const struct tensor *input(const struct walk *walk, size_t i)
{
    cr_assert_lt(i, walk->node->n_input, "%s", walk->node->name);
    return find(walk, walk->node->input[i]);
}

static struct tensor make(const struct walk *walk, const esp_shape *shape)
{
    struct tensor tensor = {
        .name = walk->node->output[0], .shape = *shape, .is_f32 = true, .size = 1};
    for (uint32_t i = 0; i < shape->rank; i++)
        tensor.size *= (uint64_t)shape->dims[i];
    tensor.data = calloc(tensor.size + 1, sizeof *tensor.data);
    cr_assert_not_null(tensor.data);
    return tensor;
}

static struct tensor make_integers(const struct walk *walk, uint64_t count)
{
    struct tensor tensor = {.name = walk->node->output[0],
                            .shape = {.rank = 1, .dims = {(int64_t)count}},
                            .size = count,
                            .integers = calloc(count + 1, sizeof(int64_t))};
    cr_assert_not_null(tensor.integers);
    return tensor;
}

// ---- Arithmetic -------------------------------------------------------------------------------

// The place in `from` of element `i` of `out`: the shapes end alike, sizes of 1 are spread.
static uint64_t place(const struct tensor *from, const struct tensor *out, uint64_t i)
{
    uint64_t at = 0, step = 1;
    for (uint32_t d = 0; d < from->shape.rank; d++) {
        uint64_t size = (uint64_t)out->shape.dims[out->shape.rank - 1 - d];
        uint64_t own = (uint64_t)from->shape.dims[from->shape.rank - 1 - d], k = i % size;
        i /= size;
        cr_assert(own == 1 || own == size, "%s is not broadcast so", from->name);
        at += own == 1 ? 0 : k * step;
        step *= own;
    }
    return at;
}

static struct tensor arithmetic(const struct walk *walk, char sign)
{
    const struct tensor *a = input(walk, 0), *b = input(walk, 1);
    const struct tensor *longer = b->shape.rank > a->shape.rank ? b : a;
    const struct tensor *other = longer == a ? b : a;
    esp_shape shape = longer->shape;
    for (uint32_t d = 1; d <= other->shape.rank; d++)
        if (shape.dims[shape.rank - d] == 1)
            shape.dims[shape.rank - d] = other->shape.dims[other->shape.rank - d];
    struct tensor out = make(walk, &shape);
    for (uint64_t i = 0; i < out.size; i++) {
        float x = a->data[place(a, &out, i)], y = b->data[place(b, &out, i)];
        out.data[i] = sign == '+' ? x + y : sign == '-' ? x - y : sign == '*' ? x * y : x / y;
    }
    return out;
}

static struct tensor error_function(const struct walk *walk)
{
    const struct tensor *x = input(walk, 0);
    struct tensor out = make(walk, &x->shape);
    for (uint64_t i = 0; i < out.size; i++)
        out.data[i] = (float)erf((double)x->data[i]);
    return out;
}

// ---- Shapes -----------------------------------------------------------------------------------

static struct tensor sizes(const struct walk *walk)
{
    const struct tensor *x = input(walk, 0);
    struct tensor out = make_integers(walk, x->shape.rank);
    memcpy(out.integers, x->shape.dims, x->shape.rank * sizeof *out.integers);
    return out;
}

static struct tensor gather(const struct walk *walk)
{
    const struct tensor *from = input(walk, 0), *which = input(walk, 1);
    struct tensor out = make_integers(walk, which->size);
    for (uint64_t i = 0; i < which->size; i++) {
        cr_assert_lt((uint64_t)which->integers[i], from->size);
        out.integers[i] = from->integers[which->integers[i]];
    }
    return out;
}

static struct tensor join(const struct walk *walk)
{
    uint64_t count = 0;
    for (size_t i = 0; i < walk->node->n_input; i++)
        count += input(walk, i)->size;
    struct tensor out = make_integers(walk, count);
    count = 0;
    for (size_t i = 0; i < walk->node->n_input; i++)
        for (uint64_t j = 0; j < input(walk, i)->size; j++)
            out.integers[count++] = input(walk, i)->integers[j];
    return out;
}

static struct tensor zeros(const struct walk *walk)
{
    const struct tensor *from = input(walk, 0);
    esp_shape shape = {.rank = (uint32_t)from->size};
    cr_assert_leq(from->size, ESP_MAX_RANK);
    memcpy(shape.dims, from->integers, from->size * sizeof shape.dims[0]);
    return make(walk, &shape);
}

// ---- The walk ---------------------------------------------------------------------------------

static bool by_engine(const struct walk *walk, struct tensor *out)
{
    struct model model = {.node = walk->node};
    cr_assert_leq(walk->node->n_input, MODEL_MOST_TENSORS);
    for (size_t i = 0; i < walk->node->n_input; i++)
        model.tensors[model.tensor_count++] = *input(walk, i);
    return model_compute(walk->engine, &model, out, walk->why, walk->size);
}

static bool compute(const struct walk *walk, struct tensor *out)
{
    static const struct {
        const char *op;
        char sign;
    } signs[] = {{"Add", '+'}, {"Sub", '-'}, {"Mul", '*'}, {"Div", '/'}};
    static const struct {
        const char *op;
        struct tensor (*run)(const struct walk *walk);
    } others[] = {
        {"Erf", error_function}, {"Shape", sizes}, {"Gather", gather}, {"ConstantOfShape", zeros}};
    const char *op = walk->node->op_type;
    for (size_t i = 0; i < ESP_COUNT(signs); i++)
        if (strcmp(op, signs[i].op) == 0) {
            *out = arithmetic(walk, signs[i].sign);
            return true;
        }
    for (size_t i = 0; i < ESP_COUNT(others); i++)
        if (strcmp(op, others[i].op) == 0) {
            *out = others[i].run(walk);
            return true;
        }
    if (strcmp(op, "Concat") == 0 && input(walk, 0)->integers) {
        *out = join(walk);
        return true;
    }
    return by_engine(walk, out);
}

static struct tensor graph_input(const Onnx__ValueInfoProto *info, const float *data, int64_t batch)
{
    const Onnx__TensorShapeProto *shape = info->type->tensor_type->shape;
    struct tensor tensor = {.name = info->name, .is_f32 = true, .size = 1};
    tensor.shape.rank = (uint32_t)shape->n_dim;
    cr_assert_eq(shape->dim[0]->value_case, ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM);
    for (size_t i = 0; i < shape->n_dim; i++) {
        tensor.shape.dims[i] = i ? shape->dim[i]->dim_value : batch;
        tensor.size *= (uint64_t)tensor.shape.dims[i];
    }
    tensor.data = malloc(tensor.size * sizeof *data);
    cr_assert_not_null(tensor.data);
    memcpy(tensor.data, data, tensor.size * sizeof *data);
    return tensor;
}

bool model_walk(struct engine *engine, const Onnx__ModelProto *model, const float *input_data,
                int64_t batch, struct tensor *out, char *why, size_t size)
{
    const Onnx__GraphProto *graph = model->graph;
    struct walk walk = {.engine = engine, .why = why, .size = size};
    bool done = true;
    walk.tensors = calloc(graph->n_node + graph->n_initializer + 1, sizeof *walk.tensors);
    cr_assert_not_null(walk.tensors);
    cr_assert(graph->n_input == 1 && graph->n_output == 1);
    walk.tensors[walk.count++] = graph_input(graph->input[0], input_data, batch);
    for (size_t i = 0; i < graph->n_initializer; i++)
        walk.tensors[walk.count++] =
            tensor_read(graph->initializer[i], graph->initializer[i]->name);
    for (size_t i = 0; done && i < graph->n_node; i++) {
        walk.node = graph->node[i];
        done = compute(&walk, &walk.tensors[walk.count]);
        walk.count += done;
    }
    if (done) {
        struct tensor *last = (struct tensor *)(uintptr_t)find(&walk, graph->output[0]->name);
        *out = *last;
        last->data = NULL;
    }
    for (uint64_t i = 0; i < walk.count; i++)
        tensor_free(&walk.tensors[i]);
    free(walk.tensors);
    return done;
}
